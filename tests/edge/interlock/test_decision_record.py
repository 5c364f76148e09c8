"""The record of a decision: whole, without floats, small, and made again from the leaves alone (KPI-16).

Every other test of this folder replays each decision that it makes, too: the bench writes them to a log in memory.
"""

import datetime
import statistics
import time
from collections.abc import Iterator

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.event import MAX_LEAF_BYTES
from contracts.gas import Unit
from contracts.permit import Revocations
from edge.gas.reading import Quality
from edge.interlock import decision_record, restart
from edge.interlock.conditions.facts import Verdict
from edge.interlock.decision_record import Given, PartText, Recorder, Start, part_of, read, whole
from edge.interlock.happenings import Revoked, Suspended
from edge.interlock.replay import replay
from edge.interlock.site import Site
from edge.interlock.state import Durable, Mode, Reason
from tests.edge.interlock.bench import BEACON, GB, ROSTER, SITE, Bench, group, permit

DECISIONS = (
    "identity.checked_in", "interlock.arm_refused", "release.authorised", "release.commanded", "relay.closed",
    "interlock.tripped", "interlock.reset_refused", "interlock.reset", "work.finished",
)  # fmt: skip


def test_every_decision_of_a_working_day_is_recorded_whole(ready: Bench) -> None:
    """KPI-16: refused, authorised, closed, tripped, reset refused, reset, finished carry what they were made from."""
    ready.pressed.add("stop")
    ready.press("arm")
    ready.pressed.clear()
    ready.step()
    ready.release()
    ready.gas["ch4-1"].value = 12.5
    ready.run(0.2)
    ready.press("reset")
    ready.gas["ch4-1"].value = 0.0
    ready.press("reset")
    assert ready.found("interlock.reset")
    ready.test_gas()
    ready.step()
    ready.release()
    ready.press("finish")
    written = [event for event in ready.log.events if event.data.get("snapshot") and "sha256" not in event.data]
    assert set(DECISIONS) <= {event.type for event in written}


def test_the_value_that_tripped_is_in_the_record_to_its_last_digit(released: Bench) -> None:
    """A float is its shortest decimal text: 0.1 + 0.2 reads back as itself."""
    released.gas["o2-1"].value = 0.1 + 0.2
    released.step()
    (event,) = [event for event in released.log.events if event.type == "interlock.tripped"]
    (row,) = [row for row in event.data["snapshot"] if row.get("n") == "o2-1" and row["k"] == "snapshot.readings"]
    assert row["v"]["value"] == "0.30000000000000004"
    given, verdicts = read(event.data["snapshot"], released.log.parts.__getitem__)
    assert given.snapshot.readings["o2-1"].value == 0.1 + 0.2
    assert verdicts["gas"][0] == "gas_low o2-1 300/19500"


def test_a_permit_and_the_site_are_written_once_and_again_after_a_day(ready: Bench) -> None:
    recorder = Recorder()
    given = _given(ready)
    assert {part.kind for part in recorder.step(given, {})[1]} == {"Site", "Rules", "PermitClaims"}
    assert recorder.step(given, {})[1] == ()
    later = msgspec.structs.replace(given, now_us=given.now_us + 86_400_000_000)
    assert len(recorder.step(later, {})[1]) == 3


