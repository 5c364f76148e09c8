"""A box under systemd: the interlock listens, and knows by their users who hands in evidence and who commands."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from edge import sockets
from edge.interlock import evidence
from tests.edge.cli.box import PYTHON, Box, make_idle, until

BEACON = 1009
PRESENCE, LINK, STRANGER = 60_001, 60_002, 60_003

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can speak as other users")


@pytest.fixture(scope="module")
def listening() -> Iterator[Box]:
    """An interlock as its unit starts it: no inherited sockets."""
    for box in make_idle():
        box.config = box.write(box.read() | {"uids": {"presence": PRESENCE, "link": LINK}}, "listening.yaml")
        box.interlock = subprocess.Popen([PYTHON, "-m", "edge.process", "interlock", str(box.config)])
        run = box.folder / "run"
        until((run / "control.sock").exists, "the interlock answers")
        for path, mode in ((box.folder, 0o711), (run, 0o711), *((file, 0o666) for file in run.iterdir())):
            path.chmod(mode)
        yield box


@contextlib.contextmanager
def user(uid: int) -> Iterator[None]:
    """What is connected here is connected by this user: the kernel notes it then."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def connect(box: Box, uid: int) -> socket.socket:
    with user(uid):
        connected = sockets.connect(box.folder / "run" / "evidence.sock")
    connected.settimeout(10)
    return connected


def ask(box: Box, uid: int, **request: Any) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(10)
        with user(uid):
            asked.connect(str(box.folder / "run" / "control.sock"))
        asked.sendall(msgspec.json.encode(request) + b"\n")
        with asked.makefile("rb") as lines:
            answer: dict[str, Any] = msgspec.json.decode(lines.readline())
    return answer


def test_presence_is_believed_by_its_user(listening: Box) -> None:
    assert "place" in listening.failing()
    with contextlib.closing(connect(listening, PRESENCE)) as presence:

        def inside() -> bool:
            sockets.send(presence, evidence.encode(evidence.Position(sockets.now_us(), True, -40, 4, 9, 90)))
            sockets.send(presence, evidence.encode(evidence.Badge(sockets.now_us(), BEACON, -60)))
            return "place" not in listening.failing()

        until(inside, "the position counts")


def test_a_stranger_is_hung_up_on_and_recorded(listening: Box) -> None:
    with contextlib.closing(connect(listening, STRANGER)) as stranger:
        assert stranger.recv(64) == b""
    until(
        lambda: f"uid {STRANGER} is no source" in listening.hotbox("audit", "tail", "-n", "50", "--json").stdout,
        "the refusal is in the log",
    )


def test_link_cannot_vouch_for_a_place(listening: Box) -> None:
    """The table of sources goes by the user, not by what a datagram says."""
    with contextlib.closing(connect(listening, LINK)) as link:

        def refused() -> bool:  # of many refusals one in five seconds is recorded
            sockets.send(link, evidence.encode(evidence.Position(sockets.now_us(), True, -40, 4, 9, 90)))
            return '"source": "link"' in listening.hotbox("audit", "tail", "-n", "50").stdout

        until(refused, "the refusal is in the log")


def test_a_process_of_the_box_may_look_but_never_command(listening: Box) -> None:
    assert ask(listening, LINK, op="status")["ok"]
    for request in ({"op": "reset"}, {"op": "permit_import", "jws": "x"}, {"op": "gas_test", "analyst": "wang"}):
        refused = ask(listening, LINK, **request)
        assert not refused["ok"]
        assert refused["error"]["field"] == "caller"
        assert "link" in refused["error"]["came"]


def test_a_person_who_is_no_process_may_command(listening: Box) -> None:
    answer = ask(listening, STRANGER, op="reset")
    assert answer.get("error", {}).get("field") != "caller"


def test_root_makes_badges_as_the_owner_of_their_folder(listening: Box) -> None:
    secrets = listening.folder / "badges" / "secrets.json"
    secrets.parent.mkdir(mode=0o710)
    os.chown(secrets.parent, PRESENCE, PRESENCE)
    changed = listening.read()
    changed["presence"]["badges"]["secrets"] = str(secrets)
    file = listening.write(changed, "badges.yaml")
    done = listening.hotbox("-c", str(file), "provision", "badge", "1001", "--json")
    assert done.returncode == 0, done.stderr
    issued = msgspec.json.decode(done.stdout)
    assert issued["badge"] == 1001
    assert len(issued["secret"]) == 64
    assert (secrets.stat().st_uid, secrets.stat().st_mode & 0o777) == (PRESENCE, 0o600)
    again = listening.hotbox("-c", str(file), "provision", "badge", "1001")
    assert again.returncode == 1
    assert "--replace" in again.stderr
    assert issued["secret"] not in again.stdout + again.stderr
