"""What is asked at control.sock and is no request is recorded as refused, and a flood of it does not fill the log (ANT-10)."""

import asyncio
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.event import ActionResult, Severity
from edge.interlock import control
from edge.interlock.control import ControlServer
from edge.interlock.record import Note

SECOND = 1_000_000


class Listening:
    """A control socket; `notes` are what it would have the log record, `at_us` is the time."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.at_us = 7 * SECOND
        self.sources: dict[int, Any] = {}

    def note(self, note: Note) -> None:
        self.notes.append(note)

    async def say(self, *lines: bytes, last_after: int = 0) -> list[bool]:
        """A second apart, the last so much later once more; whether each line was obeyed."""
        with tempfile.TemporaryDirectory(prefix="hb-") as folder:
            path = Path(folder) / "control.sock"
            server = ControlServer(path, self)  # type: ignore[arg-type] - what it uses of an interlock
            await server.start()
            found = []
            for line in (*lines, *([lines[-1]] if last_after else [])):
                self.at_us += last_after if len(found) == len(lines) else 0
                reader, writer = await asyncio.open_unix_connection(str(path))
                with closing(writer):
                    writer.write(line + b"\n")
                    found.append(bool(msgspec.json.decode(await reader.readline())["ok"]))
                self.at_us += SECOND
            await server.close()
        return found


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    made = Listening()
    monkeypatch.setattr(control, "now_us", lambda: made.at_us)
    return made


@pytest.mark.parametrize(
    ("line", "op", "why"),
    [
        (b'{"op": "release"}', "release", "got 'release'"),
        (b'{"op": "' + b"x" * 90 + b'\\u001b"}', "x" * 40, "expected status, explain, watch, reset"),
        (b'{"op": "reset", "force": true}', "", "force"),
        (b"release!", "", "JSON"),
        (b"\xff\xfe", "", ""),
        (b" " * 70_000, "", "a line of at most 65536 bytes"),
    ],
    ids=["unknown", "unknown and long", "a field too many", "no JSON", "no text", "without end"],
)
async def test_what_is_no_request_is_recorded_as_denied(listening: Listening, line: bytes, op: str, why: str) -> None:
    assert await listening.say(line) == [False]
    (note,) = listening.notes
    assert (note.type, note.res, note.sev, note.permit) == ("cli.request", ActionResult.DENIED, Severity.WARNING, "")
    assert note.data["op"] == op
    assert why in str(note.data["why"])
    assert str(note.data["why"]).isprintable()


async def test_a_flood_is_recorded_every_five_seconds_and_counted(listening: Listening) -> None:
    """The lines come a second apart: the sixth is the first that is five seconds after one that was recorded."""
    before = "(4 like it before) "
    await listening.say(*[b'{"op": "release"}'] * 5, b"?", *[b'{"op": "release"}'] * 4, b"?", last_after=9 * SECOND)
    assert [str(note.data["why"]).startswith(before) for note in listening.notes] == [False, True, True, False]
    assert "like it before" not in str(listening.notes[3].data["why"])
