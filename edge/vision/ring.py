"""What the ring of recordings may hold, and what goes to make room. Pure: sizes and times are handed in.

Three reasons let a segment go: it is older than it is kept (then it must go, with its salt); there is no room and its
permit's level does not ask for it; somebody erased it, which is not decided here. What must be kept is never
overwritten: a ring that is full of it records nothing more, and says so long before.
"""

from collections.abc import Collection

import msgspec

BLOCK_BYTES = 4096
"""Of a file system: a file takes whole ones, and its name one more at most."""
LEAST_FREE_BYTES = 256 * 2**20
"""What the recorder leaves of its filesystem for everybody else, the log above all; of a small one its last tenth."""


class Now(msgspec.Struct, frozen=True):
    """What time it is, seconds since 1970, by whom one asks; 0 where nobody can say.

    `believed`: the wall clock, which somebody can set. `certain`: so much of it as signed time bears out, with
    CLOCK_BOOTTIME since. `signed`: so much of that as was itself signed.
    """

    believed: int = 0
    certain: int = 0
    signed: int = 0


class Held(msgspec.Struct, frozen=True):
    """A segment of the ring: bytes on the disk, when it ended (seconds since 1970), how long it is kept.

    `keep`: nothing overwrites it until then. `dated`: a clock that was believed says when it ended; else nobody knows.
    `owed`: the bridge is to have it, and has not said that it does. `at_bridge`: it has signed that it holds it, too.
    """

    commitment: str
    bytes: int
    ended_s: int
    keep: bool
    keep_d: int
    dated: bool = True
    owed: bool = False
    at_bridge: bool = False

    @property
    def until_s(self) -> int:
        """Until when it is kept, seconds since 1970."""
        return self.ended_s + self.keep_d * 86_400

    def is_over(self, now: Now) -> bool:
        """Whether it has been kept for long enough; with no clock to be believed, now or then, nothing has.

        A clock that is set forward, even one that is believed, is no reason to delete what must be kept: that goes by
        the time that is certain, and while this is the only copy not before somebody has signed that it is over. What
        must be kept and is still to go to the bridge never goes by its age.
        """
        if not now.believed or not self.dated or (self.keep and self.owed):
            return False
        by = now.believed if not self.keep else now.certain if self.at_bridge else now.signed
        return self.until_s < by


class Plan(msgspec.Struct, frozen=True):
    """What goes before the next segment begins, oldest first, and whether that segment fits then."""

    remove: tuple[Held, ...]
    fits: bool


def on_disk(*sizes: int) -> int:
    """Bytes that files of such sizes take."""
    return sum((1 + -(-size // BLOCK_BYTES)) * BLOCK_BYTES for size in sizes)


def bound(most: int, used: int, fs_free: int, fs_total: int) -> int:
    """How large the ring may be now: what was configured, or less on a filesystem that others have filled.

    Args:
        most: bytes that the configuration gives it.
        used: bytes that it takes.
        fs_free: bytes that are free on its filesystem.
        fs_total: how large that is.
    """
    spare = fs_free - min(LEAST_FREE_BYTES, fs_total // 10)
    return max(0, min(most, used + spare))


def plan(held: Collection[Held], most: int, need: int, now: Now) -> Plan:
    """Make room for `need` bytes in a ring of `most` bytes.

    What is older than it is kept goes whether or not there is need of room; the others, oldest first, only where that
    makes the next segment fit.
    """
    over = tuple(each for each in _by_age(held) if each.is_over(now))
    rest = [each for each in _by_age(held) if not each.is_over(now)]
    used = sum(each.bytes for each in rest)
    loose: list[Held] = []
    for each in rest:
        if used + need <= most:
            break
        if not each.keep:
            loose.append(each)
            used -= each.bytes
    fits = used + need <= most
    return Plan((*over, *(loose if fits else ())), fits)


def room(held: Collection[Held], most: int, now: Now) -> int:
    """Bytes that can be recorded without touching what must be kept."""
    return max(0, most - sum(each.bytes for each in held if each.keep and not each.is_over(now)))


def _by_age(held: Collection[Held]) -> list[Held]:
    return sorted(held, key=lambda each: (each.ended_s, each.commitment))
