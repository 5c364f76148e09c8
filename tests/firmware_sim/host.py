"""A box as the dead-man controller sees it: closes the contact, sustains it, prints what it hears. Run as a process.

``python -m tests.firmware_sim.host DEVICE``: one line of output per change of latch or contact.
"""

import sys
import time

import serial

from firmware_sim.deadman.deadman import framed, unframed

PERIOD_S = 0.05


class Host:
    """The serial line with its own sequence numbers."""

    def __init__(self, device: str) -> None:
        self.line = serial.Serial(device, 115200, timeout=0.02)
        self.seq = 0
        self.latch = self.contact = self.nonce = ""

    def say(self, before: str, after: str = "") -> None:
        """Send one line around the next sequence number."""
        self.seq += 1
        self.line.write(framed(f"{before} {self.seq} {after}".strip()))

    def hear(self) -> bool:
        """Read one status; True when latch or contact changed."""
        words = unframed(self.line.readline().rstrip(b"\n"))
        if not words:
            return False
        before = self.latch, self.contact
        self.latch, self.contact, self.nonce = words[3:6]
        return before != (self.latch, self.contact)


def main(device: str) -> None:
    """Close as soon as possible, then say for ever what was said first: closed."""
    host = Host(device)
    while not host.nonce:
        host.hear()
    host.say("H", "O")
    host.say("C", host.nonce)
    due = time.monotonic()
    while True:
        if time.monotonic() >= due:
            host.say("H", "C")
            due = time.monotonic() + PERIOD_S
        if host.hear():
            print(host.latch, host.contact, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
