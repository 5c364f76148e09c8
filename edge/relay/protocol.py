"""The dead-man controller's lines: pure encoding and decoding. firmware_sim/deadman/PROTOCOL.md is the description.

    H <seq> <O|C> <crc>       heartbeat with the believed state: sustains, never closes
    C <seq> <nonce> <crc>     CLOSE, quoting the nonce that the controller shows
    O <seq> <crc>             OPEN now
    T <seq> <nonce> <crc>     drill: rehearse the loss of heartbeats, the coil left alone
    S <echo_seq> <boots> <latch> <contact> <nonce> <hb_age_ms> <opens> <cycles> <cause> <ms> <crc>

CRC16-CCITT (poly 0x1021, init 0xFFFF) over everything before the last space, four upper-case hex digits.
"""

from binascii import crc_hqx

import msgspec

MAX_LINE = 160
"""A longer line is noise."""
SEQ_MASK = 0xFFFFFFFF
"""Sequence numbers wrap here."""
_STATES = {b"O": False, b"C": True}
_NONCE_DIGITS = 8
_STATUS_WORDS = 11


class DeadmanStatus(msgspec.Struct, frozen=True, gc=False):
    """One status line.

    Attributes:
        echo_seq: `seq` of the last accepted frame.
        boots: starts of the controller, as it counts them.
        latch_closed: the controller drives the coil.
        contact_closed: the feedback contact.
        nonce: what the next CLOSE must quote.
        hb_age_ms: age of the last good heartbeat by the controller's clock.
        opens: openings since its start.
        cycles: closings in its life.
        cause: of the last opening: power_up, heartbeat_lost, state_mismatch, commanded, bad_close, drill or none.
        ms: the controller's own clock.
        at_us: CLOCK_BOOTTIME at which the line was received.
    """

    echo_seq: int
    boots: int
    latch_closed: bool
    contact_closed: bool
    nonce: str
    hb_age_ms: int
    opens: int
    cycles: int
    cause: str
    ms: int
    at_us: int


def seal(body: bytes) -> bytes:
    """A line: body, CRC, line feed."""
    return b"%b %04X\n" % (body, crc_hqx(body, 0xFFFF))


def heartbeat(seq: int, *, closed: bool) -> bytes:
    """Heartbeat line."""
    return seal(b"H %d C" % seq if closed else b"H %d O" % seq)


def close(seq: int, nonce: str) -> bytes:
    """CLOSE line."""
    return seal(b"C %d %b" % (seq, nonce.encode()))


def open_(seq: int) -> bytes:
    """OPEN line."""
    return seal(b"O %d" % seq)


def drill(seq: int, nonce: str) -> bytes:
    """Drill line."""
    return seal(b"T %d %b" % (seq, nonce.encode()))


def wrong(nonce: str) -> str:
    """A nonce that differs from `nonce` in every digit."""
    return "".join("F" if digit == "0" else "0" for digit in nonce)


def parse(line: bytes, at_us: int) -> DeadmanStatus | None:
    """Read one line without its line feed; None when it is not a sound status line."""
    body, _, crc = line.rstrip(b"\r").rpartition(b" ")
    if len(line) > MAX_LINE or len(crc) != 4 or crc != b"%04X" % crc_hqx(body, 0xFFFF):
        return None
    words = body.split(b" ")
    if len(words) != _STATUS_WORDS or words[0] != b"S":
        return None
    latch, contact, nonce, cause = _STATES.get(words[3]), _STATES.get(words[4]), words[5], words[9]
    numbers = (words[1], words[2], words[6], words[7], words[8], words[10])
    if latch is None or contact is None or len(nonce) != _NONCE_DIGITS or not all(word.isdigit() for word in numbers):
        return None
    if not nonce.isalnum() or not cause.replace(b"_", b"").isalpha():
        return None
    return DeadmanStatus(
        int(words[1]), int(words[2]), latch, contact, nonce.decode(), int(words[6]), int(words[7]), int(words[8]),
        cause.decode(), int(words[10]), at_us,
    )  # fmt: skip