def test_a_list_of_a_thousand_revoked_permits_is_a_part_of_its_own(ready: Bench) -> None:
    ready.step(Revoked(Revocations("b", "box-1", 3, ready.wall_ms // 1000, tuple(f"HW-X{n:060}" for n in range(1000)))))
    ready.press("arm")
    rows, _ = Recorder().step(_given(ready), {})
    assert len(msgspec.json.encode(rows)) < MAX_LEAF_BYTES
    assert read(rows, _texts(Recorder(), _given(ready)))[0] == _given(ready)


def test_a_start_that_found_a_release_is_made_again() -> None:
    bench = Bench().prepare().release()
    start = Start(bench.site, bench.rules, bench.durable, False, "boot-2", 77, bench.clock)
    rows, parts = Recorder().start(start)
    texts = {part.sha256: "".join(part.pieces) for part in parts}
    note = restart.again(start)[1][0]
    assert replay(note.type, {**note.data, "snapshot": rows}, texts.__getitem__).same
    assert read(rows, texts.__getitem__)[0] == start
    unknown = msgspec.structs.replace(start, found=None)
    rows, _ = Recorder().start(unknown)
    assert read(rows, texts.__getitem__)[0] == unknown


def test_a_record_that_was_changed_does_not_replay_to_the_same_verdict(released: Bench) -> None:
    """The differing condition is named."""
    released.gas["ch4-1"].value = 30.0
    released.step()
    (event,) = [event for event in released.log.events if event.type == "interlock.tripped"]
    rows = msgspec.json.decode(msgspec.json.encode(event.data["snapshot"]).replace(b'"30.0"', b'"3.0"'))
    again = replay(event.type, {**event.data, "snapshot": rows}, released.log.parts.__getitem__)
    assert not again.same
    assert again.site == SITE
    assert [difference.what for difference in again.differences] == ["gas", "gas_test", "event"]
    assert again.differences[0].recorded.startswith("gas_high ch4-1 30000/")
    assert again.differences[0].replayed == "ok"


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"k": "gas", "n": "ch4-1", "v": 0}],
        [{"k": "decision", "v": {"what": "step"}}],
        [{"v": 1}],
        ["text"],
        [{"k": "decision", "v": {"what": "step", "now_us": 1, "site": "s", "rules": "r"}}, {"k": "durable", "v": 3}],
    ],
)
def test_what_is_no_record_is_refused_with_what_to_do(rows: list[object]) -> None:
    with pytest.raises(ContractError) as refused:
        replay("interlock.tripped", {"snapshot": rows}, lambda _: "{}")
    assert refused.value.expected == "the record of a decision"
    assert refused.value.hint


def test_a_damaged_part_is_noticed() -> None:
    part = part_of(permit())
    assert whole(part.sha256, part.pieces) == "".join(part.pieces)
    with pytest.raises(ContractError, match="damaged"):
        whole(part.sha256, ("{}",))


def test_text_that_is_not_normalised_still_fits_the_log() -> None:
    """The configuration's names are not checked for NFC; a record must never be refused for one."""
    odd = msgspec.structs.replace(SITE, box="A\u030a")
    part = part_of(odd)
    assert "".join(part.pieces).isascii()
    assert msgspec.json.decode("".join(part.pieces), type=Site).box == "A\u030a"


def test_an_integer_beyond_what_json_keeps_is_text_and_comes_back() -> None:
    given = msgspec.structs.replace(_given(Bench()), durable=Durable(since_us=2**60))
    rows, parts = Recorder().step(given, {})
    texts = {part.sha256: "".join(part.pieces) for part in parts}
    assert read(rows, texts.__getitem__)[0] == given


@pytest.mark.timed
def test_a_record_of_sixteen_channels_costs_less_than_a_millisecond() -> None:
    """It is made in the interlock's loop, a moment after the trip."""
    site = Site(
        "box-1", "gb30871-2022",
        (*(group(f"g{n}", "1oo1", "CH4", Unit.PCT_LEL, f"ch4-{n}") for n in range(15)),
         group("o2", "1oo1", "O2", Unit.VOL_PCT, "o2-1")),
        ROSTER, ("gnss",), reset_is_key=True, beacon=BEACON,
    )  # fmt: skip
    bench = Bench(site).prepare().release()
    bench.gas["ch4-3"].value = 60.0
    bench.step()
    assert bench.mode is Mode.TRIPPED
    assert bench.last is not None
    recorder = Recorder()
    recorder.step(bench.last.given, bench.last.verdicts)
    took = []
    for _ in range(50):
        began = time.perf_counter()
        rows, _ = recorder.step(bench.last.given, bench.last.verdicts)
        took.append(time.perf_counter() - began)
    assert statistics.median(took) < 0.001
    assert len(msgspec.json.encode(rows)) < 2 * MAX_LEAF_BYTES


