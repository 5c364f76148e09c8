"""Which MQTT a broker speaks: 5 where it does, else 3.1.1.

Asked by a connection of its own: some brokers do not refuse 5, they say nothing, and a client that waits in vain cannot
be told from one whose line is dead.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable

import aiomqtt

from edge.config import Bridge

V311, V5 = aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5
ASK_S = 2.0
REMEMBERED_S = 3600.0  # a broker may be renewed; asking costs `ASK_S` where it says nothing

_FIXED = {"3.1.1": V311, "5": V5}
_CONNACK, _DISCONNECT = 0x20, b"\xe0\x00"
_UNSUPPORTED = (0x01, 0x84)  # CONNACK of MQTT 3.1.1 (3.2.2.3) and of 5 (3.2.2.2)


class Dialect:
    """What to speak with one broker; an answer holds for an hour, or until a connection in MQTT 5 fails."""

    def __init__(self, bridge: Bridge, name: str, tls: ssl.SSLContext | None) -> None:
        """`name` is the client id under which the broker is asked."""
        self._bridge, self._name, self._tls = bridge, name, tls
        self._known: aiomqtt.ProtocolVersion | None = None
        self._known_until = 0.0

    async def find(self, clock: Callable[[], float] = time.monotonic) -> aiomqtt.ProtocolVersion:
        """The protocol for the next connection.

        Raises:
            OSError: the broker cannot be reached.
        """
        fixed = _FIXED.get(self._bridge.protocol)
        if fixed is not None:
            return fixed
        if self._known is None or clock() >= self._known_until:
            self._known = V5 if await self._speaks_5() else V311
            self._known_until = clock() + REMEMBERED_S
        return self._known

    def failed(self) -> None:
        """A connection failed: ask again, unless it was in the protocol that every broker speaks."""
        if self._known is V5:
            self._known = None

    async def _speaks_5(self) -> bool:
        bridge = self._bridge
        async with asyncio.timeout(ASK_S * 2):  # TimeoutError is an OSError
            reader, writer = await asyncio.open_connection(bridge.broker_host, bridge.broker_port, ssl=self._tls)
        try:
            writer.write(_connect_5(self._name))
            async with asyncio.timeout(ASK_S):
                kind, _length, _flags, reason = await reader.readexactly(4)
            writer.write(_DISCONNECT)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return False  # it took the connection and had no word for us
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(ASK_S):
                    await writer.wait_closed()
        return kind == _CONNACK and reason not in _UNSUPPORTED


def _connect_5(name: str) -> bytes:
    """A CONNECT of MQTT 5 (3.1): clean start, keep-alive 10 s, no properties, no will."""
    body = b"\x00\x04MQTT\x05\x02\x00\x0a\x00" + len(name.encode()).to_bytes(2, "big") + name.encode()
    return bytes((0x10, len(body))) + body
