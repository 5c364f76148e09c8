"""The wind, where the site has an anemometer: from grade 5 hot work outdoors goes on one level higher or not at all.

GB 30871-2022 5.2.15; from the pack's stop grade on nobody works, upgraded or not. Metres a second become a grade by
the scale's lower bounds (GB/T 28591-2012). Smoothing is the anemometer's business: it says the mean that its standard
asks for.
"""

from bisect import bisect_right

from edge.interlock.conditions.facts import PASS, Facts, Verdict
from edge.interlock.conditions.sensors import measured
from edge.interlock.rules import Number
from edge.interlock.state import Reason, milli

BEAUFORT_M_S = (0.0, 0.3, 1.6, 3.4, 5.5, 8.0, 10.8, 13.9, 17.2, 20.8, 24.5, 28.5, 32.7)
"""Where grade 0, 1, ... 12 begins; what blows harder counts as 12."""
M_S = "m/s"


def grade(m_s: float) -> int:
    """The Beaufort grade of a wind speed."""
    return max(0, bisect_right(BEAUFORT_M_S, m_s) - 1)


def wind(f: Facts) -> Verdict:
    """The wind lets this permit's work go on; a silent anemometer does not."""
    if not f.site.wind:
        return PASS
    row, stop = f.rules.wind_forbidden_grade, f.rules.wind_stop_grade
    speed = measured(f, f.site.sensor[f.site.wind], row.clause)
    if isinstance(speed, Reason):
        return Verdict((speed,))
    blows = grade(speed)
    if blows >= stop.value:
        return _beyond("wind_stop", f, speed, stop)
    if blows < row.value or (f.permit is not None and f.permit.carries_upgrade):
        return PASS
    return _beyond("wind_strong", f, speed, row)


def _beyond(code: str, f: Facts, speed: float, row: Number) -> Verdict:
    limit = milli(BEAUFORT_M_S[row.value])
    return Verdict((Reason(code, f.site.wind, milli(speed), limit, M_S, row.clause),))
