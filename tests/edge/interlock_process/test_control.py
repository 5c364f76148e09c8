"""control.sock: one line asked, one line answered; what cannot be done is refused with what to do instead."""

import datetime
import select
import signal
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from contracts.permit import Approval, Precondition
from edge import sockets
from edge.audit.reader import Reader
from firmware_sim.demo import bottles
from tests.edge.cli.box import Box, make, make_idle, until
from tests.edge.interlock.pictures import jpeg
from tests.edge.interlock_process.asking import BUMP, DEADLINE_S, answer, connect, points, refusal

WARM = Precondition("cooled", "反应釜已降温 vessel cooled", "temperature", 60_000)
SENSED = Precondition("sensed", "传感器测温 sensor reads", "temperature", 60_000, "T-7")
BLIND = Precondition("blind", "7号盲板已装 blind 7 in place", "isolation")
DAY = datetime.timedelta(days=1)


def _day(days: int) -> str:
    return (datetime.datetime.now(datetime.UTC).date() + days * DAY).isoformat()


def _pair(settings: dict[str, Any]) -> None:
    """Two more heads that vote 1oo2, and two people who may bypass one."""
    first = settings["channels"][0]
    settings["channels"] += [{**first, "name": f"ch4-{n}", "unit_id": n + 1, "serial": f"SN-{n}"} for n in (2, 3)]
    settings["groups"].append({"name": "pair", "vote": "1oo2", "channels": ["ch4-2", "ch4-3"]})
    for person in settings["roster"]:
        person["may"].append("bypass")


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A locked box with a pair of heads; nobody is there yet."""
    yield from make(_pair)


@pytest.fixture(scope="module")
def staffed(box: Box) -> Box:
    """All detectors read, and the crew is here, without a permit."""
    box.crew.everybody()
    box.crew.badges.add(1004)
    box.wait_for(lambda s: all(channel["quality"] == "good" for channel in s["channels"]), "detectors read")

    def heard() -> bool:  # whoever is here may be named by a refusal
        return "wang, zhao" in refusal(box, "relay_test", people=["wang"])["hint"]

    until(heard, "both badges are heard")
    return box


@pytest.mark.parametrize(
    ("line", "said"),
    [(b"{", "JSON"), (b'{"op": "\xff"}', "utf-8"), (b'{"op": 5}', "text"), (b'{"op": "open"}', "status"), (b"{}", "op")],
)
def test_a_line_that_is_no_request_is_answered_with_what_was_expected(box: Box, line: bytes, said: str) -> None:
    found = answer(box, line)
    assert not found["ok"]
    assert said in f"{found['error']}"


def test_a_line_without_end_is_cut_off_and_begins_nothing(box: Box) -> None:
    with connect(box) as asked, asked.makefile("rb") as lines:
        asked.sendall(b"x" * 70_000)
        assert "65536 bytes" in msgspec.json.decode(lines.readline())["error"]["expected"]
        assert lines.readline() == b""


def test_somebody_who_watches_and_goes_away_is_forgotten(box: Box) -> None:
    with connect(box) as watching, watching.makefile("rb") as lines:
        watching.sendall(b'{"op": "watch"}\n')
        assert [msgspec.json.decode(lines.readline())["result"]["box"] for _ in range(3)] == ["box-1"] * 3
    assert box.status()["state"] == "LOCKED"


def test_every_condition_explains_itself(box: Box) -> None:
    """`explain` shows what each looks at, and what keeps it fulfilled."""
    rows = answer(box, b'{"op": "explain"}')["result"]
    assert {row["condition"] for row in rows} == {row["condition"] for row in box.status()["verdicts"]}
    assert all(row["shown"] for row in rows if row["condition"] in ("gas", "deadman", "clock"))


# --- detectors


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "blow"}, "kind"),
        ({"channel": "ch4-9"}, "channel"),
        ({"by": "zhao"}, "by"),
        ({"by": ""}, "by"),
        ({"bottle": ""}, "bottle"),
        ({"bottle": "B\u2028"}, "bottle"),
        ({"gas": "C3H8"}, "gas"),
        ({"unit": "vol%"}, "unit"),
        ({"applied": None}, "applied"),
        ({"applied": 5.0}, "applied"),
        ({"applied": 99.5}, "applied"),
        ({"channel": "o2-1", "gas": "O2", "unit": "vol%", "applied": 20.9}, "applied"),
        ({"due": "2030-01-01"}, "due"),
        ({"kind": "calibration", "due": "soon"}, "due"),
        ({"kind": "calibration", "due": "2020-01-01"}, "due"),
        ({"kind": "calibration", "due": "2999-12-31"}, "due"),
    ],
)
def test_a_detector_test_that_would_prove_nothing_is_refused(staffed: Box, wrong: dict[str, Any], field: str) -> None:
    """Workflows "Detector": refused before any gas is opened."""
    assert refusal(staffed, "detector_test", **BUMP | wrong)["field"] == field
    assert not any(channel["test"] for channel in staffed.status()["channels"])


def test_gas_in_the_air_is_no_baseline_for_a_test(staffed: Box) -> None:
    assert staffed.site is not None
    staffed.site.set("ch4-1", 30)
    staffed.wait_for(lambda s: s["channels"][0]["alarm"], "the head alarms")
    assert "clean air" in refusal(staffed, "detector_test", **BUMP)["expected"]
    staffed.site.set("ch4-1", 0)
    staffed.site.set("o2-1", 17)
    staffed.wait_for(lambda s: not s["channels"][0]["alarm"] and s["channels"][1]["alarm"], "the oxygen head alarms")
    oxygen = {"channel": "o2-1", "gas": "O2", "unit": "vol%", "applied": 15.0}
    assert "clean air" in refusal(staffed, "detector_test", **BUMP | oxygen)["expected"]
    staffed.site.set("o2-1", 20.9)
    staffed.wait_for(lambda s: not s["channels"][1]["alarm"], "clean air")


@pytest.mark.parametrize("fault", ["silent", "status_fault"])
def test_a_detector_that_does_not_read_is_mended_before_it_is_tested(staffed: Box, fault: str) -> None:
    assert staffed.site is not None
    staffed.site.fault("ch4-1", fault)
    staffed.wait_for(lambda s: s["channels"][0]["quality"] != "good", "no reading any more")
    assert refusal(staffed, "detector_test", **BUMP)["hint"] == "mend the detector first"
    staffed.site.fault("ch4-1", "none")
    staffed.wait_for(lambda s: s["channels"][0]["quality"] == "good", "it reads again")


def test_one_damaged_reply_does_not_take_a_reading_away(staffed: Box) -> None:
    """BOX-06: a single bad frame is tolerated until the channel's stale limit, and counted."""
    assert staffed.site is not None
    before = staffed.status()["buses"][0]["errors"]
    staffed.site.fault("ch4-1", "garbage")
    staffed.wait_for(lambda s: s["buses"][0]["errors"] > before, "the damaged reply is counted")
    staffed.site.fault("ch4-1", "none")
    staffed.wait_for(lambda s: s["channels"][0]["quality"] == "good", "it reads again")


