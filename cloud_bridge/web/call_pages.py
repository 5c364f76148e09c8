"""Calls: what rings on every page of those who are called, and the answer."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cloud_bridge.boxes import calls
from cloud_bridge.boxes.models import Call
from cloud_bridge.people.roles import ANSWER


@login_required
@permission_required(ANSWER, raise_exception=True)
@require_safe
def ringing(request: HttpRequest) -> HttpResponse:
    """The fragment that is fetched anew when a call comes or is answered."""
    return render(request, "web/calls.html")


@login_required
@permission_required(ANSWER, raise_exception=True)
@require_POST
def answer(request: HttpRequest, call: int) -> HttpResponse:
    """Say that somebody takes care of it; it stops ringing for that role. Then on with the page that it rang on."""
    found = get_object_or_404(Call, pk=call)
    if found.role not in request.user.roles:
        raise PermissionDenied
    if calls.answer(found, request.user.identity, str(request.user), request.user.username):
        messages.success(request, _("You answered: take care of it, and write down what you found."))
    else:
        found.refresh_from_db()
        messages.info(request, _("%s answered before you.") % found.answered_name)
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else "overview")
