"""The sockets on which vision, presence and link hand in evidence and are told what is wanted of them."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from contracts.errors import UNREADABLE
from edge import sockets
from edge.interlock import evidence as ev

_PER_TURN = 32
"""Datagrams that are taken from one source before the next evaluation: a flood delays nothing else."""

Take = Callable[[ev.Source, list[ev.Evidence]], None]
Refuse = Callable[[ev.Source, str, str], None]


class EvidenceSockets:
    """One connection a source; a new one takes the place of the old."""

    def __init__(self, take: Take, refuse: Refuse, greeted: Callable[[], None]) -> None:
        """Call back with what came, with what could not be read, and when somebody came."""
        self._take, self._refuse, self._greeted = take, refuse, greeted
        self._peers: dict[ev.Source, socket.socket] = {}
        self._server: socket.socket | None = None

    def inherit(self, taken: dict[ev.Source, socket.socket]) -> None:
        """Foreground mode: the supervisor made the connections."""
        self._loop = asyncio.get_running_loop()
        for source, connected in taken.items():
            self._listen(source, connected)

    def serve(self, path: Path, sources: dict[int, ev.Source]) -> None:
        """Listen; who a caller is, its uid says, and an unknown one is sent away."""
        self._loop = asyncio.get_running_loop()
        server = self._server = sockets.listen(path)

        def greet() -> None:
            with contextlib.suppress(BlockingIOError):
                connected, _ = server.accept()
                source = sources.get(sockets.peer_uid(connected))
                if source is None:
                    self._refuse(ev.Source.CONTROL, "connection", f"uid {sockets.peer_uid(connected)} is no source")
                    connected.close()
                    return
                self._listen(source, connected)

        self._loop.add_reader(server, greet)

    def close(self) -> None:
        """Take nobody in any more."""
        if self._server is not None:
            self._loop.remove_reader(self._server)
            self._server.close()

    def __contains__(self, source: ev.Source) -> bool:
        return source in self._peers

    def tell(self, source: ev.Source, message: ev.Message) -> None:
        """Send, if the source is connected and has room: what is told is told again soon."""
        connected = self._peers.get(source)
        if connected is not None:
            with contextlib.suppress(OSError):
                sockets.send(connected, ev.encode_message(message))

    def discard(self) -> None:
        """Throw away what waits in the sockets: after a long gap it is evidence no more."""
        for connected in self._peers.values():
            with contextlib.suppress(OSError):
                while connected.recv(sockets.MAX_DATAGRAM):
                    pass

    def _listen(self, source: ev.Source, connected: socket.socket) -> None:
        old = self._peers.get(source)
        if old is not None:
            self._loop.remove_reader(old)
            old.close()
        connected.setblocking(False)
        self._peers[source] = connected
        self._loop.add_reader(connected, self._receive, source, connected)
        self._greeted()

    def _receive(self, source: ev.Source, connected: socket.socket) -> None:
        """Take a bounded number of items, then have them evaluated once."""
        items: list[ev.Evidence] = []
        for _ in range(_PER_TURN):
            try:
                datagram = connected.recv(sockets.MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:
                datagram = b""
            if not datagram:
                self._loop.remove_reader(connected)
                connected.close()
                self._peers.pop(source, None)
                break
            try:
                items.append(ev.decode(datagram))
            except UNREADABLE as error:
                self._refuse(source, "datagram", str(error))
        self._take(source, items)


__all__ = ["EvidenceSockets"]
