"""An engine put together from a detector, dlib's five points, an embedder, and passive models if any."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from faces.engine import FaceBox, Landmarks

if TYPE_CHECKING:
    from faces.engine import Image, Vector


class Detector(Protocol):
    """Finds faces. Its boxes are dlib's: square, from the brows to the chin."""

    @property
    def name(self) -> str:
        """A part of the engine's name."""

    def detect(self, image: "Image") -> list[FaceBox]:
        """Faces in a BGR picture, largest first."""

    def near(self, image: "Image", place: FaceBox) -> list[FaceBox]:
        """Boxes of the face at about a place, faint or turned as it may be: one a look."""


class Points(Protocol):
    """Finds the corners of the eyes and the nose."""

    def shape(self, image: "Image", face: FaceBox) -> Any:
        """The points as dlib's own object."""

    def landmarks(self, image: "Image", face: FaceBox) -> Landmarks:
        """The points with their names."""


class Embedder(Protocol):
    """Describes a face by its points. Vectors are scaled so that `SAME_AT` is the distance of the same person."""

    @property
    def name(self) -> str:
        """A part of the engine's name."""

    @property
    def model_sha256(self) -> str:
        """Digest of the weights."""

    @property
    def length(self) -> int:
        """Numbers of a vector."""

    def embed(self, image: "Image", shape: Any) -> "Vector":
        """The vector of a face whose points dlib has found."""


class PassiveModel(Protocol):
    """Says how alive a face looks in one picture."""

    def score(self, image: "Image", face: FaceBox) -> float:
        """0 to 1; 1 looks alive."""


class Assembled:
    """One engine of several parts. One call runs at a time: neither dlib's objects nor OpenCV's nets may be shared.

    With dlib's parts, at 640x480 on one core of a PC: 35 ms to search, 5 ms a look near a face, 1 ms for the points,
    95 ms to describe a face.
    """

    def __init__(
        self, detector: Detector, points: Points, embedder: Embedder, passive: Sequence[PassiveModel] = ()
    ) -> None:
        """Put together what is loaded already."""
        self._lock = threading.Lock()
        self._detector, self._points, self._embedder, self._passive = detector, points, embedder, tuple(passive)

    @property
    def name(self) -> str:
        """Detector and embedder."""
        return engine_name(self._detector.name, self._embedder.name)

    @property
    def model_sha256(self) -> str:
        """Digest of the embedder's weights."""
        return self._embedder.model_sha256

    @property
    def length(self) -> int:
        """Numbers of a vector."""
        return self._embedder.length

    def detect(self, image: "Image") -> list[FaceBox]:
        """Faces in a BGR picture, largest first."""
        with self._lock:
            return self._detector.detect(image)

    def near(self, image: "Image", place: FaceBox) -> list[FaceBox]:
        """Boxes of the face at about a place, faint or turned as it may be: one a look."""
        with self._lock:
            return self._detector.near(image, place)

    def landmarks(self, image: "Image", face: FaceBox) -> Landmarks:
        """Both corners of both eyes and the foot of the nose."""
        with self._lock:
            return self._points.landmarks(image, face)

    def embed(self, image: "Image", face: FaceBox) -> "Vector":
        """The vector of a face."""
        with self._lock:
            return self._embedder.embed(image, self._points.shape(image, face))

    def live_score(self, image: "Image", face: FaceBox) -> float | None:
        """The mean of the passive models; None without one."""
        with self._lock:
            scores = [model.score(image, face) for model in self._passive]
        return sum(scores) / len(scores) if scores else None



def engine_name(detector: str, embedder: str) -> str:
    """What templates of one engine are told from those of another by."""
    return f"{detector}-{embedder}"
