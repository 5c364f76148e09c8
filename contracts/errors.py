"""The one error that every contract raises on bad input."""

import re

import msgspec

_AT = re.compile(r" - at `(?P<path>[^`]+)`$")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]+)`")
_UNKNOWN = re.compile(r"contains unknown field `(?P<name>[^`]+)`")


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


def from_msgspec(error: msgspec.MsgspecError, what: str) -> ContractError:
    """Turn a msgspec error into a `ContractError` that names the field; `what` names the input."""
    text = str(error)
    at = _AT.search(text)
    path = at["path"].removeprefix("$").removeprefix(".") if at else ""
    body = _AT.sub("", text)
    for pattern, wanted, found in (
        (_MISSING, "a value", "nothing"),
        (_UNKNOWN, "no such field", "an unknown field"),
    ):
        match = pattern.search(body)
        if match:
            name = match["name"]
            return ContractError(f"{path}.{name}" if path else name, wanted, found, f"check this {what}")
    expected, _, came = body.partition(", got ")
    expected = expected.removeprefix("Expected ")
    return ContractError(path, expected, came or "something else", f"check this {what}")
