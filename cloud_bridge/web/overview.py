"""The overview: boxes as cards, red list first, and the live audit stream."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cloud_bridge.boxes.models import Event, LiveEvent, Notice
from cloud_bridge.boxes.summary import Summary, summaries
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.workflow import State
from cloud_bridge.web.wording import UNTOLD

SHOWN = 60


def newest_events(count: int = SHOWN, box: str | None = None) -> list[Event | LiveEvent]:
    """The newest events of the stream, newest first; unproven alarms among them."""
    proven, live = Event.objects.exclude(type__in=UNTOLD).order_by("-pk"), LiveEvent.objects.order_by("-pk")
    if box is not None:
        proven, live = proven.filter(box=box), live.filter(box=box)
    found: list[Event | LiveEvent] = [*proven[:count], *live[:count]]
    return sorted(found, key=lambda row: (row.received_ms, row.seq), reverse=True)[:count]


def last_notice() -> int:
    """Where the live stream of a page that is drawn now has to begin."""
    return Notice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def counts(found: list[Summary]) -> dict[str, int]:
    """Figures for the head of the page."""
    return {
        "alarm": sum(s.alarm for s in found),
        "released": sum(s.online and s.state == "released" for s in found),
        "online": sum(s.online for s in found),
        "all": len(found),
        "pending": Permit.objects.filter(state=State.PENDING_APPROVAL).count(),
    }


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The page. The notice number is read first: what changes while it is drawn comes again on the stream."""
    after = last_notice()
    found = summaries()
    context: dict[str, Any] = {"boxes": found, "events": newest_events(), "after": after, "counts": counts(found)}
    return render(request, "web/overview.html", context)
