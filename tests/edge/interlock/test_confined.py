"""Hot work inside a confined space: the stricter limits hold there (GB 30871-2022 6.3, 6.4, 6.10)."""

import msgspec
import pytest

from contracts.gas import Unit
from contracts.permit import Level
from edge.interlock import rules
from edge.interlock.decision_record import Given, read
from edge.interlock.happenings import PermitAccepted
from edge.interlock.shadow import Change, judge_values
from edge.interlock.site import confined_limits
from edge.interlock.state import Mode, Opening
from edge.interlock.view import explain
from tests.edge.interlock.bench import GB, SECOND, SITE, Bench, permit
from tests.edge.interlock.test_offers import _judge, _sign
from tests.edge.interlock.test_shadow import _shadow

replace = msgspec.structs.replace
INSIDE = permit(confined=True)


def _oxygen(bench: Bench, value: float) -> Bench:
    bench.gas["o2-1"].value = value
    return bench


@pytest.mark.parametrize(("value", "passes"), [(19.499, False), (19.5, True), (21.0, True), (21.001, False)])
def test_oxygen_inside_is_between_19_5_and_21(value: float, passes: bool) -> None:
    """GB 30871-2022 6.4 a."""
    bench = _oxygen(Bench().prepare(INSIDE), value)
    assert bench.step(ms=0).verdicts["gas"].ok is passes


@pytest.mark.parametrize(("value", "passes"), [(21.001, True), (23.5, True), (23.501, False)])
def test_oxygen_outside_keeps_its_own_limit(value: float, passes: bool) -> None:
    """GB 30871-2022 5.2.7; negative control of the one before."""
    bench = _oxygen(Bench().prepare(), value)
    assert bench.step(ms=0).verdicts["gas"].ok is passes


def test_more_oxygen_than_inside_allows_trips_with_its_clause() -> None:
    bench = _oxygen(Bench().prepare(INSIDE).release(), 21.2)
    bench.step()
    assert bench.mode is Mode.TRIPPED
    reason = bench.durable.first_out
    assert reason is not None
    assert (reason.code, reason.subject, reason.value_milli, reason.limit_milli, reason.clause) == (
        "gas_high", "o2-1", 21_200, 21_000, "GB 30871-2022 6.4 a",
    )  # fmt: skip


def test_the_gas_test_before_work_inside_is_judged_by_the_limits_inside() -> None:
    bench = Bench()
    bench.step()
    bench.step(PermitAccepted(INSIDE))
    bench.test_gas(O2=21.2)
    codes = [(reason.code, reason.limit_milli) for reason in bench.step().verdicts["gas_test"].reasons]
    assert codes == [("gas_test_limit", 21_000)] * 3
    bench.test_gas(O2=21.0)
    assert bench.step().verdicts["gas_test"].ok


def test_the_box_shows_the_limit_that_holds() -> None:
    for claims, high in ((INSIDE, 21.0), (permit(), 23.5)):
        bench = Bench().prepare(claims)
        step = bench.last
        assert step is not None
        assert {c.name: c.limit.high for c in step.facts.site.channels}["o2-1"] == high
        (gas,) = [line for line in explain(step.facts, step.verdicts) if line.condition == "gas"]
        (shown,) = [measure for measure in gas.shown if measure.subject == "o2-1"]
        assert f"{high:g}" in shown.limit


def test_only_channels_with_another_limit_inside_are_kept_apart() -> None:
    assert list(SITE.confined) == ["o2-1"]
    assert SITE.inside.channels[0] == SITE.channels[0]
    assert SITE.inside.inside == SITE.inside
    assert (SITE.inside.roster, SITE.inside.contacts, SITE.inside.beacon) == (SITE.roster, SITE.contacts, SITE.beacon)
    assert confined_limits(SITE.inside.channels, GB) == {}


def test_a_pack_without_limits_of_its_own_inside_has_the_open_ones() -> None:
    pack = replace(GB, confined=())
    site = replace(SITE, confined=confined_limits(SITE.channels, pack))
    assert site.confined == {}
    assert site.inside is site


def test_a_break_inside_is_never_longer_than_the_levels() -> None:
    """The shorter of the two counts: 30 min at grade 1, though 6.3 f alone would allow 60."""
    for minutes, passes in ((30, True), (31, False)):
        bench = Bench().prepare(permit(level=Level.GRADE_1, confined=True, end_s=8 * 3600))
        test = bench.durable.gas_test
        assert test is not None
        bench.now += 7200 * SECOND
        bench.durable = replace(
            bench.durable,
            opening=Opening("HW-1", bench.now - minutes * 60 * SECOND, by_gas=False),
            gas_test=replace(test, at_us=bench.now - 7200 * SECOND),
        )
        assert bench.step(ms=0).verdicts["gas_test"].ok is passes


def test_a_window_that_is_too_long_for_a_confined_space_is_refused_with_its_clause() -> None:
    """GB 30871-2022 6.10."""
    judged = _judge(_sign(permit(start_s=0, end_s=25 * 3600, level=Level.GRADE_2, confined=True)))
    assert judged.response is not None
    assert (judged.response.ok, judged.response.code) == (False, "too_long")
    assert "at most 24 h (GB 30871-2022 6.10)" in judged.response.detail
    assert "confined space, 25 h" in judged.response.detail
    outside = _judge(_sign(permit(start_s=0, end_s=25 * 3600, level=Level.GRADE_2)))
    assert outside.response is not None
    assert outside.response.ok


def test_shadow_mode_judges_work_inside_by_the_proposed_limits_inside() -> None:
    bench = Bench().prepare(INSIDE).release()
    own = rules.Limit("O2", Unit.VOL_PCT, "test", low=19.5, high=20.5)
    stricter = replace(GB, confined=(own,))
    (finding, *_) = [f for f in _shadow(bench, stricter).findings if f.rows == ("confined.O2",)]
    assert finding.change is Change.MORE_REFUSALS
    assert _shadow(Bench().prepare().release(), stricter).findings == ()


def test_recorded_values_inside_are_compared_with_the_limits_inside() -> None:
    stricter = replace(GB, confined=(rules.Limit("O2", Unit.VOL_PCT, "test", low=19.5, high=20.5),))
    for claims, found in ((INSIDE, True), (permit(), False)):
        bench = Bench().prepare(claims).release()
        assert bench.log is not None
        values = [{"chan": "o2-1", "unit": "vol%", "value_milli": 20_800}]
        event = next(event for event in bench.log.events if event.type == "release.commanded")
        given, _ = read(event.data["snapshot"], bench.log.parts.__getitem__)
        assert isinstance(given, Given)
        finding = judge_values(replace(event, type="gas.record", data={"values": values}), given, stricter)
        assert (finding is not None) is found
