"""What the panel process says of itself."""

import socket
from pathlib import Path

import msgspec

from firmware_sim.client import short_path

_ANSWER_S = 30.0


def panel_reaches(path: Path) -> bool:
    """Whether the panel process says that it reaches its lamps."""
    with socket.socket(socket.AF_UNIX) as asked, short_path(path) as name:
        asked.settimeout(_ANSWER_S)
        asked.connect(name)
        asked.sendall(b'{"op": "show"}\n')
        with asked.makefile("rb") as lines:
            return bool(msgspec.json.decode(lines.readline())["result"]["output_ok"])
