"""Bad input is answered with what was expected, what came and what to do."""

import enum
from typing import Annotated, Any, Literal

import msgspec
import pytest

from contracts.errors import UNREADABLE, ContractError, from_msgspec, quote
from contracts.permit import Id


class _Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    baud: Annotated[int, msgspec.Meta(ge=1200, le=1_000_000)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    bits: Literal[1, 2] | None = None
    colour: _Colour | None = None
    name: Id = "a"


class _Whole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parts: tuple[_Part, ...] = ()
    by_name: dict[str, _Part] = {}
    uids: dict[Literal["vision", "link"], int] = {}
    place: tuple[float, float] = (0.0, 0.0)


def _refused(raw: Any) -> ContractError:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(raw, _Whole)
    return from_msgspec(error.value, "configuration", raw, _Whole)


@pytest.mark.parametrize(
    ("raw", "field", "expected", "came"),
    [
        ({"parts": [{}, {"baud": 10}]}, "parts[1].baud", "a whole number of at least 1200", "10"),
        ({"parts": [{"baud": 2_000_000}]}, "parts[0].baud", "a whole number of at most 1000000", "2000000"),
        ({"parts": [{"baud": "9600"}]}, "parts[0].baud", "a whole number", "'9600'"),
        ({"parts": [{"baud": None}]}, "parts[0].baud", "a whole number", "nothing"),
        ({"parts": [{"parity": "X"}]}, "parts[0].parity", "one of N, E, O", "'X'"),
        ({"parts": [{"bits": 3}]}, "parts[0].bits", "one of 1, 2", "3"),
        ({"parts": [{"colour": "green"}]}, "parts[0].colour", "one of red, blue", "'green'"),
        ({"parts": [{"name": "my part"}]}, "parts[0].name", "an id of letters, digits", "'my part'"),
        ({"parts": [1.6]}, "parts[0]", "keys with values: baud, parity, bits, colour, name", "1.6"),
        ({"parts": [{"boud": 1}]}, "parts[0].boud", "one of baud, parity, bits", "the unknown key boud"),
        ({"parts": {"a": 1}}, "parts", "a list", "keys with values"),
        ({"parts": "abc"}, "parts", "a list", "'abc'"),
        ({"by_name": {"a": {}, "b": {"parity": "X"}}}, "by_name[b].parity", "one of N, E, O", "'X'"),
        ({"uids": {"nobody": 1}}, "uids", "one of vision, link", "'nobody'"),
        ({"place": [1]}, "place", "a list of length 2", "a list of 1"),
        ([], "", "keys with values: parts, by_name, uids, place", "a list of 0"),
    ],
)
def test_it_names_the_field_the_allowed_and_what_came(raw: Any, field: str, expected: str, came: str) -> None:
    error = _refused(raw)
    assert error.field == field
    assert error.expected.startswith(expected)
    assert error.came == came
    assert "configuration" in error.hint


def test_a_misspelt_key_gets_the_nearest_one() -> None:
    assert "did you mean baud?" in _refused({"parts": [{"boud": 1}]}).hint


def test_json_that_is_none_is_called_so() -> None:
    with pytest.raises(msgspec.DecodeError) as error:
        msgspec.json.decode(b"{", type=_Whole)
    found = from_msgspec(error.value, "request", b"{", _Whole)
    assert (found.expected, found.came) == ("JSON", "Input data was truncated")


class _Open(msgspec.Struct):
    name: str = ""


@pytest.mark.parametrize(
    ("raw", "came"),
    [
        (b'{"name":"\xff"}', "bytes that are no text"),
        (b'{"else":' + b"[" * 5000 + b"]" * 5000 + b"}", "one within the other without end"),
        (b"{", "Input data was truncated"),
    ],
    ids=["text", "depth", "end"],
)
def test_bytes_that_msgspec_itself_cannot_read_are_refused_like_any(raw: bytes, came: str) -> None:
    """Of text that is no UTF-8 and of nesting msgspec raises Python's errors, not its own."""
    with pytest.raises(UNREADABLE) as error:
        msgspec.json.decode(raw, type=_Open)
    found = from_msgspec(error.value, "request", raw, _Open)
    assert (found.came, found.hint) == (came, "check this request")


def test_json_bytes_are_looked_into() -> None:
    raw = b'{"parts":[{"baud":7}]}'
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.json.decode(raw, type=_Whole)
    assert from_msgspec(error.value, "request", raw, _Whole).came == "7"


def test_without_the_input_nothing_of_it_is_quoted() -> None:
    """Files of secrets are read so."""
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert({"parts": [{"name": "open sesame"}]}, _Whole)
    assert "sesame" not in str(from_msgspec(error.value, "file of secrets"))


def test_what_came_is_bounded_printable_and_fit_for_the_log() -> None:
    assert quote("x" * 500) == "'" + "x" * 59 + "…"
    assert quote("a\x1b[31m\nb") == "'a\\x1b[31m\\nb'"
    assert quote("e\u0301") == "'\u00e9'"
    assert "\x1b" not in str(_refused({"parts": [{"\x1b[2J": 1}]}))
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    assert quote(deep) == "a list of 1"


def test_a_missing_word_is_asked_for_by_the_words_there_are() -> None:
    class Lamp(msgspec.Struct):
        colour: _Colour
        watts: int

    for raw, expected in (({"watts": 5}, "one of red, blue"), ({"colour": "red"}, "a value")):
        with pytest.raises(msgspec.ValidationError) as error:
            msgspec.convert(raw, Lamp)
        assert from_msgspec(error.value, "configuration", raw, Lamp).expected == expected
