"""`hotbox detector scan`, `watch` and `replace` on a real interlock (domain "Detector")."""

import datetime
from collections.abc import Iterator

import msgspec
import pytest

from tests.edge.cli.box import Box, make

pytestmark = pytest.mark.alone
DUE = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=200)).date().isoformat()


@pytest.fixture(scope="module")
def released() -> Iterator[Box]:
    """A box that is released, until a test stops it."""
    for box in make():
        box.release()
        yield box


def test_nothing_disturbs_a_released_box(released: Box) -> None:
    """Neither a scan of any bus nor the exchange of a head; the interlock goes on as it was."""
    for words in (("scan", "gas"), ("scan", "line"), ("replace", "ch4-1", "--serial", "SN-9", "--due", DUE, "--by", "wang")):
        refused = released.hotbox("detector", *words)
        status = released.status()
        assert status["state"] == "RELEASED", status["first_out"]
        assert refused.returncode == 1, refused.stdout
        assert "a box that is not armed or released" in refused.stderr


def test_watch_shows_what_detectors_read(released: Box) -> None:
    lines = released.hotbox("detector", "watch", "ch4-1", "o2-1", "--json", "--count", "2").stdout.splitlines()
    rows = [msgspec.json.decode(line) for line in lines]
    assert [[channel["name"] for channel in row["channels"]] for row in rows] == [["ch4-1", "o2-1"]] * 2
    assert rows[0]["t"] < rows[1]["t"]
    assert rows[1]["channels"][1]["value"] == 20.9
    plain = released.hotbox("detector", "watch", "--count", "1", lang="zh").stdout
    assert "20.9 vol%" in plain
    assert "SN-ch4-1" in plain
    missing = released.hotbox("detector", "watch", "ch4-9")
    assert missing.returncode == 1
    assert "ch4-1, o2-1, co-1, h2s-1" in missing.stderr


def test_a_scan_finds_every_unit_of_a_gateway_beside_the_interlock(released: Box) -> None:
    """After the stop: the interlock goes on polling, nothing of it is lost."""
    assert released.site is not None
    released.site.press("stop", 300)
    released.wait_for(lambda s: s["state"] == "TRIPPED", "stopped")
    released.wait_for(lambda s: all(channel["quality"] == "good" for channel in s["channels"]), "detectors read")
    found = msgspec.json.decode(released.hotbox("detector", "scan", "gas", "--units", "1-24", "--json").stdout)
    assert [unit["unit_id"] for unit in found] == [1, 2, 3, 4, 21, 22, 23, 24]
    assert {unit["unit"]["fits"][0]["profile"] for unit in found} == {"generic-int"}
    assert [unit["configured"] for unit in found[:3]] == [["ch4-1"], ["o2-1"], []]
    shown = released.hotbox("detector", "scan", "gas", "--units", "1-3")
    assert "gas: 3 of 3 units answered" in shown.stdout
    assert "not configured" in shown.stdout
    assert released.status()["channels"][0]["quality"] == "good"


def test_the_interlocks_serial_line_is_not_for_a_scan(released: Box) -> None:
    refused = released.hotbox("detector", "scan", "line", "--units", "1-2")
    assert refused.returncode == 1
    assert "stop the interlock first" in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"), [(("nowhere",), "one of gas, io, line"), (("gas", "--units", "0-5"), "within 1 to 247")]
)
def test_what_cannot_be_scanned_is_named(released: Box, words: tuple[str, ...], said: str) -> None:
    refused = released.hotbox("detector", "scan", *words)
    assert refused.returncode == 1
    assert said in refused.stderr


def test_an_exchanged_head_needs_a_bump_test_and_is_written_down(released: Box) -> None:
    asked = ("detector", "replace", "ch4-1", "--serial", "SN-9", "--due", DUE)
    assert released.hotbox(*asked, "--by", "zhao").returncode == 1
    done = released.hotbox(*asked, "--by", "wang")
    assert done.returncode == 0, done.stderr
    assert "the next release needs its bump test" in done.stdout
    status = released.status()
    channel = next(channel for channel in status["channels"] if channel["name"] == "ch4-1")
    assert (channel["serial"], channel["life"]) == ("SN-9", "BUMP_DUE")
    assert "bump_test" in released.failing()
    released.wait_for(lambda s: any(event["type"] == "detector.replaced" for event in s["events"]), "it is in the log")
    assert "SN-9" in released.hotbox("detector", "list").stdout


def test_a_serial_line_that_nobody_holds_is_scanned(released: Box) -> None:
    """With the interlock stopped."""
    released.end()
    found = msgspec.json.decode(released.hotbox("detector", "scan", "line", "--units", "1-3", "--json").stdout)
    assert [(unit["unit_id"], unit["configured"]) for unit in found] == [(1, ["co-1"]), (2, ["h2s-1"])]
    assert all(unit["unit"]["fits"][0]["profile"] == "generic-int" for unit in found)
