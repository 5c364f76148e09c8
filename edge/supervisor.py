"""`hotbox run`: the processes in the foreground, joined by inherited socket pairs; a child that dies is restarted.

The supervisor keeps both ends of every pair, so a restarted interlock finds the same sockets and the others never
notice; what waited in them is judged by its age.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from contracts.errors import ContractError
from edge import sockets
from edge.config import read
from edge.process import NAMES

_FIRST_PAUSE_S = 0.2
_LAST_PAUSE_S = 5.0
_STEADY_S = 10.0
_UP_S = 10.0
_REFUSED = 2
_PR_SET_PDEATHSIG = 1
_OTHERS = ("vision", "presence", "link")


def _die_with_parent() -> None:
    """Runs in the child before exec: an orphan interlock would go on without its supervisor."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class _Child:
    def __init__(self, name: str, argv: list[str], descriptors: tuple[int, ...]) -> None:
        self.name = name
        self._argv = argv
        self._descriptors = descriptors
        self._pause_s = _FIRST_PAUSE_S
        self._started = 0.0
        self.restart_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            self._argv,
            pass_fds=self._descriptors,
            preexec_fn=_die_with_parent,
            start_new_session=True,
        )

    def look(self, say: Callable[[str], None]) -> None:
        """Notice an end, start again when its pause is over."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.restart_at:
                self.start()
                assert self.process is not None  # noqa: S101 - start sets it
                say(f"{self.name} restarted, pid {self.process.pid}")
            return
        code = self.process.poll()
        if code is None:
            return
        self._pause_s = _FIRST_PAUSE_S if now - self._started > _STEADY_S else min(2 * self._pause_s, _LAST_PAUSE_S)
        self.restart_at = now + self._pause_s
        self.process = None
        say(f"{self.name} ended ({_ending(code)}); again in {self._pause_s:.1f} s")


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def run(config: Path) -> int:
    """Run until SIGTERM or Ctrl-C. Gives 0, or the interlock's 2 when it refuses to start at all."""
    pairs: dict[str, tuple[socket.socket, socket.socket]] = {name: sockets.pair() for name in _OTHERS}
    for ends in pairs.values():
        for one in ends:
            os.set_inheritable(one.fileno(), True)
    argv = [sys.executable, "-m", "edge.process"]
    inner = [f"{name}={ends[0].fileno()}" for name, ends in pairs.items()]
    children = [
        _Child("interlock", [*argv, "interlock", str(config), *inner], tuple(e[0].fileno() for e in pairs.values()))
    ]
    children += [
        _Child(name, [*argv, name, str(config), f"{name}={ends[1].fileno()}"], (ends[1].fileno(),))
        for name, ends in pairs.items()
    ]
    stop = False

    def end(*_: object) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    began = time.time()
    try:
        settings = read(config)
    except (ContractError, OSError):
        control = Path()  # the interlock says what is wrong with the file, and ends
    else:
        control = settings.control_socket
        if settings.panel is not None:
            children.append(_Child("panel", [*argv, "panel", str(config)], ()))
    children[0].start()
    first = children[0].process
    assert first is not None  # noqa: S101 - start sets it
    _say(f"interlock started, pid {first.pid}")
    # The others wait: if this box's log is another interlock's, they must not push that one's link and receiver aside.
    while not stop and first.poll() is None and time.time() < began + _UP_S and not _is_up(control, began):
        time.sleep(0.02)
    code = 0
    try:
        if first.poll() != _REFUSED:
            for child in children[1:]:
                child.start()
                assert child.process is not None  # noqa: S101 - start sets it
                _say(f"{child.name} started, pid {child.process.pid}")
        while not stop:
            if first is not None and first.poll() == _REFUSED and first is children[0].process:
                # It said why. The others make no sense without it.
                code = _REFUSED
                break
            for child in children:
                child.look(_say)
            time.sleep(0.1)
    finally:
        _end(children)
    return code


def _is_up(control: Path, began: float) -> bool:
    """The interlock has made its control socket since it was started."""
    try:
        return control.stat().st_mtime >= began
    except FileNotFoundError:
        return False


def _end(children: list[_Child]) -> None:
    """The interlock first, so that the relay opens in good order and its last events still find `link`."""
    for child in children:
        if child.process is not None and child.process.poll() is None:
            child.process.terminate()
            if child.name == "interlock":
                _wait(child.process, 3.0)
    for child in children:
        if child.process is not None:
            _wait(child.process, 3.0)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


__all__ = ["NAMES", "run"]
