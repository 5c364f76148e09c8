"""`hotbox config check`: what the interlock would refuse at its start, and what the numbers are."""

import datetime
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.errors import ContractError
from edge.cli.checking import examine
from edge.config import load
from edge.interlock import rules, safety_time
from tests.edge.cli.box import PYTHON, Box

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
        (lambda c: c["presence"].update(fence=[[31.0, 121.0], [31.0001, 121.0001], [31.0002, 121.0002]]), "presence.fence"),
        (lambda c: c["presence"].update(gnss=None), "presence.gnss"),
        (lambda c: c["presence"]["gnss"].update(device=c["relay"]["device"]), "presence.gnss.device"),
        (lambda c: c["channels"][0].update(range_high=float("nan")), "channels[0].range_high"),
        (lambda c: c["channels"][0].update(bus="none"), "channels[0].bus"),
        (lambda c: c["channels"][0].update(gas="XX"), "channels.ch4-1.gas"),
        (lambda c: c["buses"][2].update(baud=10), "buses[2].baud"),
        (lambda c: c["buses"][0].update(port=0), "buses[0].port"),
        (lambda c: c["relay"].update(baud=0), "relay.baud"),
        (lambda c: c["presence"]["gnss"].update(baud=-1), "presence.gnss.baud"),
        (lambda c: c["presence"].update(beacon=-1), "presence.beacon"),
        (lambda c: c["presence"].update(quorum=["gnss", "gnss"]), "presence.quorum"),
        (lambda c: c["presence"].update(quorum_need=0), "presence.quorum_need"),
        (lambda c: c["presence"].update(quorum_need=3), "presence.quorum_need"),
        (lambda c: c["buses"][1].update(poll_ms=500), "buses.io.poll_ms"),
        (lambda c: c["presence"]["badges"].update(rssi_gone_dbm=-75), "presence.badges.rssi_gone_dbm"),
        (lambda c: c["presence"]["badges"].update(rssi_here_dbm=1), "presence.badges.rssi_here_dbm"),
        (lambda c: c["vision"].update(width=-4), "vision.width"),
        (lambda c: c["vision"].update(height=0), "vision.height"),
        (lambda c: c["vision"].update(engine={"detector": {"kind": "cascade"}}), "vision.engine.detector.kind"),
        (lambda c: c["vision"].update(template_key=c["vision"]["templates"] + "/template.key"), "vision.template_key"),
        (lambda c: c["roster"][0].update(badge=-5), "roster[0].badge"),
        (lambda c: c["roster"][0].update(badge=2**32), "roster[0].badge"),
        (lambda c: c["bridge"].update(broker_port=0), "bridge.broker_port"),
        (lambda c: c["inputs"].update(stop=-1), "inputs.stop"),
        (lambda c: c["inputs"].update(door=65536), "inputs.door"),
        (lambda c: c["inputs"].update(estop=500), "inputs"),
        (lambda c: c["inputs"].update(readable=11), "inputs.readable"),
        (lambda c: c["channels"][0].update(scale=0.0001), "channels.ch4-1.scale"),
        (lambda c: c.update(baseline="moon"), "baseline"),
        (lambda c: c.update(clock={"rtc": "rtc0"}), "clock.rtc"),
    ],
)  # fmt: skip
def test_every_refusal_names_the_field(box: Box, change: Any, field: str) -> None:
    changed = box.read()
    change(changed)
    with pytest.raises(ContractError) as refused:
        examine(box.write(changed, "broken.yaml"), TODAY)
    assert refused.value.field == field
    assert refused.value.hint


def test_weights_with_another_hash_are_refused_with_both_hashes(box: Box, tmp_path: Path) -> None:
    """BOX-01, ANT-01: whoever exchanges a model exchanges who is let in."""
    weights = tmp_path / "weights.onnx"
    weights.write_bytes(b"some other weights")
    meant, came = "0" * 64, hashlib.sha256(b"some other weights").hexdigest()
    changed = box.read()
    embedder = {"kind": "sface", "path": str(weights), "sha256": meant, "same_at": 1.0}
    changed["vision"]["engine"] = {"embedder": embedder}
    shown = box.hotbox("config", "check", str(box.write(changed, "weights.yaml")))
    assert shown.returncode == 1
    for part in ("field: vision.engine.embedder.sha256", meant, came):
        assert part in shown.stderr
    embedder |= {"sha256": came, "same_at": 1.5}
    loose = box.hotbox("config", "check", str(box.write(changed, "weights.yaml")))
    assert loose.returncode == 1
    for part in ("field: vision.engine.embedder.same_at", "1.5", "1.128"):
        assert part in loose.stderr
    embedder["same_at"] = 1.0
    assert box.hotbox("config", "check", str(box.write(changed, "weights.yaml"))).returncode == 0


