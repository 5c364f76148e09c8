"""One try after the other on frames: whose face is followed, what is told, and that a proof comes before its last word."""

from types import SimpleNamespace

import pytest

from edge.interlock.evidence import Face, Prompt, Wanted
from edge.vision.challenge import LOOK_US, LOST_US, Action, Terms
from edge.vision.prover import Prover
from faces.engine import FaceBox, Landmarks, Point
from faces.match import Matched, Seen

TERMS = Terms(2, 3_000_000, 0.12, blink=False, relief=0.05)
PLACE, ELSEWHERE = FaceBox(100, 100, 200, 200), FaceBox(400, 100, 500, 200)
STEP_US = 200_000
LEFT, RIGHT = 0.3, -0.3


class Engine:
    """A picture says itself where the nose is."""

    name = "drawn"

    def __init__(self):
        self.read = []
        self.faint = []

    def near(self, image, place):
        return self.faint

    def landmarks(self, image, box):
        self.read.append(box)
        points = (Point(x, 100.0) for x in (60.0, 85.0, 115.0, 140.0))
        return Landmarks(*points, Point(100.0 + 80 * image.nose, 140.0))

    def live_score(self, image, box):
        return image.score


class Scene:
    """A prover and the frames before it; choices come from a list."""

    def __init__(self, *turns, terms=TERMS, prove=("p",), people=("p", "g")):
        self.left = list(turns)
        self.described = []
        self.nobody = ()
        self.engine = Engine()
        self.flat = False
        self.compared = []
        self.prover = Prover(self.engine, self._who, terms, self._choose, self._relief)
        self.wanted = Wanted(people, (), "n", "arming", prove)
        self.prover.want(self.wanted)
        self.at_us = 1_000_000
        self.said = []

    def _choose(self, options):
        chosen = self.left.pop(0)
        assert chosen in options
        return chosen

    def _who(self, image, box):
        self.described.append(box)
        who = None if box in self.nobody else image.who
        return Matched(who, "p", 0.4 if who else 0.7)

    def _relief(self, straight, turned):
        """As far as the nose went, unless all this is a picture."""
        self.compared.append((straight.image.nose, turned.image.nose))
        return 0.0 if self.flat else turned.face.turn - straight.face.turn

    def frame(self, nose=0.0, who="p", *, shut=False, score=None):
        self.at_us += STEP_US
        return SimpleNamespace(image=SimpleNamespace(nose=nose, who=who, shut=shut, score=score), at_us=self.at_us)

    def recognise(self, *people, held=True, place=PLACE):
        """A look in which these people were recognised, and nobody is asked yet."""
        frame = self.frame()
        seen = {who: Seen(who, place, None, 0.3, held, None) for who in people}
        said = self.prover.offer(frame, seen)
        self.said += said
        return said

    def show(self, *noses, who="p", found=(PLACE,), score=None):
        told = []
        for nose in noses:
            told += self.prover.follow(self.frame(nose, who, score=score), list(found)).said
        self.said += told
        return told

    def straight(self, **how):
        return self.show(0.0, 0.0, 0.0, **how)


def words(said):
    return [(type(item).__name__, getattr(item, "action", ""), getattr(item, "number", ""), getattr(item, "result", "")) for item in said]


def test_a_try_is_told_movement_by_movement_and_the_proof_before_its_last_word():
    """ANT-01: prompts appear one at a time."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    scene.show(0.1, LEFT, 0.0, RIGHT, 0.0)
    assert words(scene.said) == [
        ("Prompt", "look", 0, "open"), ("Prompt", "left", 1, "open"), ("Prompt", "right", 2, "open"), ("Prompt", "look", 3, "open"),
        ("Face", "", "", ""), ("Prompt", "look", 3, "passed"),
    ]  # fmt: skip
    proof = scene.said[-2]
    assert proof == Face(scene.at_us, "p", 400, "proven", "drawn", "n")
    assert all(item.nonce == "n" and item.person == "p" for item in scene.said)
    stamps = [item.at_us for item in scene.said if isinstance(item, Prompt)]
    assert stamps == sorted(set(stamps))
    assert not scene.prover.running


def test_a_face_is_described_only_on_frames_that_count():
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    assert len(scene.described) == 1
    scene.show(*[0.05] * 8)
    assert len(scene.described) == 1
    scene.show(LEFT, 0.0, RIGHT, 0.0)
    assert len(scene.described) == 4


def test_each_turn_is_compared_with_the_last_straight_look_and_nothing_else_is():
    """ANT-01: what stands out is told by two looks; it costs time only where a turn may count."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.show(0.01, 0.0, 0.02)
    scene.show(0.05, LEFT, 0.05, RIGHT, 0.0)
    assert scene.compared == [(0.02, LEFT), (0.02, RIGHT)]
    assert scene.said[-1].result == "passed"


