"""`hotbox status` and `hotbox explain`."""

import os
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from edge.cli.explaining import explanation
from edge.cli.reading import picture
from edge.cli.words import Words
from edge.interlock.status import Status
from tests.edge.cli.box import Box


def test_status_names_state_and_everything_that_is_missing(box: Box) -> None:
    """BOX-06: why the box does not release, each with what to do."""
    shown = box.hotbox("status")
    assert shown.returncode == 0
    for word in (
        "■",
        "LOCKED",
        "SIMULATION",
        "(UTC+8)",
        "no permit on this box",
        "have a permit issued",
        "no gas test before work",
    ):
        assert word in shown.stdout
    assert "E-stop ✔" in shown.stdout
    assert "commanded ○ open" in shown.stdout


def test_status_speaks_chinese(box: Box) -> None:
    shown = box.hotbox("--lang", "zh", "status").stdout
    for word in ("已锁定", "没有有效的作业票", "在桥接平台签发作业票", "急停 ✔"):
        assert word in shown


def test_language_follows_the_locale(box: Box) -> None:
    shown = box.hotbox("status", env={"HOTBOX_LANG": "", "LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN.UTF-8"})
    assert "已锁定" in shown.stdout


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("columns", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(tripped: Box, lang: str, columns: int) -> None:
    status = msgspec.convert(tripped.status(), Status)
    words = Words(lang)  # type: ignore[arg-type]
    for line in picture(status, words, columns) + explanation(status.verdicts, words, columns):
        assert line.cell_len <= columns, line.plain


def test_the_terminals_width_is_kept(box: Box) -> None:
    shown = box.hotbox("status", env={"COLUMNS": "64"})
    assert max(cell_len(line) for line in shown.stdout.splitlines()) == 64


def test_status_json_is_the_status_document(box: Box) -> None:
    shown = box.hotbox("status", "--json")
    status = msgspec.json.decode(shown.stdout, type=Status)
    assert status.box == "box-1"
    assert msgspec.json.encode(status).decode() == shown.stdout.strip()


def test_a_tripped_box_says_what_tripped_it_first_and_what_to_do(tripped: Box) -> None:
    """BOX-07: the first-out cause with value, limit, unit and clause."""
    shown = tripped.hotbox("status").stdout
    assert "✖ TRIPPED" in shown
    assert "ch4-1 is over its limit  25 %LEL (limit 10)" in shown
    assert "leave, ventilate, find the leak" in shown
    assert "GB 30871-2022 5.3.2" in shown
    assert "✘ ALARM" in shown


@pytest.mark.parametrize("command", [("status", "--json"), ("reset",)])
def test_without_an_interlock_the_exit_code_is_three(box: Box, tmp_path: Path, command: tuple[str, ...]) -> None:
    changed = box.read() | {"run": str(tmp_path / "nobody")}
    other = box.write(changed, "away.yaml")
    shown = box.hotbox("-c", str(other), *command)
    assert shown.returncode == 3
    assert f"expected a running interlock at {tmp_path / 'nobody'}/control.sock" in shown.stderr
    assert "hotbox run" in shown.stderr
    assert shown.stdout == ""


def test_without_a_configuration_the_file_is_named(box: Box) -> None:
    shown = box.hotbox("-c", "/nowhere/box.yaml", "status")
    assert shown.returncode == 1
    assert "/nowhere/box.yaml" in shown.stderr
    assert os.strerror(2) in shown.stderr


def test_explain_shows_every_condition_with_its_sets(box: Box) -> None:
    shown = box.hotbox("explain")
    conditions = [verdict["condition"] for verdict in box.status()["verdicts"]]
    assert shown.returncode == 0
    for condition in conditions:
        assert f" {condition} " in shown.stdout
    assert f"3 of {len(conditions)} conditions fail" in shown.stdout


def test_explain_one_condition_gives_value_limit_and_clause(tripped: Box) -> None:
    shown = tripped.hotbox("explain", "gas")
    assert "ch4-1 is over its limit  25 %LEL (limit 10)" in shown.stdout
    assert "clause: GB 30871-2022 5.3.2" in shown.stdout
    assert "estop" not in shown.stdout


def test_explain_json_keeps_the_verdicts(tripped: Box) -> None:
    (verdict,) = msgspec.json.decode(tripped.hotbox("explain", "gas", "--json").stdout)
    assert (verdict["release"], verdict["run"], verdict["ok"]) == (True, True, False)
    assert verdict["reasons"][0]["code"] == "gas_high"


def test_explain_of_an_unknown_condition_names_the_known_ones(box: Box) -> None:
    shown = box.hotbox("explain", "weather")
    assert shown.returncode == 1
    assert "estop, stop, gas" in shown.stderr
