"""The box as a maintenance engineer sees it: `hotbox watch --json` beside the other commands of the CLI."""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from firmware_sim.demo.processes import BIN, DemoError, call, code


class Box:
    """Reads the box's status as it changes, and runs its commands."""

    def __init__(self, config: Path) -> None:
        """Start watching; the box need not be up yet."""
        self.config = config
        self.status: dict[str, Any] = {}
        self._seen: dict[int, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [str(BIN / "hotbox"), "-c", str(config), "watch", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=dict(os.environ),
        )  # fmt: skip
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._process.terminate()
        self._process.wait()
        self._thread.join(2)
        if self._process.stdout:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        for line in self._process.stdout:
            status = msgspec.json.decode(line)
            if "state" not in status:
                continue
            with self._changed:
                self.status = status
                for event in status["events"]:
                    self._seen[event["seq"]] = event
                self._changed.notify_all()

    def wait(self, what: str, good: Callable[[dict[str, Any]], bool], seconds: float = 15.0) -> dict[str, Any]:
        """Wait until the status says so; gives it.

        Raises:
            DemoError: it did not in time; the message says what was there instead.
        """
        end = time.monotonic() + seconds
        with self._changed:
            while not (self.status and good(self.status)):
                left = end - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise DemoError(f"expected {what} within {seconds:.0f} s, got {self.brief()}")
            return self.status

    def state(self, *wanted: str, seconds: float = 15.0) -> dict[str, Any]:
        """Wait for one of these states."""
        return self.wait(" or ".join(wanted), lambda status: status["state"] in wanted, seconds)

    def mark(self) -> int:
        """A place in the events, for `event`."""
        with self._changed:
            return max(self._seen, default=-1)

    def event(self, kind: str, after: int, seconds: float = 15.0) -> dict[str, Any]:
        """Wait for an event of this type after a mark."""

        def found(_: dict[str, Any]) -> bool:
            return any(e["type"] == kind and e["seq"] > after for e in self._seen.values())

        self.wait(f"event {kind}", found, seconds)
        return next(e for seq, e in sorted(self._seen.items()) if e["type"] == kind and seq > after)

    def happened(self, kind: str, after: int) -> bool:
        """Whether an event of this type came after a mark."""
        with self._changed:
            return any(event["type"] == kind and seq > after for seq, event in self._seen.items())

    def brief(self) -> str:
        """State, first-out and missing conditions in a line."""
        if not self.status:
            return "no word from the interlock"
        missing = ", ".join(reasons(self.status)) or "nothing missing"
        first = self.status["first_out"]
        return f"{self.status['state']}{' by ' + first['code'] if first else ''} ({missing})"

    def run(self, *argv: str) -> Any:
        """Run `hotbox ... --json`; gives what it printed."""
        return msgspec.json.decode(call(["hotbox", "-c", str(self.config), *argv, "--json"], {}))

    def lines(self, *argv: str) -> list[Any]:
        """Run a command that prints one JSON object a line."""
        text = call(["hotbox", "-c", str(self.config), *argv, "--json"], {})
        return [msgspec.json.decode(line) for line in text.splitlines()]

    def code(self, *argv: str) -> tuple[int, str]:
        """Run `hotbox ...`; gives exit code and output."""
        return code(["hotbox", "-c", str(self.config), *argv], {})


def reasons(status: dict[str, Any]) -> list[str]:
    """Codes of everything that keeps the box from a release."""
    return [reason["code"] for verdict in status["verdicts"] if verdict["release"] for reason in verdict["reasons"]]
