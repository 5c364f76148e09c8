"""What the panel remembers between two looks: what it says, since when, whether it is silenced or tested. No I/O."""

from edge.interlock.status import Status
from edge.panel.patterns import NEVER_SILENT, NOBODY, TABLE, Meaning, Said, Show, say
from edge.panel.wiring import OUTPUTS

SILENT_US = 900_000
"""The interlock speaks twice a second; after this much silence its last word says nothing about now."""
TEST_US = 5_000_000


class Mind:
    """Times are CLOCK_BOOTTIME in microseconds."""

    def __init__(self, silence_s: int, now_us: int) -> None:
        """Until the interlock speaks it is silent."""
        self._silence_us = silence_s * 1_000_000
        self._heard_us = now_us
        self._said = NOBODY
        self._since_us = now_us
        self._sound_since_us = now_us
        self._test_until_us = 0
        self._quiet_until_us = 0

    def hear(self, status: Status, now_us: int) -> None:
        """The interlock spoke."""
        self._heard_us = now_us
        self._turn_to(say(status), now_us)

    def lost(self, now_us: int) -> None:
        """Nobody answers: its last word counts no longer."""
        self._turn_to(NOBODY, now_us)

    def silence(self, now_us: int) -> bool:
        """Silence the buzzer for the declared time; False when what it says must go on."""
        self.look(now_us)
        if self._said.meaning in NEVER_SILENT:
            return False
        self._quiet_until_us = now_us + self._silence_us
        return True

    def test(self, now_us: int) -> None:
        """Light and sound everything for some seconds."""
        self._test_until_us = now_us + TEST_US

    def look(self, now_us: int) -> Said:
        """What is said now: a lamp test hides everything but what must not wait."""
        if now_us - self._heard_us >= SILENT_US:
            self.lost(now_us)
        urgent = self._said.meaning in (Meaning.EVACUATE, Meaning.FAULT, Meaning.SILENT)
        if now_us < self._test_until_us and not urgent:
            return Said(Meaning.TEST)
        return self._said

    def quiet_ms(self, now_us: int) -> int:
        """How long the buzzer stays silenced; 0 when it is not."""
        if self._said.meaning in NEVER_SILENT:
            return 0
        return max(0, (self._quiet_until_us - now_us) // 1000)

    def levels(self, now_us: int) -> dict[str, bool]:
        """On or off, for every output."""
        said = self.look(now_us)
        levels = {name: said.show.rhythm(name).at(self._ms(name, said.show, now_us)) for name in OUTPUTS}
        if said.meaning is not Meaning.TEST and self.quiet_ms(now_us):
            levels["buzzer"] = False
        return levels

    def next_us(self, now_us: int) -> int:
        """When to look again at the latest."""
        show = self.look(now_us).show
        changes = [show.rhythm(name).change_ms(self._ms(name, show, now_us)) for name in OUTPUTS]
        times = [now_us + ms * 1000 for ms in changes if ms is not None]
        ends = (self._heard_us + SILENT_US, self._test_until_us, self._quiet_until_us)
        return min([*times, *(end for end in ends if end > now_us), now_us + 1_000_000])

    def _ms(self, name: str, show: Show, now_us: int) -> int:
        """How long this output's rhythm has been running; a lamp test has none, flashes are counted from the first."""
        if show is TABLE[Meaning.TEST]:
            return 0
        anew = name == "buzzer" or (name == "white" and self._said.prompt is not None)
        return (now_us - (self._sound_since_us if anew else self._since_us)) // 1000

    def _turn_to(self, said: Said, now_us: int) -> None:
        if said == self._said:
            return
        if said.meaning is not self._said.meaning:
            self._since_us = now_us
        # A new cause sounds again, from its first beep. What only grows more urgent is the same cause.
        same = said.cause == self._said.cause and said.cause != ""
        if not same:
            self._quiet_until_us = 0
        self._sound_since_us = now_us
        self._said = said
