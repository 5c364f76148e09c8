"""A box whose card damaged its log: heard at once, its past sent as far as it holds, witnessed after two people (BOX-05)."""

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import sockets
from tests.cloud_bridge.conftest import furnish
from tests.cloud_bridge.running import PASSWORD, Bridge, running
from tests.edge.cli.box import PYTHON, Box, make_idle, until
from tests.edge.link.site import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
PATIENCE_S = 60


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    with running(tmp_path_factory.mktemp("epoch") / "data") as made:
        furnish(made)
        yield made


@pytest.fixture
def box(bridge: Bridge) -> Iterator[Box]:
    """An interlock that trusts this bridge, not started yet."""
    for made in make_idle():
        public = bridge.data / "public"
        settings = made.read() | {"metrics": {"host": "127.0.0.1", "port": free_port()}}
        settings["bridge"] = {
            "broker_host": bridge.host, "broker_port": bridge.port, "id": "bridge", "protocol": "3.1.1",
            "permit_keys": str(public / "permit_keys.json"), "command_keys": str(public / "command_keys.json"),
            "witness": str(public / "witness.vkey"),
        }  # fmt: skip
        made.write(settings)
        yield made


@contextlib.contextmanager
def _running(box: Box, *, link: bool) -> Iterator[None]:
    """Interlock and, with a line, link; ended as their units would end them."""
    inner, outer = sockets.pair()
    process = None
    try:
        box.start(link=inner)
        if link:
            os.set_inheritable(outer.fileno(), True)
            process = subprocess.Popen(
                [PYTHON, "-m", "edge.process", "link", str(box.config), f"link={outer.fileno()}"],
                pass_fds=[outer.fileno()],
            )
        yield
    finally:
        if process is not None:
            process.terminate()
            process.wait(20)
        box.end()
        inner.close()
        outer.close()


def _logs(bridge: Bridge) -> dict[int, tuple[int, int]]:
    """Leaves stored and witnessed by epoch."""
    with contextlib.closing(sqlite3.connect(f"file:{bridge.data / 'bridge.db'}?mode=ro", uri=True)) as db:
        return {row[0]: row[1:] for row in db.execute("SELECT epoch, size, witnessed_size FROM boxes_log")}


def _damage(path: Path) -> int:
    """Change the newest leaf as a broken card would; gives its seq."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        (seq,) = db.execute("SELECT max(seq) FROM event").fetchone()
        triggers = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'"))
        for name in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE event SET body=? WHERE seq=?", (b"{}", seq))
        for sql in triggers.values():
            db.execute(sql)
        db.commit()
    return int(seq)


def test_a_damaged_log_begins_anew_and_two_people_have_it_witnessed(bridge: Bridge, box: Box) -> None:
    with _running(box, link=False):
        vkey = (box.folder / "data" / "log.vkey").read_text().strip()
    bridge.cli("box", "add", "box-1", "--vkey", vkey)
    with _running(box, link=True):
        witnessed = until(lambda: _logs(bridge)[1][1], "the bridge has witnessed the first log", PATIENCE_S)
    with _running(box, link=False):
        pass  # it goes on without a line
    damaged = _damage(box.folder / "data" / "audit" / "audit.db")
    assert damaged > witnessed
    reader = bridge.visitor("shen")
    with _running(box, link=True):
        until(lambda: _logs(bridge).get(2, (0, 0))[0], "the new log is stored", PATIENCE_S)
        until(lambda: _logs(bridge)[1][0] == damaged, "the rest of the old log, as far as it holds", PATIENCE_S)
        found = reader.json("/api/v1/boxes/box-1")
        assert [alert["kind"] for alert in found["alerts"]] == ["epoch"]
        assert "the box names" in found["alerts"][0]["detail"]
        assert "audit.epoch_started" in {alarm["type"] for alarm in reader.json("/api/v1/alarms?box=box-1")}
        assert _logs(bridge)[2][1] == 0, "nothing of it is witnessed"
        assert box.status()["audit"]["acked"] == 0
        bridge.cli("box", "authorise", "box-1", "--epoch", "2", "--user", "an", "--password-stdin", text=f"{PASSWORD}\n")
        assert _logs(bridge)[2][1] == 0, "nor by one person's word"
        bridge.cli("box", "authorise", "box-1", "--epoch", "2", "--user", "root", "--password-stdin", text=f"{PASSWORD}\n")
        until(lambda: box.status()["audit"]["acked"], "the box has the bridge's cosignature", PATIENCE_S)
    assert reader.json("/api/v1/boxes/box-1")["alerts"] == []
    said = bridge.cli("audit", "verify", "box-1", code=4)
    assert f"{damaged} records unchanged" in said
