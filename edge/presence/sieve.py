"""Broadcasts to evidence: verified, from one radio, strong for long enough, and not too much of it. No I/O."""

import logging
from collections.abc import Mapping

from edge.interlock.evidence import Badge, BadgeRefused
from edge.presence import badges
from edge.presence.badges import BadgeVerdict
from edge.presence.nearness import AWAY, Limits, Trace, hear

BADGE_EVERY_US = 200_000
REFUSED_EVERY_US = 1_000_000
REFUSED_PER_S = 10
"""Invented badge numbers cost nothing to broadcast: refusals of all badges together are bounded too."""
CLONE_US = 5_000_000
"""A badge has one radio: its identifiers from two addresses within this time are a copy beside the original."""
WEAK = "weak"
"""Why a badge that verifies is no evidence: it is too far away."""
NOT_HEARD_DBM = -127
"""BlueZ takes the RSSI away when a scan window ends and reports that as a change; bleak then says -127."""

log = logging.getLogger(__name__)


class Sieve:
    """Judges broadcasts one by one."""

    def __init__(self, secrets: Mapping[int, bytes], limits: Limits) -> None:
        """Believe the badges that have a secret, by these limits of nearness."""
        self.secrets = secrets
        self._limits = limits
        self._traces: dict[int, Trace] = {}
        self._sent: dict[int, int] = {}
        self._refused: dict[tuple[int, str], int] = {}
        self._weak: dict[tuple[int, str], int] = {}
        self._radios: dict[int, dict[str, int]] = {}

    def trust(self, secrets: Mapping[int, bytes]) -> None:
        """Go by other secrets from now on; a badge whose secret was changed or withdrawn must come anew."""
        for badge in [number for number in self._traces if secrets.get(number) != self.secrets.get(number)]:
            del self._traces[badge]
        self.secrets = secrets

    def take(self, data: bytes, address: str, rssi_dbm: int, at_us: int, unix_s: float) -> Badge | BadgeRefused | None:
        """Judge the manufacturer data of one broadcast heard at a time; None when there is nothing to tell (now)."""
        checked = badges.check(data, self.secrets, unix_s)
        if checked.verdict is BadgeVerdict.MALFORMED:
            # Company 0xFFFF is anybody's: this is no badge at all.
            return None
        if checked.verdict is BadgeVerdict.UNKNOWN and rssi_dbm < self._limits.gone_dbm:
            # Somebody else's badge far away is nobody who came in.
            return None
        if checked.verdict is not BadgeVerdict.OK:
            return _refuse(self._refused, checked.badge, checked.verdict.value, at_us)
        badge = checked.badge
        if self._cloned(badge, address, at_us):
            return _refuse(self._refused, badge, BadgeVerdict.CLONED.value, at_us)
        before = self._traces.get(badge, AWAY)
        trace = self._traces[badge] = hear(before, rssi_dbm, at_us, self._limits)
        if trace.heard_us != at_us:
            return _refuse(self._weak, badge, WEAK, at_us)
        if not trace.here or at_us - self._sent.get(badge, -BADGE_EVERY_US) < BADGE_EVERY_US:
            return None
        self._sent[badge] = at_us
        return Badge(at_us, badge, rssi_dbm, checked.battery)

    def _cloned(self, badge: int, address: str, at_us: int) -> bool:
        """Whether another radio sends the same badge's identifiers at the same time: neither is believed then."""
        radios = self._radios.get(badge)
        if radios is not None and len(radios) == 1 and address in radios:
            radios[address] = at_us
            return False
        heard = {other: at for other, at in (radios or {}).items() if at_us - at <= CLONE_US}
        self._radios[badge] = heard
        heard[address] = at_us
        if len(heard) > 1 and radios is not None and len(radios) == 1:
            log.warning("badge %d is heard from two radios at the same time", badge)
        return len(heard) > 1


def _refuse(recent: dict[tuple[int, str], int], badge: int, why: str, at_us: int) -> BadgeRefused | None:
    """A refusal, once a second for each badge and at most so many a second for all."""
    for key in [key for key, at in recent.items() if at_us - at >= REFUSED_EVERY_US]:
        del recent[key]
    if len(recent) >= REFUSED_PER_S or any(number == badge for number, _ in recent):
        return None
    recent[badge, why] = at_us
    return BadgeRefused(at_us, badge, why)
