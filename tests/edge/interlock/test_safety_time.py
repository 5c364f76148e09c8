"""Process safety time: every worst case of a channel is added before anything runs, and too slow is refused."""

import contextlib
from pathlib import Path

import msgspec
import pytest

from contracts.errors import ContractError
from edge import config as box_config
from edge.config import BoxConfig, Channel, GpioChip, Inputs
from edge.gas.budget import bus_budget, inputs_age_ms
from edge.interlock import safety_time
from edge.interlock.safety_time import SafetyTime
from tests.edge.interlock.bench import GB
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
EXAMPLE = Path(box_config.__file__).parents[1] / "configs" / "box.example.yaml"
BUS_MS = {"gas-tcp": 340.0, "gas-rtu": 1240.0}
OTHERS_MS = 50 + 180 + 250
"""Decision, dead-man and relay of this pack."""


@pytest.fixture
def config() -> BoxConfig:
    return box_config.load(EXAMPLE)


def _heads(config: BoxConfig, vote: str, **t90_s: float) -> BoxConfig:
    """The example's methane group with heads of these response times; the last is on the slow bus."""
    first = config.channels[0]
    last = list(t90_s)[-1]
    heads: list[Channel] = [
        replace(first, name=name, t90_s=each, unit_id=20 + at, bus="gas-rtu" if name == last else first.bus)
        for at, (name, each) in enumerate(t90_s.items())
    ]
    group = replace(config.groups[0], vote=vote, channels=tuple(t90_s))
    return replace(config, channels=(*heads, *config.channels[1:]), groups=(group, *config.groups[1:]))


def test_the_examples_sum_is_every_term_added_up(config: BoxConfig) -> None:
    found = {time.channel: time for time in safety_time.sums(config, GB)}
    assert [BUS_MS[bus.name] for bus in config.buses[:2]] == [bus_budget(config, bus).worst_trip_ms for bus in config.buses[:2]]
    assert found["ch4-1"] == SafetyTime("ch4-1", 20_000, 340, 0, 50, 180, 250, 20_820, 30_000)
    assert found["co-1"] == SafetyTime("co-1", 20_000, 1240, 0, 50, 180, 250, 21_720, 30_000)


def test_two_of_three_wait_for_the_groups_slowest_head(config: BoxConfig) -> None:
    """A 2oo3 group trips when a second head sees gas, at worst when its slowest one does."""
    three = _heads(config, "2oo3", a=5.0, b=9.0, c=12.0)
    found = {time.channel: time for time in safety_time.sums(three, GB)}
    slowest = found["c"].t90_ms + found["c"].bus_ms
    for name, t90_ms in (("a", 5_000), ("b", 9_000), ("c", 12_000)):
        time = found[name]
        assert time.t90_ms == t90_ms
        assert time.vote_ms == slowest - t90_ms - time.bus_ms
        assert time.total_ms == slowest + OTHERS_MS
    assert found["a"].vote_ms > found["b"].vote_ms > found["c"].vote_ms == 0
    assert found["o2-1"].vote_ms == 0


def test_one_of_two_waits_for_nobody(config: BoxConfig) -> None:
    two = {time.channel: time for time in safety_time.sums(_heads(config, "1oo2", a=5.0, b=12.0), GB)}
    assert (two["a"].vote_ms, two["b"].vote_ms) == (0, 0)


def test_a_channel_without_a_group_waits_for_nobody(config: BoxConfig) -> None:
    alone = replace(config, groups=config.groups[1:])
    assert safety_time.sums(alone, GB)[0] == safety_time.sums(config, GB)[0]


def test_the_share_of_the_process_safety_time_is_allowed_to_the_millisecond(config: BoxConfig) -> None:
    at = 30_000 - OTHERS_MS - 340
    for t90_ms, ok in ((at, True), (at + 1, False)):
        slow = replace(config, channels=(replace(config.channels[0], t90_s=t90_ms / 1000), *config.channels[1:]))
        assert safety_time.sums(slow, GB)[0].ok is ok


@pytest.mark.parametrize(
    ("t90_s", "poll_ms"), [(40.0, 100), (5.0, 20_000)], ids=["the sensor", "the bus"]
)
def test_a_channel_that_is_too_slow_is_refused_by_its_slowest_part(
    config: BoxConfig, t90_s: float, poll_ms: int, wording: Wording
) -> None:
    first, *others = config.channels
    bus, *buses = config.buses
    slow = replace(
        config, channels=(replace(first, t90_s=t90_s), *others), buses=(replace(bus, poll_ms=poll_ms), *buses)
    )
    with pytest.raises(ContractError) as caught:
        safety_time.check(slow, GB)
    wording.check(caught.value)


def test_a_sensor_as_slow_as_its_bus_is_the_one_to_replace(config: BoxConfig) -> None:
    """A tie is named by the sensor: polling faster would not be enough."""
    first, *others = config.channels
    both = replace(config, channels=(replace(first, t90_s=0.34), *others))
    tight = replace(GB, process_safety_time_s=replace(GB.process_safety_time_s, value=1))
    with pytest.raises(ContractError) as caught:
        safety_time.check(both, tight)
    assert caught.value.field == "channels.ch4-1.t90_s"


