"""Time on a field bus, in numbers, before anything is polled: pure arithmetic over the configuration.

An RTU character has 1 start, 8 data, 0 or 1 parity and 1 or 2 stop bits. Frames stand apart by 3.5 characters, above
19200 baud by a fixed 1.75 ms (Modbus over serial line 1.02, 2.5.1.1). One transaction is request + gap + the
detector's turnaround + reply + gap. A bus must manage one cycle with one unit dead within its poll period: on a
serial line nothing may be sent during the time-out and the quiet window after it.
"""

import math

import msgspec

from contracts.errors import ContractError
from edge.config import Block, BoxConfig, Bus
from edge.gas.block import TAG_LENGTHS, reads
from edge.gas.decoding import profile_of
from edge.gas.tag import UNANSWERED_POLLS

INPUT_COUNT_MAX = 64
"""Discrete inputs are read in one request."""

LIVE_COUNTER_MS = 100
"""A live counter moves at least this often, unless its device's profile allows it more time."""

_REQUEST_BYTES = 8  # unit, function, register (2), count (2), CRC (2): FC2, FC3 and FC4 alike
_REPLY_FRAME_BYTES = 5  # unit, function, byte count, CRC (2)
_SERIAL_MARGIN_MS = 20.0  # USB adapters hold bytes back for up to 16 ms (latency timer), plus the host's own jitter
_TCP_FLOOR_MS = 50.0  # round trip over a plant network; 1.2 ms p99 measured on loopback
_TCP_SCAN_MS = 250.0  # a unit that nobody configured yet may be slow, and a scan keeps no process safety time
_TCP_HOST_MS = 0.5  # per transaction on the host; p50 0.3 ms measured, eight units 2 to 4 ms
_JITTER_MS = 20.0
_STALE_FLOOR_MS = 200.0  # a fast poll must not turn the host's own hiccup into a trip


class BusBudget(msgspec.Struct, frozen=True):
    """One bus in milliseconds (see the module's text for the sum).

    Attributes:
        baud: of the line, 0 on TCP.
        units: transactions in a cycle.
        request_bytes: bytes of a request frame (0 on TCP: the wire's time is the network's).
        reply_bytes: bytes of the longest reply frame among its units, at the longest rotated length.
        tag_free: a unit of this line has no register to rotate its read length with, see `edge.gas.tag`.
        transaction_ms: the longest healthy transaction.
        timeout_ms: how long a reply is waited for.
        quiet_ms: silence kept after a failed transaction (serial lines only).
        cycle_ms: all units healthy.
        needed_ms: the shortest possible poll period.
        stale_ms: a value older than this, counted from its request, is not a value.
        frozen_ms: a live counter that stands still for longer is a fault (the slowest device's).
        worst_value_ms: a change at the detector's output -> its reading delivered, all units healthy.
        worst_trip_ms: anything that can go wrong on this bus -> known. The slowest is a frozen or silent detector.
    """

    name: str
    kind: str
    poll_ms: float
    baud: int
    units: int
    tag_free: bool
    request_bytes: int
    reply_bytes: int
    wire_ms: float
    gaps_ms: float
    turnaround_ms: float
    transaction_ms: float
    timeout_ms: float
    quiet_ms: float
    cycle_ms: float
    needed_ms: float
    stale_ms: float
    frozen_ms: float
    worst_value_ms: float
    worst_trip_ms: float


def character_bits(parity: str, stop_bits: int) -> int:
    """Bits of one character on the line: 10 for 8N1, 11 for 8E1, 8O1 and 8N2."""
    return 1 + 8 + (0 if parity == "N" else 1) + stop_bits


def gap_ms(baud: int, bits: int) -> float:
    """The silence between two frames."""
    return 1.75 if baud > 19200 else 3.5 * bits * 1000 / baud


def frame_ms(size: int, baud: int, bits: int) -> float:
    """Time that `size` bytes take on the line."""
    return size * bits * 1000 / baud


def rtu_transaction_ms(request: int, reply: int, turnaround_ms: float, baud: int, bits: int) -> float:
    """Request, gap, turnaround, reply, gap."""
    return frame_ms(request + reply, baud, bits) + 2 * gap_ms(baud, bits) + turnaround_ms


def register_reply_bytes(count: int) -> int:
    """Bytes of an RTU reply with `count` registers."""
    return _REPLY_FRAME_BYTES + 2 * count


def input_reply_bytes(count: int) -> int:
    """Bytes of an RTU reply with `count` discrete inputs."""
    return _REPLY_FRAME_BYTES + input_bytes(count)


