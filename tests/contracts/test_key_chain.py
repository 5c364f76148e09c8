"""The keys of one log, each endorsed by the one before it (ANT-09)."""

from itertools import pairwise

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.checkpoint import Checkpoint, NoteKey, note_key, sign
from contracts.errors import ContractError
from contracts.key_chain import KeyChain, Rotation, chain_from, rotate, rotation_of, trusted_chain

ORIGIN, OTHER = "hotbox.example/box-1/1", "hotbox.example/box-1/2"
KEYS = [Ed25519PrivateKey.generate() for _ in range(4)]
FIRSTS = (0, 10, 300)


def public(number: int, origin: str = ORIGIN) -> NoteKey:
    return note_key(origin, KEYS[number])


def changes(*numbers: int) -> list[Rotation]:
    """As a log tells of them whose keys were these."""
    return [
        rotate(ORIGIN, first, KEYS[old], KEYS[new]) for first, (old, new) in zip(FIRSTS[1:], pairwise(numbers), strict=False)
    ]


def signed(size: int, number: int) -> str:
    return sign(Checkpoint(ORIGIN, size, b"r" * 32), ORIGIN, KEYS[number])


@pytest.mark.parametrize(("size", "number"), [(0, 0), (1, 0), (9, 0), (10, 0), (11, 1), (299, 1), (300, 1), (301, 2), (10**9, 2)])
def test_each_key_signs_its_own_span_and_the_record_of_the_change_is_the_old_ones_last(size: int, number: int) -> None:
    chain = chain_from(public(2), changes(0, 1, 2))
    assert chain.at(size) == public(number)
    assert chain.verify(signed(size, number)).size == size
    for other in {0, 1, 2, 3} - {number}:
        with pytest.raises(ContractError, match="signature"):
            chain.verify(signed(size, other))


def test_a_key_that_signs_beyond_its_time_is_named() -> None:
    chain = chain_from(public(1), changes(0, 1))
    with pytest.raises(ContractError, match="a key signs nothing before its time, nor after it") as refused:
        chain.verify(signed(11, 0))
    assert (public(1).id.hex() in refused.value.expected, public(0).id.hex() in refused.value.came) == (True, True)


@pytest.mark.parametrize("note", ["", "x", f"{ORIGIN}\nmany\nroot\n\n", f"{ORIGIN}\n{'9' * 40}\nroot\n\n"])
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(ContractError):
        chain_from(public(1), changes(0, 1)).verify(note)


def test_the_record_says_what_the_change_is() -> None:
    (change,) = changes(0, 1)
    assert set(change.data()) == {"old_vkey", "new_vkey", "endorsed", "accepted"}

    class Leaf(msgspec.Struct):
        seq: int
        data: dict[str, object]

    assert rotation_of(Leaf(9, change.data())) == change  # type: ignore[arg-type]
    for data in ({}, {**change.data(), "more": ""}, {**change.data(), "endorsed": 1}):
        with pytest.raises(ContractError, match="endorsed"):
            rotation_of(Leaf(9, data))  # type: ignore[arg-type]


def bent() -> list[tuple[str, Rotation]]:
    (good,) = changes(0, 1)
    foreign = rotate(OTHER, 10, KEYS[0], KEYS[1])
    replace = msgspec.structs.replace
    return [
        ("old_vkey", changes(2, 1)[0]),
        ("new_vkey", replace(good, new_vkey=foreign.new_vkey)),
        ("new_vkey", rotate(ORIGIN, 10, KEYS[0], KEYS[0])),
        ("new_vkey", replace(good, new_vkey=good.new_vkey + " ")),
        ("first", rotate(ORIGIN, 0, KEYS[0], KEYS[1])),
        ("first", rotate(ORIGIN, 2**53, KEYS[0], KEYS[1])),
        ("endorsed", replace(good, first=11)),
        ("endorsed", replace(good, endorsed=good.accepted)),
        ("endorsed", replace(good, endorsed="")),
        ("endorsed", replace(good, endorsed="no base64")),
        ("accepted", replace(good, accepted=good.endorsed)),
        ("vkey", replace(good, new_vkey="rubbish")),
    ]


@pytest.mark.parametrize(("field", "change"), bent(), ids=lambda given: given if isinstance(given, str) else "")
def test_a_change_that_both_keys_did_not_sign_so_is_refused(field: str, change: Rotation) -> None:
    with pytest.raises(ContractError) as refused:
        KeyChain.begin(public(0)).after(change)
    assert refused.value.field == field


def test_a_change_of_another_epoch_is_refused() -> None:
    with pytest.raises(ContractError):
        chain_from(public(1), [rotate(OTHER, 10, KEYS[0], KEYS[1])])


def test_a_key_never_comes_back_and_changes_come_in_order() -> None:
    chain = chain_from(public(1), changes(0, 1))
    for wrong in (rotate(ORIGIN, 20, KEYS[1], KEYS[0]), rotate(ORIGIN, 10, KEYS[1], KEYS[2]), rotate(ORIGIN, 20, KEYS[0], KEYS[2])):
        with pytest.raises(ContractError):
            chain.after(wrong)


@pytest.mark.parametrize(
    ("log", "trust", "strange", "beyond"),
    [
        ((0,), [(0, ORIGIN)], None, None),
        ((0, 1, 2), [(0, ORIGIN)], None, None),
        ((0, 1, 2), [(1, ORIGIN)], None, None),
        ((0, 1, 2), [(2, ORIGIN)], None, None),
        ((0, 1, 2), [(0, ORIGIN), (1, ORIGIN), (2, ORIGIN)], None, None),
        ((0, 1, 2), [(2, ORIGIN), (0, ORIGIN)], None, None),
        ((0, 1), [(0, ORIGIN), (1, ORIGIN), (2, ORIGIN)], None, 2),
        ((0,), [(0, ORIGIN), (1, ORIGIN)], None, 1),
        ((0, 3), [(0, ORIGIN), (1, ORIGIN)], 10, None),
        ((0, 1, 3), [(1, ORIGIN), (2, ORIGIN)], 300, None),
        ((0, 1), [(1, OTHER)], None, None),
        ((0, 1), [(0, OTHER), (2, OTHER)], None, None),
    ],
)
def test_the_keys_are_held_against_those_that_are_trusted(
    log: tuple[int, ...], trust: list[tuple[int, str]], strange: int | None, beyond: int | None
) -> None:
    found = trusted_chain(ORIGIN, changes(*log), [public(*one) for one in trust])
    assert [key.public for key in found.chain.keys] == [public(number).public for number in log]
    assert found.strange == strange
    assert found.beyond == (None if beyond is None else public(beyond))


@pytest.mark.parametrize("trust", [[], [(3, ORIGIN)], [(3, ORIGIN), (0, ORIGIN)], [(3, OTHER)], [(0, "hotbox.example/box-2/1")]])
def test_a_log_of_strange_keys_is_not_believed(trust: list[tuple[int, str]]) -> None:
    with pytest.raises(ContractError) as refused:
        trusted_chain(ORIGIN, changes(0, 1), [public(*one) for one in trust])
    assert refused.value.field == "key"
