"""Refuses a definition that names what is not there, leads nowhere, or lets something loosen by itself. Pure."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from cloud_bridge.flows.definition import durations
from cloud_bridge.flows.definition.errors import Problem
from cloud_bridge.flows.definition.model import (
    NOW,
    OPEN,
    By,
    Field,
    Kind,
    Ladder,
    Share,
    State,
    Stricter,
    Transition,
    Tunable,
)
from cloud_bridge.flows.vocabulary import EffectKind, Flow, Guard, Names, used
from contracts.errors import from_msgspec


def problems(flow: Flow) -> list[Problem]:
    """Everything that is wrong, in the order of the file."""
    definition = flow.definition
    found = [*_tunables(definition.tunables)]
    found += _one_of("start", definition.start, definition.states)
    found += _starts(flow, "opens", definition.opens)
    for name, field in _all_fields(flow):
        found += _field(name, field)
    for name, state in definition.states.items():
        found += _state(flow, name, state)
    for name, row in definition.transitions.items():
        found += _transition(flow, name, row)
    for name, ladder in definition.ladders.items():
        found += _ladder(flow, name, ladder)
    # What follows reads names that are known to be right.
    return found or [*_twice(flow), *_loose(flow), *_reachable(flow), *_timed(flow)]


def near(name: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known."""
    close = difflib.get_close_matches(name, list(known), 1)
    return _("Did you mean %s?") % close[0] if close else _("Correct the name, or declare it.")


def _one_of(path: str, name: str, known: Iterable[str]) -> Iterator[Problem]:
    if name not in known:
        yield Problem(path, _("one of: %s") % ", ".join(known), name, near(name, known))


def _tunables(rows: dict[str, Tunable]) -> Iterator[Problem]:
    for name, row in rows.items():
        is_list = isinstance(row.value, tuple)
        if is_list != (row.stricter is Stricter.GROWS):
            wanted = Stricter.GROWS.value if is_list else f"{Stricter.SMALLER.value}, {Stricter.LARGER.value}"
            yield Problem(f"tunables.{name}.stricter", wanted, row.stricter.value,
                          _("A list can only grow; a number or a time becomes smaller or larger."))  # fmt: skip
        if isinstance(row.value, str) and durations.parse(row.value) is None:
            yield _no_time(f"tunables.{name}.value", row.value)


def _no_time(path: str, came: str) -> Problem:
    return Problem(path, _("a time such as %s") % durations.EXAMPLE, came, _("Write a number and its unit."))


def _all_fields(flow: Flow) -> Iterator[tuple[str, Field]]:
    for name, field in flow.definition.fields.items():
        yield f"fields.{name}", field
    for form, row in flow.definition.forms.items():
        for name, field in row.fields.items():
            yield f"forms.{form}.fields.{name}", field


def _field(path: str, field: Field) -> Iterator[Problem]:
    if field.kind is Kind.CHOICE and len(field.choices) < 2:
        came = str(len(field.choices))
        yield Problem(f"{path}.choices", _("two choices or more"), came, _("List what may be chosen."))
    if field.kind is not Kind.CHOICE and field.choices:
        yield Problem(f"{path}.choices", _("no choices"), field.kind.value, _("Only a choice has choices."))
    if field.least is not None and field.most is not None and field.least > field.most:
        yield Problem(f"{path}.least", _("at most %s") % field.most, str(field.least), _("Nothing would pass."))


def _starts(flow: Flow, path: str, starts: dict[str, str]) -> Iterator[Problem]:
    instants = _instants(flow)
    for clock, at in starts.items():
        yield from _one_of(f"{path}.{clock}", clock, flow.definition.clocks)
        yield from _one_of(f"{path}.{clock}", at, (NOW, *instants))


def _instants(flow: Flow) -> tuple[str, ...]:
    return tuple(path.rpartition(".")[2] for path, field in _all_fields(flow) if field.kind is Kind.INSTANT)


