"""The dead-man controller's rules as its PROTOCOL.md states them, on the state machine itself (BOX-04)."""

import pytest

from firmware_sim.deadman.deadman import CLOCK, DEAD_MAN_MS, crc16, framed, newer, sequence, unframed
from tests.firmware_sim.controller import Bench


def test_the_crc_is_ccitt() -> None:
    assert crc16(b"123456789") == 0x29B1
    assert framed("H 1 O") == b"H 1 O %04X\n" % crc16(b"H 1 O")


@pytest.mark.parametrize(
    "line",
    [b"", b"H 1 O", b"H 1 O 0000", framed("H 1 O")[:-1].lower(), b"\xff" + framed("H 1 O")[:-1], framed("H\t1 O")[:-1]],
)
def test_a_damaged_line_has_no_words(line: bytes) -> None:
    assert unframed(line) is None


@pytest.mark.parametrize(
    ("word", "number"),
    [("0", 0), ("4294967295", 4294967295), ("4294967296", -1), ("", -1), ("-1", -1), ("1x", -1), ("00000000001", -1)],
)
def test_a_sequence_number_is_decimal_and_has_32_bits(word: str, number: int) -> None:
    assert sequence(word) == number


@pytest.mark.parametrize(
    ("seq", "than", "is_newer"),
    [(2, 1, True), (1, 1, False), (1, 2, False), (0, 0xFFFFFFFF, True), (0xFFFFFFFF, 0, False)],
)
def test_sequence_numbers_wrap(seq: int, than: int, is_newer: bool) -> None:
    assert newer(seq, than) is is_newer


def test_it_is_latched_open_at_power_up_and_says_so_at_once() -> None:
    bench = Bench()
    status = bench.step()
    assert status["latch"] == status["contact"] == "O"
    assert status["cause"] == "power_up"
    assert status["hb_age_ms"] == 99999
    assert (status["boots"], status["cycles"]) == (7, 3)
    assert not bench.machine.coil


def test_it_closes_on_a_close_that_quotes_the_nonce() -> None:
    bench = Bench()
    bench.beat("O")
    assert bench.close()["latch"] == "C"
    assert bench.machine.coil
    status = bench.step(after_ms=8)
    assert (status["latch"], status["contact"], status["cycles"]) == ("C", "C", 4)


@pytest.mark.parametrize("quotes_nonce", [True, False])
@pytest.mark.parametrize("newest_heartbeat", ["O", "C", "none"])
@pytest.mark.parametrize("age_ms", [0, DEAD_MAN_MS - 1, DEAD_MAN_MS])
@pytest.mark.parametrize("contact_closed", [False, True])
def test_close_truth_table(quotes_nonce: bool, newest_heartbeat: str, age_ms: int, contact_closed: bool) -> None:
    bench = Bench()
    if newest_heartbeat != "none":
        bench.beat(newest_heartbeat)
    bench.contact = contact_closed
    shown = f"{bench.machine.nonce:08X}"
    status = bench.close(shown if quotes_nonce else "DEADBEEF", after_ms=age_ms)
    allowed = quotes_nonce and newest_heartbeat == "O" and age_ms < DEAD_MAN_MS and not contact_closed
    assert bench.machine.coil is allowed
    assert status["latch"] == ("C" if allowed else "O")
    assert status["cause"] == ("power_up" if allowed else "bad_close")
    assert (status["nonce"] == shown) is allowed


def test_a_nonce_in_lower_case_is_not_the_nonce() -> None:
    bench = Bench()
    bench.beat("O")
    while f"{bench.machine.nonce:08X}".isdigit():
        bench.close("wrong")
        bench.beat("O")
    assert bench.close(f"{bench.machine.nonce:08x}")["cause"] == "bad_close"


def test_heartbeats_alone_never_close() -> None:
    bench = Bench()
    for state in "OCOCCCOOO":
        assert bench.beat(state)["latch"] == "O"
    assert not bench.machine.coil


def test_heartbeats_that_say_closed_keep_it_closed() -> None:
    bench = Bench().closed()
    for _ in range(100):
        assert bench.beat("C", after_ms=100)["latch"] == "C"
    assert bench.machine.coil


@pytest.mark.parametrize(("silence_ms", "latch"), [(DEAD_MAN_MS - 1, "C"), (DEAD_MAN_MS, "O"), (DEAD_MAN_MS + 1, "O")])
def test_silence_opens_at_the_dead_man_time(silence_ms: int, latch: str) -> None:
    bench = Bench().closed()
    bench.beat("C")
    bench.step(after_ms=silence_ms)
    assert bench.machine.latch == latch
    assert bench.machine.coil is (latch == "C")
    assert bench.machine.cause == ("power_up" if latch == "C" else "heartbeat_lost")


def test_the_time_runs_from_the_heartbeat_before_the_close_not_from_the_close() -> None:
    bench = Bench()
    bench.beat("O")
    bench.close(after_ms=DEAD_MAN_MS - 10)
    assert bench.machine.latch == "C"
    bench.step(after_ms=10)
    assert bench.machine.latch == "O"


