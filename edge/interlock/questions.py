"""The nonce that binds answers of `vision` to the question that stands: what answers an older one is not present.

One nonce is good for one try of one person. It is drawn anew when a try ends, when the permit changes and when a
release begins or ends. The process keeps it: the kernel never sees what was not accepted.
"""

import secrets
from collections.abc import Callable

from edge.interlock.conditions import Facts
from edge.interlock.evidence import Evidence, Face, Prompt
from edge.interlock.state import Mode


def draw() -> str:
    """A nonce that nobody can foresee."""
    return secrets.token_hex(8)


class Questions:
    """What is asked now. `nonce` is told to `vision` with whom to look for."""

    def __init__(self, drawn: Callable[[], str] = draw) -> None:
        """Ask under a first nonce."""
        self._drawn = drawn
        self._about: tuple[str, int] = ("", 0)
        self.nonce = drawn()

    def answers(self, item: Evidence) -> bool:
        """Whether it answers what is asked now; true for all that is no answer."""
        return not isinstance(item, Face | Prompt) or item.nonce == self.nonce

    def heard(self, item: Evidence) -> bool:
        """Take in what was accepted; true when a try has ended with it and the next question is another one."""
        ended = isinstance(item, Prompt) and item.result != "open"
        if ended:
            self.nonce = self._drawn()
        return ended

    def follow(self, f: Facts) -> None:
        """Another permit, a release that begins or ends: what was answered before is about something else."""
        released = f.durable.mode is Mode.RELEASED
        about = (f.permit.jti if f.permit is not None else "", f.durable.released_us if released else 0)
        if about != self._about:
            self._about = about
            self.nonce = self._drawn()
