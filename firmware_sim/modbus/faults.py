"""What can go wrong between a detector and its reader, apart from what the detector itself says in its registers."""

import random
import struct
from enum import StrEnum

import msgspec

from firmware_sim.modbus import pdu


class Fault(StrEnum):
    """Faults of a unit on a bus.

    The last four are in the unit's own registers; the others are made on the way.
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
    FROZEN = "frozen"
    STATUS_FAULT = "status_fault"
    OVER_RANGE = "over_range"
    WARM_UP = "warm_up"


class Faulty(msgspec.Struct):
    """A unit on a bus with the fault it has now.

    Attributes:
        unit: the healthy unit behind it.
        fault: what is wrong.
        late_ms: how late a `late` reply is sent: longer than a reader waits, so that it arrives as a stale one.
        requests: requests that reached the unit.
    """

    unit: pdu.Unit
    fault: Fault = Fault.NONE
    late_ms: int = 350
    requests: int = 0

    @property
    def link_down(self) -> bool:
        """Whether this unit takes its bus down."""
        return self.fault is Fault.LINK_DROP


class Reply(msgspec.Struct, frozen=True):
    """What goes back: unit id and PDU, framed well or not, after `delay_ms`. `garbage` replaces the whole frame."""

    unit_id: int
    pdu: bytes
    delay_ms: int = 0
    bad_frame: bool = False
    garbage: bool = False


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


def signed(value: int) -> int:
    """A signed 16-bit value as the register shows it, held within its range."""
    clamped = max(-32768, min(32767, value))
    return int(struct.unpack(">H", struct.pack(">h", clamped))[0])
