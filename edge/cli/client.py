"""Asks the interlock on control.sock: one JSON line out, one line back; `follow` keeps listening through restarts."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from contracts.errors import ContractError, from_msgspec
from edge.interlock.status import Status

ANSWER_S = 3.0
SILENT_S = 1.5
"""The interlock speaks twice a second to a watcher; after three missed words it counts as lost."""
RETRY_S = 0.5
LONGEST = 65536
"""Bytes of one request, as control.sock takes them."""
_HUNG_UP = "a connection that was closed before the answer: it ended or started anew just now"


class NoAnswer(Exception):  # noqa: N818 - it is a fact about the box, not a bug
    """Nobody answers on control.sock: it is not there, refuses, or stays silent.

    Attributes:
        path: the socket.
        why: what the system said.
    """

    def __init__(self, path: Path, why: str) -> None:
        """Keep both for the message in the reader's language."""
        self.path = path
        self.why = why
        super().__init__(f"expected a running interlock at {path}, got {why}")


class Problem(msgspec.Struct, frozen=True):
    """Why the interlock refused a request."""

    field: str
    expected: str
    came: str
    hint: str = ""


class _Answer(msgspec.Struct, frozen=True):
    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Problem | None = None


_decoder = msgspec.json.Decoder(_Answer)


def decode(line: bytes, path: Path) -> msgspec.Raw:
    """The result in one line of answer.

    Raises:
        NoAnswer: the line is cut off or no answer.
        ContractError: the interlock refused; the four parts are its own.
    """
    if not line.endswith(b"\n"):
        raise NoAnswer(path, _HUNG_UP)
    try:
        answer = _decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise NoAnswer(path, f"something else than an interlock's answer ({error})") from error
    if answer.error is not None:
        raise ContractError(answer.error.field, answer.error.expected, answer.error.came, answer.error.hint)
    return answer.result


def status_of(raw: msgspec.Raw) -> Status:
    """Read a status document.

    Raises:
        ContractError: it comes from an interlock of another version.
    """
    try:
        return msgspec.json.decode(raw, type=Status)
    except msgspec.MsgspecError as error:
        problem = from_msgspec(error, "status document")
        raise ContractError(
            problem.field, problem.expected, problem.came, "restart the interlock after an update"
        ) from error


class Control:
    """One connection to control.sock; a context manager, blocking, for one thread."""

    def __init__(self, path: Path, timeout_s: float = ANSWER_S) -> None:
        """Connect.

        Raises:
            NoAnswer: no interlock listens there.
        """
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise NoAnswer(path, error.strerror or str(error)) from error
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; a `follow` in another thread ends."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._lines.close()
        self._socket.close()

    def ask(self, op: str, **fields: Any) -> msgspec.Raw:
        """Send one request; gives the result's exact JSON.

        Raises:
            NoAnswer: no answer in time.
            ContractError: the interlock refused; the four parts are its own.
        """
        self._send(op, fields)
        return self.read()

    def _send(self, op: str, fields: dict[str, Any]) -> None:
        line = msgspec.json.encode({"op": op, **fields}) + b"\n"
        if len(line) > LONGEST:
            raise ContractError(op, f"a request of at most {LONGEST} bytes", f"{len(line)} bytes", "enter less at once")
        try:
            self._socket.sendall(line)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise NoAnswer(self._path, _HUNG_UP) from error
        except OSError as error:
            raise NoAnswer(self._path, error.strerror or str(error)) from error

    def read(self) -> msgspec.Raw:
        """The next answer. Raises as `ask` does."""
        try:
            line = self._lines.readline()
        except TimeoutError as error:
            raise NoAnswer(self._path, "silence") from error
        except ConnectionResetError as error:
            raise NoAnswer(self._path, _HUNG_UP) from error
        except (OSError, ValueError) as error:
            raise NoAnswer(self._path, str(error)) from error
        return decode(line, self._path)

    def watch(self) -> None:
        """Ask for a status at every change and twice a second; `read` gives them."""
        self._send("watch", {})


def follow(path: Path) -> Iterator[msgspec.Raw | NoAnswer]:
    """Status documents for ever, through restarts; a `NoAnswer` at most twice a second while nobody speaks."""
    while True:
        began = time.monotonic()
        try:
            with Control(path, SILENT_S) as control:
                control.watch()
                while True:
                    yield control.read()
                    began = time.monotonic()
        except NoAnswer as lost:
            yield lost
        time.sleep(max(0.0, RETRY_S - (time.monotonic() - began)))
