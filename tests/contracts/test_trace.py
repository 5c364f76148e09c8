"""Every second of the closed relay maps to a permit and its evidence, or is a gap that is named (ANT-10)."""

from typing import Any

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.event import Event
from contracts.runs import End, Gap, GapKind, Interval
from contracts.trace import Tracer, trace
from tests.contracts.run_log import CONTROLS, PERMIT, SECOND, Drop, Log, T, claims, part, stripped, without


def only(log: Log) -> Interval:
    (interval,) = trace(log.leaves).intervals
    return interval


def kinds(interval: Interval) -> list[GapKind]:
    return [gap.kind for gap in interval.gaps]


def test_a_short_run_is_whole() -> None:
    run = only(Log().began().wait(20).opened())
    assert (run.permit, run.attempt, run.end, run.gaps) == (PERMIT, "1", End.OPENED, ())
    assert (run.closed_ms, run.covered_ms) == (20_015, 20_015)
    assert (run.first_ms, run.last_ms) == (T + 10_000, T + 30_015)


def test_the_relay_that_never_closed_has_nothing_to_trace() -> None:
    found = trace(Log().add("system.boot", permit="", corr="").leaves)
    assert (found.intervals, found.closed_ms, found.share) == ((), 0, 1.0)


def test_hours_are_whole_while_every_minute_is_told() -> None:
    run = only(Log().began().minutes(180).wait(59).opened())
    assert (run.gaps, run.covered_ms) == ((), run.closed_ms)
    assert run.closed_ms > 3 * 3600 * 1000


@pytest.mark.parametrize(("silent_s", "gap_ms"), [(60.9, 0), (61.0, 0), (61.1, 100), (75.0, 14_000)])
def test_a_gas_value_counts_for_the_packs_minute(silent_s: float, gap_ms: int) -> None:
    """gas_summary_s 60 s and the second in which it ends, to the millisecond."""
    log = Log().began().minutes(1).wait(silent_s)
    log.add("gas.minute", {"ms": 1, "rows": [{"chan": "ch4-1", "n": 1}]}).opened()
    run = only(log)
    # The last value is told 0 s, the new one's time reaches 1 ms back.
    assert run.closed_ms - run.covered_ms == max(0, gap_ms - 1)
    assert kinds(run) == ([GapKind.NO_GAS] if gap_ms else [])


@pytest.mark.parametrize(("age_s", "lacking"), [(960, False), (961, False), (961.002, True)])
def test_people_count_for_the_packs_re_check_and_its_grace(age_s: float, lacking: bool) -> None:
    log = Log().began().minutes(1)
    seen_us = log.at_us - 20 * SECOND
    while log.at_us + 60 * SECOND < seen_us + age_s * SECOND:
        log.minutes(1, people=False)
    log.at_us = round(seen_us + age_s * SECOND)
    log.add("relay.opened", {"ms": 1})
    assert (kinds(only(log)) == [GapKind.NO_PEOPLE]) is lacking


@pytest.mark.parametrize(("drop", "kinds_expected"), CONTROLS)
def test_each_kind_of_missing_event_is_that_gap(drop: Drop, kinds_expected: set[GapKind]) -> None:
    run, *_ = trace(without(Log().began().minutes(3).opened().leaves, drop)).intervals
    assert set(kinds(run)) == kinds_expected
    assert run.covered_ms == 0
    (gap, *_) = run.gaps
    assert (gap.first_ms, gap.last_ms) == (run.first_ms, run.last_ms)


def test_a_release_with_another_permits_authority_has_none() -> None:
    log = Log().began().opened()
    leaves = without(log.leaves, lambda e: msgspec.structs.replace(e, permit="HW-2") if e.type == "release.authorised" else e)
    assert GapKind.NO_AUTHORITY in kinds(trace(leaves).intervals[0])


@pytest.mark.parametrize("broken", ["decision", "nothing", "part"])
def test_an_authority_that_cannot_be_made_again_is_none(broken: str) -> None:
    def drop(event: Event) -> Event | None:
        if broken == "part" and event.data.get("part_of") == "Site":
            event.data["snapshot"] = ['{"box":"box-2"}']
        return stripped(event, "decision") if broken == "decision" and event.type == "release.authorised" else event

    run = trace(without(Log().began().opened().leaves, drop)).intervals[0]
    assert kinds(run) == ([] if broken == "nothing" else [GapKind.NO_AUTHORITY])


