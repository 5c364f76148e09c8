"""The arithmetic of a field bus, and what is refused before anything is polled (BOX-06)."""

import pytest

from contracts.errors import ContractError
from edge.gas import budget
from tests.edge.gas.site import channel, configuration

_RELAY_FRAME = 8
_ONE_REGISTER = (8, 7)
_EIGHT_REGISTERS = (8, 21)


def tcp(**changes):
    return {"name": "tcp-1", "kind": "tcp", "poll_ms": 100, "turnaround_ms": 10, "host": "127.0.0.1", **changes}


def rtu(**changes):
    return {"name": "rtu-1", "kind": "rtu", "poll_ms": 250, "turnaround_ms": 10, "device": "/dev/pts/0", **changes}


def box(bus, units, **inputs):
    return configuration([bus], [channel(f"d{n}", bus["name"], n) for n in range(1, units + 1)], **inputs)


@pytest.mark.parametrize(
    ("parity", "stop_bits", "bits"), [("N", 1, 10), ("N", 2, 11), ("E", 1, 11), ("O", 1, 11), ("E", 2, 12)]
)
def test_a_character_has_as_many_bits_as_parity_and_stop_bits_make(parity, stop_bits, bits):
    assert budget.character_bits(parity, stop_bits) == bits


@pytest.mark.parametrize(("baud", "gap"), [(9600, 4.01), (19200, 2.005), (19201, 1.75), (115200, 1.75)])
def test_frames_stand_three_and_a_half_characters_apart_or_a_fixed_time_above_19200(baud, gap):
    assert budget.gap_ms(baud, 11) == pytest.approx(gap, abs=0.01)


@pytest.mark.parametrize(
    ("baud", "read_ms", "one_worst", "cycle_of_8", "worst_of_8", "eight_registers_worst"),
    [
        (9600, 25.2, 63.6, 201.7, 240.1, 95.7),
        (19200, 12.6, 31.8, 100.8, 120.0, 47.8),
        (115200, 4.93, 12.4, 39.5, 46.9, 15.1),
    ],
)
def test_serial_line_table(baud, read_ms, one_worst, cycle_of_8, worst_of_8, eight_registers_worst):
    """The published limits of 11-bit characters without turnaround: read, read just missed, relay frame landed."""
    read = budget.rtu_transaction_ms(*_ONE_REGISTER, 0, baud, 11)
    block = budget.rtu_transaction_ms(*_EIGHT_REGISTERS, 0, baud, 11)
    relay = budget.frame_ms(_RELAY_FRAME, baud, 11) + budget.gap_ms(baud, 11)
    assert read == pytest.approx(read_ms, abs=0.06)
    assert 2 * read + relay == pytest.approx(one_worst, abs=0.06)
    assert 8 * read == pytest.approx(cycle_of_8, abs=0.06)
    assert 9 * read + relay == pytest.approx(worst_of_8, abs=0.06)
    assert 2 * block + relay == pytest.approx(eight_registers_worst, abs=0.06)


def test_eight_bits_without_parity_are_ten_per_cent_shorter():
    eleven = budget.rtu_transaction_ms(*_ONE_REGISTER, 0, 9600, 11)
    assert budget.rtu_transaction_ms(*_ONE_REGISTER, 0, 9600, 10) == pytest.approx(0.909 * eleven, rel=0.001)


def test_the_longest_rotated_read_counts():
    found = budget.bus_budget(box(rtu(), 2), box(rtu(), 2).buses[0])
    assert (found.request_bytes, found.reply_bytes) == (8, 17)
    assert found.cycle_ms == pytest.approx(2 * (25 * 10 / 9.6 + 2 * 35 / 9.6 + 10))


@pytest.mark.parametrize(
    ("bus", "units", "fits"),
    [
        (rtu(poll_ms=250), 2, True),
        (rtu(poll_ms=171), 2, True),
        (rtu(poll_ms=169), 2, False),
        (rtu(poll_ms=100), 2, False),
        (rtu(poll_ms=100), 8, False),
        (rtu(poll_ms=250), 8, False),
        (rtu(poll_ms=100, baud=115200), 2, False),
        (rtu(poll_ms=120, baud=115200), 2, True),
        (tcp(), 8, True),
        (tcp(), 9, True),
        (tcp(), 10, False),
        (tcp(poll_ms=10, turnaround_ms=0), 8, True),
        (tcp(poll_ms=10, turnaround_ms=1), 8, False),
    ],
)
def test_a_bus_that_cannot_keep_its_poll_period_is_refused(bus, units, fits):
    config = box(bus, units)
    if fits:
        assert [found.name for found in budget.check(config)] == [bus["name"]]
        return
    with pytest.raises(ContractError) as caught:
        budget.check(config)
    assert caught.value.field == f"buses.{bus['name']}.poll_ms"
    assert caught.value.came == str(bus["poll_ms"])