def input_bytes(count: int) -> int:
    """Bytes that say `count` discrete inputs."""
    return (count + 7) // 8


def input_span(config: BoxConfig) -> tuple[int, int]:
    """First address and count of the discrete inputs that one request covers.

    Raises:
        ContractError: two inputs share an address, or they lie too far apart for one request.
    """
    wired = config.inputs.addresses
    addresses = tuple(wired.values())
    came = ", ".join(f"{name} {at}" for name, at in wired.items())
    if len(set(addresses)) < len(addresses):
        raise ContractError("inputs", f"{len(addresses)} different addresses", came, "one address for each contact")
    first, count = min(addresses), max(addresses) - min(addresses) + 1
    if count > INPUT_COUNT_MAX:
        raise ContractError(
            "inputs", f"addresses within {INPUT_COUNT_MAX} of each other", came, "wire them to neighbouring inputs"
        )
    return first, count


def input_lengths(config: BoxConfig) -> tuple[int, ...]:
    """Counts of discrete inputs that one request may ask for, the shortest first.

    A reply names its bytes, eight inputs each. So the counts stand for different numbers of bytes, `TAG_LENGTHS` of
    them where the module has so many inputs (`inputs.readable`), else as many as it has.
    """
    first, count = input_span(config)
    longer = (8 * (input_bytes(count) + more) + 1 for more in range(TAG_LENGTHS - 1))
    return (count, *(length for length in longer if first + length <= config.inputs.readable))


def _replies(config: BoxConfig, bus: Bus) -> list[int]:
    replies = [register_reply_bytes(block.lengths[-1]) for block in reads(config, bus.name)]
    if config.inputs.bus == bus.name:
        replies.append(input_reply_bytes(input_lengths(config)[-1]))
    return replies


