"""A vision process that hangs ends and is started again; one that grows is stopped."""

import socket
import subprocess
import sys
import time

import pytest

from edge.evidence_client import EvidenceClient
from edge.interlock import rules
from edge.vision import guard
from edge.vision.process import _Process as Process
from tests.edge.presence.box import box

WITHIN_S = 20


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=WITHIN_S, check=False)


def test_process_that_hangs_in_a_library_ends_and_says_where():
    """BOX-01: even while the library holds the interpreter, so that no Python runs."""
    done = run(
        "import ctypes; from edge.vision import guard; guard.HUNG_S = 0.5; guard.Watchdog().feed();"
        "ctypes.PyDLL(None).sleep(60)"
    )
    assert done.returncode == 1
    assert "Timeout" in done.stderr


def test_process_that_is_fed_lives():
    """The test above can fail."""
    done = run(
        "import time; from edge.vision import guard; guard.HUNG_S = 0.5; dog = guard.Watchdog()\n"
        "for _ in range(10): dog.feed(); time.sleep(0.1)\n"
        "dog.stop(); time.sleep(0.8)"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_systemds_watchdog_is_fed_too(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        dog = guard.Watchdog()
        dog.feed()
        assert manager.recv(100) == b"WATCHDOG=1"
    dog.feed()  # a manager that went away stops nobody
    dog.stop()


def test_memory_is_bounded_and_no_core_is_left():
    done = run(
        "import resource; from edge.vision import guard; guard.bound()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_DATA)[0] == guard.DATA_BYTES)\n"
        "try: bytearray(guard.DATA_BYTES)\nexcept MemoryError: print('bounded')"
    )
    assert done.stdout.splitlines() == ["(0, 0) True", "bounded"], done.stderr


def test_stricter_limit_from_outside_stays():
    done = run(
        "import resource; from edge.vision import guard; least = 200 << 20\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (least, least)); guard.bound()\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA) == (least, least))"
    )
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize(
    ("camera", "busy_s", "moves"),
    [(True, None, True), (True, 1.0, True), (True, guard.HUNG_S + 0.1, False), (False, None, False)],
)
def test_process_moves_while_camera_and_worker_do(tmp_path, monkeypatch, camera, busy_s, moves):
    """BOX-01: a thread that died or hangs leaves the watchdog hungry."""
    config = box(tmp_path)
    process = Process(config, EvidenceClient(config, None), rules.load("gb30871-2022"))
    monkeypatch.setattr(process._camera, "alive", lambda: camera)
    process._busy_since_s = None if busy_s is None else time.monotonic() - busy_s
    assert process._moves() is moves


def test_camera_whose_thread_never_began_or_ended_does_not_live(tmp_path):
    from edge.vision.camera import CameraReader

    reader = CameraReader(box(tmp_path).vision)
    assert not reader.alive()
    reader.start()
    assert reader.alive()
    reader.stop()
    assert not reader.alive()
