"""What is typed at the box, as it arrives on control.sock, answers and refusals alike."""

import socket
from typing import Any

import msgspec

from tests.edge.cli.box import Box

DEADLINE_S = 10.0
AIR = {"CH4": ("%LEL", 0.0), "O2": ("vol%", 20.9), "CO": ("ppm", 0.0), "H2S": ("ppm", 0.0)}

BUMP: dict[str, Any] = {
    "kind": "bump", "channel": "ch4-1", "gas": "CH4", "unit": "%LEL", "applied": 50.0, "by": "wang", "bottle": "B-1",
}  # fmt: skip


def connect(box: Box) -> socket.socket:
    """A connection to control.sock."""
    asked = socket.socket(socket.AF_UNIX)
    asked.settimeout(DEADLINE_S)
    asked.connect(str(box.folder / "run" / "control.sock"))
    return asked


def answer(box: Box, line: bytes) -> dict[str, Any]:
    """The answer to one line, whatever it holds."""
    with connect(box) as asked, asked.makefile("rb") as lines:
        asked.sendall(line + b"\n")
        found: dict[str, Any] = msgspec.json.decode(lines.readline())
    return found


def refusal(box: Box, op: str, **fields: Any) -> dict[str, str]:
    """Ask for what must be refused; gives field, expected, came and hint."""
    found = answer(box, msgspec.json.encode({"op": op, **fields}))
    assert not found["ok"], found
    error: dict[str, str] = found["error"]
    return error


def points() -> list[dict[str, Any]]:
    """A complete gas test of clean air."""
    return [
        {"position": position, "gas": gas, "unit": unit, "value": value}
        for position in ("up", "middle", "down")
        for gas, (unit, value) in AIR.items()
    ]


def ready(box: Box, **changes: Any) -> None:
    """Permit, people, bump tests, a gas test and the ticket's check: until it may be armed."""
    box.crew.everybody()
    assert box.ask("permit_import", jws=box.permit(**changes))["ok"]
    box.wait_for(lambda s: s["people"] and all(p["badge_ok"] and p["face_ok"] for p in s["people"]), "the crew is here")
    box.wait_for(lambda s: all(channel["quality"] == "good" for channel in s["channels"]), "detectors read")
    box.bump()
    box.wait_for(lambda s: all(v["ok"] for v in s["verdicts"] if v["condition"] == "gas"), "the bottle's gas is gone")
    assert box.ask("gas_test", analyst="wang", serial="GT-7", sampled="now", points=points())["points"] == 12
    assert box.ask("ticket_check", permit="HW-1", person="wang")["checked"] == "HW-1"
    try:
        box.wait_for(lambda s: s["state"] == "PERMISSIVE_OK", "all conditions are met")
    except AssertionError as error:
        raise AssertionError(f"still failing: {', '.join(sorted(box.failing()))}") from error
