"""A detector fed over MQTT may trip and refuse; it never satisfies (design: a detector fed over MQTT can trip, never satisfy)."""

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.gas import GASES, Unit
from edge import config as box_config
from edge.config import BoxConfig, Remote
from edge.interlock import evidence as ev
from edge.interlock import view
from edge.interlock.conditions import evaluate
from edge.interlock.conditions.air import gas, over_limit
from edge.interlock.conditions.facts import Facts, facts
from edge.interlock.conditions.measures import Measure, measures
from edge.interlock.evidence import RemoteGas, Source
from edge.interlock.site import SiteRemote, build, confined_limits
from edge.interlock.snapshot import MAX_SUBJECTS, Refused, accept
from edge.interlock.state import Mode, Reason
from tests.edge.interlock.bench import GB, SITE, Bench
from tests.edge.interlock.test_site import EXAMPLE

replace = msgspec.structs.replace
METHANE = SiteRemote("ch4-far", "CH4", "甲烷", "methane", GB.limit("CH4", Unit.PCT_LEL))
OXYGEN = SiteRemote("o2-far", "O2", "氧气", "oxygen", GB.limit("O2", Unit.VOL_PCT))
WITH = replace(SITE, remotes=(METHANE, OXYGEN))


class FarBench(Bench):
    """A bench that also hears detectors over MQTT."""

    said: tuple[RemoteGas, ...] = ()

    def snapshot(self):
        return replace(super().snapshot(), remotes={item.name: item for item in self.said})


def _facts(*said: RemoteGas) -> Facts:
    bench = FarBench(WITH)
    bench.said = said
    return facts(WITH, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)


@pytest.mark.parametrize(
    ("name", "value_milli", "over_range", "code", "limit_milli"),
    [
        ("ch4-far", 10_000, False, None, 0),
        ("ch4-far", 10_001, False, "gas_high", 10_000),
        ("ch4-far", 0, True, "gas_over_range", 10_000),
        ("ch4-far", -5_000, False, None, 0),
        ("o2-far", 19_500, False, None, 0),
        ("o2-far", 19_499, False, "gas_low", 19_500),
        ("o2-far", 23_500, False, None, 0),
        ("o2-far", 23_501, False, "gas_high", 23_500),
    ],
)
def test_beyond_its_limit_it_trips_and_within_it_counts_for_nothing(
    name: str, value_milli: int, over_range: bool, code: str | None, limit_milli: int
) -> None:
    """At the limit, one step beyond."""
    f = _facts(RemoteGas(1, name, value_milli, over_range))
    verdict = gas(f)
    limit = METHANE.limit if name == METHANE.name else OXYGEN.limit
    reason = Reason(code or "", name, value_milli, limit_milli, limit.unit.value, limit.clause)
    assert verdict.reasons == ((reason,) if code else ())
    assert over_limit(f, verdict) is (code is not None)


def test_the_boxs_own_detectors_are_named_before_it() -> None:
    """First-out is what the box measured itself, when both say it at the same moment."""
    bench = FarBench(WITH)
    bench.said = (RemoteGas(1, "ch4-far", 12_500), RemoteGas(1, "o2-far", 10_000))
    bench.gas["co-1"].value = 400.0
    bench.gas["o2-1"].value = 5.0
    f = facts(WITH, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)
    named = [reason.subject for reason in gas(f).reasons]
    assert named[:4] == ["o2-1", "co-1", "ch4-far", "o2-far"]
    assert set(named[4:]) <= {channel.name for channel in SITE.channels}  # beads without oxygen follow from that


def test_its_silence_and_its_absence_change_nothing() -> None:
    """It is never asked for: a box whose far detector was never heard releases by its own."""
    assert gas(_facts()).reasons == ()
    assert gas(_facts()) == gas(replace(_facts(), site=SITE))


def test_its_alarm_stands_while_it_is_silent() -> None:
    """Silence is no clean air: the last word was gas, an hour ago."""
    f = _facts(RemoteGas(1, "ch4-far", 12_500))
    assert f.now_us > 900_000_000
    assert not gas(f).ok


def test_its_good_word_clears_no_detector_of_the_box() -> None:
    bench = FarBench(WITH)
    bench.said = (RemoteGas(1, "ch4-far", 0),)
    for name in ("ch4-1", "o2-1"):
        bench.gas[name].silent_since = bench.now
    bench.now += 10_000_000
    f = facts(WITH, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)
    assert {reason.subject for reason in gas(f).reasons} >= {"ch4-1", "o2-1"}


def test_a_release_ends_at_its_word_and_names_it() -> None:
    """INT-10: first-out is the far detector; the release needs a new gas test."""
    bench = FarBench(WITH)
    bench.prepare().release()
    assert bench.durable.mode is Mode.RELEASED
    bench.said = (RemoteGas(bench.now, "ch4-far", 12_500),)
    step = bench.step()
    assert step.durable.mode is Mode.TRIPPED
    first = step.durable.first_out
    assert first is not None
    assert (first.code, first.subject, first.value_milli, first.limit_milli) == ("gas_high", "ch4-far", 12_500, 10_000)
    assert [note.type for note in step.notes].count("gas.alarm") == 1
    assert not evaluate(step.facts)["gas_test"].ok
    bench.said = (RemoteGas(bench.now, "ch4-far", 0),)
    assert [note.data for note in bench.step().notes if note.type == "gas.normal"] == [{"chan": "ch4-far"}]


