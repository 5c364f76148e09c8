"""What can go wrong between a detector and its reader, apart from what the detector itself says in its registers."""

import random
import struct
from enum import StrEnum

import msgspec

from firmware_sim.modbus import pdu


class Fault(StrEnum):
    """Faults of a unit on a bus.

    From `frozen` on they are in the unit's own registers; the others are made on the way. A `short` takes the whole
    line's bytes, a `link_drop` its connection; `baud` is one unit that speaks at another rate than its reader.
    """

    NONE = "none"
    SILENT = "silent"
    EXCEPTION = "exception"
    LINK_DROP = "link_drop"
    LATE = "late"
    WRONG_UNIT = "wrong_unit"
    WRONG_COUNT = "wrong_count"
    CRC = "crc"
    GARBAGE = "garbage"
    NOISE = "noise"
    TRUNCATED = "truncated"
    BAUD = "baud"
    SHORT = "short"
    FROZEN = "frozen"
    STATUS_FAULT = "status_fault"
    OVER_RANGE = "over_range"
    WARM_UP = "warm_up"
    DRIFT = "drift"
    FOLD_BACK = "fold_back"
    UNHEARD = "unheard"


_NOISE_BYTES = 3


class Faulty(msgspec.Struct):
    """A unit on a bus with the fault it has now.

    Attributes:
        unit: the healthy unit behind it.
        fault: what is wrong.
        late_ms: how late a `late` reply is sent: longer than a reader waits, so that it arrives as a stale one.
        baud: the rate at which a `baud` unit speaks.
        requests: requests that reached the unit.
    """

    unit: pdu.Unit
    fault: Fault = Fault.NONE
    late_ms: int = 350
    baud: int = 19200
    requests: int = 0

    @property
    def link_down(self) -> bool:
        """Whether this unit takes its bus down."""
        return self.fault is Fault.LINK_DROP

    @property
    def line_short(self) -> bool:
        """Whether this unit shorts its bus: no byte passes, from or to anybody."""
        return self.fault is Fault.SHORT


class Reply(msgspec.Struct, frozen=True):
    """What goes back: unit id and PDU, framed well or not, after `delay_ms`.

    `garbage` replaces the whole frame, `noise` stands before it, `cut` leaves its first half; `baud` is the rate at
    which it is sent, 0 the line's own.
    """

    unit_id: int
    pdu: bytes
    delay_ms: int = 0
    bad_frame: bool = False
    garbage: bool = False
    noise: bool = False
    cut: bool = False
    baud: int = 0

    def on_the_way(self, frame: bytes) -> bytes:
        """What becomes of its frame on the way."""
        if self.garbage:
            return noise(len(frame))
        if self.noise:
            return noise(_NOISE_BYTES) + frame
        return frame[: len(frame) // 2] if self.cut else frame


def reply(unit_id: int, faulty: Faulty, request: bytes) -> Reply | None:
    """What a unit with its fault answers; None is silence. A late reply carries the values of the request's moment."""
    faulty.requests += 1
    match faulty.fault:
        case Fault.SILENT | Fault.LINK_DROP:
            return None
        case Fault.EXCEPTION:
            return Reply(unit_id, pdu.exception(request[0], pdu.DEVICE_FAILURE))
    body = pdu.answer(faulty.unit, request)
    match faulty.fault:
        case Fault.LATE:
            return Reply(unit_id, body, delay_ms=faulty.late_ms)
        case Fault.WRONG_UNIT:
            return Reply(unit_id % 247 + 1, body)
        case Fault.WRONG_COUNT:
            return Reply(unit_id, _one_short(body))
        case Fault.CRC:
            return Reply(unit_id, body, bad_frame=True)
        case Fault.GARBAGE:
            return Reply(unit_id, body, garbage=True)
        case Fault.NOISE:
            return Reply(unit_id, body, noise=True)
        case Fault.TRUNCATED:
            return Reply(unit_id, body, cut=True)
        case Fault.BAUD:
            return Reply(unit_id, body, baud=faulty.baud)
    return Reply(unit_id, body)


def _one_short(body: bytes) -> bytes:
    """A well-formed reply with one register (or byte of inputs) fewer than was asked for."""
    width = 1 if body[0] == pdu.READ_DISCRETE_INPUTS else 2
    if body[0] & 0x80 or body[1] < width:
        return body
    return bytes((body[0], body[1] - width)) + body[2:-width]


def noise(size: int) -> bytes:
    """Bytes as a broken transceiver sends them."""
    return random.randbytes(size)


def at_other_baud(data: bytes, sent_baud: int, read_baud: int) -> bytes:
    """What a receiver at `read_baud` makes of 8N1 characters that were sent back to back at `sent_baud`.

    It looks for the edge of a start bit and samples each bit in its middle, as every UART does; framing errors are
    handed on as bytes, as a driver in raw mode does.
    """
    levels = [level for byte in data for level in (0, *(byte >> bit & 1 for bit in range(8)), 1)]
    ratio = sent_baud / read_baud

    def level(at: float) -> int:
        index = int(at * ratio)
        return levels[index] if index < len(levels) else 1

    read = bytearray()
    at, end = 0.0, len(levels) / ratio
    while at < end:
        if level(at):
            at += 1 / 16
            continue
        read.append(sum(level(at + 1.5 + bit) << bit for bit in range(8)))
        at += 9.5
    return bytes(read)


def signed(value: int) -> int:
    """A signed 16-bit value as the register shows it, held within its range."""
    clamped = max(-32768, min(32767, value))
    return int(struct.unpack(">H", struct.pack(">h", clamped))[0])
