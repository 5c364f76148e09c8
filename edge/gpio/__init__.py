"""GPIO lines of the box's own computer: Raspberry Pi 3-5 and industrial PC, behind one small protocol."""

from edge.gpio.lines import Edge, Gpio, InputLine, OutputLine, Pull, open_gpio
from edge.gpio.persist import keeps_outputs

__all__ = ["Edge", "Gpio", "InputLine", "OutputLine", "Pull", "keeps_outputs", "open_gpio"]
