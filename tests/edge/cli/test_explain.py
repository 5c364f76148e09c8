"""`hotbox explain --event`: a recorded decision, made again from the log alone (KPI-16)."""

import datetime
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from contracts.event import decode, encode
from edge.cli.decisions import Decisions
from edge.cli.explaining import explained, explained_at, moment_ms
from edge.interlock.rules import PACKS, load
from tests.edge.cli.box import Box


@pytest.fixture(scope="package")
def log(tripped: Box) -> Path:
    """The log of a box that was released and then tripped on gas."""
    return tripped.folder / "data" / "audit" / "audit.db"


def _seqs(log: Path, kind: str) -> list[int]:
    with Decisions(log) as decisions:
        return [event.seq for event in decisions.since(0) if event.type == kind]


def test_every_decision_of_a_real_box_replays_to_the_same_verdict(log: Path) -> None:
    with Decisions(log) as decisions:
        made = [event for event in decisions.since(0) if "snapshot" in event.data and "part_of" not in event.data]
        found = [explained(decisions, event.seq) for event in made]
    assert {"release.authorised", "release.commanded", "relay.closed", "interlock.tripped"} <= {x.type for x in found}
    assert [(x.type, x.differences) for x in found if not x.same] == []


def test_a_trip_is_explained_with_every_condition_as_at_that_time(tripped: Box, log: Path) -> None:
    (seq,) = _seqs(log, "interlock.tripped")
    shown = tripped.hotbox("explain", "--event", str(seq))
    assert shown.returncode == 0, shown.stderr
    assert "ch4-1 is over its limit  25 %LEL (limit 10)" in shown.stdout
    assert "ch4-1 methane  25 %LEL  ≤ 10" in shown.stdout
    assert "GB 30871-2022 5.3.2" in shown.stdout
    assert "→ the guardian stays at the box with the badge" in shown.stdout
    assert "the same verdict" in shown.stdout


def test_a_decision_is_explained_without_interlock_or_configuration(tripped: Box, log: Path, tmp_path: Path) -> None:
    """An investigator has a file, months later."""
    (seq,) = _seqs(log, "interlock.tripped")
    copy = tmp_path / "audit.db"
    with sqlite3.connect(log) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    shown = tripped.hotbox("-c", "/nowhere", "explain", "gas", "--event", str(seq), "--log", str(copy), "--json")
    assert shown.returncode == 0, shown.stderr
    found = msgspec.json.decode(shown.stdout)
    (gas,) = found["verdicts"]
    assert (found["same"], found["type"], gas["ok"]) == (True, "interlock.tripped", False)
    assert gas["shown"][0]["value"] == "25"
    assert gas["reasons"][0]["clause"]


