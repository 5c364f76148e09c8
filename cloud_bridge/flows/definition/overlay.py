"""A base's own rules over the group's baseline: they may only tighten; a weaker value is refused with both (INT-06)."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from cloud_bridge.flows.definition import durations
from cloud_bridge.flows.definition.errors import DefinitionError, Problem
from cloud_bridge.flows.definition.model import (
    OPEN,
    Definition,
    Field,
    GuardUse,
    Name,
    Step,
    Stricter,
    Transition,
    Tunable,
)
from cloud_bridge.flows.definition.places import lines
from cloud_bridge.flows.definition.texts import Text
from contracts.errors import from_msgspec

Tree = Callable[[str, str], dict[str, Any]]


class Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value of the base's own, with where it comes from."""

    value: str | int | tuple[str, ...]
    clause: str = ""


class Local(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base's file. Guards by transition, steps by state and chain (``all`` where there is one), fields by form."""

    name: Name
    title: Text
    tightens: str
    tunables: dict[str, Own] = {}
    guards: dict[str, tuple[str | GuardUse, ...]] = {}
    steps: dict[str, dict[str, tuple[Step, ...]]] = {}
    fields: dict[str, dict[Name, Field]] = {}


def over(raw: dict[str, Any], baseline: Definition, text: str, origin: str, tree: Tree) -> dict[str, Any]:
    """The baseline's tree with the base's rules in it.

    Raises:
        DefinitionError: a value is weaker, or nothing in the baseline has this name.
    """
    own = tree(text, origin)
    try:
        local = msgspec.convert(own, Local)
    except msgspec.ValidationError as error:
        found = from_msgspec(error, "file", own, Local)
        line = lines(text).get(found.field, 0)
        problem = Problem(found.field, found.expected, found.came, _("Correct it there."), line)
        raise DefinitionError(origin, (problem,)) from error
    problems = [*_wrong_tunables(baseline, local), *_wrong_additions(baseline, local)]
    if local.tightens != baseline.flow:
        problems.append(Problem("tightens", baseline.flow, local.tightens, _("Local rules belong to one flow.")))
    if problems:
        places = lines(text)
        raise DefinitionError(
            origin, tuple(Problem(p.path, p.expected, p.came, p.todo, places.get(p.path, 0)) for p in problems)
        )
    return _merged(raw, own, local)


def _merged(raw: dict[str, Any], own: dict[str, Any], local: Local) -> dict[str, Any]:
    whole = deepcopy(raw)
    for name, row in own.get("tunables", {}).items():
        whole["tunables"][name] |= {key: row[key] for key in ("value", "clause") if key in row}
    for name, guards in own.get("guards", {}).items():
        whole["transitions"][name]["guards"] = [*whole["transitions"][name].get("guards", []), *guards]
    for state, chains in own.get("steps", {}).items():
        steps = whole["states"][state]["steps"]
        for chain, more in chains.items():
            holder, key = (steps, "all") if local.steps[state] and "chains" not in steps else (steps["chains"], chain)
            holder[key] = [*holder[key], *more]
    for form, fields in own.get("fields", {}).items():
        whole["forms"][form]["fields"] |= fields
    return whole


def _wrong_tunables(baseline: Definition, local: Local) -> list[Problem]:
    found = []
    for name, row in local.tunables.items():
        path = f"tunables.{name}"
        base = baseline.tunables.get(name)
        if base is None:
            found.append(Problem(path, ", ".join(baseline.tunables), name, _("Only these values may be tightened.")))
        elif type(row.value) is not type(base.value) or _sizes(row.value, base.value) is None:
            found.append(Problem(f"{path}.value", _("a value such as %s") % said(base.value), said(row.value),
                                 _("Write it as the baseline does.")))  # fmt: skip
        elif _is_negative(row.value) and not _is_negative(base.value):
            found.append(Problem(f"{path}.value", _("a time of zero or more"), said(row.value), _("Correct it there.")))
        elif not _at_least_as_strict(row.value, base):
            found.append(_weaker(path, row.value, base))
    return found


def _weaker(path: str, came: Any, base: Tunable) -> Problem:
    bound = {
        Stricter.SMALLER: _("at most %s"), Stricter.LARGER: _("at least %s"), Stricter.GROWS: _("all of %s"),
    }[base.stricter] % said(base.value)  # fmt: skip
    clause = f" ({base.clause})" if base.clause else ""
    return Problem(
        f"{path}.value",
        _("%(bound)s, the group's baseline%(clause)s") % {"bound": bound, "clause": clause},
        said(came),
        _("A base may only tighten: correct this value or leave it out."),
    )


def said(value: Any) -> str:
    """A value on one line."""
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


def _sizes(value: Any, base: Any) -> tuple[Any, Any] | None:
    if isinstance(base, str):
        mine, theirs = durations.parse(value), durations.parse(base)
        return None if mine is None or theirs is None else (mine, theirs)
    return value, base


def _is_negative(value: Any) -> bool:
    length = durations.parse(value) if isinstance(value, str) else None
    return length is not None and length < timedelta(0)


def _at_least_as_strict(value: Any, base: Tunable) -> bool:
    mine, theirs = _sizes(value, base.value) or (None, None)
    match base.stricter:
        case Stricter.SMALLER:
            return mine <= theirs
        case Stricter.LARGER:
            return mine >= theirs
        case Stricter.GROWS:
            return set(theirs) <= set(mine)


def _wrong_additions(baseline: Definition, local: Local) -> list[Problem]:
    found = []
    for name in local.guards:
        row = baseline.transitions.get(name)
        if row is None:
            found.append(_unknown(f"guards.{name}", baseline.transitions, name))
        elif tightens(baseline, row):
            found.append(_hinders(f"guards.{name}", row))
    for state, chains in local.steps.items():
        steps = baseline.states[state].steps if state in baseline.states else None
        if steps is None:
            with_steps = [name for name, row in baseline.states.items() if row.steps]
            found.append(_unknown(f"steps.{state}", with_steps, state))
            continue
        known = tuple(steps.chains) or ("all",)
        found += [_unknown(f"steps.{state}.{chain}", known, chain) for chain in chains if chain not in known]
    for form, fields in local.fields.items():
        if form not in baseline.forms:
            found.append(_unknown(f"fields.{form}", baseline.forms, form))
            continue
        found += [
            Problem(f"fields.{form}.{name}", _("a field that the baseline does not have"), name,
                    _("Choose another name."))
            for name in fields if name in baseline.forms[form].fields
        ]  # fmt: skip
        found += [
            _hinders(f"fields.{form}", row)
            for row in baseline.transitions.values()
            if row.form == form and tightens(baseline, row)
        ]
    return found


def tightens(definition: Definition, row: Transition) -> bool:
    """Whether a transition leads to less freedom from anywhere: nothing may be put in its way."""
    states = definition.states
    to = states.get(row.to)
    if to is None:
        return False
    sources = [states[name] for name in row.sources if name in states]
    if OPEN in row.sources:
        sources += [state for state in states.values() if not state.final]
    return any(to.freedom < state.freedom for state in sources)


def _hinders(path: str, row: Transition) -> Problem:
    return Problem(
        path, _("a transition that does not tighten"), str(row.title),
        _("It makes work safer: nothing may stand in its way. Leave this out."),
    )  # fmt: skip


def _unknown(path: str, known: Any, came: str) -> Problem:
    return Problem(path, _("one of: %s") % ", ".join(known), came, _("Correct the name."))
