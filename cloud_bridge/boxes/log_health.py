"""How well a box's log is kept here: how far it is witnessed, how old the rest is, its last fork and its last gap."""

from dataclasses import dataclass, field

from django.db.models import Case, F, When

from cloud_bridge.boxes.models import Alert, AlertKind, Box, BoxState, Event, Log, LogKey, now_ms

FORKS = (AlertKind.FORK, AlertKind.CHAIN, AlertKind.ROOT, AlertKind.ROLLBACK, AlertKind.KEY)
"""Findings that say that a box, or whoever speaks for it, told two stories."""
LATE_MS = 60_000
LOOKED_AT = 10_000
"""Newest leaves of a log in which a late arrival is looked for."""
SHOWN = 20


@dataclass
class Gap:
    """Leaves that came late: `first` to `last`, the latest by `late_s`, all here at `until_ms`."""

    first: int
    last: int
    late_s: int
    until_ms: int


@dataclass
class LogHealth:
    """One log epoch.

    Attributes:
        tail: leaves that no cosigned checkpoint covers, here or not; `tail_age_s` since the oldest of them happened,
            at most.
        missing: leaves that the box says it has and that have not come.
        gap: the last time that leaves came more than a minute late, among the newest; None when none did.
        late: leaves that were backfilled, in all (ANT-07).
        changes: the later keys of this log, each with the number of records before it.
    """

    log: Log
    tail: int
    tail_age_s: int | None
    missing: int
    gap: Gap | None
    late: int = 0
    changes: list[LogKey] = field(default_factory=list)


@dataclass
class BoxLogs:
    """All epochs of a box, newest first, and the findings about them: what waits for a person comes first.

    `last_fork` is the newest finding that the box told two stories.
    """

    box: Box
    logs: list[LogHealth]
    last_fork: Alert | None
    findings: list[Alert] = field(default_factory=list)
    late_after_s: int = LATE_MS // 1000
    looked_at: int = LOOKED_AT


def box_logs(box: Box) -> BoxLogs:
    """What the log page shows of a box."""
    state = BoxState.objects.filter(box=box).first()
    ages = tail_ages([box.pk])
    logs = []
    for number, log in enumerate(box.logs.all()):
        # A box speaks of the epoch that it writes now.
        said = state.size if state is not None and number == 0 else 0
        age = tail_age_s(log, said, ages)
        late = Event.objects.filter(box=box, log=log.epoch, late=True).count()
        missing, changes = max(0, said - log.size), list(log.changes.all())
        logs.append(LogHealth(log, log.unwitnessed + missing, age, missing, _last_gap(log), late, changes))
    alerts = Alert.objects.filter(box=box)
    findings = alerts.order_by(Case(When(open=False, then=2), When(kind=AlertKind.GAP, then=1), default=0), "-last_ms")
    return BoxLogs(box, logs, alerts.filter(kind__in=FORKS).first(), list(findings[:SHOWN]))


def tail_age_s(log: Log, said: int, ages: dict[tuple[str, int], int]) -> int | None:
    """Seconds since the oldest leaf happened that nobody witnessed; None when there is none, or nothing ever came.

    Of those that are not here only this is known: they are no older than the newest one that is.

    Args:
        log: the log.
        said: how many leaves the box says it has.
        ages: what `tail_ages` says of this log.
    """
    age = ages.get((log.box_id, log.epoch))
    if age is None and said > log.size and log.last_event_ms:
        return max(0, now_ms() - log.last_event_ms) // 1000
    return age


def tail_ages(boxes: list[str]) -> dict[tuple[str, int], int]:
    """Seconds since the oldest leaf happened that is stored and not witnessed, by box and epoch. In one query."""
    now = now_ms()
    rows = Event.objects.filter(box__in=boxes, box__logs__epoch=F("log"), box__logs__witnessed_size=F("seq"))
    return {(box, epoch): max(0, now - t) // 1000 for box, epoch, t in rows.values_list("box_id", "log", "t")}


def last_forks(boxes: list[str]) -> dict[str, int]:
    """When each box was last found to tell two stories, ms; boxes that never were are left out."""
    found: dict[str, int] = {}
    for box, at in Alert.objects.filter(box__in=boxes, kind__in=FORKS).values_list("box_id", "last_ms"):
        found[box] = max(at, found.get(box, 0))
    return found


def _last_gap(log: Log) -> Gap | None:
    """The newest run of leaves that came late, by the box's own clock: one that is wrong shows here too."""
    newest = Event.objects.filter(box=log.box_id, log=log.epoch, seq__gte=max(0, log.size - LOOKED_AT))
    gap: Gap | None = None
    rows = newest.order_by("-seq").values_list("seq", "t", "received_ms")
    for seq, t, received in rows.iterator(chunk_size=1000):
        if received - t <= LATE_MS:
            if gap is not None:
                return gap
            continue
        if gap is None:
            gap = Gap(seq, seq, 0, received)
        gap.first, gap.late_s = seq, max(gap.late_s, (received - t) // 1000)
    return gap
