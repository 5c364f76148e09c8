"""What a face engine is: where faces are in a picture, points on them, and a vector for each.

Two vectors of one person lie near each other, of two people far apart; vectors of two engines do not mix. *Left* and
*right* are the picture's here: `left_eye_outer` is the corner nearest to the picture's left edge, which is the person's
own right.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    """Rows, columns, and blue, green, red."""
    Vector = NDArray[np.float32]

SAME_AT = 0.5
"""The distance that every engine's vectors are scaled to: so far apart, two pictures are just taken for one person."""


class Point(NamedTuple):
    """A place in a picture, in pixels from its upper left corner."""

    x: float
    y: float


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

    @property
    def side(self) -> int:
        """Its shorter side in pixels."""
        return min(self.right - self.left, self.bottom - self.top)

    def covers(self, other: "FaceBox") -> bool:
        """Whether both lie in the same place: what they share is at least half of what they cover together."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(0, wide) * max(0, high)
        return 2 * shared >= self.area + other.area - shared


@dataclass(frozen=True)
class Landmarks:
    """Points on a face. No engine that ships sees eyelids, mouth or chin."""

    left_eye_outer: Point
    left_eye_inner: Point
    right_eye_inner: Point
    right_eye_outer: Point
    nose_tip: Point
    """The nose's most forward point that the engine has; dlib's is the foot of the nose."""

    @property
    def apart_px(self) -> float:
        """Distance of the outer corners of the eyes."""
        return math.dist(self.left_eye_outer, self.right_eye_outer)

    @property
    def turn(self) -> float:
        """The nose's offset from the middle of the eyes, along them, in their distance: positive to the right.

        0 from the front. It says how well somebody faces the camera, not who turned alive: a tilted photograph has
        one, too.
        """
        return self._nose()[0]

    @property
    def drop(self) -> float:
        """How far the nose lies below the eyes, in the distance of their outer corners."""
        return self._nose()[1]

    @property
    def roll_deg(self) -> float:
        """How far the head leans: positive when the right eye is the lower one."""
        a, b = self.left_eye_outer, self.right_eye_outer
        return math.degrees(math.atan2(b.y - a.y, b.x - a.x))

    def _nose(self) -> tuple[float, float]:
        """The nose in the frame of the eyes: along their line and across it, in the distance of their outer corners."""
        a, b = self.left_eye_outer, self.right_eye_outer
        apart = self.apart_px or 1.0
        along_x, along_y = (b.x - a.x) / apart, (b.y - a.y) / apart
        x, y = self.nose_tip.x - (a.x + b.x) / 2, self.nose_tip.y - (a.y + b.y) / 2
        return (x * along_x + y * along_y) / apart, (y * along_x - x * along_y) / apart


class Identity(Protocol):
    """What goes into templates, so that vectors of two engines never meet."""

    @property
    def name(self) -> str:
        """Detector and embedder."""

    @property
    def model_sha256(self) -> str:
        """Digest of the embedder's weights."""


class Engine(Identity, Protocol):
    """A way to find and to describe faces."""

    @property
    def length(self) -> int:
        """Numbers of a vector."""

    def detect(self, image: "Image") -> list[FaceBox]:
        """Faces in a BGR picture, largest first."""

    def near(self, image: "Image", place: FaceBox) -> list[FaceBox]:
        """Boxes of the face that is seen at about a place of a picture, faint or turned as it may be: one a look."""

    def landmarks(self, image: "Image", face: FaceBox) -> Landmarks:
        """Points on a face."""

    def embed(self, image: "Image", face: FaceBox) -> "Vector":
        """`length` numbers; the Euclidean distance of two says how much two faces differ, `SAME_AT` being the limit."""

    def live_score(self, image: "Image", face: FaceBox) -> float | None:
        """How alive a face looks, 0 to 1, where a passive model is configured. Advice: it never decides."""
