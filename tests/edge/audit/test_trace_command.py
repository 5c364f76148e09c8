"""`hotbox audit trace`: exit codes, what it names, both languages (ANT-10)."""

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from contracts.event import ActionResult, Actor, decode
from contracts.runs import End, GapKind
from edge.audit import Draft
from edge.audit.cli import app
from edge.audit.trace_words import END_WORDS, GAP_WORDS
from tests.contracts.run_log import PERMIT, Log
from tests.edge.audit.site import Station, append_all


def _run(*words: object, lang: str = "en_US.UTF-8") -> Result:
    return CliRunner().invoke(app, ["trace", *map(str, words)], env={"HOTBOX_LANG": lang, "COLUMNS": "200"}, obj=None)


def _written(station: Station, log: Log) -> Path:
    """The events of a log in the making, as a box's own log of them."""
    opened = station.open()
    events = [decode(leaf) for leaf in log.leaves if b'"type":"system.boot"' not in leaf]
    append_all(opened, [
        Draft(
            cat=event.cat, type=event.type, sev=event.sev, src="interlock", actor=Actor(event.actor.k, event.actor.id),
            res=ActionResult.OK, permit=event.permit, corr=event.corr, data=event.data, t=event.t, m=event.m,
            tq="rtc", te=0,
        )
        for event in events
    ])  # fmt: skip
    opened.close()
    return station.path


def test_a_whole_trace_exits_0(station: Station) -> None:
    db = _written(station, Log().began().minutes(2).opened())
    found = _run("--db", db)
    assert found.exit_code == 0
    assert "1 runs, 120.015 s closed, 100 % traced" in found.output
    assert "opened" in found.output
    assert "留痕 100%" in _run("--db", db, lang="zh_CN.UTF-8").output
    told = json.loads(_run("--db", db, "--json").output)
    assert (told["closed_ms"], told["covered_ms"], told["share"], told["exit_code"]) == (120_015, 120_015, 1.0, 0)
    assert told["intervals"][0]["permit"] == PERMIT


def test_gaps_exit_1_and_are_named(station: Station) -> None:
    db = _written(station, Log().began().minutes(1).wait(100).opened())
    found = _run("--db", db)
    assert found.exit_code == 1
    assert "75.62 % traced" in found.output
    assert "no good gas value in time  [no_gas]" in found.output
    assert "无有效气体数值" in _run("--db", db, lang="zh_CN.UTF-8").output
    told = json.loads(_run("--db", db, "--json").output)
    (gap,) = told["intervals"][0]["gaps"]
    assert (gap["kind"], told["exit_code"]) == ("no_gas", 1)
    assert gap["last_ms"] - gap["first_ms"] == 38_999  # to the readings of the trip's record, 5 µs before it


def test_it_can_be_asked_of_a_permit_or_a_span(station: Station) -> None:
    db = _written(station, Log().began().wait(5).opened())
    assert _run("--db", db, "--permit", PERMIT).exit_code == 0
    other = _run("--db", db, "--permit", "HW-9")
    assert other.exit_code == 3
    assert "HW-9" in other.output
    assert "there is nothing to trace" in _run("--db", db, "--to", "2").output
    assert "1 runs" in _run("--db", db, "--from", "3").output
    assert "1 runs" in _run("--db", db, "--from", "2000-01-01 00:00", "--to", "2100-01-01 00:00").output
    assert _run("--db", db, "--from", "soon").exit_code == 3


def test_what_was_deleted_here_is_said_to_be_unjudged(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.audit.reader import Reader

    db = _written(station, Log().began().wait(5).opened())
    monkeypatch.setattr(Reader, "first", lambda self: 3)
    assert "what was before seq 3 is deleted here and not judged" in _run("--db", db).output


@pytest.mark.parametrize("name", ["", "none.db"])
def test_what_cannot_be_read_exits_3(tmp_path: Path, name: str) -> None:
    assert _run(*(("--db", tmp_path / name) if name else ())).exit_code == 3


def test_every_kind_of_gap_and_end_has_its_words_in_both_languages() -> None:
    assert set(GAP_WORDS) == set(GapKind)
    assert set(END_WORDS) == set(End)
    assert all(all(words) for words in (*GAP_WORDS.values(), *END_WORDS.values()))
    assert msgspec.json.encode(GapKind.NO_GAS) == b'"no_gas"'


@pytest.mark.parametrize("permit", ["", PERMIT])
def test_a_run_whose_parts_are_deleted_is_named_and_is_no_gap(station: Station, monkeypatch: pytest.MonkeyPatch, permit: str) -> None:
    """ANT-09: what retention took away makes no gap, and nothing is said to be whole."""
    from edge.audit.reader import Reader

    db = _written(station, Log().began().wait(5).opened())
    reader = Reader.open(db)
    at = next(event.seq for event in reader.events(0, 100) if event.type == "permit.accepted") + 1
    reader.close()
    monkeypatch.setattr(Reader, "first", lambda self: at)
    asked = ("--permit", permit) if permit else ()
    found = _run("--db", db, *asked)
    assert found.exit_code == 0
    assert f"5.015 s  {PERMIT}" in found.output
    assert "not judged: what it refers to is deleted here" in found.output
    assert "% traced" not in found.output
    assert "不作判断" in _run("--db", db, *asked, lang="zh_CN.UTF-8").output
    told = json.loads(_run("--db", db, *asked, "--json").output)
    assert (told["intervals"], [run["permit"] for run in told["unjudged"]], told["exit_code"]) == ([], [PERMIT], 0)