def test_what_is_fast_enough_is_given_in_the_configurations_order(config: BoxConfig) -> None:
    assert [time.channel for time in safety_time.check(config, GB)] == [channel.name for channel in config.channels]


def test_a_later_channel_is_looked_at_too(config: BoxConfig) -> None:
    *others, last = config.channels
    slow = replace(config, channels=(*others, replace(last, t90_s=60.0)))
    with pytest.raises(ContractError, match=rf"^channels\.{last.name}\.t90_s"):
        safety_time.check(slow, GB)


def test_the_relays_own_figure_counts_and_more_than_the_packs_is_refused(config: BoxConfig, wording: Wording) -> None:
    """BOX-04: the pack's row is the most that is allowed; an ICP DAS module declares its watchdog and what it may be late."""
    module = replace(config.relay, kind="icpdas", watchdog_ms=100)
    fast = safety_time.check(replace(config, relay=module), GB)
    assert {time.dead_man_ms for time in fast} == {180}
    slow = replace(config, relay=replace(module, watchdog_ms=200))
    assert {time.dead_man_ms for time in safety_time.sums(slow, GB)} == {280}
    with pytest.raises(ContractError, match="icpdas, which declares 280 ms") as refused:
        safety_time.check(slow, GB)
    assert refused.value.field == "relay"
    wording.check(refused.value)


def test_what_a_gateway_may_hide_counts_and_half_the_safety_time_is_the_end(config: BoxConfig) -> None:
    """3 s of age at the gateway; at half the process safety time it passes, a millisecond beyond it is refused."""
    far = replace(config.channels[0], profile="portable-multigas-gateway", point="lel")
    changed = replace(config, channels=(far, *config.channels[1:]))
    plain = bus_budget(changed, changed.buses[0]).worst_trip_ms
    found = safety_time.sums(changed, GB)[0]
    assert found.bus_ms == plain + 3000
    spare = 30_000 - OTHERS_MS - 3000 - plain
    limit = replace(changed, channels=(replace(far, t90_s=spare / 1000), *config.channels[1:]))
    assert safety_time.sums(limit, GB)[0].ok
    beyond = replace(changed, channels=(replace(far, t90_s=(spare + 1) / 1000), *config.channels[1:]))
    with pytest.raises(ContractError, match=r"channels\.ch4-1\.t90_s: expected at most 30000 ms"):
        safety_time.check(beyond, GB)


def test_from_a_changed_register_to_the_open_contact(config: BoxConfig) -> None:
    """One poll, one read, an evaluation, the contact's own time; and the time-out of a unit that dies ahead of it."""
    budget = bus_budget(config, config.buses[0])
    assert budget.units > 1
    assert safety_time.flip_to_relay_ms(budget, GB) == 100 + 20.5 + 70 + 50 + 250
    alone = bus_budget(config, next(bus for bus in config.buses if bus.name == "inputs"))
    assert alone.units == 1
    assert safety_time.flip_to_relay_ms(alone, GB) == 50 + 10.5 + 50 + 250
    two = replace(alone, units=2)
    assert safety_time.flip_to_relay_ms(two, GB) == 50 + 10.5 + 60 + 50 + 250


def test_on_a_serial_line_the_silence_after_the_time_out_counts_too(config: BoxConfig) -> None:
    budget = bus_budget(config, next(bus for bus in config.buses if bus.name == "gas-rtu"))
    healthy = budget.worst_value_ms + 50 + 250
    assert budget.quiet_ms >= 50
    assert safety_time.flip_to_relay_ms(budget, GB) == pytest.approx(healthy + budget.timeout_ms + budget.quiet_ms)


@pytest.mark.parametrize(("poll_ms", "good"), [(300, True), (469, True), (470, False), (500, False)])
def test_inputs_whose_answers_in_time_are_already_too_old_are_refused(
    config: BoxConfig, poll_ms: int, good: bool, wording: Wording
) -> None:
    """inputs_ttl_ms: poll, 10 ms turnaround and half a millisecond of the host, 20 ms jitter, within 500 ms."""
    buses = tuple(replace(bus, poll_ms=poll_ms) if bus.name == "inputs" else bus for bus in config.buses)
    slow = replace(config, buses=buses)
    assert inputs_age_ms(slow) == poll_ms + 30.5
    if good:
        safety_time.check(slow, GB)
        return
    with pytest.raises(ContractError) as refused:
        safety_time.check(slow, GB)
    wording.check(refused.value)


@pytest.mark.parametrize(("age_ms", "good"), [(500.0, True), (500.1, False)])
def test_inputs_may_be_as_old_as_the_pack_says(
    config: BoxConfig, monkeypatch: pytest.MonkeyPatch, age_ms: float, good: bool
) -> None:
    """inputs_ttl_ms"""
    monkeypatch.setattr(safety_time, "inputs_age_ms", lambda _: age_ms)
    with contextlib.nullcontext() if good else pytest.raises(ContractError):
        safety_time.check(config, GB)


def test_inputs_on_gpio_lines_have_no_bus_to_be_slow(config: BoxConfig) -> None:
    wired = Inputs(kind="gpio", pull="up", arm=5, stop=6, finish=13, reset=19, estop=26)
    safety_time.check(replace(config, gpio=GpioChip("pi"), inputs=wired), GB)
