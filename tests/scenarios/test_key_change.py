"""A box's log key is changed while the line is there, and once while it is not: the bridge follows (ANT-09, BOX-05)."""

import contextlib
import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.cloud_bridge.running import Bridge
from tests.edge.cli.box import PYTHON, Box, until
from tests.scenarios import test_new_epoch
from tests.scenarios.test_new_epoch import PATIENCE_S, _logs, _running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
bridge, box = test_new_epoch.bridge, test_new_epoch.box


def _changed(box: Box) -> dict[str, int]:
    """Change the key as a person types it; gives what was printed."""
    done = box.hotbox("audit", "keys", "rotate", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


@contextlib.contextmanager
def _held(bridge: Bridge, box: Box) -> Iterator[list[str]]:
    """What a person takes from the bridge to verify a copy of the log: keys and notes."""
    keys, notes = box.folder / "keys.txt", box.folder / "notes"
    keys.write_text(bridge.cli("audit", "keys", "box-1"))
    bridge.cli("audit", "held", "box-1", "--out", str(notes))
    yield ["--trust", str(keys), "--held", str(notes)]
    for note in notes.iterdir():
        note.unlink()
    notes.rmdir()


def test_a_key_is_changed_from_the_box_over_the_line_to_whoever_verifies(bridge: Bridge, box: Box) -> None:
    with _running(box, link=False):
        vkey = (box.folder / "data" / "log.vkey").read_text().strip()
    bridge.cli("box", "add", "box-1", "--vkey", vkey)
    with _running(box, link=True):
        until(lambda: _logs(bridge)[1][1], "the bridge has witnessed the first records", PATIENCE_S)
        first = _changed(box)["first"]
        until(lambda: _logs(bridge)[1][1] >= first, "the bridge has witnessed the change", PATIENCE_S)
    with _running(box, link=False):
        second = _changed(box)["first"]  # without a line
    assert second > first
    with _running(box, link=True):
        until(lambda: _logs(bridge)[1][1] > second, "the bridge witnesses what the third key signs", PATIENCE_S)
        assert box.status()["audit"]["epoch"] == 1
        shown = json.loads(box.hotbox("audit", "keys", "--json").stdout)["keys"]
    told = json.loads(bridge.cli("audit", "keys", "box-1", "--json"))["keys"]
    assert [(key["vkey"], key["first"]) for key in told] == [
        (key["vkey"], key["first"]) for key in shown if key["role"] == "box"
    ]
    assert [key["first"] for key in told] == [0, first, second]
    assert bridge.visitor("shen").json("/api/v1/boxes/box-1")["alerts"] == []
    stored, witnessed = _logs(bridge)[1]
    bridge.cli("audit", "verify", "box-1", code=0 if stored == witnessed else 4)
    db = str(box.folder / "data" / "audit" / "audit.db")
    with _held(bridge, box) as trust:
        verified = box.hotbox("audit", "verify", "--db", db, *trust)
        assert verified.returncode == 4, verified.stdout + verified.stderr
        case = str(box.folder / "case.zip")
        assert box.hotbox("audit", "export", "--db", db, "-o", case).returncode == 0
        alone = subprocess.run(
            [PYTHON, "-m", "edge.audit.case.verifier", case, *trust], capture_output=True, text=True, check=False
        )
        assert alone.returncode == 4, alone.stdout + alone.stderr
