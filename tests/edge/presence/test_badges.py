"""Rolling badge identifiers: only what a badge with its secret says now is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from edge.presence import badges
from edge.presence.badges import BadgeVerdict, check, identifier
from firmware_sim.badges import old_payload, payload

SECRET = bytes(range(32))
SECRETS = {1001: SECRET, 1002: bytes(32)}
NOW = 1_790_000_003.0


@given(st.integers(1, 2**32 - 1), st.binary(min_size=32, max_size=32), st.floats(0, 2**40), st.integers(0, 100))
def test_what_a_badge_broadcasts_is_believed_at_once(badge, secret, unix_s, battery):
    """PTW-04"""
    data = payload(secret, badge, unix_s, battery)
    assert data == identifier(badge, secret, unix_s, battery)
    assert check(data, {badge: secret}, unix_s) == badges.Checked(BadgeVerdict.OK, badge, battery)


def test_a_badge_that_cannot_measure_its_battery_is_believed_without():
    """PTW-04"""
    data = payload(SECRET, 1001, NOW, 255)
    assert data == identifier(1001, SECRET, NOW, None)
    assert check(data, SECRETS, NOW) == badges.Checked(BadgeVerdict.OK, 1001, None)


@pytest.mark.parametrize("battery", [101, 254])
def test_a_battery_beyond_full_is_malformed(battery):
    assert check(payload(SECRET, 1001, NOW, battery), SECRETS, NOW).verdict is BadgeVerdict.MALFORMED


def test_another_battery_than_the_signed_one_is_forged():
    """PTW-04: who drains or fills a badge on the air is no badge."""
    data = bytearray(payload(SECRET, 1001, NOW, 80))
    data[7] = 5
    assert check(bytes(data), SECRETS, NOW).verdict is BadgeVerdict.FORGED


def test_old_firmware_is_named_and_not_believed():
    """PTW-04: with its secret it is ours and outdated, without it is anybody's fifteen bytes."""
    assert check(old_payload(SECRET, 1001, NOW), SECRETS, NOW) == badges.Checked(BadgeVerdict.OUTDATED, 1001)
    assert check(old_payload(bytes(31) + b"\1", 1001, NOW), SECRETS, NOW).verdict is BadgeVerdict.MALFORMED
    assert check(old_payload(SECRET, 77, NOW), SECRETS, NOW).verdict is BadgeVerdict.MALFORMED


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


@given(st.integers(0, 127))
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


@pytest.mark.parametrize("data", [b"", identifier(1001, SECRET, NOW)[:-1], identifier(1001, SECRET, NOW) + b"\0", b"\2" * 15, b"\1" * 15, b"\3" * 16])
def test_other_lengths_and_versions_are_malformed(data):
    assert check(data, SECRETS, NOW) == badges.Checked(BadgeVerdict.MALFORMED, 0)


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
