"""What is held before the challenge: stills, films and films of living people, judged by the box's rules. No picture is needed."""

import random
from pathlib import Path

import pytest

from edge.vision.challenge import Action, draw
from edge.vision.parallax import Pose
from tests.bench.face import attacks
from tests.bench.face.attacks import Look, Shown
from tests.bench.face.folder import Presentation
from tests.bench.face.rule import of_pack

RULE = of_pack()
TURN = 1.5 * RULE.terms.turn


def at(nose, at_s=0.0, apart=None):
    return Look(at_s, Pose(nose), apart)


def of_a_head(straight, turned):
    """A nose that stands out of its face goes all the way by itself."""
    return turned.pose.nose - straight.pose.nose


def of_paper(straight, turned):
    return 0.0


def shown(looks, species="print", prompts=(), relief=of_a_head):
    length = round(looks[-1].at_s + attacks.LOOK_S, 6) if len(looks) > 1 else 0.0
    return Shown(
        Presentation(species, "p", Path("x"), film=len(looks) > 1), tuple(looks), length, tuple(map(Action, prompts)), relief
    )


def film(*noses, every_s=0.2, **more):
    return shown([at(nose, round(number * every_s, 3)) for number, nose in enumerate(noses)], **more)


def end_of(held, order=("left", "right"), rule=RULE, same=lambda look: look.pose is not None):
    return attacks.held_up(held, lambda: (*map(Action, order), Action.LOOK), rule, same, 0.0)


def obeying(*words):
    """A head that looks straight, turns as it is asked, and comes back."""
    noses = [0.0] * 5
    for word in words:
        side = TURN if word == "left" else -TURN
        noses += [side / 2, side, side, side / 2, 0.0, 0.0]
    return noses + [0.0] * 5


def test_whoever_obeys_passes():
    """ANT-01"""
    assert end_of(film(*obeying("left", "right"), species="bonafide", prompts=("left", "right"))) == "passed"


def test_whatever_turns_and_shows_no_relief_is_flat():
    """ANT-01: a picture that was tilted."""
    assert end_of(film(*obeying("left"), species="bonafide", prompts=("left",), relief=of_paper), ("left",)) == "flat"


def test_a_still_is_held_up_for_ever_and_begins_nothing():
    """ANT-01: nobody answers the first prompt, so no try is spent, and nothing is accepted."""
    assert end_of(shown([at(0.02)])) in ("time over", "never began")


def test_a_still_of_a_turned_head_never_looks_straight():
    assert end_of(shown([at(TURN)])) == "never began"


def test_a_film_of_another_order_is_refused():
    """ANT-01"""
    assert end_of(film(*obeying("right", "left", "right"))) == "wrong"


def test_somebody_elses_face_does_not_count():
    """ANT-01, BOX-03"""
    assert end_of(film(*obeying("left", "right")), same=lambda look: False) == "never began"


def test_a_film_begins_anew_when_it_ends():
    held = film(0.0, 0.1, 0.2)
    assert [held.at(at_s).pose.nose for at_s in (0.0, 0.2, 0.45, 0.6, 0.85)] == [0.0, 0.1, 0.2, 0.0, 0.1]


def test_every_draw_of_a_presentation_is_asked_and_counted():
    counts = {}
    attacks._judge(shown([at(0.02, apart=0.3)]), counts, RULE, random.Random(1), 7, known=True)
    figures = {way: count.figures(bona_fide=False) for way, count in counts.items()}
    assert set(figures) == {"challenge", "system"}
    assert [(row["presentations"], row["asked"], row["wrong"], row["rate"]) for row in figures.values()] == [(1, 7, 0, 0.0)] * 2


def test_living_people_are_asked_what_their_film_says_and_once():
    counts = {}
    attacks._judge(film(*obeying("right"), species="bonafide", prompts=("right",)), counts, RULE, random.Random(1), 7, known=False)
    assert counts["challenge"].figures(bona_fide=True)["rate"] == 0
    assert counts["challenge"].asked == 1


def test_a_living_persons_picture_without_prompts_says_nothing_about_the_challenge():
    counts = {}
    attacks._judge(shown([at(0.0)], species="bonafide"), counts, RULE, random.Random(1), 7, known=False)
    assert counts == {}


def test_the_worst_species_counts_not_the_mean():
    """ISO/IEC 30107-3: APCER of the most successful species."""

    def row(rate):
        return {"bona_fide": False, "ways": {"challenge": {"rate": rate, "asked": 10, "wrong": 1}}}

    found = attacks._way("challenge", {"a": row(0.0), "b": row(0.3), "c": row(0.1)}, [])
    assert (found["apcer_max"], found["worst"], found["bpcer"]) == (0.3, "b", None)
    assert "films" in found["bpcer_why"]


def test_the_passive_model_is_held_against_living_pictures():
    found = attacks._way("passive", {}, [0.9, 0.8, 0.2, 0.7])
    assert (found["bpcer"], found["bpcer_of"]) == (0.25, 4)


@pytest.mark.parametrize("seed", range(3))
def test_a_recording_passes_only_in_its_own_order(seed):
    """ANT-01: of 2^7 orders one fits."""
    chance = random.Random(seed)
    recorded = [action.value for action in draw(RULE.terms, chance.choice)[:-1]]
    held = film(*obeying(*recorded), species="bonafide", prompts=recorded)
    assert end_of(held, recorded) == "passed"
    other = ["left" if recorded[0] == "right" else "right", *recorded[1:]]
    assert end_of(held, other) != "passed"
