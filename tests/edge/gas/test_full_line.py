"""Eight units on one serial line at 9600 baud: the computed cycle is the real one, a dead unit costs what was computed."""

import asyncio
from pathlib import Path
from statistics import median

import pytest

from edge.gas.budget import check, register_reply_bytes, rtu_transaction_ms
from edge.gas.poller import BusPoller
from firmware_sim.gas import units_of
from firmware_sim.modbus import Fault, RtuBus
from firmware_sim.pty_line import PtyLine
from tests.edge.gas.site import Heard, channel, configuration, head

pytestmark = pytest.mark.alone

UNITS = range(1, 9)
TURNAROUND_MS = 10
BITS = 11  # two stop bits: the characters of the simulated line
DEAD = 3
CYCLES = 8
DEAD_S = 6.0


async def test_the_computed_cycle_is_the_real_one_and_a_dead_unit_costs_one_time_out_per_back_off(tmp_path: Path) -> None:
    """BOX-06: within 10 % at 9600 baud; the other seven are read in every cycle while one is dead."""
    units = units_of([head(f"d{n}", n) for n in UNITS], 150)
    bus = RtuBus(units, PtyLine(tmp_path / "rtu"), 9600, TURNAROUND_MS)
    await bus.start()
    rtu = {
        "name": "rtu", "kind": "rtu", "poll_ms": 500, "turnaround_ms": TURNAROUND_MS, "baud": 9600, "stop_bits": 2,
        "device": str(tmp_path / "rtu"),
    }  # fmt: skip
    config = configuration([rtu], [channel(f"d{n}", "rtu", n) for n in UNITS])
    (budget,) = check(config)
    heard = Heard()
    poller = BusPoller(config, config.buses[0], heard.deliver)
    task = asyncio.create_task(poller.run())
    try:
        shares = []
        for cycle in range(CYCLES):
            await heard.until(lambda cycle=cycle: poller.cycles > cycle, 10)
            # The read length rotates over 3 to 6 registers, all units in step: the budget's is the longest of the four.
            reply = register_reply_bytes(3 + cycle % 4)
            computed = len(UNITS) * rtu_transaction_ms(8, reply, TURNAROUND_MS, 9600, BITS)
            shares.append(poller.view().cycle_ms / computed)
            assert computed <= budget.cycle_ms + 0.001
        assert 0.9 <= median(shares) <= 1.1, shares
        assert poller.skipped == 0

        units[DEAD].fault = Fault.SILENT
        await heard.until(lambda: heard.of(f"d{DEAD}")[-1].value is None, 5)
        asked, cycles, errors = units[DEAD].requests, poller.cycles, poller.view().errors
        read = {n: len(heard.good(f"d{n}")) for n in UNITS}
        ended = asyncio.get_running_loop().time() + DEAD_S
        costs: list[tuple[int, float]] = []
        while asyncio.get_running_loop().time() < ended:
            done, before = poller.cycles, units[DEAD].requests
            await heard.until(lambda done=done: poller.cycles > done, 10)
            costs.append((units[DEAD].requests - before, poller.view().cycle_ms))
        # In milliseconds over the seven others: a cycle that asks it costs one time-out, any other nothing. The machine
        # only ever adds to that, so the quicker ones tell; that no cycle asks twice holds for all.
        assert all(tries <= 1 for tries, _ in costs), costs
        with_it, without = (sorted(took for tries, took in costs if tries == asks) for asks in (1, 0))
        assert with_it, costs
        assert without, costs
        asked_ms, free_ms = with_it[len(with_it) // 4], without[len(without) // 4]
        shortest, longest = (
            (len(UNITS) - 1) * rtu_transaction_ms(8, register_reply_bytes(count), TURNAROUND_MS, 9600, BITS)
            for count in (3, 6)
        )
        assert 0.9 * shortest <= free_ms <= 1.1 * longest, costs
        assert 0.9 * (shortest + budget.timeout_ms) <= asked_ms <= 1.1 * (longest + budget.timeout_ms), costs
        assert with_it[len(with_it) // 2] <= 1.1 * longest + budget.timeout_ms + budget.quiet_ms, costs
        # One at the end of each cycle at first, then one a second: each costs the line one time-out.
        tries, gone = units[DEAD].requests - asked, poller.cycles - cycles
        assert 2 <= tries <= DEAD_S + 3
        # A busy machine costs a living unit an answer now and then; a dead unit that delayed the others, most of them.
        assert poller.view().errors - errors <= tries + 3
        for n in UNITS:
            assert n == DEAD or len(heard.good(f"d{n}")) - read[n] >= gone - 3
        assert poller.skipped <= 2
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bus.stop()

