"""/metrics: Prometheus text. Open to this machine; others need to be signed in."""

import ipaddress
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse

from cloud_bridge.boxes import calls
from cloud_bridge.boxes.models import PendingRecord, Rejection, now_ms
from cloud_bridge.boxes.summary import Summary, summaries
from cloud_bridge.insight.models import Interception
from cloud_bridge.insight.trace import figures
from cloud_bridge.notify.models import Channel, Delivery, Message
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.workflow import State
from cloud_bridge.video.intake import most_bytes
from cloud_bridge.video.room import use
from cloud_bridge.video.shelf import Shelf
from cloud_bridge.web.health import process_ages


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _family(name: str, kind: str, help_text: str) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _fork_s(summary: Summary) -> int | None:
    """Seconds since 1970; left out for a box that never did."""
    return summary.last_fork_ms // 1000 if summary.last_fork_ms else None


def _tail_age_s(summary: Summary) -> int | None:
    """Left out, which is not 0, while the box has records of which none ever came."""
    return summary.tail_age_s if summary.unwitnessed else 0


def _lines() -> Iterator[str]:
    found = summaries()
    for name, kind, text, value in (
        ("hotbox_bridge_box_online", "gauge", "1 while the box is connected.", lambda s: int(s.online)),
        ("hotbox_bridge_box_alarm", "gauge", "1 while the box is on the red list.", lambda s: int(s.alarm)),
        ("hotbox_bridge_box_age_seconds", "gauge", "Time since the last word of the box.", lambda s: s.age_s),
        ("hotbox_bridge_log_stored", "counter", "Leaves stored.", lambda s: s.stored),
        ("hotbox_bridge_log_witnessed", "counter", "Leaves witnessed.", lambda s: s.witnessed),
        ("hotbox_bridge_log_unwitnessed", "gauge", "Leaves that nobody has witnessed yet.", lambda s: s.unwitnessed),
        ("hotbox_bridge_log_tail_age_seconds", "gauge", "Age of the unwitnessed tail.", _tail_age_s),
        ("hotbox_bridge_log_last_fork_seconds", "gauge", "When a box last told two stories.", _fork_s),
        ("hotbox_bridge_gaps_open", "gauge", "Gaps in a box's log that nothing has filled yet.", lambda s: s.gaps),
        ("hotbox_bridge_alerts_open", "gauge", "Findings that need a person.", lambda s: len(s.alerts)),
        ("hotbox_bridge_rejected_total", "counter", "Messages refused.", lambda s: s.rejected),
    ):
        yield from _family(name, kind, text)
        for summary in found:
            number = value(summary)
            if number is not None:
                yield f'{name}{{box="{_label(summary.box.pk)}"}} {number}'
    yield from _insight([summary.box.pk for summary in found])
    yield from _family("hotbox_bridge_rejected_unknown_total", "counter", "Messages of unregistered senders.")
    unknown = sum(Rejection.objects.filter(box=None).values_list("count", flat=True))
    yield f"hotbox_bridge_rejected_unknown_total {unknown}"
    ringing = calls.ringing()
    yield from _family("hotbox_bridge_calls_ringing", "gauge", "Calls that nobody answered.")
    yield f"hotbox_bridge_calls_ringing {len(ringing)}"
    yield from _family("hotbox_bridge_call_age_seconds", "gauge", "How long the oldest of them rings; 0 without any.")
    oldest = min((call.received_ms for call in ringing), default=None)
    yield f"hotbox_bridge_call_age_seconds {0 if oldest is None else max(0, (now_ms() - oldest) // 1000)}"
    yield from _messages()
    yield from _family("hotbox_bridge_permits", "gauge", "Permits by state.")
    counts = dict(Permit.objects.order_by().values_list("state").annotate(Count("pk")))
    for state in State:
        yield f'hotbox_bridge_permits{{state="{state.value}"}} {counts.get(state.value, 0)}'
    space = use(Shelf(settings.DATA.media), most_bytes())
    yield from _family("hotbox_bridge_video_bytes", "gauge", "Disk space that recordings take.")
    yield f"hotbox_bridge_video_bytes {space.used}"
    yield from _family("hotbox_bridge_video_most_bytes", "gauge", "What they may take; ordinary ones 7/8 of it.")
    yield f"hotbox_bridge_video_most_bytes {space.most}"
    stuck = PendingRecord.objects.filter(unwitnessed=False).count()
    yield from _family("hotbox_bridge_records_pending", "gauge", "Records that something could not be done about yet.")
    yield f"hotbox_bridge_records_pending {stuck}"
    yield from _family("hotbox_bridge_process_age_seconds", "gauge", "Time since each process showed life.")
    for name, age in process_ages().items():
        if age is not None:
            yield f'hotbox_bridge_process_age_seconds{{process="{name}"}} {age}'


