"""`make demo` leaves nothing behind, whatever ends it: Ctrl-C, a kill, a closed terminal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_sim.demo.processes import until


def _naming(folder: Path) -> list[str]:
    """Command lines of the living processes that were told this folder."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = line.read_bytes()
        except OSError:
            continue  # it has ended
        if os.fsencode(folder) in command:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


def _as_from_a_terminal() -> None:
    """A job in the background, whose terminal's end it notices even where these tests run under nohup."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_behind_when_the_demo_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """Started as a shell starts a background job: with SIGINT ignored. A second signal must not cut it short."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "firmware_sim.demo", "--lang", "en"],
        env=os.environ | {"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=_as_from_a_terminal, start_new_session=True,
    )  # fmt: skip
    try:
        until("the simulated site's process", lambda: True if _naming(tmp_path) else None, 60)
        demo.send_signal(number)
        demo.send_signal(number)
        said, _ = demo.communicate(timeout=60)
    finally:
        demo.kill()
        demo.wait()
    assert demo.returncode == 0
    assert b"ending" in said
    assert b"Traceback" not in said
    assert list(tmp_path.glob("hotbox-demo-*")) == []
    until("the end of all processes", lambda: None if _naming(tmp_path) else True)
