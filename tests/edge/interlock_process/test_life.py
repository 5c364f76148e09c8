"""The process from its start to its end: releases, gaps, a line that takes nothing, and what it finds afterwards."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import sockets
from edge.audit.reader import Reader
from edge.interlock import process
from tests.edge.cli.box import PYTHON, Box, make, make_idle, until
from tests.edge.interlock_process.asking import BUMP, DEADLINE_S, answer, ready, refusal

PR_CAPBSET_DROP, CAP_SYS_NICE = 24, 23
_STILL_S = 0.4
"""Twice the dead-man time."""


@pytest.fixture
def idle() -> Iterator[Box]:
    """A simulated site, and an interlock that is not started yet."""
    yield from make_idle()


@pytest.fixture(scope="module")
def prepared() -> Iterator[Box]:
    """A box that was made ready to be armed, and ended; what it remembers lies in `ready`."""
    for box in make_idle():
        box.start()
        ready(box)
        assert box.end() == 0
        shutil.copytree(box.folder / "data", box.folder / "ready")
        yield box


@pytest.fixture
def armed(prepared: Box) -> Iterator[Box]:
    """The box that was made ready, started again: it may be armed."""
    data = prepared.folder / "data"
    shutil.rmtree(data)
    shutil.copytree(prepared.folder / "ready", data)
    prepared.start()
    prepared.wait_for(lambda s: s["state"] == "PERMISSIVE_OK", "all conditions are met")
    yield prepared
    if prepared.interlock and prepared.interlock.poll() is None:
        prepared.end()


def _events(box: Box, kind: str) -> list[Any]:
    log = Reader.open(box.folder / "data" / "audit" / "audit.db")
    try:
        return [event for event in log.events(0, log.size()) if event.type == kind]
    finally:
        log.close()


def test_a_release_survives_a_second_press_and_ends_with_the_process(armed: Box) -> None:
    """BOX-01: told to end, it opens first, and comes up tripped; the log's start is a clean one."""
    assert armed.site is not None
    armed.site.press("arm")
    released = armed.wait_for(lambda s: s["state"] == "RELEASED" and s["relay"]["contact"] == "closed", "released")
    armed.site.press("arm")
    armed.wait_for(lambda s: s["inputs"]["arm"], "the button is pressed again")
    armed.wait_for(lambda s: not s["inputs"]["arm"], "the button is let go")
    assert armed.status()["attempt"] == released["attempt"]
    for op, asked, field in (
        ("relay_test", {"people": ["wang", "zhao"], "drill": True, "isolated": True}, "state"),
        ("detector_test", BUMP, "state"),
        ("reconfirm", {"permit": "HW-1", "person": "li"}, "permit"),
    ):
        assert refusal(armed, op, **asked)["field"] == field, f"{op} while released"
    assert armed.status()["state"] == "RELEASED"
    assert armed.end() == 0
    assert armed.site.state()["deadman"]["contact"] == "O"
    armed.start()
    status = armed.status()
    assert (status["state"], status["boot"]) == ("TRIPPED", released["boot"] + 1)
    assert [event.data["clean"] for event in _events(armed, "system.boot")][-1]


def test_a_release_that_nobody_ended_comes_up_tripped_and_says_why(armed: Box) -> None:
    """Power goes while released; the start records what it decided, and ends in order itself."""
    assert armed.site is not None
    armed.site.press("arm")
    armed.wait_for(lambda s: s["relay"]["contact"] == "closed", "released")
    armed.kill()
    until(lambda: armed.site and armed.site.state()["deadman"]["contact"] == "O", "the dead-man opens")
    armed.start()
    status = armed.wait_for(lambda s: s["events"], "the start's own events")
    assert (status["state"], status["first_out"]["code"]) == ("TRIPPED", "unclean_restart")
    assert armed.end() == 0
    tripped = _events(armed, "interlock.tripped")[-1]
    assert tripped.data["code"] == "unclean_restart"


def test_a_loop_that_stood_still_trips_and_believes_nothing_that_waited(armed: Box) -> None:
    """BOX-04: after a gap longer than the dead-man time what waits in the sockets is no evidence any more."""
    assert armed.site is not None
    assert armed.interlock is not None
    armed.site.press("arm")
    armed.wait_for(lambda s: s["relay"]["contact"] == "closed", "released")
    armed.interlock.send_signal(signal.SIGSTOP)
    until(lambda: armed.site and armed.site.state()["deadman"]["contact"] == "O", "the dead-man opens")
    # The contact opens a dead-man time after the last heartbeat, and that was before the last turn.
    threading.Event().wait(_STILL_S)
    armed.interlock.send_signal(signal.SIGCONT)
    status = armed.wait_for(lambda s: s["state"] == "TRIPPED", "the box has tripped")
    assert status["first_out"]["code"] == "loop_gap"
    armed.wait_for(lambda s: "loop" not in {v["condition"] for v in s["verdicts"] if not v["ok"]}, "it is punctual again")
    assert armed.end() == 0


