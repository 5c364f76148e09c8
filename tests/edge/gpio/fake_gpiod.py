"""A chip in memory behind `gpiod.request_lines` and `gpiod.Chip`: this machine has no /dev/gpiochip.

Settings, values, events and errors are libgpiod's own; only what its C part would ask the kernel is answered here.
"""

import os
import time

import gpiod
from gpiod.line import Direction, Value


class FakeRequest:
    def __init__(self, chip, offset, settings):
        self._chip, self.offset, self.settings = chip, offset, settings
        self._read, self._write = os.pipe2(os.O_NONBLOCK)
        self._events = []
        self._released = False

    @property
    def fd(self):
        self._check()
        return self._read

    def _check(self):
        if self._released:
            raise gpiod.exception.RequestReleasedError

    def set_value(self, offset, value):
        self._check()
        assert offset == self.offset
        assert self.settings.direction is Direction.OUTPUT
        self._chip.levels[offset] = value is Value.ACTIVE

    def get_value(self, offset):
        self._check()
        return Value.ACTIVE if self._chip.levels[offset] is not self.settings.active_low else Value.INACTIVE

    def wait_edge_events(self, timeout):
        self._check()
        return bool(self._events)

    def read_edge_events(self):
        self._check()
        os.read(self._read, len(self._events))
        found, self._events = self._events, []
        return found

    def changed(self, level):
        kinds = gpiod.EdgeEvent.Type
        kind = kinds.RISING_EDGE if level is not self.settings.active_low else kinds.FALLING_EDGE
        self._events.append(gpiod.EdgeEvent(kind.value, time.monotonic_ns(), self.offset, 1, 1))
        os.write(self._write, b"!")

    def release(self):
        self._check()
        self._released = True
        os.close(self._read)
        os.close(self._write)
        del self._chip.taken[self.offset]


class FakeChip:
    """`levels` are the wires; `drive` is what the world outside does to one."""

    def __init__(self, lines=32):
        self.levels = [False] * lines
        self.taken = {}

    def install(self, monkeypatch):
        monkeypatch.setattr(gpiod, "request_lines", self._request)
        monkeypatch.setattr(gpiod, "Chip", lambda path: self)

    def close(self):
        pass

    def _request(self, path, config, consumer):
        ((offset, settings),) = config.items()
        if offset >= len(self.levels):
            raise ValueError("no such line")
        if offset in self.taken:
            raise OSError(16, "Device or resource busy")
        request = self.taken[offset] = FakeRequest(self, offset, settings)
        if settings.direction is Direction.OUTPUT:
            self.levels[offset] = settings.output_value is Value.ACTIVE
        return request

    def level(self, line):
        return self.levels[line]

    def drive(self, line, level):
        if self.levels[line] is level:
            return
        self.levels[line] = level
        if line in self.taken:
            self.taken[line].changed(level)
