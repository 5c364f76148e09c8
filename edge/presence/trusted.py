"""The file of badge secrets as it is now: a badge that was withdrawn is not believed a second later."""

import asyncio
import logging
from pathlib import Path

from contracts.errors import ContractError
from edge.presence.badges import load_secrets
from edge.presence.sieve import Sieve

LOOK_EVERY_S = 1.0

log = logging.getLogger(__name__)


class TrustedBadges:
    """Looks whether the file was changed, and tells the sieve."""

    def __init__(self, path: Path, sieve: Sieve) -> None:
        """Nothing is read before the first `look`."""
        self._path = path
        self._sieve = sieve
        self._known: tuple[int, ...] | None = None

    def look(self) -> None:
        """Read a file that changed. One that cannot be read or is refused leaves no badge that is believed."""
        try:
            about = self._path.stat()
            now = (about.st_ino, about.st_mtime_ns, about.st_size, about.st_mode)
            if now == self._known:
                return
            secrets = load_secrets(self._path)
        except (ContractError, OSError) as error:
            self._known = None
            if self._sieve.secrets:
                log.warning("no badge is believed any more: %s", error)
            self._sieve.trust({})
            return
        self._known = now
        self._sieve.trust(secrets)

    async def follow(self) -> None:
        """Look again and again until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY_S)
