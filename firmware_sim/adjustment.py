"""What a technician's handset writes into a head while test gas flows: its zero and its span, as holding registers."""

import struct

from firmware_sim.modbus import pdu
from firmware_sim.modbus.faults import signed

FIRST = 0x0200
"""Holding register 0x0200: zero in counts, signed; 0x0201: span in thousandths. Functions 3, 6 and 16."""
_SPAN = (500, 2000)
_WHOLE = 1000


def _well_formed(request: bytes) -> bool:
    """Whether function 16 carries as many registers as it says, at least one."""
    if len(request) < 8:
        return False
    count, size = struct.unpack(">HB", request[3:6])
    return bool(size == 2 * count == len(request) - 6)


class Adjustment:
    """Zero and span of one head: `zero` in counts, `span` in thousandths."""

    def __init__(self) -> None:
        """As it leaves the works."""
        self.zero = 0
        self.span = _WHOLE

    def of(self, value: float, scale: float) -> float:
        """What a head that is so adjusted says of a concentration."""
        return value * self.span / _WHOLE + self.zero * scale

    def respond(self, request: bytes) -> bytes | None:
        """The reply PDU; None when the request is not about these registers."""
        match request[0]:
            case pdu.READ_HOLDING_REGISTERS:
                return self._read(request)
            case pdu.WRITE_REGISTER if len(request) == 5:
                return self._write(request, struct.unpack(">H", request[3:]))
            case pdu.WRITE_REGISTERS if _well_formed(request):
                return self._write(request, struct.unpack(f">{request[5] // 2}H", request[6:]))
            case pdu.WRITE_REGISTER | pdu.WRITE_REGISTERS:
                return pdu.exception(request[0], pdu.ILLEGAL_DATA_VALUE)
        return None

    def _read(self, request: bytes) -> bytes | None:
        if len(request) != 5:
            return None
        start, count = struct.unpack(">HH", request[1:])
        if not FIRST <= start < start + count <= FIRST + 2:
            return None
        return pdu.registers_reply(request[0], (signed(self.zero), self.span)[start - FIRST :][:count])

    def _write(self, request: bytes, values: tuple[int, ...]) -> bytes:
        at = int.from_bytes(request[1:3], "big") - FIRST
        if not 0 <= at < at + len(values) <= 2:
            return pdu.exception(request[0], pdu.ILLEGAL_DATA_ADDRESS)
        zero, span = self.zero, self.span
        for place, value in enumerate(values, at):
            if place:
                span = value
            else:
                zero = value - 0x10000 if value & 0x8000 else value
        if not _SPAN[0] <= span <= _SPAN[1]:
            return pdu.exception(request[0], pdu.ILLEGAL_DATA_VALUE)
        self.zero, self.span = zero, span
        return request[:5]
