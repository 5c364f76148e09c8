"""`hotbox permit` and `hotbox gas-test`, on a box of their own order: no permit, a permit, a gas test."""

import contextlib
import os
import pty
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.errors import ContractError
from edge.cli.acting import Point, parse_point
from edge.cli.client import Control, NoAnswer
from tests.edge.cli.box import HOTBOX, Box, make, points, until


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A box of its own: permits and gas tests stay. Its performer and an approver may check the tickets of others."""

    def both_may_check(settings: dict[str, Any]) -> None:
        for who, badge in (("zhang", 1001), ("sun", 1007)):
            settings["roster"].append({"id": who, "name": who, "badge": badge, "may": ["ticket_check"]})

    yield from make(both_may_check)


def test_show_says_that_there_is_no_permit(box: Box) -> None:
    assert "no permit on this box" in box.hotbox("permit", "show").stdout
    assert msgspec.json.decode(box.hotbox("permit", "show", "--json").stdout)["permit"] is None


def test_a_gas_test_by_someone_absent_is_refused(box: Box) -> None:
    """PTW-08: the analyst must be at the box."""
    shown = box.hotbox("gas-test", "--analyst", "wang", "--serial", "GT-7", "--sampled", "now", *points())
    assert shown.returncode == 1
    assert "analyst" in shown.stderr
    assert "nobody" in shown.stderr


def test_a_forged_permit_is_refused_with_exit_code_one(box: Box, tmp_path: Path) -> None:
    """PTW-09: the box verifies a permit itself, whoever hands it in."""
    token = box.permit()
    forged = tmp_path / "forged.jws"
    forged.write_text(token[:-8] + ("A" * 8 if not token.endswith("A" * 8) else "B" * 8))
    shown = box.hotbox("permit", "import", str(forged))
    assert shown.returncode == 1
    assert "refused (forged)" in shown.stderr


def test_anything_else_is_refused_too(box: Box) -> None:
    shown = box.hotbox("permit", "import", "-", stdin="not a permit")
    assert shown.returncode == 1
    assert "standard input" in shown.stderr


def test_an_expired_permit_is_refused_with_its_reason(box: Box, tmp_path: Path) -> None:
    now = int(time.time())
    old = tmp_path / "old.jws"
    old.write_text(box.permit("HW-0", nbf=now - 7200, exp=now - 3600))
    shown = box.hotbox("permit", "import", str(old), "--json")
    assert shown.returncode == 1
    assert msgspec.json.decode(shown.stdout)["code"] == "expired"


def test_a_good_permit_is_accepted_shown_and_its_precondition_confirmed(box: Box, tmp_path: Path) -> None:
    """PTW-11: preconditions are confirmed on site by someone of the crew."""
    file = tmp_path / "permit.jws"
    file.write_text(box.permit("HW-2", precondition=True))
    assert "permit HW-2 accepted" in box.hotbox("permit", "import", str(file)).stdout
    shown = box.hotbox("permit", "show").stdout
    for word in ("HW-2", "grade 1", "罐区 T-301", "孙丽 (车间主任)", "李娜 (guardian, li, 1002)", "vessel cooled"):
        assert word in shown
    away = box.hotbox("permit", "confirm", "cooled", "--by", "li")
    assert away.returncode == 1
    assert "whose badge is here" in away.stderr
    box.crew.everybody()
    box.wait_for(lambda s: all(person["badge_ok"] for person in s["people"]), "the crew is here")
    assert "confirmed: cooled" in box.hotbox("permit", "confirm", "cooled", "--by", "li").stdout
    box.wait_for(lambda s: s["permit"]["preconditions"][0]["ok"], "it holds")
    assert "taken back: cooled" in box.hotbox("permit", "withdraw", "cooled", "--by", "zhang").stdout
    box.wait_for(lambda s: not s["permit"]["preconditions"][0]["ok"], "it no longer holds")
    again = box.hotbox("permit", "withdraw", "cooled", "--by", "zhang")
    assert again.returncode == 1
    assert "nothing of this permit is confirmed" in again.stderr
    assert box.hotbox("permit", "confirm", "cooled", "--by", "li").returncode == 0
    assert "preconditions" not in box.failing()


def test_the_shift_leader_checks_the_ticket_before_ignition(box: Box) -> None:
    """PTW-16, GB 30871-2022 A.1: typed at the box; who may not is told who could."""
    assert "no shift leader has checked the ticket" in box.hotbox("permit", "show").stdout
    assert "shift leader has not checked the ticket HW-2" in box.hotbox("status").stdout
    explained = box.hotbox("explain", "ticket_check").stdout
    assert "the shift leader has not checked the ticket HW-2" in explained
    assert "hotbox permit check --by ID" in explained
    box.crew.badges = {1001, 1002, 1004, 1007, 1009}
    until(
        lambda: "entitled: zhang, sun\n" in box.hotbox("permit", "check", "--by", "zhao").stderr, "the leader has gone"
    )
    for words, said in (
        (("--by", "wang"), "the right ticket_check whose badge is here got: 'wang' hint: here and entitled: zhang, sun"),
        (("--by", "zhao"), "the right ticket_check whose badge is here got: 'zhao' hint: here and entitled: zhang, sun"),
        (("--by", "zhang"), "somebody who does not work on this permit got: zhang hint: a check is a second pair of eyes"),
        (("--by", "sun"), "somebody who did not approve this permit got: sun hint: a check is a second pair of eyes"),
        (("--by", "wang", "--permit", "HW-9"), "field: permit expected: HW-2 got: 'HW-9'"),
    ):
        refused = box.hotbox("permit", "check", *words)
        assert refused.returncode == 1
        assert said in " ".join(refused.stderr.split())
    assert "ticket_check" in box.failing()
    box.crew.badges.add(1003)
    shown = until(
        lambda: (done := box.hotbox("permit", "check", "--by", "wang")).returncode == 0 and done, "the leader is here"
    ).stdout
    assert "wang checked the ticket HW-2 (day 1)" in shown
    assert "again after a suspension" in shown
    assert "ticket_check" not in box.failing()
    assert "✔ checked by 王芳 at" in box.hotbox("permit", "show").stdout
    checked = msgspec.json.decode(box.hotbox("status", "--json").stdout)["permit"]["checked"]
    assert (checked["by"], checked["name"], checked["day"], checked["ok"]) == ("wang", "王芳", 1, True)
    assert "checked by wang on day 1" in box.hotbox("explain", "ticket_check").stdout
    again = msgspec.json.decode(box.hotbox("permit", "check", "--by", "wang", "--permit", "HW-2", "--json").stdout)
    assert again == {"checked": "HW-2", "by": "wang", "day": 1}
    assert "permit.checked" in box.hotbox("audit", "tail", "-n", "50").stdout, "the gases of this site tell much"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x7fELF" * 20_000, "at most 32768 bytes"),
        (b"\x7fELF\x1b[2J", "three parts"),
        (b"", "an empty file"),
        (b"a.b", "'a.b'"),
    ],
    ids=["too large", "not text", "empty", "two parts"],
)
def test_a_file_that_is_no_permit_is_refused_before_the_box_is_asked(
    box: Box, tmp_path: Path, content: bytes, said: str
) -> None:
    """`hotbox permit import /bin/ls` ended in a broken pipe."""
    file = tmp_path / "thing"
    file.write_bytes(content)
    shown = box.hotbox("permit", "import", str(file))
    assert shown.returncode == 1
    assert said in shown.stderr
    assert "\x1b[2J" not in shown.stderr
    assert "save the permit at the bridge again" in shown.stderr


def test_a_request_longer_than_the_socket_takes_is_refused_by_name(box: Box) -> None:
    with pytest.raises(ContractError, match="at most 65536 bytes"), Control(box.folder / "run" / "control.sock") as asked:
        asked.ask("permit_import", jws="x" * 70_000)


def test_an_interlock_that_hangs_up_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with Control(path) as asked:
            server.accept()[0].close()
            with pytest.raises(NoAnswer, match="closed before the answer"):
                asked.ask("status")


def test_what_strangers_write_into_a_request_stays_on_one_line_in_the_log(box: Box) -> None:
    """ANT-10: every request is recorded, whatever it says."""
    before = box.status()["audit"]["size"]
    with Control(box.folder / "run" / "control.sock") as asked:
        for permit in ("\x1b[2J" * 5000, "e\u0301", "x"):
            with pytest.raises(ContractError):
                asked.ask("confirm", permit=permit, precondition="p", person="n")
        for people in (("e\u0301", "b"), ("X" * 9000, "b")):
            with pytest.raises(ContractError, match="may clear a fault"):
                asked.ask("reset", fault_by=people)
    status = box.wait_for(lambda s: s["audit"]["size"] >= before + 5, "all five are recorded")
    assert status["audit"]["writable"]
    shown = box.hotbox("audit", "tail", "-n", "100").stdout
    fresh = [line for line in shown.splitlines() if int(line.split()[0]) >= before]
    assert sum("cli.request denied" in line for line in fresh) == 5
    assert "\x1b[2J" not in shown
    assert "\\x1b[2J" in shown


def test_points_are_read() -> None:
    assert parse_point("up:CH4:%LEL:0.5") == Point("up", "CH4", "%LEL", 0.5)


@pytest.mark.parametrize(
    "text", ["", "up:CH4:0.0", "up:CH4:%LEL:clean", "left:CH4:%LEL:0", "up::%LEL:0", "up:CH4:%LEL:", "up:CH4:%LEL:nan", "up:CH4:%LEL:-inf"]
)
def test_a_point_in_another_form_says_the_expected_one(text: str) -> None:
    with pytest.raises(ContractError, match="POSITION:GAS:UNIT:VALUE, such as up:CH4:%LEL:0"):
        parse_point(text)


def test_a_gas_test_in_a_wrong_unit_is_refused(box: Box) -> None:
    box.crew.badges.add(1003)
    until(
        lambda: box.hotbox("gas-test", "--analyst", "wang", "--serial", "G", "--sampled", "now", *points()).returncode == 0,
        "the analyst is here",
    )
    shown = box.hotbox("gas-test", "--analyst", "wang", "--serial", "G", "--sampled", "now", "--point", "up:CH4:vol%:0.1")
    assert shown.returncode == 1
    assert "CH4 in %LEL" in shown.stderr


def test_a_gas_test_that_the_log_could_not_hold_is_refused(box: Box) -> None:
    """ANT-10: what is not recorded counts for nothing."""
    box.crew.badges.add(1003)
    until(
        lambda: box.hotbox("gas-test", "--analyst", "wang", "--serial", "G", "--sampled", "now", *points()).returncode == 0,
        "the analyst is here",
    )
    shown = box.hotbox("gas-test", "--analyst", "wang", "--serial", "X" * 9000, "--sampled", "now", *points())
    assert shown.returncode == 1
    assert "64 printable characters" in shown.stderr
    twice = box.hotbox("gas-test", "--analyst", "wang", "--serial", "G", "--sampled", "now", *points(), *points())
    assert twice.returncode == 1
    assert "one value for each gas and position" in twice.stderr


def test_what_is_missing_is_asked_for_on_a_terminal(box: Box) -> None:
    """PTW-08: three positions, every gas of the box, in the detector's unit."""
    box.crew.badges.add(1003)
    words = [*HOTBOX, "-c", str(box.config), "--lang", "en", "gas-test"]
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(words[0], words, os.environ | {"TERM": "dumb"})
    seen = b""
    air = {b"%LEL": b"0.2", b"vol%": b"20.8", b"ppm": b"1"}

    def answer(question: bytes, text: bytes) -> None:
        nonlocal seen
        while question not in seen or not seen.rstrip().endswith(b":"):
            seen += os.read(terminal, 4096)
        asked, seen = seen, b""
        unit = next((value for unit, value in air.items() if unit in asked), b"")
        os.write(terminal, (text or unit) + b"\n")

    answer(b"analyst's id", b"wang")
    answer(b"serial number", b"GT-9")
    answer(b"sampled at", b"now")
    answer(b"calibrated until", b"2099-12-31")
    answer(b"up methane", b"clean")
    answer(b"enter a number", b"0.2")
    for _ in range(11):
        answer(b"limit", b"")
    with contextlib.suppress(OSError):  # the terminal is gone when the child has ended
        while more := os.read(terminal, 4096):
            seen += more
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert b"gas test recorded: 12 values by wang" in seen
    assert os.waitstatus_to_exitcode(status) == 0
