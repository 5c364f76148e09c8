"""The camera of the simulated site."""

from firmware_sim.camera.device import CameraDevice
from firmware_sim.camera.fault import CameraFault
from firmware_sim.camera.stills import write_stills
from firmware_sim.people.acting import PHASES
from firmware_sim.stage import compose, jpeg, scene_at

__all__ = ["PHASES", "CameraDevice", "CameraFault", "compose", "jpeg", "scene_at", "write_stills"]
