"""A slow line on loopback: everything that passes is clocked out at a rate, as a modem does it, and arrives later.

A TCP proxy with small buffers: it reads only what it may send, or it would itself be the queue in which an alarm waits.
TCP and IP heads of what passes are charged to the line and counted, too; the other side's bare acknowledgements are not.
"""

import asyncio
import contextlib
import socket
import threading
from typing import Self

SEGMENT_BYTES = 1400
HEADER_BYTES = 52
"""IPv4 and TCP with time stamps, of each segment."""
_BUFFER_BYTES = 8 * 1024
_DELAY_S = 0.05
_START_S = 10.0


class Lane:
    """One direction of the line, for all connections together.

    Attributes:
        bytes: what has passed, heads of TCP and IP included.
        kbit: thousand bits a second; 0 lets everything through at once. May be changed at any time.
    """

    def __init__(self, kbit: int) -> None:
        self.kbit, self.bytes = kbit, 0
        self._free_at = 0.0

    async def clock_out(self, size: int) -> None:
        """Returns when the last of `size` bytes has left."""
        now, cost = asyncio.get_running_loop().time(), size + HEADER_BYTES
        self.bytes += cost
        if self.kbit:
            self._free_at = max(now, self._free_at) + cost / (self.kbit * 125)
            await asyncio.sleep(self._free_at - now)


class SlowLine:
    """The line, in a thread of its own; a context manager. What connects to `port` reaches `target` on this machine.

    Attributes:
        up, down: towards `target`, and back.
    """

    def __init__(self, target: int, kbit: int) -> None:
        self.up, self.down = Lane(kbit), Lane(kbit)
        self.port = 0
        self._target = target
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="slow line")
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._up.wait(_START_S):
            raise TimeoutError("the slow line did not come up")
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def set_rate(self, kbit: int) -> None:
        """From now on."""
        self.up.kbit = self.down.kbit = kbit

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        with socket.create_server(("127.0.0.1", 0)) as server:
            _small(server)  # what is accepted has its buffers
            server.setblocking(False)
            self.port = server.getsockname()[1]
            self._up.set()
            tasks = {asyncio.create_task(self._end.wait()), asyncio.create_task(self._accept(server))}
            _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _accept(self, server: socket.socket) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                near, _ = await self._loop.sock_accept(server)
                group.create_task(self._connect(near))

    async def _connect(self, near: socket.socket) -> None:
        far = socket.socket()
        with near, far:
            for end in (near, far):
                _small(end)
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                await self._loop.sock_connect(far, ("127.0.0.1", self._target))
                ways = [asyncio.create_task(self._carry(*way)) for way in ((near, far, self.up), (far, near, self.down))]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)  # one end is gone: so is the other
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(self, source: socket.socket, target: socket.socket, lane: Lane) -> None:
        """Until one of them is closed. What has left the line is on its way for a moment."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.create_task(self._arrive(under_way, target))
        try:
            while data := await self._loop.sock_recv(source, SEGMENT_BYTES):
                await lane.clock_out(len(data))
                under_way.put_nowait((self._loop.time() + _DELAY_S, data))
            under_way.put_nowait((self._loop.time() + _DELAY_S, b""))
            await arriving
        finally:
            arriving.cancel()
            await asyncio.gather(arriving, return_exceptions=True)

    async def _arrive(self, under_way: "asyncio.Queue[tuple[float, bytes]]", target: socket.socket) -> None:
        while True:
            at, data = await under_way.get()
            await asyncio.sleep(max(0.0, at - self._loop.time()))
            if not data:
                return
            await self._loop.sock_sendall(target, data)


def _small(end: socket.socket) -> None:
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        end.setsockopt(socket.SOL_SOCKET, buffer, _BUFFER_BYTES)