def test_inside_a_confined_space_its_limit_is_the_one_there() -> None:
    """GB 30871-2022 6.4."""
    limits = confined_limits((METHANE, OXYGEN), GB)
    site = replace(WITH, confined={**SITE.confined, **limits})
    assert [remote.limit for remote in site.inside.remotes] == [limits.get(r.name, r.limit) for r in (METHANE, OXYGEN)]
    assert limits


def test_what_the_broker_had_kept_never_replaces_a_word_of_known_age() -> None:
    """A retained "clean" may be from before the alarm; as the first word it may only trip."""
    empty = Bench().snapshot()
    held, refused = accept(empty, RemoteGas(10, "ch4-far", 12_500, kept=True), Source.LINK, 100)
    assert refused is None
    assert held.remotes["ch4-far"].value_milli == 12_500
    after, refused = accept(held, RemoteGas(20, "ch4-far", 0, kept=True), Source.LINK, 100)
    assert after == held
    assert refused == Refused(Source.LINK, "RemoteGas", "kept by the broker, while a word of known age stands")
    after, refused = accept(held, RemoteGas(20, "ch4-far", 0), Source.LINK, 100)
    assert refused is None
    assert after.remotes["ch4-far"].value_milli == 0


def test_many_names_do_not_fill_the_memory() -> None:
    held = Bench().snapshot()
    for number in range(MAX_SUBJECTS + 3):
        held, _ = accept(held, RemoteGas(number, f"far-{number}", 1), Source.LINK, 1000)
    assert len(held.remotes) == MAX_SUBJECTS


def test_it_is_shown_with_its_last_word() -> None:
    f = _facts(RemoteGas(900_000_000, "ch4-far", 12_500))
    (oxygen,) = (m for m in measures("gas", _facts(RemoteGas(1, "o2-far", 20_900))) if m.subject == "o2-far")
    assert (oxygen.low, oxygen.high, oxygen.inside) == (19.5, 23.5, True)
    shown = view._remotes(f)
    assert [(r.name, r.value, r.unit, r.age_ms, r.alarm) for r in shown] == [
        ("ch4-far", 12.5, "%LEL", 100_000, True), ("o2-far", None, "vol%", None, False),
    ]  # fmt: skip
    assert [(r.gas, r.zh, r.en) for r in shown] == [("CH4", "甲烷", "methane"), ("O2", "氧气", "oxygen")]
    assert [m for m in measures("gas", f) if m.subject.endswith("-far")] == [
        Measure(
            "甲烷（MQTT）", "methane (MQTT)", "ch4-far", 12.5, None, 10.0, "%LEL", 900_000_000, METHANE.limit.clause
        )
    ]  # fmt: skip


FAR = Remote("ch4-far", "CH4", Unit.PCT_LEL, "plant/gas/7")


@pytest.fixture
def config() -> BoxConfig:
    return replace(box_config.load(EXAMPLE), remotes=(FAR,))


def test_its_limit_is_that_of_a_channel_of_its_gas(config: BoxConfig) -> None:
    box_config.check(config)
    site = build(config, GB, {block.name: 500_000 for block in config.blocks})
    assert site.remotes == (SiteRemote("ch4-far", "CH4", GASES["CH4"].zh, GASES["CH4"].en, METHANE.limit),)
    assert ("ch4-far" in site.confined) == ("ch4-1" in site.confined)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: replace(c, remotes=(replace(FAR, name="ch4-1"),)), "ch4-1 twice"),
        (lambda c: replace(c, remotes=(FAR, FAR)), "ch4-far twice"),
        (lambda c: replace(c, remotes=(replace(FAR, topic="hotbox/v1/box-1/up/state"),)), "outside hotbox/v1/"),
        (lambda c: replace(c, remotes=(replace(FAR, profile="generic-int"),)), "a profile of kind mqtt"),
        (
            lambda c: replace(c, groups=(*c.groups[1:], replace(c.groups[0], channels=("ch4-far",)))),
            "its word is never clean air",
        ),
    ],
)
def test_what_it_cannot_be_is_refused(config: BoxConfig, change, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        box_config.check(change(config))


@pytest.mark.parametrize(("changes", "field"), [({"gas": "XX"}, "gas"), ({"gas": "O2"}, "unit")])
def test_gas_or_unit_without_a_limit_is_refused(config: BoxConfig, changes: dict, field: str) -> None:
    with pytest.raises(ContractError) as caught:
        build(replace(config, remotes=(replace(FAR, **changes),)), GB, {b.name: 500_000 for b in config.blocks})
    assert caught.value.field == f"remotes.ch4-far.{field}"


def test_a_topic_names_one_detector_no_wildcard() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "a", "gas": "CH4", "unit": "%LEL", "topic": "plant/+/gas"}, Remote)


def test_only_link_may_tell_of_it() -> None:
    assert [source for source, kinds in ev.MAY_SEND.items() if RemoteGas in kinds] == [Source.LINK]
