"""The permit as codes on the phone of whoever walks to the box, and the way back for the box's acceptance."""

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloud_bridge.permits import codes
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.workflow import Refused, State
from contracts import jws

SCALE = 6
"""Pixels of a module in the picture; the page scales it without smoothing."""
QUIET = 4


class AcceptanceForm(forms.Form):
    """What the code on the box's screen says."""

    acceptance = forms.CharField(
        label=gettext_lazy("Text of the box's acceptance code"),
        max_length=jws.MAX_BYTES,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
    )


@login_required
@require_http_methods(["GET", "POST"])
def permit_codes(request: HttpRequest, jti: str) -> HttpResponse:
    """The codes in turn; a POST brings the acceptance."""
    permit = get_object_or_404(Permit.objects.select_related("box"), jti=jti)
    form, status = AcceptanceForm(), 200
    if request.method == "POST":
        form = AcceptanceForm(request.POST)
        if form.is_valid():
            try:
                codes.accepted(request.user, jti, form.cleaned_data["acceptance"])
            except Refused as refused:
                form.add_error("acceptance", str(refused))
            else:
                messages.success(request, _("The box has accepted this permit."))
                return redirect("permit", jti=jti)
        status = 422
    try:
        texts = codes.codes_of(permit)
    except Refused as refused:
        messages.error(request, str(refused))
        if not codes.is_carried(permit):
            return redirect("permit", jti=jti)
        texts = ()
    pictures = [segno.make_qr(text, error="m", boost_error=False) for text in texts]
    context = {
        "permit": permit,
        "pictures": [picture.png_data_uri(scale=SCALE, border=QUIET) for picture in pictures],
        "form": form,
        "accepted": State(permit.state) is State.ACCEPTED,
    }
    return render(request, "web/permit_codes.html", context, status=status)


@login_required
@require_safe
def permit_file(request: HttpRequest, jti: str) -> HttpResponse:
    """The signed permit as a file for USB."""
    del request
    permit = get_object_or_404(Permit, jti=jti)
    if not codes.is_carried(permit):
        raise Http404
    answer = HttpResponse(permit.jws, content_type="text/plain; charset=us-ascii")
    answer["Content-Disposition"] = f'attachment; filename="{permit.jti}.jws"'
    answer["Cache-Control"] = "no-store"
    return answer
