"""`hotbox rules`: packs as people read them, checked before they are used, compared row by row."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from edge.interlock import rules
from edge.interlock.rules.lines import lines
from edge.interlock.rules.titles import TITLES, title
from tests.edge.cli.box import HOTBOX, PYTHON, Box, make

EXAMPLE = rules.PACKS.parent / "site-rules.example.yaml"


def hotbox(*words: object, lang: str = "en", columns: int = 130) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "HOTBOX_LANG": lang, "COLUMNS": str(columns), "NO_COLOR": "1"}
    return subprocess.run(
        [*HOTBOX, *map(str, words)], capture_output=True, text=True, env=surroundings, check=False, timeout=30
    )


def _document(*words: object) -> Any:
    return msgspec.json.decode(hotbox(*words, "--json").stdout)


def test_every_row_has_a_name_in_both_languages() -> None:
    for name in ("gb30871-2022", "osha-nfpa"):
        for line in lines(rules.load(name)):
            assert line.section != "other", f"{line.id} needs a title in edge/interlock/rules/titles.py"
            assert line.zh != line.en, line.id
    assert title("unheard_of") == ("unheard_of", "unheard_of")
    known = {*rules.Rules.__struct_fields__, *rules.LevelRule.__struct_fields__}
    assert {name for section in TITLES.values() for name in section} <= known


def test_show_prints_value_unit_clause_and_how_sure_it_is() -> None:
    shown = hotbox("rules", "show", "gb30871-2022")
    assert shown.returncode == 0
    row = next(line for line in shown.stdout.splitlines() if line.startswith("gas_test_age_s"))
    assert row.split() == [
        "gas_test_age_s", "1800", "s", "=", "30", "min", "age", "of", "the", "gas", "test", "at", "ignition", "T",
        "GB", "30871-2022", "5.3.1", "c",
    ]  # fmt: skip
    assert "T the standard's text" in shown.stdout


@pytest.mark.parametrize("columns", [80, 130])
def test_show_speaks_chinese_and_cuts_no_number(columns: int) -> None:
    shown = hotbox("rules", "show", "strictest", lang="zh", columns=columns).stdout
    for word in (
        "气体限值",
        "动火级别",
        "监护人离开宽限",
        "标准原文",
        "19.5–23.5 vol%",
        "28800 s = 8 h",
        "46 天；星期 6, 7",
    ):
        assert word in shown, word
    assert all(len(line) <= columns for line in shown.splitlines() if "·" not in line)


def test_show_without_a_name_shows_what_this_box_goes_by(tmp_path: Path) -> None:
    """The baseline of its configuration with the site's own rules over it."""
    config = yaml.safe_load((rules.PACKS.parent / "box.example.yaml").read_text(encoding="utf-8"))
    config["site_rules"] = str(EXAMPLE)
    path = tmp_path / "box.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    shown = _document("-c", path, "rules", "show")
    rows = {row["id"]: row for row in shown["rows"]}
    assert (shown["name"], shown["site"]) == ("gb30871-2022", "works-3")
    assert (rows["gas_test_age_s"]["value"], rows["gas_test_age_s"]["unit"]) == ("900", "s")
    assert shown["sha256"] == rules.effective("gb30871-2022", str(EXAMPLE)).sha256


