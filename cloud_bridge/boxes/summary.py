"""A box at a glance: what pages, API and metrics show of it."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from cloud_bridge.boxes.gaps import is_brief
from cloud_bridge.boxes.log_health import last_forks, tail_age_s, tail_ages
from cloud_bridge.boxes.models import Alert, AlertKind, Box, BoxState, Event, LiveEvent, Log, Rejection, now_ms

SILENT_AFTER_MS = 60_000
ALARMING = frozenset({"tripped", "fault"})
"""States that come first on every list."""


@dataclass
class Summary:
    """One box now. `age_s` is since the last word of the box, None when it never spoke.

    `tail_age_s` is since the oldest leaf happened that nobody witnessed, at most; None when there is none, or none ever
    came. `last_fork_ms` is when the box was last found to tell two stories, 0: never.
    """

    box: Box
    last: BoxState | None
    log: Log | None
    alerts: list[Alert]
    rejected: int
    unproven: int
    heard_ms: int
    now_ms: int
    last_alarm: Event | LiveEvent | None = None
    tail_age_s: int | None = None
    last_fork_ms: int = 0

    @property
    def state(self) -> str:
        """What the box says it is in, lower case."""
        return self.last.state.lower() if self.last else "unknown"

    @property
    def online(self) -> bool:
        """Whether the box is connected."""
        return bool(self.last and self.last.online)

    @property
    def age_s(self) -> int | None:
        """Seconds since the box was last heard."""
        return max(0, (self.now_ms - self.heard_ms) // 1000) if self.heard_ms else None

    @property
    def permit(self) -> str:
        """The permit that the box works under."""
        return self.last.permit if self.last else ""

    @property
    def stored(self) -> int:
        """Leaves stored."""
        return self.log.size if self.log else 0

    @property
    def witnessed(self) -> int:
        """Leaves that a cosigned checkpoint covers."""
        return self.log.witnessed_size if self.log else 0

    @property
    def unwitnessed(self) -> int:
        """Leaves that the box has, as far as it said, and that nobody has witnessed."""
        said = self.last.size if self.last else 0
        return max(0, max(said, self.stored) - self.witnessed)

    @property
    def alarm(self) -> bool:
        """Whether it belongs on the red list."""
        return bool(self.alerts) or (self.online and self.state in ALARMING)

    @property
    def gaps(self) -> int:
        """Gaps in what the box sent that are open."""
        return sum(alert.kind == AlertKind.GAP for alert in self.alerts)

    @property
    def order(self) -> tuple[int, str]:
        """Red list first, then those that are released, then connected ones, then the rest."""
        rank = 0 if self.alarm else 1 if self.online and self.state == "released" else 2 if self.online else 3
        return rank, self.box.pk

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        last = self.last
        return {
            "id": self.box.pk,
            "name": self.box.name,
            "place": self.box.place,
            "online": self.online,
            "state": self.state,
            "since": last.since if last else 0,
            "permit": self.permit,
            "first_out": last.first_out if last else "",
            "reasons": last.reasons if last else [],
            "baseline": last.baseline if last else "",
            "deadline": last.deadline if last else 0,
            "fire_watch_until": last.fire_watch_until if last else 0,
            "age_s": self.age_s,
            "received_ms": last.received_ms if last else 0,
            "box_size": last.size if last else 0,
            "stored": self.stored,
            "witnessed": self.witnessed,
            "unwitnessed": self.unwitnessed,
            "tail_age_s": self.tail_age_s,
            "last_fork_ms": self.last_fork_ms,
            "unproven": self.unproven,
            "rejected": self.rejected,
            "alarm": self.alarm,
            "alerts": [{"kind": a.kind, "seq": a.seq, "detail": a.detail, "count": a.count} for a in self.alerts],
        }


def summaries(only: str | None = None) -> list[Summary]:
    """All active boxes, red list first; or the one named."""
    boxes = Box.objects.filter(active=True) if only is None else Box.objects.filter(pk=only)
    boxes = list(boxes.select_related("last_state").prefetch_related("logs"))
    names = [box.pk for box in boxes]
    alerts: dict[str, list[Alert]] = {}
    now = now_ms()
    for alert in Alert.objects.filter(open=True, box__in=names):
        if not is_brief(alert, now):
            alerts.setdefault(alert.box_id, []).append(alert)
    rejected = dict(Rejection.objects.filter(box__in=names).values_list("box").annotate(Sum("count")))
    unproven: dict[str, int] = {}
    for box_id in LiveEvent.objects.filter(box__in=names).values_list("box", flat=True):
        unproven[box_id] = unproven.get(box_id, 0) + 1
    ages, forks = tail_ages(names), last_forks(names)
    found = []
    for box in boxes:
        last = getattr(box, "last_state", None)
        logs = list(box.logs.all())
        found.append(
            Summary(
                box,
                last,
                logs[0] if logs else None,
                alerts.get(box.pk, []),
                rejected.get(box.pk, 0),
                unproven.get(box.pk, 0),
                max(logs[0].heard_ms if logs else 0, last.received_ms if last else 0),
                now,
                tail_age_s=tail_age_s(logs[0], last.size if last else 0, ages) if logs else None,
                last_fork_ms=forks.get(box.pk, 0),
            )
        )
    return sorted(found, key=lambda summary: summary.order)
