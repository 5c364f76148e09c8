"""A decision made again from its record: what it gives back, and how a difference reads (KPI-16)."""

from typing import Any

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.event import Event
from edge.interlock import kernel, restart
from edge.interlock.conditions import facts
from edge.interlock.decision_record import Given, PartText, Recorder, Start
from edge.interlock.replay import Difference, Replay, replay
from tests.edge.interlock.bench import GB, SITE, Bench
from tests.edge.interlock.wording import Wording


def _texts(bench: Bench) -> PartText:
    assert bench.log is not None
    return bench.log.parts.__getitem__


def _trip(bench: Bench) -> Event:
    """Methane and the stop button in one step; the event as the log has it."""
    bench.gas["ch4-1"].value = 30.0
    bench.pressed.add("stop")
    bench.step()
    assert bench.log is not None
    (event,) = [event for event in bench.log.events if event.type == "interlock.tripped"]
    return event


def _edited(event: Event, **verdicts: list[str] | None) -> dict[str, Any]:
    """The event's data with other verdicts in its record; None takes one out."""
    data = msgspec.json.decode(msgspec.json.encode(event.data))
    (row,) = [row for row in data["snapshot"] if row["k"] == "verdicts"]
    held = {**row["v"], **verdicts}
    row["v"] = {name: reasons for name, reasons in held.items() if reasons is not None}
    return data  # type: ignore[no-any-return]


def _text(data: dict[str, Any]) -> str:
    """A note's data as differences show them."""
    return msgspec.json.encode(data, order="sorted").decode()


def test_a_replay_gives_the_moment_before_the_verdicts_and_the_notes(released: Bench) -> None:
    event = _trip(released)
    again = replay(event.type, event.data, _texts(released))
    given = again.given
    assert isinstance(given, Given)
    step = kernel.again(given)
    before = facts(given.site, given.rules, given.durable, given.volatile, given.snapshot, given.now_us)
    assert again == Replay(before, step.verdicts, step.notes, (), given)
    assert again.same


def test_a_condition_that_differs_is_named_with_all_its_reasons(released: Bench) -> None:
    event = _trip(released)
    data = _edited(event, gas=["gas_high ch4-1 1/2", "gas_high ch4-2 1/2"])
    again = replay(event.type, data, _texts(released))
    assert again.differences == (
        Difference("gas", "gas_high ch4-1 1/2; gas_high ch4-2 1/2", "gas_high ch4-1 30000/10000"),
    )


def test_a_condition_that_failed_on_one_side_only_reads_ok_on_the_other(released: Bench) -> None:
    event = _trip(released)
    data = _edited(event, gas=None, people=["a b -/-"], of_another_version=["c d -/-"])
    again = replay(event.type, data, _texts(released))
    found = {difference.what: difference for difference in again.differences}
    assert found == {
        "gas": Difference("gas", "ok", "gas_high ch4-1 30000/10000"),
        "people": Difference("people", "a b -/-", "ok"),
        "of_another_version": Difference("of_another_version", "c d -/-", "ok"),
    }


def test_all_reasons_that_a_condition_has_now_are_said(ready: Bench) -> None:
    ready.gas["ch4-1"].value = 30.0
    ready.gas["co-1"].value = 90.0
    ready.press("arm")
    assert ready.log is not None
    event = next(event for event in reversed(ready.log.events) if event.type == "interlock.arm_refused")
    again = replay(event.type, _edited(event, gas=None), _texts(ready))
    (difference,) = again.differences
    assert difference.recorded == "ok"
    assert [reason.split(" ")[:2] for reason in difference.replayed.split("; ")] == [
        ["gas_high", "ch4-1"], ["gas_high", "co-1"],
    ]  # fmt: skip


def test_an_event_whose_words_were_changed_differs_from_the_one_of_its_kind_that_is_made(released: Bench) -> None:
    """Recorded and replayed event are shown whole, without what the log put beside them."""
    event = _trip(released)
    again = replay(event.type, {**event.data, "code": "gas_low"}, _texts(released))
    own = {key: value for key, value in event.data.items() if key != "snapshot"}
    assert again.differences == (
        Difference(
            "event", f"interlock.tripped {_text({**own, 'code': 'gas_low'})}", f"interlock.tripped {_text(own)}"
        ),
    )
    assert len(again.notes) > 1, "the others of that step are not shown"


def test_an_event_of_a_kind_that_is_not_decided_is_shown_beside_all_that_is(released: Bench) -> None:
    event = _trip(released)
    again = replay("interlock.reset", {"snapshot": event.data["snapshot"]}, _texts(released))
    made = "; ".join(f"{note.type} {_text(note.data)}" for note in again.notes)
    assert again.differences == (Difference("event", "interlock.reset {}", made),)


def test_an_event_where_nothing_is_decided_says_so(ready: Bench) -> None:
    ready.step()
    assert ready.last is not None
    assert ready.last.notes == ()
    recorder = Recorder()
    rows, parts = recorder.step(ready.last.given, ready.last.verdicts)
    texts = {part.sha256: "".join(part.pieces) for part in parts}
    again = replay("interlock.reset", {"snapshot": rows}, texts.__getitem__)
    assert again.differences == (Difference("event", "interlock.reset {}", "nothing is decided"),)


def test_a_start_is_made_again_without_facts_and_verdicts() -> None:
    """Before a start there was no evidence; what it decided comes from the state file alone."""
    bench = Bench().prepare().release()
    start = Start(SITE, GB, bench.durable, False, "boot-2", bench.now, bench.clock)
    rows, parts = Recorder().start(start)
    texts = {part.sha256: "".join(part.pieces) for part in parts}
    notes = restart.again(start)[1]
    right = replay(notes[0].type, {**notes[0].data, "snapshot": rows}, texts.__getitem__)
    assert right == Replay(None, {}, notes, (), start)
    assert right.site == SITE
    changed = {**notes[0].data, "code": "stop_pressed"}
    wrong = replay(notes[0].type, {**changed, "snapshot": rows}, texts.__getitem__)
    assert wrong.differences == (
        Difference("event", f"{notes[0].type} {_text(changed)}", f"{notes[0].type} {_text(notes[0].data)}"),
    )


def test_an_event_without_a_record_is_refused(wording: Wording) -> None:
    with pytest.raises(ContractError) as refused:
        replay("system.stop", {}, {}.__getitem__)
    wording.check(refused.value)