def test_the_seconds_after_the_permits_window_have_no_permit() -> None:
    log = Log()
    end_s = T // 1000 + 40
    log.add("permit.accepted", part("PermitClaims", claims(exp=end_s)))
    log.began()
    log.add("permit.accepted", part("PermitClaims", claims(exp=end_s))).wait(34).opened()
    run = only(log)
    (gap,) = run.gaps
    assert (gap.kind, gap.first_ms) == (GapKind.NO_PERMIT, end_s * 1000 + 1000)
    assert gap.last_ms == run.last_ms


def test_a_closing_that_nobody_recorded_is_a_gap() -> None:
    closing = ("release.commanded", "relay.closed")
    run = trace(without(Log().began().wait(5).opened().leaves, lambda e: None if e.type in closing else e)).intervals[0]
    assert kinds(run) == [GapKind.NO_BEGIN]
    assert run.closed_ms == 5_015  # since it was authorised
    assert run.covered_ms == 0


def test_an_unclean_end_is_open_until_the_boot_when_nobody_saw_it_open() -> None:
    log = Log().began().wait(3).add("gas.changed", {"chan": "ch4-1", "value_milli": 900})
    run = only(log.boots(clean=False, off_s=7))
    assert run.end is End.UNKNOWN
    assert run.gaps == (Gap(GapKind.OPEN_END, T + 13_010, T + 20_010, run.first),)
    assert (run.closed_ms, run.covered_ms) == (10_010, 3_010)


@pytest.mark.parametrize("power", [False, True])
@pytest.mark.parametrize("seen", ["minute", "record", "opened"])
def test_a_run_that_was_cut_short_ends_when_the_contact_is_found_open(seen: str, *, power: bool) -> None:
    """The process was killed, or the power went: what stands in the log until then covers the seconds between."""
    log = Log().began().wait(3).boots(clean=False, power=power, off_s=2).wait(0.1)
    match seen:
        case "minute":
            log.add("interlock.minute", {"contact": "open", "people": []})
        case "record":
            log.add("interlock.reset", {"snapshot": log.record(gas=False, faces=False)})
        case _:
            log.add("relay.opened", {"cause": "power_up"})
    run = only(log)
    assert (run.end, run.gaps, run.closed_ms) == (End.FOUND_OPEN, (), 5_110)


def test_a_cut_that_lasts_all_night_is_not_a_night_of_work() -> None:
    """A released box writes each minute: its silence says that it holds nothing any more (60 s, 5.2 s until a trip)."""
    log = Log().began().minutes(2).wait(10).add("gas.changed", {"chan": "ch4-1", "value_milli": 0})
    log.boots(clean=False, power=True, off_s=8 * 3600)
    run = only(log.wait(1).add("interlock.minute", {"contact": "open", "people": []}))
    assert (run.end, run.closed_ms) == (End.FOUND_OPEN, 130_010 + 66_000)
    assert kinds(run) == [GapKind.NO_GAS]
    assert run.closed_ms - run.covered_ms == 5_000


def test_an_open_contact_before_the_closing_ends_nothing() -> None:
    log = Log().began().wait(2)
    log.add("interlock.minute", {"contact": "open", "people": []})
    log.add("identity.checked_in", {"snapshot": log.record()})
    assert only(log).end is End.RUNNING


def test_a_run_that_goes_on_is_judged_up_to_the_last_event() -> None:
    run = only(Log().began().minutes(2))
    assert (run.end, run.gaps, run.closed_ms) == (End.RUNNING, (), 120_010)


def test_a_second_release_without_an_end_of_the_first_leaves_the_first_open() -> None:
    log = Log().began().wait(4)
    log.add("release.authorised", {"snapshot": log.record(open_contact=False)}, corr="2")
    log.add("relay.closed", {"ms": 10, "snapshot": log.record(open_contact=False)}, corr="2").wait(1).opened()
    first, second = trace(log.leaves).intervals
    assert first.end is End.UNKNOWN
    assert (second.attempt, second.end) == ("2", End.OPENED)


def test_what_was_deleted_with_the_oldest_leaves_is_not_judged() -> None:
    log = Log().began().wait(5).opened()
    at = next(i for i, leaf in enumerate(log.leaves) if b'"type":"relay.closed"' in leaf) + 1
    found = trace(log.leaves[at:])
    assert (found.intervals, found.first) == ((), at)


