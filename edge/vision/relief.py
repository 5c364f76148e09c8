"""How far a nose stands out of its face, told by two looks at it: on paper it does not, however that is held.

Two looks at a plane differ by a homography, whatever the lens, the distance, the tilt and its axis. Paper that is bent
or folded about the face's upright adds a ridge from forehead to chin. A head adds a nose, which goes its own way along
the line of the eyes and ends above the mouth. All three are fitted to the pixels of the face at once. The points alone
do not tell: near a wide lens, or tilted sideways and back at once, a photograph moves its nose between its eyes as far
as a head that turns. Pure.
"""

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from edge.vision.parallax import pose
from faces.engine import Landmarks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faces.engine import Image

    Grey = NDArray[np.float32]

_SCALE = 48
"""Pixels that the distance of the outer eye corners is brought to; every length below is in this distance."""
_ASIDE, _ABOVE, _BELOW = 0.72, 0.38, 1.12
"""What is compared, about the middle of the eyes: brows to lips, cheek to cheek."""
_RIM = 0.12
"""What lies at its rim counts less."""
_ROOM = 0.25
"""A turned face is cut out so much wider, since the points are only where the fit begins."""
_BLURS = (3.0, 1.5, 0.8)
"""From coarse to fine, in pixels: a far nose is found first, a near one exactly."""
_STEPS, _STEP, _DONE = 7, 0.15, 1e-3
_EVEN, _DIM = 0.22, 9.0
"""Brightness counts against that about each place, over so far, so that light may change; darkness has no edges."""
_ODD = 0.5
"""Brightness that differs by more, in spreads, is something else: a hidden cheek, a glint. It counts less."""
_NOSE_WIDE, _NOSE_END, _TIP = 0.13, 0.11, 0.06
"""A nose: half its width, how soon it ends below its tip, and how far the tip lies above its foot."""
_CREASE = 0.05
"""Half the width over which a fold is round."""
_FIRM_FAR, _FIRM_NOSE, _FIRM_FOLD = 3e-3, 2e-3, 1e-3
"""What is to be explained by a far side that shrinks, the nose or a fold must show in the pixels by so much."""
_HEADWAY = 1.3
"""The nose's tip goes further than its foot, which is the point that is read."""
_ALIKE = 0.5
"""Looks that correlate less, over the face or the nose, were not brought together: nothing is known."""
_FAR_SIDE = 0.3
"""No side of a face is further than three times away."""


class Look(NamedTuple):
    """A face in a picture, and its points."""

    image: "Image"
    face: Landmarks


class _Fit(NamedTuple):
    alike: float
    nose_alike: float
    nose: float


def relief(straight: Look, turned: Look) -> float:
    """How far the nose went beyond what paper explains, in the distance of the outer eye corners (20 ms).

    Positive is to the picture's right, as in `Pose`. 0 where the two looks cannot be brought together.
    """
    before, now = pose(straight.face), pose(turned.face)
    drop = straight.face.drop
    if before is None or now is None or drop <= _TIP or turned.face.drop <= 0:
        return 0.0
    # A nose that lies as far below the eyes as before: heights do not change when a face turns.
    high_px = turned.face.apart_px * min(1.6, max(0.8, turned.face.drop / drop))
    pictures = _cut(straight, straight.face.apart_px, 0.0), _cut(turned, high_px, _ROOM)
    shape = _nose(before.nose, drop)
    aside = now.nose - before.nose
    # Two places to begin at: a plane that slants, and a head.
    fits = [_fit(*pictures, shape, aside / drop, 0.0), _fit(*pictures, shape, 0.0, _HEADWAY * aside)]
    best = max(fits, key=lambda fit: fit.alike)
    return best.nose if min(best.alike, best.nose_alike) >= _ALIKE else 0.0


@cache
def _places() -> "tuple[Grey, Grey]":
    """Of each pixel: across and down from the middle of the eyes."""
    import numpy as np

    across = np.arange(round(2 * _ASIDE * _SCALE), dtype=np.float32) / _SCALE - _ASIDE
    down = np.arange(round((_ABOVE + _BELOW) * _SCALE), dtype=np.float32) / _SCALE - _ABOVE
    x, y = np.meshgrid(across, down)
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


@cache
def _counts() -> "Grey":
    """How much each pixel counts, by its place."""
    import numpy as np

    x, y = _places()
    weight = np.clip((_ASIDE - np.abs(x)) / _RIM, 0, 1) * np.clip(np.minimum(y + _ABOVE, _BELOW - y) / _RIM, 0, 1)
    return np.asarray(weight, np.float32)


def _nose(aside: float, drop: float) -> "Grey":
    """How far each place of a face stands out, by its nose alone: a ridge from between the eyes to the tip."""
    import numpy as np

    x, y = _places()
    tip = drop - _TIP
    along = np.where(y > tip, np.exp(-(((y - tip) / _NOSE_END) ** 2)), np.clip(y / tip, 0, 1))
    middle = aside * np.clip(y / drop, 0, 1)
    return np.asarray(along * np.exp(-(((x - middle) / _NOSE_WIDE) ** 2) / 2), np.float32)


