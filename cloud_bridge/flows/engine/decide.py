"""The rules: (flow, case, event, now) -> what follows. Pure; `now` is given, nothing is read and nothing is written."""

from datetime import datetime
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from cloud_bridge.flows.definition.errors import Refused
from cloud_bridge.flows.definition.model import NOW, OPEN, By, Order, Rung, Step, Transition
from cloud_bridge.flows.engine import fields
from cloud_bridge.flows.engine.case import Case, Clock, Done, Effect, Event, Outcome
from cloud_bridge.flows.engine.due import armed
from cloud_bridge.flows.vocabulary import Flow, Occasion, used

OPENED = "open"
CLOCK_PUT_BACK = "clock_put_back"


def open_case(flow: Flow, event: Event, now: datetime) -> Outcome:
    """A new case in the flow's first state; the event's form holds the fields of the case.

    Raises:
        Refused: a field is missing or wrong.
    """
    definition = flow.definition
    data = fields.check_all(definition.fields, event.form)
    clocks = _started({}, definition.opens, data, now)
    case = Case(definition.start, 1, data, clocks, acts={OPENED: (event.actor.identity,)})
    return Outcome(case, "", OPENED, (), armed(flow, case))


def decide(flow: Flow, case: Case, event: Event, now: datetime) -> Outcome:
    """What a person, a box or the bridge does.

    Raises:
        Refused: the state does not know it, it is for somebody else, a guard or the form says no.
    """
    name, transition = _transition(flow, case, event)
    step = _step(flow, case, event, transition)
    _check_who(flow, case, event, transition, step)
    for guard, params in flow.checks(transition):
        refused = guard.check(Occasion(flow, transition, case, event, now, step), params)
        if refused is not None:
            raise refused
    form = flow.definition.forms[transition.form].fields if transition.form else {}
    return _after(flow, case, name, transition, event, fields.check_all(form, event.form), step, now)


def expire(flow: Flow, case: Case, rung: str, lap: int, now: datetime) -> Outcome | None:
    """What the clock does: a rung is due. None when the case does not wait for it (any more).

    It asks nothing of the case but that it still waits: a guard could keep the clock from tightening.
    """
    waiting = next((one for one in armed(flow, case) if one.name == rung and one.lap == lap), None)
    if waiting is None or waiting.due > now:
        return None
    found = rung_of(flow, rung)
    fired = msgspec.structs.replace(
        case, fired={**case.fired, rung: lap}, marks=_marked(case.marks, found.marks, ()), rev=case.rev + 1
    )
    effects = _effects(found.effects)
    if not found.goes:
        return Outcome(fired, case.state, rung, effects, armed(flow, fired))
    transition = flow.definition.transitions[found.goes]
    moved = _moved(fired, transition, now)
    return Outcome(moved, case.state, rung, (*effects, *_effects(transition.effects)), armed(flow, moved))


def corrected(flow: Flow, case: Case, now: datetime) -> Outcome | None:
    """The case after the machine's clock was put back: what would begin in the future begins now, never later.

    A moment in a field stays what it is. None when nothing has to change.
    """
    ahead = [name for name, clock in case.clocks.items() if not clock.fixed and clock.at > now]
    if not ahead:
        return None
    clocks = {
        name: msgspec.structs.replace(clock, at=now) if name in ahead else clock for name, clock in case.clocks.items()
    }
    here = msgspec.structs.replace(case, rev=case.rev + 1, clocks=clocks)
    return Outcome(here, case.state, CLOCK_PUT_BACK, (), armed(flow, here))


def rung_of(flow: Flow, name: str) -> Rung:
    """A rung by its full name ``ladder.rung``.

    Raises:
        KeyError: no such rung.
    """
    ladder, _dot, rung = name.partition(".")
    return flow.definition.ladders[ladder].rungs[rung]


def sources(flow: Flow, transition: Transition) -> tuple[str, ...]:
    """The states that a transition leads out of."""
    states = flow.definition.states
    found = [name for name, state in states.items() if not state.final] if OPEN in transition.sources else []
    found += [name for name in transition.sources if name != OPEN and name not in found]
    return tuple(name for name in found if name not in transition.excluded)


def possible(flow: Flow, case: Case) -> dict[str, Transition]:
    """The transitions out of the case's state, by their names."""
    return {
        name: row for name, row in flow.definition.transitions.items() if case.state in sources(flow, row)
    }


def open_steps(flow: Flow, case: Case) -> tuple[Step, ...]:
    """The steps that can be done now: of those in turn the first one that is missing."""
    steps = flow.definition.states[case.state].steps
    if steps is None:
        return ()
    done = {one.step for one in case.done}
    missing = tuple(step for step in steps.chain(case.data) if step.name not in done)
    return missing if steps.order is Order.TOGETHER else missing[:1]


