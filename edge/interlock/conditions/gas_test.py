"""The gas test before work."""

from contracts.permit import PermitClaims
from edge.interlock.conditions.facts import Facts, Verdict, fail
from edge.interlock.state import POSITIONS, Reason, milli


def gas_test(f: Facts) -> Verdict:
    """A gas test that is young enough, after the last gas trip or alarm, complete and within limits (5.3.1).

    A break within the level's limit needs no new test, as long as it was not gas that opened the relay; a new day
    always does.
    """
    test, opening = f.durable.gas_test, f.durable.opening
    rule = f.rules.gas_test_age_s
    if test is None or test.at_us > f.now_us:
        return fail("gas_test_none", rule=rule, unit="s")
    age_us = f.now_us - test.at_us
    after_us = max(opening.at_us if opening is not None and opening.by_gas else 0, f.durable.gas_alarm_us)
    if after_us and test.at_us <= after_us:
        return fail("gas_test_after_trip", rule=rule, unit="s")
    reasons: list[Reason] = []
    if age_us > rule.value * 1_000_000 and not _short_break(f):
        reasons.append(Reason("gas_test_old", "", age_us // 1000, rule.value * 1000, "s", rule.clause))
    if f.rules.gas_test_daily.value and not today(f, age_us):
        reasons.append(Reason("gas_test_day", "", age_us // 1000, None, "s", f.rules.gas_test_daily.clause))
    for limit in f.site.limits:
        unit = limit.unit.value
        points = test.sampled.get((limit.gas, unit), ())
        if not points:
            reasons.append(Reason("gas_test_missing", limit.gas, None, None, unit, limit.clause))
        else:
            reasons.extend(_points_missing(f, limit.gas, {point.position for point in points}))
        high, low = limit.high, limit.low
        for point in points:
            over = high is not None and not point.value <= high
            if over or (low is not None and not point.value >= low):
                bound = high if over else low
                subject = f"{limit.gas} {point.position}"
                reasons.append(Reason("gas_test_limit", subject, milli(point.value), milli(bound), unit, limit.clause))
    return Verdict(tuple(reasons), age_us)


def _points_missing(f: Facts, gas: str, measured: set[str]) -> list[Reason]:
    """The positions that a gas was not tested at, when they are fewer than the pack asks for: gas lies in layers."""
    rule = f.rules.gas_test_points_count
    if len(measured) >= rule.value:
        return []
    return [
        Reason("gas_test_point", f"{gas} {where}", len(measured) * 1000, rule.value * 1000, "", rule.clause)
        for where in POSITIONS
        if where not in measured
    ]


def today(f: Facts, age_us: int) -> bool:
    """What happened so long ago was on this day, by the site's own midnight."""
    here_us = f.wall_us + f.site.utc_offset_min * 60_000_000
    return (here_us - age_us) // 86_400_000_000 == here_us // 86_400_000_000


def _short_break(f: Facts) -> bool:
    opening = f.durable.opening
    if f.permit is None or opening is None or opening.permit != f.permit.jti:
        return False
    return f.now_us - opening.at_us <= longest_break_us(f, f.permit)


def longest_break_us(f: Facts, claims: PermitClaims) -> int:
    """The longest break under a permit after which what was tested and proven before it still stands."""
    longest_s = f.rules.levels[claims.level].break_s
    if claims.confined:
        longest_s = min(longest_s, f.rules.confined_break_s.value)
    return longest_s * 1_000_000