def _state(flow: Flow, name: str, state: State) -> Iterator[Problem]:
    path = f"states.{name}"
    if not 0 <= state.freedom <= 9:
        wanted = _("0 (nothing may be done) to 9")
        yield Problem(f"{path}.freedom", wanted, str(state.freedom), _("Correct the number."))
    steps = state.steps
    if steps is None:
        return
    if bool(steps.all) == bool(steps.by):
        yield Problem(f"{path}.steps", _("either `all`, or `by` with `chains`"),
                      _("both") if steps.all else _("none"), _("Keep one of them."))  # fmt: skip
        return
    if steps.by:
        field = flow.definition.fields.get(steps.by)
        if field is None or field.kind is not Kind.CHOICE:
            choices = [key for key, row in flow.definition.fields.items() if row.kind is Kind.CHOICE]
            yield from _one_of(f"{path}.steps.by", steps.by, choices)
            return
        for missing in (choice for choice in field.choices if choice not in steps.chains):
            yield Problem(f"{path}.steps.chains", _("steps for each choice of %s") % steps.by,
                          _("none for %s") % missing, _("Add the steps for it."))  # fmt: skip
    chains = steps.chains if steps.by else {"all": steps.all}
    for chain, row in chains.items():
        below = f"{path}.steps.chains.{chain}" if steps.by else f"{path}.steps.all"
        if steps.by:
            yield from _one_of(below, chain, flow.definition.fields[steps.by].choices)
        if not row:
            yield Problem(below, _("one step or more"), _("none"), _("Add a step: without one nothing is reviewed."))
        seen: set[str] = set()
        for index, step in enumerate(row):
            yield from _one_of(f"{below}[{index}].role", step.role, flow.vocabulary.roles)
            if step.who:
                people = [key for key, one in flow.definition.fields.items() if one.kind is Kind.PERSON]
                yield from _one_of(f"{below}[{index}].who", step.who, people)
            if step.name in seen:
                yield Problem(f"{below}[{index}].name", _("each step once"), step.name, _("Give it another name."))
            seen.add(step.name)


def _transition(flow: Flow, name: str, row: Transition) -> Iterator[Problem]:
    path, definition = f"transitions.{name}", flow.definition
    for index, source in enumerate(row.sources):
        yield from _one_of(f"{path}.from[{index}]", source, (*definition.states, OPEN))
    for index, source in enumerate(row.excluded):
        yield from _one_of(f"{path}.except[{index}]", source, definition.states)
    if row.to:
        yield from _one_of(f"{path}.to", row.to, definition.states)
    if not row.by:
        yield Problem(f"{path}.by", _("one of: %s") % ", ".join(By), _("none"), _("Say who brings it."))
    for index, role in enumerate(row.roles):
        yield from _one_of(f"{path}.roles[{index}]", role, flow.vocabulary.roles)
    if By.PERSON in row.by and not row.roles and not row.completes_step:
        yield Problem(f"{path}.roles", _("one role or more"), _("none"), _("Say which people may do it."))
    if row.form:
        yield from _one_of(f"{path}.form", row.form, definition.forms)
    yield from _starts(flow, f"{path}.starts", row.starts)
    for index, use in enumerate(row.guards):
        yield from _use(flow, f"{path}.guards[{index}]", use, flow.guards)
    for key in ("effects", "step_effects"):
        for index, use in enumerate(getattr(row, key)):
            yield from _use(flow, f"{path}.{key}[{index}]", use, flow.effects)
    if row.completes_step:
        without = [s for s in row.sources if s in definition.states and definition.states[s].steps is None]
        for source in without:
            yield Problem(f"{path}.completes_step", _("steps in the state %s") % source, _("none"),
                          _("Add steps to the state, or leave `completes_step` out."))  # fmt: skip
    if row.step_effects and not row.completes_step:
        yield Problem(f"{path}.step_effects", _("`completes_step: true`"), _("none"), _("Move them to `effects`."))
    if row.named and By.BOX not in row.by:
        yield Problem(f"{path}.named", _("`box` in `by`"), ", ".join(row.by), _("Only a box names who acted there."))