def _transition(flow: Flow, case: Case, event: Event) -> tuple[str, Transition]:
    rows = flow.definition.transitions
    called = {name: row for name, row in rows.items() if (row.event or name) == event.name}
    if not called:
        known = ", ".join(dict.fromkeys(row.event or name for name, row in rows.items()))
        raise Refused("event", known, event.name, _("This flow does not know it."))
    fitting = {name: row for name, row in called.items() if case.state in sources(flow, row)}
    if not fitting:
        wanted = dict.fromkeys(state for row in called.values() for state in sources(flow, row))
        titles = ", ".join(str(flow.definition.states[state].title) for state in wanted)
        raise Refused(
            "state", _("one of the states: %s") % titles, str(flow.definition.states[case.state].title),
            _("Reload the page and look at the trail: somebody or the box was faster."),
        )  # fmt: skip
    for name, row in fitting.items():
        if event.by in row.by and event.by is not By.TIMER:
            return name, row
    wanted_by = ", ".join(dict.fromkeys(by_title(by) for row in fitting.values() for by in row.by))
    raise Refused("by", wanted_by, by_title(event.by), _("Leave it to them."))


def by_title(by: By) -> str:
    """Who brings an event, in words."""
    return {By.PERSON: _("a person"), By.BOX: _("the box"), By.BRIDGE: _("the bridge"), By.TIMER: _("the clock")}[by]


def _step(flow: Flow, case: Case, event: Event, transition: Transition) -> Step | None:
    if not transition.completes_step:
        return None
    waiting = open_steps(flow, case)
    if len(waiting) == 1 and event.step in ("", waiting[0].name):
        return waiting[0]
    for step in waiting:
        named = step.name == event.step if event.step else _fits(case, event, step)
        if named:
            return step
    titles = ", ".join(str(step.title) for step in waiting)
    raise Refused("step", titles, event.step or _said(event), _("Only these steps are open: ask whoever has one."))


def _fits(case: Case, event: Event, step: Step) -> bool:
    return step.role in event.actor.roles and (not step.who or case.data.get(step.who) == event.actor.identity)


def _check_who(flow: Flow, case: Case, event: Event, transition: Transition, step: Step | None) -> None:
    if event.by is By.BOX and transition.named and not event.actor.identity:
        raise Refused("person", _("the person who did it"), _("none"), _("The box names who acted there."))
    if event.by is not By.PERSON:
        return
    if not event.actor.identity:
        raise Refused("person", _("a person"), _("none"), _("Sign in."))
    wanted = (step.role,) if step else transition.roles
    if not set(wanted) & set(event.actor.roles):
        titles = ", ".join(str(flow.vocabulary.roles[role]) for role in wanted)
        raise Refused("role", _("somebody with the role: %s") % titles, _said(event), _("Ask one of them to do it."))
    if step and step.who and case.data.get(step.who) != event.actor.identity:
        raise Refused("person", str(case.data.get(step.who)), _said(event), _("Ask this person to do it."))


def _said(event: Event) -> str:
    return event.actor.name or event.actor.identity


def _after(
    flow: Flow, case: Case, name: str, transition: Transition, event: Event, form: dict[str, Any], step: Step | None,
    now: datetime,
) -> Outcome:  # fmt: skip
    acted = case.acts.get(event.name, ())
    identity = event.actor.identity
    here = msgspec.structs.replace(
        case,
        rev=case.rev + 1,
        data={**case.data, **form},
        acts={**case.acts, event.name: acted if identity in acted else (*acted, identity)},
    )
    if step is not None:
        here = msgspec.structs.replace(here, done=(*here.done, Done(step.name, identity, event.actor.office, now)))
        if len(here.done) < len(flow.definition.states[case.state].steps.chain(here.data)):
            transition = msgspec.structs.replace(transition, to="", effects=transition.step_effects)
    moved = _moved(here, transition, now)
    return Outcome(moved, case.state, name, _effects(transition.effects), armed(flow, moved))


def _moved(case: Case, transition: Transition, now: datetime) -> Case:
    to = transition.to or case.state
    return msgspec.structs.replace(
        case,
        state=to,
        clocks=_started(case.clocks, transition.starts, case.data, now),
        # Whoever comes into a state begins its steps anew: what was signed before was signed before.
        done=case.done if to == case.state else (),
        marks=_marked(case.marks, transition.marks, transition.unmarks),
    )


def _started(clocks: dict[str, Clock], starts: dict[str, str], data: dict[str, Any], now: datetime) -> dict[str, Clock]:
    found = dict(clocks)
    for name, at in starts.items():
        moment = now if at == NOW else fields.instant(data.get(at))
        if moment is None:
            raise Refused("clock", _("a moment in the field %s") % at, _("none"), _("Fill it in."))
        found[name] = Clock(moment, found[name].lap + 1 if name in found else 1, fixed=at != NOW)
    return found


def _marked(marks: tuple[str, ...], more: tuple[str, ...], less: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(mark for mark in dict.fromkeys((*marks, *more)) if mark not in less)


def _effects(uses: tuple[Any, ...]) -> tuple[Effect, ...]:
    return tuple(Effect(*used(use)) for use in uses)