def test_a_record_that_was_split_over_leaves_is_read_whole() -> None:
    log = Log().began().wait(30)
    rows = log.record(open_contact=False)
    log.add("interlock.arm_refused", {"part": 1, "of": 3, "snapshot": rows[:1]})
    head = log.seq - 1
    log.add("interlock.arm_refused", {"part": 2, "of": 3, "head": head, "snapshot": rows[1:3]})
    log.add("interlock.arm_refused", {"part": 3, "of": 3, "head": head, "snapshot": rows[3:]})
    log.wait(60.9).add("relay.opened")
    assert only(log).gaps == ()


def test_whoever_follows_a_growing_log_comes_to_the_same() -> None:
    """The bridge keeps where it was and goes on with the next leaves."""
    log = Log().began().minutes(3).wait(1).boots(clean=False, off_s=3)
    log.wait(1).add("interlock.reset", {"snapshot": log.record()})
    whole, found, kept = trace(log.leaves), [], msgspec.json.encode(Tracer())
    for leaf in log.leaves:
        tracer = msgspec.json.decode(kept, type=Tracer)
        found += tracer.add(leaf)
        kept = msgspec.json.encode(tracer)
    assert tuple(found) == whole.intervals
    assert len(found) == 1


@pytest.mark.parametrize("leaf", [b"{}", b"\xff\xfe", b"[1]", b'{"type":"relay.closed","seq":1,"boot":1,"t":1,"m":1}'])
def test_what_is_no_event_is_refused(leaf: bytes) -> None:
    with pytest.raises(ContractError):
        trace([leaf])


