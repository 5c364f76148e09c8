"""The REST API below /api/v1, for people who are signed in. Reading only: decisions are made on the pages."""

from typing import Any, Literal

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import NinjaAPI, Query, Schema
from ninja.errors import HttpError
from ninja.security import django_auth

from cloud_bridge.boxes.models import Event, LiveEvent
from cloud_bridge.boxes.summary import summaries
from cloud_bridge.notify.told import Told, told
from cloud_bridge.offences.receivers import REFUSED
from cloud_bridge.people.models import User
from cloud_bridge.people.roles import JUDGE
from cloud_bridge.permits.models import Permit
from cloud_bridge.video.models import Clip

LIMIT = 500
_WHO = ("nearest", "distance_milli")
api = NinjaAPI(
    title="hotbox bridge", version="1", auth=django_auth, docs_decorator=login_required, urls_namespace="api"
)


class Finding(Schema):
    """A finding about a log that needs a person."""

    kind: str
    seq: int
    detail: str
    count: int


class BoxOut(Schema):
    """A box now. Times in ms since 1970; `age_s` since its last word, null when it never spoke."""

    id: str
    name: str
    place: str
    online: bool
    state: str
    since: int
    permit: str
    first_out: str
    reasons: list[str]
    baseline: str
    deadline: int
    fire_watch_until: int
    age_s: int | None
    received_ms: int
    box_size: int
    stored: int
    witnessed: int
    unwitnessed: int
    tail_age_s: int | None
    last_fork_ms: int
    unproven: int
    rejected: int
    alarm: bool
    alerts: list[Finding]


class SignatureOut(Schema):
    """One approval over the present content; `at` in seconds since 1970."""

    by: str
    name: str
    office: str
    at: int


class PreconditionOut(Schema):
    """What must hold before arming; `limit_milli` in thousandths of a degree Celsius, of a temperature only.

    `tag` names the point whose tag confirms it, "" when a named person's word does.
    """

    id: str
    text: str
    kind: str
    limit_milli: int | None
    sensor: str
    tag: str


class PermitOut(Schema):
    """A permit; `jws` is what the box got, "" before it is issued. Times in seconds since 1970.

    `base_level` is the level by place and work when `level` is one higher, so that work may also go on at night, on
    rest days and holidays (GB 30871-2022 5.1.1); "" when it is not.
    """

    jti: str
    box: str
    state: str
    level: str
    base_level: str
    confined: bool
    place: str
    content: str
    method: str
    nbf: int
    exp: int
    applicant: str
    content_sha256: str
    preconditions: list[PreconditionOut]
    signatures: list[SignatureOut]
    note: str
    jws: str


class EventOut(Schema):
    """One event: `event` is the leaf as the box wrote it; whether the box's log has it, and whether it came late."""

    id: int
    box: str
    log: int
    seq: int
    t: int
    received_ms: int
    type: str
    sev: str
    cat: str
    permit: str
    proven: bool
    late: bool
    event: dict[str, Any]


class EventsOut(Schema):
    """Events after `since`, oldest first; ask again with `next`."""

    events: list[EventOut]
    next: int


def _event(row: Event | LiveEvent, reader: User) -> dict[str, Any]:
    leaf = row.read()
    if row.type == REFUSED and not reader.has_perm(JUDGE) and isinstance(leaf.get("data"), dict):
        # Whom a stranger's face resembles is for those who look into it (`offences`); it accuses nobody.
        leaf["data"] = {name: value for name, value in leaf["data"].items() if name not in _WHO}
    return {
        "id": row.pk,
        "box": row.box_id,
        "log": row.log,
        "seq": row.seq,
        "t": row.t,
        "received_ms": row.received_ms,
        "type": row.type,
        "sev": row.sev,
        "cat": row.cat,
        "permit": row.permit,
        "proven": row.proven,
        "late": row.late,
        "event": leaf,
    }


def _permit(permit: Permit) -> dict[str, Any]:
    return {
        "jti": permit.jti,
        "box": permit.box_id,
        "state": permit.state,
        "level": permit.level,
        "base_level": permit.base_level,
        "confined": permit.confined,
        "place": permit.place,
        "content": permit.content,
        "method": permit.method,
        "nbf": int(permit.starts.timestamp()),
        "exp": int(permit.ends.timestamp()),
        "applicant": permit.applicant.identity,
        "content_sha256": permit.content_sha256,
        "preconditions": [
            {
                "id": p.code, "text": p.text, "kind": p.kind, "limit_milli": p.limit_milli, "sensor": p.sensor,
                "tag": p.tag,
            }
            for p in permit.preconditions.all()
        ],
        "note": permit.decided_note,
        "jws": permit.jws,
        "signatures": [
            {"by": s.identity, "name": s.name, "office": s.office, "at": int(s.at.timestamp())}
            for s in permit.valid_signatures()
        ],
    }


