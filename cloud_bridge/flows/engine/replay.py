"""A past case played again under another definition: where it would have gone differently. Pure."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from cloud_bridge.flows.definition.errors import Refused
from cloud_bridge.flows.definition.model import By
from cloud_bridge.flows.engine.case import Event, Outcome
from cloud_bridge.flows.engine.decide import CLOCK_PUT_BACK, corrected, decide, expire, open_case
from cloud_bridge.flows.vocabulary import Flow

MOST_TIMERS = 10_000


class Past(msgspec.Struct, frozen=True):
    """One row of a case's history; `due` only where the clock acted."""

    at: datetime
    via: str
    event: Event
    before: str
    after: str
    due: datetime | None = None


class Kind(StrEnum):
    """How a line compares."""

    SAME = "same"
    OTHER_STATE = "other_state"
    OTHER_TIME = "other_time"
    REFUSED = "refused"
    ONLY_THEN = "only_then"
    ONLY_NOW = "only_now"


class Line(msgspec.Struct, frozen=True):
    """What happened then, and what would happen now; states by their names, "" where nothing happens."""

    at: datetime
    what: str
    kind: Kind
    then: str
    now: str
    why: str = ""
    then_at: datetime | None = None
    by: By = By.PERSON


class _Fired(msgspec.Struct, frozen=True):
    at: datetime
    via: str
    after: str


def replay(flow: Flow, past: Sequence[Past], until: datetime) -> tuple[Line, ...]:
    """Play the events of people, boxes and the bridge again at their times; the clock fires by the new definition.

    An event that is refused is left out, and the rest goes on from where the case then stands.
    """
    if not past:
        return ()
    first, *rest = past
    try:
        case = open_case(flow, first.event, first.at)
    except Refused as refused:
        return (Line(first.at, first.via, Kind.REFUSED, first.after, "", str(refused), first.at, first.event.by),)
    found = [_line(first, case.case.state)]
    fired: list[_Fired] = []
    here = case
    for row in rest:
        here = _time_goes(flow, here, row.at, fired)
        if row.event.by is By.TIMER:
            if row.via == CLOCK_PUT_BACK:
                here = corrected(flow, here.case, row.at) or here
            continue
        try:
            here = decide(flow, here.case, row.event, row.at)
        except Refused as refused:
            found.append(
                Line(row.at, row.via, Kind.REFUSED, row.after, here.case.state, str(refused), row.at, row.event.by)
            )
            continue
        found.append(_line(row, here.case.state))
    _time_goes(flow, here, until, fired)
    found += _timers([row for row in rest if row.event.by is By.TIMER and row.via != CLOCK_PUT_BACK], fired)
    return tuple(sorted(found, key=lambda line: line.at))


def _time_goes(flow: Flow, here: Outcome, until: datetime, fired: list[_Fired]) -> Outcome:
    for _turn in range(MOST_TIMERS):
        due = next((one for one in here.armed if one.due <= until), None)
        if due is None:
            break
        outcome = expire(flow, here.case, due.name, due.lap, due.due)
        if outcome is None:
            break
        here = outcome
        fired.append(_Fired(due.due, due.name, here.case.state))
    return here


def _line(row: Past, now: str) -> Line:
    kind = Kind.SAME if row.after == now else Kind.OTHER_STATE
    return Line(row.at, row.via, kind, row.after, now, "", row.at, row.event.by)


def _timers(past: list[Past], fired: list[_Fired]) -> list[Line]:
    """What the clock did then and does now, rung by rung, the first of each with the first."""
    left = list(fired)
    found = []
    for row in past:
        same = next((one for one in left if one.via == row.via), None)
        then_at = row.due or row.at
        if same is None:
            found.append(Line(then_at, row.via, Kind.ONLY_THEN, row.after, "", "", then_at, By.TIMER))
            continue
        left.remove(same)
        kind = Kind.OTHER_TIME if same.at != then_at else Kind.SAME if row.after == same.after else Kind.OTHER_STATE
        found.append(Line(same.at, row.via, kind, row.after, same.after, "", then_at, By.TIMER))
    return found + [Line(one.at, one.via, Kind.ONLY_NOW, "", one.after, "", None, By.TIMER) for one in left]
