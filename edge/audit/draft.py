"""Drafts: what the box wants to record, before the log gives it its place; and how a large one is split.

A leaf holds at most 8 KiB. A draft whose `data` has a `snapshot` list and does not fit is split over several leaves:

- the list's items are dealt out in their order, as many to each leaf as fit;
- leaf 1 carries everything else in `data` and the draft's severity;
- leaves 2 to n carry only `part`, `of`, `head` (seq of leaf 1) and their share of `snapshot`, with severity info,
  so that an alarm is told once;
- all parts are committed in one transaction: a log never holds some of them.

An alarm that does not fit in spite of it is recorded with what fits (`cut`), beside the word that it was refused.

`join` puts the list together again.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from contracts.errors import ContractError
from contracts.event import MAX_INT, MAX_LEAF_BYTES, ActionResult, Actor, Category, Event, Severity, check, encode
from contracts.merkle import leaf_hash

SNAPSHOT = "snapshot"
_MAX_PARTS = 9999
_CUT_BYTES = MAX_LEAF_BYTES // 2
"""What is kept of an alarm's data at least; the rest of a leaf is for its frame."""


class Draft(msgspec.Struct, frozen=True):
    """An event without its place in the log (`contracts.event.Event` explains the fields).

    `data` belongs to the log once the draft is handed over: the caller must not change it any more.
    """

    cat: Category
    type: str
    sev: Severity
    src: str
    actor: Actor
    res: ActionResult
    permit: str
    corr: str
    data: dict[str, Any]
    t: int
    m: int
    tq: str
    te: int


class Place(msgspec.Struct, frozen=True):
    """Where the next leaf goes: which log of which box, which index, after which leaf."""

    box: str
    log: int
    boot: int
    seq: int
    prev: str


def event_at(draft: Draft, place: Place, data: dict[str, Any], sev: Severity) -> Event:
    """The event that a draft becomes at a place."""
    return Event(
        v=1, box=place.box, log=place.log, seq=place.seq, boot=place.boot,
        t=draft.t, m=draft.m, tq=draft.tq, te=draft.te, cat=draft.cat, type=draft.type, sev=sev, src=draft.src,
        actor=draft.actor, res=draft.res, permit=draft.permit, corr=draft.corr, data=data, prev=place.prev,
    )  # fmt: skip


def _length(draft: Draft, place: Place, data: dict[str, Any], sev: Severity) -> int:
    return len(msgspec.json.encode(event_at(draft, place, data, sev)))


def shares(draft: Draft, place: Place) -> list[tuple[dict[str, Any], Severity]]:
    """The `data` and severity of each leaf that this draft needs; one when it fits.

    Raises:
        ContractError: too large and nothing to split, or one item alone is too large.
    """
    if _length(draft, place, draft.data, draft.sev) <= MAX_LEAF_BYTES:
        return [(draft.data, draft.sev)]
    items = draft.data.get(SNAPSHOT)
    if not isinstance(items, list | tuple) or not items:
        raise ContractError("data", f"at most {MAX_LEAF_BYTES} bytes a leaf", "more", "put what is long in `snapshot`")
    rest = {key: value for key, value in draft.data.items() if key != SNAPSHOT}
    # The longest numbers that can come, so that a share still fits when seq and part are known.
    far = Place(place.box, place.log, place.boot, MAX_INT, place.prev)
    first = _length(draft, far, {**rest, "part": _MAX_PARTS, "of": _MAX_PARTS, SNAPSHOT: []}, draft.sev)
    later = {"part": _MAX_PARTS, "of": _MAX_PARTS, "head": MAX_INT, SNAPSHOT: []}
    following = _length(draft, far, later, Severity.INFO)
    deals: list[list[Any]] = [[]]
    used = first
    for index, item in enumerate(items):
        length = len(msgspec.json.encode(item)) + 1
        if used + length > MAX_LEAF_BYTES:
            deals.append([])
            used = following
        if used + length > MAX_LEAF_BYTES:
            raise ContractError(f"data.snapshot[{index}]", f"at most {MAX_LEAF_BYTES} bytes a leaf", f"{length} bytes")
        deals[-1].append(item)
        used += length
    if first > MAX_LEAF_BYTES or len(deals) > _MAX_PARTS:
        raise ContractError("data", f"at most {MAX_LEAF_BYTES} bytes besides `snapshot`", f"{first} bytes")
    of = len(deals)
    parts: list[tuple[dict[str, Any], Severity]] = [({**rest, "part": 1, "of": of, SNAPSHOT: deals[0]}, draft.sev)]
    for part, deal in enumerate(deals[1:], start=2):
        parts.append(({"part": part, "of": of, "head": place.seq, SNAPSHOT: deal}, Severity.INFO))
    return parts


def leaves(draft: Draft, place: Place) -> list[tuple[bytes, bytes]]:
    """The canonical leaves of a draft with their hashes, chained from `place`.

    Raises:
        ContractError: something in the draft has no canonical form, or it is too large.
    """
    try:
        found = shares(draft, place)
        made: list[tuple[bytes, bytes]] = []
        for data, sev in found:
            body = encode(event_at(draft, place, data, sev))
            leaf = leaf_hash(body)
            made.append((body, leaf))
            place = Place(place.box, place.log, place.boot, place.seq + 1, leaf.hex())
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ContractError):
            raise
        raise ContractError("data", "text, integers, lists and objects", str(error)[:200]) from error
    return made


def cut(draft: Draft) -> Draft:
    """What of an alarm is recorded when no leaf can hold all of it: its plain values as far as they fit, in order.

    Its lists are empty: the first-out, which comes first in a trip, is what must not be lost.
    """
    kept: dict[str, Any] = {}
    for key, value in draft.data.items():
        plain = [] if isinstance(value, list | tuple) else value
        if not isinstance(plain, str | int | bool | list | None):
            continue
        more = {**kept, key: plain}
        try:
            check(more, "data")
            length = len(msgspec.json.encode(more))
        except ValueError:  # no canonical form, or no text at all
            continue
        if length <= _CUT_BYTES:
            kept = more
    return msgspec.structs.replace(draft, data=kept)


def join(events: Iterable[Event]) -> list[Event]:
    """Put split events together again: each head with its whole `snapshot`, the later parts left out.

    Parts whose head is not among `events` stay as they are.
    """
    heads: dict[int, Event] = {}
    joined: list[Event] = []
    for event in events:
        head = heads.get(event.data.get("head", -1)) if isinstance(event.data.get("head"), int) else None
        if head is not None and isinstance(event.data.get(SNAPSHOT), list):
            head.data[SNAPSHOT].extend(event.data[SNAPSHOT])
            continue
        if event.data.get("part") == 1 and isinstance(event.data.get(SNAPSHOT), list):
            event = msgspec.structs.replace(event, data={**event.data, SNAPSHOT: list(event.data[SNAPSHOT])})  # noqa: PLW2901
            heads[event.seq] = event
        joined.append(event)
    return joined