def test_a_test_can_be_given_up_and_has_not_passed_then(staffed: Box) -> None:
    assert staffed.ask("detector_test", **BUMP)["channel"] == "ch4-1"
    assert "not being tested" in refusal(staffed, "detector_test", **BUMP)["expected"]
    assert staffed.ask("detector_test_stop", channel="ch4-1") == {"channel": "ch4-1"}
    assert "no test is running" in refusal(staffed, "detector_test_stop", channel="ch4-1")["expected"]
    assert staffed.status()["channels"][0]["bump"]["result"] == "aborted"


def test_a_failed_bump_test_asks_for_a_calibration_with_a_stated_end(staffed: Box) -> None:
    """OSHA SHIB: the calibration's end is the person's word, within the pack's longest interval."""
    assert staffed.site is not None
    staffed.ask("detector_test", **BUMP)
    staffed.site.fault("ch4-1", "status_fault")
    staffed.wait_for(lambda s: s["channels"][0]["bump"]["result"] == "failed", "the test has failed")
    staffed.site.fault("ch4-1", "none")
    staffed.wait_for(lambda s: s["channels"][0]["quality"] == "good", "it reads again")
    assert refusal(staffed, "detector_test", **BUMP)["field"] == "kind"
    staffed.ask("detector_test", **BUMP | {"kind": "calibration", "due": _day(60)})
    bottles.open_and_close(
        staffed.site, staffed.status, lambda: not any(channel["test"] for channel in staffed.status()["channels"]), 20
    )
    channel = staffed.status()["channels"][0]
    assert channel["calibration"]["result"] == "passed"
    assert 59 * 86400 < channel["calibration_due"] - time.time() < 61 * 86400


