"""Somebody who stands in the place of the vision process, at the other end of its socket."""

import socket
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from edge import sockets
from edge.interlock import evidence as ev
from edge.interlock.clock import boot_id

_Message = TypeVar("_Message")


class Vision:
    """Stands in the place of the vision process."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self.heard: list[ev.Message] = []

    def send(self, item: ev.Evidence) -> None:
        assert sockets.send(self._end, ev.encode(item))

    def listen(self, kind: type[_Message]) -> list[_Message]:
        """What of this kind has come so far."""
        with suppress(BlockingIOError):
            while datagram := self._end.recv(sockets.MAX_DATAGRAM):
                self.heard.append(ev.decode_message(datagram))
        return [message for message in self.heard if isinstance(message, kind)]

    def segment(self, number: int, **changes: Any) -> ev.Segment:
        now = sockets.now_us()
        item = ev.Segment(now, "HW-1", boot_id(), now - 9_000_000, now - 1_000_000, 1, 40, 5000, f"{number:064x}")
        return msgspec.structs.replace(item, **changes)

    def word(self, health: str, left_s: int = 100_000) -> None:
        self.send(ev.Video(sockets.now_us(), health, "", 0, left_s, 1, 64))