def test_every_quality_and_an_absent_value_come_back(bench: Bench) -> None:
    for quality, name in zip(Quality, bench.gas, strict=False):
        bench.gas[name].quality, bench.gas[name].value = quality, None
    assert read(*_written(_given(bench)))[0] == _given(bench)


def test_a_row_that_would_fill_a_leaf_becomes_a_part(ready: Bench) -> None:
    given = msgspec.structs.replace(_given(ready), happenings=(Suspended("HW-1", "x" * 6000, void=False),))
    rows, parts = Recorder().step(given, {})
    assert max(len(msgspec.json.encode(row)) for row in rows) < MAX_LEAF_BYTES // 2 + 200
    assert "dict" in {part.kind for part in parts}
    assert read(*_written(given))[0] == given


@pytest.mark.parametrize(("spare", "rows"), [(0, 1), (-1, 2)])
def test_verdicts_are_one_row_while_they_fit(monkeypatch: pytest.MonkeyPatch, spare: int, rows: int) -> None:
    verdicts = {name: Verdict((Reason("gas_high", name, 1000, 500),)) for name in ("gas", "wind")}
    (row,) = _verdict_rows(verdicts)
    monkeypatch.setattr(decision_record, "_ROW_BYTES", len(msgspec.json.encode(row)) + spare)
    assert len(_verdict_rows(verdicts)) == rows


def _verdict_rows(verdicts: dict[str, Verdict]) -> list[object]:
    rows, _ = Recorder().step(_given(Bench()), verdicts)
    return [row for row in rows if row["k"] == "verdicts"]


def test_what_a_later_field_may_hold_is_recorded_too() -> None:
    """A dict within an entry, a date: text and objects without a float."""
    durable = Durable(preconditions={"HW-1/a": {"b": 1.5}, "HW-1/c": datetime.date(2026, 10, 1)})  # type: ignore[dict-item]
    rows, _ = Recorder().step(msgspec.structs.replace(_given(Bench()), durable=durable), {})
    assert [row["v"] for row in rows if row["k"] == "durable.preconditions"] == [{"b": "1.5"}, "2026-10-01"]


def test_parts_that_are_forgotten_are_written_again() -> None:
    """Twice is a leaf too many; not at all would be a decision that nobody can make again."""
    recorder, given = Recorder(), _given(Bench())
    assert {part.kind for part in recorder.step(given, {})[1]} == {"Site", "Rules"}
    for number in range(300):
        void = tuple(f"HW-{number}-{n}" for n in range(20))
        recorder.step(msgspec.structs.replace(given, durable=Durable(void=void)), {})
    parts = {part.kind for part in recorder.step(given, {})[1]}
    assert parts <= {"Site", "Rules"}


def test_after_old_leaves_are_gone_every_part_is_written_again() -> None:
    """KPI-16: what a decision refers to must not have gone with them."""
    recorder, given = Recorder(), _given(Bench())
    recorder.step(given, {})
    assert recorder.step(given, {})[1] == ()
    recorder.forget()
    assert {part.kind for part in recorder.step(given, {})[1]} == {"Site", "Rules"}


def _given(bench: Bench) -> Given:
    return Given(bench.site, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)


def _texts(recorder: Recorder, given: Given) -> PartText:
    return {part.sha256: "".join(part.pieces) for part in recorder.step(given, {})[1]}.__getitem__


def _written(given: Given) -> Iterator[object]:
    rows, parts = Recorder().step(given, {})
    return iter((rows, {part.sha256: "".join(part.pieces) for part in parts}.__getitem__))
