"""Looking for the people of a permit: one frame in, evidence out. Knows nothing of sockets or threads."""

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from edge.interlock.evidence import Face, FaceRefused, Prompt, Wanted
from edge.vision.challenge import Choose, Terms
from edge.vision.prover import Prover, Relief
from edge.vision.relief import relief
from edge.vision.templates import Rows
from faces.engine import Engine, FaceBox
from faces.match import Matched, Seen, match
from faces.policy import Policy
from faces.vote import Vote

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.vision.camera import Frame
    from faces.engine import Image

MOST_FACES = 4
"""Largest faces of a frame that are looked at: each costs an embedding, and the people asked for stand near."""
NOT_PROVEN = "not_proven"

Told = Face | FaceRefused | Prompt


class Lookout:
    """Looks only for the people it is told, with the templates that they have at the moment.

    Whoever is to prove a living face is asked once recognised; while that goes on the face is the prover's alone, since
    a head that turns looks like nobody.
    """

    def __init__(
        self,
        engine: Engine,
        templates: Rows,
        policy: Policy,
        terms: Terms,
        choose: Choose = secrets.choice,
        relief: Relief = relief,
    ) -> None:
        """Look for nobody yet."""
        self._engine = engine
        self._templates = templates
        self._policy = policy
        self._prover = Prover(engine, self._who, terms, choose, relief)
        self._vote = Vote(policy)
        self._people: tuple[str, ...] = ()
        self._nonce = ""
        self._digest = b""
        self._known: dict[str, FaceBox] = {}
        """Where people of the permit were in the last look, of those who are verified."""

    @property
    def proving(self) -> bool:
        """Somebody is being asked to move: every frame counts."""
        return self._prover.running

    def want(self, wanted: Wanted) -> None:
        """Whom to look for, and who is to prove a living face; a new nonce or other people begin anew."""
        if (wanted.people, wanted.nonce) != (self._people, self._nonce):
            self._people, self._nonce = wanted.people, wanted.nonce
            self._known = {}
            self._vote.forget()
        self._prover.want(wanted)

    def late(self, now_us: int) -> list[Prompt]:
        """No frame came; whoever is being asked may have run out of time."""
        return self._prover.late(now_us)

    def look(self, frame: "Frame", *, whole: bool = True) -> list[Told]:
        """Evidence in a frame; a frame that equals the last one to the bit shows nothing new.

        Whoever matches is told of once enough looks agree, whoever does not at once.

        Not `whole`, it tells only of faces where nobody verified was in the last look: describing a face takes four
        times as long as finding all of them, and whoever comes in is found at once for the price of one.
        """
        if frame.digest == self._digest:
            return []
        self._digest = frame.digest
        found = self._engine.detect(frame.image)[:MOST_FACES]
        followed = self._prover.follow(frame, found)
        others = [box for box in found if box is not followed.box]
        boxes, stayed = _apart(others, {} if whole else self._known)
        self._known = stayed
        people = self._enrolled()
        # Without templates nobody can match, and an embedding would be work for nothing.
        vectors = [self._engine.embed(frame.image, box) for box in boxes] if people else []
        results = match(vectors, people, self._policy) if people else [Matched(None, "", None)] * len(boxes)
        seen = self._count(frame, boxes, results, people.keys() - stayed.keys() - {followed.person})
        self._known = stayed | {person: one.face for person, one in seen.items() if one.held}
        told = [self._evidence(result, frame.at_us, seen) for result in results]
        return [*followed.said, *(item for item in told if item is not None), *self._prover.offer(frame, seen)]

    def _enrolled(self) -> "dict[str, NDArray[np.float32]]":
        """Whoever is looked for and has templates."""
        rows = {person: self._templates.vectors(person) for person in self._people}
        return {person: vectors for person, vectors in rows.items() if vectors is not None}

    def _who(self, image: "Image", box: FaceBox) -> Matched:
        """Whose face it is."""
        return match([self._engine.embed(image, box)], self._enrolled(), self._policy)[0]

    def _count(
        self, frame: "Frame", boxes: list[FaceBox], results: list[Matched], looked_for: set[str]
    ) -> dict[str, Seen]:
        """Take this look into the vote; who matched in it."""
        matched = {result.person: (box, result) for box, result in zip(boxes, results, strict=True) if result.person}
        for person in looked_for | matched.keys():
            self._vote.see(person, frame.at_us, matched=person in matched)
        return {
            person: Seen(
                person, box, self._engine.landmarks(frame.image, box), result.distance or 0.0,
                self._vote.holds(person, frame.at_us), self._engine.live_score(frame.image, box),
            )
            for person, (box, result) in matched.items()
        }  # fmt: skip

    def _evidence(self, result: Matched, at_us: int, seen: Mapping[str, Seen]) -> Face | FaceRefused | None:
        milli = -1 if result.distance is None else round(result.distance * 1000)
        if result.person is None:
            return FaceRefused(at_us, result.nearest, milli)
        one = seen[result.person]
        if not one.held:
            return None
        score = -1 if one.live_score is None else round(one.live_score * 1000)
        return Face(at_us, result.person, milli, NOT_PROVEN, self._engine.name, self._nonce, score)


def _apart(boxes: list[FaceBox], known: Mapping[str, FaceBox]) -> tuple[list[FaceBox], dict[str, FaceBox]]:
    """The faces in new places, and those in the place of a known one; one known face stands for one face only."""
    left, new, stayed = dict(known), [], dict[str, FaceBox]()
    for box in boxes:
        person = next((person for person, old in left.items() if old.covers(box)), None)
        if person is None:
            new.append(box)
        else:
            del left[person]
            stayed[person] = box
    return new, stayed
