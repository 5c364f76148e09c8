"""The nonce that binds answers of `vision` to the question that stands: what answers an older one is not present.

One nonce is good for one try of one person. It is drawn anew when a try ends, when the permit changes and when a
release begins or ends; and when the last word of a try was lost on its way, or the Wanted was: who has used a nonce up
asks nobody under it. The process keeps it: the kernel never sees what was not accepted.
"""

import secrets
from collections.abc import Callable

from edge.interlock.conditions import Facts
from edge.interlock.evidence import Evidence, Face, Prompt
from edge.interlock.state import Mode

SILENT_US = 5_000_000
"""After the end of a movement's time its outcome is told within a second or two, however busy the machine."""
UNANSWERED_US = 60_000_000
"""While somebody is to be asked and no try begins: nobody may stand there, or the question was lost."""


def draw() -> str:
    """A nonce that nobody can foresee."""
    return secrets.token_hex(8)


class Questions:
    """What is asked now. `nonce` is told to `vision` with whom to look for."""

    def __init__(self, drawn: Callable[[], str] = draw) -> None:
        """Ask under a first nonce."""
        self._drawn = drawn
        self._about: tuple[str, int] = ("", 0)
        self._since_us: int | None = None
        """Since when the present nonce waits for a try; None while nobody is to be asked."""
        self.nonce = drawn()

    def answers(self, item: Evidence) -> bool:
        """Whether it answers what is asked now; true for all that is no answer."""
        return not isinstance(item, Face | Prompt) or item.nonce == self.nonce

    def heard(self, item: Evidence) -> bool:
        """Take in what was accepted; true when a try has ended with it and the next question is another one."""
        ended = isinstance(item, Prompt) and item.result != "open"
        if ended:
            self._renew()
        return ended

    def follow(self, f: Facts, *, asked: bool) -> None:
        """Another permit, a release that begins or ends: what was answered before is about something else.

        `asked`: somebody is to prove to be alive.
        """
        released = f.durable.mode is Mode.RELEASED
        about = (f.permit.jti if f.permit is not None else "", f.durable.released_us if released else 0)
        if about != self._about or self._is_lost(f):
            self._about = about
            self._renew()
        if not asked:
            self._since_us = None
        elif self._since_us is None:
            self._since_us = f.now_us

    def _is_lost(self, f: Facts) -> bool:
        """Nothing more is to be expected under this nonce, and nobody said so."""
        prompt = f.snapshot.prompt
        if prompt is not None and prompt.nonce == self.nonce:
            return f.now_us - prompt.until_us > SILENT_US
        return self._since_us is not None and f.now_us - self._since_us > UNANSWERED_US

    def _renew(self) -> None:
        self.nonce, self._since_us = self._drawn(), None