def bus_budget(config: BoxConfig, bus: Bus) -> BusBudget:
    """The sum for one bus, whether it fits or not."""
    replies = _replies(config, bus)
    poll, turnaround = float(bus.poll_ms), float(bus.turnaround_ms)
    if bus.kind == "rtu":
        bits = character_bits(bus.parity, bus.stop_bits)
        request, reply = _REQUEST_BYTES, max(replies, default=0)
        wire, gaps = frame_ms(request + reply, bus.baud, bits), 2 * gap_ms(bus.baud, bits)
        transaction = wire + gaps + turnaround
        cycle = sum(rtu_transaction_ms(request, size, turnaround, bus.baud, bits) for size in replies)
        timeout = transaction + _SERIAL_MARGIN_MS
        # A reply that misses the time-out is drained: as long again as the slowest declared one would have taken.
        quiet = max(timeout, 50.0)
        needed = cycle - transaction + timeout + quiet if replies else 0.0
        loss = timeout + quiet
    else:
        request = reply = 0
        wire, gaps, quiet = 0.0, 0.0, 0.0
        transaction = turnaround + _TCP_HOST_MS
        cycle = transaction * len(replies)
        timeout = turnaround + _TCP_FLOOR_MS
        # A suspect unit is asked over a connection of its own, so a time-out costs the others no cycle.
        needed, loss = cycle, timeout
    tag_free = bus.kind == "rtu" and any(len(block.lengths) == 1 for block in reads(config, bus.name))
    # A missed reading is tolerated: the next but one must arrive in time even when another unit fails before it.
    again = 2 + (UNANSWERED_POLLS if tag_free else 0)
    stale = max(again * poll + timeout + min(loss, poll / 2) + _JITTER_MS, _STALE_FLOOR_MS)
    steps = [counter_step_ms(block) for block in config.blocks if block.bus == bus.name]
    frozen = max(steps, default=LIVE_COUNTER_MS) + timeout + _JITTER_MS
    # The counter may have moved once more before it stopped: the next poll sees that, later ones see it stand still.
    frozen_seen = poll + (frozen // poll + 1) * poll + transaction
    return BusBudget(
        name=bus.name, kind=bus.kind, poll_ms=poll, baud=bus.baud if bus.kind == "rtu" else 0, units=len(replies),
        tag_free=tag_free, request_bytes=request, reply_bytes=reply,
        wire_ms=wire, gaps_ms=gaps, turnaround_ms=turnaround, transaction_ms=transaction, timeout_ms=timeout,
        quiet_ms=quiet, cycle_ms=cycle, needed_ms=needed, stale_ms=stale, frozen_ms=frozen,
        worst_value_ms=poll + transaction, worst_trip_ms=max(stale, frozen_seen),
    )  # fmt: skip


def counter_step_ms(block: Block) -> int:
    """How often its live counter moves at least."""
    counter = profile_of(block).counter
    return LIVE_COUNTER_MS if counter is None else counter.step_ms


def frozen_us(budget: BusBudget, block: Block) -> int:
    """How long its live counter may stand still.

    Two requests this far apart were answered more than one step apart, however late the first answer was.
    """
    return round((counter_step_ms(block) + budget.timeout_ms + _JITTER_MS) * 1000)


def device_age_ms(block: Block) -> int:
    """How old a value may be when its device shows it (a gateway's radio)."""
    age = profile_of(block).age
    return 0 if age is None else age.max_ms


def scan_budget(config: BoxConfig, bus: Bus, registers: int) -> BusBudget:
    """The same line for somebody who asks anyone for up to `registers`: time-out and quiet window for such a reply."""
    budget = bus_budget(config, bus)
    if bus.kind != "rtu":
        return msgspec.structs.replace(budget, timeout_ms=max(budget.timeout_ms, _TCP_SCAN_MS))
    bits, reply = character_bits(bus.parity, bus.stop_bits), register_reply_bytes(registers)
    transaction = rtu_transaction_ms(_REQUEST_BYTES, reply, float(bus.turnaround_ms), bus.baud, bits)
    timeout = transaction + _SERIAL_MARGIN_MS
    return msgspec.structs.replace(budget, timeout_ms=timeout, quiet_ms=max(timeout, 50.0))


def describe(budget: BusBudget) -> str:
    """The whole sum of one bus in one line."""
    wire = (
        f"{budget.request_bytes}+{budget.reply_bytes} bytes at {budget.baud} baud = {budget.wire_ms:.1f} ms"
        f" + {budget.turnaround_ms:.0f} ms turnaround + {budget.gaps_ms:.1f} ms gaps each"
        if budget.kind == "rtu"
        else f"{budget.turnaround_ms:.0f} ms turnaround + {_TCP_HOST_MS} ms host each"
    )
    dead = (
        f"; one dead unit: {budget.timeout_ms:.1f} ms time-out + {budget.quiet_ms:.1f} ms quiet"
        if budget.kind == "rtu"
        else ""
    )
    return f"{budget.units} units: {wire}, cycle {budget.cycle_ms:.1f} ms{dead}"


def _check_bus(budget: BusBudget) -> None:
    if budget.needed_ms <= budget.poll_ms:
        return
    remedy = (
        "raise poll_ms, the baud rate, or split the bus"
        if budget.kind == "rtu"
        else "raise poll_ms, lower turnaround_ms if the detectors allow, or split the bus"
    )
    raise ContractError(
        f"buses.{budget.name}.poll_ms",
        f"at least {math.ceil(budget.needed_ms)} ms ({describe(budget)})",
        f"{budget.poll_ms:.0f}",
        remedy,
    )


def check(config: BoxConfig) -> list[BusBudget]:
    """Refuse a bus that cannot do what its poll period promises.

    Raises:
        ContractError: names the bus and prints the whole sum.
    """
    budgets = [bus_budget(config, bus) for bus in config.buses]
    for budget in budgets:
        _check_bus(budget)
    return budgets


def _bus(config: BoxConfig, name: str) -> Bus:
    for bus in config.buses:
        if bus.name == name:
            return bus
    raise ContractError("bus", f"one of {', '.join(bus.name for bus in config.buses)}", name)


def stale_limit_us(config: BoxConfig, block: Block) -> int:
    """Age, counted from the request, at which a channel's or sensor's last good reading is worth nothing."""
    return round(bus_budget(config, _bus(config, block.bus)).stale_ms * 1000)


def stale_limits_us(config: BoxConfig) -> dict[str, int]:
    """The same for every channel and sensor, by name."""
    return {block.name: stale_limit_us(config, block) for block in config.blocks}


def inputs_age_ms(config: BoxConfig) -> float:
    """How old the buttons' and contacts' reading gets while every answer comes in time."""
    return bus_budget(config, _bus(config, config.inputs.bus)).worst_value_ms + _JITTER_MS


def inputs_stale_limit_us(config: BoxConfig) -> int:
    """How old it gets when one answer is missing: what `stale_limit_us` is for a channel."""
    return round(bus_budget(config, _bus(config, config.inputs.bus)).stale_ms * 1000)
