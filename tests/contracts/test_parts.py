"""A permit in several codes: whole or not at all, whatever order, repetition or mixture they are read in."""

import random
import zlib
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import jws, parts
from contracts.errors import ContractError
from tests.edge.interlock.bench import permit

PERMIT = jws.sign(permit(), jws.PERMIT, jws.generate_key(), "permit-1").encode()


def assemble(texts):
    found = None
    for text in texts:
        part = parts.read(text)
        found = parts.begin(part) if found is None else found.add(part)
    return found


def whole_of(packed, whole, piece=parts.PIECE):
    """Parts of a whole that `split` would not make."""
    pieces = [packed[at : at + piece] for at in range(0, len(packed), piece)]
    digest = sha256(whole).hexdigest()[:16].upper()
    return [parts.Part(digest, index, len(pieces), each).text() for index, each in enumerate(pieces, 1)]


@given(st.binary(min_size=1, max_size=3000), st.randoms())
def test_whatever_order_and_however_often_they_come_the_whole_is_the_same(payload, chance):
    """PTW-09: a permit without a network is the permit, byte by byte."""
    texts = list(parts.split(payload))
    shuffled = texts + [chance.choice(texts) for _ in range(3)]
    chance.shuffle(shuffled)
    assert assemble(shuffled).payload() == payload


def test_a_permit_takes_few_codes_that_a_phone_shows_large():
    texts = parts.split(PERMIT)
    assert assemble(texts).payload() == PERMIT
    assert len(texts) <= 8, f"{len(PERMIT)} bytes in {len(texts)} codes"
    assert max(map(len, texts)) <= parts.LONGEST
    assert len(texts) < len(PERMIT) / parts.PIECE * 0.7, "taken out of base64 and deflated"
    assert set("".join(texts)) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"), "QR's alphanumeric mode"


def test_until_the_last_part_nothing_is_handed_out_and_the_missing_ones_are_named():
    texts = parts.split(PERMIT)
    found = assemble([texts[2], texts[0]])
    assert found.missing == (2, *range(4, len(texts) + 1))
    with pytest.raises(ContractError, match="all but 2, 4") as refused:
        found.payload()
    assert refused.value.hint == "scan the missing ones"


def test_parts_of_two_permits_are_kept_apart():
    mine, other = parts.split(PERMIT), parts.split(PERMIT[:-9] + b"AAAAAAAAA")
    with pytest.raises(ContractError) as refused:
        assemble([mine[0], other[1]])
    assert refused.value.field == "part.whole"


def test_parts_that_contradict_each_other_are_refused():
    first = parts.read(parts.split(PERMIT)[0])
    begun = parts.begin(first)
    changed = bytes([first.piece[0] ^ 1]) + first.piece[1:]
    for other, field in (
        (parts.Part(first.whole, 1, first.count, changed), "part.piece"),
        (parts.Part(first.whole, 1, first.count + 1, first.piece), "part.count"),
    ):
        with pytest.raises(ContractError) as refused:
            begun.add(other)
        assert refused.value.field == field
    assert begun.add(first) == begun


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (b"R" + PERMIT[:-1] + b"!", "the whole"),
        (b"X" + PERMIT, "packed as R, D or J"),
        (b"D" + PERMIT, "a deflated whole"),
        (b"D" + zlib.compress(PERMIT)[:-3], "cut or goes on"),
        (b"D" + zlib.compress(PERMIT) + b"more", "cut or goes on"),
        (b"D" + zlib.compress(bytes(parts.MAX_BYTES)), "the whole"),
        (b"D" + zlib.compress(bytes(parts.MAX_BYTES + 1)), "32769 bytes"),
        (b"D" + zlib.compress(bytes(10_000_000))[:8000], "more than that"),
        (b"J" + zlib.compress(bytes(parts.MAX_BYTES)), f"at most {parts.MAX_BYTES} bytes"),
    ],
    ids=["another whole", "unknown mark", "not deflated", "cut", "tail", "at the cap", "over the cap", "a bomb", "over as base64"],
)
def test_a_whole_that_is_not_what_its_digest_says_is_refused(packed, said):
    """ANT-10: nothing is accepted before it is whole, and nothing is unpacked beyond 32 KiB."""
    found = assemble(whole_of(packed, PERMIT))
    assert not found.missing
    with pytest.raises(ContractError, match=said):
        found.payload()


