"""`hotbox config check`: what the interlock would refuse at its start, and what the numbers are."""

import datetime
from typing import Any

import msgspec
import pytest

from contracts.errors import ContractError
from edge.cli.checking import examine
from edge.config import load
from edge.interlock import rules, safety_time
from tests.edge.cli.box import Box

TODAY = datetime.date(2026, 6, 1)


def test_an_accepted_configuration_prints_budgets_limits_and_safety_times(box: Box) -> None:
    """BOX-12: the bus budget and the process safety time are printed at load."""
    shown = box.hotbox("config", "check")
    assert shown.returncode == 0
    for word in (
        "configuration accepted",
        "worst trip",
        "process safety time",
        "19.5–23.5",
        "%LEL",
        "GB 30871-2022 5.3.2",
    ):
        assert word in shown.stdout
    assert "channel ch4-1: no calibration date" in shown.stdout
    assert "never for a real site" in shown.stdout


def test_it_speaks_chinese(box: Box) -> None:
    shown = box.hotbox("config", "check", lang="zh").stdout
    for word in ("配置可用", "过程安全时间", "最迟发现", "不得用于现场"):
        assert word in shown


def test_json_carries_every_number(box: Box) -> None:
    checked = msgspec.json.decode(box.hotbox("config", "check", "--json").stdout)
    assert checked["ok"]
    assert [bus["name"] for bus in checked["buses"]] == ["gas", "io", "line"]
    time = checked["safety_time"][0]
    parts = ("t90_ms", "bus_ms", "vote_ms", "decision_ms", "dead_man_ms", "relay_ms")
    assert time["total_ms"] == pytest.approx(sum(time[part] for part in parts))
    assert {"zh", "en", "field"} == set(checked["warnings"][0])


def test_a_bus_that_cannot_keep_its_poll_period_is_refused_with_the_sum(box: Box) -> None:
    changed = box.read()
    changed["buses"][2]["poll_ms"] = 100
    shown = box.hotbox("config", "check", str(box.write(changed, "slow.yaml")))
    assert shown.returncode == 1
    for part in (
        "configuration refused",
        "field: buses.line.poll_ms",
        "expected: at least",
        "turnaround",
        "hint: raise poll_ms",
    ):
        assert part in shown.stderr


def test_a_refusal_as_json_has_four_parts(box: Box) -> None:
    changed = box.read()
    changed["groups"] = changed["groups"][1:]
    shown = box.hotbox("config", "check", str(box.write(changed, "group.yaml")), "--json")
    assert shown.returncode == 1
    answer = msgspec.json.decode(shown.stdout)
    assert answer["ok"] is False
    assert set(answer["error"]) == {"field", "expected", "came", "hint"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda c: c.pop("relay"), "relay"),
        (lambda c: c.update(colour="red"), "colour"),
        (lambda c: c["channels"][0].update(unit="%"), "channels[0].unit"),
        (lambda c: c["presence"].update(fence=[]), "presence.fence"),
        (lambda c: c.update(baseline="moon"), "baseline"),
    ],
)  # fmt: skip
def test_every_refusal_names_the_field(box: Box, change: Any, field: str) -> None:
    changed = box.read()
    change(changed)
    with pytest.raises(ContractError) as refused:
        examine(box.write(changed, "broken.yaml"), TODAY)
    assert refused.value.field == field


def test_a_past_calibration_date_is_a_warning(box: Box) -> None:
    changed = box.read()
    changed["channels"][0]["calibration_due"] = "2020-01-31"
    warnings = [warning.en for warning in examine(box.write(changed, "due.yaml"), TODAY).warnings]
    assert "channel ch4-1: calibration ended on 2020-01-31" in warnings


# --- the sum itself


def _sums(box: Box, **changes: Any) -> tuple[safety_time.SafetyTime, ...]:
    changed = box.read()
    for channel in changed["channels"]:
        channel.update(changes)
    return safety_time.check(load(box.write(changed, "sum.yaml")), rules.load("SIMULATION"))


def test_each_term_is_its_worst_case(box: Box) -> None:
    first = _sums(box)[0]
    assert (first.t90_ms, first.vote_ms, first.decision_ms) == (12_000, 0, 50)
    assert (first.dead_man_ms, first.relay_ms) == (180, 250)
    assert first.bus_ms > 200
    assert first.allowed_ms == 30_000


def test_a_sensor_too_slow_for_the_process_is_refused_with_the_whole_sum(box: Box) -> None:
    """BOX-12: over half of the process safety time is refused."""
    with pytest.raises(ContractError) as refused:
        _sums(box, t90_s=30)
    assert refused.value.field == "channels.ch4-1.t90_s"
    assert "at most 30000 ms, half of 60 s" in refused.value.expected
    assert refused.value.came.startswith("T90 30000 + bus ")
    assert "faster sensor" in refused.value.hint


def test_a_vote_of_two_waits_for_the_slower_heads(box: Box) -> None:
    changed = box.read()
    spare = [dict(changed["channels"][0], name=f"ch4-{n}", unit_id=n + 1, t90_s=12 + n) for n in (2, 3)]
    changed["channels"] += spare
    changed["groups"][0] = {"name": "ch4", "vote": "2oo3", "channels": ["ch4-1", "ch4-2", "ch4-3"]}
    times = {t.channel: t for t in safety_time.check(load(box.write(changed, "vote.yaml")), rules.load("SIMULATION"))}
    assert times["ch4-1"].vote_ms == 3000
    assert times["ch4-3"].vote_ms == 0
    assert times["ch4-1"].total_ms == times["ch4-3"].total_ms
