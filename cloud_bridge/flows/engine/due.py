"""When what is due: every rung that a case waits for. Pure."""

from datetime import datetime, timedelta

from cloud_bridge.flows.definition import durations
from cloud_bridge.flows.definition.model import Ladder, Rung, Share
from cloud_bridge.flows.engine import fields
from cloud_bridge.flows.engine.case import Armed, Case
from cloud_bridge.flows.vocabulary import Flow


def armed(flow: Flow, case: Case) -> tuple[Armed, ...]:
    """Every rung that waits in this state and has not fired in this lap, the earliest first."""
    found = [
        one
        for name, ladder in flow.definition.ladders.items()
        if case.state in ladder.states
        for rung_name, rung in ladder.rungs.items()
        for one in [_armed(f"{name}.{rung_name}", ladder, rung, case)]
        if one is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.due, one.name)))


def _armed(name: str, ladder: Ladder, rung: Rung, case: Case) -> Armed | None:
    once = case.clocks.get(ladder.once_per)
    if once is None or case.fired.get(name) == once.lap:
        return None
    dues = [_due(case, clock, after) for clock, after in rung.after.items() if clock in case.clocks]
    known = [due for due in dues if due is not None]
    if not known:
        return None
    due, since = min(known, key=lambda one: one[0])
    return Armed(name, once.lap, due, since)


def _due(case: Case, clock: str, after: str | Share) -> tuple[datetime, datetime | None] | None:
    began = case.clocks[clock]
    if isinstance(after, Share):
        until = fields.instant(case.data.get(after.until))
        return (began.at + (until - began.at) * after.percent / 100, None) if until is not None else None
    length = durations.parse(after)
    return (began.at + (length if length is not None else timedelta(0)), None if began.fixed else began.at)