@pytest.mark.parametrize(
    "data",
    [
        {"snapshot": "text"}, {"snapshot": [1, None, "x"]}, {"snapshot": [{"k": "snapshot.faces", "n": 1, "v": {}}]},
        {"snapshot": [{"k": "snapshot.faces", "n": "x", "v": {"distance_milli": 1, "at_us": "soon"}}]},
        {"snapshot": [{"k": "snapshot.readings", "n": "x", "v": {"quality": "good", "at_us": None}}]},
        {"part_of": "PermitClaims", "sha256": "00", "snapshot": ["{}"]}, {"part_of": "Rules", "snapshot": [1]},
        part("PermitClaims", {"jti": 5}), part("Rules", {"gas_summary_s": 7}), part("Rules", [1]),
        {"part": 2, "of": 3, "head": 77, "snapshot": []}, {"people": 5, "contact": 3}, {"values": [None], "rows": {}},
        {"part": 1, "of": 2, "snapshot": [{"k": "decision", "v": 5}]}, {"ms": "long"},
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "kind", ["release.authorised", "relay.closed", "gas.minute", "gas.record", "interlock.minute", "record.part"]
)
def test_an_event_that_reads_otherwise_proves_nothing_and_breaks_nothing(kind: str, data: dict[str, Any]) -> None:
    log = Log().began().wait(1)
    log.add(kind, data).wait(1).opened()
    assert trace(log.leaves).closed_ms >= 2_000


# --- a contact that stays shut


@pytest.mark.parametrize("kind", ["interlock.tripped", "interlock.fault", "work.finished"])
def test_the_seconds_after_the_box_ended_a_release_have_no_authority(kind: str) -> None:
    """BOX-04: a welded contact is closed after the trip, whatever was authorised before."""
    log = Log().began().wait(5).add(kind)
    at_ms = T + log.at_us // 1000
    run = only(log.wait(10).opened())
    (gap,) = run.gaps
    assert (gap.kind, gap.first_ms, gap.last_ms) == (GapKind.NO_AUTHORITY, at_ms + 1000, run.last_ms)
    assert run.closed_ms - run.covered_ms == 9_005


@pytest.mark.parametrize(("after_s", "gap_ms"), [(0.9, 0), (0.995, 0), (0.996, 1)])
def test_a_contact_that_follows_the_trip_within_its_second_is_whole(after_s: float, gap_ms: int) -> None:
    run = only(Log().began().wait(5).add("interlock.tripped").wait(after_s).opened())
    assert run.closed_ms - run.covered_ms == gap_ms


# --- a permit that is taken back


@pytest.mark.parametrize("kind", ["permit.revoked", "permit.void", "permit.suspended", "permit.withdrawn"])
def test_the_seconds_after_a_permit_was_taken_back_have_no_permit(kind: str) -> None:
    """PTW-17: a relay that stays shut after a revocation is what the detector exists for."""
    log = Log().began().wait(5).add(kind, {})
    at_ms = T + log.at_us // 1000
    run = only(log.wait(10).opened())
    (gap,) = run.gaps
    assert (gap.kind, gap.first_ms, gap.last_ms) == (GapKind.NO_PERMIT, at_ms + 1000, run.last_ms)
    assert run.closed_ms - run.covered_ms == 9_005


@pytest.mark.parametrize(("after_s", "gap_ms"), [(0.9, 0), (0.995, 0), (0.996, 1)])
def test_a_contact_that_follows_the_revocation_within_its_second_is_whole(after_s: float, gap_ms: int) -> None:
    run = only(Log().began().wait(5).add("permit.revoked").wait(after_s).opened())
    assert run.closed_ms - run.covered_ms == gap_ms


def test_a_suspension_without_a_number_is_of_whatever_goes_on() -> None:
    assert kinds(only(Log().began().wait(5).add("permit.suspended", permit="").wait(10).opened())) == [GapKind.NO_PERMIT]


@pytest.mark.parametrize("kind", ["permit.revoked", "permit.suspended"])
def test_another_permit_that_is_taken_back_ends_nothing(kind: str) -> None:
    assert only(Log().began().wait(5).add(kind, permit="HW-2").wait(10).opened()).gaps == ()


def test_a_second_word_does_not_lengthen_what_the_first_ended() -> None:
    log = Log().began().wait(5).add("permit.suspended").wait(5).add("permit.revoked").wait(5).opened()
    (gap,) = only(log).gaps
    assert gap.last_ms - gap.first_ms == 9_005


def _again(kind: str, *, anew: bool) -> Interval:
    """A run after its permit was taken back in an earlier one."""
    log = Log().began().wait(5).add(kind).opened().wait(20)
    if anew:
        log.add("release.authorised", {"snapshot": log.record()}, corr="2")
    log.add("release.commanded", {"snapshot": log.record()}, corr="2").wait(3).opened()
    return trace(log.leaves).intervals[1]


@pytest.mark.parametrize(
    ("kind", "anew", "lacking"),
    [
        ("permit.revoked", True, [GapKind.NO_PERMIT]), ("permit.void", True, [GapKind.NO_PERMIT]),
        ("permit.suspended", True, []), ("permit.withdrawn", True, []),
        ("permit.suspended", False, [GapKind.NO_PERMIT, GapKind.NO_AUTHORITY]),
    ],
)  # fmt: skip
def test_what_was_revoked_stays_so_and_a_suspension_ends_with_a_new_authority(kind: str, anew: bool, lacking: list[GapKind]) -> None:
    assert kinds(_again(kind, anew=anew)) == lacking


# --- the air, group by group


TWO = {
    "box": "box-1",
    "groups": [
        {"name": "torch", "channels": [{"name": "ch4-1"}, {"name": "ch4-2"}]}, {"name": "oxygen", "channels": [{"name": "o2-1"}]},
    ],
}  # fmt: skip


def _told_of(*rows: dict[str, Any], wait_s: float = 60.0, more_s: float = 1.0) -> Interval:
    """A run of a site with two groups, whose second minute is told by `rows`."""
    log = Log(site=TWO).began()
    for name in ("ch4-2", "o2-1"):
        log.add("gas.changed", {"chan": name, "value_milli": 0})
    log.wait(wait_s).add("gas.minute", {"ms": round(wait_s * 1000), "rows": list(rows)})
    log.add("interlock.minute", {"contact": "closed", "people": []}).wait(more_s)
    return only(log.add("relay.opened", {"ms": 1}))


def _row(chan: str, n: int = 600, age_ms: int | None = 0) -> dict[str, Any]:
    return {"chan": chan, "n": n, "bad": 0, **({} if age_ms is None else {"age_ms": age_ms})}


def test_one_good_value_of_every_group_covers_its_minute() -> None:
    assert _told_of(_row("ch4-2"), _row("ch4-1", 0, None), _row("o2-1"), more_s=61.0).gaps == ()


@pytest.mark.parametrize("rows", [(_row("ch4-1"), _row("ch4-2")), (_row("o2-1"),), (_row("ch4-1"), _row("o2-1", 0, None)), (_row("ch4-1"), _row("far"))])
def test_a_group_without_a_good_value_is_a_gap_whatever_the_others_read(rows: tuple[dict[str, Any], ...]) -> None:
    run = _told_of(*rows, more_s=30.0)
    assert kinds(run) == [GapKind.NO_GAS]
    assert run.closed_ms - run.covered_ms == 29_000  # what was read before counts for its minute


@pytest.mark.parametrize(
    ("age_ms", "more_s", "gap_ms"),
    [
        (0, 61.0, 0), (0, 61.001, 1), (20_000, 41.0, 0), (20_000, 41.001, 1), (59_999, 1.001, 0), (59_999, 1.002, 1),
        (None, 1.0, 0), (None, 1.001, 1), (90_000, 1.0, 0), (90_000, 1.001, 1),
        (-10**6, 61.0, 0), (-10**6, 61.001, 1),
    ],
)  # fmt: skip
def test_a_minute_counts_on_for_as_long_as_its_last_good_value_is_fresh(age_ms: int | None, more_s: float, gap_ms: int) -> None:
    """gas_summary_s 60 s after that value; one good reading at its beginning says nothing of what came after."""
    run = _told_of(_row("ch4-1", 1, age_ms), _row("o2-1"), more_s=more_s)
    assert run.closed_ms - run.covered_ms == gap_ms


@pytest.mark.parametrize("site", [{}, {"groups": 5}, {"groups": [{"name": 7, "channels": [{"name": "ch4-1"}]}]}, {"groups": [{"name": "a", "channels": [{}, 3]}]}])
def test_where_the_groups_are_not_known_any_channel_counts(site: dict[str, Any]) -> None:
    assert only(Log(site=site).began().minutes(2).opened()).gaps == ()


def test_what_was_read_before_the_groups_were_known_counts_for_each_of_them() -> None:
    """Whoever followed a log before it looked at groups goes on without a gap that is none."""
    log = Log(site={}).began().add("site.loaded", part("Site", TWO), permit="", corr="").wait(30).opened()
    assert only(log).gaps == ()


# --- what was deleted with the oldest leaves


def _cut(log: Log, kind: str) -> list[bytes]:
    """The leaves after the first of a type."""
    at = next(i for i, leaf in enumerate(log.leaves) if f'"type":"{kind}"'.encode() in leaf) + 1
    return log.leaves[at:]


@pytest.mark.parametrize("kind", ["site.loaded", "rules.loaded", "permit.accepted", "identity.verified", "release.authorised"])
def test_a_run_whose_parts_were_deleted_is_not_judged_and_counted(kind: str) -> None:
    found = trace(_cut(Log().began().minutes(1).opened(), kind))
    assert (found.intervals, found.gaps, len(found.unjudged)) == ((), (), 1)
    assert found.unjudged[0].permit == PERMIT
    running = Tracer()
    for leaf in _cut(Log().began().minutes(1), kind):
        assert running.add(leaf) == ()
    assert running.unfinished() is None
    assert len(running.all_unjudged()) == 1


def test_a_run_that_lacks_nothing_is_judged_however_near_the_oldest_leaf() -> None:
    found = trace(_cut(Log().began().minutes(1).wait(100).opened(), "system.boot"))
    assert (len(found.intervals), found.unjudged) == (1, ())
    assert kinds(found.intervals[0]) == [GapKind.NO_GAS]


def test_a_log_that_is_whole_judges_every_run() -> None:
    found = trace(without(Log().began().opened().leaves, lambda e: None if e.type == "rules.loaded" else e))
    assert (len(found.intervals), found.unjudged) == (1, ())


@pytest.mark.parametrize(("after_us", "judged"), [(0, False), (1, True)])
def test_beyond_a_day_and_an_hour_parts_must_be_there(after_us: int, judged: bool) -> None:
    """KPI-16: parts are written again after a day, and go an hour later at the earliest."""
    from edge.audit.retention import PARTS_MS

    log = Log(first=2048)
    log.add("system.boot", permit="", corr="")
    log.at_us = PARTS_MS * 1000 + after_us
    log.add("release.authorised", {"snapshot": log.record()})
    log.add("relay.closed", {"ms": 0, "snapshot": log.record()}).wait(1).opened()
    found = trace(log.leaves)
    assert (len(found.intervals), len(found.unjudged)) == ((1, 0) if judged else (0, 1))


def test_another_attempts_authority_is_no_deleted_one() -> None:
    log = Log(first=2048)
    log.began().opened().wait(20)
    log.add("release.commanded", {"snapshot": log.record()}, corr="2").wait(1).opened()
    found = trace(log.leaves)
    assert (len(found.intervals), found.unjudged) == (2, ())
    assert kinds(found.intervals[1]) == [GapKind.NO_AUTHORITY]