@cache
def _fold() -> "Grey":
    """How far each place of paper lies behind its middle, that is folded there or bent."""
    import numpy as np

    x, _ = _places()
    return np.asarray(np.sqrt(x * x + _CREASE**2), np.float32)


def _cut(look: Look, high_px: float, room: float) -> "Grey":
    """The face with its eyes level and _SCALE apart; down, as many of its pixels are one `high_px`."""
    import cv2
    import numpy as np

    left, right = look.face.left_eye_outer, look.face.right_eye_outer
    apart = look.face.apart_px
    along = np.array([right.x - left.x, right.y - left.y]) / _SCALE
    across = np.array([-along[1], along[0]]) * high_px / apart
    corner = np.array([(left.x + right.x) / 2, (left.y + right.y) / 2])
    corner -= (along * (_ASIDE + room) + across * (_ABOVE + room)) * _SCALE
    grey = cv2.cvtColor(look.image, cv2.COLOR_BGR2GRAY)
    coarse = apart / _SCALE
    if coarse > 1:
        grey = cv2.GaussianBlur(grey, (0, 0), 0.4 * coarse)
    size = (round(2 * (_ASIDE + room) * _SCALE), round((_ABOVE + _BELOW + 2 * room) * _SCALE))
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    place = np.column_stack([along, across, corner])
    cut = cv2.warpAffine(grey, place, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.float32)


def _evened(grey: "Grey", blur: float) -> "Grey":
    """Brightness against that about each place, in its spread there."""
    import cv2
    import numpy as np

    smooth = cv2.GaussianBlur(grey, (0, 0), blur)
    off = smooth - cv2.GaussianBlur(smooth, (0, 0), _EVEN * _SCALE)
    spread = cv2.GaussianBlur(off * off, (0, 0), _EVEN * _SCALE)
    return np.asarray(off / np.sqrt(spread + _DIM), np.float32)


def _fit(before: "Grey", now: "Grey", shape: "Grey", slant: float, nose: float) -> _Fit:
    """Bring two looks together: a homography of eight numbers, how far the nose goes across and down, and a fold.

    Least squares by Gauss and Newton, from a plane that slants by so much and a nose that went so far.
    """
    import numpy as np

    found = np.zeros(11)
    found[1], found[8] = slant, nose
    steady = np.array([1e-6] * 6 + [_FIRM_FAR] * 2 + [_FIRM_NOSE] * 2 + [_FIRM_FOLD])
    warped = model = before
    for blur in _BLURS:
        model, picture = _evened(before, blur), _evened(now, blur)
        for _ in range(_STEPS):
            seen = _seen(picture, shape, found)
            if seen is None:
                return _Fit(-1.0, -1.0, 0.0)
            warped, slopes = seen
            off = warped - model
            weight = (_counts() / np.maximum(1, np.abs(off) / _ODD)).ravel()
            pulls = slopes * weight
            total = float(weight.sum())
            normal = pulls @ slopes.T / total + np.diag(steady)
            step = np.linalg.solve(normal, pulls @ off.ravel() / total + steady * found)
            found -= np.clip(step, -_STEP, _STEP)
            if np.abs(step).max() < _DONE:
                break
    return _Fit(_alike(warped, model, _counts()), _alike(warped, model, _counts() * shape), float(found[8]))


def _seen(picture: "Grey", shape: "Grey", found: "NDArray[np.float64]") -> "tuple[Grey, Grey] | None":
    """The turned look as the straight one would be, and how it changes with each of the numbers.

    None where no camera could see it so.
    """
    import cv2
    import numpy as np

    x, y = _places()
    a, b, c, d, e, f, g, h, across, down, folded = (float(number) for number in found)
    x, y = x + across * shape + folded * _fold(), y + down * shape
    away = 1 + g * x + h * y
    if not away.min() > _FAR_SIDE:
        return None
    u, v = ((1 + a) * x + b * y + c) / away, (d * x + (1 + e) * y + f) / away
    places = (u + (_ASIDE + _ROOM)) * _SCALE, (v + (_ABOVE + _ROOM)) * _SCALE
    slopes = (cv2.Sobel(picture, cv2.CV_32F, *axis, scale=_SCALE / 8) for axis in ((1, 0), (0, 1)))
    warped, right, below = (
        cv2.remap(each, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for each in (picture, *slopes)
    )
    right, below = right / away, below / away
    back = -(right * u + below * v)
    aside, under = right * (1 + a) + below * d + back * g, right * b + below * (1 + e) + back * h
    plane = (right * x, right * y, right, below * x, below * y, below, back * x, back * y)
    beyond = (aside * shape, under * shape, aside * _fold())
    changes = [np.asarray(each, np.float32).ravel() for each in (*plane, *beyond)]
    return np.asarray(warped, np.float32), np.stack(changes)


def _alike(one: "Grey", other: "Grey", weight: "Grey") -> float:
    """How two looks correlate, -1 to 1."""
    spread = math.sqrt(float((weight * one * one).sum()) * float((weight * other * other).sum()))
    return float((weight * one * other).sum()) / spread if spread > 0 else -1.0
