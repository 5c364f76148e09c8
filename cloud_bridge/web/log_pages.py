"""A box's log page: witnessed up to, the age of the rest, the last fork and the last gap, for each epoch."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from cloud_bridge.boxes.log_health import box_logs
from cloud_bridge.boxes.models import Box


@login_required
@require_safe
def log_page(request: HttpRequest, box: str) -> HttpResponse:
    """The page."""
    found = get_object_or_404(Box, pk=box)
    return render(request, "web/log.html", {"found": box_logs(found), "rejections": found.rejections.all()[:20]})
