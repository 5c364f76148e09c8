"""Unix sockets between the box's processes: datagrams that keep their borders (SOCK_SEQPACKET).

Under systemd the interlock listens on ``evidence.sock`` and knows a peer by its uid. In the foreground
(`hotbox run`) the supervisor hands each child one end of a socket pair as an inherited descriptor.
"""

import os
import socket
import struct
import time
from pathlib import Path

MAX_DATAGRAM = 65536


def now_us() -> int:
    """CLOCK_BOOTTIME in microseconds: goes on through suspend, never set back."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def listen(path: Path) -> socket.socket:
    """A listening evidence socket; access is the directory's and the file's mode (0660)."""
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    old = os.umask(0o117)
    try:
        server.bind(str(path))
    finally:
        os.umask(old)
    server.listen(8)
    server.setblocking(False)
    return server


def connect(path: Path) -> socket.socket:
    """Connect to the interlock's evidence socket.

    Raises:
        OSError: it is not there (yet).
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.setblocking(False)  # before connecting: a stopped interlock with a full backlog must not stop its peers
    try:
        client.connect(str(path))
    except OSError:
        client.close()
        raise
    return client


def inherited(descriptor: int) -> socket.socket:
    """Take over a socket-pair end that the supervisor passed on."""
    taken = socket.socket(fileno=descriptor)
    taken.setblocking(False)
    return taken


def pair() -> tuple[socket.socket, socket.socket]:
    """A socket pair for a child in the foreground mode."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def peer_uid(connected: socket.socket) -> int:
    """The peer's uid as the kernel vouches for it (SO_PEERCRED)."""
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", raw)
    return int(uid)


def send(connected: socket.socket, datagram: bytes) -> bool:
    """Send without waiting. False when the reader does not keep up: evidence is dropped, never queued."""
    try:
        connected.send(datagram)
    except BlockingIOError:
        return False
    return True