def test_a_close_that_the_line_does_not_take_trips_after_the_settle_time(armed: Box) -> None:
    """BOX-04: the controller is heard but takes no bytes: authorised, never closed, and said so."""
    assert armed.site is not None
    armed.site.fault("deadman", "clogged")
    armed.site.press("arm")
    status = armed.wait_for(lambda s: s["state"] == "TRIPPED", "the box has tripped")
    assert status["first_out"]["code"] in ("deadman_open", "feedback_not_closed")
    assert armed.site.state()["deadman"]["contact"] == "O"
    armed.site.fault("deadman", "none")
    assert armed.end() == 0
    assert _events(armed, "release.commanded")
    assert not _events(armed, "relay.closed")


def test_inputs_that_fall_silent_are_unknown_and_their_return_is_believed(idle: Box) -> None:
    """BOX-02: a silent button module is a pressed stop."""
    idle.start()
    assert idle.site is not None
    idle.wait_for(lambda s: s["inputs"]["stop"] is not None, "the inputs are read")
    idle.site.fault("inputs", "silent")
    idle.wait_for(lambda s: s["inputs"]["stop"] is None, "nothing is known of them")
    idle.site.fault("inputs", "none")
    idle.wait_for(lambda s: s["inputs"]["stop"] is not None, "the inputs are read")
    assert idle.end() == 0


def _without_priority() -> None:
    """Runs in the child: it may not raise its priority, whoever starts it."""
    with contextlib.suppress(OSError):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_NICE)


def test_an_interlock_that_may_not_raise_its_priority_runs_all_the_same(idle: Box) -> None:
    idle.interlock = subprocess.Popen(
        [PYTHON, "-m", "edge.process", "interlock", str(idle.config)], preexec_fn=_without_priority
    )
    until((idle.folder / "run" / "control.sock").exists, "the interlock answers", 30)
    policies = {os.sched_getscheduler(int(thread.name)) for thread in Path(f"/proc/{idle.interlock.pid}/task").iterdir()}
    assert policies == {os.SCHED_OTHER}
    assert idle.status()["state"] == "LOCKED"
    assert idle.end() == 0


def test_a_thread_that_has_ended_meanwhile_needs_no_priority() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    assert thread.native_id is not None
    gone = Path(f"/proc/self/task/{thread.native_id}")
    until(lambda: not gone.exists(), "the kernel has let go of it")
    process._prefer(thread.native_id, 19)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can speak as other users")
def test_a_process_of_the_box_may_look_but_never_command(idle: Box) -> None:
    """Evidence and commands never come from one hand."""
    user = 60_002
    idle.config = idle.write(idle.read() | {"uids": {"link": user}}, "listening.yaml")
    idle.interlock = subprocess.Popen([PYTHON, "-m", "edge.process", "interlock", str(idle.config)])
    run = idle.folder / "run"
    until((run / "control.sock").exists, "the interlock answers", 30)
    for path, mode in ((idle.folder, 0o711), (run, 0o711), *((file, 0o666) for file in run.iterdir())):
        path.chmod(mode)
    os.seteuid(user)
    try:
        assert answer(idle, b'{"op": "status"}')["ok"]
        refused = answer(idle, b'{"op": "reset"}')
        with contextlib.closing(sockets.connect(run / "evidence.sock")) as link:
            link.setblocking(True)
            link.settimeout(DEADLINE_S)
            assert link.recv(sockets.MAX_DATAGRAM), "the pulse comes to whom the kernel says is link"
    finally:
        os.seteuid(0)
    assert (refused["ok"], refused["error"]["field"]) == (False, "caller")
    assert idle.end() == 0


def test_a_state_that_is_lost_beside_a_log_that_is_not_comes_up_in_fault(idle: Box) -> None:
    """Who knows which latch went with it."""
    idle.start()
    assert idle.end() == 0
    (idle.folder / "data" / "state.json").write_bytes(b"{}")
    idle.start()
    status = idle.status()
    assert (status["state"], status["first_out"]["code"]) == ("FAULT", "state_lost")
    assert idle.end() == 0


def test_a_box_for_which_one_proof_of_place_suffices_says_so_at_its_start(capfd: pytest.CaptureFixture[str]) -> None:
    """PTW-04: beacon or position, where the site wants it so, and never quietly."""

    def loosen(settings: dict[str, Any]) -> None:
        settings["presence"]["quorum_need"] = 1

    for _ in make(loosen):
        assert "only 1 of gnss, badge must hold to prove the place" in capfd.readouterr().err
