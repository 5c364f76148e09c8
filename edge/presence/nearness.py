"""Whether a badge is here: by how strongly it is heard, and for how long. Pure.

    away ──strong for the dwell──▶ here          strong: at least `here_dbm`
    here ──never at least `gone_dbm` for `gone_us`──▶ away

Signals waver by several dB, so two thresholds: who walks past does not check in, and who stands at the edge does not
come and go. A delay lies only in coming. A broadcast that keeps a badge here carries its own time of hearing, so the
loss is never later than `gone_us` after the last of them, whatever happens in this process.
"""

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Thresholds in dBm, times in microseconds; `gone_us` is the time to live of a badge's evidence."""

    here_dbm: int
    gone_dbm: int
    dwell_us: int
    gone_us: int


class Trace(msgspec.Struct, frozen=True):
    """What is remembered of one badge.

    Attributes:
        here: it counts as here.
        since_us: first of the strong broadcasts in a row that brought it here, or may.
        heard_us: the last broadcast that counted: strong, or while here at least `gone_dbm`; None when none did.
    """

    here: bool = False
    since_us: int = 0
    heard_us: int | None = None


AWAY = Trace()


def hear(trace: Trace, rssi_dbm: int, at_us: int, limits: Limits) -> Trace:
    """Take in one broadcast that verified; `trace.here` of the answer says whether it is evidence.

    A weak broadcast is none, also while the badge still counts as here: the answer is then the same trace.
    """
    unheard_us = None if trace.heard_us is None else at_us - trace.heard_us
    if trace.here and unheard_us is not None and unheard_us <= limits.gone_us:
        return Trace(True, trace.since_us, at_us) if rssi_dbm >= limits.gone_dbm else trace
    if rssi_dbm < limits.here_dbm:
        return AWAY
    # While it comes, silence longer than the dwell proves no staying: the count begins anew.
    in_a_row = not trace.here and unheard_us is not None and unheard_us <= limits.dwell_us
    since_us = trace.since_us if in_a_row else at_us
    return Trace(at_us - since_us >= limits.dwell_us, since_us, at_us)
