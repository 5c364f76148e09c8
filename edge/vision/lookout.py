"""Looking for the people of a permit: one frame in, evidence out. Knows nothing of sockets or threads."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from edge.interlock.evidence import Face, FaceRefused, Wanted
from edge.vision.challenge import Challenge, Liveness
from edge.vision.templates import TemplateStore
from faces.engine import Engine, FaceBox
from faces.match import Matched, match

if TYPE_CHECKING:
    from edge.vision.camera import Frame

MOST_FACES = 4
"""Largest faces of a frame that are looked at: each costs an embedding, and the people asked for stand near."""
CHALLENGE_S = 60

log = logging.getLogger(__name__)


class Lookout:
    """Looks only for the people it is told, with the templates that they have at the moment."""

    def __init__(self, engine: Engine, templates: TemplateStore, challenge: Challenge) -> None:
        """Look for nobody yet."""
        self._engine = engine
        self._templates = templates
        self._challenge = challenge
        self._people: tuple[str, ...] = ()
        self._nonce = ""
        self._digest = b""
        self._known: tuple[FaceBox, ...] = ()
        """Where people of the permit were in the last look."""

    def want(self, wanted: Wanted, now_us: int) -> None:
        """Whom to look for; a new nonce or other people begin a new challenge."""
        if (wanted.people, wanted.nonce) != (self._people, self._nonce):
            self._people, self._nonce = wanted.people, wanted.nonce
            self._known = ()
            self._challenge.start(wanted.nonce, wanted.people, now_us + CHALLENGE_S * 1_000_000)

    def look(self, frame: "Frame", *, whole: bool = True) -> list[Face | FaceRefused]:
        """Evidence in a frame; a frame that equals the last one to the bit shows nothing new.

        Not `whole`, it tells only of faces where nobody of the permit was in the last look: describing a face takes
        four times as long as finding all of them, and whoever comes in is found at once for the price of one.
        """
        if frame.digest == self._digest:
            return []
        self._digest = frame.digest
        found = self._engine.detect(frame.image)[:MOST_FACES]
        boxes, stayed = _apart(found, () if whole else self._known)
        self._known = stayed
        if not boxes:
            return []
        rows = {person: self._templates.vectors(person) for person in self._people}
        people = {person: vectors for person, vectors in rows.items() if vectors is not None}
        # Without templates nobody can match, and an embedding would be work for nothing.
        vectors = [self._engine.embed(frame.image, box) for box in boxes] if people else []
        results = match(vectors, people) if people else [Matched(None, "", None)] * len(boxes)
        known = [(result.person, box) for result, box in zip(results, boxes, strict=True) if result.person]
        self._known = (*stayed, *(box for _, box in known))
        liveness = self._challenge.offer(frame, known)
        return [self._evidence(result, frame.at_us, liveness) for result in results]

    def _evidence(self, result: Matched, at_us: int, liveness: Mapping[str, Liveness]) -> Face | FaceRefused:
        milli = -1 if result.distance is None else round(result.distance * 1000)
        if result.person is None:
            return FaceRefused(at_us, result.nearest, milli)
        return Face(at_us, result.person, milli, liveness[result.person].value, self._engine.name)


def _apart(boxes: list[FaceBox], known: tuple[FaceBox, ...]) -> tuple[list[FaceBox], tuple[FaceBox, ...]]:
    """The faces in new places, and those in the place of a known one; one known face stands for one face only."""
    left, new, stayed = list(known), [], []
    for box in boxes:
        place = next((old for old in left if old.covers(box)), None)
        if place is None:
            new.append(box)
        else:
            left.remove(place)
            stayed.append(box)
    return new, tuple(stayed)
