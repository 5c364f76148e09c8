"""How many looks a face needs: one lucky frame verifies nobody. Pure; times are handed in."""

from collections import deque
from typing import NamedTuple

from faces.policy import Policy

_US = 1_000_000


class _Look(NamedTuple):
    at_us: int
    matched: bool


class Vote:
    """The newest looks at each person: `need_frames` of the last `of_frames` must have matched, within `frames_s`."""

    def __init__(self, policy: Policy) -> None:
        """Nobody has been looked at."""
        self._policy = policy
        self._looks: dict[str, deque[_Look]] = {}

    def see(self, person: str, at_us: int, *, matched: bool) -> None:
        """One look in which this person could have been seen; `at_us` is when its picture was taken."""
        self._looks.setdefault(person, deque(maxlen=self._policy.of_frames)).append(_Look(at_us, matched))

    def holds(self, person: str, now_us: int) -> bool:
        """Whether enough looks agree, the newest among them."""
        looks = self._looks.get(person)
        if not looks or not looks[-1].matched:
            return False
        oldest_us = now_us - self._policy.frames_s * _US
        return sum(look.matched and look.at_us >= oldest_us for look in looks) >= self._policy.need_frames

    def forget(self) -> None:
        """Begin anew: other people are looked for, or under another nonce."""
        self._looks.clear()
