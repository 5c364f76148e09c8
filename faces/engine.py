"""Face engines: where faces are in a picture, and a vector for each that is near for one person and far for two."""

import hashlib
import threading
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    """Rows, columns, and blue, green, red."""
    Vector = NDArray[np.float32]

VECTOR_LENGTH = 128


@dataclass(frozen=True)
class FaceBox:
    """A face in a picture, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    def covers(self, other: "FaceBox") -> bool:
        """Whether both lie in the same place: what they share is at least half of what they cover together."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(0, wide) * max(0, high)
        return 2 * shared >= self.area + other.area - shared


class Engine(Protocol):
    """A way to find and to describe faces. `name` and `model_sha256` go into templates: vectors of two do not mix."""

    @property
    def name(self) -> str:
        """Detector and embedder."""

    @property
    def model_sha256(self) -> str:
        """Digest of the embedder's weights."""

    def detect(self, image: "Image") -> list[FaceBox]:
        """Faces in a BGR picture, largest first."""

    def landmarks(self, image: "Image", face: FaceBox) -> tuple[tuple[int, int], ...]:
        """Points on a face in pixels; how many depends on the engine."""

    def embed(self, image: "Image", face: FaceBox) -> "Vector":
        """128 numbers; the Euclidean distance of two says how much two faces differ."""


class DlibEngine:
    """dlib: HOG detector, 5 landmarks, ResNet. About 20 ms a picture and 75 ms a face on one PC core.

    `upsample` doubles the picture that many times before looking: 0 finds faces from about 80 pixels, 1 from 40 at
    four times the work. The 68-point model is never loaded: its licence excludes commercial use. dlib's objects are
    not safe to share, so one call runs at a time.
    """

    def __init__(self, upsample: int = 0) -> None:
        """Load the models (0.4 s, about 60 MiB)."""
        import dlib

        self._dlib = dlib
        self._upsample = upsample
        self._lock = threading.Lock()
        models = files("face_recognition_models") / "models"
        self._find = dlib.get_frontal_face_detector()
        with as_file(models / "shape_predictor_5_face_landmarks.dat") as path:
            self._shape = dlib.shape_predictor(str(path))
        with as_file(models / "dlib_face_recognition_resnet_model_v1.dat") as path:
            self._net = dlib.face_recognition_model_v1(str(path))
            with path.open("rb") as file:
                self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def name(self) -> str:
        """HOG, five points and ResNet."""
        return "dlib-hog-resnet-v1"

    @property
    def model_sha256(self) -> str:
        """Digest of the ResNet's weights."""
        return self._sha256

    def detect(self, image: "Image") -> list[FaceBox]:
        """Faces in a BGR picture, largest first. HOG needs no colour."""
        import cv2

        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        with self._lock:
            found = self._find(grey, self._upsample)
        boxes = [FaceBox(box.left(), box.top(), box.right(), box.bottom()) for box in found]
        return sorted(boxes, key=lambda box: box.area, reverse=True)

    def landmarks(self, image: "Image", face: FaceBox) -> tuple[tuple[int, int], ...]:
        """Both corners of both eyes and the foot of the nose."""
        with self._lock:
            shape = self._points(image, face)
        return tuple((point.x, point.y) for point in shape.parts())

    def embed(self, image: "Image", face: FaceBox) -> "Vector":
        """The ResNet's vector of a face."""
        import cv2
        import numpy as np

        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        with self._lock:
            vector = self._net.compute_face_descriptor(rgb, self._points(rgb, face))
        return np.array(vector, dtype=np.float32)

    def _points(self, image: "Image", face: FaceBox) -> Any:
        return self._shape(image, self._dlib.rectangle(face.left, face.top, face.right, face.bottom))
