"""Looking for the people of a permit: one frame in, evidence out. Knows nothing of sockets or threads."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edge.interlock.evidence import Face, FaceRefused, Wanted
from edge.vision.challenge import Challenge, Liveness
from edge.vision.templates import TemplateStore
from faces.engine import Engine, FaceBox
from faces.match import Matched, Seen, match
from faces.policy import Policy
from faces.vote import Vote

if TYPE_CHECKING:
    from edge.vision.camera import Frame

MOST_FACES = 4
"""Largest faces of a frame that are looked at: each costs an embedding, and the people asked for stand near."""
CHALLENGE_S = 60


class Lookout:
    """Looks only for the people it is told, with the templates that they have at the moment."""

    def __init__(self, engine: Engine, templates: TemplateStore, challenge: Challenge, policy: Policy) -> None:
        """Look for nobody yet."""
        self._engine = engine
        self._templates = templates
        self._challenge = challenge
        self._policy = policy
        self._vote = Vote(policy)
        self._people: tuple[str, ...] = ()
        self._nonce = ""
        self._digest = b""
        self._known: dict[str, FaceBox] = {}
        """Where people of the permit were in the last look, of those who are verified."""

    def want(self, wanted: Wanted, now_us: int) -> None:
        """Whom to look for; a new nonce or other people begin a new challenge."""
        if (wanted.people, wanted.nonce) != (self._people, self._nonce):
            self._people, self._nonce = wanted.people, wanted.nonce
            self._known = {}
            self._vote.forget()
            self._challenge.start(wanted.nonce, wanted.people, now_us + CHALLENGE_S * 1_000_000)

    def look(self, frame: "Frame", *, whole: bool = True) -> list[Face | FaceRefused]:
        """Evidence in a frame; a frame that equals the last one to the bit shows nothing new.

        Whoever matches is told of once enough looks agree, whoever does not at once.

        Not `whole`, it tells only of faces where nobody verified was in the last look: describing a face takes four
        times as long as finding all of them, and whoever comes in is found at once for the price of one.
        """
        if frame.digest == self._digest:
            return []
        self._digest = frame.digest
        found = self._engine.detect(frame.image)[:MOST_FACES]
        boxes, stayed = _apart(found, {} if whole else self._known)
        self._known = stayed
        rows = {person: self._templates.vectors(person) for person in self._people}
        people = {person: vectors for person, vectors in rows.items() if vectors is not None}
        # Without templates nobody can match, and an embedding would be work for nothing.
        vectors = [self._engine.embed(frame.image, box) for box in boxes] if people else []
        results = match(vectors, people, self._policy) if people else [Matched(None, "", None)] * len(boxes)
        seen = self._count(frame, boxes, results, people.keys() - stayed.keys())
        self._known = stayed | {person: one.face for person, one in seen.items() if one.held}
        if not boxes:
            return []
        liveness = self._challenge.offer(frame, tuple(seen.values()))
        told = [self._evidence(result, frame.at_us, seen, liveness) for result in results]
        return [item for item in told if item is not None]

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

    def _evidence(
        self, result: Matched, at_us: int, seen: Mapping[str, Seen], liveness: Mapping[str, Liveness]
    ) -> Face | FaceRefused | None:
        milli = -1 if result.distance is None else round(result.distance * 1000)
        if result.person is None:
            return FaceRefused(at_us, result.nearest, milli)
        if not seen[result.person].held:
            return None
        return Face(at_us, result.person, milli, liveness[result.person].value, self._engine.name)


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