def _messages() -> Iterator[str]:
    """Messages to people: what waits, what was given up, which channels fail."""
    yield from _family("hotbox_bridge_messages", "gauge", "Things to send, by state.")
    counts = dict(Delivery.objects.order_by().values_list("state").annotate(Count("pk")))
    for state in Delivery.State:
        yield f'hotbox_bridge_messages{{state="{state.value}"}} {counts.get(state.value, 0)}'
    yield from _family("hotbox_bridge_messages_unreached", "gauge", "Messages that reached nobody and nobody saw.")
    yield f"hotbox_bridge_messages_unreached {Message.objects.filter(failed_ms__gt=0, seen_ms=0).count()}"
    now = now_ms()
    late = Delivery.objects.filter(state__in=[Delivery.State.WAITING, Delivery.State.SENDING]).order_by("created_ms")
    oldest = late.values_list("created_ms", flat=True).first()
    yield from _family("hotbox_bridge_message_age_seconds", "gauge", "Age of the oldest that is not held; 0 without.")
    yield f"hotbox_bridge_message_age_seconds {0 if oldest is None else max(0, (now - oldest) // 1000)}"
    channels = list(Channel.objects.filter(present=True))
    yield from _family("hotbox_bridge_channel_failing_seconds", "gauge", "How long a channel fails; 0: it works.")
    for row in channels:
        failing = max(0, (now - row.failing_since_ms) // 1000) if row.failing_since_ms else 0
        yield f'hotbox_bridge_channel_failing_seconds{{channel="{_label(row.name)}"}} {failing}'
    yield from _family("hotbox_bridge_channel_taken_total", "counter", "What a channel has taken.")
    for row in channels:
        yield f'hotbox_bridge_channel_taken_total{{channel="{_label(row.name)}"}} {row.sent}'


def _insight(boxes: list[str]) -> Iterator[str]:
    """The traced share of the closed relays (ANT-10, KPI-06) and what boxes refused (PTW-18)."""
    traced = figures(boxes)
    for name, text, value in (
        ("hotbox_bridge_trace_closed_seconds", "How long the relay was closed.", lambda f: f.closed_ms / 1000),
        ("hotbox_bridge_trace_covered_seconds", "Of that, with permit and evidence.", lambda f: f.covered_ms / 1000),
        ("hotbox_bridge_trace_share", "Traced share of the closed time.", lambda f: f.share),
        ("hotbox_bridge_trace_behind", "Stored records that were not looked at yet.", lambda f: f.behind),
    ):
        yield from _family(name, "gauge", text)
        for box, figure in traced.items():
            yield f'{name}{{box="{_label(box)}"}} {value(figure):g}'
    yield from _family("hotbox_bridge_interceptions_total", "counter", "What boxes refused, by reason.")
    for row in Interception.objects.filter(box__in=boxes):
        labels = f'box="{_label(row.box_id)}",reason="{_label(row.reason)}"'
        yield f"hotbox_bridge_interceptions_total{{{labels}}} {row.times}"


def _from_here(request: HttpRequest) -> bool:
    if request.headers.get("X-Forwarded-For"):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def metrics(request: HttpRequest) -> HttpResponse:
    """All metrics."""
    if not _from_here(request) and not request.user.is_authenticated:
        return HttpResponse("sign in, or ask from this machine\n", status=403, content_type="text/plain")
    return HttpResponse("\n".join(_lines()) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")