@pytest.mark.parametrize("path", sorted(rules.PACKS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_pack_in_the_repository_is_accepted(path: Path) -> None:
    checked = _document("rules", "check", path)
    assert checked["ok"]
    assert sum(checked["sources"].values()) == checked["rows"]


def test_check_says_what_a_sites_rules_change() -> None:
    shown = hotbox("rules", "check", EXAMPLE)
    assert shown.returncode == 0
    assert "tightens gb30871-2022" in shown.stdout
    row = next(line for line in shown.stdout.splitlines() if line.startswith("fire_watch_s"))
    assert "3600 s = 1 h" in row
    assert "7200 s = 2 h" in row
    assert row.rstrip().endswith("▶ works-3")


def test_check_refuses_a_weaker_row_with_both_values(tmp_path: Path) -> None:
    """INT-06: a local rule weaker than the baseline is rejected."""
    weak = tmp_path / "site.yaml"
    weak.write_text(EXAMPLE.read_text(encoding="utf-8").replace("value: 900", "value: 2000"), encoding="utf-8")
    shown = hotbox("rules", "check", weak)
    assert shown.returncode == 1
    for part in ("field: site_rules.gas_test_age_s", "1800 s or stricter (GB 30871-2022 5.3.1 c)", "2000 s"):
        assert part in shown.stderr
    document = _document("rules", "check", weak)
    assert not document["ok"]
    assert document["error"]["field"] == "site_rules.gas_test_age_s"


def test_diff_says_in_words_which_pack_is_stricter() -> None:
    """Not by colour alone; a limit stands in both units, because the unit is the trap."""
    shown = hotbox("rules", "diff", "gb30871-2022", "osha-nfpa")
    rows = {line.split()[0]: line for line in shown.stdout.splitlines() if line.strip()}
    assert rows["limits.NH3.flammable"].rstrip().endswith("◀ gb30871-2022")
    assert "≤ 0.5 vol% = ≤ 3.333 %LEL" in rows["limits.NH3.flammable"]
    assert rows["limits.C6H6.flammable"].rstrip().endswith("▶ osha-nfpa")
    assert "none" in rows["confined.O2.oxygen"]
    assert "rows differ" in shown.stdout


def test_nothing_is_stricter_than_the_strictest() -> None:
    for name in ("gb30871-2022", "osha-nfpa"):
        found = _document("rules", "diff", "strictest", name)
        assert found["rows"]
        assert {row["stricter"] for row in found["rows"]} == {"left"}


def test_a_pack_is_the_same_as_itself() -> None:
    shown = hotbox("rules", "diff", "osha-nfpa", rules.PACKS / "osha-nfpa.yaml", lang="zh")
    assert shown.stdout.strip() == "✔ 两者数值相同"


def test_diff_takes_a_sites_rules_for_a_pack() -> None:
    found = _document("rules", "diff", EXAMPLE, "gb30871-2022")
    assert found["left"] == "gb30871-2022+works-3"
    assert {row["stricter"] for row in found["rows"]} == {"left"}


@pytest.mark.parametrize("words", [("show", "nope"), ("diff", "strictest", "nope"), ("check", "/nowhere.yaml")])
def test_what_is_not_there_is_refused(words: tuple[str, ...]) -> None:
    shown = hotbox("rules", *words)
    assert shown.returncode == 1
    assert shown.stderr


SITE_RULES = """name: works-3
zh: 三厂内部规定
en: rules of works 3
tightens: SIMULATION
limits:
  - {gas: CH4, unit: "%LEL", high: 5, clause: "works rule HW-7"}
"""


def _with_site_rules(settings: dict[str, Any]) -> None:
    path = Path(settings["data"]).parent / "site-rules.yaml"
    path.write_text(SITE_RULES, encoding="utf-8")
    settings["site_rules"] = str(path)


@pytest.fixture
def strict_box() -> Iterator[Box]:
    yield from make(_with_site_rules)


def test_a_running_box_goes_by_its_sites_rules_and_says_so_in_every_record(strict_box: Box) -> None:
    """INT-06: 5 %LEL by the site's rules where the baseline allows 10; the hash of both is in the log."""
    assert strict_box.site is not None
    strict_box.release()
    own = rules.effective("SIMULATION", str(strict_box.folder / "site-rules.yaml"))
    assert strict_box.status()["rules_sha256"] == own.sha256 != rules.load("SIMULATION").sha256
    strict_box.site.set("ch4-1", 6)
    tripped = strict_box.wait_for(lambda status: status["state"] == "TRIPPED", "6 %LEL trip")
    first = tripped["first_out"]
    assert (first["code"], first["limit"], first["clause"]) == ("gas_high", "5", "works rule HW-7")
    tail = strict_box.hotbox("audit", "tail", "--json").stdout
    decisions = [line for line in tail.splitlines() if '"pack_sha256"' in line]
    assert decisions
    assert all(own.sha256 in line for line in decisions)
    assert "baseline SIMULATION + works-3" in strict_box.hotbox("config", "check").stdout


def test_a_box_does_not_start_on_rules_weaker_than_its_baseline(strict_box: Box) -> None:
    strict_box.kill()
    weak = strict_box.folder / "site-rules.yaml"
    for text, said in ((SITE_RULES.replace("high: 5", "high: 11"), "≤ 11 %LEL"), ("", "check this rule pack site-rules.yaml")):
        weak.write_text(text, encoding="utf-8")
        command = [PYTHON, "-m", "edge.process", "interlock", str(strict_box.config)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert shown.returncode == 2
        assert said in shown.stdout + shown.stderr