def test_a_picture_whose_nose_moves_proves_nothing():
    """ANT-01: near a wide lens a photograph's does."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    scene.flat = True
    told = scene.show(*[LEFT] * 20)
    assert words(told) == [("Prompt", "left", 1, "failed")]
    assert told[0].why == "flat"
    assert len(scene.described) == 1, "nobody is described for it"


def test_the_next_try_is_compared_with_its_own_straight_look():
    scene = Scene(*[Action.LEFT] * 4)
    scene.recognise("p")
    scene.show(0.02, 0.02, 0.02, RIGHT)
    scene.prover.want(Wanted(("p", "g"), (), "n2", "arming", ("p",)))
    scene.recognise("p")
    scene.show(-0.02, -0.02, -0.02, LEFT)
    assert scene.compared == [(-0.02, LEFT)]


def test_whoever_is_not_held_or_need_not_prove_anything_is_not_asked():
    scene = Scene(prove=("g",))
    assert scene.recognise("p") == []
    assert scene.recognise("g", held=False) == []
    assert not scene.prover.running


def test_without_a_nonce_nobody_is_asked():
    scene = Scene()
    scene.prover.want(Wanted(("p",), (), "", "arming", ("p",)))
    assert scene.recognise("p") == []


def test_one_after_the_other_each_under_a_nonce_of_their_own():
    """BOX-03: the second is asked once the interlock asks a new question."""
    scene = Scene(*[Action.LEFT] * 4, prove=("p", "g"))
    scene.recognise("g", "p")
    assert scene.said[0].person == "p"
    scene.straight()
    scene.show(LEFT, 0.0, LEFT, 0.0)
    assert scene.recognise("g") == []
    scene.prover.want(scene.wanted)
    assert scene.recognise("g") == [], "the old question stands until there is another"
    scene.prover.want(Wanted(("p", "g"), (), "n2", "arming", ("g",)))
    [asked] = scene.recognise("g")
    assert (asked.person, asked.nonce) == ("g", "n2")


@pytest.mark.parametrize(
    "wanted",
    [Wanted(("p", "g"), (), "n2", "arming", ("p",)), Wanted(("p", "g"), (), "n", "arming", ("g",)), Wanted((), (), "n", "idle")],
)
def test_a_try_ends_unsaid_when_another_question_stands(wanted):
    """ANT-01: an old nonce counts as not present."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    scene.prover.want(wanted)
    assert not scene.prover.running
    assert scene.show(LEFT) == []


def test_the_face_is_followed_by_its_place_and_the_others_are_left_alone():
    """ANT-01: who turns beside a picture of the person turns for nobody."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    followed = scene.prover.follow(scene.frame(), [ELSEWHERE, PLACE])
    assert (followed.person, followed.box) == ("p", PLACE)
    moved = FaceBox(160, 110, 260, 210)
    assert scene.prover.follow(scene.frame(), [ELSEWHERE, moved]).box is moved
    assert scene.prover.follow(scene.frame(), [ELSEWHERE]).box is None
    assert scene.prover.follow(scene.frame(), []).box is None


def test_another_face_in_its_place_fails_the_try():
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    scene.show(LEFT)
    told = scene.show(*[0.0, RIGHT] * 8, who=None)
    assert words(told) == [("Prompt", "right", 2, "failed")]
    assert told[0].why == "somebody_else"


def test_the_persons_own_turned_face_that_is_nobodys_is_waited_for():
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    assert scene.show(LEFT, who=None) == []
    assert words(scene.show(LEFT)) == [("Prompt", "right", 2, "open")]


def test_an_order_that_nobody_answered_is_asked_again_as_it_is():
    """ANT-01: whoever waits for an order that suits waits for ever."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    [dropped] = scene.show(*[0.0] * 20)
    assert (dropped.result, dropped.why) == ("dropped", "unanswered")
    scene.prover.want(Wanted(("p", "g"), (), "n2", "arming", ("p",)))
    scene.recognise("p")
    assert words(scene.straight()) == [("Prompt", "left", 1, "open")]
    assert scene.left == [], "no new choice was made"
    scene.show(RIGHT)
    scene.left = [Action.RIGHT, Action.RIGHT]
    scene.prover.want(Wanted(("p", "g"), (), "n3", "arming", ("p",)))
    scene.recognise("p")
    assert words(scene.straight()) == [("Prompt", "right", 1, "open")], "a try that was spent is another order"


