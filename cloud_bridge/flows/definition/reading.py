"""Reads a definition from YAML text, with the base's own file over it, and checks it against a vocabulary."""

import hashlib
import re
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from cloud_bridge.flows.definition import checks
from cloud_bridge.flows.definition.errors import DefinitionError, Problem
from cloud_bridge.flows.definition.model import Definition, Tunable
from cloud_bridge.flows.definition.overlay import over
from cloud_bridge.flows.definition.places import lines
from cloud_bridge.flows.known_words import EFFECTS, GUARDS
from cloud_bridge.flows.vocabulary import Flow, Vocabulary
from contracts import yaml_file
from contracts.errors import ContractError, from_msgspec

_KEY = re.compile(r"\[([^\d\]][^\]]*)\]")
"""``states[frozen]`` is ``states.frozen`` for people."""


def read(
    text: str, origin: str, vocabulary: Vocabulary, local: str = "", local_origin: str = "local rules"
) -> Flow:
    """A definition that may be used.

    Raises:
        DefinitionError: it may not; names the file, the place in it, what was expected, what came and what to do.
    """
    raw = tree(text, origin)
    whole = _converted(_with_values(raw, text, origin), text, origin)
    if local:
        merged = over(raw, whole, local, local_origin, tree)
        whole = _converted(_with_values(merged, text, origin), text, origin)
    guards, effects = {**GUARDS, **vocabulary.guards}, {**EFFECTS, **vocabulary.effects}
    sha256 = hashlib.sha256(f"{text}\0{local}".encode()).hexdigest()
    flow = Flow(whole, vocabulary, guards, effects, sha256, text, local)
    found = checks.problems(flow)
    if found:
        places = lines(text)
        raise DefinitionError(
            f"{origin} + {local_origin}" if local else origin,
            tuple(Problem(p.path, p.expected, p.came, p.todo, places.get(p.path, 0)) for p in found),
        )
    return flow


def tree(text: str, origin: str) -> dict[str, Any]:
    """YAML as keys with values.

    Raises:
        DefinitionError: it is not YAML, has a key twice, or is something else.
    """
    try:
        raw = yaml_file.load(text, origin)
    except ContractError as error:
        path = error.field if error.field != origin else ""
        todo = error.hint or _("Correct it there.")
        raise DefinitionError(origin, (Problem(path, error.expected, error.came, todo),)) from error
    if not isinstance(raw, dict):
        came = _("nothing") if raw is None else str(raw)[:40]
        raise DefinitionError(origin, (Problem("", _("keys with values"), came, _("See configs/workflows/.")),))
    return raw


def _converted(raw: dict[str, Any], text: str, origin: str) -> Definition:
    try:
        return msgspec.convert(raw, Definition)
    except msgspec.ValidationError as error:
        raise structural(error, raw, Definition, text, origin) from error


def structural(error: Exception, raw: object, into: type, text: str, origin: str) -> DefinitionError:
    """A part of a wrong kind, an unknown key, a key that is missing."""
    found = from_msgspec(error, "workflow", raw, into)
    hint = found.hint.removesuffix("check this workflow").rstrip(" ;")
    todo = _("Correct it there.") + (f" ({hint})" if hint else "")
    path = _KEY.sub(r".\1", found.field)
    line = lines(text).get(path) or lines(text).get(path.rpartition(".")[0], 0)
    return DefinitionError(origin, (Problem(path, _worded(found.expected), _worded(found.came), todo, line),))


def _worded(said: str) -> str:
    known = {
        "a value": _("a value"), "nothing": _("nothing"), "text": _("a text"), "a list": _("a list"),
        "a whole number": _("a whole number"), "true or false": _("yes or no"), "a number": _("a number"),
    }  # fmt: skip
    if said.startswith("one of "):
        return _("one of: %s") % said.removeprefix("one of ")
    if said.startswith("the unknown key "):
        return _("the unknown key %s") % said.removeprefix("the unknown key ")
    if said.startswith("keys with values: "):
        return _("keys with values: %s") % said.removeprefix("keys with values: ")
    return known.get(said, said)


def _with_values(raw: dict[str, Any], text: str, origin: str) -> dict[str, Any]:
    """Every ``$name`` replaced by the value of this name."""
    try:
        tunables = msgspec.convert(raw.get("tunables", {}), dict[str, Tunable])
    except msgspec.ValidationError as error:
        raise structural(error, raw, Definition, text, origin) from error
    unknown: list[Problem] = []

    def put(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            return {key: put(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()}
        if isinstance(value, list):
            return [put(item, f"{path}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        if value[1:] not in tunables:
            wanted = ", ".join(f"${name}" for name in tunables) or _("no value at all")
            unknown.append(Problem(path, wanted, value, checks.near(value[1:], tunables), lines(text).get(path, 0)))
            return value
        found = tunables[value[1:]].value
        return list(found) if isinstance(found, tuple) else found

    whole = {key: value if key == "tunables" else put(value, key) for key, value in raw.items()}
    if unknown:
        raise DefinitionError(origin, tuple(unknown))
    return whole