def test_an_exchanged_head_has_a_new_serial_and_needs_its_bump_test(staffed: Box) -> None:
    """Workflows "Detector": a named person who is here says so; it is written down and shown."""
    asked = {"channel": "ch4-1", "serial": "SN-2", "due": _day(60), "by": "wang"}
    assert refusal(staffed, "detector_replace", **asked | {"by": "zhao"})["field"] == "by"
    done = staffed.ask("detector_replace", **asked)
    assert (done["channel"], done["serial"]) == ("ch4-1", "SN-2")
    channel = staffed.status()["channels"][0]
    assert (channel["serial"], channel["bump"], channel["calibration_due"]) == ("SN-2", None, done["calibration_due"])
    assert refusal(staffed, "detector_replace", **asked)["came"] == "SN-2"


# --- gas test, reset, relay


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"analyst": "zhao"}, "analyst"),
        ({"analyst": ""}, "analyst"),
        ({"serial": ""}, "serial"),
        ({"serial": "GT\u20287"}, "serial"),
        ({"points": []}, "points"),
        ({"points": [*points(), points()[0]]}, "points"),
        ({"points": [{**points()[0], "position": "left"}]}, "points[0].position"),
        ({"points": [{**points()[0], "unit": "ppm"}]}, "points[0]"),
        ({"points": [{**points()[0], "value": 101.0}]}, "points[0].value"),
        ({"sampled": ""}, "sampled"),
        ({"sampled": 120}, "sampled"),
        ({"sampled": -1860}, "sampled"),
        ({"calibrated_until": "soon"}, "calibrated_until"),
        ({"calibrated_until": "2020-01-01"}, "calibrated_until"),
    ],
)
def test_a_gas_test_that_says_too_little_is_refused(staffed: Box, wrong: dict[str, Any], field: str) -> None:
    """A number of seconds for `sampled` is so long after the moment of asking, on the site's clock."""
    if isinstance(wrong.get("sampled"), int):
        wrong = {"sampled": time.strftime("%H:%M", time.gmtime(time.time() + 8 * 3600 + wrong["sampled"]))}
    whole = {
        "analyst": "wang", "serial": "GT-7", "sampled": "now", "points": points(), "calibrated_until": _day(30),
    }  # fmt: skip
    assert refusal(staffed, "gas_test", **whole | wrong)["field"] == field


def test_a_complete_gas_test_is_kept(staffed: Box) -> None:
    """With the end of the instrument's calibration, when it is stated."""
    whole = {"analyst": "wang", "serial": "GT-7", "points": points(), "calibrated_until": _day(30)}
    done = staffed.ask("gas_test", **whole, sampled="now")
    assert (done["points"], done["analyst"]) == (12, "wang")
    assert abs(done["sampled"] - time.time()) < 60
    ago_s = 600
    here = time.gmtime(time.time() - ago_s + 8 * 3600)
    done = staffed.ask("gas_test", **whole, sampled=time.strftime("%H:%M", here))
    assert ago_s <= time.time() - done["sampled"] < ago_s + 120


