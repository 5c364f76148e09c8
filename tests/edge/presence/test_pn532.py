"""Frames of the tag reader: only whole ones with both sums right are read, whatever comes before them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.presence.pn532 import ACK, FROM_READER, LOOK, TO_READER, Decoder, Frame, framed, tag_of
from firmware_sim.nfc import Pn532, answer

UID = bytes.fromhex("04A1B2C3D4E5F6")
SEEN = bytes((1, 1, 0, 0x44, 0, 7)) + UID


def test_the_manuals_own_example_is_what_goes_over_the_line():
    """UM0701-02: GetFirmwareVersion."""
    assert framed(b"\x02") == bytes.fromhex("0000FF02FED4022A00")


def test_an_answer_is_read_with_what_stands_before_and_behind_it():
    decoder = Decoder()
    assert decoder.feed(b"\x55\x00" + ACK + b"\xaa" + answer(0x4B, SEEN) + b"\x00") == [
        Frame(ack=True), Frame(code=0x4B, data=SEEN),
    ]  # fmt: skip
    assert decoder.bad == 0


def test_bytes_may_come_one_by_one():
    decoder = Decoder()
    found = [frame for byte in ACK + answer(3, b"\x32\x01\x06\x07") for frame in decoder.feed(bytes((byte,)))]
    assert found == [Frame(ack=True), Frame(code=3, data=b"\x32\x01\x06\x07")]


@given(st.integers(0, len(answer(0x4B, SEEN)) * 8 - 1))
def test_no_flipped_bit_is_read_as_another_answer(bit):
    frame = bytearray(answer(0x4B, SEEN))
    frame[bit // 8] ^= 1 << bit % 8
    assert Decoder().feed(bytes(frame)) in ([], [Frame(code=0x4B, data=SEEN)])


@given(st.lists(st.binary(max_size=12) | st.just(answer(0x4B, SEEN)) | st.just(ACK), max_size=12), st.integers(1, 40))
def test_garbage_never_makes_a_frame_and_pieces_make_no_difference(parts, size):
    line = b"".join(parts)
    whole, pieces = Decoder(), Decoder()
    found = whole.feed(line)
    assert found == [f for at in range(0, len(line), size) for f in pieces.feed(line[at : at + size])]
    for frame in found:
        assert frame.ack or frame.error or answer(frame.code, frame.data) in line


def test_a_good_frame_follows_a_broken_one():
    broken = bytearray(answer(0x4B, SEEN))
    broken[-2] ^= 1
    decoder = Decoder()
    assert decoder.feed(bytes(broken) + answer(0x4B, b"\x00")) == [Frame(code=0x4B, data=b"\x00")]
    assert decoder.bad == 1


def test_an_error_frame_is_one():
    assert Decoder().feed(bytes.fromhex("0000FF01FF7F8100")) == [Frame(error=True)]


@pytest.mark.parametrize("frame", ["0000FFFF0000", "0000FF00FF01", "0000FF02FDD5032800", framed(b"\x02").hex()])
def test_what_is_none_of_the_readers_is_passed_over(frame):
    """NACK, a broken acknowledgement, a wrong length sum, a command of our own that came back."""
    assert Decoder().feed(bytes.fromhex(frame)) == []


def test_noise_does_not_pile_up():
    decoder = Decoder()
    for _ in range(1000):
        decoder.feed(bytes(100))
    assert len(decoder._buffer) < 10


def test_a_command_longer_than_a_normal_frame_is_refused():
    assert len(framed(bytes(253))) == 261
    with pytest.raises(ValueError, match="255 bytes"):
        framed(bytes(254))


def test_the_tag_is_found_in_the_answer():
    assert tag_of(Frame(code=0x4B, data=SEEN)) == UID


@pytest.mark.parametrize(
    "frame",
    [
        Frame(code=0x4B, data=b"\x00"), Frame(code=0x4A, data=SEEN), Frame(code=0x4B, data=b"\x02" + SEEN[1:]),
        Frame(code=0x4B, data=SEEN[:-1]), Frame(code=0x4B, data=bytes((1, 1, 0, 0x44, 0, 5)) + bytes(5)),
        Frame(code=0x4B, data=bytes((1, 1, 0, 0x44, 0, 0))), Frame(ack=True), Frame(error=True),
    ],
    ids=str,
)  # fmt: skip
def test_no_tag_is_made_of_another_answer(frame):
    assert tag_of(frame) is None


def test_reader_and_box_understand_each_other():
    """The simulated reader, written from the manual on its own, obeys what the box sends."""
    reader, decoder = Pn532(), Decoder()
    assert decoder.feed(reader.feed(framed(LOOK))) == [Frame(ack=True), Frame(error=True)], "not set up yet"
    reader.feed(framed(b"\x14\x01\x00\x00"))
    reader.field = UID
    assert [tag_of(frame) for frame in decoder.feed(reader.feed(framed(LOOK)))] == [None, UID]
    assert reader.feed(framed(LOOK, FROM_READER)) == b""
    assert Decoder(TO_READER).feed(framed(LOOK)) == [Frame(code=0x4A, data=LOOK[1:])]
