"""Rolling badge identifiers: only what a badge with its secret says now is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from edge.interlock.evidence import Badge, BadgeRefused
from edge.presence import badges
from edge.presence.badges import BadgeVerdict, check, identifier
from edge.presence.ble import REFUSED_PER_S, Sieve
from firmware_sim.badges import payload

SECRET = bytes(range(32))
SECRETS = {1001: SECRET, 1002: bytes(32)}
NOW = 1_790_000_003.0


@given(st.integers(1, 2**32 - 1), st.binary(min_size=32, max_size=32), st.floats(0, 2**40))
def test_what_a_badge_broadcasts_is_believed_at_once(badge, secret, unix_s):
    """PTW-04"""
    data = payload(secret, badge, unix_s)
    assert data == identifier(badge, secret, unix_s)
    assert check(data, {badge: secret}, unix_s) == badges.Checked(BadgeVerdict.OK, badge)


@given(st.floats(-200, 200))
def test_identifier_is_good_for_one_epoch_before_and_after(age_s):
    """PTW-04"""
    data = identifier(1001, SECRET, NOW)
    apart = abs(int((NOW + age_s) // 8) - int(NOW // 8))
    expected = BadgeVerdict.OK if apart <= 1 else BadgeVerdict.STALE
    assert check(data, SECRETS, NOW + age_s).verdict is expected


def test_cloned_static_badge_expires_within_24_seconds():
    """PTW-04, ANT-01"""
    for second in range(8):
        data = identifier(1001, SECRET, NOW + second)
        assert check(data, SECRETS, NOW + second + 24).verdict is BadgeVerdict.STALE


def test_window_goes_on_where_the_epoch_counter_wraps():
    wrap = 8 * 65536 * 3300.0
    assert badges.epoch_at(wrap) == 0
    assert check(identifier(1001, SECRET, wrap - 1), SECRETS, wrap + 1).verdict is BadgeVerdict.OK
    assert check(identifier(1001, SECRET, wrap + 1), SECRETS, wrap - 1).verdict is BadgeVerdict.OK
    assert check(identifier(1001, SECRET, wrap - 9), SECRETS, wrap + 1).verdict is BadgeVerdict.STALE


@given(st.integers(0, 119))
def test_every_flipped_bit_is_refused(bit):
    """PTW-04"""
    data = bytearray(identifier(1001, SECRET, NOW))
    data[bit // 8] ^= 1 << bit % 8
    assert check(bytes(data), SECRETS, NOW).verdict is not BadgeVerdict.OK


def test_badge_with_another_badges_secret_is_forged():
    """PTW-04"""
    assert check(identifier(1002, SECRET, NOW), SECRETS, NOW) == badges.Checked(BadgeVerdict.FORGED, 1002)


def test_badge_without_a_secret_is_unknown():
    """PTW-04"""
    assert check(identifier(77, SECRET, NOW), SECRETS, NOW) == badges.Checked(BadgeVerdict.UNKNOWN, 77)


@given(st.binary(max_size=40))
def test_anybodys_bytes_never_pass(data):
    assert check(data, SECRETS, NOW).verdict is not BadgeVerdict.OK


@pytest.mark.parametrize("data", [b"", identifier(1001, SECRET, NOW)[:-1], identifier(1001, SECRET, NOW) + b"\0", b"\2" * 15])
def test_other_lengths_and_versions_are_malformed(data):
    assert check(data, SECRETS, NOW) == badges.Checked(BadgeVerdict.MALFORMED, 0)


def take(sieve, badge=1001, rssi=-60, at=0.0, secret=SECRET):
    return sieve.take(identifier(badge, secret, NOW + at), rssi, round(at * 1e6), NOW + at, at)


def test_badge_is_reported_at_most_five_times_a_second():
    sieve = Sieve(SECRETS, -80)
    items = [take(sieve, at=step / 100) for step in range(300)]
    assert 14 <= sum(isinstance(item, Badge) for item in items) <= 15
    assert items[0] == Badge(0, 1001, -60)


def test_weak_badge_is_not_reported_and_said_once(caplog):
    """PTW-04"""
    caplog.set_level("INFO")
    sieve = Sieve(SECRETS, -80)
    assert not any(take(sieve, rssi=-81, at=step) for step in range(20))
    assert len(caplog.records) == 1
    assert take(sieve, rssi=-80, at=20.0)


@pytest.mark.parametrize(("rssi", "told"), [(-81, False), (-80, True)])
def test_an_unknown_badge_is_told_only_from_the_floor_on(rssi, told):
    """PTW-24: somebody else's badge far away is nobody who came in."""
    item = Sieve({}, -80).take(identifier(9001, bytes(32), 0), rssi, 5, 0, 0)
    assert (item == BadgeRefused(5, 9001, "unknown")) is told


def test_change_that_carries_no_signal_strength_is_not_hearing():
    assert take(Sieve(SECRETS, -127), rssi=-127) is None


def test_refused_badge_is_reported_once_a_second_with_the_reason():
    """PTW-04"""
    sieve = Sieve(SECRETS, -80)
    items = [take(sieve, secret=bytes(31) + b"\1", at=step / 10) for step in range(30)]
    reported = [item for item in items if item]
    assert [item.why for item in reported] == ["forged"] * 3
    assert isinstance(reported[0], BadgeRefused)


def test_flood_of_invented_badges_is_bounded():
    sieve = Sieve(SECRETS, -80)
    items = [take(sieve, badge=5000 + number, at=number / 1000) for number in range(1000)]
    assert sum(item is not None for item in items) == REFUSED_PER_S
    assert take(sieve, at=1.0) == Badge(1_000_000, 1001, -60)


def test_secrets_that_others_can_read_are_refused(tmp_path):
    file = tmp_path / "badges.json"
    file.write_text(json.dumps({"1001": SECRET.hex()}))
    file.chmod(0o640)
    with pytest.raises(ContractError, match="0600"):
        badges.load_secrets(file)
    file.chmod(0o600)
    assert badges.load_secrets(file) == {1001: SECRET}


@pytest.mark.parametrize("text", ['{"1001": "abcd"}', json.dumps({"x": SECRET.hex()}), "[]", "{", '{"1001": 5}'])
def test_broken_secrets_are_refused_and_never_quoted(tmp_path, text):
    file = tmp_path / "badges.json"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ContractError) as refused:
        badges.load_secrets(file)
    assert SECRET.hex() not in str(refused.value)
