"""The parts of the default engine: dlib's HOG detector, its 5 landmarks and its ResNet, all from PyPI wheels.

The 68-point model is never loaded: its licence excludes commercial use. dlib's objects are not safe to share between
threads; `faces.engines.assembled` calls them one at a time.
"""

import hashlib
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from faces.engine import FaceBox, Landmarks, Point

if TYPE_CHECKING:
    from faces.engine import Image, Vector

AREA = 640 * 480
"""Pixels that are searched for faces, whatever the camera gives: the time of a search grows with them."""
NEAR = (100, 112, 125)
"""Pixels that a face is brought to when it is looked for near a place, look by look: dlib searches in sizes a fifth
apart and in steps of a tenth of a face, so each look finds it a little elsewhere."""
FAINT = -0.4
"""From this score on a face is seen near a place: drawn heads that turn by 33 degrees under a helmet have -0.2."""
_MARGIN = 0.6
_RESNET = "dlib_face_recognition_resnet_model_v1.dat"
_POINTS = "shape_predictor_5_face_landmarks.dat"


def resnet_sha256() -> str:
    """Digest of the ResNet's weights as they are installed."""
    with as_file(files("face_recognition_models") / "models" / _RESNET) as path, path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class HogDetector:
    """dlib's HOG detector: the smallest face is 80 pixels of what it searches.

    A picture is searched in a copy of at most `AREA` pixels; one of a quarter of that or less is doubled first.
    `upsample` doubles once more: faces half as large, at four times the work.
    """

    name = "dlib-hog"

    def __init__(self, upsample: int = 0) -> None:
        """Load the detector, which is a part of dlib."""
        import dlib

        self._upsample = upsample
        self._find = dlib.get_frontal_face_detector()

    def detect(self, image: "Image") -> list[FaceBox]:
        """Faces in a BGR picture, largest first. HOG needs no colour."""
        import cv2

        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        rows, columns = grey.shape
        shrink = max(1.0, (rows * columns / AREA) ** 0.5)
        if shrink > 1:
            size = (max(1, round(columns / shrink)), max(1, round(rows / shrink)))
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        found = self._find(grey, self._upsample + _doublings(rows * columns))
        boxes = [
            FaceBox(*(round(side * shrink) for side in (box.left(), box.top(), box.right(), box.bottom())))
            for box in found
        ]
        return sorted(boxes, key=lambda box: box.area, reverse=True)

    def near(self, image: "Image", place: FaceBox) -> list[FaceBox]:
        """Boxes of the surest face at about a place, one a look: of those that `NEAR` names."""
        import cv2

        more = round(_MARGIN * place.side)
        left, top = max(0, place.left - more), max(0, place.top - more)
        part = image[top : max(0, place.bottom + more), left : max(0, place.right + more)]
        if not part.size or place.side <= 0:
            return []
        grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
        found = []
        for pixels in NEAR:
            scale = pixels / place.side
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            boxes, scores, _ = self._find.run(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how), 0, FAINT)
            if boxes:
                _, surest = max(zip(scores, range(len(boxes)), strict=True))
                box = boxes[surest]
                across, down = (box.left(), box.right()), (box.top(), box.bottom())
                (a, b), (c, d) = ([round(at / scale) + off for at in ats] for ats, off in ((across, left), (down, top)))
                found.append(FaceBox(a, c, b, d))
        return found


def _doublings(pixels: int) -> int:
    """How often a picture can be doubled and stay within `AREA`."""
    times = 0
    while pixels and pixels * 4 ** (times + 1) <= AREA:
        times += 1
    return times


class FivePoints:
    """dlib's 5 landmarks: both corners of both eyes and the foot of the nose."""

    def __init__(self) -> None:
        """Load the model (9 MB)."""
        import dlib

        self._dlib = dlib
        with as_file(files("face_recognition_models") / "models" / _POINTS) as path:
            self._shape = dlib.shape_predictor(str(path))

    def shape(self, image: "Image", face: FaceBox) -> Any:
        """The points as dlib's own object."""
        return self._shape(image, self._dlib.rectangle(face.left, face.top, face.right, face.bottom))

    def landmarks(self, image: "Image", face: FaceBox) -> Landmarks:
        """The points with their names."""
        return named(self.shape(image, face))


def named(shape: Any) -> Landmarks:
    """Dlib's five points by name. It lists the eye on the picture's right first, each from its outer corner."""
    points = [Point(float(part.x), float(part.y)) for part in shape.parts()]
    right_outer, right_inner, left_outer, left_inner, nose = points
    return Landmarks(left_outer, left_inner, right_inner, right_outer, nose)


class ResNet:
    """dlib's ResNet: 128 numbers a face, made so that 0.6 tells two people apart most of the time."""

    name = "resnet-v1"
    length = 128

    def __init__(self) -> None:
        """Load the weights (22 MB, 0.3 s)."""
        import dlib

        with as_file(files("face_recognition_models") / "models" / _RESNET) as path:
            self._net = dlib.face_recognition_model_v1(str(path))
        self.model_sha256 = resnet_sha256()

    def embed(self, image: "Image", shape: Any) -> "Vector":
        """The vector of a face whose points dlib has found."""
        import cv2
        import numpy as np

        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return np.array(self._net.compute_face_descriptor(rgb, shape), dtype=np.float32)