def _use(flow: Flow, path: str, use: Any, known: dict[str, Guard] | dict[str, EffectKind]) -> Iterator[Problem]:
    name, raw = used(use)
    wrong = list(_one_of(path, name, known))
    if wrong:
        yield from wrong
        return
    kind = known[name]
    below = path if isinstance(use, str) else f"{path}.with"
    try:
        params = msgspec.convert(raw, kind.params)
    except msgspec.ValidationError as error:
        found = from_msgspec(error, "file", raw, kind.params)
        where = f"{below}.{found.field}" if found.field else below
        yield Problem(where, found.expected, found.came, _("%s takes these parameters: see its description.") % name)
        return
    names = Names(flow.definition, flow.vocabulary)
    for key, sort in kind.refers.items():
        value = getattr(params, key)
        for index, one in enumerate(value if isinstance(value, tuple) else (value,)):
            where = f"{below}.{key}[{index}]" if isinstance(value, tuple) else f"{below}.{key}"
            yield from _one_of(where, one, names.choices(sort))
    for key in ("least", "most"):
        value = getattr(params, key, None)
        if isinstance(value, str) and durations.parse(value) is None:
            yield _no_time(f"{below}.{key}", value)


def _ladder(flow: Flow, name: str, ladder: Ladder) -> Iterator[Problem]:
    path, definition = f"ladders.{name}", flow.definition
    begun = {clock for row in definition.transitions.values() for clock in row.starts} | set(definition.opens)
    counted = dict.fromkeys((ladder.once_per, *(clock for rung in ladder.rungs.values() for clock in rung.after)))
    for clock in counted:
        if clock in definition.clocks and clock not in begun:
            yield Problem(f"{path}.rungs", _("a clock that a transition or `opens` starts"), clock,
                          _("Without a start it never runs, and nothing is ever due: add it to `starts`."))  # fmt: skip
    for index, state in enumerate(ladder.states):
        yield from _one_of(f"{path}.while[{index}]", state, definition.states)
    yield from _one_of(f"{path}.once_per", ladder.once_per, definition.clocks)
    for rung_name, rung in ladder.rungs.items():
        below = f"{path}.rungs.{rung_name}"
        if not rung.after:
            yield Problem(f"{below}.after", _("a clock and a time"), _("none"), _("Say when it is due."))
        for clock, after in rung.after.items():
            yield from _one_of(f"{below}.after.{clock}", clock, definition.clocks)
            if isinstance(after, Share):
                yield from _one_of(f"{below}.after.{clock}.until", after.until, _instants(flow))
                if not 0 < after.percent <= 100:
                    came = str(after.percent)
                    yield Problem(f"{below}.after.{clock}.percent", "1 … 100", came, _("Correct the number."))
            elif durations.parse(after) is None:
                yield _no_time(f"{below}.after.{clock}", after)
        if rung.goes:
            yield from _one_of(f"{below}.goes", rung.goes, definition.transitions)
        if not rung.goes and not rung.effects and not rung.marks:
            yield Problem(below, _("`goes`, `effects` or `marks`"), _("none"), _("Say what happens when it is due."))
        for index, use in enumerate(rung.effects):
            yield from _use(flow, f"{below}.effects[{index}]", use, flow.effects)


def _out_of(flow: Flow, row: Transition) -> tuple[str, ...]:
    from cloud_bridge.flows.engine.decide import sources

    return sources(flow, row)


def _twice(flow: Flow) -> Iterator[Problem]:
    """One event in one state from one side means one thing."""
    seen: dict[tuple[str, str, By], str] = {}
    for name, row in flow.definition.transitions.items():
        for state in _out_of(flow, row):
            for by in row.by:
                key = (state, row.event or name, by)
                if key in seen:
                    yield Problem(f"transitions.{name}.from", _("one way for %(event)s out of %(state)s") % {
                        "event": key[1], "state": state}, f"{seen[key]}, {name}",
                        _("Take the state out of one of them."))  # fmt: skip
                seen.setdefault(key, name)


