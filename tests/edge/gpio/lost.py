"""Pins of gpiozero's mock factory that fail as lgpio's do on a Pi: with an error that is no OSError and no GPIOZero's."""

import importlib

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from edge.config import GpioChip
from edge.gpio.pi import PiGpio


def lgpio_of(folder, monkeypatch):
    """The real library; it makes its notification pipe in the working folder when it is first imported."""
    monkeypatch.chdir(folder)
    return importlib.import_module("lgpio")


class LostPin(MockPin):
    """A pin whose every call fails while its factory is lost."""

    def _check(self):
        self.factory.check()

    def _get_function(self):
        self._check()
        return super()._get_function()

    def _set_function(self, value):
        self._check()
        super()._set_function(value)

    def _get_state(self):
        self._check()
        return super()._get_state()

    def _set_state(self, value):
        self._check()
        super()._set_state(value)

    def _set_pull(self, value):
        self._check()
        super()._set_pull(value)

    def close(self):
        self._check()
        super().close()


class LosableFactory(MockFactory):
    """`lost`: what every pin says from now on, as an `error`; "" while all is well."""

    def __init__(self, error):
        super().__init__(pin_class=LostPin)
        self._error = error
        self.lost = ""

    def check(self):
        if self.lost:
            raise self._error(self.lost)  # a new one each time: its traceback holds the device that failed

    def pin(self, name, pin_class=None, **kwargs):
        self.check()
        return super().pin(name, pin_class, **kwargs)


class LosablePi:
    """A Pi whose chip is lost and found: `lose()` and `find()`."""

    def __init__(self, lgpio):
        self.factory = LosableFactory(lgpio.error)
        self.gpio = PiGpio(GpioChip("pi"), self.factory)

    def lose(self, text="GPIO busy"):
        self.factory.lost = text

    def find(self):
        self.factory.lost = ""


@pytest.fixture
def losable_pi(tmp_path, monkeypatch):
    made = LosablePi(lgpio_of(tmp_path, monkeypatch))
    yield made
    made.find()
    made.factory.reset()
