"""A serial line on a pseudo-terminal with a stable name."""

import os
import pty
import select
import termios
import tty
from pathlib import Path

_XON, _XOFF = b"\x11", b"\x13"


class PtyLine:
    """The device's end of a serial line; the host opens `link`, a symbolic link to the terminal.

    As on a real line, what is sent while nobody listens is lost: the slave side is not held open here, so the
    master reports a hang-up while no host has the line open and nothing piles up for the next one to read as fresh.
    """

    def __init__(self, link: Path) -> None:
        """Nothing is opened before `open`."""
        self.link = link
        self.master = -1
        self._clogged = False

    def open(self) -> None:
        """Make a terminal in raw mode and point the link at it."""
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        tty.setraw(slave)
        target = os.ttyname(slave)
        os.close(slave)
        new = self.link.with_name(self.link.name + ".new")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(self.link)

    def close(self) -> None:
        """Hang up: a host that has the line open gets an error, and the link is gone."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1
        self.link.unlink(missing_ok=True)

    def clog(self, full: bool) -> None:
        """Take no more bytes from the host, as an adapter does whose buffer is full; or take them again.

        The host's writes fail from now on, what is sent to it still arrives.
        """
        if self.master < 0 or full is self._clogged:
            return
        self._clogged = full
        flow = termios.tcgetattr(self.master)
        if full:
            flow[0] |= termios.IXON
            termios.tcsetattr(self.master, termios.TCSANOW, flow)
        os.write(self.master, _XOFF if full else _XON)
        if not full:
            flow[0] &= ~termios.IXON
            termios.tcsetattr(self.master, termios.TCSANOW, flow)

    @property
    def is_open(self) -> bool:
        """Whether the line exists."""
        return self.master >= 0

    def attached(self) -> bool:
        """Whether a host has the line open."""
        if self.master < 0:
            return False
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        return not any(events & select.POLLHUP for _, events in poll.poll(0))

    def read(self) -> bytes:
        """What the host sent; empty when there is nothing or nobody."""
        try:
            return os.read(self.master, 4096)
        except (BlockingIOError, OSError):
            return b""

    def write(self, data: bytes) -> bool:
        """Send to the host. False when nobody listens or the host does not keep up: the bytes are lost."""
        if not self.attached():
            return False
        try:
            return os.write(self.master, data) == len(data)
        except (BlockingIOError, OSError):
            return False
