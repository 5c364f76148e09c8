"""What is before the camera at a moment, in steps that a camera would hardly tell apart: equal views look equal."""

import math
from functools import lru_cache

import cv2
import msgspec
import numpy as np

from firmware_sim.cast import CAST
from firmware_sim.people import Picture, Pose, Wear
from firmware_sim.stage.flat import FOCAL, Sheet, hand, held, on_screen, printed
from firmware_sim.stage.lens import Shot, decode, jpeg
from firmware_sim.stage.scene import Scene, Standing, paint, portrait

SWAYS = 6
"""Places of a hand that is never quite still."""
_SHINE = 0.06


class Someone(msgspec.Struct, frozen=True):
    """A person of the cast in a view: yaw and pitch in whole degrees, lids and mouth in quarters."""

    name: str
    yaw_deg: int = 0
    pitch_deg: int = 0
    blink: float = 0.0
    mouth: float = 0.0
    wear: Wear = Wear.NOTHING

    @property
    def pose(self) -> Pose:
        """How the head is held."""
        return Pose(self.yaw_deg, self.pitch_deg, 0.0, self.blink, self.mouth)


class Flat(msgspec.Struct, frozen=True):
    """Paper or a tablet in a view, with who is on it.

    Attributes:
        who: whose picture.
        paper: a tablet otherwise.
        close: so near that its border is not seen.
        wide: in pixels when it faces the camera.
        sway: where the hand is, one of SWAYS.
        tilt_deg, bend_deg: about its upright axis.
        aside, below: pixels to the right of the middle, and below it.
        slant_deg: how far the axis of the tilt leans from the upright of the picture; the face stays upright.
        focal: of the lens, in pixels.
        fold_deg: how far each half is turned back along its upright middle.
    """

    who: Someone
    paper: bool
    close: bool
    wide: int
    sway: int
    tilt_deg: int = 0
    bend_deg: int = 0
    aside: int = 0
    slant_deg: int = 0
    below: int = 0
    focal: float = FOCAL
    fold_deg: int = 0


class View(msgspec.Struct, frozen=True):
    """What is before the camera at a moment: hashable, so that equal views need to be looked at only once.

    `pixels` is half a head's height; 0 is as near as people's number leaves room for.
    """

    people: tuple[Someone, ...] = ()
    places: int = 0
    sheet: Flat | None = None
    light: float = 1.0
    pixels: int = 0


def draw(view: View, grain: int = 0) -> Shot:
    """The picture of it; `grain` is the sensor's noise, by which two pictures of one view differ."""
    people = tuple(Standing(CAST[who.name], who.pose, who.wear) for who in view.people)
    scene = paint(Scene(people, places=view.places, pixels=view.pixels))
    if view.sheet is not None:
        scene = held(scene, _sheet(view.sheet))
    return decode(jpeg(scene * np.float32(view.light), grain))


def _sheet(flat: Flat) -> Sheet:
    content = _flat(flat.who, flat.paper, flat.close)
    if flat.slant_deg:
        rows, columns = content.shape[:2]
        turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), flat.slant_deg, 1.0)
        content = cv2.warpAffine(content, turn, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    sheet = hand(content, flat.sway / SWAYS, flat.tilt_deg, flat.wide, 0.0 if flat.paper else _SHINE)
    slant, tilt = math.radians(flat.slant_deg), math.radians(sheet.tilt_deg)
    upright_deg = math.degrees(math.atan2(math.sin(slant), math.cos(tilt) * math.cos(slant)))
    return msgspec.structs.replace(
        sheet,
        across=sheet.across + flat.aside,
        down=sheet.down + flat.below,
        bend_deg=flat.bend_deg,
        fold_deg=flat.fold_deg,
        focal=flat.focal,
        lean_deg=sheet.lean_deg + upright_deg,
    )


@lru_cache(maxsize=16)
def _flat(who: Someone, paper: bool, close: bool) -> Picture:
    """What is on the paper or the screen, with its border unless that lies outside the picture anyway."""
    person = Standing(CAST[who.name], who.pose, who.wear)
    content = paint(Scene((person,))) if close else portrait(person)
    if paper:
        return printed(content, 0.0 if close else 0.05)
    return on_screen(content, 0.0 if close else 0.07)
