"""The panel process against the real interlock and the simulated output module: recorded pin states and times."""

import itertools
import signal
import socket
import subprocess

import msgspec
import pytest

from edge.panel.patterns import TABLE, Meaning
from edge.sockets import now_us
from tests.edge.cli.box import PYTHON, make_idle, until

PLACES = {"kind": "modbus", "unit_id": 30, "red": 0, "amber": 1, "green": 2, "white": 3, "buzzer": 4, "silence": 0,
          "lamp_test": 1, "silence_s": 30}  # fmt: skip
PRESS_MS = 1500
"""So long that a machine with other work hears it: the module is asked ten times a second at best."""


@pytest.fixture(scope="module")
def box():
    for made in make_idle():
        settings = made.read()
        settings["panel"] = {**PLACES, **_at(made)}
        made.write(settings)
        made.start()
        panel = subprocess.Popen([PYTHON, "-m", "edge.process", "panel", str(made.config)])
        made.panel = panel
        try:
            yield made
        finally:
            panel.terminate()
            assert panel.wait(20) == 0


def _at(made):
    return msgspec.json.decode((made.folder / "site" / "site.json").read_bytes())["outputs"]


def _lamps(box):
    return box.site.state()["outputs"]


def _log(box, since_us, *names):
    return [(at, name, on) for at, name, on in _lamps(box)["log"] if at >= since_us and (not names or name in names)]


def _view(box):
    done = box.hotbox("panel", "--json")
    return msgspec.json.decode(done.stdout) if done.stdout else {"meaning": ""}  # it has not begun yet


def test_a_box_without_permit_flashes_three_times(box):
    """The recorded coil: on and off 300 ms each, three times, then a pause of 1.5 s."""
    until(lambda: _view(box)["meaning"] in ("permit", "box"), "the panel hears the interlock", 30)
    meaning = Meaning(_view(box)["meaning"])
    count = {Meaning.PERMIT: 3, Meaning.BOX: 5}[meaning]
    start = max(at for at, *_ in _lamps(box)["log"])
    until(lambda: len(_log(box, start + 1, "amber")) > 4 * count, "four rounds", 60)
    rows = _log(box, start + 1, "amber")
    assert all(a[2] is not b[2] for a, b in itertools.pairwise(rows)), "on and off in turn"
    gaps = [(a[2], (b[0] - a[0]) / 1000) for a, b in itertools.pairwise(rows)]
    pauses = [index for index, (on, ms) in enumerate(gaps) if not on and ms > 900]
    assert len(pauses) >= 2
    for one, other in itertools.pairwise(pauses):
        between = gaps[one + 1 : other]
        assert sum(on for on, _ in between) == count, "as many flashes as it says"
        assert all(100 < ms < 700 for _, ms in between)
        assert 1200 < gaps[other][1] < 2200
    assert _lamps(box)["green"] is _lamps(box)["red"] is False


def test_lamp_test_by_command_and_by_button_lights_everything(box):
    for press in (lambda: box.hotbox("panel", "test"), lambda: box.site.press("lamp_test", PRESS_MS)):
        until(lambda: not _lamps(box)["green"], "the last test is over", 20)
        press()
        until(lambda: all(_lamps(box)[name] for name in ("red", "amber", "green", "white", "buzzer")), "all on", 10)
        until(lambda: not _lamps(box)["buzzer"], "and off again", 20)


def test_the_silence_button_silences_for_the_declared_time(box):
    box.site.press("silence", PRESS_MS)
    quiet_ms = until(lambda: _view(box)["quiet_ms"], "silenced", 10)
    assert quiet_ms <= PLACES["silence_s"] * 1000
    assert "silenced" in box.hotbox("panel").stdout


def test_gas_over_its_limit_flashes_everything_and_cannot_be_silenced(box):
    box.site.set("ch4-1", "40")
    until(lambda: _view(box)["meaning"] == "evacuate", "it says: leave", 20)
    refused = box.hotbox("panel", "silence")
    assert refused.returncode == 1
    assert "evacuation" in refused.stderr
    since = max(at for at, *_ in _lamps(box)["log"])
    until(lambda: {n for _, n, _ in _log(box, since + 1)} >= {"red", "amber", "green", "white", "buzzer"}, "all flash", 20)
    box.site.set("ch4-1", "0")
    until(lambda: _view(box)["meaning"] != "evacuate", "it is over", 20)


def test_what_it_says_is_words_and_a_picture(box):
    shown = box.hotbox("panel", lang="zh")
    meaning = Meaning(_view(box)["meaning"])
    assert shown.returncode == 0, shown.stderr
    assert TABLE[meaning].zh in shown.stdout
    assert "█" in shown.stdout
    table = box.hotbox("panel", "table")
    assert all(show.en in table.stdout for show in TABLE.values())
    assert TABLE[meaning].en in box.hotbox("status").stdout


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b'{"op":"\xff"}\n', b'{"op":"evacuate"}\n', b"[" * 5000 + b"\n"])
def test_what_nobody_understands_is_answered_with_what_may_be_asked(box, line):
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(5)
        asked.connect(str(box.folder / "run-panel" / "panel.sock"))
        asked.sendall(line)
        answer = msgspec.json.decode(asked.makefile("rb").readline())
    assert (answer["ok"], answer["error"]["expected"]) == (False, "show, test or silence")


def test_a_silent_module_is_told_and_found_again(box):
    box.site.fault("outputs", "link_drop")
    until(lambda: not _view(box)["output_ok"], "it knows that nobody sees it", 20)
    assert box.hotbox("panel").returncode == 1
    box.site.fault("outputs", "none")
    until(lambda: _view(box)["output_ok"], "back", 20)


def test_an_interlock_that_hangs_or_dies_is_shown_as_a_fault_within_a_second(box):
    """Red fast and the buzzer; recorded, from the moment at which it was stopped."""
    interlock = box.interlock
    until(lambda: _view(box)["heard"], "it hears", 10)
    stopped = now_us()
    interlock.send_signal(signal.SIGSTOP)
    try:
        until(lambda: [row for row in _log(box, stopped, "red") if row[2]], "red", 10)
    finally:
        interlock.send_signal(signal.SIGCONT)
    first = next(at for at, _, on in _log(box, stopped, "red") if on)
    assert (first - stopped) / 1e6 < 1.5, "0.9 s of silence, on a machine that may be busy"
    until(lambda: not _lamps(box)["red"], "it speaks again", 20)
    killed = now_us()
    box.kill()
    until(lambda: [row for row in _log(box, killed, "red") if row[2]], "red", 10)
    assert (next(at for at, _, on in _log(box, killed, "red") if on) - killed) / 1e6 < 1.0
    until(lambda: len(_log(box, killed, "red")) >= 6, "fast", 10)
    gaps = [(b[0] - a[0]) / 1000 for a, b in itertools.pairwise(_log(box, killed, "red")[:6])]
    assert all(50 < gap < 400 for gap in gaps), gaps
