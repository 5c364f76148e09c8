"""The GNSS receiver, read with pyserial and pynmea2 as production does (BOX-02)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pynmea2
import pytest
import serial

from firmware_sim.client import Site
from firmware_sim.errors import SimulationError
from firmware_sim.gnss import sentence, sentences
from tests.firmware_sim.conftest import RunningSite

NOON = datetime(2026, 5, 6, 12, 0, 0, 400_000, tzinfo=UTC)


@pytest.fixture
def port(running: RunningSite, site: Site) -> Iterator[serial.Serial]:
    del site
    with serial.Serial(running.facts["gnss"]["device"], 9600, timeout=2) as line:
        yield line


def _next(port: serial.Serial, kind: str) -> Any:
    while True:
        text = port.readline().decode().strip()
        if text[3:6] == kind:
            return pynmea2.parse(text, check=True)


def test_a_fix_says_where_the_box_is(port: serial.Serial) -> None:
    gga = _next(port, "GGA")
    assert gga.latitude == pytest.approx(31.2304, abs=2e-5)
    assert gga.longitude == pytest.approx(121.4737, abs=2e-5)
    assert gga.gps_qual == 1
    rmc = _next(port, "RMC")
    assert rmc.status == "A"
    assert abs((datetime.now(UTC) - rmc.datetime).total_seconds()) < 2


def test_it_moves_where_it_is_put(site: Site, port: serial.Serial) -> None:
    site.set("gnss", 31.24, -121.5)
    while (gga := _next(port, "GGA")).latitude < 31.235:
        pass
    assert gga.longitude == pytest.approx(-121.5, abs=2e-5)


def test_losing_the_fix_is_void_not_silent(site: Site, port: serial.Serial) -> None:
    site.set("gnss", "nofix")
    while _next(port, "GGA").gps_qual != 0:
        pass
    assert _next(port, "RMC").status == "V"


def test_a_void_receiver_says_so(site: Site, port: serial.Serial) -> None:
    site.fault("gnss", "void")
    while _next(port, "RMC").status != "V":
        pass


def test_a_sentence_without_checksum_is_refused_by_a_strict_reader(site: Site, port: serial.Serial) -> None:
    site.fault("gnss", "no_checksum")
    while b"*" in (text := port.readline()):
        pass
    pynmea2.parse(text.decode().strip())
    with pytest.raises(pynmea2.ChecksumError):
        pynmea2.parse(text.decode().strip(), check=True)


def test_a_silent_receiver_sends_nothing(site: Site, port: serial.Serial) -> None:
    site.fault("gnss", "silent")
    port.reset_input_buffer()
    port.timeout = 0.5
    assert port.read(1) == b""


def test_five_pairs_a_second(port: serial.Serial) -> None:
    stamps = [_next(port, "GGA").timestamp for _ in range(3)]
    seconds = [stamp.second + stamp.microsecond / 1e6 for stamp in stamps]
    assert all((b - a) % 60 == pytest.approx(0.2, abs=0.1) for a, b in pairwise(seconds))


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(31.2304, 121.4737), (-33.999999999, -0.0000001), (0, 179.9999999), (89.99999, -180)]
)
def test_angles_survive_the_minutes_of_nmea(latitude: float, longitude: float) -> None:
    for text in sentences(NOON, latitude, longitude, fix=True):
        parsed = pynmea2.parse(text.strip(), check=True)
        assert parsed.latitude == pytest.approx(latitude, abs=1e-6)
        assert parsed.longitude == pytest.approx(longitude, abs=1e-6)


def test_the_checksum_is_the_one_of_nmea() -> None:
    assert sentence("GPGLL,5300.97914,N,00259.98174,E,125926,A").strip().endswith("*28")


@pytest.mark.parametrize("words", [("gnss", "north", "1"), ("gnss",), ("gnss", "1", "2", "3")])
def test_a_wrong_word_is_refused(site: Site, words: tuple[str, ...]) -> None:
    with pytest.raises(SimulationError, match="expected"):
        site.set(*words)
