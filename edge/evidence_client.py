"""A process's end of the evidence socket: sends evidence without ever waiting, receives the interlock's messages.

With an inherited socket (foreground mode) the supervisor keeps both ends open while the interlock restarts, so its end
means that the supervisor is gone and `messages` ends. Without one the client connects to ``config.evidence_socket``
and goes on trying each second, for as long as the process lives.
"""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator

from contracts.errors import UNREADABLE
from edge import sockets
from edge.config import BoxConfig
from edge.interlock.evidence import Evidence, Message, decode_message, encode

RETRY_S = 1.0

log = logging.getLogger(__name__)


class EvidenceClient:
    """One connection to the interlock. `send` may be called at any time, `messages` is iterated by one task.

    Attributes:
        dropped: items that were not handed over, because nobody listened or the reader did not keep up.
    """

    def __init__(self, config: BoxConfig, taken: socket.socket | None) -> None:
        """Use the inherited socket `taken`, or connect to the configured path when it is None."""
        self.dropped = 0
        self._path = config.evidence_socket
        self._inherited = taken is not None
        self._socket = taken
        if taken is not None:
            taken.setblocking(False)
        self._tried_at = float("-inf")
        self._said_absent = False
        self._closed = False
        self._receiving: asyncio.Future[bytes] | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a peer as far as this end knows."""
        return self._socket is not None

    def send(self, item: Evidence) -> bool:
        """Hand over one item now or never. False when it was dropped: old evidence is worth nothing and is not kept."""
        peer = self._socket or self._try_to_connect()
        sent = False
        if peer is not None:
            try:
                sent = sockets.send(peer, encode(item))
            except OSError as error:
                # The reading side sees the same end and reconnects (or ends); here the item is only lost.
                log.debug("evidence not sent: %s", error)
                if self._receiving is None:
                    self._disconnect(peer)
        if not sent:
            self.dropped += 1
        return sent

    async def messages(self) -> AsyncIterator[Message]:
        """Yield what the interlock tells. Ends when this client is closed or an inherited socket has lost its peer."""
        loop = asyncio.get_running_loop()
        while not self._closed:
            peer = self._socket or self._try_to_connect()
            if peer is None:
                if self._inherited:
                    return
                await asyncio.sleep(max(0.01, self._tried_at + RETRY_S - time.monotonic()))
                continue
            datagram = await self._receive(loop, peer)
            if datagram is None:
                return
            if not datagram:
                self._disconnect(peer)
                if self._inherited:
                    log.info("the supervisor has closed the evidence socket")
                    return
                log.warning("the interlock has closed the evidence socket; connecting again")
                continue
            try:
                message = decode_message(datagram)
            except UNREADABLE as error:
                log.warning("a message from the interlock was skipped: %s", error)
                continue
            yield message

    def close(self) -> None:
        """End `messages` and give the socket back."""
        self._closed = True
        if self._receiving is not None:
            self._receiving.cancel()
        if self._socket is not None:
            self._disconnect(self._socket)

    async def _receive(self, loop: asyncio.AbstractEventLoop, peer: socket.socket) -> bytes | None:
        """One datagram; empty at the end of the connection, None when this client was closed."""
        self._receiving = asyncio.ensure_future(loop.sock_recv(peer, sockets.MAX_DATAGRAM))
        try:
            return await self._receiving
        except OSError as error:
            log.debug("evidence socket: %s", error)
            return b""
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and not (task is not None and task.cancelling()):
                return None
            raise
        finally:
            self._receiving = None

    def _try_to_connect(self) -> socket.socket | None:
        """Connect to the configured path, at most once a second."""
        if self._inherited or self._closed or time.monotonic() < self._tried_at + RETRY_S:
            return None
        self._tried_at = time.monotonic()
        try:
            self._socket = sockets.connect(self._path)
        except OSError as error:
            if not self._said_absent:
                log.warning("the interlock does not listen at %s (%s); trying each second", self._path, error)
                self._said_absent = True
            return None
        self._said_absent = False
        log.info("connected to %s", self._path)
        return self._socket

    def _disconnect(self, peer: socket.socket) -> None:
        peer.close()
        if self._socket is peer:
            self._socket = None