class ClipOut(Schema):
    """A recorded segment (ANT-11). `_us` by the box's CLOCK_BOOTTIME, `_ms` since 1970: `offset_ms` lies between."""

    permit: str
    box: str
    log: int
    seq: int
    commitment: str
    first_us: int
    last_us: int
    offset_ms: int
    clock: str
    tq: str
    te: int
    first_ms: int
    last_ms: int
    frames: int
    bytes: int
    keep: bool
    until_ms: int
    state: str


class WayOut(Schema):
    """One channel that a message took; `taken_ms` is 0 while the channel has not taken it."""

    channel: str
    address: str
    state: str
    due_ms: int
    taken_ms: int
    attempts: int
    unsure: bool
    detail: str


class ToldOut(Schema):
    """A message about a case. Taken by a channel and seen by a reader are two things; 0 while it is not so."""

    title: str
    text: str
    cause: str
    threshold: str
    recipient: str
    name: str
    emergency: bool
    created_ms: int
    failed_ms: int
    taken_ms: int
    seen_ms: int
    seen_how: str
    ways: list[WayOut]


@api.get("/told", response=list[ToldOut])
def list_told(
    request: HttpRequest, subject: str, language: Literal["zh-hans", "en"] = "zh-hans",
    limit: int = Query(LIMIT, ge=1, le=LIMIT),
) -> list[Told]:  # fmt: skip
    """Who was told when about a case, such as ``permit:HW-1``; newest first."""
    del request
    return told(language, limit, subject=subject)


@api.get("/boxes", response=list[BoxOut])
def list_boxes(request: HttpRequest) -> list[dict[str, Any]]:
    """All boxes, red list first."""
    del request
    return [summary.as_json() for summary in summaries()]


@api.get("/boxes/{box}", response=BoxOut)
def get_box(request: HttpRequest, box: str) -> dict[str, Any]:
    """One box."""
    del request
    found = summaries(box)
    if not found:
        raise HttpError(404, f"box: expected a registered box, got {box!r}; GET /api/v1/boxes lists them")
    return found[0].as_json()


@api.get("/permits", response=list[PermitOut])
def list_permits(
    request: HttpRequest, box: str = "", state: str = "", limit: int = Query(100, ge=1, le=LIMIT)
) -> list[dict[str, Any]]:
    """Permits, newest first."""
    del request
    rows = Permit.objects.select_related("applicant").prefetch_related("signatures", "preconditions")
    if box:
        rows = rows.filter(box=box)
    if state:
        rows = rows.filter(state=state)
    return [_permit(permit) for permit in rows[:limit]]


@api.get("/permits/{jti}", response=PermitOut)
def get_permit(request: HttpRequest, jti: str) -> dict[str, Any]:
    """One permit."""
    del request
    return _permit(get_object_or_404(Permit.objects.select_related("applicant"), jti=jti))


@api.get("/clips", response=list[ClipOut])
def list_clips(
    request: HttpRequest,
    permit: str = "",
    box: str = "",
    limit: int = Query(LIMIT, ge=1, le=LIMIT),
    offset: int = Query(0, ge=0, le=2**31),
) -> list[dict[str, Any]]:
    """The index of recordings, in the order of their time: which permit's, when by both clocks, where they are.

    A day of one box has more rows than one answer: ask on with `offset`.
    """
    del request
    rows = Clip.objects.all()
    for name, value in (("permit", permit), ("box", box)):
        if value:
            rows = rows.filter(**{name: value})
    names = [name for name in ClipOut.model_fields if name != "box"]
    found = rows[offset : offset + limit]
    return [{"box": row.box_id, **{name: getattr(row, name) for name in names}} for row in found]


@api.get("/events", response=EventsOut)
def list_events(
    request: HttpRequest,
    since: int = Query(0, ge=0),
    box: str = "",
    type: str = "",  # noqa: A002 - the name in the URL
    sev: str = "",
    permit: str = "",
    limit: int = Query(100, ge=1, le=LIMIT),
) -> dict[str, Any]:
    """Events of the logs after id `since`, oldest first."""
    rows = Event.objects.filter(pk__gt=since).order_by("pk")
    for name, value in (("box", box), ("type", type), ("sev", sev), ("permit", permit)):
        if value:
            rows = rows.filter(**{name: value})
    found = [_event(row, request.user) for row in rows[:limit]]
    return {"events": found, "next": found[-1]["id"] if found else since}


@api.get("/alarms", response=list[EventOut])
def list_alarms(request: HttpRequest, box: str = "", limit: int = Query(50, ge=1, le=LIMIT)) -> list[dict[str, Any]]:
    """Newest alarms first, among them those that came ahead of the log (`proven` is false)."""
    found: list[Event | LiveEvent] = []
    for table in (Event, LiveEvent):
        rows = table.objects.filter(sev="alarm").order_by("-pk")
        found += list((rows.filter(box=box) if box else rows)[:limit])
    newest = sorted(found, key=lambda row: (row.received_ms, row.seq), reverse=True)[:limit]
    return [_event(row, request.user) for row in newest]