def test_the_refusal_prints_the_whole_sum_and_what_to_do():
    with pytest.raises(ContractError) as caught:
        budget.check(box(rtu(poll_ms=100), 2))
    assert str(caught.value) == (
        "buses.rtu-1.poll_ms: expected at least 170 ms (2 units: 8+17 bytes at 9600 baud = 26.0 ms + 10 ms turnaround"
        " + 7.3 ms gaps each, cycle 86.7 ms; one dead unit: 63.3 ms time-out + 63.3 ms quiet), got 100;"
        " raise poll_ms, the baud rate, or split the bus"
    )


def test_a_bus_in_the_budget_survives_one_dead_unit_within_its_poll_period():
    found = budget.check(box(rtu(), 3))[0]
    healthy = found.cycle_ms - found.transaction_ms
    assert healthy + found.timeout_ms + found.quiet_ms == pytest.approx(found.needed_ms)
    assert found.needed_ms <= found.poll_ms


@pytest.mark.parametrize("turnaround", [0, 1, 5, 10, 20, 50, 90])
def test_on_tcp_at_100_ms_everything_is_known_within_500_ms(turnaround):
    """Silent, exception, link drop and damaged frames trip within 500 ms on TCP at a 100 ms poll."""
    found = budget.check(box(tcp(turnaround_ms=turnaround), 1))[0]
    assert found.stale_ms <= 450
    assert found.worst_trip_ms <= 500


@pytest.mark.parametrize("bus", [tcp(), tcp(poll_ms=10, turnaround_ms=0), tcp(poll_ms=1000), rtu(), rtu(poll_ms=1000)])
def test_one_missed_reading_is_tolerated(bus):
    """Last good request at 0, one lost at one period, the next sent at two: its answer must still be in time."""
    found = budget.check(box(bus, 1))[0]
    assert found.stale_ms > 2 * found.poll_ms + found.timeout_ms


def test_limits_are_given_in_microseconds_per_channel_and_for_the_inputs():
    config = configuration([tcp(), rtu()], [channel("a", "tcp-1", 1), channel("b", "rtu-1", 1)], inputs_bus="tcp-1")
    on_tcp, on_rtu = (found.stale_ms for found in budget.check(config))
    assert budget.stale_limit_us(config, config.channels[0]) == round(on_tcp * 1000)
    assert budget.stale_limit_us(config, config.channels[1]) == round(on_rtu * 1000)
    assert budget.inputs_stale_limit_us(config) == round(on_tcp * 1000)


def test_inputs_take_one_transaction_of_their_bus():
    config = configuration([rtu()], [channel("a", "rtu-1", 1)], inputs_bus="rtu-1")
    found = budget.check(config)[0]
    assert found.units == 2
    assert found.cycle_ms == pytest.approx(
        budget.rtu_transaction_ms(8, 17, 10, 9600, 10) + budget.rtu_transaction_ms(8, 6, 10, 9600, 10)
    )


@pytest.mark.parametrize(
    "addresses", [{"arm": 1}, {"estop": 64}, {"estop": 900}, {"door": 4}, {"mains": 64}]
)
def test_inputs_that_one_request_cannot_cover_are_refused(addresses):
    with pytest.raises(ContractError, match="inputs: expected"):
        budget.check(box(tcp(), 1, inputs_bus="tcp-1", **addresses))


def test_inputs_are_read_from_the_lowest_address_to_the_highest():
    assert budget.input_span(box(tcp(), 1, arm=7, stop=9, finish=4, reset=20, estop=5)) == (4, 17)


@pytest.mark.parametrize(
    ("readable", "lengths"),
    [
        (0, (5,)), (8, (5,)), (9, (5,)), (10, (5, 9)), (17, (5, 9)), (18, (5, 9, 17)), (25, (5, 9, 17)),
        (26, (5, 9, 17, 25)), (2000, (5, 9, 17, 25)),
    ],
)  # fmt: skip
def test_lengths_of_inputs_stand_for_different_numbers_of_bytes_as_far_as_the_module_goes(readable, lengths):
    """BOX-06: a reply names its bytes, not its inputs. Wired are 1 to 5."""
    config = box(rtu(), 1, inputs_bus="rtu-1", arm=1, stop=2, finish=3, reset=4, estop=5, readable=readable)
    assert budget.input_lengths(config) == lengths
    sizes = [budget.input_reply_bytes(length) for length in lengths]
    assert len(set(sizes)) == len(lengths)
    reply = budget.register_reply_bytes(6), sizes[-1]
    assert budget.check(config)[0].cycle_ms == pytest.approx(
        sum(budget.rtu_transaction_ms(8, size, 10, 9600, 10) for size in reply)
    )


def test_a_channel_on_an_unknown_bus_has_no_limit():
    config = configuration([tcp()], [channel("a", "tcp-2", 1)])
    with pytest.raises(ContractError, match="one of tcp-1"):
        budget.stale_limit_us(config, config.channels[0])
