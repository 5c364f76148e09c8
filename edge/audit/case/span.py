"""Which events go into a case, and which only as a hash because they are somebody else's.

A case of one permit gives nothing of another: an event goes in with its exact bytes when it is this permit's, or the
box's own (it names no permit, and no person did it), and names no other permit anywhere. Everything else in the span
is withheld: its hash stands in its place, so that the tree still proves that nothing is missing.
"""

import re
from collections.abc import Iterator
from datetime import datetime

import msgspec

from contracts import event as events
from contracts.errors import ContractError
from contracts.event import Event
from edge.audit.draft import join
from edge.audit.reader import Reader

_BATCH = 500
_SHORT_ID = 6
_HOLE = "run: hotbox audit verify"
_WORD = "[A-Za-z0-9._-]"


class Span(msgspec.Struct, frozen=True):
    """What was asked for: seqs `first` to `last`; of one permit or, with "", of all; `others`: see `of_permit`."""

    first: int
    last: int
    permit: str = ""
    others: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """Leaves that were written as one event (`edge.audit.draft`), and whether they go into the case."""

    leaves: tuple[tuple[int, bytes], ...]
    event: Event
    kept: bool


class _Head(msgspec.Struct):
    seq: int
    t: int
    permit: str


def _heads(reader: Reader) -> Iterator[_Head]:
    decoder = msgspec.json.Decoder(_Head)
    for start in range(reader.first(), reader.size(), _BATCH):
        for body in reader.leaves(start, _BATCH, _BATCH * events.MAX_LEAF_BYTES):
            try:
                yield decoder.decode(body)
            except msgspec.MsgspecError as error:
                raise ContractError("log", "readable events", str(error), "run: hotbox audit verify") from error


def of_permit(reader: Reader, permit: str, *, entangled: bool = False) -> Span:
    """First to last event of a permit. With `entangled` its events go in although they name other permits.

    Raises:
        ContractError: the log has no event of it.
    """
    first, last, others = -1, -1, set[str]()
    for head in _heads(reader):
        if head.permit == permit:
            first, last = (head.seq if first < 0 else first), head.seq
        elif head.permit:
            others.add(head.permit)
    if first < 0:
        raise ContractError("--permit", "a permit that this log tells of", repr(permit), "see `hotbox audit tail`")
    return Span(first, last, permit, () if entangled else tuple(sorted(others)))


def at_time(reader: Reader, text: str, *, end: bool) -> int:
    """Seq that a number or a local time ("2026-11-20 08:00") stands for: the first at or after, or the last before.

    Raises:
        ContractError: neither, or no event is there.
    """
    if text.isascii() and text.isdigit() and len(text) < 17:
        return int(text)
    try:
        wanted = datetime.fromisoformat(text).astimezone().timestamp() * 1000
    except ValueError as error:
        field = "--to" if end else "--from"
        raise ContractError(field, "a number or a time such as 2026-11-20 08:00", repr(text)) from error
    last = -1
    for head in _heads(reader):
        if not end and head.t >= wanted:
            return head.seq
        if end and head.t <= wanted:
            last = head.seq
    if last < 0:
        raise ContractError("--to" if end else "--from", "a time within the log", text, "see `hotbox audit tail`")
    return last


def groups(reader: Reader, span: Span) -> Iterator[Group]:
    """Every event of the span in order, one that was split over leaves as one."""
    foreign = _foreign(span.others)
    whole: list[tuple[int, bytes, Event]] = []
    for start in range(span.first, span.last + 1, _BATCH):
        count = min(_BATCH, span.last + 1 - start)
        bodies = reader.leaves(start, count, count * events.MAX_LEAF_BYTES)
        if len(bodies) != count:
            came = f"{len(bodies)} of {count} from {start} on"
            raise ContractError("range", "events that are all in the log", came, _HOLE)
        for seq, body in enumerate(bodies, start):
            event = events.decode(body)
            if event.seq != seq:
                raise ContractError("range", f"event {seq}", f"event {event.seq}", _HOLE)
            if whole and event.data.get("head") != whole[0][0]:
                yield _group(whole, span, foreign)
                whole = []
            whole.append((seq, body, event))
    if whole:
        yield _group(whole, span, foreign)


def _group(whole: list[tuple[int, bytes, Event]], span: Span, foreign: re.Pattern[str] | None) -> Group:
    joined = join([event for _, _, event in whole])[0]
    return Group(tuple((seq, body) for seq, body, _ in whole), joined, _belongs(joined, span, foreign))


def _belongs(event: Event, span: Span, foreign: re.Pattern[str] | None) -> bool:
    if not span.permit:
        return True
    if event.permit != span.permit and not _boxes_own(event):
        return False
    return foreign is None or not foreign.search(_text(event))


def _boxes_own(event: Event) -> bool:
    return not event.permit and event.actor.k == "box" and event.type != "record.part" and "head" not in event.data


def _text(event: Event) -> str:
    """Everything that the event says, the pieces of a part put together."""
    found: list[str] = [event.corr]

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for key, held in value.items():
                found.append(str(key))
                walk(held)
        elif isinstance(value, list | tuple):
            if value and all(isinstance(item, str) for item in value):
                found.append("".join(str(item) for item in value))
            for held in value:
                walk(held)
        elif isinstance(value, str):
            found.append(value)

    walk(event.data)
    return "\n".join(found)


def _foreign(others: tuple[str, ...]) -> re.Pattern[str] | None:
    """Finds another permit's number; a short one only as a word of its own."""
    if not others:
        return None
    return re.compile("|".join(map(_pattern, others)))


def _pattern(name: str) -> str:
    return re.escape(name) if len(name) >= _SHORT_ID else f"(?<!{_WORD}){re.escape(name)}(?!{_WORD})"