@pytest.mark.parametrize(
    ("people", "said"),
    [
        (["wang", "wang"], "two different people"),
        (["wang"], "two different people"),
        (["wang", "li"], "clear a fault (wang, zhao)"),
        (["wang", "zhao"], "a proof test of the relay"),
    ],
)
def test_a_fault_is_left_only_by_two_entitled_people_after_a_proof_test(
    staffed: Box, people: list[str], said: str
) -> None:
    assert said in refusal(staffed, "reset", fault_by=people)["expected"]


def test_reset_opens_a_window_and_resets_nothing(staffed: Box) -> None:
    """The key on site resets."""
    opened = staffed.ask("reset")
    assert opened["authorised_here"] == ["王芳"]
    assert any(countdown["what"] == "reset_window" for countdown in staffed.status()["countdowns"])


def _drill(box: Box) -> str:
    """Asks for a drill: what is wrong, empty when it has begun."""
    asked = {"op": "relay_test", "people": ["wang", "zhao"], "drill": True, "isolated": True}
    said = answer(box, msgspec.json.encode(asked))
    return "" if said["ok"] else str(said["error"]["came"])


def test_the_proof_test_needs_two_people_and_an_isolated_supply_and_runs_once(staffed: Box) -> None:
    """Drill, open and a refused close over the real line; the contact stays open."""
    assert refusal(staffed, "relay_test", people=["wang", "wang"])["field"] == "people"
    assert refusal(staffed, "relay_test", people=[])["came"] == "nobody"
    assert refusal(staffed, "relay_test", people=["wang", "zhao"], drill=True)["field"] == "isolated"
    wired = refusal(staffed, "relay_test", people=["wang", "zhao"], drill=True, isolated=True)
    assert "key switch" in wired["came"], "a drill heeds the inputs that this box has"
    assert "isolat" in wired["came"]
    assert staffed.site is not None
    staffed.site.set("test_key", "test")
    staffed.site.set("isolated", "yes")
    until(lambda: not _drill(staffed), "the drill has begun")
    again = refusal(staffed, "relay_test", people=["wang", "zhao"], drill=True, isolated=True)
    assert again["came"] == "one is running"
    done = staffed.wait_for(lambda s: s["relay_proof"] and not s["relay_proof"]["running"], "the proof test has ended")
    assert done["relay_proof"]["ok"], done["relay_proof"]
    assert [step["name"] for step in done["relay_proof"]["steps"]] == ["contact", "drill", "open", "bad_close", "steady"]
    staffed.site.set("test_key", "run")
    staffed.site.set("isolated", "no")
    until(lambda: "key switch" in (came := _drill(staffed)) and "isolat" in came, "neither is proven any more")


def test_the_pulse_needs_key_and_isolation_and_really_closes_the_contact_for_a_moment(staffed: Box) -> None:
    """BOX-04: half a second at most, dropped by the dead-man itself, seen at the contact and written down."""
    assert staffed.site is not None
    two = ["wang", "zhao"]
    came = refusal(staffed, "relay_test", people=two)["came"]
    assert "key switch" in came
    assert "isolat" in came
    staffed.site.set("test_key", "test")
    staffed.wait_for(lambda s: s["state"] == "LOCKED", "locked")
    assert "isolat" in refusal(staffed, "relay_test", people=two)["came"]
    staffed.site.set("isolated", "yes")
    closed_before = staffed.site.state()["deadman"]["cycles"]

    def begun() -> bool:
        return bool(answer(staffed, msgspec.json.encode({"op": "relay_test", "people": two}))["ok"])

    until(begun, "the pulse has begun")
    done = staffed.wait_for(lambda s: s["relay_proof"] and not s["relay_proof"]["running"], "the proof test has ended")
    assert done["relay_proof"]["ok"], done["relay_proof"]
    assert [step["name"] for step in done["relay_proof"]["steps"]][-3:] == ["close", "drop", "rest"]
    device = staffed.site.state()["deadman"]
    assert (device["cycles"], device["contact"], device["open_cause"]) == (closed_before + 1, "O", "heartbeat_lost")
    assert 0 < device["contact_open_us"] - device["contact_closed_us"] <= 500_000
    assert done["state"] == "LOCKED"
    staffed.site.set("test_key", "run")
    staffed.site.set("isolated", "no")


