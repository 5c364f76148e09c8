"""The one error that every contract raises on bad input, and how msgspec's own errors become it."""

import enum
import re
import types
import typing
import unicodedata
from typing import Any, Literal

import msgspec

_AT = re.compile(r" - at `(?P<path>[^`]+)`$")
_AT_KEY = re.compile(r" - at `key` in `(?P<path>[^`]+)`$")
_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+|\.\.\.)\]")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]+)`")
_UNKNOWN = re.compile(r"contains unknown field `(?P<name>[^`]+)`")
_CHOICE = re.compile(r"Invalid enum value (?P<came>.+)")
_WORDS = {
    "`int`": "a whole number", "`float`": "a number", "`str`": "text", "`bool`": "true or false", "`null`": "nothing",
    "`array`": "a list", "`object`": "keys with values", "`int | null`": "a whole number or nothing",
    "`float | null`": "a number or nothing", "`str | null`": "text or nothing", " >= ": " of at least ",
    " <= ": " of at most ", " > ": " above ", " < ": " below ", " of length of ": " of length ",
}  # fmt: skip
_LONGEST = 60
_MOST_KEYS = 12  # more of them are a file of their own, which nobody reads in one line

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on bytes from outside: its own errors, and Python's for text that is no UTF-8 and for nesting
without end.
"""


class ContractError(ValueError):
    """Input that does not keep a contract.

    Attributes:
        field: path of the offending field, such as ``people[1].badge``; ``""`` is the whole input.
        expected: what the contract asks for.
        came: what was found.
        hint: what to do about it.
    """

    def __init__(self, field: str, expected: str, came: str, hint: str = "") -> None:
        """Build the message from its four parts."""
        self.field = field
        self.expected = expected
        self.came = came
        self.hint = hint
        where = field or "input"
        tail = f"; {hint}" if hint else ""
        super().__init__(f"{where}: expected {expected}, got {came}{tail}")


def quote(value: object) -> str:
    """What came, short and on one line, in a form that the audit log accepts (NFC, nothing unprintable)."""
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    said = unicodedata.normalize("NFC", repr(value) if isinstance(value, str | int | float) else repr(str(value)))
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def from_msgspec(
    error: Exception, what: str, raw: object = msgspec.UNSET, into: Any = None
) -> ContractError:
    """Turn a msgspec error, or another one of `UNREADABLE`, into a `ContractError` that names the field.

    Args:
        error: what msgspec raised.
        what: name of the input, for the hint.
        raw: the input (JSON when it is bytes); with it the message quotes what came. Leave it out for secrets.
        into: the type it was read into; with it the message lists what is allowed.
    """
    if isinstance(error, UnicodeDecodeError | RecursionError):
        came = "bytes that are no text" if isinstance(error, UnicodeDecodeError) else "one within the other without end"
        return ContractError("", "JSON in UTF-8", came, f"check this {what}")
    text = str(error)
    key = _AT_KEY.search(text)
    at = key or _AT.search(text)
    body = (_AT_KEY if key else _AT).sub("", text)
    place = _look_up(at["path"] if at else "$", into, _decoded(raw))
    hint = f"check this {what}"
    for pattern in (_MISSING, _UNKNOWN):
        match = pattern.search(body)
        if match:
            return _of_key(place, match["name"], hint, missing=pattern is _MISSING)
    choice = _CHOICE.search(body)
    if choice:
        allowed = _allowed(typing.get_args(place.kind)[0] if key and typing.get_args(place.kind) else place.kind)
        expected = f"one of {', '.join(allowed)}" if allowed else "one of the known words"
        return ContractError(place.path, expected, printable(choice["came"]), hint)
    if not isinstance(error, msgspec.ValidationError):
        return ContractError(place.path, "JSON", printable(body), hint)
    wanted, _, came = body.partition(", got ")
    if not key and place.value is not msgspec.UNSET:
        came = quote(place.value)
    return ContractError(
        place.path,
        _wanted(place, wanted),
        _worded(came) or "something else",
        hint,
    )


def _wanted(place: "_Place", wanted: str) -> str:
    if "matching regex" in wanted and place.description:
        return place.description
    keys = _names(place.kind)
    named = "`object" in wanted and 0 < len(keys) <= _MOST_KEYS
    return f"keys with values: {', '.join(keys)}" if named else _worded(wanted)


class _Place(msgspec.Struct, frozen=True):
    """Where an error is: its path for people, the type asked for there, and what stands there."""

    path: str
    kind: Any
    value: object
    description: str = ""


def _decoded(raw: object) -> object:
    if not isinstance(raw, bytes):
        return raw
    try:
        found: object = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return msgspec.UNSET
    return found


def _look_up(path: str, kind: Any, value: object) -> _Place:
    """Follow msgspec's path through type and input alike, as far as each goes."""
    said, description = "", ""
    kind, description = _bare(kind)
    for step in _STEP.finditer(path.removeprefix("$")):
        name, index = step["name"], step["index"]
        if name is not None:
            kind = _field(kind, name)
            value = value.get(name, msgspec.UNSET) if isinstance(value, dict) else msgspec.UNSET
            said = f"{said}.{name}" if said else name
        elif index == "...":
            kind, _ = _bare(typing.get_args(kind)[1] if typing.get_origin(kind) is dict else None)
            found = _culprit(kind, value)
            said = f"{said}[{found}]" if found is not None else f"{said}[...]"
            value = value[found] if isinstance(value, dict) and found is not None else msgspec.UNSET
        else:
            arguments = typing.get_args(kind)
            at = int(index)
            fixed = typing.get_origin(kind) is tuple and Ellipsis not in arguments and at < len(arguments)
            kind = arguments[at if fixed else 0] if arguments else None
            value = value[at] if isinstance(value, list | tuple) and at < len(value) else msgspec.UNSET
            said = f"{said}[{index}]"
        kind, description = _bare(kind)
    return _Place(said, kind, value, description)


