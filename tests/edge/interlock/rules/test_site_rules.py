"""A site's own rules tighten the baseline and never loosen it (INT-06)."""

from pathlib import Path

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.gas import Unit
from contracts.permit import Level
from edge.interlock import rules
from tests.edge.interlock.bench import GB
from tests.edge.interlock.wording import Wording

EXAMPLE = rules.PACKS.parent / "site-rules.example.yaml"
HEADER = "name: works-3\nzh: 三厂\nen: works 3\ntightens: gb30871-2022\n"


def _over(body: str, baseline: rules.Rules = GB, tightens: str = "gb30871-2022") -> rules.Rules:
    return rules.over(baseline, rules.parse_site(HEADER.replace("gb30871-2022", tightens) + body, "site.yaml"))


def test_the_example_tightens_what_it_names_and_nothing_else() -> None:
    own = rules.effective("gb30871-2022", str(EXAMPLE))
    assert own.gas_test_age_s.value == 900
    assert own.guardian_grace_s.value == 15
    assert own.fire_watch_s.value == 7200
    assert own.limit("CH4", Unit.PCT_LEL).high == 5
    assert own.limit("CO", Unit.PPM).high == 17
    assert own.limit("C3H8", Unit.PCT_LEL) == GB.limit("C3H8", Unit.PCT_LEL)
    assert own.levels[Level.GRADE_2].validity_h == 24
    assert own.levels[Level.SPECIAL] == GB.levels[Level.SPECIAL]
    assert own.face_ttl_s == GB.face_ttl_s


def test_permits_of_the_baseline_stay_good_and_the_hash_tells_the_difference() -> None:
    """A permit names its pack; every decision record carries the hash of what really decided."""
    own = rules.effective("gb30871-2022", str(EXAMPLE))
    assert (own.name, own.site) == ("gb30871-2022", "works-3")
    assert own.sha256 != GB.sha256
    assert _over("attempt_s: {value: 1, clause: x}\n").sha256 != own.sha256
    assert rules.effective("gb30871-2022", "") == GB


