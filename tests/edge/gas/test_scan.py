"""A scan finds who answers and by which family, on both kinds of bus, and stops when it may not go on."""

from pathlib import Path

import pytest

from edge.config import Bus
from edge.gas.budget import scan_budget
from edge.gas.poller import LINES
from edge.gas.profile import load
from edge.gas.scan import COUNTER_S, Lost, Unit, scan
from firmware_sim.gas import Detector, units_of
from firmware_sim.modbus import Fault, Faulty, RtuBus, TcpBus
from firmware_sim.pty_line import PtyLine
from tests.edge.gas.site import configuration
from tests.edge.gas.test_profiles import FAMILIES, head


def _heads(value: float) -> list[Detector]:
    return [Detector(head(f"d{n}", name, unit_id=2 * n, value=value)) for n, name in enumerate(FAMILIES, start=1)]


async def _found(bus: Bus, units: range, may: object = lambda: None) -> dict[int, Unit]:
    line = LINES[bus.kind](bus, scan_budget(configuration([], []), bus, 16))
    try:
        return {unit_id: unit async for unit_id, unit in scan(line, units, may) if unit is not None}
    finally:
        line.close()


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_every_family_is_known_by_what_only_it_shows(kind: str, tmp_path: Path) -> None:
    """Six families with gas on them, at every second id; a gateway's "not there" and a serial line's silence alike."""
    heads = _heads(12.5)
    units = units_of(heads, 150)
    simulated = TcpBus(units) if kind == "tcp" else RtuBus(units, PtyLine(tmp_path / "rtu"), 19200)
    await simulated.start()
    bus = (
        Bus("b", "tcp", 100, 5, host="127.0.0.1", port=simulated.port)
        if isinstance(simulated, TcpBus)
        else Bus("b", "rtu", 500, 10, device=str(tmp_path / "rtu"), baud=19200)
    )
    found = await _found(bus, range(1, 2 * len(FAMILIES) + 2))
    await simulated.stop()
    assert sorted(found) == [2 * n for n in range(1, len(FAMILIES) + 1)]
    for number, name in enumerate(FAMILIES, start=1):
        fits = found[2 * number].fits
        assert fits[0].profile == name, fits
        assert len(fits) == 1 or fits[0].score > fits[1].score, fits


async def test_clean_air_does_not_tell_word_orders_apart_and_the_scan_says_so() -> None:
    heads = [Detector(head("d1", "generic-float", value=0.0))]
    simulated = TcpBus(units_of(heads, 150))
    await simulated.start()
    found = await _found(Bus("b", "tcp", 100, 5, host="127.0.0.1", port=simulated.port), range(1, 2))
    await simulated.stop()
    best = [fit for fit in found[1].fits if fit.score == found[1].fits[0].score]
    assert {fit.profile for fit in best} == {"generic-float", "generic-float-low-first"}


class Losing(Faulty):
    """A unit on a bus that loses every third of its answers."""

    @property
    def fault(self) -> Fault:
        return Fault.SILENT if self.requests % 3 == 0 else Fault.NONE

    @fault.setter
    def fault(self, _value: Fault) -> None:
        """It has no other."""


@pytest.mark.parametrize("name", FAMILIES)
async def test_a_lost_answer_neither_hides_a_unit_nor_speaks_against_its_family(name: str) -> None:
    """Whichever of the answers to a scan are lost, it finds the same as on a sound bus."""
    sound = units_of([Detector(head("d1", name, value=12.5))], 150)
    found = []
    for first in range(-1, 3):
        units = {1: Losing(sound[1].unit, requests=first) if first >= 0 else sound[1]}
        simulated = TcpBus(units)
        await simulated.start()
        found.append(await _found(Bus("b", "tcp", 100, 5, host="127.0.0.1", port=simulated.port), range(1, 2)))
        await simulated.stop()
    sound_bus, *lossy = [{fit.profile: fit.score for fit in one[1].fits} for one in found]
    assert next(iter(sound_bus)) == name
    for scores in lossy:
        assert next(iter(scores)) == name
        assert scores.keys() == sound_bus.keys()
        assert {profile: scores[profile] for profile in scores if not _slow(profile)} == {
            profile: sound_bus[profile] for profile in scores if not _slow(profile)
        }


def _slow(profile: str) -> bool:
    """Whether the live counter of a profile may stand between two looks of a scan, so that its score varies."""
    counter = load(profile).counter
    return counter is not None and counter.step_ms > COUNTER_S * 1000


async def test_it_ends_at_once_when_it_may_not_go_on() -> None:
    simulated = TcpBus(units_of(_heads(0.0), 150))
    await simulated.start()
    asked = []

    def may() -> None:
        asked.append(True)
        if len(asked) == 3:
            raise PermissionError

    with pytest.raises(PermissionError):
        await _found(Bus("b", "tcp", 100, 5, host="127.0.0.1", port=simulated.port), range(1, 20), may)
    await simulated.stop()
    assert len(asked) == 3


async def test_a_line_that_cannot_be_opened_is_said_and_not_taken_for_silence(tmp_path: Path) -> None:
    with pytest.raises(Lost, match="not connected"):
        await _found(Bus("b", "rtu", 100, 5, device=str(tmp_path / "nothing"), baud=9600), range(1, 3))
