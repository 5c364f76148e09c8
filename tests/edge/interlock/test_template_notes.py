"""What the interlock has to do with face templates: it says which permits stand, and writes down what vision tells."""

import pytest

from contracts.event import Category
from contracts.events.registry import check
from edge.interlock.evidence import FaceKey, Standing, TemplateKept, TemplateRefused, TemplateRemoved
from edge.interlock.refusals import Refusals
from edge.interlock.template_notes import BURST, EVERY_US, TemplateNotes, Told, standing
from tests.edge.interlock.bench import WALL_S, Bench, permit, replace

KEY = "A" * 43
KEPT = TemplateKept(1, "zhang", "HW-1", 1_790_000_000, "dlib")


def test_permits_that_stand_are_told_with_their_people() -> None:
    """PTW-07: a template has a purpose only while a permit names its person."""
    bench = Bench().prepare(permit())
    assert standing(bench.durable, WALL_S) == (Standing("HW-1", ("performer", "guardian")),)


@pytest.mark.parametrize("over", ["finished", "void", "revoked"])
def test_a_permit_that_is_over_stands_no_longer(over: str) -> None:
    durable = Bench().prepare(permit()).durable
    assert standing(replace(durable, **{over: ("HW-1",)}), WALL_S) == ()
    assert standing(durable, durable.permits[0].exp) == ()


@pytest.mark.parametrize(
    ("item", "kind", "of_permit", "data"),
    [
        (KEPT, "template.kept", "HW-1", {"chan": "zhang", "engine": "dlib", "iat": 1_790_000_000}),
        (TemplateRemoved(1, "zhang", "HW-1", 5, "withdrawn"), "template.removed", "HW-1",
         {"chan": "zhang", "why": "withdrawn", "iat": 5}),
        (TemplateRefused(1, "zhang", "HW-1", 5, "template_older"), "template.refused", "HW-1",
         {"code": "template_older", "chan": "zhang", "iat": 5}),
        (TemplateRefused(1, "", "", 0, "template_forged"), "template.refused", "", {"code": "template_forged", "chan": ""}),
        (FaceKey(1, KEY), "template.key", "", {"key": KEY}),
    ],
    ids=lambda value: getattr(type(value), "__name__", ""),
)  # fmt: skip
def test_each_word_of_vision_is_one_record_that_fits_its_type(
    item: Told, kind: str, of_permit: str, data: dict[str, object]
) -> None:
    (note,) = TemplateNotes().of(item, 10**12)
    assert (note.type, note.permit, note.data, note.cat) == (kind, of_permit, data, Category.IDENTITY)
    assert check(note) == ""
    assert Refusals().thin((note,), 1) == (note,)


def test_the_key_is_recorded_once_and_again_when_it_is_another_one() -> None:
    notes = TemplateNotes()
    assert len(notes.of(FaceKey(1, KEY), 10**12)) == 1
    assert notes.of(FaceKey(2, KEY), 10**12 + EVERY_US) == ()
    assert len(notes.of(FaceKey(3, "B" * 43), 10**12 + 2 * EVERY_US)) == 1


def test_a_mad_vision_fills_no_log() -> None:
    """So many at once, then one a second; what was saved up comes back with time, up to that number again."""
    notes, now = TemplateNotes(), 10**12
    assert sum(len(notes.of(KEPT, now)) for _ in range(BURST + 50)) == BURST
    assert notes.of(KEPT, now + EVERY_US - 1) == ()
    assert len(notes.of(KEPT, now + EVERY_US)) == 1
    later = now + 10 * BURST * EVERY_US
    assert sum(len(notes.of(KEPT, later)) for _ in range(BURST + 50)) == BURST