def test_a_module_with_just_the_inputs_that_are_wired_is_accepted(box: Box) -> None:
    """The last one is wired to address 11."""
    changed = box.read()
    changed["inputs"].update(readable=12)
    assert examine(box.write(changed, "twelve.yaml"), TODAY).ok


def test_a_missing_calibration_date_is_a_warning(box: Box) -> None:
    changed = box.read()
    changed["channels"][0]["calibration_due"] = ""
    warnings = [warning.en for warning in examine(box.write(changed, "none.yaml"), TODAY).warnings]
    assert "channel ch4-1: no calibration date" in warnings


def test_a_past_calibration_date_is_a_warning(box: Box) -> None:
    changed = box.read()
    changed["channels"][0]["calibration_due"] = "2020-01-31"
    warnings = [warning.en for warning in examine(box.write(changed, "due.yaml"), TODAY).warnings]
    assert "channel ch4-1: calibration ended on 2020-01-31" in warnings


@pytest.mark.parametrize(("baseline", "there", "loud"), [
    ("gb30871-2022", False, True), ("gb30871-2022", True, False), ("SIMULATION", False, False),
])  # fmt: skip
def test_a_box_without_the_clock_that_its_rules_want_says_what_comes_of_it(
    box: Box, tmp_path: Path, baseline: str, there: bool, loud: bool
) -> None:
    """BOX-02: such a box waits for the bridge after each restart, which nobody should learn from the first one."""
    changed = box.read()
    changed.update(baseline=baseline, clock={"rtc": str(tmp_path)})
    if there:
        (tmp_path / "since_epoch").write_text("1800000000\n")
    path = box.write(changed, "clock.yaml")
    assert (f"no real-time clock at {tmp_path}: after" in "".join(w.en for w in examine(path, TODAY).warnings)) is loud
    changed["clock"] = {"rtc": ""}
    assert ("clock.rtc" in [w.field for w in examine(box.write(changed, "clock.yaml"), TODAY).warnings]) is (
        baseline != "SIMULATION"
    )


@pytest.mark.parametrize(("need", "shown", "loud"), [(None, 2, False), (2, 2, False), (1, 1, True)])
def test_fewer_proofs_of_place_than_all_are_said_loudly(box: Box, need: int | None, shown: int, loud: bool) -> None:
    """PTW-04: nothing loosens by itself, and nobody overlooks what a site has loosened."""
    changed = box.read()
    changed["presence"]["quorum_need"] = need
    path = box.write(changed, "quorum.yaml")
    checked = examine(path, TODAY)
    assert (checked.quorum, checked.quorum_need) == (("gnss", "badge"), shown)
    assert ("presence.quorum_need" in [warning.field for warning in checked.warnings]) is loud
    printed = " ".join(box.hotbox("config", "check", str(path)).stdout.split())
    assert f"proofs of place: {shown} of 2 must hold (gnss, badge)" in printed
    assert ("! only 1 of 2 proofs of place must hold" in printed) is loud


@pytest.mark.parametrize(("poll_ms", "warned"), [(150, False), (300, True)])
def test_inputs_that_one_lost_answer_makes_too_old_are_a_warning(box: Box, poll_ms: int, warned: bool) -> None:
    changed = box.read()
    changed["buses"][1]["poll_ms"] = poll_ms
    fields = [warning.field for warning in examine(box.write(changed, "slow.yaml"), TODAY).warnings]
    assert ("inputs.bus" in fields) is warned


# --- files that others bring


