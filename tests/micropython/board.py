# ruff: noqa: RUF012, RET503, N818, UP031, PTH104, PTH123, SIM105, B905, RUF007 - MicroPython lacks what these ask for
"""A Pico made of fakes: pins that record, a clock that main.py's own sleeping drives, and a box on its UART."""

import os
import sys

from deadman import framed, unframed


class Clock:
    """Stands in for `time`: moves only when the program sleeps."""

    now_ms = 0

    def ticks_ms(self):
        return self.now_ms

    def ticks_add(self, then, ms):
        return then + ms

    def ticks_diff(self, a, b):
        return a - b

    def sleep_ms(self, ms):
        self.now_ms += ms


class Pin:
    """A pin; the feedback pin follows the coil one tick later, as a mirror contact to ground does."""

    OUT, IN, PULL_UP = 0, 1, 2
    made = {}

    def __init__(self, number, mode=None, pull=None, value=0):
        self.history = [value]
        Pin.made[number] = self
        self.number = number

    def value(self, level=None):
        if level is None:
            coil = Pin.made[2].history
            return coil[-2] if len(coil) > 1 else coil[-1]
        self.history.append(level)


class Done(Exception):
    """The story is over."""


class Box:
    """The box on the other end: says open, closes with the nonce it is shown, sustains for 300 ms, falls silent."""

    def __init__(self, clock):
        self.clock = clock
        self.nonce = ""
        self.latch = "O"
        self.seq = 0
        self.next_ms = 10
        self.closed_ms = None
        self.last_ms = 0
        self.opened_ms = None

    def __call__(self, *args, **options):
        return self

    def write(self, sent):
        for line in sent.split(b"\n"):
            words = unframed(line)
            if words:
                self.nonce = words[5]
                if words[3] == "C" and self.closed_ms is None:
                    self.closed_ms = self.clock.now_ms
                if words[3] == "O" and self.latch == "C":
                    self.opened_ms = self.clock.now_ms
                self.latch = words[3]

    def any(self):
        if self.clock.now_ms > 2000:
            raise Done
        silent = self.closed_ms is not None and self.clock.now_ms - self.closed_ms > 300
        return 0 if silent or self.clock.now_ms < self.next_ms else 1

    def read(self, size):
        self.next_ms = self.clock.now_ms + 50
        self.last_ms = self.clock.now_ms
        self.seq += 2
        beat = framed("H %d %s" % (self.seq, self.latch))
        if self.latch == "O" and self.closed_ms is None and self.nonce and self.seq > 4:
            return beat + framed("C %d %s" % (self.seq + 1, self.nonce))
        return beat


class Watchdog:
    """Counts how often it is fed."""

    fed = 0

    def __init__(self, timeout):
        assert timeout >= 1000

    def feed(self):
        Watchdog.fed += 1


class Os:
    """Stands in for `os`: this build of MicroPython has no urandom."""

    calls = 0

    def urandom(self, count):
        self.calls += 1
        return (self.calls * 0x9E3779B1 % (1 << 32)).to_bytes(count, "big")

    def rename(self, old, new):
        os.rename(old, new)


class Machine:
    """Stands in for `machine`."""

    Pin = Pin
    WDT = Watchdog

    def __init__(self, uart):
        self.UART = uart


def run():
    """Run main.py for two seconds of its own time and tell what the pins did."""
    clock = Clock()
    box = Box(clock)
    sys.modules["machine"] = Machine(box)
    sys.modules["time"] = clock
    sys.modules["os"] = Os()
    import main

    try:
        main.run()
    except Done:
        pass
    coil, pump = Pin.made[2].history, Pin.made[3].history
    with open(main.COUNTERS) as file:
        counters = file.read()
    return {
        "coil": coil,
        "pump": pump,
        "pump_edges": sum(1 for a, b in zip(pump, pump[1:]) if a != b),
        "fed": Watchdog.fed,
        "ticks": len(coil) - 1,
        "counters": counters,
        "open_after_ms": box.opened_ms - box.last_ms,
    }