def _loose(flow: Flow) -> Iterator[Problem]:
    """Nothing automatic ever loosens."""
    definition = flow.definition
    for name, row in definition.transitions.items():
        path = f"transitions.{name}"
        for state in _out_of(flow, row):
            before = definition.states[state]
            after = definition.states[row.to or state]
            if before.final and not row.reopens:
                yield Problem(f"{path}.from", _("a state that is not an end"), state,
                              _("Take it out, or write `reopens: true` if a case may come back to life."))  # fmt: skip
            if after.freedom <= before.freedom:
                continue
            by = [one for one in row.by if one in (By.TIMER, By.BRIDGE) or (one is By.BOX and not row.named)]
            if by:
                yield Problem(
                    f"{path}.by",
                    _("a person with a role: it loosens, from %(before)s (freedom %(less)s) to %(after)s (%(more)s)")
                    % {"before": state, "less": before.freedom, "after": row.to, "more": after.freedom},
                    ", ".join(by),
                    _("Let a person do it (`by: [person]`), or a box with `named: true`; or correct `freedom`."),
                )
                break
        automatic = [one for one in row.by if one in (By.TIMER, By.BRIDGE)]
        if automatic and NOW in row.starts.values():
            yield Problem(f"{path}.starts", _("no clock that begins anew: that would give more time"),
                          ", ".join(automatic), _("Let a person do it, or leave `starts` out."))  # fmt: skip
        if By.TIMER in row.by and (row.guards or row.form or row.completes_step):
            todo = _("Nothing may keep the clock from tightening: write a transition of its own for people.")
            yield Problem(path, _("no guard, form or step where the clock acts"), ", ".join(row.by), todo)


def _reachable(flow: Flow) -> Iterator[Problem]:
    definition = flow.definition
    ways = {name: [] for name in definition.states}
    for row in definition.transitions.values():
        for state in _out_of(flow, row):
            ways[state].append(row.to or state)
    found, waiting = set(), [definition.start]
    while waiting:
        state = waiting.pop()
        if state not in found:
            found.add(state)
            waiting += ways[state]
    for name, state in definition.states.items():
        if name not in found:
            yield Problem(f"states.{name}", _("a way to it from %s") % definition.start, _("none"),
                          _("Add a transition to it, or delete it."))  # fmt: skip
        if not state.final and not any(to != name for to in ways[name]):
            wanted = _("a way out, or `final: true`")
            yield Problem(f"states.{name}", wanted, _("none"), _("Cases would be stuck there."))


def _timed(flow: Flow) -> Iterator[Problem]:
    """Rungs rise, act by the clock, and only from where their transition leads out."""
    definition = flow.definition
    gone: set[str] = set()
    for name, ladder in definition.ladders.items():
        last: dict[str, Any] = {}
        for rung_name, rung in ladder.rungs.items():
            below = f"ladders.{name}.rungs.{rung_name}"
            for clock, after in rung.after.items():
                length = None if isinstance(after, Share) else durations.parse(after)
                if length is not None and clock in last and length <= last[clock]:
                    more = _("more than %s, as the rung before") % durations.say(last[clock])
                    todo = _("Put the rungs in their order.")
                    yield Problem(f"{below}.after.{clock}", more, durations.say(length), todo)
                if length is not None:
                    last[clock] = length
            if not rung.goes:
                continue
            gone.add(rung.goes)
            row = definition.transitions[rung.goes]
            if By.TIMER not in row.by:
                yield Problem(f"{below}.goes", _("a transition with `timer` in `by`"), rung.goes,
                              _("Add `timer` to its `by`."))  # fmt: skip
            stray = [state for state in ladder.states if state not in _out_of(flow, row)]
            if stray:
                yield Problem(f"{below}.goes", _("a transition that leads out of %s") % ", ".join(stray), rung.goes,
                              _("Add the state to its `from`, or take it out of `while`."))  # fmt: skip
    for name, row in definition.transitions.items():
        if row.by == (By.TIMER,) and name not in gone:
            yield Problem(f"transitions.{name}", _("a rung of a ladder that goes this way"), _("none"),
                          _("Add one, or delete the transition."))  # fmt: skip
