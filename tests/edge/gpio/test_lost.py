"""lgpio's own error is a plain Exception: it is told as OSError like every other, so that the line is tried again."""

from pathlib import Path

import pytest

from contracts.errors import ContractError
from edge.config import GpioChip
from edge.gpio import Pull, open_gpio
from tests.edge.gpio.lost import LosablePi, lgpio_of, losable_pi

__all__ = ["losable_pi"]

OUT, IN = 17, 27


def test_lgpios_error_is_neither_of_the_two_that_a_driver_expects(tmp_path, monkeypatch):
    """Why it is named in edge.gpio.pi at all."""
    lgpio = lgpio_of(tmp_path, monkeypatch)
    assert lgpio.error.__mro__[1] is Exception


def test_a_line_that_somebody_else_has_is_an_os_error_and_is_taken_once_it_is_free(losable_pi: LosablePi):
    losable_pi.lose("GPIO busy")
    with pytest.raises(OSError, match="17: 'GPIO busy'"):
        losable_pi.gpio.output(OUT)
    with pytest.raises(OSError, match="27: 'GPIO busy'"):
        losable_pi.gpio.input(IN, Pull.UP)
    losable_pi.find()
    losable_pi.gpio.output(OUT).release()
    losable_pi.gpio.input(IN, Pull.UP).release()


def test_a_line_whose_chip_is_lost_fails_as_os_error_and_is_given_back_without_a_word(losable_pi: LosablePi):
    coil, mirror = losable_pi.gpio.output(OUT), losable_pi.gpio.input(IN, Pull.UP)
    losable_pi.lose("unknown handle")
    for failing in (lambda: coil.write(active=False), lambda: coil.write(active=True), mirror.read):
        with pytest.raises(OSError, match="unknown handle"):
            failing()
    coil.release()
    mirror.release()
    losable_pi.find()
    losable_pi.gpio.output(OUT).release()
    losable_pi.gpio.input(IN, Pull.UP).release()


def test_a_chip_that_lgpio_cannot_open_is_told_with_what_to_do(tmp_path, monkeypatch):
    """The real factory on a machine that says it is a Pi: its chip is not there, which lgpio itself says."""
    if Path("/dev/gpiochip0").exists():
        pytest.skip("this machine has a GPIO chip")
    lgpio_of(tmp_path, monkeypatch)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: 0xA02082)
    with pytest.raises(ContractError, match="can not open gpiochip") as refused:
        open_gpio(GpioChip("pi"))
    assert refused.value.field == "gpio"
