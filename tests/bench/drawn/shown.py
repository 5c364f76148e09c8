"""Drawn views before the engine: equal ones are drawn and looked at once, so that trials by the thousand cost minutes.

Two pictures of one view differ by the sensor's noise alone; each view has a noise of its own. Where nothing stands still
every picture still has another digest, as from a camera.
"""

import hashlib
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import msgspec

from edge.vision.picture import Light, light
from edge.vision.relief import Look, relief
from firmware_sim.stage.view import View, draw

if TYPE_CHECKING:
    from faces.engine import Engine, FaceBox, Landmarks, Vector

_PICTURES = 8
"""Pictures that stay drawn, 0.9 MB each: one is asked for its faces, their points and vectors in a row."""


@lru_cache(maxsize=_PICTURES)
def _picture(view: View) -> Any:
    grain = int.from_bytes(hashlib.blake2b(msgspec.json.encode(view), digest_size=4).digest())
    return draw(view, grain)


class Remembering:
    """An engine (see `faces.engine.Engine`) whose pictures are views."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._known: dict[Hashable, Any] = {}
        self.name, self.model_sha256, self.length = engine.name, engine.model_sha256, engine.length

    @property
    def looked(self) -> int:
        """How many distinct views were searched for faces."""
        return sum(isinstance(key, tuple) and key[0] == "faces" for key in self._known)

    def detect(self, view: View) -> "list[FaceBox]":
        return list(self._once(("faces", view), lambda: self._engine.detect(_picture(view))))

    def near(self, view: View, place: "FaceBox") -> "list[FaceBox]":
        return list(self._once(("near", view, place), lambda: self._engine.near(_picture(view), place)))

    def landmarks(self, view: View, face: "FaceBox") -> "Landmarks":
        return self._once(("points", view, face), lambda: self._engine.landmarks(_picture(view), face))

    def embed(self, view: View, face: "FaceBox") -> "Vector":
        return self._once(("vector", view, face), lambda: self._engine.embed(_picture(view), face))

    def live_score(self, view: View, face: "FaceBox") -> float | None:
        return self._once(("alive", view, face), lambda: self._engine.live_score(_picture(view), face))

    def relief(self, straight: Look, turned: Look) -> float:
        """Between two views (see `edge.vision.relief`)."""
        looks = [cast("Any", look.image) for look in (straight, turned)]

        def find() -> float:
            return relief(*(Look(_picture(view), look.face) for view, look in zip(looks, (straight, turned), strict=True)))

        return self._once(("relief", straight, turned), find)

    def light(self, view: View) -> Light:
        """What the judge of pictures measures."""
        return self._once(("light", view), lambda: light(_picture(view)))

    def _once(self, key: Hashable, find: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = find()
        return self._known[key]
