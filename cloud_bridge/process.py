"""What the bridge's processes have in common: die with the parent, show life, reach the broker, hear of changes."""

import asyncio
import ctypes
import ipaddress
import os
import signal
import sqlite3
import ssl
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiomqtt import Client, ProtocolVersion

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_DUMPABLE = 4
ALIVE_EVERY_S = 1.0
ALIVE_LIMIT_S = 15.0
CANCEL_AGAIN_S = 0.2
_OF_DJANGO = ("context", "cursor_factory", "prepare_threshold")


def die_with_parent(parent: int, name: str) -> None:
    """In a forked child: ask the kernel for SIGTERM when the parent dies, go at once when it is dead, take a name."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    libc.prctl(_PR_SET_NAME, f"hb-{name}".encode()[:15])
    if os.getppid() != parent:
        raise SystemExit("the supervisor is gone")


def keep_memory_private() -> None:
    """Nobody of the same user reads this process's memory, or its core: keys are in it.

    The child that decodes a stranger's pictures has the same user (`enrolment.measure`).
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


@dataclass(frozen=True)
class Broker:
    """Where the MQTT broker is; `tls` is the folder of our certificates for it, None for plain MQTT on this machine."""

    host: str
    port: int
    tls: Path | None = None

    @staticmethod
    def parse(text: str, certificates: Path) -> "Broker":
        """Read ``HOST:PORT`` of a broker on this machine, or ``mqtts://HOST:PORT``.

        Raises:
            ValueError: it is neither, or MQTT would go over a network in the clear.
        """
        scheme, mark, address = text.rpartition("://")
        host, colon, port = address.rpartition(":")
        is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
        if not colon or not host or not is_port or (mark and scheme not in ("mqtt", "mqtts")):
            raise ValueError(
                f"broker: expected HOST:PORT or mqtts://HOST:PORT, got {text!r}; for example 127.0.0.1:1883"
            )
        host = host.strip("[]")
        if scheme == "mqtts":
            if not (certificates / "ca.pem").exists():
                raise ValueError(
                    f"broker: expected certificates for {text}, got none; run: hotbox-bridge mqtt setup --host {host}"
                )
            return Broker(host, int(port), certificates)
        if not is_loopback(host):
            raise ValueError(
                f"broker: expected mqtts:// for a broker on another machine, got plain MQTT to {host}; "
                "run: hotbox-bridge mqtt setup, or reach it through a tunnel on 127.0.0.1"
            )
        return Broker(host, int(port))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts://' if self.tls else ''}{host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether this is this machine, by its address; a name proves nothing but `localhost`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _context(folder: Path, name: str) -> ssl.SSLContext:
    """TLS 1.3, the broker by our own authority and its name, ourselves by the certificate with that name."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_verify_locations(cafile=folder / "ca.pem")
    made.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return made


def connect(broker: Broker, name: str, max_queued: int = 0) -> Client:
    """An MQTT 3.1.1 client: every broker that boxes use speaks it."""
    return Client(
        broker.host,
        broker.port,
        identifier=name,
        protocol=ProtocolVersion.V311,
        keepalive=10,
        timeout=10,
        clean_session=True,
        max_queued_incoming_messages=max_queued or None,
        tls_context=_context(broker.tls, name) if broker.tls else None,
    )


async def end_together(*works: Coroutine[Any, Any, None]) -> None:
    """Run until one of them ends, then end the others; raises what the first one raised.

    They are cancelled again and again until they have ended: aiomqtt uses `asyncio.wait_for`, which in Python 3.11
    can lose a cancellation.
    """
    tasks = {asyncio.ensure_future(work) for work in works}
    pending = tasks
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
        for task in tasks:
            if not task.cancelled():
                task.exception()  # looked at, so that asyncio does not complain of it
    for task in done:
        task.result()


async def until_disconnected(client: Client) -> None:
    """For a client that only publishes: it would learn of a lost connection at its next publication.

    Raises:
        MqttError: the connection is lost.
    """
    async for _message in client.messages:
        pass


class SignOfLife:
    """A file that a working process touches; /healthz reads its age."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.alive"

    def touch(self) -> None:
        """Say that the process works."""
        self._path.touch()

    def pause(self) -> None:
        """Say that it does not."""
        self._path.unlink(missing_ok=True)

    async def keep(self) -> None:
        """Touch the file until cancelled."""
        try:
            while True:
                self.touch()
                await asyncio.sleep(ALIVE_EVERY_S)
        finally:
            self.pause()


class Changes:
    """Tells that another process committed: SQLite's `data_version` (findings/stack), PostgreSQL's snapshot.

    It has a connection of its own: Django's are not for the event loop.
    """

    def __init__(self, database: Path) -> None:
        from django.db import connection

        self._sqlite = None
        self._postgresql = None
        if connection.vendor == "sqlite":
            self._sqlite = sqlite3.connect(f"file:{database}?mode=ro", uri=True, check_same_thread=False)
        else:
            self._parameters = connection.get_connection_params()
        self._last: object = object()

    def changed(self) -> bool:
        """Whether something was committed since the last call; true at the first, and when nobody can tell."""
        version = self._sqlite.execute("PRAGMA data_version").fetchone() if self._sqlite else self._snapshot()
        self._last, before = version, self._last
        return version != before

    def _snapshot(self) -> object:
        """PostgreSQL's transactions that are running, and the next one's number: both move with every commit."""
        import psycopg

        try:
            if self._postgresql is None:
                wanted = {key: value for key, value in self._parameters.items() if key not in _OF_DJANGO}
                self._postgresql = psycopg.connect(**wanted, autocommit=True)
            return self._postgresql.execute("SELECT pg_current_snapshot()::text").fetchone()
        except psycopg.OperationalError:
            self._postgresql = None
            return object()

    def close(self) -> None:
        """Let the database go."""
        for connection in filter(None, (self._sqlite, self._postgresql)):
            connection.close()

    async def wait(self, poll_s: float, longest_s: float) -> AsyncIterator[bool]:
        """Yield true after each change and false when none came for `longest_s`."""
        quiet = 0.0
        while True:
            if self.changed():
                quiet = 0.0
                yield True
            elif quiet >= longest_s:
                quiet = 0.0
                yield False
            await asyncio.sleep(poll_s)
            quiet += poll_s