@pytest.mark.parametrize(
    ("body", "field", "expected", "came"),
    [
        ("gas_test_age_s: {value: 1801, clause: mine}", "gas_test_age_s",
         "1800 s or stricter (GB 30871-2022 5.3.1 c)", "1801 s (mine)"),
        ("fire_watch_s: {value: 3599, clause: mine}", "fire_watch_s",
         "3600 s or stricter (GB 30871-2022 5.2.14 (no minutes given); NFPA 51B 60 min; policy)", "3599 s (mine)"),
        ("gas_test_daily: {value: false, clause: mine}", "gas_test_daily",
         "yes or stricter (GB 30871-2022 5.3.1 d)", "no (mine)"),
        ("liveness: {value: not_proven, clause: mine}", "liveness",
         "proven or stricter (policy ANT-01)", "not_proven (mine)"),
        ("clock_quality: {value: none, clause: mine}", "clock_quality",
         "rtc or stricter (policy BOX-02)", "none (mine)"),
        ('limits: [{gas: CH4, unit: "%LEL", high: 10.1, clause: mine}]', "limits.CH4",
         "≤ 0.5 vol% or stricter (GB 30871-2022 5.3.2 (LEL >= 4 vol%))", "≤ 10.1 %LEL (mine)"),
        ("limits: [{gas: O2, unit: vol%, low: 19.4, high: 21, clause: mine}]", "limits.O2",
         "19.5–23.5 vol% or stricter (GB 30871-2022 5.2.7 (23.5); GB/T 50493-2019 (19.5))", "19.4–21 vol% (mine)"),
        ("limits: [{gas: CO, unit: ppm, high: 26, clause: mine}]", "limits.CO",
         "≤ 30 mg/m3 or stricter (GBZ 2.1-2019 PC-STEL)", "≤ 26 ppm (mine)"),
        ("confined: [{gas: O2, unit: vol%, high: 21.1, clause: mine}]", "confined.O2",
         "19.5–21 vol% or stricter (GB 30871-2022 6.4 a)", "19.5–21.1 vol% (mine)"),
        ("confined: [{gas: CH4, unit: vol%, high: 0.6, clause: mine}]", "confined.CH4",
         "≤ 0.5 vol% or stricter (GB 30871-2022 5.3.2 (LEL >= 4 vol%))", "≤ 0.6 vol% (mine)"),
        ("levels: {special: {validity_h: 8, break_s: 1800, camera: false, continuous_gas: true, clause: mine}}",
         "levels.special",
         "8 h, break 1800 s, camera, continuous gas or stricter (GB 30871-2022 5.1.5, 5.2.11, 5.3.1 d)",
         "8 h, break 1800 s, continuous gas (mine)"),
        ("levels: {grade_2: {validity_h: 8, break_s: 3601, camera: true, continuous_gas: true, clause: mine}}",
         "levels.grade_2", "72 h, break 3600 s or stricter (GB 30871-2022 5.1.5, 5.3.1 d)",
         "8 h, break 3601 s, camera, continuous gas (mine)"),
        ("upgrade_days: {weekdays: [6, 7], clause: mine}", "upgrade_days",
         f"{len(GB.upgrade_days.dates)} dates; weekdays 6, 7 or stricter ({GB.upgrade_days.clause})",
         "0 dates; weekdays 6, 7 (mine)"),
    ],
)  # fmt: skip
def test_a_weaker_row_is_refused_with_both_values(body: str, field: str, expected: str, came: str, wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        _over(body)
    assert caught.value.field == f"site_rules.{field}"
    assert caught.value.expected == expected
    assert caught.value.came == came
    assert "only tighten" in caught.value.hint
    wording.check(caught.value)


def test_a_bound_that_the_site_leaves_out_stays_the_baselines() -> None:
    own = _over("limits: [{gas: O2, unit: vol%, high: 22, clause: mine}]")
    assert (own.limit("O2", Unit.VOL_PCT).low, own.limit("O2", Unit.VOL_PCT).high) == (19.5, 22)
    own = _over("limits: [{gas: O2, unit: vol%, low: 20, clause: mine}]")
    assert (own.limit("O2", Unit.VOL_PCT).low, own.limit("O2", Unit.VOL_PCT).high) == (20, 23.5)


def test_a_site_may_limit_what_the_baseline_does_not_name() -> None:
    without = msgspec.structs.replace(GB, limits=tuple(limit for limit in GB.limits if limit.gas != "SO2"))
    own = _over("limits: [{gas: SO2, unit: mg/m3, high: 5, clause: mine}]", without)
    assert own.limit("SO2", Unit.PPM).high == pytest.approx(1.88, abs=0.01)


def test_a_site_may_be_as_strict_as_its_baseline() -> None:
    assert _over("gas_test_age_s: {value: 1800, clause: mine}").gas_test_age_s.clause == "mine"


def test_a_mg_limit_of_the_site_counts_at_the_baselines_temperature() -> None:
    assert _over("limits: [{gas: CO, unit: mg/m3, high: 20, clause: mine}]").limit("CO", Unit.PPM).high == (
        pytest.approx(17.2, abs=0.1)
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (HEADER, ""),
        (HEADER.replace("tightens: gb30871-2022\n", "") + "attempt_s: {value: 1, clause: x}", "tightens"),
        (HEADER + "atempt_s: {value: 1, clause: x}", "atempt_s"),
        (HEADER + "simulation: true", "simulation"),
        (HEADER + "sha256: abc", "sha256"),
        (HEADER + "site: works-4", "site"),
        (HEADER + "attempt_s: {value: soon, clause: x}", "attempt_s.value"),
        (HEADER + "attempt_s: {value: 1}", "attempt_s.clause"),
        (HEADER + "attempt_s: 2", "attempt_s"),
        (HEADER + "levels: 2", "levels"),
    ],
)
def test_what_are_no_site_rules_is_refused_by_name(text: str, field: str, wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        rules.parse_site(text, "site.yaml")
    assert caught.value.field == field
    wording.check(caught.value)


def test_rules_for_another_baseline_are_refused(wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        _over("attempt_s: {value: 1, clause: x}", rules.load("osha-nfpa"))
    assert (caught.value.field, caught.value.expected) == ("site_rules.tightens", "osha-nfpa")
    wording.check(caught.value)


def test_a_negative_number_is_not_stricter_but_wrong(wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        _over("gas_test_age_s: {value: -1, clause: x}")
    assert caught.value.field == "gas_test_age_s.value"
    wording.check(caught.value)


def test_a_missing_file_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    """Unknown is "no": a box that cannot read its site's rules does not start on the weaker baseline."""
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")
    for name, why in (("gone.yaml", "No such file"), ("latin.yaml", "not UTF-8")):
        with pytest.raises(ContractError, match=why) as caught:
            rules.effective("gb30871-2022", str(tmp_path / name))
        assert caught.value.field == "site_rules"


def test_a_site_may_state_the_temperature_of_its_milligrams() -> None:
    """30 mg/m3 at 10 degC are fewer ppm than at 20 degC, hence stricter."""
    own = _over("limits: [{gas: CO, unit: mg/m3, high: 30, temperature_c: 10, clause: mine}]")
    assert own.limit("CO", Unit.PPM).high == pytest.approx(24.9, abs=0.05)


def test_a_missing_file_is_told_with_what_to_do(wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        rules.effective("gb30871-2022", "no-such-rules.yaml")
    wording.check(caught.value)


@pytest.mark.parametrize("text", [HEADER, f"{HEADER}name: again\n", f"{HEADER}attempt_s: {{value: 1}}\n"], ids=["no rows", "a key twice", "no clause"])
def test_an_error_names_the_sites_file(tmp_path: Path, text: str, wording: Wording) -> None:
    (tmp_path / "works-3.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        rules.effective("gb30871-2022", str(tmp_path / "works-3.yaml"))
    wording.check(caught.value)


def test_the_baseline_is_taken_from_the_folder_that_is_asked_for(tmp_path: Path) -> None:
    text = (rules.PACKS / "gb30871-2022.yaml").read_text(encoding="utf-8")
    (tmp_path / "gb30871-2022.yaml").write_text(text.replace("attempt_s: {value: 2,", "attempt_s: {value: 1,"), encoding="utf-8")
    assert rules.effective("gb30871-2022", "", tmp_path).attempt_s.value == 1


def test_a_file_that_is_no_text_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wording: Wording) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.yaml").write_bytes(b"name: \xe9")
    with pytest.raises(ContractError) as caught:
        rules.effective("gb30871-2022", "latin.yaml")
    wording.check(caught.value)


def test_a_limit_without_a_temperature_takes_that_of_the_row_it_replaces() -> None:
    """Not the pack's own, when the baseline's row says otherwise."""
    limits = tuple(
        msgspec.structs.replace(limit, temperature_c=30) if limit.gas == "CO" else limit for limit in GB.limits
    )
    warm = msgspec.structs.replace(GB, limits=limits)
    own = _over("limits: [{gas: CO, unit: mg/m3, high: 20, clause: mine}]", warm)
    assert own.limit("CO", Unit.PPM).high == pytest.approx(17.76, abs=0.01)


@pytest.mark.parametrize(
    ("row", "low", "high"),
    [("low: 0", 0.0, 10.0), ("low: 0, below: 5", 0.0, 5.0), ("high: 4", None, 4.0), ("below: 5", None, 5.0)],
)
def test_a_site_may_tighten_either_end_of_a_limit_that_excludes_its_bound(row: str, low: float | None, high: float) -> None:
    """OSHA 1926.352: below 10 %LEL; what the site leaves out stays."""
    own = _over(f'limits: [{{gas: CH4, unit: "%LEL", {row}, clause: mine}}]', rules.load("osha-nfpa"), "osha-nfpa")
    found = own.limit("CH4", Unit.PCT_LEL)
    assert (found.low, found.high) == (low, pytest.approx(high))
    assert (found.high == high) is ("high" in row)


def test_the_hash_is_of_the_baseline_and_of_the_sites_own_rules() -> None:
    site = rules.parse_site(f"{HEADER}attempt_s: {{value: 1, clause: x}}\n", "site.yaml")
    other = msgspec.structs.replace(GB, sha256="another reading of the standard")
    assert len({rules.over(GB, site).sha256, rules.over(other, site).sha256, GB.sha256}) == 3
