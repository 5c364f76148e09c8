"""Of all that is broadcast only what proves that somebody is here becomes evidence, and not too much of it."""

import pytest

from edge.interlock.evidence import Badge, BadgeRefused
from edge.presence.badges import identifier
from edge.presence.nearness import Limits
from edge.presence.sieve import REFUSED_PER_S, Sieve
from firmware_sim.badges import old_payload

SECRET = bytes(range(32))
SECRETS = {1001: SECRET, 1002: bytes(32)}
NOW = 1_790_000_003.0
HERE, COPY = "C0:5A:00:00:00:01", "C0:5B:00:00:00:01"
AT_ONCE = Limits(-75, -85, 0, 2_000_000)


def sieve(secrets=SECRETS, limits=AT_ONCE):
    return Sieve(secrets, limits)


def take(into, badge=1001, rssi=-60, at=0.0, secret=SECRET, address=HERE, **more):
    return into.take(identifier(badge, secret, NOW + at, **more), address, rssi, round(at * 1e6), NOW + at)


def test_badge_is_reported_at_most_five_times_a_second():
    into = sieve()
    items = [take(into, at=step / 100) for step in range(300)]
    assert sum(isinstance(item, Badge) for item in items) == 15
    assert items[0] == Badge(0, 1001, -60, 100)


def test_the_battery_goes_with_the_badge():
    """PTW-04"""
    assert take(sieve(), battery=7) == Badge(0, 1001, -60, 7)
    assert take(sieve(), battery=None) == Badge(0, 1001, -60, None)


def test_a_badge_is_no_evidence_before_its_dwell():
    """PTW-04"""
    into = sieve(limits=Limits(-75, -85, 1_000_000, 5_000_000))
    assert [take(into, at=at) is not None for at in (0, 0.5, 0.999, 1.0, 1.2)] == [False, False, False, True, True]


def test_a_weak_badge_is_said_to_be_weak_once_a_second():
    """PTW-04"""
    into = sieve()
    items = [take(into, rssi=-76, at=step / 10) for step in range(25)]
    assert [item for item in items if item] == [BadgeRefused(at, 1001, "weak") for at in (0, 1_000_000, 2_000_000)]
    assert isinstance(take(into, rssi=-75, at=2.5), Badge)


def test_a_badge_that_is_here_may_be_weaker_and_is_weak_below_the_lower_threshold():
    """PTW-04"""
    into = sieve()
    assert isinstance(take(into, rssi=-75, at=0), Badge)
    assert isinstance(take(into, rssi=-85, at=1), Badge)
    assert take(into, rssi=-86, at=2) == BadgeRefused(2_000_000, 1001, "weak")
    assert isinstance(take(into, rssi=-85, at=3), Badge)
    assert take(into, rssi=-85, at=5.1) == BadgeRefused(5_100_000, 1001, "weak")


def test_many_weak_badges_do_not_hide_one_that_nobody_knows():
    """PTW-24"""
    into = sieve(dict.fromkeys(range(100, 150), SECRET))
    weak = [take(into, badge=number, rssi=-80, at=0.001 * number) for number in range(100, 150)]
    assert sum(item is not None for item in weak) == REFUSED_PER_S
    assert take(into, badge=9001, at=0.2) == BadgeRefused(200_000, 9001, "unknown")


@pytest.mark.parametrize(("rssi", "told"), [(-86, False), (-85, True)])
def test_an_unknown_badge_is_told_only_from_the_lower_threshold_on(rssi, told):
    """PTW-24: somebody else's badge far away is nobody who came in."""
    item = take(sieve({}), badge=9001, rssi=rssi)
    assert (item == BadgeRefused(0, 9001, "unknown")) is told


def test_refused_badge_is_reported_once_a_second_with_the_reason():
    """PTW-04"""
    into = sieve()
    items = [take(into, secret=bytes(31) + b"\1", at=step / 10) for step in range(30)]
    assert [item for item in items if item] == [BadgeRefused(at, 1001, "forged") for at in (0, 1_000_000, 2_000_000)]


def test_flood_of_invented_badges_is_bounded():
    into = sieve()
    items = [take(into, badge=5000 + number, at=number / 1000) for number in range(1000)]
    assert sum(item is not None for item in items) == REFUSED_PER_S
    assert isinstance(take(into, at=1.0), Badge)


def test_one_badge_on_two_radios_is_cloned_and_neither_is_believed(caplog):
    """PTW-04, ANT-01"""
    into = sieve()
    assert isinstance(take(into, at=0), Badge)
    assert take(into, at=1, address=COPY) == BadgeRefused(1_000_000, 1001, "cloned")
    assert take(into, at=2) == BadgeRefused(2_000_000, 1001, "cloned")
    assert take(into, at=3, address=COPY) == BadgeRefused(3_000_000, 1001, "cloned")
    assert len(caplog.records) == 1
    assert isinstance(take(into, badge=1002, secret=bytes(32), at=3, address=COPY), Badge)


@pytest.mark.parametrize(("after_s", "believed"), [(5.0, False), (5.000001, True)])
def test_a_badge_that_began_anew_under_another_address_counts_when_the_old_one_is_silent(after_s, believed):
    into = sieve()
    take(into, at=0)
    assert isinstance(take(into, at=after_s, address=COPY), Badge) is believed


def test_a_clone_that_went_away_leaves_the_badge_believed():
    into = sieve()
    take(into, at=0)
    take(into, at=1, address=COPY)
    assert isinstance(take(into, at=6.0), BadgeRefused)
    assert isinstance(take(into, at=6.1), Badge)


def test_old_firmware_is_refused_by_name():
    assert sieve().take(old_payload(SECRET, 1001, NOW), HERE, -60, 5, NOW) == BadgeRefused(5, 1001, "outdated")


def test_what_is_no_badge_is_nothing():
    assert sieve().take(b"anything", HERE, -60, 5, NOW) is None


def test_other_secrets_count_at_once_and_an_unchanged_badge_stays():
    """PTW-04"""
    into = sieve(limits=Limits(-75, -85, 1_000_000, 5_000_000))
    for at in (0, 1):
        take(into, at=at)
        take(into, badge=1002, secret=bytes(32), at=at)
    new = bytes(31) + b"\2"
    into.trust({1001: new, 1002: bytes(32)})
    assert take(into, at=1.5) == BadgeRefused(1_500_000, 1001, "forged")
    assert take(into, secret=new, at=1.6) is None
    assert isinstance(take(into, badge=1002, secret=bytes(32), at=1.6), Badge)
    into.trust({})
    assert take(into, badge=1002, secret=bytes(32), at=1.8) == BadgeRefused(1_800_000, 1002, "unknown")
