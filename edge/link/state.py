"""up/state: what the box believes, retained at the broker. Sent when it changes and every five seconds."""

import time
from collections.abc import Callable

import msgspec

from contracts.topics import BoxState
from edge.interlock.status import CountdownView, ReasonView, Status

EVERY_S = 5.0
SILENT_S = 3.0  # without a pulse for so long, the interlock's state is not known
JITTER_MS = 1000  # a deadline told as wall time moves by a few ms from pulse to pulse


def offline(box: str) -> bytes:
    """The will: the box has gone without a word."""
    return msgspec.json.encode(BoxState(online=False, box=box, t=time.time_ns() // 1_000_000))


def _code(reason: ReasonView) -> str:
    return f"{reason.code}:{reason.subject}" if reason.subject else reason.code


class StateTeller:
    """Keeps the last status and says when up/state is due."""

    def __init__(self, box: str, baseline: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self.status: Status | None = None
        self._box, self._baseline, self._clock = box, baseline, clock
        self._pulse_at = float("-inf")
        self._told: BoxState | None = None
        self._told_at = float("-inf")

    def pulse(self, status: Status) -> None:
        """The interlock's newest status."""
        self.status = status
        self._pulse_at = self._clock()

    def connected(self) -> None:
        """A new connection: the broker may know nothing."""
        self._told = None

    def pulse_age_s(self) -> float:
        """Seconds since the interlock last spoke; infinite before it does."""
        return self._clock() - self._pulse_at

    def due(self, size: int, acked: int, log: int) -> BoxState | None:
        """The state to publish now, None when nothing has to be said; `log` is the epoch that has `size` leaves."""
        state = self._state(size, acked, log)
        if self._told is not None and self._same(state, self._told) and self._clock() - self._told_at < EVERY_S:
            return None
        return state

    def told(self, state: BoxState) -> None:
        """The broker took it."""
        self._told, self._told_at = state, self._clock()

    def _state(self, size: int, acked: int, log: int) -> BoxState:
        now_ms = time.time_ns() // 1_000_000
        status = self.status
        if status is None or self.pulse_age_s() > SILENT_S:
            return BoxState(
                online=True, box=self._box, t=now_ms, baseline=self._baseline, size=size, acked=acked, log=log
            )
        return BoxState(
            online=True, box=self._box, t=now_ms, state=status.state,
            since=status.t - (status.at_us - status.since_us) // 1000,
            permit=status.permit.id if status.permit else "",
            first_out=_code(status.first_out) if status.first_out else "",
            reasons=tuple(_code(reason) for verdict in status.verdicts if not verdict.ok for reason in verdict.reasons),
            baseline=status.baseline, size=size, acked=acked, log=log,
            deadline=_until(status, "deadline"), fire_watch_until=_until(status, "fire_watch"),
        )  # fmt: skip

    @staticmethod
    def _same(new: BoxState, old: BoxState) -> bool:
        """Whether nothing changed that has to be told at once."""
        for field in ("since", "deadline", "fire_watch_until"):
            if abs(getattr(new, field) - getattr(old, field)) > JITTER_MS:
                return False
        words = ("state", "permit", "first_out", "reasons", "baseline")
        return all(getattr(new, field) == getattr(old, field) for field in words)


def _until(status: Status, what: str) -> int:
    """Wall ms at which the earliest countdown of this kind ends, 0 without one."""
    ends = [_wall(status, countdown) for countdown in status.countdowns if countdown.what == what]
    return min(ends, default=0)


def _wall(status: Status, countdown: CountdownView) -> int:
    return status.t + (countdown.until_us - status.at_us) // 1000
