"""The line's budget: alarms and state go at once and are only counted, the backlog takes what is left.

Half of the rate is the backlog's while something live goes; nine tenths once nothing has gone for a second. The rest is
never used: it is the room in which an alarm meets no queue of ours, nor one of the modem's.
"""

import math
from collections.abc import Callable

from edge.link.pieces import PIECE_BYTES

SHARE_BUSY, SHARE_IDLE = 0.5, 0.9
QUIET_S = 1.0
BURST_BYTES = PIECE_BYTES
OVERHEAD_BYTES = 120  # of one message: MQTT head and topic, TLS record, TCP and IP


class Bucket:
    """Two budgets over one clock: the line's, which everything is charged to, and the backlog's share of it.

    Neither may be overdrawn by the backlog. What is live overdraws the line's at will, and the backlog pays for it.
    """

    def __init__(self, rate_kbit: int, clock: Callable[[], float]) -> None:
        """Full. `rate_kbit` is what the line carries upwards, 0 for no limit; `clock` counts seconds."""
        self._rate = rate_kbit * 125.0  # bytes a second
        self._clock = clock
        self._line = self._share = float(BURST_BYTES)
        self._at = clock()
        self._live_at = -math.inf

    def live(self, size: int) -> None:
        """Something live goes now: `size` bytes, whatever the budget says."""
        self._settle()
        self._live_at = self._at
        self._line -= size + OVERHEAD_BYTES

    def wait_s(self, size: int) -> float:
        """Seconds until `size` bytes of backlog may go, if nothing live goes meanwhile; 0 for now."""
        if not self._rate:
            return 0.0
        self._settle()
        cost = min(size + OVERHEAD_BYTES, BURST_BYTES)  # a leaf that is larger than a piece waits for a full bucket
        line_s = (cost - self._line) / self._rate
        lacking = cost - self._share
        busy_s = max(0.0, self._live_at + QUIET_S - self._at)
        in_busy = busy_s * SHARE_BUSY * self._rate
        if lacking <= in_busy:
            share_s = lacking / (SHARE_BUSY * self._rate)
        else:
            share_s = busy_s + (lacking - in_busy) / (SHARE_IDLE * self._rate)
        return max(0.0, line_s, share_s)

    def backlog(self, size: int) -> None:
        """So many bytes of backlog go now."""
        self._settle()
        self._line -= size + OVERHEAD_BYTES
        self._share -= size + OVERHEAD_BYTES

    def _settle(self) -> None:
        """Fill up for the time that has passed, each part of it at the share that held in it."""
        now = self._clock()
        busy_s = min(max(0.0, self._live_at + QUIET_S - self._at), now - self._at)
        idle_s = now - self._at - busy_s
        self._line = min(BURST_BYTES, self._line + (now - self._at) * self._rate)
        share = (busy_s * SHARE_BUSY + idle_s * SHARE_IDLE) * self._rate
        self._share = min(BURST_BYTES, self._share + share)
        self._at = now