# --- bypass


@pytest.mark.parametrize("fields", [{"channel": "ch4-9"}, {"channel": "ch4-1", "minutes": 30.0}])
def test_a_bypass_that_may_not_be_is_refused(staffed: Box, fields: dict[str, Any]) -> None:
    whole = {"people": ["wang", "zhao"], "reason": "sent to the workshop", "measure": "portable meter", "minutes": 30.0}
    assert refusal(staffed, "bypass", **whole | fields)["field"]


def test_a_head_of_a_pair_is_left_out_by_two_people_until_one_takes_it_back(staffed: Box) -> None:
    done = staffed.ask(
        "bypass", channel="ch4-2", people=["wang", "zhao"], reason="head sent to the workshop",
        measure="portable meter, read by the guardian", minutes=30.0,
    )  # fmt: skip
    assert done == {"channel": "ch4-2", "seconds": 1800}
    assert [bypass["channel"] for bypass in staffed.status()["bypasses"]] == ["ch4-2"]
    assert refusal(staffed, "bypass_end", channel="ch4-2", person="somebody")["field"] == "person"
    assert staffed.ask("bypass_end", channel="ch4-2", person="wang") == {"channel": "ch4-2"}
    assert staffed.status()["bypasses"] == []


def test_a_bypass_that_is_not_running_cannot_be_ended(staffed: Box) -> None:
    assert "no bypass is running" in refusal(staffed, "bypass_end", channel="ch4-1", person="wang")["expected"]


# --- the permit


def test_what_a_person_enters_about_a_permit_is_checked_against_who_is_here(staffed: Box) -> None:
    """PTW-08, PTW-11: each gate refuses with what it wants, and records the refusal."""
    assert refusal(staffed, "confirm", permit="HW-1", precondition="cooled", person="li")["expected"] == "a permit on this box"
    now, digest = int(time.time()), "a" * 64
    old = tuple(Approval(who, who, "office", now - 47 * 60, digest) for who in ("sun", "qian"))
    forged = staffed.ask("permit_import", jws="no.permit.atall")
    assert (forged["ok"], forged["code"]) == (False, "forged")
    held = staffed.ask("permit_import", jws=staffed.permit(approvals=old, preconditions=(WARM, SENSED, BLIND)))
    assert held["code"] == "accepted"
    confirm = {"permit": "HW-1", "precondition": "cooled", "person": "li", "value": 38.5, "photo": "0" * 64}
    for wrong, field in (
        ({"permit": "HW-2"}, "permit"),
        ({"permit": ""}, "permit"),
        ({"precondition": "drained"}, "precondition"),
        ({"person": "somebody"}, "person"),
        ({"person": ""}, "person"),
        ({"precondition": "blind"}, "value"),
        ({"precondition": "sensed"}, "value"),
        ({"value": None}, "value"),
        ({"value": 5000.0}, "value"),
        ({"photo": ""}, "photo"),
        ({}, "photo"),
    ):
        assert refusal(staffed, "confirm", **confirm | wrong)["field"] == field, wrong
    kept = staffed.folder / "data" / "photos" / f"{'0' * 64}.jpg"
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(b"a picture")
    assert refusal(staffed, "confirm", **confirm)["field"] == "photo", "five bytes are no picture"
    kept.write_bytes(jpeg())
    assert staffed.ask("confirm", **confirm) == {"confirmed": "cooled", "limit_milli": 60000}
    assert refusal(staffed, "confirm", **confirm)["came"] == "one that was used before"
    assert staffed.ask("confirm", permit="HW-1", precondition="blind", person="li") == {"confirmed": "blind", "limit_milli": None}
    shown = {row["id"]: row for row in staffed.status()["permit"]["preconditions"]}
    assert (shown["cooled"]["value"], shown["cooled"]["by"], shown["blind"]["ok"]) == ("38.5", "li", True)
    blind = {"permit": "HW-1", "precondition": "blind", "person": "li"}
    assert staffed.ask("withdraw", **blind) == {"withdrawn": "blind"}
    assert refusal(staffed, "withdraw", **blind)["field"] == "precondition", "it was withdrawn"
    assert staffed.ask("confirm", **blind) == {"confirmed": "blind", "limit_milli": None}

    for person in ("zhang", ""):
        assert "guardian of this permit (li)" in refusal(staffed, "reconfirm", permit="HW-1", person=person)["expected"]
    assert staffed.ask("reconfirm", permit="HW-1", person="li")["reconfirmed"] == "HW-1"
    staffed.ask("gas_test", analyst="wang", serial="GT-7", points=points(), calibrated_until=_day(30), sampled="now")
    assert refusal(staffed, "reconfirm", permit="HW-1", person="li")["hint"] == "nothing to confirm"
    staffed.crew.faces.clear()
    staffed.crew.badges.discard(1002)
    staffed.wait_for(lambda s: not all(person["badge_ok"] for person in s["people"]), "the guardian has gone")
    assert "badge and face" in refusal(staffed, "reconfirm", permit="HW-1", person="li")["expected"]
    assert staffed.ask("suspend", person="somebody", relief=True) == {"suspended_by": "somebody", "present": False}
    assert refusal(staffed, "suspend", person="")["field"] == "person"


