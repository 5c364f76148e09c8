"""A definition in sentences, in the reader's language: what its page lists beside the drawing."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from cloud_bridge.flows.definition import durations
from cloud_bridge.flows.definition.model import By, EffectUse, GuardUse, Order, Share, Transition
from cloud_bridge.flows.engine.decide import OPENED, by_title, sources
from cloud_bridge.flows.vocabulary import Flow, used

MANY = 6
"""More states than these are told by those that are left out."""


@dataclass(frozen=True)
class StateWords:
    """A state: title, what it is, its steps, and the deadlines that run in it."""

    name: str
    title: str
    freedom: int
    final: bool
    steps: list[str]


@dataclass(frozen=True)
class Way:
    """A transition with the number that the drawing gives it."""

    number: int
    name: str
    title: str
    sources: str
    to: str
    by: str
    guards: list[str]
    form: str
    effects: list[str]
    loosens: bool


@dataclass(frozen=True)
class Due:
    """A rung: when, and what follows."""

    ladder: str
    title: str
    states: str
    after: str
    effects: list[str]


def states(flow: Flow) -> list[StateWords]:
    """All states, in the order of the file."""
    found = []
    for name, state in flow.definition.states.items():
        steps = []
        if state.steps is not None:
            order = _("in turn") if state.steps.order is Order.IN_TURN else _("at the same time")
            chains = state.steps.chains if state.steps.by else {"": state.steps.all}
            for chain, rows in chains.items():
                label = str(flow.definition.fields[state.steps.by].choices[chain]) if chain else ""
                listed = " → ".join(f"{row.title} ({flow.vocabulary.roles[row.role]})" for row in rows)
                steps.append(f"{label} {order}: {listed}".strip())
        found.append(StateWords(name, str(state.title), state.freedom, state.final, steps))
    return found


def ways(flow: Flow) -> list[Way]:
    """All transitions, numbered as they are drawn."""
    found = []
    for number, (name, row) in enumerate(flow.definition.transitions.items(), 1):
        effects = [effect(flow, use) for use in row.effects]
        to = flow.definition.states[row.to].title if row.to else None
        found.append(
            Way(
                number, name, str(row.title), from_states(flow, sources(flow, row)),
                str(to) if to else _("stays where it is"), _who(flow, row), [_guard(flow, use) for use in row.guards],
                str(flow.definition.forms[row.form].title) if row.form else "", effects, _loosens(flow, row),
            )
        )  # fmt: skip
    return found


def dues(flow: Flow) -> list[Due]:
    """All rungs of all ladders."""
    found = []
    for ladder in flow.definition.ladders.values():
        for rung in ladder.rungs.values():
            effects = [effect(flow, use) for use in rung.effects]
            if rung.goes:
                row = flow.definition.transitions[rung.goes]
                effects.append(f"→ {flow.definition.states[row.to].title}" if row.to else str(row.title))
                effects += [effect(flow, use) for use in row.effects]
            states_said = from_states(flow, ladder.states)
            found.append(Due(str(ladder.title), str(rung.title), states_said, after(flow, rung.after), effects))
    return found


def after(flow: Flow, parts: dict[str, str | Share]) -> str:
    """When a rung is due."""
    said = []
    for clock, length in parts.items():
        title = str(flow.definition.clocks[clock])
        if isinstance(length, Share):
            said.append(f"{length.percent} % {title}")
        else:
            said.append(f"{durations.say(durations.parse(length))} ({title})")
    return _(" or ").join(said)


def from_states(flow: Flow, names: tuple[str, ...]) -> str:
    """States on one line; many of them by those that are missing."""
    rows = flow.definition.states
    if len(names) > MANY:
        missing = [str(row.title) for name, row in rows.items() if name not in names and not row.final]
        if not missing:
            return _("any open state")
        if len(missing) < len(names):
            return _("any open state but %s") % ", ".join(missing)
    return ", ".join(str(rows[name].title) for name in names)


def effect(flow: Flow, use: EffectUse) -> str:
    """What is done outside."""
    name, params = used(use)
    title = str(flow.effects[name].title)
    if "to" not in params:
        return title
    people = {**flow.vocabulary.roles, **flow.vocabulary.parties}
    return f"{title}: {', '.join(str(people[one]) for one in params['to'])}"


def via(flow: Flow, name: str) -> str:
    """A transition, a rung or the opening, in words."""
    if name == OPENED:
        return _("opened")
    if name in flow.definition.transitions:
        return str(flow.definition.transitions[name].title)
    ladder, _dot, rung = name.partition(".")
    known = flow.definition.ladders.get(ladder)
    if known is not None and rung in known.rungs:
        return f"{known.title}: {known.rungs[rung].title}"
    return name


def _who(flow: Flow, row: Transition) -> str:
    said = []
    for by in row.by:
        if by is By.PERSON:
            roles = ", ".join(str(flow.vocabulary.roles[role]) for role in row.roles)
            said.append(f"{by_title(by)} ({_('whose step it is') if row.completes_step else roles})")
        elif by is By.BOX and row.named:
            said.append(_("the box, which names the person"))
        else:
            said.append(by_title(by))
    return _(" or ").join(said)


def _guard(flow: Flow, use: str | GuardUse) -> str:
    name, params = used(use)
    if name == "holds":
        return str(flow.vocabulary.facts[params["fact"]])
    said = str(flow.guards[name].title)
    values = []
    for key, value in params.items():
        if key == "clock":
            values.append(str(flow.definition.clocks[value]))
        elif key == "field":
            values.append(str(flow.definition.fields[value].title))
        elif isinstance(value, str) and durations.parse(value) is not None:
            values.append(durations.say(durations.parse(value)))
        elif isinstance(value, list):
            values.append(", ".join(via(flow, one) for one in value))
    return f"{said}: {', '.join(values)}" if values else said


def _loosens(flow: Flow, row: Transition) -> bool:
    rows = flow.definition.states
    return bool(row.to) and any(rows[row.to].freedom > rows[state].freedom for state in sources(flow, row))
