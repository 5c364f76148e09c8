"""Process safety time: from gas at the sensor to an open contact, summed for every channel before anything runs.

    term        from                        meaning
    T90         the channel's t90_s         the sensor shows 90 % of a step
    bus         edge.gas.budget             the slowest thing that can go wrong on its bus is known, and how old a
                                            gateway's values may be
    vote        the group's other heads     2oo3 waits for a second head, at worst for its slowest one
    decision    the kernel                  an evaluation at least every 50 ms
    dead-man    the relay's own figure      the interlock hangs at just that moment, the primary relay opens instead
    relay       the pack's settle_ms        the contact follows; later than this is a fault of its own

Every term is its worst case, and they are added although they can hardly all come together.
"""

import msgspec

from contracts.errors import ContractError
from edge.config import BoxConfig, Channel
from edge.gas.budget import BusBudget, bus_budget, device_age_ms, inputs_age_ms
from edge.interlock.rules import Rules
from edge.relay.timing import dead_man_ms

DECISION_MS = 50.0
"""The kernel evaluates on every event and at least this often (design, "The interlock kernel")."""


class SafetyTime(msgspec.Struct, frozen=True):
    """One channel's sum in milliseconds; `allowed_ms` is the pack's share of its process safety time."""

    channel: str
    t90_ms: float
    bus_ms: float
    vote_ms: float
    decision_ms: float
    dead_man_ms: float
    relay_ms: float
    total_ms: float
    allowed_ms: float

    @property
    def ok(self) -> bool:
        """Whether the channel is fast enough."""
        return self.total_ms <= self.allowed_ms


def _seen_ms(config: BoxConfig, channel: Channel) -> tuple[float, float]:
    """T90 and bus."""
    bus = next(bus for bus in config.buses if bus.name == channel.bus)
    return channel.t90_s * 1000, bus_budget(config, bus).worst_trip_ms + device_age_ms(channel)


def flip_to_relay_ms(budget: BusBudget, rules: Rules) -> float:
    """Worst case from a changed register to an open contact: bus, decision, relay.

    Another unit of the bus may die ahead of it in just that cycle: its time-out, and on a serial line the quiet window.
    """
    dead_ms = budget.timeout_ms + budget.quiet_ms if budget.units > 1 else 0.0
    return budget.worst_value_ms + dead_ms + DECISION_MS + rules.settle_ms.value


def sums(config: BoxConfig, rules: Rules) -> tuple[SafetyTime, ...]:
    """Every channel's sum, in the order of the configuration, whether it is allowed or not."""
    seen = {channel.name: _seen_ms(config, channel) for channel in config.channels}
    slowest = {
        name: max(sum(seen[member]) for member in group.channels)
        for group in config.groups
        if group.vote == "2oo3"
        for name in group.channels
    }
    found = []
    for channel in config.channels:
        t90, bus = seen[channel.name]
        vote = slowest.get(channel.name, t90 + bus) - (t90 + bus)
        dead_man, relay = float(dead_man_ms(config.relay)), float(rules.settle_ms.value)
        total = t90 + bus + vote + DECISION_MS + dead_man + relay
        allowed = rules.process_safety_time_s.value * 10 * rules.safety_time_share_percent.value
        found.append(SafetyTime(channel.name, t90, bus, vote, DECISION_MS, dead_man, relay, total, allowed))
    return tuple(found)


def describe(time: SafetyTime) -> str:
    """The whole sum in one line."""
    return (
        f"T90 {time.t90_ms:.0f} + bus {time.bus_ms:.0f} + vote {time.vote_ms:.0f} + decision {time.decision_ms:.0f}"
        f" + dead-man {time.dead_man_ms:.0f} + relay {time.relay_ms:.0f} = {time.total_ms:.0f} ms"
    )


def _check_inputs(config: BoxConfig, rules: Rules) -> None:
    """Just before the next answer comes the last one is this old, counted from its request."""
    if config.inputs.kind != "modbus":
        return
    row = rules.inputs_ttl_ms
    oldest = inputs_age_ms(config)
    if oldest > row.value:
        raise ContractError(
            f"buses.{config.inputs.bus}.poll_ms",
            f"inputs that are never older than {row.value} ms while all is well ({row.clause})",
            f"up to {oldest:.1f} ms, so nothing would ever be released for long",
            "poll the inputs' bus faster, or give the module a bus of its own",
        )


def check(config: BoxConfig, rules: Rules) -> tuple[SafetyTime, ...]:
    """The sums; refuses a channel that is too slow for the process.

    Raises:
        ContractError: names the channel's slowest part and prints the whole sum; or the primary relay, when what it
            declares is more than the pack's dead-man time; or the inputs' bus, when even its answers in time are older
            than the pack lets inputs be.
    """
    _check_inputs(config, rules)
    declared, row = dead_man_ms(config.relay), rules.dead_man_ms
    if declared > row.value:
        raise ContractError(
            "relay", f"a relay that opens by itself within {row.value} ms ({row.clause})",
            f"{config.relay.kind}, which declares {declared} ms", "set its watchdog shorter, or use another relay",
        )  # fmt: skip
    found = sums(config, rules)
    for time, channel in zip(found, config.channels, strict=True):
        if time.ok:
            continue
        share = f"{rules.safety_time_share_percent.value} % of {rules.process_safety_time_s.value} s"
        allowed = f"at most {time.allowed_ms:.0f} ms, {share}"
        slow_bus = time.bus_ms > time.t90_ms
        raise ContractError(
            f"buses.{channel.bus}.poll_ms" if slow_bus else f"channels.{channel.name}.t90_s",
            f"{allowed} ({rules.process_safety_time_s.clause})",
            describe(time),
            "poll faster or split the bus" if slow_bus else "use a faster sensor or sampling line",
        )
    return found
