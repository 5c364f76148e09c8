"""How much one box may send. What is over it is refused and counted; no other box waits for it.

Kept in memory by the one process that hears the boxes: after its restart everybody begins anew. A box whose log was
refused sends it again later, so that nothing is lost. Alarms have a share of their own, which neither its log nor the
log's checkpoints can use up; so have recordings.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.errors import ContractError

MINUTE_S, DAY_S = 60.0, 86_400.0
MESSAGES_PER_MIN = 3000
"""Messages beside log and alarms: states, checkpoints, answers."""
ALARMS_PER_MIN = 3000
MEDIA_BYTES_PER_DAY = 16 * 2**30
"""Recordings: three boxes' shifts of eight hours fit into a day of one."""
LEAST_MEDIA_BYTES = 4096
"""What a message of theirs costs at least: one that only asks is as much work as a piece."""
REPORT_S = 1.0
"""A flood of refusals is written down so often: its records would be a flood, too."""


@dataclass(frozen=True)
class Limits:
    """What a box may send: records a minute and bytes a day of its log."""

    leaves_per_min: int
    bytes_per_day: int


@dataclass
class _Window:
    """Counts within a span that begins with the first that is counted."""

    span_s: float
    since: float = float("-inf")
    used: int = 0

    def used_at(self, now: float) -> int:
        if now - self.since >= self.span_s:
            self.since, self.used = now, 0
        return self.used


@dataclass
class _Account:
    leaves: _Window = field(default_factory=lambda: _Window(MINUTE_S))
    bytes: _Window = field(default_factory=lambda: _Window(DAY_S))
    messages: _Window = field(default_factory=lambda: _Window(MINUTE_S))
    alarms: _Window = field(default_factory=lambda: _Window(MINUTE_S))
    media: _Window = field(default_factory=lambda: _Window(DAY_S))
    log_refused: float = float("-inf")
    refused: int = 0
    reported: float = float("-inf")


class Quotas:
    """One account a box; a stranger's name has none, all strangers share one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def take(self, box: str, leaf: str, size: int, limits: Limits) -> None:
        """Charge a message of `size` bytes before anything is done with it.

        A checkpoint of records that were just refused is refused with them: it would be answered with a demand for
        them, and the box would send them at once and in vain. Left without an answer, it waits and sends them later.

        Raises:
            ContractError: the box has used up its share; nothing is charged.
        """
        now, account = self._clock(), self._accounts.setdefault(box, _Account())
        if leaf == "log":
            _take_log(account, size, limits, now)
        elif leaf == "live":
            _take_one(account.alarms, "alarms", ALARMS_PER_MIN, now)
        elif leaf == "media":
            _take_media(account, size, now)
        else:
            if leaf == "cp" and now - account.log_refused < MINUTE_S:
                raise _over("checkpoint", "a checkpoint of records that were not refused")
            _take_one(account.messages, "messages", MESSAGES_PER_MIN, now)

    def leaves(self, box: str, count: int) -> None:
        """Charge the records of a batch that was unpacked."""
        self._accounts.setdefault(box, _Account()).leaves.used += count

    def report(self, box: str) -> int:
        """One more message was refused: how many to write down now, 0 while the last report is fresh."""
        now, account = self._clock(), self._accounts.setdefault(box, _Account())
        account.refused += 1
        if now - account.reported < REPORT_S:
            return 0
        count, account.refused, account.reported = account.refused, 0, now
        return count


def _take_log(account: _Account, size: int, limits: Limits, now: float) -> None:
    account.log_refused = now
    if account.leaves.used_at(now) >= limits.leaves_per_min:
        raise _over("leaves", f"at most {limits.leaves_per_min} records a minute")
    if account.bytes.used_at(now) + size > limits.bytes_per_day:
        raise _over("bytes", f"at most {limits.bytes_per_day} bytes of log a day")
    account.bytes.used, account.log_refused = account.bytes.used + size, float("-inf")


def _take_media(account: _Account, size: int, now: float) -> None:
    size = max(size, LEAST_MEDIA_BYTES)
    if account.media.used_at(now) + size > MEDIA_BYTES_PER_DAY:
        raise _over("media", f"at most {MEDIA_BYTES_PER_DAY} bytes of recordings a day")
    account.media.used += size


def _take_one(window: _Window, what: str, most: int, now: float) -> None:
    if window.used_at(now) >= most:
        raise _over(what, f"at most {most} {what} a minute beside the log")
    window.used += 1


def _over(what: str, limit: str) -> ContractError:
    return ContractError(f"quota.{what}", limit, "more", "find out why it sends so much, or allow the box more")
