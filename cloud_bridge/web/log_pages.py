"""A box's log page: witnessed up to, the age of the rest, keys, last fork and gap, trace; and closing findings."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cloud_bridge.boxes.log_health import box_logs
from cloud_bridge.boxes.models import Alert, Box
from cloud_bridge.insight.trace import figure
from cloud_bridge.people.roles import CLOSE


@login_required
@require_safe
def log_page(request: HttpRequest, box: str) -> HttpResponse:
    """The page."""
    found = get_object_or_404(Box, pk=box)
    shown = {
        "found": box_logs(found), "rejections": found.rejections.all()[:20], "may_close": request.user.has_perm(CLOSE),
        "trace": figure(found.pk), "interceptions": found.interceptions.all()[:20],
    }  # fmt: skip
    return render(request, "web/log.html", shown)


@login_required
@require_POST
@permission_required(CLOSE, raise_exception=True)
def close_alert(request: HttpRequest, box: str, alert: int) -> HttpResponse:
    """A person has looked into a finding and says what it was."""
    found = get_object_or_404(Alert, pk=alert, box=box)
    why = request.POST.get("why", "").strip()
    if not why:
        messages.error(request, _("Expected what was found and done, got nothing; it stands here for whoever asks."))
    elif not found.closable:
        messages.error(request, _("Expected an open finding, got one that is closed or needs two people; look again."))
    else:
        found.close(request.user, why)
        messages.success(request, _("Closed. Found again, it opens again."))
    return redirect("box_log", box=box)
