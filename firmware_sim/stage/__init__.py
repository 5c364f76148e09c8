"""What stands before the simulated camera, drawn without any process: scenes, flat things, the lens."""

from firmware_sim.stage.lens import HEIGHT, WIDTH, Shot, decode, encode, expose, jpeg, noisy, shoot
from firmware_sim.stage.scene import Scene, Standing, background, compose, paint, scene_at, still

__all__ = [
    "HEIGHT", "WIDTH", "Scene", "Shot", "Standing", "background", "compose", "decode", "encode", "expose", "jpeg",
    "noisy", "paint", "scene_at", "shoot", "still",
]  # fmt: skip
