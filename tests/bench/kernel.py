"""One evaluation of the kernel with 16 gas channels, beside a bare loop over the same readings.

The bare loop asks of each reading only whether it is good, young and within its limits: what a plain script would do.
Both run in turns, in one process, with the garbage collector off as in the interlock.
"""

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracts.gas import Unit
from edge.gas.reading import Quality
from edge.interlock import kernel
from edge.interlock.snapshot import Snapshot
from tests.bench.figures import median, p99
from tests.edge.interlock.bench import SITE, Bench, group, replace

TRIALS = 10_000
CHANNELS = 16
_BLOCK = 500


def box() -> Bench:
    """A released box with sixteen channels."""
    groups = [group(f"ch4-{n}", "2oo3", "CH4", Unit.PCT_LEL, *(f"ch4-{n}{head}" for head in "abc")) for n in range(4)]
    groups += [group(f"o2-{n}", "1oo1", "O2", Unit.VOL_PCT, f"o2-{n}") for n in range(2)]
    groups += [group(f"co-{n}", "1oo1", "CO", Unit.PPM, f"co-{n}") for n in range(2)]
    bench = Bench(replace(SITE, groups=tuple(groups)))
    assert len(bench.site.channels) == CHANNELS
    return bench.prepare().release()


def bare(bench: Bench, snapshot: Snapshot, now_us: int) -> bool:
    """Every reading good, young and within its limits."""
    for channel in bench.site.channels:
        reading, limit = snapshot.readings[channel.name], channel.limit
        if reading.quality is not Quality.GOOD or now_us - reading.at_us > channel.stale_us or reading.value is None:
            return False
        if (limit.high is not None and reading.value > limit.high) or (limit.low is not None and reading.value < limit.low):
            return False
    return True


def _timed(call: Callable[[], object], trials: int) -> list[float]:
    """Microseconds of each call."""
    took = []
    for _ in range(trials):
        began = time.perf_counter_ns()
        call()
        took.append((time.perf_counter_ns() - began) / 1000)
    return took


def run(_: Path, trials: int, told: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Measure a released box that goes on, a trip, and the bare loop, in turns."""
    bench = box()
    clean = bench.snapshot()
    bench.gas["ch4-0a"].value = bench.gas["ch4-0b"].value = 60.0
    over, now = bench.snapshot(), bench.now + 1000

    def evaluate(snapshot: Snapshot) -> kernel.Step:
        return kernel.step(bench.site, bench.rules, bench.durable, bench.volatile, snapshot, now)

    assert evaluate(clean).relay is kernel.Relay.HOLD
    assert evaluate(over).relay is kernel.Relay.OPEN
    assert bare(bench, clean, now)
    assert not bare(bench, over, now)
    held: list[float] = []
    tripped: list[float] = []
    plain: list[float] = []
    gc.collect()
    gc.disable()
    try:
        while len(held) < trials:
            block = min(_BLOCK, trials - len(held))
            held += _timed(lambda: evaluate(clean), block)
            tripped += _timed(lambda: evaluate(over), block)
            plain += _timed(lambda: bare(bench, clean, now), block)
            told("evaluations", len(held), trials)
    finally:
        gc.enable()
    return {
        "trials": len(held), "channels": CHANNELS,
        "median_us": median(held), "p99_us": p99(held), "trip_median_us": median(tripped), "trip_p99_us": p99(tripped),
        "bare_median_us": median(plain), "bare_p99_us": p99(plain),
    }  # fmt: skip
