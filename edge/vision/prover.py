"""Runs tries of `edge.vision.challenge` on frames: follows one face, asks for its movements, tells what came of it.

One person at a time, whoever of those that are to prove something is recognised first; the others come after. The face
is followed by its place, and described only on frames that count: there it must be that person's. Knows nothing of
sockets or threads; frames need not come from a camera.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge.interlock.evidence import Face, Prompt, Wanted
from edge.vision.challenge import (
    Action,
    Choose,
    Glimpse,
    Result,
    Terms,
    Trial,
    Why,
    begin,
    draw,
    is_straight,
    see,
    tick,
    wants_identity,
    wants_relief,
)
from edge.vision.eyes import Eyes
from edge.vision.parallax import face_in, pose
from edge.vision.relief import Look, relief
from faces.engine import Engine, FaceBox, Landmarks
from faces.match import Matched, Seen

if TYPE_CHECKING:
    from edge.vision.camera import Frame
    from faces.engine import Image

Identify = Callable[["Image", FaceBox], Matched]
"""Whose face it is, of the permit's people."""
Relief = Callable[[Look, Look], float]
"""How far the nose went beyond what a plane explains, between a straight look and a turned one."""
ASIDE = 0.75
"""A face that is followed moves between two looks by at most this share of its width."""
ALONG = 0.12
"""Somebody who looks straight may step aside by this share of the face's width from look to look. Faces are found in
sizes a fifth apart: another size is no step."""


@dataclass(frozen=True)
class Followed:
    """What a frame showed of the try that goes on: whose, which of its faces is the prover's alone, what to tell."""

    person: str = ""
    box: FaceBox | None = None
    said: tuple[Face | Prompt, ...] = ()


NOBODY = Followed()