def test_what_waited_while_the_controller_was_held_up_comes_too_late() -> None:
    bench = Bench().closed()
    bench.beat("C", after_ms=DEAD_MAN_MS)
    assert bench.machine.latch == "O"
    assert bench.machine.cause == "heartbeat_lost"


def test_a_heartbeat_that_says_open_opens_at_once() -> None:
    bench = Bench().closed()
    bench.beat("C")
    status = bench.beat("O", after_ms=1)
    assert (status["latch"], status["cause"]) == ("O", "state_mismatch")


def test_up_to_three_heartbeats_from_before_the_close_are_passed_over() -> None:
    bench = Bench()
    bench.line("H 1 O")
    bench.line(f"C 9 {bench.machine.nonce:08X}")
    for seq in (2, 3, 4):
        assert bench.line(f"H {seq} O", after_ms=1)["latch"] == "C"
    assert bench.line("H 5 O")["cause"] == "state_mismatch"


def test_passed_over_heartbeats_do_not_renew() -> None:
    bench = Bench()
    bench.line("H 1 O")
    bench.line(f"C 9 {bench.machine.nonce:08X}")
    bench.line("H 2 O", after_ms=100)
    bench.step(after_ms=DEAD_MAN_MS - 100)
    assert bench.machine.cause == "heartbeat_lost"


def test_the_grace_ends_with_the_first_heartbeat_that_says_closed() -> None:
    bench = Bench()
    bench.line("H 1 O")
    bench.line(f"C 9 {bench.machine.nonce:08X}")
    bench.line("H 10 C")
    assert bench.line("H 2 O")["cause"] == "state_mismatch"


def test_an_open_heartbeat_sent_after_the_close_has_no_grace() -> None:
    bench = Bench()
    bench.line("H 1 O")
    bench.line(f"C 2 {bench.machine.nonce:08X}")
    assert bench.line("H 3 O")["cause"] == "state_mismatch"


def test_a_repeated_heartbeat_sustains_nothing() -> None:
    bench = Bench().closed()
    bench.beat("C")
    repeated = framed(f"H {bench.seq} C")
    for _ in range(5):
        bench.step(repeated, after_ms=40)
    assert bench.machine.cause == "heartbeat_lost"


def test_a_closed_heartbeat_while_open_is_answered_and_changes_nothing() -> None:
    bench = Bench()
    status = bench.beat("C")
    assert (status["echo_seq"], status["latch"], status["opens"]) == (1, "O", 0)


def test_open_is_obeyed_and_named() -> None:
    bench = Bench().closed()
    status = bench.line(f"O {bench.next_seq()}")
    assert (status["latch"], status["cause"], status["opens"]) == ("O", "commanded", 1)
    assert bench.line(f"O {bench.next_seq()}")["opens"] == 1


def test_a_close_while_closed_opens() -> None:
    bench = Bench().closed()
    status = bench.close()
    assert (status["latch"], status["cause"]) == ("O", "bad_close")


def test_every_opening_shows_a_new_nonce_and_the_old_one_is_refused() -> None:
    bench = Bench().closed()
    old = f"{bench.machine.nonce:08X}"
    assert bench.line(f"O {bench.next_seq()}")["nonce"] != old
    bench.step(after_ms=5)
    bench.beat("O")
    assert bench.close(old)["cause"] == "bad_close"


def test_the_nonce_changes_even_when_the_random_source_is_stuck() -> None:
    bench = Bench()
    bench.machine.step(1001, framed("C 1 00000000"), contact_closed=False, random32=bench.machine.nonce)
    assert bench.machine.nonce != 0x10000000


def test_a_welded_contact_refuses_to_close_again() -> None:
    bench = Bench().closed()
    bench.welded = True
    bench.line(f"O {bench.next_seq()}")
    assert bench.step(after_ms=100)["contact"] == "C"
    bench.beat("O")
    assert bench.close()["cause"] == "bad_close"


def test_a_stuck_contact_shows_in_the_status() -> None:
    bench = Bench()
    bench.stuck = True
    bench.beat("O")
    bench.close()
    status = bench.beat("C", after_ms=100)
    assert (status["latch"], status["contact"]) == ("C", "O")


@pytest.mark.parametrize(
    "noise",
    [b"\n", b"H 1 O 0000\n", b"\xff\x00\n", b"x" * 500 + b"\n", framed("X 1"), framed("H 1"), framed("H 1 X"),
     framed("H x O"), framed("H 1 O O"), framed("C 1"), framed("O"), framed("O 1 2"), framed("")],
)  # fmt: skip
def test_garbage_is_ignored_and_counted(noise: bytes) -> None:
    bench = Bench().closed()
    bench.beat("C")
    told = len(bench.statuses)
    bench.step(noise)
    assert len(bench.statuses) == told
    assert bench.machine.bad == 1
    bench.step(noise, after_ms=DEAD_MAN_MS)
    assert bench.machine.cause == "heartbeat_lost"