def test_a_changed_record_gives_another_verdict_and_names_the_condition(
    tripped: Box, log: Path, tmp_path: Path
) -> None:
    (seq,) = _seqs(log, "interlock.tripped")
    copy = tmp_path / "audit.db"
    with sqlite3.connect(log) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        target.execute("DROP TRIGGER IF EXISTS event_is_final")
        for (trigger,) in target.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            target.execute(f"DROP TRIGGER {trigger}")
        (body,) = target.execute("SELECT body FROM event WHERE seq=?", (seq,)).fetchone()
        event = decode(body)
        for row in event.data["snapshot"]:
            if row.get("n") == "ch4-1":
                row["v"]["value"] = "9.5"
        target.execute("UPDATE event SET body=? WHERE seq=?", (encode(event), seq))
    target.close()
    shown = tripped.hotbox("explain", "--event", str(seq), "--log", str(copy), "gas")
    assert shown.returncode == 1
    assert "ANOTHER verdict" in shown.stdout
    assert "recorded: gas_high ch4-1 25000/10000" in shown.stdout
    assert "made again: ok" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--event", "999999"), "--event"),
        (("--event", "-1"), "--event"),
        (("--event", "0"), "a decision with its record"),
        (("--event", "0", "--log", "/nowhere/audit.db"), "a box's audit.db"),
        (("weather", "--event", "TRIP"), "CONDITION"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_what_to_do(
    tripped: Box, log: Path, arguments: tuple[str, ...], said: str
) -> None:
    (seq,) = _seqs(log, "interlock.tripped")
    shown = tripped.hotbox("explain", *(str(seq) if word == "TRIP" else word for word in arguments))
    assert shown.returncode == 2
    assert said in shown.stderr
    assert shown.stdout == ""


def test_passing_conditions_show_value_limit_age_and_clause(tripped: Box) -> None:
    shown = tripped.hotbox("explain", "inputs").stdout
    assert "ms  ≤ " in shown
    shown = tripped.hotbox("explain", "gas").stdout
    assert "o2-1 oxygen  20.9 vol%  19.5–23.5" in shown
    (inputs,) = msgspec.json.decode(tripped.hotbox("explain", "inputs", "--json").stdout)
    assert inputs["shown"][0]["inside"] is True
    assert inputs["keep_zh"]
    assert inputs["keep_en"]


# --- hotbox explain --at: how the box stood


def _stood(box: Box, at: str, *more: str) -> dict[str, Any]:
    shown = box.hotbox("explain", "--at", at, "--json", *more)
    assert shown.returncode == 0, shown.stderr
    return msgspec.json.decode(shown.stdout)


def _at(t_ms: int) -> str:
    return datetime.datetime.fromtimestamp(t_ms / 1000, datetime.UTC).isoformat(" ", "milliseconds")


def test_the_state_at_this_moment_equals_the_live_one(tripped: Box) -> None:
    """KPI-16: the replayed state is what the running box says of itself."""
    live = tripped.status()
    found = _stood(tripped, _at(time.time_ns() // 1_000_000))
    assert found["standing"]["state"] == live["state"]
    assert found["standing"]["first_out"] == live["first_out"]["code"]
    assert found["standing"]["permit"] == live["permit"]["id"]
    assert found["standing"]["attempt"] == live["attempt"]
    assert found["same"]


def test_every_state_that_the_log_tells_of_is_found_at_its_time(tripped: Box, log: Path) -> None:
    (trip,) = _seqs(log, "interlock.tripped")
    with Decisions(log) as decisions:
        t = decisions.event(trip).t
        states = {
            kind: explained_at(decisions, decisions.event(_seqs(log, kind)[-1]).t).standing
            for kind in ("release.authorised", "relay.closed", "interlock.tripped")
        }
        before = explained_at(decisions, t - 1)
    assert {kind: stood.state for kind, stood in states.items() if stood} == {
        "release.authorised": "ARMED", "relay.closed": "RELEASED", "interlock.tripped": "TRIPPED",
    }  # fmt: skip
    assert before.standing is not None
    assert (before.standing.state, before.standing.first_out) == ("RELEASED", "")
    assert before.seq < trip


def test_a_state_that_followed_without_a_decision_counts(tripped: Box, log: Path) -> None:
    """The way from LOCKED to PERMISSIVE_OK is told by an event that carries no record."""
    ready = next(seq for seq in _seqs(log, "interlock.state"))
    with Decisions(log) as decisions:
        event = decisions.event(ready)
        first = decisions.before(decisions.until(event.t) or 0)
        if first is None or first > ready:
            pytest.skip("this box decided in the same millisecond")
        standing = explained_at(decisions, event.t).standing
    assert standing is not None
    assert standing.state == event.data["now"]


def test_the_moment_is_told_in_words(tripped: Box, log: Path) -> None:
    (trip,) = _seqs(log, "interlock.tripped")
    with Decisions(log) as decisions:
        t = decisions.event(trip).t
    shown = tripped.hotbox("explain", "--at", _at(t + 2500))
    assert shown.returncode == 0
    assert "tripped, latched, permit" in shown.stdout
    assert "newest decision" in shown.stdout
    assert "ch4-1 is over its limit" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--at", "yesterday"), "2026-11-20 08:14:05"),
        (("--at", "2020-01-01 08:00"), "after the first decision"),
        (("--at", "08:00", "--event", "5"), "either a time or an event"),
    ],
)
def test_a_moment_that_means_nothing_is_refused(tripped: Box, arguments: tuple[str, ...], said: str) -> None:
    shown = tripped.hotbox("explain", *arguments)
    assert shown.returncode == 2
    assert said in shown.stderr


@pytest.mark.parametrize(
    ("text", "after_ms"),
    [
        ("2026-11-20 08:14", 59_999), ("2026-11-20 08:14:00", 999), ("2026-11-20T08:14:00.250", 250),
        ("08:14", 59_999), ("08:14:00", 999), ("08:14:00.250", 250), ("2026-11-20 10:14:00+02:00", 999),
    ],
)  # fmt: skip
def test_what_happened_in_the_named_second_or_minute_counts(text: str, after_ms: int) -> None:
    now = datetime.datetime(2026, 11, 20, 12).astimezone()
    begin = datetime.datetime(2026, 11, 20, 8, 14).astimezone()
    if "+" in text:
        begin = datetime.datetime(2026, 11, 20, 8, 14, tzinfo=datetime.UTC)
    assert moment_ms(text, now) == round(begin.timestamp() * 1000) + after_ms


# --- hotbox rules replay: shadow mode


def test_a_proposed_pack_is_tried_on_the_log_of_a_real_box(tripped: Box, log: Path, tmp_path: Path) -> None:
    """INT-20: 25 %LEL tripped; under a limit of 60 it would not have."""
    text = (PACKS / "simulation.yaml").read_text(encoding="utf-8").replace("name: SIMULATION", "name: PROPOSAL")
    limits = [{"gas": limit.gas, "unit": limit.unit.value, "clause": "trial", "low": limit.low, "high": limit.high,
               "below": limit.below} for limit in load("SIMULATION").limits]  # fmt: skip
    for limit in limits:
        if limit["gas"] == "CH4":
            limit.update(unit="%LEL", high=60.0, below=None)
    proposal = tmp_path / "proposal.yaml"
    proposal.write_text(text + yaml.safe_dump({"limits": limits}), encoding="utf-8")
    (seq,) = _seqs(log, "interlock.tripped")
    shown = tripped.hotbox("rules", "replay", str(proposal), "--since", "1d")
    assert shown.returncode == 0, shown.stderr
    assert "1  fewer trips" in shown.stdout
    assert f"#{seq}" in shown.stdout
    assert "limits.CH4" in shown.stdout
    found = msgspec.json.decode(tripped.hotbox("rules", "replay", str(proposal), "--json").stdout)
    assert found["rows"] == {"limits.CH4": {"fewer_trips": [seq]}}
    assert found["decisions"] >= 4


def test_the_recorded_pack_changes_nothing_and_a_wrong_span_is_refused(tripped: Box) -> None:
    shown = tripped.hotbox("rules", "replay", "SIMULATION")
    assert "every recorded decision stays as it was" in shown.stdout
    shown = tripped.hotbox("rules", "replay", "SIMULATION", "--since", "soon")
    assert shown.returncode == 1
    assert "30d, 12h, 90m" in shown.stderr
