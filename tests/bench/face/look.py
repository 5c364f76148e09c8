"""One picture to the vector of its largest face, as the box's camera would have delivered it, and how long that took."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from faces import quality
from faces.engine import Engine, FaceBox
from faces.policy import Policy
from faces.refusals import Refusal
from tests.bench.figures import median, percentile

if TYPE_CHECKING:
    from faces.engine import Image

WIDE, HIGH = 640, 480
"""The box's camera: larger pictures are made to fit, because that is what the box would see."""
SMALLEST = 240
"""A second look at a picture without a face enlarges it to this many pixels, if it is smaller, and"""
PAD = 0.35
"""adds so much of its border on each side: a tight crop shows no head to a detector of whole heads."""

Told = Callable[[str, int, int], None]


class Seen(NamedTuple):
    """What became of a picture; `vector` is None without a face. `again`: found at the second look only.

    `fault` is what the box would say of it as a still for enrolment; `live` the score of an optional passive model.
    """

    path: Path
    vector: NDArray[np.float32] | None
    faces: int = 0
    face_px: int = 0
    again: bool = False
    readable: bool = True
    fault: Refusal | None = None
    live: float | None = None


@dataclass
class Times:
    """Milliseconds of each step."""

    detect: list[float] = field(default_factory=list)
    embed: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Medians and 95th percentiles; nothing of a step that never ran."""
        steps = {"detect": self.detect, "embed": self.embed, "picture": self.whole}
        medians = {f"{name}_median_ms": round(median(took), 2) for name, took in steps.items() if took}
        return medians | {f"{name}_p95_ms": round(percentile(took, 0.95), 2) for name, took in steps.items() if took}


class Eye:
    """Looks at pictures with an engine and keeps the times; the policy is for what enrolment asks of stills."""

    def __init__(self, engine: Engine, policy: Policy) -> None:
        self.engine = engine
        self._policy = policy
        self.times = Times()

    def find(self, image: "Image") -> "tuple[Image, list[FaceBox], bool]":
        """Faces of a picture, largest first, in the picture that they were found in; whether it took a second look."""
        faces = self._detect(image)
        if faces:
            return image, faces, False
        near = padded(image)
        return near, self._detect(near), True

    def look(self, path: Path) -> Seen:
        """The vector of the largest face in a file."""
        image = read(path)
        if image is None:
            return Seen(path, None, readable=False)
        began = time.perf_counter()
        image, faces, again = self.find(image)
        if not faces:
            return Seen(path, None)
        midway = time.perf_counter()
        vector = self.engine.embed(image, faces[0])
        ended = time.perf_counter()
        self.times.embed.append(1000 * (ended - midway))
        self.times.whole.append(1000 * (ended - began))
        measured = quality.measure(image, faces[0], self.engine.landmarks(image, faces[0]))
        fault = quality.fault(measured, self._policy)
        return Seen(
            path, vector, len(faces), measured.size_px, again, fault=fault[0] if fault else None,
            live=self.engine.live_score(image, faces[0]),
        )  # fmt: skip

    def _detect(self, image: "Image") -> list[FaceBox]:
        began = time.perf_counter()
        faces = self.engine.detect(image)
        self.times.detect.append(1000 * (time.perf_counter() - began))
        return faces


def read(path: Path) -> "Image | None":
    """A picture in colour, made to fit the camera's size; None when it cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        return None
    return fitted(np.asarray(image, np.uint8))


def fitted(image: "Image") -> "Image":
    """At most as large as the camera's picture; never enlarged."""
    high, wide = image.shape[:2]
    scale = min(WIDE / wide, HIGH / high, 1.0)
    if scale == 1.0:
        return image
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def padded(image: "Image") -> "Image":
    """The second look: enlarged if it is small, with more of its border around."""
    high, wide = image.shape[:2]
    scale = max(1.0, SMALLEST / min(high, wide))
    large = cv2.resize(image, (round(wide * scale), round(high * scale)), interpolation=cv2.INTER_CUBIC) if scale > 1 else image
    up, across = (round(PAD * side) for side in large.shape[:2])
    return np.asarray(cv2.copyMakeBorder(large, up, up, across, across, cv2.BORDER_REPLICATE), np.uint8)


def duplicates(people: Mapping[str, Sequence[Path]]) -> set[Path]:
    """Files that hold the very bytes of an earlier one: the same picture twice makes a genuine pair of nothing."""
    seen: set[bytes] = set()
    found: set[Path] = set()
    for paths in people.values():
        for path in paths:
            digest = hashlib.blake2b(path.read_bytes()).digest()
            (found.add(path) if digest in seen else seen.add(digest))
    return found


def everybody(eye: Eye, people: Mapping[str, Iterable[Path]], told: Told) -> dict[str, list[Seen]]:
    """Look at every picture of everybody."""
    plan = {person: list(paths) for person, paths in people.items()}
    of, done = sum(map(len, plan.values())), 0
    found: dict[str, list[Seen]] = {}
    for person, paths in plan.items():
        found[person] = []
        for path in paths:
            found[person].append(eye.look(path))
            done += 1
            told("pictures", done, of)
    return found


def vectors(seen: Mapping[str, Sequence[Seen]]) -> dict[str, NDArray[np.float32]]:
    """Each person's vectors as rows; people without one are left out."""
    rows = {person: [one.vector for one in own if one.vector is not None] for person, own in seen.items()}
    return {person: np.stack(own) for person, own in rows.items() if own}
