"""Read lengths as a sequence tag: which one to ask for, so that no late reply can pass as the answer.

A Modbus RTU reply names unit, function and length, nothing else. So lengths rotate, and a length that was asked for and
never answered is not asked for again while its reply may still come. Where no length is left the unit is not asked at
all for that long: silence is what replaces the tag.
"""

from collections.abc import Sequence

UNANSWERED_POLLS = 6
"""A reply later than this many polls is expected no more; five polls late is the worst that a line is held to."""


class Unanswered:
    """Lengths that one unit was asked for by one function and did not answer, with the moment of the request."""

    def __init__(self, memory_s: float) -> None:
        """`memory_s`: how late a reply may come; 0 where something else ties a reply to its request."""
        self._memory_s = memory_s
        self._since: dict[int, float] = {}

    def note(self, length: int, now: float) -> None:
        """It was asked for, not after `now`, and no right answer came."""
        self._since[length] = now

    def free_at(self, length: int) -> float:
        """When a reply of this length can only be the answer."""
        since = self._since.get(length)
        return 0.0 if since is None else since + self._memory_s


class Tag:
    """Chooses the length of one block's requests; blocks of the same unit and function share what is unanswered."""

    def __init__(self, lengths: Sequence[int], unanswered: Unanswered) -> None:
        """`lengths` from the shortest that holds everything needed."""
        self._lengths = tuple(lengths)
        self._unanswered = unanswered
        self._next = 0
        self._asked = self._lengths[0]

    def choose(self, now: float) -> int:
        """The next length whose reply could be no other request's; without one, that which has waited longest."""
        count = len(self._lengths)
        turns = [self._lengths[(self._next + step) % count] for step in range(count)]
        free = [length for length in turns if self._unanswered.free_at(length) <= now]
        self._asked = free[0] if free else min(turns, key=self._unanswered.free_at)
        self._next = (self._lengths.index(self._asked) + 1) % count
        return self._asked

    def failed(self, now: float) -> None:
        """The length just asked for was not answered."""
        self._unanswered.note(self._asked, now)

    def free_at(self) -> float:
        """From when on it may be asked: at once while a length is left."""
        return min(self._unanswered.free_at(length) for length in self._lengths)
