"""`hotbox watch`: on a real interlock, through its silence, its death and its return."""

import asyncio
import html
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from edge.cli.watch_app import WatchApp
from tests.edge.cli.box import HOTBOX, Box, until


def _text(app: WatchApp) -> str:
    """What stands on the screen."""
    found = re.findall(r"<text[^>]*>([^<]*)</text>", app.export_screenshot())
    return html.unescape(" ".join(found)).replace("\xa0", " ")


async def _sees(pilot: Pilot[None], app: WatchApp, true: Callable[[str], Any], what: str) -> str:
    async with asyncio.timeout(8):
        while not true(_text(app)):
            await pilot.pause(0.05)
    return _text(app) or what


def _app(box: Box, lang: str = "en") -> WatchApp:
    return WatchApp(box.folder / "run" / "control.sock", lang)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_trip_is_shown_with_cause_gas_people_and_relay(tripped: Box, size: tuple[int, int]) -> None:
    """BOX-06: everything that a person at the second terminal wants, in one look."""
    app = _app(tripped)
    async with app.run_test(size=size) as pilot:
        text = await _sees(pilot, app, lambda t: "first-out" in t, "the status")
        for word in (
            "why not",
            "ch4-1 is over its limit",
            "ALARM",
            "李娜",
            "张伟",
            "commanded",
            "witnessed",
            "quit",
            "line",
        ):
            assert word in text
        await _sees(pilot, app, lambda t: "over i" in t and "last events" in t, "events")


async def test_keys_change_language_and_open_the_explanation(tripped: Box) -> None:
    app = _app(tripped)
    async with app.run_test(size=(100, 30)) as pilot:
        await _sees(pilot, app, lambda t: "first-out" in t, "the status")
        await pilot.press("l")
        await _sees(pilot, app, lambda t: "首发原因" in t and "first-out" not in t, "Chinese")
        await pilot.press("e")
        await _sees(pilot, app, lambda t: "失联断开继电器" in t and "5.3.2" in t, "the explanation")
        await pilot.press("escape", "l")
        await _sees(pilot, app, lambda t: "first-out" in t, "English again")
        await pilot.press("q")
    assert app.return_code == 0


@pytest.mark.parametrize("size", [(60, 16), (40, 10), (76, 20), (200, 60)])
async def test_odd_sizes_still_show_the_state_and_the_cause(tripped: Box, size: tuple[int, int]) -> None:
    app = _app(tripped)
    async with app.run_test(size=size) as pilot:
        text = await _sees(pilot, app, lambda t: "first-out" in t, "the status")
        assert "ch4-1 is over" in text
        assert "█" in text


async def test_silence_is_said_loudly_and_the_return_too(box: Box) -> None:
    """A stopped interlock is not a quiet one."""
    assert box.interlock is not None
    app = _app(box)
    async with app.run_test(size=(100, 30)) as pilot:
        await _sees(pilot, app, lambda t: "why not" in t, "the status")
        box.interlock.send_signal(signal.SIGSTOP)
        try:
            await _sees(pilot, app, lambda t: "no word from the interlock for" in t and "Make safe" in t, "silence")
            assert app.lost is not None
        finally:
            box.interlock.send_signal(signal.SIGCONT)
        await _sees(pilot, app, lambda t: "the interlock is back" in t, "the return")
        assert app.lost is None


async def test_without_an_interlock_it_waits_and_says_for_what(tmp_path: Path) -> None:
    app = WatchApp(tmp_path / "control.sock", "en")
    async with app.run_test(size=(100, 30)) as pilot:
        await _sees(pilot, app, lambda t: "waiting for an interlock at" in t, "the wait")


def test_json_lines_survive_a_killed_interlock(box: Box) -> None:
    """`watch --json` goes on for ever: a line a status, and says when nobody answers."""
    env = os.environ | {"HOTBOX_LANG": "en"}
    with subprocess.Popen(
        [*HOTBOX, "-c", str(box.config), "watch", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    ) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None

        def line() -> dict[str, Any]:
            assert watching.stdout is not None
            found: dict[str, Any] = msgspec.json.decode(watching.stdout.readline())
            return found

        first = line()
        assert first["box"] == "box-1"
        box.kill()
        until(lambda: line() == {"lost": True}, "the loss")
        box.start()
        until(lambda: line().get("boot") == first["boot"] + 1, "the restarted interlock")
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        assert watching.wait(5) == 0
        assert watching.stderr.read() == b""


def test_a_picture_loads_nothing_from_elsewhere(tripped: Box, tmp_path: Path) -> None:
    file = tmp_path / "watch.svg"
    shown = tripped.hotbox("watch", "--picture", str(file), lang="zh")
    assert shown.returncode == 0, shown.stderr
    svg = file.read_text()
    assert len(svg) < 300_000
    addresses = set(re.findall(r"https?://[^\s\"')]+", svg))
    assert all("w3.org" in address or "textualize" in address for address in addresses)
    assert "url(http" not in svg


def test_into_a_file_it_says_what_to_use_instead_of_filling_it_with_codes(box: Box) -> None:
    shown = box.hotbox("watch")
    assert shown.returncode == 1
    assert shown.stdout == ""
    for word in ("a terminal", "--picture", "--json", "hotbox status"):
        assert word in shown.stderr
    assert "终端" in box.hotbox("watch", lang="zh").stderr


def test_a_size_that_is_none_is_refused(box: Box, tmp_path: Path) -> None:
    shown = box.hotbox("watch", "--picture", str(tmp_path / "w.svg"), "--size", "big")
    assert shown.returncode == 1
    assert "COLUMNSxLINES" in shown.stderr