class Prover:
    """At most one try at a time."""

    def __init__(
        self, engine: Engine, identify: Identify, terms: Terms, choose: Choose = secrets.choice, relief: Relief = relief
    ) -> None:
        """Nobody is asked for anything."""
        self._engine, self._identify, self._terms, self._choose = engine, identify, terms, choose
        self._relief = relief
        self._straight: Look | None = None
        """The last look before the first arrow: the turns are told against it."""
        self._nonce = self._used = ""
        """What is asked under, and what a try has used up."""
        self._prove: tuple[str, ...] = ()
        self._trial: Trial | None = None
        self._place: FaceBox | None = None
        self._eyes = Eyes()
        self._distance = 0.0
        self._unanswered: dict[str, tuple[Action, ...]] = {}
        """Orders whose first arrow nobody answered: asked again as they are."""

    @property
    def running(self) -> bool:
        """Somebody is being asked."""
        return self._trial is not None

    @property
    def trial(self) -> Trial | None:
        """The try that goes on."""
        return self._trial

    def want(self, wanted: Wanted) -> None:
        """Whom to ask under which nonce; a try under another one, or of somebody who need not, is dropped unsaid."""
        self._nonce = wanted.nonce if wanted.nonce != self._used else ""
        self._prove = wanted.prove
        trial = self._trial
        if trial is not None and (trial.nonce != wanted.nonce or trial.person not in wanted.prove):
            self._trial = self._place = self._straight = None
        self._unanswered = {who: order for who, order in self._unanswered.items() if who in wanted.people}

    def offer(self, frame: "Frame", seen: Mapping[str, Seen]) -> list[Prompt]:
        """Begin with somebody who is recognised in this frame and is to prove something."""
        if self._trial is not None or not self._nonce:
            return []
        person = next((each for each in self._prove if each in seen and seen[each].held), None)
        if person is None:
            return []
        order = self._unanswered.get(person) or draw(self._terms, self._choose)
        self._trial = begin(person, self._nonce, order, self._terms, frame.at_us)
        self._place, self._eyes = seen[person].face, Eyes()
        return [self._prompt(self._trial, frame.at_us)]

    def follow(self, frame: "Frame", found: Sequence[FaceBox]) -> Followed:
        """Take a frame's faces into account: a new prompt, or the end; a proof comes before its last word."""
        before = self._trial
        if before is None:
            return NOBODY
        box = _nearest(self._place, found)
        if not before.number:
            self._place = box or self._place
        trial = self._trial = self._look(before, frame, box)
        said: list[Face | Prompt] = []
        if (trial.number, trial.result) != (before.number, before.result):
            said.append(self._prompt(trial, frame.at_us))
        if trial.result is Result.PASSED:
            said.insert(0, self._proof(trial, frame, box))
        if not trial.open:
            self._end(trial)
        return Followed(trial.person, box, tuple(said))

    def late(self, now_us: int) -> list[Prompt]:
        """Time passes without a frame."""
        if self._trial is None:
            return []
        trial = tick(self._trial, now_us)
        if trial.open:
            return []
        self._end(trial)
        return [self._prompt(trial, now_us)]

    def _look(self, trial: Trial, frame: "Frame", box: FaceBox | None) -> Trial:
        """What a frame shows of the face; it is described where it would count.

        Movement and identity are read from one and the same face, which the detector found in this very frame. Where a
        face was is no face: points that are looked for beside one are guessed, and a photograph that is jerked aside
        would seem to turn.
        """
        boxes, face = self._read(frame.image, box)
        if face is None:
            return see(trial, Glimpse(frame.at_us))
        glimpse = Glimpse(frame.at_us, pose(face), None, self._shut(trial, frame.image, face))
        look = Look(frame.image, face)
        if not trial.number:
            self._straight = look
        elif self._straight is not None and wants_relief(trial, glimpse):
            glimpse = replace(glimpse, relief=self._relief(self._straight, look))
        if box is not None and is_straight(trial, glimpse):
            self._go_along(box)
        if wants_identity(trial, glimpse):
            glimpse = replace(glimpse, same=self._is(trial.person, frame.image, boxes[0]))
        return see(trial, glimpse)

    def _read(self, image: "Image", box: FaceBox | None) -> tuple[list[FaceBox], Landmarks | None]:
        """The face in this frame: boxes in which the detector sees it and points hold, and the mean of these points.

        A turned head is a faint one, and each box moves the nose by a little: hence several looks at one face.
        """
        place = box or self._place
        if place is None:
            return [], None
        seen = [] if box is None else [box]
        for each in self._engine.near(image, place):
            if _apart(self._place or place, each) <= ASIDE * place.side and all(each.covers(one) for one in seen):
                seen.append(each)
        return face_in(self._engine, image, seen)

    def _shut(self, trial: Trial, image: "Image", face: Landmarks) -> bool | None:
        """Whether the eyes are shut; nobody looks where no blink is asked for."""
        return self._eyes.shut(image, face, learn=not trial.number) if trial.terms.blink else None

    def _go_along(self, box: FaceBox) -> None:
        """A person who moves takes the place along; a head on its way from one side to the other does not."""
        place = self._place
        if place is None:
            return
        near = _apart(place, box) <= ALONG * place.side and abs(box.side - place.side) <= ALONG * place.side
        self._place = box if near else place

    def _is(self, person: str, image: "Image", box: FaceBox) -> bool:
        """Whether the face is the person's."""
        match = self._identify(image, box)
        self._distance = match.distance or 0.0
        return match.person == person

    def _end(self, trial: Trial) -> None:
        self._trial = self._place = self._straight = None
        self._nonce, self._used = "", trial.nonce
        self._unanswered.pop(trial.person, None)
        if trial.why is Why.UNANSWERED:
            self._unanswered[trial.person] = trial.order

    def _proof(self, trial: Trial, frame: "Frame", box: FaceBox | None) -> Face:
        score = self._engine.live_score(frame.image, box) if box is not None else None
        return Face(
            frame.at_us, trial.person, round(self._distance * 1000), "proven", self._engine.name, trial.nonce,
            -1 if score is None else round(score * 1000),
        )  # fmt: skip

    @staticmethod
    def _prompt(trial: Trial, at_us: int) -> Prompt:
        return Prompt(
            at_us, trial.person, trial.nonce, trial.action.value, trial.number, trial.of, trial.until_us,
            trial.result.value, trial.why.value,
        )  # fmt: skip


def _nearest(place: FaceBox | None, found: Sequence[FaceBox]) -> FaceBox | None:
    """The face that is where the one that is followed was, or close by."""
    if place is None or not found:
        return None
    box = min(found, key=lambda each: _apart(place, each))
    return box if _apart(place, box) <= ASIDE * place.side else None


def _apart(one: FaceBox, other: FaceBox) -> float:
    """How far their middles lie apart, the larger way."""
    across = abs(one.left + one.right - other.left - other.right) / 2
    down = abs(one.top + one.bottom - other.top - other.bottom) / 2
    return max(across, down)
