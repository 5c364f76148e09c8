"""Drawn people: heads that turn with true parallax, blink, speak and wear helmets and masks. numpy and OpenCV only.

They prove that a picture goes the whole way from a camera to a decision; they say nothing about accuracy on real
faces. The cast (`firmware_sim.cast`) is drawn so that a face network tells its members apart (tests measure it).
"""

from firmware_sim.people.draw import CANVAS_TOP, HALF_WIDTH, render
from firmware_sim.people.face import Bgr, Face, Picture, Pose, Wear
from firmware_sim.people.strangers import stranger

__all__ = ["CANVAS_TOP", "HALF_WIDTH", "Bgr", "Face", "Picture", "Pose", "Wear", "render", "stranger"]
