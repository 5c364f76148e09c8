"""Canonical events: one value has one encoding, and everything else is refused with its field named."""

import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.event import (
    MAX_INT,
    MAX_LEAF_BYTES,
    ActionResult,
    Actor,
    Category,
    Event,
    Severity,
    decode,
    encode,
    hash_of,
)
from contracts.merkle import leaf_hash

replace = msgspec.structs.replace
EVENT = Event(
    v=1, box="box-1", log=1, seq=7, boot=2, t=1_800_000_000_123, m=5_000_000, tq="sync", te=3, cat=Category.INTERLOCK,
    type="interlock.tripped", sev=Severity.ALARM, src="interlock", actor=Actor("box", ""), res=ActionResult.OK,
    permit="HW-1", corr="3", data={"code": "gas_high", "chan": "ch4-1", "value_milli": 30_000}, prev="0" * 64,
)  # fmt: skip


def _with(data: dict[str, Any]) -> Event:
    return replace(EVENT, data=data)


def test_an_event_comes_back_as_it_was() -> None:
    assert decode(encode(EVENT)) == EVENT
    assert hash_of(encode(EVENT)) == leaf_hash(encode(EVENT)).hex()


def test_the_encoding_is_rfc_8785() -> None:
    """Findings on the audit log: under these rules msgspec's sorted encoding is RFC 8785 byte for byte."""
    assert encode(EVENT) == rfc8785.dumps(json.loads(msgspec.json.encode(EVENT)))


_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-MAX_INT, MAX_INT), st.text(st.characters(exclude_categories=("Cs",)), max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(st.characters(codec="ascii"), max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters(codec="ascii"), max_size=6), _values, max_size=4))
def test_whatever_is_accepted_is_canonical_and_comes_back(data: dict[str, Any]) -> None:
    event = _with(data)
    try:
        body = encode(event)
    except ContractError as error:
        assert error.field.startswith("data")  # noqa: PT017 - both ways are allowed, and this one has its promise
        return
    assert body == rfc8785.dumps(json.loads(msgspec.json.encode(event)))
    assert decode(body) == event


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"a": 1.5}, "data.a"), ({"a": float("nan")}, "data.a"), ({"a": [1, 2.0]}, "data.a[1]"),
        ({"a": MAX_INT + 1}, "data.a"), ({"a": {"b": -MAX_INT - 1}}, "data.a.b"), ({"a": "cafe\u0301"}, "data.a"),
        ({"ä": 1}, "data.ä"), ({"a": b"x"}, "data.a"), ({"a": [{"b": [None, {"c": 0.1}]}]}, "data.a[0].b[1].c"),
    ],
    ids=str,
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused_and_named(data: dict[str, Any], field: str) -> None:
    with pytest.raises(ContractError) as caught:
        encode(_with(data))
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["t", "m", "te", "seq"])
def test_numbers_beyond_2_to_the_53_are_refused_in_the_head_too(field: str) -> None:
    with pytest.raises(ContractError) as caught:
        encode(replace(EVENT, **{field: 2**53}))
    assert caught.value.field == field


def test_the_largest_leaf_fits_and_one_byte_more_does_not() -> None:
    room = MAX_LEAF_BYTES - len(encode(_with({"x": ""})))
    assert len(encode(_with({"x": "a" * room}))) == MAX_LEAF_BYTES
    with pytest.raises(ContractError, match="split it over leaves"):
        encode(_with({"x": "a" * (room + 1)}))


BODY = encode(EVENT)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (BODY + b" ", None), (b" " + BODY, None), (BODY.replace(b",", b", ", 1), None), (BODY.replace(b'"v":1', b'"v":1.0'), "v"),
        (BODY.replace(b'"v":1', b'"v":1,"v":1'), ""), (BODY.replace(b'"chan":"ch4-1"', b'"chan":"ch4-1","chan":"ch4-1"'), ""),
        (BODY.replace(b"30000", b"30000.0"), "data.value_milli"), (BODY.replace(b"30000", b"3e4"), None),
        (BODY.replace(b"30000", b"9007199254740993"), "data.value_milli"), (BODY.replace(b"gas_high", b"gas\\u005fhigh"), ""),
        (BODY.replace(b'"cat":"interlock"', b'"cat":"weather"'), "cat"), (BODY.replace(b'"box":"box-1",', b""), "box"),
        (BODY.replace(b'"v":1', b'"v":1,"w":1'), "w"), (BODY.replace(b'"k":"box"', b'"k":7'), "actor.k"),
        (BODY.replace(b"gas_high", b"cafe\xcc\x81"), "data.code"), (BODY.replace(b"gas_high", b"\xff\xfe"), None),
        (BODY.replace(b"gas_high", b"\\ud800"), None), (b"", None), (b"null", None), (b"[]", None), (BODY[:-5], None),
    ],
)  # fmt: skip
def test_other_bytes_for_an_event_are_refused(body: bytes, field: str | None) -> None:
    """Whitespace, duplicate keys, floats, escapes, non-NFC text, unknown and missing keys: each has one refusal."""
    assert body != BODY
    with pytest.raises(ContractError) as caught:
        decode(body)
    if field is not None:
        assert caught.value.field == field


def test_keys_in_another_order_are_refused() -> None:
    shuffled = json.dumps(dict(reversed(list(json.loads(BODY).items()))), separators=(",", ":")).encode()
    with pytest.raises(ContractError, match="canonical"):
        decode(shuffled)


@pytest.mark.parametrize("field", ["t", "m", "te", "seq", "boot", "log", "v"])
def test_a_number_that_other_readers_would_round_is_refused_on_both_sides(field: str) -> None:
    """2^53 - 1 is the last integer that every JSON reader keeps."""
    most = msgspec.structs.replace(EVENT, **{field: MAX_INT})
    assert decode(encode(most)) == most
    for value in (MAX_INT + 1, -MAX_INT - 1):
        event = msgspec.structs.replace(EVENT, **{field: value})
        body = msgspec.json.encode(event, order="sorted")
        for ask in (lambda event=event: encode(event), lambda body=body: decode(body)):
            with pytest.raises(ContractError):
                ask()