@pytest.mark.parametrize(
    ("name", "text", "field"),
    [
        ("permit_keys", "junk", "bridge.permit_keys"),
        ("permit_keys", '{"keys":[]}', "bridge.permit_keys"),
        ("command_keys", "\udcff", "bridge.command_keys"),
        ("witness", "junk", "bridge.witness"),
        ("witness", "", "bridge.witness"),
        ("faces_keys", "junk", "bridge.faces_keys"),
        ("secrets", '{"1001": "no"}', "presence.badges.secrets"),
    ],
)
def test_a_file_that_holds_something_else_is_refused_before_the_box_runs(
    box: Box, tmp_path: Path, name: str, text: str, field: str
) -> None:
    """BOX-08: what permits are verified by is looked at before anybody relies on it."""
    changed = box.read()
    file = tmp_path / "brought"
    file.write_bytes(text.encode(errors="surrogateescape"))
    file.chmod(0o600)
    section = changed["presence"]["badges"] if name == "secrets" else changed["bridge"]
    section[name] = str(file)
    path = box.write(changed, "brought.yaml")
    with pytest.raises(ContractError) as refused:
        examine(path, TODAY)
    assert refused.value.field == field
    assert str(file) in refused.value.came
    assert refused.value.hint


def test_a_file_that_is_not_there_yet_is_a_caution_and_says_who_makes_it(box: Box, tmp_path: Path) -> None:
    changed = box.read()
    changed["bridge"]["permit_keys"] = str(tmp_path / "none.json")
    changed["bridge"]["faces_keys"] = str(tmp_path / "none.faces")
    changed["presence"]["badges"]["secrets"] = str(tmp_path / "none.badges")
    changed["presence"]["gnss"]["device"] = str(tmp_path / "none.tty")
    changed["baseline"] = "gb30871-2022"
    cautions = {caution.field: caution.en for caution in examine(box.write(changed, "absent.yaml"), TODAY).warnings}
    assert "does not start without" in cautions["permit_keys"]
    assert "hotbox-bridge box trust box-1" in cautions["permit_keys"]
    assert cautions["faces_keys"].startswith("missing the bridge's keys for face templates:"), "it starts without"
    assert "hotbox provision badge" in cautions["badges"]
    assert "without a position nothing is released" in cautions["presence.gnss.device"]


def test_the_interlock_itself_says_which_key_file_is_missing(box: Box, tmp_path: Path) -> None:
    changed = box.read()
    changed["bridge"]["command_keys"] = str(tmp_path / "none.json")
    changed["run"], changed["data"] = str(tmp_path / "run"), str(tmp_path / "data")
    shown = subprocess.run(
        [PYTHON, "-m", "edge.process", "interlock", str(box.write(changed, "nokeys.yaml"))],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert shown.returncode == 2
    assert "bridge.command_keys: expected a file that the bridge has made, got no file at" in shown.stderr
    assert "box trust box-1" in shown.stderr


def test_people_without_a_secret_and_a_site_without_oxygen_are_cautions(box: Box) -> None:
    changed = box.read()
    # A catalytic bead beside no oxygen detector is refused outright: this one is infrared.
    changed["channels"] = [
        {**channel, "sensor": "infrared"} if channel["gas"] == "CH4" else channel
        for channel in changed["channels"]
        if channel["gas"] != "O2"
    ]
    changed["groups"] = [group for group in changed["groups"] if group["name"] != "o2-1"]
    cautions = [caution.en for caution in examine(box.write(changed, "air.yaml"), TODAY).warnings]
    assert any(text.startswith("no oxygen channel") for text in cautions)
    assert "no secret for badge 1003 (王芳): this person cannot be recognised" in cautions
    assert not any("no oxygen" in caution.en for caution in examine(box.config, TODAY).warnings)


def test_a_box_without_a_flammable_gas_is_refused_in_a_simulation_too(box: Box) -> None:
    """GB 30871-2022 5.3.2: what burns is measured before hot work."""
    changed = box.read()
    burns = [channel["name"] for channel in changed["channels"] if channel["unit"] == "%LEL"]
    changed["channels"] = [channel for channel in changed["channels"] if channel["name"] not in burns]
    changed["groups"] = [group for group in changed["groups"] if not set(group["channels"]) & set(burns)]
    shown = box.hotbox("config", "check", str(box.write(changed, "nothing-burns.yaml")))
    assert shown.returncode == 1
    assert "hot work needs at least one flammable-gas channel" in " ".join(shown.stderr.split())


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
    assert "at most 30000 ms, 50 % of 60 s" in refused.value.expected
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
