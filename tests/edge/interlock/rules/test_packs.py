"""Every pack reads, every number has its clause and its unit, and what contradicts itself is refused by its name."""

import datetime
import re
from pathlib import Path

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.gas import GASES, Unit
from contracts.level import upgrade_level
from contracts.permit import Level
from edge.interlock import rules
from edge.interlock.evidence import FACES_AGAIN_MS
from edge.interlock.rules import Source, unit_of
from edge.interlock.rules.describe import bounds
from edge.interlock.rules.reading import check
from edge.interlock.rules.strictness import directions
from tests.edge.interlock.bench import GB
from tests.edge.interlock.wording import Wording

PACKS = sorted(path.stem for path in rules.PACKS.glob("*.yaml"))
NAMES = ["SIMULATION" if stem == "simulation" else stem for stem in PACKS]
CN = [name for name in NAMES if name != "osha-nfpa"]


def rows(pack: rules.Rules) -> dict[str, object]:
    """Every row of a pack by its key."""
    found = {name: getattr(pack, name) for name in directions()}
    found |= {f"limits.{limit.gas}.{limit.quantity}": limit for limit in pack.limits}
    found |= {f"confined.{limit.gas}": limit for limit in pack.confined}
    return found | {f"levels.{level}": rule for level, rule in pack.levels.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_pack_carries_its_clause_and_its_unit(name: str) -> None:
    pack = rules.load(name)
    assert pack.name == name
    assert len(pack.sha256) == 64
    assert pack.zh
    assert pack.en
    for key, row in rows(pack).items():
        assert row.clause.strip(), key
        if isinstance(row, rules.Number):
            assert unit_of(key) is not None, key


@pytest.mark.parametrize("name", NAMES)
def test_only_what_was_read_in_the_standard_is_marked_as_its_text(name: str) -> None:
    """A clause that ends in policy is ours, whatever else it names; a claim of one implementer never decides."""
    for key, row in rows(rules.load(name)).items():
        if row.source is Source.TEXT:
            assert "GB 30871-2022" in row.clause, key
        if re.search(r"\bpolicy\b", row.clause):
            assert row.source in (Source.POLICY, Source.SECONDARY, Source.PROFESSIONAL), key
        if row.clause.startswith("policy"):
            assert row.source is Source.POLICY, key
        if row.source is Source.CLAIM:
            assert key.endswith("_fence_m"), key


def test_which_way_is_stricter_is_known_of_every_number() -> None:
    """A row that nobody may change is a `Number` without direction; today there is none."""
    assert {name for name, way in directions().items() if not way} == set()


@pytest.mark.parametrize("name", CN)
def test_the_limits_are_those_of_the_standard(name: str) -> None:
    """GB 30871-2022 5.1.5, 5.3.1, 5.3.2, 5.2.7 and 6.4, also in simulation and in the stricter of both."""
    pack = rules.load(name)
    assert [pack.levels[level].validity_h for level in Level] == [8, 8, 12 if name == "strictest" else 72]
    assert [pack.levels[level].break_s for level in Level] == [1800, 1800, 1800 if name == "strictest" else 3600]
    assert pack.levels[Level.SPECIAL].camera
    assert pack.levels[Level.SPECIAL].continuous_gas
    assert pack.gas_test_age_s.value == 1800
    assert pack.gas_test_daily.value
    assert pack.gas_record_s.value == 7200
    assert pack.wind_forbidden_grade.value == 5
    assert pack.wind_stop_grade.value == 6
    for limit in pack.limits:
        if limit.unit is Unit.VOL_PCT and limit.gas != "O2":
            lel = GASES[limit.gas].lel_vol_pct
            assert lel is not None
            assert limit.high == (0.5 if lel >= 4 else 0.2)
    assert (pack.limit("O2", Unit.VOL_PCT).low, pack.limit("O2", Unit.VOL_PCT).high) == (19.5, 23.5)
    inside = pack.limit("O2", Unit.VOL_PCT, confined=True)
    assert (inside.low, inside.high) == (19.5, 21)


def test_the_packs_days_and_hours_raise_a_level() -> None:
    """GB 30871-2022 5.1.1: National Day at noon; America knows no such thing."""
    noon = datetime.datetime(2026, 10, 1, 12, tzinfo=datetime.UTC)
    later = noon + datetime.timedelta(hours=1)
    assert upgrade_level(Level.GRADE_2, noon, later, GB.calendar).level is Level.GRADE_1
    assert upgrade_level(Level.GRADE_2, noon, later, rules.load("osha-nfpa").calendar).level is Level.GRADE_2
    assert upgrade_level(Level.GRADE_2, noon, later, rules.load("strictest").calendar).level is Level.GRADE_1


def test_the_calendar_is_made_of_the_packs_own_rows() -> None:
    """GB 30871-2022 5.2.15 for the wind."""
    tight = msgspec.structs.replace(GB, wind_forbidden_grade=rules.Number(4, "x"))
    assert (GB.calendar.wind_grade, tight.calendar.wind_grade) == (5, 4)
    assert (GB.calendar.night_from_h, GB.calendar.night_to_h) == (GB.night_from_h.value, GB.night_to_h.value)


def test_a_confined_space_keeps_the_open_limits_that_it_does_not_replace() -> None:
    assert GB.limit("CH4", Unit.PCT_LEL, confined=True) == GB.limit("CH4", Unit.PCT_LEL)


def test_every_flammable_gas_that_the_box_knows_has_a_limit_in_every_pack() -> None:
    for name in NAMES:
        limits = {limit.gas for limit in rules.load(name).limits if limit.quantity is rules.Quantity.FLAMMABLE}
        assert limits == {code for code, gas in GASES.items() if gas.lel_vol_pct}


def test_a_limit_against_fire_never_speaks_for_poison(wording: Wording) -> None:
    """0.5 vol% of ammonia does not burn; 5000 ppm of it kill."""
    assert GB.limit("NH3", Unit.PCT_LEL).high == pytest.approx(3.33, abs=0.01)
    assert GB.limit("NH3", Unit.PPM).high == pytest.approx(42.4, abs=0.1)
    with pytest.raises(ContractError) as caught:
        GB.limit("CH4", Unit.PPM)
    assert caught.value.field == "unit"
    wording.check(caught.value)


@pytest.mark.parametrize(
    ("gas", "mg_m3", "ppm"),
    [("CO", 30, 25.8), ("H2S", 10, 7.06), ("CL2", 1, 0.34), ("SO2", 10, 3.76), ("HCN", 1, 0.89)],
)
def test_chinese_limits_become_ppm_at_twenty_degrees(gas: str, mg_m3: float, ppm: float) -> None:
    """GBZ 2.1-2019 states mg/m3; detectors speak ppm."""
    assert GB.limit(gas, Unit.MG_M3).high == mg_m3
    assert GB.limit(gas, Unit.PPM).high == pytest.approx(ppm, abs=0.05)


def test_american_limits_become_mg_at_twenty_five_degrees() -> None:
    """The same 50 ppm are fewer milligrams in warmer air."""
    osha = rules.load("osha-nfpa")
    assert osha.limit("CO", Unit.MG_M3).high == pytest.approx(57.2, abs=0.1)


def test_below_ten_percent_means_that_ten_is_too_much() -> None:
    """29 CFR 1910.146: flammable gas in excess of 10 % LFL is hazardous; permits ask for less than that."""
    top = rules.load("osha-nfpa").limit("CH4", Unit.PCT_LEL).high
    assert top is not None
    assert 9.999999 < top < 10


def test_only_the_simulation_pack_accepts_unproven_liveness_and_any_clock() -> None:
    simulation = rules.load("SIMULATION")
    assert simulation.simulation
    assert simulation.accepts_liveness("not_proven")
    assert not GB.simulation
    assert not GB.accepts_liveness("not_proven")
    assert not GB.accepts_liveness("")
    assert not GB.accepts_clock("none")
    assert not GB.accepts_clock("ntp?")
    assert GB.accepts_clock("rtc")


def test_simulation_changes_times_and_proofs_and_no_limit() -> None:
    simulation = rules.load("SIMULATION")
    changed = {name for name in directions() if getattr(simulation, name) != getattr(GB, name)}
    assert changed == {
        "video_room_s", "video_warn_s",
        "guardian_grace_s", "performer_grace_s", "badge_ttl_s", "badge_dwell_ms", "unknown_badge_s", "position_settle_s", "position_ttl_s", "face_ttl_s", "face_recheck_s",
        "face_grace_s", "face_ahead_s", "stranger_distance_milli", "liveness", "liveness_actions_count", "liveness_pause_s",
        "fire_watch_s", "clock_quality",
        "bump_apply_s", "bump_hold_s", "bump_clear_s", "calibration_window_s", "bypass_again_s",
    }  # fmt: skip
    assert (simulation.limits, simulation.confined, simulation.levels) == (GB.limits, GB.confined, GB.levels)


@pytest.mark.parametrize(
    ("row", "least", "why"),
    [
        (
            "stranger_s", GB.camera_ttl_s.value + -(-FACES_AGAIN_MS // 1000),
            "a stranger who stays must not be lost between two looks of the camera",
        ),
        ("unknown_badge_s", GB.badge_ttl_s.value, "a scanner that is deaf must not lose the visitor before the crew"),
    ],
)  # fmt: skip
def test_evidence_of_danger_outlasts_whatever_brings_it(row: str, least: int, why: str) -> None:
    """PTW-24: a look at faces, a scanner that is deaf for a while."""
    at_least = msgspec.structs.replace(getattr(GB, row), value=least)
    check(msgspec.structs.replace(GB, **{row: at_least}))
    with pytest.raises(ContractError) as caught:
        check(msgspec.structs.replace(GB, **{row: msgspec.structs.replace(at_least, value=least - 1)}))
    assert (caught.value.field, caught.value.came, caught.value.hint) == (f"{row}.value", str(least - 1), why)
    assert str(least) in caught.value.expected


PACK = (rules.PACKS / "gb30871-2022.yaml").read_text(encoding="utf-8")
CO = '{gas: CO, unit: mg/m3, high: 30, clause: "GBZ 2.1-2019 PC-STEL", source: professional}'


@pytest.mark.parametrize(
    ("was", "becomes", "field"),
    [
        ("attempt_s:", "atempt_s:", "atempt_s"),
        ("settle_ms: {value: 250, clause", "settle_ms: {clause", "settle_ms.value"),
        (', clause: "policy ANT-01"', "", "liveness.clause"),
        (CO, CO.replace("high: 30, ", ""), "limits.CO"),
        (CO, CO.replace("30", ".nan"), "limits.CO"),
        (CO, CO.replace("30", ".inf"), "limits.CO"),
        (CO, CO.replace("high: 30", "low: 31, high: 30"), "limits.CO"),
        (CO, f"{CO}\n  - {CO}", "limits.CO"),
        (CO, CO.replace("gas: CO,", "gas: KRYPTON,"), "gas"),
        ("value: proven", "value: rtc", "liveness"),
        ("value: rtc", "value: proven", "clock_quality"),
        ("  grade_2:", "  grade_3:", ""),
        ("simulation: false", "simulation: maybe", "simulation"),
        ("attempt_s: {value: 2,", "attempt_s: {value: -2,", "attempt_s.value"),
        ("weekdays: [6, 7]", "weekdays: [0]", "upgrade_days.weekdays[0]"),
        ("source: text}", "source: hearsay}", None),
    ],
)  # fmt: skip
def test_a_broken_pack_is_refused_and_the_key_named(was: str, becomes: str, field: str | None, wording: Wording) -> None:
    assert was in PACK
    with pytest.raises(ContractError) as caught:
        rules.parse(PACK.replace(was, becomes), "broken.yaml")
    if field:
        assert caught.value.field == field
    wording.check(caught.value)


BASED = "based_on: gb30871-2022\nname: mine\nzh: 我\nen: mine\nsimulation: false\n"


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "- 1", "name: x", "name: x\nname: y", "strictest_of: [gb30871-2022, osha-nfpa]", f"{BASED}no_such_row: 1",
        f"{BASED.replace('gb30871-2022', 'cn')}", "name: x\nzh: x\nen: x\nstrictest_of: [gb30871-2022, us]",
        BASED.replace("gb30871-2022", "strictest"), BASED.replace("gb30871-2022", "simulation"),
    ],
    ids=[
        "nothing", "no YAML", "a list", "a name alone", "a key twice", "a strictest without a name", "an unknown row",
        "based on nothing", "the stricter of one", "based on a computed pack", "based on a changed pack",
    ],
)  # fmt: skip
def test_what_is_no_pack_at_all_is_refused(text: str, wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        rules.parse(text, "broken.yaml")
    wording.check(caught.value)


@pytest.mark.parametrize(("name", "broken"), [("SIMULATION", "gb30871-2022"), ("osha-nfpa", "osha-nfpa")])
def test_an_error_names_the_file_that_it_is_in(tmp_path: Path, name: str, broken: str, wording: Wording) -> None:
    """Also when that is the pack from which the asked one is made."""
    for path in rules.PACKS.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace("attempt_s:", "atempt_s:") if path.stem == broken else text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        rules.load(name, tmp_path)
    wording.check(caught.value)


def test_a_key_that_stands_twice_is_told_with_its_file(tmp_path: Path, wording: Wording) -> None:
    (tmp_path / "gb30871-2022.yaml").write_text(f"{PACK}\nname: again\n", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(BASED, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        rules.load("mine", tmp_path)
    wording.check(caught.value)
    assert f" on line {len(PACK.splitlines()) + 2};" in str(caught.value)


def test_a_derived_pack_has_a_name_titles_and_a_hash_of_its_own(tmp_path: Path) -> None:
    """A record says by its hash which rules decided."""
    (tmp_path / "gb30871-2022.yaml").write_text(PACK, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(BASED, encoding="utf-8")
    mine = rules.load("mine", tmp_path)
    assert (mine.name, mine.zh, mine.en, mine.simulation) == ("mine", "我", "mine", False)
    (tmp_path / "mine.yaml").write_text(f"{BASED}# a word more\n", encoding="utf-8")
    assert len({GB.sha256, mine.sha256, rules.load("mine", tmp_path).sha256}) == 3


def test_the_stricter_of_two_is_no_simulation_and_its_hash_is_of_all_three_files(tmp_path: Path) -> None:
    hashes = {rules.load("strictest").sha256}
    for changed in ("strictest", "gb30871-2022", "osha-nfpa"):
        for path in rules.PACKS.glob("*.yaml"):
            more = "# a word more\n" if path.stem == changed else ""
            (tmp_path / path.name).write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
        hashes.add(rules.load("strictest", tmp_path).sha256)
    assert len(hashes) == 4
    assert rules.load("strictest").simulation is False


@pytest.mark.parametrize(("bounds_", "field"), [("low: 30, high: 30", None), ("low: 1, high: .inf", "limits.CO"), ("low: 30.1, high: 30", "limits.CO")])
def test_a_limit_may_let_one_value_pass_and_must_have_an_end(bounds_: str, field: str | None, wording: Wording) -> None:
    text = PACK.replace(CO, CO.replace("high: 30", bounds_))
    if field is None:
        assert rules.parse(text, "x.yaml").limit("CO", Unit.MG_M3).low == 30
        return
    with pytest.raises(ContractError) as caught:
        rules.parse(text, "x.yaml")
    wording.check(caught.value)


def test_a_limit_without_a_ceiling_stays_without_one() -> None:
    floor = msgspec.structs.replace(GB, limits=(rules.Limit("O2", Unit.VOL_PCT, "x", low=19.5),))
    assert (floor.limit("O2", Unit.VOL_PCT).high, floor.limit("O2", Unit.VOL_PCT).low) == (None, 19.5)


def test_below_a_value_becomes_the_highest_that_passes() -> None:
    """OSHA 1926.352: ten percent is too much; the kernel has plain bounds."""
    found = rules.load("osha-nfpa").limit("CH4", Unit.PCT_LEL)
    assert found.below is None
    assert found.high == pytest.approx(10)
    assert found.high < 10


def test_a_level_that_is_missing_is_named(wording: Wording) -> None:
    line = next(line for line in PACK.splitlines() if line.startswith("  grade_2:"))
    with pytest.raises(ContractError) as caught:
        rules.parse(PACK.replace(line + "\n", ""), "broken.yaml")
    assert (caught.value.field, caught.value.came) == ("levels", "no grade_2")
    wording.check(caught.value)


def test_every_level_that_is_missing_is_named(wording: Wording) -> None:
    lines = [line for line in PACK.splitlines() if line.startswith(("  grade_1:", "  special:"))]
    text = "\n".join(line for line in PACK.splitlines() if line not in lines)
    with pytest.raises(ContractError) as caught:
        rules.parse(text, "broken.yaml")
    wording.check(caught.value)


def test_every_bound_of_a_limit_converts() -> None:
    """GBZ 2.1: 28 mg/m3 of carbon monoxide are 24.05 ppm at 20 degC."""
    limit = rules.Limit("CO", Unit.MG_M3, "x", low=7, high=28, below=14, temperature_c=20).into(Unit.PPM)
    assert limit.unit is Unit.PPM
    assert (limit.low, limit.high, limit.below) == (
        pytest.approx(6.01, abs=0.01), pytest.approx(24.05, abs=0.01), pytest.approx(12.02, abs=0.01),
    )  # fmt: skip


def test_an_unknown_pack_is_refused_with_those_that_there_are(wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        rules.load("osha")
    wording.check(caught.value)


def test_a_pack_that_calls_itself_otherwise_is_refused(tmp_path: Path, wording: Wording) -> None:
    (tmp_path / "mine.yaml").write_text(PACK, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        rules.load("mine", tmp_path)
    assert (caught.value.field, caught.value.came) == ("name", "gb30871-2022")
    wording.check(caught.value)


def test_packs_do_not_refer_in_a_circle(tmp_path: Path, wording: Wording) -> None:
    header = "name: {0}\nzh: x\nen: x\nsimulation: false\nbased_on: {1}\n"
    for name, other in (("one", "two"), ("two", "one")):
        (tmp_path / f"{name}.yaml").write_text(header.format(name, other), encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        rules.load("one", tmp_path)
    assert caught.value.field == "based_on"
    wording.check(caught.value)


@pytest.mark.parametrize("derived", ["SIMULATION", "strictest"])
def test_the_hash_of_a_derived_pack_changes_with_what_it_was_made_from(tmp_path: Path, derived: str) -> None:
    """Every decision record carries it."""
    for path in rules.PACKS.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        changed = text.replace("attempt_s: {value: 2,", "attempt_s: {value: 1,")
        (tmp_path / path.name).write_text(changed if path.stem == "gb30871-2022" else text, encoding="utf-8")
    was, now = rules.load(derived), rules.load(derived, tmp_path)
    assert (was.attempt_s.value, now.attempt_s.value) == (2, 1)
    assert was.sha256 != now.sha256


def test_a_pack_can_be_written_down_and_compared() -> None:
    assert msgspec.json.decode(msgspec.json.encode(GB), type=rules.Rules) == GB


def test_a_gas_without_a_limit_is_refused_with_those_that_have_one(wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        GB.limit("XE", Unit.PPM)
    assert (caught.value.field, caught.value.came) == ("gas", "XE")
    assert "CH4, H2" in caught.value.expected
    wording.check(caught.value)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (rules.Limit("O2", Unit.VOL_PCT, "x", low=19.5), "≥ 19.5"),
        (rules.Limit("O2", Unit.VOL_PCT, "x", low=19.5, high=21), "19.5–21"),
        (rules.Limit("O2", Unit.VOL_PCT, "x", low=19.5, below=23), "19.5 to < 23"),
        (rules.Limit("CO", Unit.PPM, "x", high=25.764138), "≤ 25.764"),
        (rules.Limit("CO", Unit.PPM, "x", high=25, below=25), "< 25"),
        (rules.Limit("CO", Unit.PPM, "x", high=24, below=25), "≤ 24"),
    ],
)
def test_a_band_is_said_in_a_few_signs(limit: rules.Limit, said: str) -> None:
    assert bounds(limit) == said


def test_a_pack_based_on_another_changes_one_level_and_keeps_the_others(tmp_path: Path) -> None:
    (tmp_path / "gb30871-2022.yaml").write_text(PACK, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(
        "based_on: gb30871-2022\nname: mine\nzh: x\nen: x\nsimulation: false\nlevels: {grade_2: {validity_h: 24,"
        " break_s: 60, camera: true, continuous_gas: true, clause: mine}}\n",
        encoding="utf-8",
    )
    mine = rules.load("mine", tmp_path)
    assert mine.levels[Level.GRADE_2].validity_h == 24
    assert mine.levels[Level.GRADE_1] == GB.levels[Level.GRADE_1]
