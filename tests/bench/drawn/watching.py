"""The box's own eyes on drawn pictures: its judge of pictures, its lookout and its challenge, without camera and process."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from edge.interlock.evidence import Face, FaceRefused, Prompt, Wanted
from edge.vision.camera import Frame
from edge.vision.challenge import Terms
from edge.vision.lookout import Lookout
from edge.vision.picture import Health, PictureJudge, digest
from edge.vision.policy import policy_of
from edge.vision.process import LOOK_EVERY_S

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.interlock.rules import Rules
    from firmware_sim.stage.view import View
    from tests.bench.drawn.recognition import Templates
    from tests.bench.drawn.shown import Remembering

PROVING_S = 0.2
"""Pictures come five times a second at most, and each is looked at while somebody is asked for something."""


class Known:
    """Templates in memory, where the box has sealed files."""

    def __init__(self, templates: "Templates") -> None:
        self._templates = templates

    def vectors(self, person: str) -> "NDArray[np.float32] | None":
        """A person's rows."""
        return self._templates.get(person)


class Watch:
    """One camera, one permit, from the first picture on."""

    def __init__(self, engine: "Remembering", templates: "Templates", rules: "Rules", chance: random.Random) -> None:
        store: Any = Known(templates)
        self._lookout = Lookout(engine, store, policy_of(rules), Terms.of(rules), chance.choice, engine.relief)
        self._engine = engine
        self._judge = PictureJudge()

    @property
    def every_s(self) -> float:
        """Seconds to the next look."""
        return PROVING_S if self._lookout.proving else LOOK_EVERY_S["arming"]

    def look(self, view: "View", picture: str, at_s: float, wanted: Wanted) -> Sequence[Face | FaceRefused | Prompt]:
        """What the vision process tells the interlock after this picture; one with another name has other bytes."""
        at_us = round(at_s * 1_000_000)
        pixels, image = digest(picture.encode()), cast("Any", view)
        self._judge.see(pixels, self._engine.light(view), at_s)
        self._lookout.want(wanted)
        if self._judge.health(at_s) is not Health.OK:
            return self._lookout.late(at_us)
        return [*self._lookout.late(at_us), *self._lookout.look(Frame(image, at_us, pixels))]
