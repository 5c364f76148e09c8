"""Every verdict whole: code, subject, value against limit, unit, clause, age and grace; each limit to the step."""

import msgspec
import pytest

from contracts.gas import Unit
from contracts.permit import Level, Role
from edge.gas.reading import Quality
from edge.interlock.conditions.air import acting_vote, channel_reason, gas, group_votes, over_limit, votes_to_trip
from edge.interlock.conditions.element import deadman
from edge.interlock.conditions.faces import unverified, verified
from edge.interlock.conditions.facts import Facts, Verdict, facts
from edge.interlock.conditions.people import badge_here, entitled, unknown_badges
from edge.interlock.evidence import SLOW, BadgeRefused, Camera, Face, FaceRefused, Position
from edge.interlock.proving import Result
from edge.interlock.rules import Number
from edge.interlock.site import SiteChannel, confined_limits
from edge.interlock.snapshot import AuditHealth
from edge.interlock.state import Bypass, FireWatch, Mode, ProofRun, Reason
from tests.edge.interlock.bench import BEACON, GB, RELIEF, SECOND, STALE_US, WALL_S, Bench, group, permit
from tests.edge.interlock.changes import turn

replace = msgspec.structs.replace
NAN, INF = float("nan"), float("inf")


def _facts(bench: Bench, **durable: object) -> Facts:
    kept = replace(bench.durable, **durable)
    return facts(bench.site, bench.rules, kept, bench.volatile, bench.snapshot(), bench.now)


def _verdict(bench: Bench, name: str, **durable: object) -> Verdict:
    return turn(bench, **durable).verdicts[name]


def _channel(bench: Bench, name: str) -> SiteChannel:
    return next(channel for channel in bench.site.channels if channel.name == name)


def _no(code: str, subject: str = "", value: int | None = None, rule: Number | None = None, unit: str = "") -> Reason:
    """A reason with the limit and the clause of a row."""
    limit, clause = (None, "") if rule is None else (rule.value * 1000, rule.clause)
    return Reason(code, subject, value, limit, unit, clause)


# --- the air: a channel


def _vote(bench: Bench, name: str, value: float | None, quality: Quality, age_us: int = 0) -> Reason | None:
    bench.gas[name].value, bench.gas[name].quality = value, quality
    bench.gas[name].silent_since = bench.now - age_us
    return channel_reason(_facts(bench), _channel(bench, name))


def _gas(code: str, name: str, value: int | None = None, bound: int | None = None) -> Reason:
    kind, unit = {"ch4": ("CH4", Unit.PCT_LEL), "o2": ("O2", Unit.VOL_PCT)}[name.partition("-")[0]]
    return Reason(code, name, value, bound, unit.value, GB.limit(kind, unit).clause)


@pytest.mark.parametrize(
    ("name", "value", "quality", "age_us", "reason"),
    [
        ("ch4-1", 0.0, Quality.GOOD, 0, None),
        ("ch4-1", 10.0, Quality.GOOD, STALE_US, None),
        ("ch4-1", 10.001, Quality.GOOD, 0, _gas("gas_high", "ch4-1", 10_001, 10_000)),
        ("o2-1", 19.5, Quality.GOOD, 0, None),
        ("o2-1", 23.5, Quality.GOOD, 0, None),
        ("o2-1", 19.499, Quality.GOOD, 0, _gas("gas_low", "o2-1", 19_499, 19_500)),
        ("o2-1", 23.501, Quality.GOOD, 0, _gas("gas_high", "o2-1", 23_501, 23_500)),
        ("ch4-1", 10.0, Quality.FAULT, 0, _gas("gas_fault", "ch4-1", 10_000)),
        ("ch4-1", 10.001, Quality.FAULT, STALE_US, _gas("gas_high", "ch4-1", 10_001, 10_000)),
        ("ch4-1", 10.001, Quality.FROZEN, 0, _gas("gas_high", "ch4-1", 10_001, 10_000)),
        ("ch4-1", 10.001, Quality.FROZEN, STALE_US + 1, _gas("gas_frozen", "ch4-1", 10_001)),
        ("ch4-1", None, Quality.FAULT, 0, _gas("gas_fault", "ch4-1")),
        ("ch4-1", 99.0, Quality.WARM_UP, 0, _gas("gas_warm_up", "ch4-1", 99_000)),
        ("ch4-1", 99.0, Quality.STALE, 0, _gas("gas_stale", "ch4-1", 99_000)),
        ("ch4-1", 99.0, Quality.BAD_FRAME, 0, _gas("gas_stale", "ch4-1", 99_000)),
        ("ch4-1", 99.0, Quality.OVER_RANGE, 0, _gas("gas_over_range", "ch4-1", 99_000)),
        ("ch4-1", -2.0, Quality.UNDER_RANGE, 0, _gas("gas_under_range", "ch4-1", -2_000)),
        ("o2-1", 18.0, Quality.FAULT, 0, _gas("gas_fault", "o2-1", 18_000)),
        ("o2-1", 24.0, Quality.FAULT, 0, _gas("gas_high", "o2-1", 24_000, 23_500)),
        ("ch4-1", None, Quality.NEVER, 0, _gas("gas_never", "ch4-1")),
    ],
)  # fmt: skip
def test_a_channels_vote_says_what_it_read_against_which_limit(
    ready: Bench, name: str, value: float | None, quality: Quality, age_us: int, reason: Reason | None
) -> None:
    """BOX-01, GB 30871-2022 5.3.2: the limit itself passes; a broken head is believed about gas while it is fresh."""
    assert _vote(ready, name, value, quality, age_us) == reason


