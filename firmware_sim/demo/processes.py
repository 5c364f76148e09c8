"""Starts the product's own commands as processes, each with its log file, and ends them all."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

_PR_SET_PDEATHSIG = 1
BIN = Path(sys.executable).parent
T = TypeVar("T")


class DemoError(Exception):
    """The stage could not be set; says what was expected and where to look."""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start(
    name: str, argv: list[str], logs: Path, env: Mapping[str, str], before: Sequence[str] = (),
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:  # fmt: skip
    """Start one of the installed commands, run by `before` if given; its output goes to LOGS/NAME.log.

    It inherits the descriptors `pass_fds`.
    """
    with (logs / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [*before, str(BIN / argv[0]), *argv[1:]], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, **env}, preexec_fn=_die_with_parent, start_new_session=True, pass_fds=pass_fds,
        )  # fmt: skip


def call(argv: list[str], env: Mapping[str, str], stdin: str = "", before: Sequence[str] = ()) -> str:
    """Run one of the installed commands to its end, run by `before` if given; gives what it printed.

    Raises:
        DemoError: it failed; its words are in the message.
    """
    done = subprocess.run(
        [*before, str(BIN / argv[0]), *argv[1:]],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise DemoError(f"{' '.join(argv)}: exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def code(argv: list[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Run one of the installed commands; gives its exit code and what it printed."""
    done = subprocess.run(
        [str(BIN / argv[0]), *argv[1:]],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def until(what: str, look: Callable[[], T | None], seconds: float = 20.0) -> T:
    """Poll something that cannot tell by itself.

    Raises:
        DemoError: it did not come in time.
    """
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > end:
            raise DemoError(f"expected {what} within {seconds:.0f} s, but it did not come")
        time.sleep(0.05)


def stop(process: subprocess.Popen[Any], seconds: float = 8.0) -> None:
    """End a process in good order, or by force when it does not listen."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
