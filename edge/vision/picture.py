"""Tells a living picture from a dead one: frozen, black, covered, looping. Pure: times are handed in.

Sensor noise changes a live picture's bytes from frame to frame, in the dark too. So the same bytes again are a picture
that stands still, and bytes that were here before are a recording.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faces.engine import Image

FROZEN_S = 1.4
"""A camera that gives two pictures a second, as some do in the dark, is not frozen."""
BLACK_MEAN = 6.0
"""Mean brightness, of 255, under which nobody could be recognised: cap on, or no light at all."""
FEWEST_FIELDS = 6
"""Of FIELDS, in which there must be edges: with fewer there is no scene, however bright it is. Paper, tape, cloth and
a hand in the sun, behind noise of 3 to 8 of 255, have none; a thing close before the lens, in whose place little is
left to see, 5 and fewer. The simulated workplace, a plain wall with pipes along its top, has 8 in 60 to 140 % of its
light and in fog or dusk that leave a tenth of its contrast (tests/edge/vision/test_covered.py). A view of nothing but
one plain surface cannot be told from paper, and what leaves an eighth of the fields with edges is not told at all.
"""
DARK_S = 1.0
"""An exposure change may lose a picture or two, and a hand may pass."""
LOOP_PICTURES = 4
"""So many pictures in a row that were here before are a recording; so many new ones in a row are live again."""
REMEMBERED = 16_384
"""Pictures whose digests are kept, 3 MB: 27 minutes at ten a second, 11 at twenty-five. A longer loop is not found."""
_DIGEST_BYTES = 16
_ROWS = 8
"""Every so manyth row is enough to tell a frame from all others."""
_SMALL = (80, 60)
_FIELDS = (8, 6)
"""Fields across and down; each is ten places of the small picture wide and high."""
FIELDS = _FIELDS[0] * _FIELDS[1]
_EDGE = 4.0
"""A step of brightness, of 255, between two places of the small picture; noise of 8 makes no more than a few."""
_STEPS = 6
"""So many steps in a field are an edge, not noise or the rim of what hangs before the lens."""
_AROUND = 7
"""What lies before the lens is far out of focus: its brightness changes evenly over so many places of the small
picture, and what changes evenly, as light that falls from one side does, too, is no edge."""


class Health(StrEnum):
    """What the camera is worth."""

    OK = "ok"
    STALLED = "stalled"
    FROZEN = "frozen"
    BLACK = "black"
    COVERED = "covered"
    LOOPING = "looping"
    ABSENT = "absent"


@dataclass(frozen=True)
class Light:
    """What a picture shows at a glance: mean brightness, of 255, and in how many of FIELDS there are edges."""

    mean: float
    fields: int


def digest(content: bytes | memoryview) -> bytes:
    """What a picture's bytes are told from others by."""
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def glance(image: "Image") -> bytes:
    """A digest of some of a picture's rows, which the sensor's noise makes its own: 0.1 ms at 640x480."""
    import numpy as np

    return digest(np.ascontiguousarray(image[::_ROWS]).data)


def light(image: "Image") -> Light:
    """Measure a BGR picture, made so small that noise is averaged away (0.5 ms)."""
    import cv2
    import numpy as np

    small = cv2.cvtColor(cv2.resize(image, _SMALL, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY).astype(np.float32)
    down, across = np.diff(small, axis=0), np.diff(small, axis=1)
    slopes = cv2.blur(down, (1, _AROUND)), cv2.blur(across, (_AROUND, 1))
    steps = np.zeros(small.shape, np.uint8)
    steps[:-1] += np.abs(down - slopes[0]) >= _EDGE
    steps[:, :-1] += np.abs(across - slopes[1]) >= _EDGE
    columns, rows = _FIELDS
    each = steps.reshape(rows, _SMALL[1] // rows, columns, _SMALL[0] // columns).sum((1, 3))
    return Light(float(small.mean()), int((each >= _STEPS).sum()))


class _Seen:
    """Digests of the newest pictures, and how many in a row were here before."""

    def __init__(self) -> None:
        self._order: dict[bytes, None] = {}
        self._newest = b""
        self._again = 0
        self._fresh = 0
        self.looping = False

    def see(self, digest: bytes) -> None:
        if digest == self._newest:
            return  # it stands still, which is another fault
        self._newest = digest
        if digest in self._order:
            self._again, self._fresh = self._again + 1, 0
        else:
            self._again, self._fresh = 0, self._fresh + 1
            self._order[digest] = None
            if len(self._order) > REMEMBERED:
                del self._order[next(iter(self._order))]
        if self._again >= LOOP_PICTURES:
            self.looping = True
        elif self._fresh >= LOOP_PICTURES:
            self.looping = False


class PictureJudge:
    """Judges the pictures of one camera; what it remembers outlasts a reopening."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self._encoded, self._pixels = _Seen(), _Seen()
        self._digest = b""
        self._changed_s = 0.0
        self._black_s: float | None = None
        self._covered_s: float | None = None

    def pass_by(self, encoded: bytes) -> None:
        """The digest of a frame as the camera sent it, or of its pixels, whether or not it is looked at.

        Of frames that are decoded it is a digest of every one: of a sample of five in a second the same one comes
        again only after many rounds of a loop.
        """
        self._encoded.see(encoded)

    def see(self, pixels: bytes, seen: Light, now_s: float) -> None:
        """A picture that is looked at: the digest of its pixels, its light, and when it came."""
        self._pixels.see(pixels)
        if pixels != self._digest:
            self._digest = pixels
            self._changed_s = now_s
        black = seen.mean < BLACK_MEAN
        covered = seen.fields < FEWEST_FIELDS
        self._black_s = (now_s if self._black_s is None else self._black_s) if black else None
        self._covered_s = (now_s if self._covered_s is None else self._covered_s) if covered else None

    def health(self, now_s: float) -> Health:
        """What the newest picture says; the plainest cause first: a black picture may stand still and repeat, too."""
        if _lasts(self._black_s, now_s):
            return Health.BLACK
        if now_s - self._changed_s >= FROZEN_S:
            return Health.FROZEN
        if self._encoded.looping or self._pixels.looping:
            return Health.LOOPING
        return Health.COVERED if _lasts(self._covered_s, now_s) else Health.OK


def _lasts(since_s: float | None, now_s: float) -> bool:
    return since_s is not None and now_s - since_s >= DARK_S
