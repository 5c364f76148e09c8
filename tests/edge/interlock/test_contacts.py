"""Contacts that a site may have: door, mains, battery, enclosure, flame."""

import pytest

from edge.config import CONTACTS
from edge.interlock.kernel import Relay
from edge.interlock.state import Mode
from tests.edge.interlock.bench import SITE, Bench, replace

CODES = {"door": "door_open", "mains": "mains_fail", "battery": "battery_low", "enclosure": "enclosure_hot",
         "flame": "flame_seen"}


@pytest.mark.parametrize("name", CONTACTS)
def test_a_contact_that_opens_while_released_trips_in_that_step_and_is_the_first_out(
    released: Bench, name: str
) -> None:
    """PTW-24, BOX-04: no grace, an own first-out, and the reset waits until it is closed again."""
    released.pressed.add(name)
    step = released.step(ms=0)
    assert step.relay is Relay.OPEN
    assert released.first_out == CODES[name]
    released.press("reset")
    assert CODES[name] in released.refusal()
    assert released.durable.latched
    released.pressed.clear()
    released.press("reset")
    assert not released.durable.latched


@pytest.mark.parametrize("name", CONTACTS)
def test_a_contact_that_is_wired_but_was_never_read_is_not_well(name: str) -> None:
    """Unknown is no: the module answers, but not about this contact."""
    bench = Bench(replace(SITE, contacts=())).prepare()
    assert bench.mode is Mode.PERMISSIVE_OK, "a site without the contacts needs none of them"
    bench.site = SITE
    snapshot = bench.snapshot()
    assert snapshot.inputs is not None
    bench.snapshot = lambda: replace(snapshot, inputs=replace(snapshot.inputs, **{name: None}))  # type: ignore[method-assign]
    bench.step(ms=0)
    assert CODES[name] in bench.missing()


def test_the_record_of_a_decision_has_every_wired_contact(ready: Bench) -> None:
    """ANT-10: the complete evidence."""
    ready.press("arm")
    event = next(event for event in ready.log.events if event.type == "release.authorised")
    (row,) = [row["v"] for row in event.data["snapshot"] if row["k"] == "snapshot"]
    assert [row["inputs"][name] for name in CONTACTS] == [True] * 5