@pytest.mark.parametrize(
    ("value", "age_us"), [(0.0, STALE_US + 1), (0.0, -1), (None, 0), (NAN, 0), (INF, 0), (-INF, 0), (40.0, STALE_US + 1)]
)
def test_what_is_old_from_the_future_or_no_number_is_stale(ready: Bench, value: float | None, age_us: int) -> None:
    """BOX-04: silence is a fault, whatever was read last."""
    clause = GB.limit("CH4", _channel(ready, "ch4-1").limit.unit).clause
    reason = Reason("gas_stale", "ch4-1", age_us // 1000, STALE_US // 1000, "s", clause)
    assert _vote(ready, "ch4-1", value, Quality.GOOD, age_us) == reason


def test_age_and_limit_of_a_stale_reading_are_whole_milliseconds(ready: Bench) -> None:
    slow = replace(_channel(ready, "ch4-1"), stale_us=1_999_500)
    ready.gas["ch4-1"].silent_since = ready.now - 2_000_999
    reason = channel_reason(_facts(ready), slow)
    assert reason == Reason("gas_stale", "ch4-1", 2_000, 1_999, "s", slow.limit.clause)


def test_a_quality_that_says_never_is_named_though_a_reading_stands(ready: Bench) -> None:
    f = _facts(ready)
    old = replace(f.snapshot.readings["ch4-1"], quality=Quality.NEVER, value=None)
    f = replace(f, snapshot=replace(f.snapshot, readings={"ch4-1": old}))
    assert channel_reason(f, _channel(ready, "ch4-1")) == _gas("gas_never", "ch4-1")


def test_a_latched_over_range_comes_before_whatever_is_read(ready: Bench) -> None:
    reason = Reason("gas_over_range", "ch4-1", None, 100_000, "%LEL", _gas("", "ch4-1").clause)
    ready.durable = replace(ready.durable, over_range=("ch4-1",))
    assert _vote(ready, "ch4-1", 0.0, Quality.GOOD) == reason
    assert _vote(ready, "ch4-1", None, Quality.NEVER) == reason
    assert channel_reason(_facts(ready), _channel(ready, "ch4-2")) is None


def test_a_head_that_failed_its_calibration_is_believed_about_gas_only(ready: Bench) -> None:
    record = ready.durable.detectors["ch4-1"]
    assert record.bump is not None
    unfit = replace(record, calibration=replace(record.bump, result=Result.FAILED, due_s=1))
    ready.durable.detectors["ch4-1"] = unfit
    assert _vote(ready, "ch4-1", 0.0, Quality.GOOD) == _gas("gas_out_of_service", "ch4-1")
    assert _vote(ready, "ch4-1", 11.0, Quality.GOOD) == _gas("gas_high", "ch4-1", 11_000, 10_000)
    del ready.durable.detectors["ch4-1"]
    assert _vote(ready, "ch4-1", 0.0, Quality.GOOD) is None


def test_a_channel_without_an_upper_limit_passes_what_is_above_its_lower_one(ready: Bench) -> None:
    """A limit may have one bound: what has none never trips on that side, broken or not."""
    channel = _channel(ready, "o2-1")
    low_only = replace(channel, limit=replace(channel.limit, high=None))
    for quality, value, code in (
        (Quality.GOOD, 30.0, None), (Quality.GOOD, 19.4, "gas_low"), (Quality.FAULT, 30.0, "gas_fault"),
    ):  # fmt: skip
        ready.gas["o2-1"].value, ready.gas["o2-1"].quality = value, quality
        reason = channel_reason(_facts(ready), low_only)
        assert (reason.code if reason else None) == code


@pytest.mark.parametrize(
    ("value", "quality", "age_us", "seen"),
    [(9.999, Quality.GOOD, 0, 9_999), (9.999, Quality.FAULT, 0, None), (9.999, Quality.GOOD, STALE_US, 9_999),
     (9.999, Quality.GOOD, STALE_US + 1, None), (9.999, Quality.GOOD, -1, None), (None, Quality.GOOD, 0, None)],
)  # fmt: skip
def test_a_bead_without_oxygen_says_what_oxygen_was_read(
    ready: Bench, value: float | None, quality: Quality, age_us: int, seen: int | None
) -> None:
    """IEC 60079-29-2: what no sound oxygen detector vouches for is no clean air."""
    ready.gas["o2-1"].value, ready.gas["o2-1"].quality = value, quality
    ready.gas["o2-1"].silent_since = ready.now - age_us
    rule = GB.catalytic_o2_vol_pct
    reason = channel_reason(_facts(ready), _channel(ready, "ch4-1"))
    assert reason == Reason("gas_no_oxygen", "ch4-1", seen, rule.value * 1000, "vol%", rule.clause)
    assert channel_reason(_facts(ready), _channel(ready, "co-1")) is None, "no bead"


def test_ten_percent_oxygen_is_enough_for_a_bead(ready: Bench) -> None:
    """catalytic_o2_vol_pct: the limit itself."""
    ready.gas["o2-1"].value = float(GB.catalytic_o2_vol_pct.value)
    assert channel_reason(_facts(ready), _channel(ready, "ch4-1")) is None


def test_an_oxygen_detector_that_failed_its_calibration_or_was_never_read_vouches_for_nothing(ready: Bench) -> None:
    record = ready.durable.detectors["o2-1"]
    assert record.bump is not None
    assert _facts(ready).oxygen == 20.9
    unfit = replace(record, calibration=replace(record.bump, result=Result.FAILED, due_s=1))
    assert _facts(ready, detectors={"o2-1": unfit}).oxygen is None
    assert _facts(ready, detectors={}).oxygen == 20.9
    ready.gas["o2-1"].quality = Quality.NEVER
    assert _facts(ready).oxygen is None
    ready.gas["o2-1"].quality, ready.gas["o2-1"].value = Quality.GOOD, 0.0
    assert _facts(ready).oxygen == 0.0
    ready.gas["o2-1"].value = float("nan")
    assert _facts(ready).oxygen is None


@pytest.mark.parametrize(
    ("bad", "values", "lowest"),
    [(0, (17.0, 19.0, 18.0), 18.0), (1, (19.0, 17.0, 20.0), 19.0), (2, (18.0, 19.0, 17.0), 18.0), (None, (18.0, 20.0, 19.0), 18.0)],
)
def test_the_lowest_sound_oxygen_detector_decides(bad: int | None, values: tuple[float, ...], lowest: float) -> None:
    """A bead may hang where the air is poorest; a detector that failed says nothing, low or high."""
    names = ("o2-1", "o2-2", "o2-3")
    bench = Bench(replace(Bench().site, groups=(group("o", "2oo3", "O2", Unit.VOL_PCT, *names),)))
    for name, value in zip(names, values, strict=True):
        bench.gas[name].value = value
    for quality in (Quality.FAULT, Quality.NEVER):
        if bad is not None:
            bench.gas[names[bad]].quality = quality
        assert _facts(bench).oxygen == lowest
    if bad is not None:
        bench.gas[names[bad]].quality = Quality.GOOD
        for odd in (float("nan"), float("-inf"), float("inf")):
            bench.gas[names[bad]].value = odd
            assert _facts(bench).oxygen == lowest


def test_one_oxygen_detector_of_three_in_poor_air_is_enough_to_doubt_every_bead() -> None:
    """2oo3 of oxygen at 20.9, 20.9 and 2.0 does not trip by itself; the beads beside it prove nothing."""
    bench = Bench(replace(Bench().site, groups=(
        group("torch", "1oo1", "CH4", Unit.PCT_LEL, "ch4-1"), group("o", "2oo3", "O2", Unit.VOL_PCT, "o2-1", "o2-2", "o2-3"),
    )))  # fmt: skip
    assert gas(_facts(bench)).ok
    bench.gas["o2-3"].value = 10.0
    assert gas(_facts(bench)).ok, "at the limit"
    bench.gas["o2-3"].value = 9.999
    assert [(reason.code, reason.subject) for reason in gas(_facts(bench)).reasons] == [("gas_no_oxygen", "ch4-1")]


# --- the air: groups


def _group(bench: Bench, name: str):  # type: ignore[no-untyped-def]
    return next(group for group in bench.site.groups if group.name == name)


def _bypass(bench: Bench, channel: str, since_us: int = -1, until_us: int = 1) -> Bypass:
    return Bypass(channel, ("a", "b"), "r", "m", bench.now + since_us, bench.now + until_us)


@pytest.mark.parametrize(
    ("since_us", "until_us", "holds"), [(0, 1, True), (1, 2, False), (-1, 0, False), (-1, 1, True)]
)
def test_a_bypass_counts_from_its_beginning_to_just_before_its_end(
    ready: Bench, since_us: int, until_us: int, holds: bool
) -> None:
    """IEC 61511-1 11.9."""
    ready.gas["ch4-4"].quality = Quality.FAULT
    f = _facts(ready, bypasses=(_bypass(ready, "ch4-4", since_us, until_us),))
    votes, needed = group_votes(f, _group(ready, "trio"))
    assert (len(votes), needed) == ((0, 1) if holds else (1, 2))


@pytest.mark.parametrize(
    ("value", "quality", "votes"),
    [(0.0, Quality.GOOD, 0), (0.0, Quality.FAULT, 0), (40.0, Quality.GOOD, 1), (40.0, Quality.FAULT, 1),
     (100.0, Quality.OVER_RANGE, 1), (0.0, Quality.WARM_UP, 0)],
)  # fmt: skip
def test_a_bypassed_heads_failure_is_no_vote_and_its_gas_is_one(
    ready: Bench, value: float, quality: Quality, votes: int
) -> None:
    ready.gas["ch4-4"].value, ready.gas["ch4-4"].quality = value, quality
    f = _facts(ready, bypasses=(_bypass(ready, "ch4-4"),))
    found, needed = group_votes(f, _group(ready, "trio"))
    assert ([vote.subject for vote in found], needed) == (["ch4-4"] * votes, 1)


def test_a_bypass_changes_no_other_group_and_no_other_head(ready: Bench) -> None:
    ready.gas["ch4-5"].quality = ready.gas["ch4-2"].quality = Quality.FAULT
    f = _facts(ready, bypasses=(_bypass(ready, "ch4-4"),))
    assert [vote.subject for vote in group_votes(f, _group(ready, "trio"))[0]] == ["ch4-5"]
    votes, needed = group_votes(f, _group(ready, "pair"))
    assert ([vote.subject for vote in votes], needed) == (["ch4-2"], 1)
    assert group_votes(_facts(ready), _group(ready, "trio"))[1] == 2
    f = _facts(ready, bypasses=(_bypass(ready, "ch4-2"),))
    assert group_votes(f, _group(ready, "trio"))[1] == 2


def test_what_is_worked_out_once_is_what_is_true(ready: Bench) -> None:
    ready.gas["ch4-5"].quality = Quality.FAULT
    f = _facts(ready)
    assert votes_to_trip(f) is votes_to_trip(f)
    assert votes_to_trip(f) == {"ch4-5": _gas("gas_fault", "ch4-5", 0)}
    assert f.__dict__["votes_to_trip"] is votes_to_trip(f)


@pytest.mark.parametrize("name", ["d", "v", "snapshot"])
def test_a_turn_looks_at_the_facts_again_when_anything_in_them_changed(ready: Bench, name: str) -> None:
    """Memory, what a restart forgets, evidence: each alone is enough; the same facts are looked at once."""
    made = turn(ready)
    setattr(made, name, replace(getattr(made, name)))
    made.judge()
    assert made.f.durable is made.d
    assert made.f.volatile is made.v
    assert made.f.snapshot is made.snapshot
    kept = made.f
    made.judge()
    assert made.f is kept


def test_what_follows_from_missing_oxygen_stands_behind_the_oxygen_and_the_age_is_the_oldest(ready: Bench) -> None:
    """First-out: the oxygen, not the beads that it makes doubtful."""
    ready.gas["o2-1"].quality = Quality.FAULT
    ready.gas["ch4-2"].silent_since, ready.gas["co-1"].silent_since = ready.now - 400, ready.now - 700
    verdict = gas(_facts(ready))
    assert [(r.code, r.subject) for r in verdict.reasons] == [
        ("gas_fault", "o2-1"), *(("gas_no_oxygen", f"ch4-{n}") for n in range(1, 7)),
    ]  # fmt: skip
    assert (verdict.age_us, verdict.grace_us) == (700, 0)
    ready.gas["co-1"].quality = Quality.NEVER
    assert gas(_facts(ready)).age_us == 400


def test_all_fresh_air_is_no_age_old(ready: Bench) -> None:
    assert gas(_facts(ready)) == Verdict((), 0)
    assert _verdict(ready, "gas") == Verdict((), 0)


def test_a_site_that_measures_nothing_never_passes(ready: Bench) -> None:
    """PTW-09."""
    ready.site = replace(ready.site, groups=())
    assert gas(_facts(ready)) == Verdict((Reason("gas_never"),))


@pytest.mark.parametrize(("bad", "trips"), [(1, False), (2, True), (3, True)])
def test_two_of_three_needs_two(ready: Bench, bad: int, trips: bool) -> None:
    for number in range(4, 4 + bad):
        ready.gas[f"ch4-{number}"].quality = Quality.FAULT
    assert [r.subject for r in gas(_facts(ready)).reasons] == [f"ch4-{n}" for n in range(4, 4 + bad) if trips]


@pytest.mark.parametrize(
    ("vote", "sound", "acts"),
    [("1oo1", 1, "1oo1"), ("1oo1", 0, "tripped"), ("1oo2", 2, "1oo2"), ("1oo2", 1, "tripped"), ("1oo2", 0, "tripped"),
     ("2oo3", 3, "2oo3"), ("2oo3", 2, "1oo2"), ("2oo3", 1, "tripped"), ("2oo3", 0, "tripped")],
)  # fmt: skip
def test_the_table_of_degrading_votes(vote: str, sound: int, acts: str) -> None:
    """findings/edge 3.7."""
    assert acting_vote(vote, sound) == acts


@pytest.mark.parametrize(
    ("value", "quality", "latched", "over"),
    [(0.0, Quality.GOOD, False, False), (0.0, Quality.FAULT, False, False), (40.0, Quality.GOOD, False, True),
     (40.0, Quality.FAULT, False, True), (100.0, Quality.OVER_RANGE, False, True), (0.0, Quality.GOOD, True, False),
     (40.0, Quality.GOOD, True, True), (0.0, Quality.FAULT, True, False)],
)  # fmt: skip
def test_gas_is_over_its_limit_by_what_is_read_not_by_a_latch_that_waits(
    ready: Bench, value: float, quality: Quality, latched: bool, over: bool
) -> None:
    ready.gas["ch4-1"].value, ready.gas["ch4-1"].quality = value, quality
    f = _facts(ready, over_range=("ch4-1",) if latched else ())
    assert over_limit(f, gas(f)) is over


# --- people: badges

TTL_US = GB.badge_ttl_s.value * SECOND


def _absent(subject: str, age_us: int | None, grace: Number) -> Verdict:
    value = None if age_us is None else age_us // 1000
    reason = Reason("badge_absent", subject, value, TTL_US // 1000, "s", f"{grace.clause}; {GB.badge_ttl_s.clause}")
    return Verdict((reason,), None, grace.value * SECOND)


@pytest.mark.parametrize(
    ("name", "badge", "subject", "grace"),
    [("guardian", 1002, "李监护", GB.guardian_grace_s), ("performer", 1001, "张作业", GB.performer_grace_s)],
)
@pytest.mark.parametrize(("age_us", "here"), [(0, True), (TTL_US, True), (TTL_US + 1, False), (-1, False), (None, False)])
def test_a_badge_is_here_within_its_time_to_live(
    ready: Bench, name: str, badge: int, subject: str, grace: Number, age_us: int | None, here: bool
) -> None:
    """PTW-10, BOX-03: to the microsecond; a stamp of the future is none."""
    ready.badges[badge] = False
    del ready.badge_seen[badge]
    if age_us is not None:
        ready.badge_seen[badge] = ready.now - age_us
    assert _verdict(ready, name) == (Verdict((), age_us) if here else _absent(subject, age_us, grace))
    (person,) = [p for p in ready.durable.permits[0].people if p.badge == badge]
    assert badge_here(_facts(ready), person) is here
    missing = unverified(_facts(ready), person)
    assert missing == (None if here else Reason("badge_absent", subject, None, None, "", GB.badge_ttl_s.clause))


def test_somebody_whose_badge_was_refused_is_told_so(ready: Bench) -> None:
    """BOX-01: a badge that was heard and is not believed."""
    guardian = ready.durable.permits[0].people[1]
    ready.badges[1002] = False
    del ready.badge_seen[1002]
    ready.refused_badges[1002] = BadgeRefused(ready.now, 1002, "forged")
    assert unverified(_facts(ready), guardian) == Reason("badge_forged", "李监护", None, None, "", GB.badge_ttl_s.clause)


def test_of_two_guardians_one_is_enough_and_the_older_badge_gives_the_age(ready: Bench) -> None:
    two = permit(people=(*permit().people, RELIEF))
    ready.durable = replace(ready.durable, permits=(two,))
    ready.badges[1005] = False
    ready.badge_seen[1005] = ready.now - 3 * SECOND
    assert _verdict(ready, "guardian") == Verdict((), 3 * SECOND)
    del ready.badge_seen[1005]
    assert _verdict(ready, "guardian") == Verdict((), 0)
    ready.badges[1002] = False
    del ready.badge_seen[1002]
    assert [r.subject for r in _verdict(ready, "guardian").reasons] == ["李监护", "王监护"]


def test_while_released_only_the_crew_counts(released: Bench) -> None:
    """Workflows "Permit": nobody slips into a release that goes on."""
    two = permit(people=(*permit().people, RELIEF))
    released.durable = replace(released.durable, permits=(two,), crew=("performer",))
    released.badges[1005] = True
    nobody = Reason("badge_absent", "guardian", None, None, "", GB.guardian_grace_s.clause)
    assert _verdict(released, "guardian") == Verdict((nobody,), None, GB.guardian_grace_s.value * SECOND)
    assert _verdict(released, "guardian", mode=Mode.LOCKED).ok
    assert _verdict(released, "guardian", crew=("relief",)).ok


@pytest.mark.parametrize("name", ["guardian", "performer", "faces", "faces_again"])
def test_without_a_permit_nobody_is_missed(bench: Bench, name: str) -> None:
    bench.step()
    assert _verdict(bench, name) == Verdict()
    assert verified(_facts(bench)) == ()


@pytest.mark.parametrize(("age_us", "here"), [(0, True), (TTL_US, True), (TTL_US + 1, False), (-1, False), (None, False)])
def test_whoever_may_do_something_here_has_the_right_and_the_badge(
    ready: Bench, age_us: int | None, here: bool
) -> None:
    """Design "Reset": an authorised badge present."""
    ready.badges[1003] = False
    ready.badges[1004] = True
    del ready.badge_seen[1003]
    if age_us is not None:
        ready.badge_seen[1003] = ready.now - age_us
    f = _facts(ready)
    assert [p.id for p in entitled(f, "reset")] == (["leader"] if here else [])
    assert [p.id for p in entitled(f, "clear_fault")] == (["leader", "engineer"] if here else ["engineer"])
    assert entitled(f, "fly") == ()


# --- people: faces

FACE_US = GB.face_ttl_s.value * SECOND
AGAIN_US = GB.face_recheck_s.value * SECOND


def _look(bench: Bench, person: str, age_us: int = 0, distance: int = 350, liveness: str = "proven") -> None:
    bench.looking.discard(person)
    bench.faces[person] = Face(bench.now - age_us, person, distance, liveness, "dlib")


@pytest.mark.parametrize(
    ("age_us", "distance", "liveness", "reason"),
    [
        (0, 0, "proven", None),
        (FACE_US, 500, "proven", None),
        (0, -1, "proven", Reason("face_far", "李监护", -1, 500, "", GB.face_distance_milli.clause)),
        (0, 501, "proven", Reason("face_far", "李监护", 501, 500, "", GB.face_distance_milli.clause)),
        (0, 350, "not_proven", Reason("face_liveness", "李监护", None, None, "", GB.liveness.clause)),
        (FACE_US + 1, 350, "proven", Reason("face_old", "李监护", FACE_US // 1000, FACE_US // 1000, "s", GB.face_ttl_s.clause)),
        (-1, 350, "proven", Reason("face_old", "李监护", -1, FACE_US // 1000, "s", GB.face_ttl_s.clause)),
        (None, 0, "", Reason("face_missing", "李监护", None, None, "", GB.face_ttl_s.clause)),
    ],
)  # fmt: skip
def test_a_face_counts_by_distance_liveness_and_age(
    ready: Bench, age_us: int | None, distance: int, liveness: str, reason: Reason | None
) -> None:
    """BOX-01, BOX-03."""
    if age_us is None:
        ready.looking.discard("guardian")
        del ready.faces["guardian"]
    else:
        _look(ready, "guardian", age_us, distance, liveness)
    good = Verdict((), age_us) if reason is None else Verdict((reason,), 0)
    assert _verdict(ready, "faces") == good
    guardian = ready.durable.permits[0].people[1]
    assert unverified(_facts(ready), guardian) == reason
    assert verified(_facts(ready)) == (("performer", "guardian") if reason is None else ("performer",))


def test_faces_are_as_old_as_the_role_that_was_seen_longer_ago_each_by_its_freshest(ready: Bench) -> None:
    two = permit(people=(*permit().people, RELIEF))
    ready.durable = replace(ready.durable, permits=(two,))
    ready.badges[1005] = True
    _look(ready, "performer", 5 * SECOND)
    _look(ready, "guardian", 40 * SECOND)
    _look(ready, "relief", 20 * SECOND)
    assert _verdict(ready, "faces") == Verdict((), 20 * SECOND)
    _look(ready, "performer", 50 * SECOND)
    assert _verdict(ready, "faces") == Verdict((), 50 * SECOND)
    assert verified(_facts(ready)) == ("performer", "guardian", "relief")


def test_the_re_check_has_its_own_time_and_grace(released: Bench) -> None:
    """BOX-04."""
    grace_us = GB.face_grace_s.value * SECOND
    released.now += 2 * AGAIN_US
    for age_us in (AGAIN_US, AGAIN_US + 1):
        _look(released, "guardian", age_us)
        verdict = _verdict(released, "faces_again")
        old = Reason("face_old", "李监护", age_us // 1000, AGAIN_US // 1000, "s", GB.face_recheck_s.clause)
        assert verdict == Verdict((), AGAIN_US, grace_us) if age_us == AGAIN_US else Verdict((old,), 0, grace_us)
        assert _verdict(released, "faces").grace_us == 0


def test_a_face_without_its_badge_counts_only_while_nobody_of_the_role_has_a_badge_here(ready: Bench) -> None:
    """BOX-03: one guardian's badge does not lend itself to another's face; without any badge the face is still told."""
    two = permit(people=(*permit().people, RELIEF))
    ready.durable = replace(ready.durable, permits=(two,))
    ready.badges.update({1002: False, 1005: True})
    del ready.badge_seen[1002]
    missing = Reason("face_missing", "王监护", None, None, "", GB.face_ttl_s.clause)
    assert _verdict(ready, "faces") == Verdict((missing,), 0)
    ready.badges[1005] = False
    ready.badge_seen.pop(1005, None)
    assert _verdict(ready, "faces") == Verdict((), 0)


def test_a_role_that_nobody_holds_has_no_face(ready: Bench) -> None:
    ready.durable = replace(ready.durable, permits=(replace(permit(), people=permit().people[:1]),))
    missing = Reason("face_missing", Role.GUARDIAN.value, None, None, "", GB.face_ttl_s.clause)
    assert _verdict(ready, "faces") == Verdict((missing,), 0)
    ready.durable = replace(ready.durable, permits=(replace(permit(), people=()),))
    assert _verdict(ready, "faces").age_us is None
    assert len(_verdict(ready, "faces").reasons) == 2


# --- people: nobody else

UNKNOWN_US = GB.unknown_badge_s.value * SECOND


@pytest.mark.parametrize(("age_us", "near"), [(0, True), (UNKNOWN_US, True), (UNKNOWN_US + 1, False), (-1, False)])
@pytest.mark.parametrize("kind", ["ours", "unknown"])
def test_a_badge_that_nothing_names_is_near_for_its_time(ready: Bench, kind: str, age_us: int, near: bool) -> None:
    """PTW-24: whether it verified does not matter."""
    heard = ready.badge_seen if kind == "ours" else ready.unknown_badges
    heard[9001] = ready.now - age_us
    assert unknown_badges(_facts(ready)) == ((9001,) if near else ())
    reason = Reason("badge_unknown", "9001", None, None, "", GB.unknown_badge_trips.clause)
    assert _verdict(ready, "unknown_badge") == Verdict((reason,) if near else ())


def test_beacon_roster_and_people_of_every_permit_are_known(ready: Bench) -> None:
    ready.durable = replace(ready.durable, permits=(permit(), permit("HW-2", people=(RELIEF,))))
    for badge in (1001, 1002, 1003, 1004, 1005, BEACON):
        ready.unknown_badges[badge] = ready.now
    assert unknown_badges(_facts(ready)) == ()
    ready.unknown_badges[9001] = ready.now
    assert unknown_badges(_facts(ready)) == (9001,)
    assert unknown_badges(_facts(ready, permits=())) == (), "no permit, nothing to enter upon"


def test_a_pack_that_does_not_trip_on_unknown_badges_still_sees_them(ready: Bench) -> None:
    ready.rules = replace(GB, unknown_badge_trips=replace(GB.unknown_badge_trips, value=False))
    ready.unknown_badges[9001] = ready.now
    assert _verdict(ready, "unknown_badge") == Verdict()
    assert unknown_badges(_facts(ready)) == (9001,)


STRANGER_US = GB.stranger_s.value * SECOND


@pytest.mark.parametrize(
    ("distance", "age_us", "strange"),
    [(600, 0, True), (599, 0, False), (0, 0, False), (-1, 0, True), (600, STRANGER_US, True), (600, STRANGER_US + 1, False)],
)
def test_a_stranger_is_told_with_distance_and_limit(ready: Bench, distance: int, age_us: int, strange: bool) -> None:
    """PTW-24."""
    limit = GB.stranger_distance_milli
    ready.strangers = (FaceRefused(ready.now, "guardian", 1), FaceRefused(ready.now - age_us, "guardian", distance))
    reason = Reason("stranger", "", distance, limit.value, "", limit.clause)
    assert _verdict(ready, "stranger") == (Verdict((reason,)) if strange else Verdict())


def test_of_several_strangers_the_newest_is_told(ready: Bench) -> None:
    """PTW-24."""
    ready.strangers = tuple(FaceRefused(ready.now - age, "guardian", d) for age, d in ((9, 900), (5, 800), (0, 510)))
    assert [reason.value_milli for reason in _verdict(ready, "stranger").reasons] == [800]


# --- place and camera

PLACE_US = GB.position_ttl_s.value * SECOND


@pytest.mark.parametrize(
    ("changes", "age_us", "reason"),
    [
        ({}, 0, None), ({}, PLACE_US, None),
        ({}, PLACE_US + 1, _no("place_unknown", "", PLACE_US // 1000, GB.position_ttl_s, "s")),
        ({}, -1, _no("place_unknown", "", -1, GB.position_ttl_s, "s")),
        ({"satellites": 4}, 0, None),
        ({"satellites": 3}, 0, _no("place_poor", "satellites", 3000, GB.position_min_satellites)),
        ({"fix_quality": 1}, 0, None),
        ({"fix_quality": 0}, 0, _no("place_poor", "satellites", 9000, GB.position_min_satellites)),
        ({"fix_quality": 2}, 0, None),
        ({"hdop_centi": 500}, 0, None),
        ({"hdop_centi": 501}, 0, Reason("place_poor", "HDOP", 5010, 5000, "", GB.position_max_hdop_centi.clause)),
        ({"inside": False, "edge_m": 3}, 0, Reason("place_outside", "", 3000, 0, "m", "BOX-02")),
    ],
)  # fmt: skip
def test_a_position_counts_by_age_quality_and_fence(
    ready: Bench, changes: dict[str, object], age_us: int, reason: Reason | None
) -> None:
    """PTW-04, BOX-02."""
    assert ready.position is not None
    ready.position = replace(ready.position, **changes)
    ready.position_silent_since = ready.now - age_us
    # The beacon's age is the smaller one.
    good = Verdict((), age_us) if reason is None else Verdict((reason,), 0)
    assert _verdict(ready, "place") == good


@pytest.mark.parametrize(("age_us", "here"), [(TTL_US, True), (TTL_US + 1, False), (-1, False), (None, False)])
def test_the_beacon_counts_by_its_age(ready: Bench, age_us: int | None, here: bool) -> None:
    """BOX-02: a box that was carried away from its beacon."""
    ready.badges[BEACON] = False
    del ready.badge_seen[BEACON]
    if age_us is not None:
        ready.badge_seen[BEACON] = ready.now - age_us
    value = None if age_us is None else age_us // 1000
    lost = _no("beacon_lost", str(BEACON), value, GB.badge_ttl_s, "s")
    assert _verdict(ready, "place") == (Verdict((), age_us) if here else Verdict((lost,), 0))


def test_a_copied_beacon_is_told_from_a_lost_one(ready: Bench) -> None:
    """BOX-02: somebody may carry a copy along."""
    ready.badges[BEACON] = False
    del ready.badge_seen[BEACON]
    ready.refused_badges[BEACON] = BadgeRefused(ready.now, BEACON, "cloned")
    assert _verdict(ready, "place") == Verdict((_no("badge_cloned", str(BEACON), None, GB.badge_ttl_s, "s"),), 0)


@pytest.mark.parametrize("quorum", [("gnss",), ("badge",), ("gnss", "badge"), ()])
def test_every_proof_of_the_quorum_is_asked_for_and_no_other(ready: Bench, quorum: tuple[str, ...]) -> None:
    """BOX-02: no proof at all is no place."""
    ready.site = replace(ready.site, quorum=quorum)
    assert _verdict(ready, "place") == (Verdict((), 0) if quorum else Verdict((Reason("place_unknown"),)))
    ready.position = None
    ready.badges[BEACON] = False
    del ready.badge_seen[BEACON]
    wanted = {"gnss": _no("place_unknown", rule=GB.position_ttl_s, unit="s"),
              "badge": _no("beacon_lost", str(BEACON), None, GB.badge_ttl_s, "s")}  # fmt: skip
    reasons = tuple(wanted[name] for name in quorum) or (Reason("place_unknown"),)
    assert _verdict(ready, "place") == Verdict(reasons)


_GNSS_LOST = _no("place_unknown", rule=GB.position_ttl_s, unit="s")
_BEACON_LOST = _no("beacon_lost", str(BEACON), None, GB.badge_ttl_s, "s")


@pytest.mark.parametrize(
    ("need", "gnss", "beacon", "reasons"),
    [
        (0, True, True, ()), (0, True, False, (_BEACON_LOST,)), (0, False, True, (_GNSS_LOST,)),
        (0, False, False, (_GNSS_LOST, _BEACON_LOST)),
        (1, True, True, ()), (1, True, False, ()), (1, False, True, ()), (1, False, False, (_GNSS_LOST, _BEACON_LOST)),
        (2, True, True, ()), (2, True, False, (_BEACON_LOST,)), (2, False, True, (_GNSS_LOST,)),
        (2, False, False, (_GNSS_LOST, _BEACON_LOST)),
        (3, True, True, ()), (3, True, False, (_BEACON_LOST,)),
    ],
)  # fmt: skip
def test_as_many_proofs_hold_as_the_site_asks_for(
    ready: Bench, need: int, gnss: bool, beacon: bool, reasons: tuple[Reason, ...]
) -> None:
    """PTW-04: beacon or GPS, where the site says so; every one where it says nothing."""
    ready.site = replace(ready.site, quorum=("gnss", "badge"), quorum_need=need)
    if not gnss:
        ready.position = None
    if not beacon:
        ready.badges[BEACON] = False
        del ready.badge_seen[BEACON]
    assert _verdict(ready, "place") == Verdict(reasons, 0 if gnss or beacon else None)


def test_what_a_beacon_outvotes_is_a_position_that_is_unknown_never_one_that_is_elsewhere(ready: Bench) -> None:
    """PTW-04, BOX-02: a poor position says nothing; a sound one outside the fence denies the place."""
    ready.site = replace(ready.site, quorum=("gnss", "badge"), quorum_need=1)
    poor = GB.position_min_satellites.value - 1
    ready.position = Position(0, False, 5, 1, poor, 90)
    assert _verdict(ready, "place") == Verdict((), 0)
    ready.position = Position(0, False, 5, 1, poor + 1, 90)
    assert _verdict(ready, "place") == Verdict((Reason("place_outside", "", 5000, 0, "m", "BOX-02"),), 0)


def test_the_age_of_the_place_is_that_of_the_proofs_that_hold(ready: Bench) -> None:
    ready.site = replace(ready.site, quorum=("gnss", "badge"), quorum_need=1)
    ready.badges[BEACON] = False
    ready.badge_seen[BEACON] = ready.now - GB.badge_ttl_s.value * SECOND
    assert _verdict(ready, "place") == Verdict((), GB.badge_ttl_s.value * SECOND)
    ready.badge_seen[BEACON] -= 1
    assert _verdict(ready, "place") == Verdict((), 0)


CAMERA_US = GB.camera_ttl_s.value * SECOND


@pytest.mark.parametrize(
    ("health", "age_us", "verdict"),
    [
        ("ok", 0, Verdict((), 0)), ("ok", CAMERA_US, Verdict((), CAMERA_US)),
        ("ok", CAMERA_US + 1, Verdict((_no("camera_lost", "silent", CAMERA_US // 1000, GB.camera_ttl_s, "s"),))),
        ("ok", -1, Verdict((_no("camera_lost", "silent", -1, GB.camera_ttl_s, "s"),))),
        ("stalled", 0, Verdict((_no("camera_lost", "stalled", None, GB.camera_ttl_s, "s"),))),
        (None, 0, Verdict((_no("camera_lost", "absent", None, GB.camera_ttl_s, "s"),))),
    ],
)  # fmt: skip
def test_the_camera_counts_by_its_word_and_age(ready: Bench, health: str | None, age_us: int, verdict: Verdict) -> None:
    """GB 30871-2022 5.2.11; the same words while released, where the level asks for it."""
    made = turn(ready)
    shot = replace(ready.snapshot(), camera=None if health is None else Camera(ready.now - age_us, health, 25))
    made.snapshot = shot
    made.judge()
    assert made.verdicts["camera"] == verdict
    made.snapshot = replace(shot, camera=None if health is None else Camera(ready.now - age_us, SLOW, 25))
    made.judge()
    late = Verdict((_no("camera_slow", "", None, GB.stranger_s, "s"),))
    assert made.verdicts["camera"] == (late if verdict.ok or health == "stalled" else verdict)
    made.snapshot = shot
    made.judge()
    assert made.verdicts["camera_running"] == Verdict()
    made.d = replace(made.d, permits=(permit(level=Level.SPECIAL),))
    made.judge()
    assert made.verdicts["camera_running"] == verdict
    if verdict.ok:
        made.snapshot = replace(shot, camera=Camera(ready.now - age_us, SLOW, 25))
        made.judge()
        assert made.verdicts["camera_running"] == verdict, "it is filmed all the same"
    made.d = replace(made.d, permits=())
    made.judge()
    assert made.verdicts["camera_running"] == Verdict()


# --- buttons and the final element

INPUTS_US = GB.inputs_ttl_ms.value * 1000
DEADMAN_US = GB.dead_man_ms.value * 1000


@pytest.mark.parametrize(("age_us", "ok"), [(0, True), (INPUTS_US, True), (INPUTS_US + 1, False), (-1, False)])
def test_the_button_module_counts_by_its_age(ready: Bench, age_us: int, ok: bool) -> None:
    ready.inputs_silent_since = ready.now - age_us
    silent = _no("inputs_stale", "", age_us, GB.inputs_ttl_ms, "ms")
    assert _verdict(ready, "inputs") == (Verdict((), age_us) if ok else Verdict((silent,)))


def test_buttons_that_were_never_read_are_silent_and_neither_pressed_nor_open(ready: Bench) -> None:
    made = turn(ready)
    made.snapshot = replace(made.snapshot, inputs=None)
    made.judge()
    assert made.verdicts["inputs"] == Verdict((_no("inputs_stale", rule=GB.inputs_ttl_ms, unit="ms"),))
    assert (made.verdicts["stop"], made.verdicts["estop"]) == (Verdict(), Verdict())
    for name in ("door", "mains", "battery", "enclosure", "flame"):
        assert not made.verdicts[name].ok, "what is wired and was never read is not well"


@pytest.mark.parametrize(
    ("name", "code"),
    [("stop", "stop_pressed"), ("estop", "estop_open"), ("door", "door_open"), ("mains", "mains_fail"),
     ("battery", "battery_low"), ("enclosure", "enclosure_hot"), ("flame", "flame_seen")],
)  # fmt: skip
def test_each_contact_says_its_own_word(ready: Bench, name: str, code: str) -> None:
    assert _verdict(ready, name) == Verdict()
    ready.pressed.add(name)
    assert _verdict(ready, name) == Verdict((Reason(code),))
    assert [n for n in ("stop", "estop", "door", "mains", "battery", "enclosure", "flame") if not _verdict(ready, n).ok] == [name]


@pytest.mark.parametrize(("age_us", "ok"), [(0, True), (DEADMAN_US, True), (DEADMAN_US + 1, False), (-1, False)])
def test_the_controller_counts_by_its_age(ready: Bench, age_us: int, ok: bool) -> None:
    """BOX-06."""
    ready.deadman_silent_since = ready.now - age_us
    silent = _no("deadman_silent", "", age_us, GB.dead_man_ms, "ms")
    assert _verdict(ready, "deadman") == (Verdict((), age_us) if ok else Verdict((silent,)))


def test_a_controller_that_never_answered_is_silent(ready: Bench) -> None:
    f = _facts(ready)
    f = replace(f, snapshot=replace(f.snapshot, deadman=None))
    assert deadman(f) == Verdict((_no("deadman_silent", "", None, GB.dead_man_ms, "ms"),))
    made = turn(ready)
    made.snapshot = f.snapshot
    made.judge()
    assert (made.verdicts["contact_open"], made.verdicts["contact_closed"]) == (Verdict(), Verdict())
    made.d = replace(made.d, mode=Mode.RELEASED, confirmed=True)
    made.judge()
    assert made.verdicts["contact_closed"] == Verdict(), "its silence is told, not guessed at"


@pytest.mark.parametrize(
    ("released", "latch", "confirmed", "since_us", "code"),
    [
        (False, False, False, 0, ""), (False, True, False, 0, "deadman_closed"), (True, True, True, 0, ""),
        (True, True, False, 250_001, ""), (True, False, False, 250_000, ""), (True, False, False, 250_001, "deadman_open"),
        (True, False, True, 0, "deadman_open"),
    ],
)  # fmt: skip
def test_the_latch_must_agree_with_what_is_commanded(
    ready: Bench, released: bool, latch: bool, confirmed: bool, since_us: int, code: str
) -> None:
    """Design: "released" against "open" trips, after the settle time or once it was confirmed."""
    ready.latch, ready.cause = latch, "watchdog"
    mode = Mode.RELEASED if released else Mode.LOCKED
    verdict = _verdict(ready, "deadman", mode=mode, confirmed=confirmed, released_us=ready.now - since_us)
    subject = "watchdog" if code == "deadman_open" else ""
    assert verdict == (Verdict((Reason(code, subject),)) if code else Verdict((), 0))


@pytest.mark.parametrize(
    ("released", "contact", "confirmed", "since_us", "code"),
    [
        (True, True, True, 0, ""), (True, False, False, 250_000, ""), (True, False, False, 250_001, "feedback_not_closed"),
        (True, False, True, 0, "feedback_lost"), (False, False, True, 0, ""), (False, True, True, 0, ""),
    ],
)  # fmt: skip
def test_the_contact_follows_within_the_settle_time_and_stays(
    ready: Bench, released: bool, contact: bool, confirmed: bool, since_us: int, code: str
) -> None:
    """EN ISO 13849-1."""
    ready.contact = contact
    mode = Mode.RELEASED if released else Mode.LOCKED
    made = turn(ready, mode=mode, confirmed=confirmed, released_us=ready.now - since_us)
    reason = _no(code, "", None, GB.settle_ms, "ms")
    assert made.verdicts["contact_closed"] == (Verdict((reason,)) if code else Verdict())
    closed = Verdict((Reason("feedback_closed", "", None, None, "", GB.settle_ms.clause),))
    assert made.verdicts["contact_open"] == (closed if contact else Verdict())


def test_a_running_proof_test_is_told(ready: Bench) -> None:
    assert _verdict(ready, "proof_test") == Verdict()
    ready.volatile = replace(ready.volatile, proof_run=ProofRun(("a", "b"), ready.now, ready.now))
    assert _verdict(ready, "proof_test") == Verdict((Reason("proof_running"),))


# --- the box itself


@pytest.mark.parametrize(
    ("health", "release", "run"),
    [
        (AuditHealth(True, 0, False), Verdict((), 0), Verdict((), 0)),
        (AuditHealth(True, 1000, False), Verdict((), 1_000_000), Verdict((), 1_000_000)),
        (AuditHealth(True, 1001, False), _no("audit_late", "", 1_001_000, GB.audit_release_ms, "ms"), Verdict((), 1_001_000)),
        (AuditHealth(True, 5000, False), _no("audit_late", "", 5_000_000, GB.audit_release_ms, "ms"), Verdict((), 5_000_000)),
        (AuditHealth(True, 5001, False), _no("audit_late", "", 5_001_000, GB.audit_release_ms, "ms"),
         _no("audit_late", "", 5_001_000, GB.audit_run_ms, "ms")),
        (AuditHealth(False, 0, False), _no("audit_unwritable", rule=GB.audit_release_ms, unit="ms"),
         _no("audit_unwritable", rule=GB.audit_run_ms, unit="ms")),
        (AuditHealth(False, 9000, True), Reason("audit_rollback"), Reason("audit_rollback")),
        (AuditHealth(True, 7, False, full=True), Reason("audit_full"), Verdict((), 7000)),
        (AuditHealth(True, 7, False, epoch_pending=True), Reason("audit_epoch"), Verdict((), 7000)),
        (AuditHealth(True, 7, False, full=True, epoch_pending=True), Reason("audit_epoch"), Verdict((), 7000)),
        (AuditHealth(True, 0, True, full=True, epoch_pending=True), Reason("audit_rollback"), Reason("audit_rollback")),
    ],
)  # fmt: skip
def test_the_log_counts_by_what_waits_and_what_it_is(
    ready: Bench, health: AuditHealth, release: Verdict | Reason, run: Verdict | Reason
) -> None:
    """ANT-10: a second before, five while released; a log that went back is worse than one that cannot be written."""
    ready.audit = health
    for name, wanted in (("audit", release), ("audit_running", run)):
        assert _verdict(ready, name) == (Verdict((wanted,)) if isinstance(wanted, Reason) else wanted)


@pytest.mark.parametrize(("gap_ms", "ok"), [(180, True), (181, False)])
def test_a_loop_that_stood_still_is_told_with_its_gap(ready: Bench, gap_ms: int, ok: bool) -> None:
    ready.loop_gap_ms = gap_ms
    assert _verdict(ready, "loop") == (Verdict() if ok else Verdict((_no("loop_gap", "", 181_000, GB.dead_man_ms, "ms"),)))


def test_a_latch_is_told_by_its_cause_and_a_fault_by_its_own(ready: Bench) -> None:
    cause = Reason("gas_high", "ch4-1")
    for mode, first, done, code, subject in (
        (Mode.TRIPPED, cause, False, "latched", "gas_high"), (Mode.TRIPPED, cause, True, "", ""),
        (Mode.TRIPPED, None, False, "", ""), (Mode.FAULT, cause, False, "fault_latched", "gas_high"),
        (Mode.FAULT, cause, True, "fault_latched", "gas_high"), (Mode.FAULT, None, False, "fault_latched", ""),
    ):  # fmt: skip
        verdict = _verdict(ready, "latch", mode=mode, first_out=first, reset_done=done)
        assert verdict == (Verdict((Reason(code, subject),)) if code else Verdict())


def test_a_suspension_of_the_deciding_permit_alone_waits_for_a_reset(ready: Bench) -> None:
    """PTW-17: behind a latch, whose reset ends it too."""
    held = Reason("permit_on_hold", "HW-1", None, None, "", "PTW-17")
    assert _verdict(ready, "latch", suspended=("HW-2", "HW-1")) == Verdict((held,))
    assert _verdict(ready, "latch", suspended=("HW-2",)) == Verdict()
    assert _verdict(ready, "latch", suspended=("HW-1",), permits=()) == Verdict()
    latched = _verdict(ready, "latch", suspended=("HW-1",), first_out=Reason("gas_high"))
    assert [reason.code for reason in latched.reasons] == ["latched"]


@pytest.mark.parametrize(
    ("watched", "void", "left_us", "seconds_milli"),
    [(None, (), 0, None), ("HW-1", (), SECOND, None), ("HW-1", ("HW-1",), 5_000, 5), ("HW-2", (), 1_999, 1),
     ("HW-2", (), 999, 0), ("HW-2", (), -5_000, 0)],
)  # fmt: skip
def test_the_watch_of_another_or_a_finished_permit_is_told_with_what_is_left(
    ready: Bench, watched: str | None, void: tuple[str, ...], left_us: int, seconds_milli: int | None
) -> None:
    """GB 30871-2022 5.2.14."""
    watch = None if watched is None else FireWatch(watched, 0, ready.now + left_us)
    verdict = _verdict(ready, "fire_watch", fire_watch=watch, void=void)
    if seconds_milli is None:
        assert verdict == Verdict()
    else:
        assert verdict == Verdict((Reason("watched", watched or "", seconds_milli, 0, "s", GB.fire_watch_s.clause),))


def test_a_watch_without_any_permit_is_told(bench: Bench) -> None:
    bench.step()
    verdict = _verdict(bench, "fire_watch", fire_watch=FireWatch("HW-1", 0, bench.now + SECOND))
    assert [r.code for r in verdict.reasons] == ["watched"]


# --- the clock


def _clock(bench: Bench, **durable: object) -> tuple[Reason, ...]:
    known = {"clock_offset_ms": bench.clock.t - bench.clock.at_us // 1000}
    return _verdict(bench, "clock", **{**known, **durable}).reasons


def test_a_clock_without_a_source_is_told_with_its_quality(ready: Bench) -> None:
    assert _clock(ready) == ()
    ready.clock_quality = "none"
    assert _clock(ready) == (Reason("clock_quality", "none", None, None, "", GB.clock_quality.clause),)


@pytest.mark.parametrize(("off_ms", "ok"), [(60_000, True), (60_001, False), (-60_000, True), (-60_001, False), (None, False)])
def test_the_bridges_signed_time_stands_in_for_a_source_within_a_minute(
    ready: Bench, off_ms: int | None, ok: bool
) -> None:
    """BOX-02: either way round, to the millisecond."""
    ready.clock_quality = "none"
    offset = ready.clock.t - ready.clock.at_us // 1000
    assert (_clock(ready, signed_offset_ms=None if off_ms is None else offset + off_ms) == ()) is ok


def test_a_pack_that_wants_better_than_signed_time_does_not_take_it(ready: Bench) -> None:
    ready.clock_quality = "none"
    ready.rules = replace(GB, clock_quality=replace(GB.clock_quality, value="sync"))
    offset = ready.clock.t - ready.clock.at_us // 1000
    assert [r.code for r in _clock(ready, signed_offset_ms=offset)] == ["clock_quality"]


def test_a_clock_behind_its_floor_or_behind_signed_time_is_told_with_both_times(ready: Bench) -> None:
    """BOX-02."""
    ready.clock_floor = ready.clock.t
    assert _clock(ready) == ()
    ready.clock_floor += 1
    assert _clock(ready) == (Reason("clock_floor", "", ready.clock.t, ready.clock_floor, "s"),)
    ready.clock_floor = 0
    now_s, behind = ready.clock.t // 1000, GB.clock_behind_s
    assert _clock(ready, as_of=now_s + behind.value) == ()
    late = now_s + behind.value + 1
    assert _clock(ready, as_of=late) == (Reason("clock_floor", "", ready.clock.t, late * 1000, "s", behind.clause),)


@pytest.mark.parametrize("part_ms", [0, 999])
def test_signed_time_is_kept_to_the_whole_second(ready: Bench, part_ms: int) -> None:
    """clock_behind_s: a part of a second that the clock has begun makes nothing better or worse."""
    ready.now = 1_000 * SECOND + part_ms * 1000
    assert ready.clock.t == WALL_S * 1000 + part_ms
    assert _clock(ready, as_of=WALL_S + GB.clock_behind_s.value) == ()
    assert [r.code for r in _clock(ready, as_of=WALL_S + GB.clock_behind_s.value + 1)] == ["clock_floor"]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_step_of_the_clock_either_way_is_told_with_its_size(ready: Bench, sign: int) -> None:
    """BOX-02."""
    offset, limit = ready.clock.t - ready.clock.at_us // 1000, GB.clock_step_ms
    assert _clock(ready, clock_offset_ms=offset + sign * 2000) == ()
    assert _clock(ready, clock_offset_ms=offset + sign * 2001) == (_no("clock_step", "", 2_001_000, limit, "ms"),)
    assert _clock(ready, clock_offset_ms=None) == ()
    assert _clock(ready, clock_back_ms=1) == (_no("clock_back", "", 1000, limit, "ms"),)
    assert _clock(ready, clock_offset_ms=None, clock_back_ms=5) == (_no("clock_back", "", 5000, limit, "ms"),)


def test_inside_a_confined_space_its_own_limits_hold(ready: Bench) -> None:
    """GB 30871-2022 6.4."""
    ready.site = replace(ready.site, confined=confined_limits(ready.site.channels, GB))
    assert ready.site.inside != ready.site
    assert _facts(ready).site == ready.site
    assert _facts(ready, permits=(permit(confined=True),)).site == ready.site.inside
    assert _facts(ready, permits=()).site == ready.site


def test_moments_are_judged_by_a_clock_to_the_microsecond_and_the_second(ready: Bench) -> None:
    """The clock was read a little before: what went by since is added."""
    f = _facts(ready)
    made = facts(
        f.site, f.rules, f.durable, f.volatile,
        replace(f.snapshot, clock=replace(f.snapshot.clock, t=WALL_S * 1000 + 999, at_us=5_000)), 6_001,
    )  # fmt: skip
    assert (made.wall_us, made.wall_s) == (WALL_S * 1_000_000 + 1_000_001, WALL_S + 1)
    made = facts(
        f.site, f.rules, f.durable, f.volatile,
        replace(f.snapshot, clock=replace(f.snapshot.clock, t=WALL_S * 1000 + 999, at_us=5_000)), 5_999,
    )  # fmt: skip
    assert made.wall_s == WALL_S