def test_a_ticket_is_checked_by_an_entitled_person_who_is_here(staffed: Box) -> None:
    """PTW-16."""
    assert refusal(staffed, "ticket_check", permit="HW-9", person="wang")["field"] == "permit"


def test_one_damaged_reply_of_a_sensor_does_not_take_its_reading_away(staffed: Box) -> None:
    """BOX-06: as for a gas detector; the frame is counted."""
    assert staffed.site is not None
    staffed.wait_for(lambda s: s["sensors"] and all(x["quality"] == "good" for x in s["sensors"]), "the sensors read")
    before = staffed.status()["buses"][0]["errors"]
    staffed.site.fault("box-temp", "garbage")
    staffed.wait_for(lambda s: s["buses"][0]["errors"] > before, "the damaged reply is counted")
    staffed.site.fault("box-temp", "none")
    staffed.wait_for(lambda s: all(x["quality"] == "good" for x in s["sensors"]), "the sensors read again")


def test_a_refused_command_is_recorded_with_its_reason(staffed: Box) -> None:
    """ANT-10: what was tried is in the log, not only what was done."""
    with_cause = refusal(staffed, "bypass_end", channel="ch4-1", person="wang")

    def recorded() -> bool:
        log = Reader.open(staffed.folder / "data" / "audit" / "audit.db")
        try:
            events = log.events(0, log.size())
        finally:
            log.close()
        return any(event.type == "cli.request" and with_cause["expected"] in event.data["why"] for event in events)

    until(recorded, "the refusal is in the log")


def test_an_interlock_that_ends_leaves_those_who_still_ask_alone() -> None:
    """Ends in order, with exit code 0, while somebody watches and somebody is connected who never asks."""
    for box in make_idle():
        box.start()
        assert box.interlock is not None
        with connect(box) as watching, connect(box) as silent, watching.makefile("rb") as lines:
            watching.sendall(b'{"op": "watch"}\n')
            assert lines.readline()
            began = sockets.now_us()
            box.interlock.send_signal(signal.SIGINT)
            assert box.interlock.wait(DEADLINE_S) == 0
            assert sockets.now_us() - began < DEADLINE_S * 1_000_000
            assert select.select([silent], [], [], DEADLINE_S)[0]
            assert silent.recv(1) == b""
        assert not (box.folder / "run" / "control.sock").exists()
