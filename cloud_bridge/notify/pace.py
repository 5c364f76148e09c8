"""How often and how long a message is tried. Pure."""

import msgspec


class Pace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One urgency's pace, in seconds.

    Attributes:
        retry_s: pauses between attempts; the last one repeats.
        fall_back_s: after failing so long on one channel, the person's next one is taken.
        give_up_s: a message that no channel took for so long is given up, and shown as such.
    """

    retry_s: tuple[float, ...]
    fall_back_s: float
    give_up_s: float

    def __post_init__(self) -> None:
        """Refuse a pace that would never try again, or spin."""
        if not self.retry_s or min(self.retry_s) < 0.05:
            raise ValueError("retry_s: expected pauses of at least 0.05 s")
        if self.fall_back_s < 0 or self.give_up_s <= 0:
            raise ValueError("fall_back_s and give_up_s: expected durations above 0")

    def pause_s(self, attempts: int) -> float:
        """How long to wait after so many failed attempts."""
        return self.retry_s[min(attempts, len(self.retry_s)) - 1]


ORDINARY = Pace((10, 30, 60, 300, 900), fall_back_s=600, give_up_s=86_400)
EMERGENCY = Pace((2, 5, 10, 20, 30, 60), fall_back_s=0, give_up_s=86_400)
"""An emergency goes out on all of the person's channels at once; a bridge that is offline for hours still says it."""