def test_orders_of_people_who_are_looked_for_no_more_are_forgotten():
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    scene.show(*[0.0] * 20)
    scene.prover.want(Wanted(("g",), (), "n2", "arming", ("g",)))
    scene.left = [Action.RIGHT, Action.LEFT]
    scene.prover.want(Wanted(("p",), (), "n3", "arming", ("p",)))
    scene.recognise("p")
    assert words(scene.straight()) == [("Prompt", "right", 1, "open")]


@pytest.mark.parametrize(("number", "after_us", "why"), [(0, LOOK_US, "late"), (1, LOST_US + 1, "lost")])
def test_time_runs_out_without_a_frame(number, after_us, why):
    """A camera that fails fails the try, at the latest with its time."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    if number:
        scene.straight()
    assert scene.prover.late(scene.at_us + after_us - 1) == []
    [told] = scene.prover.late(scene.at_us + after_us)
    assert (told.number, told.why) == (number, why)
    assert scene.prover.late(scene.at_us + 2 * after_us) == []


JERKED = FaceBox(160, 100, 260, 200)
"""By more than half of the face's width, from one look to the next."""


def test_a_face_is_read_where_it_is_found_and_never_where_it_was():
    """ANT-01: points that are looked for beside a face look turned, and a jerked photograph would pass."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    scene.engine.read.clear()
    scene.show(LEFT, found=(JERKED,))
    middles = {(box.left + box.right) / 2 for box in scene.engine.read}
    assert min(middles) >= 210 - 6
    assert scene.described[-1] == JERKED


def test_where_no_face_is_found_nothing_turns():
    """ANT-01: a photograph that is hidden from the detector shows nothing in the place where it was."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    scene.engine.read.clear()
    assert scene.show(LEFT, LEFT, found=()) == []
    assert scene.show(LEFT, LEFT, found=(ELSEWHERE,)) == []
    assert scene.engine.read == []


def test_whose_face_it_is_and_how_it_turns_are_of_one_face():
    """ANT-01: the turn of a thief beside a photograph is not the turn of whoever is on it."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    scene.nobody = (JERKED,)
    assert scene.show(LEFT, LEFT, found=(JERKED,)) == []
    assert set(scene.described[1:]) == {JERKED}
    scene.engine.faint = [PLACE, ELSEWHERE]
    assert scene.show(LEFT, found=(JERKED,)) == []
    assert set(scene.described[1:]) == {JERKED}


def test_a_turned_head_that_is_seen_faintly_in_this_very_frame_counts():
    """BOX-01: a helmet hides a turned head from the whole picture's search, not from a look near its place."""
    scene = Scene(Action.LEFT, Action.RIGHT)
    scene.recognise("p")
    scene.straight()
    scene.engine.faint = [FaceBox(110, 100, 210, 200)]
    assert words(scene.show(LEFT, found=())) == [("Prompt", "right", 2, "open")]
    scene.engine.faint = [ELSEWHERE]
    assert scene.show(0.0, RIGHT, found=()) == [], "not followed there"


def test_a_blink_is_seen_by_eyes_that_were_open_before(monkeypatch):
    monkeypatch.setattr("edge.vision.eyes.openness", lambda image, _: (0.1, 0.1) if image.shut else (0.4, 0.4))
    scene = Scene(Action.LEFT, 0, terms=Terms(1, 3_000_000, 0.12, blink=True, relief=0.05))
    scene.recognise("p")
    scene.straight()
    assert scene.said[-1].action == "blink"
    shut = scene.prover.follow(scene.frame(shut=True), [PLACE])
    assert words(shut.said) == [("Prompt", "left", 2, "open")]


@pytest.mark.parametrize(("score", "milli"), [(None, -1), (0.25, 250)])
def test_the_advisory_score_goes_with_the_proof(score, milli):
    scene = Scene(Action.LEFT, Action.LEFT)
    scene.recognise("p")
    scene.straight()
    scene.show(LEFT, 0.0, LEFT, 0.0, score=score)
    assert scene.said[-2].live_milli == milli


def test_nothing_is_followed_while_nobody_is_asked():
    scene = Scene()
    followed = scene.prover.follow(scene.frame(), [PLACE])
    assert (followed.person, followed.box, followed.said) == ("", None, ())
