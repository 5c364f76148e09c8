"""Refused offers in the log: few, whatever comes."""

from contracts.event import ActionResult, Category, Severity
from edge.interlock.record import Note
from edge.interlock.refusals import EVERY_US, Refusals


def _note(code: str, kind: str = "permit.refused") -> Note:
    data = {"code": code}
    return Note(kind, Category.PERMIT, Severity.WARNING, ActionResult.DENIED, ("bridge", ""), "HW-1", 0, 0, False, data)


def test_a_flood_of_one_refusal_is_one_record_and_a_count() -> None:
    """A stranger on the broker cannot fill the log."""
    refusals = Refusals()
    flood = [note for at in range(EVERY_US, 2 * EVERY_US, 1_000) for note in refusals.thin((_note("forged"),), at)]
    assert flood == [_note("forged")]
    (after,) = refusals.thin((_note("forged"),), 2 * EVERY_US)
    assert after.data == {"code": "forged", "n": EVERY_US // 1_000 - 1}
    (later,) = refusals.thin((_note("forged"),), 3 * EVERY_US)
    assert "n" not in later.data


def test_different_codes_and_kinds_are_each_recorded() -> None:
    notes = (_note("forged"), _note("expired"), _note("revoked"), _note("forged", "command.refused"))
    assert Refusals().thin(notes, 7) == notes


def test_what_is_no_refusal_is_always_recorded() -> None:
    refusals = Refusals()
    assert [refusals.thin((_note("", "cli.command"),), 1) for _ in range(3)] == [(_note("", "cli.command"),)] * 3