def _bare(kind: Any) -> tuple[Any, str]:
    """A type without its annotations and without its None; and what an annotation says about it in words."""
    description = ""
    if typing.get_origin(kind) is typing.Annotated:
        kind, *metas = typing.get_args(kind)
        description = next((meta.description for meta in metas if getattr(meta, "description", None)), "")
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        some = [part for part in typing.get_args(kind) if part is not types.NoneType]
        if len(some) == 1:
            return _bare(some[0])
    return kind, description


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _names(kind: Any) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind)] if _is_struct(kind) else []


def _field(kind: Any, name: str) -> Any:
    if not _is_struct(kind):
        return None
    return next((field.type for field in msgspec.structs.fields(kind) if field.encode_name == name), None)


def _culprit(kind: Any, value: object) -> object:
    """The first key whose value is refused: msgspec does not say which."""
    if kind is None or not isinstance(value, dict):
        return None
    for key, item in value.items():
        try:
            msgspec.convert(item, kind)
        except msgspec.ValidationError:
            return key
    return None


def _allowed(kind: Any) -> tuple[str, ...]:
    if typing.get_origin(kind) is Literal:
        return tuple(str(value) for value in typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return tuple(str(member.value) for member in kind)
    return ()


def _of_key(place: _Place, name: str, hint: str, *, missing: bool) -> ContractError:
    name = printable(name)
    path = f"{place.path}.{name}" if place.path else name
    if missing:
        allowed = _allowed(_bare(_field(place.kind, name))[0])
        return ContractError(path, f"one of {', '.join(allowed)}" if allowed else "a value", "nothing", hint)
    known = _names(place.kind)
    if not known:
        return ContractError(path, "no such field", "an unknown field", hint)
    import difflib

    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}? {hint}" if near else hint
    return ContractError(path, f"one of {', '.join(known)}", f"the unknown key {name}", hint)


def _worded(text: str) -> str:
    text = text.removeprefix("Expected ")
    for sign, word in _WORDS.items():
        text = text.replace(sign, word)
    return printable(text)


def printable(text: str, longest: int = 300) -> str:
    """Text of others on one line, fit for a terminal and for the audit log: NFC, bounded, nothing unprintable."""
    text = unicodedata.normalize("NFC", text[:longest])
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)[:longest]