GOOD = parts.split(PERMIT)[0]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "part"),
        ("https://example.org/", "part"),
        (GOOD.lower(), "part"),
        (GOOD.replace("HB1/", "HB2/"), "part"),
        (GOOD.replace("/1/", "/0/", 1), "part"),
        (GOOD.replace("/1/", "/01/", 1), "part"),
        (GOOD.replace("/1/", "/\u0661/", 1), "part"),
        (GOOD.replace("/1/", "/64/", 1), "part.index"),
        (f"HB1/{'0' * 16}/65/65/AB", "part.index"),
        (GOOD + "AB", "part.piece"),
        (GOOD + "A" * 60, "part"),
        (GOOD[:-3], "part.piece"),
        (GOOD[:-3] + ":::", "part.piece"),
        (f"HB1/{'0' * 16}/1/1/A", "part.piece"),
        (f"HB1/{'0' * 16}/1/1/:::", "part.piece"),
        (f"HB1/{'0' * 16}/1/1/", "part"),
        (GOOD + "\n", "part"),
    ],
)
def test_what_is_no_part_is_refused_with_what_was_expected(text, field):
    with pytest.raises(ContractError) as refused:
        parts.read(text)
    assert refused.value.field == field
    assert refused.value.expected
    assert refused.value.hint


def test_what_needs_too_many_codes_is_for_usb():
    noise = random.Random(1).randbytes(parts.MAX_PARTS * parts.PIECE)
    assert len(parts.split(noise[1:])) == parts.MAX_PARTS
    for payload in (noise, bytes(parts.MAX_BYTES + 1), b""):
        with pytest.raises(ContractError, match="USB"):
            parts.split(payload)
    assert assemble(parts.split(bytes(parts.MAX_BYTES))).payload() == bytes(parts.MAX_BYTES)


def test_other_codes_in_the_picture_are_none_of_ours():
    assert parts.is_part(GOOD)
    assert not parts.is_part("WIFI:S:plant;;")


OTHER = PERMIT[:-9] + b"AAAAAAAAA"


def test_two_permits_before_one_camera_are_collected_beside_each_other():
    mine, other = parts.split(PERMIT), parts.split(OTHER)
    read = parts.Collection()
    assert read.newest is None
    for pair in zip(mine[:-1], other[:-1], strict=True):
        for text in pair:
            read = read.add(parts.read(text))
    read = read.add(parts.read(mine[-1]))
    assert read.newest.payload() == PERMIT
    read = read.without(read.newest.whole)
    assert read.newest.missing == (len(other),)
    assert read.add(parts.read(other[-1])).newest.payload() == OTHER


def test_a_code_that_contradicts_the_others_begins_its_permit_anew():
    """ANT-10: a hostile code under the same digest costs one round, and never the permit."""
    texts = parts.split(PERMIT)
    first = parts.read(texts[0])
    hostile = msgspec.structs.replace(first, piece=bytes(parts.PIECE))
    read = parts.Collection().add(parts.read(texts[1])).add(hostile).add(first)
    assert read.newest.missing == tuple(range(2, len(texts) + 1))
    for text in texts:
        read = read.add(parts.read(text))
    assert read.newest.payload() == PERMIT


def test_the_permit_seen_longest_ago_is_forgotten_first():
    permits = [bytes([number]) * 500 + random.Random(number).randbytes(200) for number in range(parts.MOST_WHOLES + 1)]
    read = parts.Collection()
    for payload in permits:
        read = read.add(parts.read(parts.split(payload)[0]))
    kept = [each.whole for each in read.assemblies]
    assert kept == [parts.read(parts.split(payload)[0]).whole for payload in permits[1:]]
