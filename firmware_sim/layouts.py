"""Register tables of product families: what the heads of one unit say, as that family's registers show it.

Each is written from the family's description alone, so that a mistake in the reader is not hidden by the same mistake
here. `said` holds one entry a head; a unit of several heads (a remote-I/O module, a portable) shows them side by side.
"""

import struct
from collections.abc import Callable, Sequence

import msgspec

from firmware_sim.clock import now_us
from firmware_sim.modbus.faults import signed


class Said(msgspec.Struct, frozen=True):
    """What one head measures and says of itself.

    Attributes:
        name, unit_id: which head it is.
        slot: its place in a unit of several: the analog input, the sensor's socket.
        value: concentration that its element shows, in its unit.
        scale: value of one count, where the family leaves that to the head.
        range_high: end of its range.
        fault, over_range, warm_up: what it says of itself.
        unheard_s: how long its gateway has not heard it.
    """

    name: str
    unit_id: int
    slot: int
    value: float
    scale: float
    range_high: float
    fault: bool
    over_range: bool
    warm_up: bool
    unheard_s: float = 0.0


def _ticks(every_us: int) -> int:
    return now_us() // every_us & 0xFFFF


def _float(value: float) -> tuple[int, int]:
    """A float of IEEE 754 as two registers, high word first."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


def generic_int(said: Sequence[Said]) -> Sequence[int]:
    """One head with counts, status and live counter.

    | register | what it shows |
    |---|---|
    | 0 | value, signed; times `scale` = value in the head's unit |
    | 1 | status: bit 0 fault, bit 1 over range, bit 2 warming up |
    | 2 | live counter, rises every 50 ms, wraps at 65536 |
    | 3, 4 | serial number, high word first |
    | 5 | unit id |
    | 6 | end of range in counts |
    | 7 | hardware revision |
    | 8 | firmware, major x 256 + minor |
    | 9 | temperature, 0.1 °C |
    """
    (head,) = said
    top = round(head.range_high / head.scale)
    counts = round(head.value / head.scale)
    over = head.over_range or counts > top
    serial = 26_040_000 + sum(head.name.encode()) * 10 + head.unit_id
    return (
        signed(top if over else counts), head.fault | over << 1 | head.warm_up << 2, _ticks(50_000), serial >> 16,
        serial & 0xFFFF, head.unit_id, min(top, 0xFFFF), 2, 0x0104, 253,
    )  # fmt: skip


def generic_float(said: Sequence[Said]) -> Sequence[int]:
    """One head with a float: registers 0 and 1 the value, 2 status as of `generic_int`, 3 live counter, then spare."""
    (head,) = said
    over = head.over_range or head.value > head.range_high
    status = head.fault | over << 1 | head.warm_up << 2
    return (*_float(min(head.value, head.range_high)), status, _ticks(50_000), 0, 0, 0)


def generic_float_low_first(said: Sequence[Said]) -> Sequence[int]:
    """The same with the low word first."""
    high, low, *rest = generic_float(said)
    return (low, high, *rest)


def rtu_fixed_head(said: Sequence[Said]) -> Sequence[int]:
    """A fixed head: 0 status, 1 tenths of its unit, 2 temperature, 3 and 4 serial number, 0x0100 what it is.

    Status: bit 0 electronics, 1 sensor at its end, 3 over range, 5 warming up, 8 first alarm, 15 sensor board alive.
    """
    (head,) = said
    over = head.over_range or head.value > head.range_high
    alarm = head.value >= head.range_high / 5
    status = head.fault << 1 | over << 3 | head.warm_up << 5 | alarm << 8 | 1 << 15
    table = [0] * 257
    table[:5] = status, signed(round(min(head.value, head.range_high) * 10)), 253, 0x2604, head.unit_id
    table[256] = 0x4644
    return table


_MICROAMPERES_WARM_UP = 2000
_MICROAMPERES_FAULT = 3200
_MICROAMPERES_OVER = 20_800


def analog_inputs(said: Sequence[Said]) -> Sequence[int]:
    """A module with eight inputs of 4-20 mA in microamperes, 8 its state, then spare; an open input reads 0."""
    table = [0] * 12
    for head in said:
        current = round(4000 + 16_000 * head.value / head.range_high)
        if head.warm_up:
            current = _MICROAMPERES_WARM_UP
        if head.fault:
            current = _MICROAMPERES_FAULT
        if head.over_range:
            current = _MICROAMPERES_OVER
        table[head.slot] = max(0, min(_MICROAMPERES_OVER, current))
    return table


_PORTABLE_SCALES = (0.1, 0.1, 1.0, 0.1)


def portable(said: Sequence[Said]) -> Sequence[int]:
    """A portable of four sensors at its gateway.

    | register | what it shows |
    |---|---|
    | 0 | the portable: bit 0 sensor module, 1 pump, 2 battery empty, 3 docked, 4 battery low |
    | 1 | tenths of a second since the gateway heard it |
    | 2 to 5 | LEL in 0.1 %, oxygen in 0.1 vol%, CO in ppm, H2S in 0.1 ppm |
    | 6 to 9 | state of each sensor: 0 good, 1 warming up, 2 over range, 3 under range, 4 failed, 5 absent |
    | 10 | the gateway's seconds |
    | 1000 | what it is |
    """
    table = [0] * 1001
    table[6:10] = 5, 5, 5, 5
    for head in said:
        table[2 + head.slot] = signed(round(min(head.value, head.range_high) / _PORTABLE_SCALES[head.slot]))
        state = 1 if head.warm_up else 0
        if head.value > head.range_high or head.over_range:
            state = 2
        table[6 + head.slot] = 4 if head.fault else state
    table[1] = min(3 + round(10 * max(head.unheard_s for head in said)), 0xFFFF)
    table[10] = _ticks(1_000_000)
    table[1000] = 0x5047
    return table


LAYOUTS: dict[str, Callable[[Sequence[Said]], Sequence[int]]] = {
    "generic-int": generic_int,
    "generic-float": generic_float,
    "generic-float-low-first": generic_float_low_first,
    "rtu-fixed-head": rtu_fixed_head,
    "4-20ma-remote-io": analog_inputs,
    "portable-multigas-gateway": portable,
}