def test_a_good_line_after_noise_is_understood() -> None:
    bench = Bench()
    assert bench.step(b"x" * 500 + b"\n" + framed("H 5 O"))["echo_seq"] == 5


def test_a_line_may_arrive_byte_by_byte() -> None:
    bench = Bench()
    for byte in framed("H 6 O"):
        bench.step(bytes((byte,)), after_ms=1)
    assert bench.statuses[-1]["echo_seq"] == 6


def test_it_reports_after_every_good_line_and_at_least_every_100_ms() -> None:
    bench = Bench()
    bench.step()
    assert len(bench.statuses) == 1
    bench.step(framed("H 1 O") + framed("H 2 O"), after_ms=5)
    assert [status["echo_seq"] for status in bench.statuses] == [0, 1, 2]
    for _ in range(19):
        bench.step(after_ms=5)
    assert len(bench.statuses) == 3
    bench.step(after_ms=5)
    assert len(bench.statuses) == 4


def test_the_clock_may_wrap_while_closed() -> None:
    bench = Bench(start_ms=CLOCK - 120).closed()
    for _ in range(5):
        assert bench.beat("C")["latch"] == "C"
    assert bench.now_ms < 1000
    bench.step(after_ms=DEAD_MAN_MS)
    assert bench.machine.cause == "heartbeat_lost"


def test_an_old_heartbeat_never_looks_fresh_when_the_clock_comes_round() -> None:
    bench = Bench()
    bench.beat("O")
    for _ in range(15):
        bench.step(after_ms=90_000_000)
    assert bench.step(after_ms=CLOCK - 15 * 90_000_000 % CLOCK)["hb_age_ms"] == 99999
    assert bench.close()["cause"] == "bad_close"


# --- the drill (rule 7)


def _drill(bench: Bench, nonce: str | None = None, after_ms: int = 0) -> dict[str, object]:
    return bench.line(f"T {bench.next_seq()} {nonce or f'{bench.machine.nonce:08X}'}", after_ms)


def test_a_drill_ends_after_the_dead_man_time_without_ever_driving_the_coil() -> None:
    """BOX-04: the controller's own timer, on its own clock, with nothing moved."""
    bench = Bench()
    shown = bench.beat("O")
    nonce, opens, cycles = shown["nonce"], shown["opens"], shown["cycles"]
    assert _drill(bench)["cause"] == "power_up"
    assert bench.step(after_ms=DEAD_MAN_MS - 1)["cause"] == "power_up"
    status = bench.step(after_ms=1)
    assert (status["cause"], status["hb_age_ms"], status["latch"]) == ("drill", DEAD_MAN_MS, "O")
    assert status["nonce"] != nonce
    assert (status["opens"], status["cycles"]) == (opens, cycles)
    assert not bench.machine.coil
    before = status["nonce"]
    assert bench.step(after_ms=2 * DEAD_MAN_MS)["nonce"] == before, "it ends once"


def test_heartbeats_put_a_drill_off() -> None:
    bench = Bench()
    bench.beat("O")
    _drill(bench)
    for _ in range(10):
        assert bench.beat("O", after_ms=100)["cause"] == "power_up"
    assert bench.step(after_ms=DEAD_MAN_MS)["cause"] == "drill"


@pytest.mark.parametrize("wrong", ["nonce", "no heartbeat", "old heartbeat", "heartbeat says closed", "contact closed"])
def test_a_drill_begins_only_where_a_close_would_be_obeyed(wrong: str) -> None:
    bench = Bench()
    bench.contact = bench.welded = wrong == "contact closed"
    if wrong != "no heartbeat":
        bench.beat("C" if wrong == "heartbeat says closed" else "O")
    status = _drill(
        bench, "00000000" if wrong == "nonce" else None, after_ms=DEAD_MAN_MS if wrong == "old heartbeat" else 0
    )
    assert (status["cause"], status["latch"]) == ("bad_close", "O")
    assert bench.step(after_ms=DEAD_MAN_MS)["cause"] == "bad_close"


def test_no_close_and_no_second_drill_during_a_drill() -> None:
    for line in ("C", "T"):
        bench = Bench()
        bench.beat("O")
        _drill(bench)
        status = bench.line(f"{line} {bench.next_seq()} {bench.machine.nonce:08X}")
        assert (status["cause"], status["latch"]) == ("bad_close", "O")
        assert not bench.machine.coil


def test_an_open_ends_a_drill_without_a_word() -> None:
    bench = Bench()
    bench.beat("O")
    _drill(bench)
    bench.line(f"O {bench.next_seq()}")
    assert bench.step(after_ms=DEAD_MAN_MS)["cause"] == "power_up"


def test_a_drill_while_closed_opens() -> None:
    bench = Bench().closed()
    status = _drill(bench)
    assert (status["latch"], status["cause"]) == ("O", "bad_close")
    assert not bench.machine.coil
