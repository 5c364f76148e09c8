"""Records that are missing, and boxes that have fewer than they had: findings that stay on the box's page.

A gap is open while leaves are missing and closes itself when they came; that there was one stays to be seen. A box that
says it has fewer records than were witnessed was set back, or says so: a person has to look.
"""

from cloud_bridge.boxes.models import OPEN_AGAIN, Alert, AlertKind, Box, Log, Notice, now_ms

ROLLBACK_AFTER_MS = 10_000
"""A state that is so much younger than the newest record of the box cannot have been on the way beside it."""
BRIEF_MS = 60_000
"""A gap that is filled within this time is what a line that broke leaves behind, and nobody's business."""


def missing(log: Log, first: int) -> None:
    """Leaves came from `first` on, and those before it are not here: one finding a place, as long as it is open."""
    now = now_ms()
    detail = f"第 {log.epoch} 代日志缺少序号 {log.size} 至 {first - 1}"
    detail += f" / epoch {log.epoch}: records {log.size} to {first - 1} are missing"
    found = Alert.objects.filter(box=log.box_id, kind=AlertKind.GAP, epoch=log.epoch, seq=log.size).first()
    if found is None:
        Alert.objects.create(
            box=log.box, kind=AlertKind.GAP, seq=log.size, detail=detail, epoch=log.epoch, until=first, first_ms=now,
            last_ms=now,
        )  # fmt: skip
    else:
        if not found.open:
            found.open, found.until, found.first_ms = True, first, now
            found.count += 1
            for name, value in OPEN_AGAIN.items():
                setattr(found, name, value)
        found.until, found.last_ms, found.detail = max(found.until, first), now, detail
        found.save()
    Notice.tell(Notice.Kind.BOX, log.box_id, log.box_id)


def filled(log: Log) -> None:
    """The log has grown: close what is whole again. It says nothing of who filled it but the box."""
    gaps = Alert.objects.filter(box=log.box_id, kind=AlertKind.GAP, open=True, epoch=log.epoch, until__lte=log.size)
    gaps.update(open=False, last_ms=now_ms())


def set_back(box: Box, epoch: int, size: int, t: int) -> str:
    """What to say of a box that states so many records of that epoch at `t` (its own clock, ms); "" when all is well.

    A box of an older program names no epoch (0); nothing is concluded from what it says.
    """
    log = box.logs.filter(epoch=epoch, witnessed_size__gt=size).first() if epoch else None
    if log is None or t - log.last_event_ms <= ROLLBACK_AFTER_MS:
        return ""
    zh = f"作业盒称第 {epoch} 代日志有 {size} 条记录，而已见证 {log.witnessed_size} 条：日志被回退"
    en = f"the box says that epoch {epoch} has {size} records, {log.witnessed_size} are witnessed: it was set back"
    return f"{zh} / {en}"


def is_brief(alert: Alert, now: int) -> bool:
    """Whether it is a gap that may still fill by itself."""
    return alert.kind == AlertKind.GAP and now - alert.first_ms < BRIEF_MS
