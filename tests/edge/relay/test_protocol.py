"""The dead-man controller's lines, checked against the firmware's own reading of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.relay import protocol
from firmware_sim.deadman import deadman as firmware

STATUS = b"S 7 2 C O 00C0FFEE 12 3 41 heartbeat_lost 123456"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (protocol.heartbeat(1, closed=False), ["H", "1", "O"]),
        (protocol.heartbeat(4294967295, closed=True), ["H", "4294967295", "C"]),
        (protocol.close(9, "00C0FFEE"), ["C", "9", "00C0FFEE"]),
        (protocol.drill(10, "00C0FFEE"), ["T", "10", "00C0FFEE"]),
        (protocol.open_(12), ["O", "12"]),
    ],
)
def test_firmware_reads_what_the_host_sends(line, words):
    assert line.endswith(b"\n")
    assert len(line) <= 40
    assert firmware.unframed(line[:-1]) == words


@pytest.mark.parametrize("nonce", ["00000000", "FFFFFFFF", "00C0FFEE", "12345678"])
def test_a_wrong_nonce_differs_in_every_digit(nonce):
    wrong = protocol.wrong(nonce)
    assert len(wrong) == len(nonce)
    assert all(one != other for one, other in zip(nonce, wrong, strict=True))


def test_crc_is_the_firmwares():
    """CRC16-CCITT with start 0xFFFF; its check value is public."""
    assert protocol.seal(b"123456789") == b"123456789 29B1\n"
    assert firmware.framed("123456789") == protocol.seal(b"123456789")


def test_host_reads_what_the_firmware_sends():
    controller = firmware.DeadMan(5, 2, 41, 0xC0FFEE)
    line = controller.step(10, b"", False, 0)
    status = protocol.parse(line.rstrip(b"\n"), 99)
    assert status == protocol.DeadmanStatus(
        echo_seq=0, boots=2, latch_closed=False, contact_closed=False, nonce="00C0FFEE", hb_age_ms=firmware.NEVER_MS,
        opens=0, cycles=41, cause="power_up", ms=10, at_us=99,
    )  # fmt: skip


def test_every_field_has_its_place():
    status = protocol.parse(protocol.seal(STATUS)[:-1], 5)
    assert status == protocol.DeadmanStatus(7, 2, True, False, "00C0FFEE", 12, 3, 41, "heartbeat_lost", 123456, 5)
    assert protocol.parse(protocol.seal(STATUS)[:-1] + b"\r", 5) == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"S",
        STATUS + b" 1",
        STATUS.replace(b"S 7", b"T 7"),
        STATUS.replace(b" C O ", b" X O "),
        STATUS.replace(b" C O ", b" C c "),
        STATUS.replace(b"00C0FFEE", b"C0FFEE"),
        STATUS.replace(b"00C0FFEE", b"00C0FFE!"),
        STATUS.replace(b" 12 ", b" -12 "),
        STATUS.replace(b" 12 ", b"  "),
        STATUS.replace(b"heartbeat_lost", b"h1"),
        STATUS.replace(b"123456", b"\xb2"),
        STATUS.replace(b"123456", b"1" * 200),
    ],
)
def test_sealed_nonsense_is_no_status(body):
    assert protocol.parse(protocol.seal(body)[:-1], 0) is None


def test_any_single_damaged_byte_is_noticed():
    line = protocol.seal(STATUS)[:-1]
    for index in range(len(line)):
        for bit in range(8):
            damaged = bytearray(line)
            damaged[index] ^= 1 << bit
            assert protocol.parse(bytes(damaged), 0) is None


@given(st.binary(max_size=200))
def test_noise_is_never_a_status_and_never_an_error(noise):
    assert protocol.parse(noise, 0) is None
