"""What people may ask for the log itself: another key for it, and the bridge's word for it where no network is.

Neither releases nor trips anything: the one changes who signs, the other is believed for its signature alone.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from contracts.checkpoint import Checkpoint, stated
from contracts.errors import ContractError, quote
from contracts.key_chain import KeyChain
from edge.audit import AckVerdict, AuditLog, keys

_logger = logging.getLogger(__name__)

_COMPARING_S = 5.0
_AGAIN_S = 0.05
_TODO = {
    AckVerdict.FORGED: "take it from the bridge that this box trusts, the whole file, unchanged",
    AckVerdict.FOREIGN: "it is another box's, or of another epoch: see `hotbox audit status`",
    AckVerdict.ROLLBACK: "the bridge holds more records than this box: the log was set back, nothing arms any more",
    AckVerdict.FORK: "the bridge holds other records than this box: find out why, nothing arms any more",
    AckVerdict.NO_WITNESS: "name the bridge's public key in the configuration: bridge.witness",
    AckVerdict.FAILED: "the log takes nothing at the moment: see `hotbox status`",
}


class KeyChanged(msgspec.Struct, frozen=True):
    """The log's new key, and up to how many leaves the one before it signs."""

    vkey: str
    first: int


class NoteTaken(msgspec.Struct, frozen=True):
    """A cosigned checkpoint that was brought: what became of it, its size, whether it lets a new epoch arm."""

    verdict: str
    size: int
    opens_epoch: bool


class LogCare:
    """Changes the log's key and takes notes in."""

    def __init__(self, log: AuditLog, vkey: Path, refused: Callable[[str], None]) -> None:
        """`vkey` is the file with the public keys, written here; `refused` hears why a note was not taken."""
        self._log, self._vkey, self._refused = log, vkey, refused
        self._publish(log.keys)

    async def rotate(self) -> KeyChanged:
        """Another key for the log; returns once that is durable.

        Raises:
            ContractError: the new key cannot be kept, the log does not take the record, or takes no more changes.
        """
        try:
            chain: KeyChain = await asyncio.wrap_future(self._log.rotate_key())
        except OSError as error:
            hint = "the key that signs is the one that the log names: see `hotbox audit keys`"
            raise ContractError("key", "a new key that can be kept and recorded", str(error), hint) from error
        self._publish(chain)
        return KeyChanged(chain.newest.vkey(), chain.firsts[-1])

    def _publish(self, chain: KeyChain) -> None:
        """Write the file that others read; what cannot be written now is written at the next start.

        The key is what the log says, whether or not the file can be written: neither a start nor a change ends by it.
        """
        try:
            keys.publish_chain(self._vkey, chain)
        except OSError:
            _logger.exception("the log's public keys cannot be written to %s", self._vkey)

    async def take(self, note: str) -> NoteTaken:
        """A cosigned checkpoint that a person brought from the bridge.

        Raises:
            ContractError: it is no note, the witness did not sign it, or it does not fit this log.
        """
        pending = self._log.health().epoch_pending
        wanted = f"a checkpoint of {self._log.origin} that the bridge cosigned"
        try:
            said = stated(note)
        except ContractError as error:
            self._refused("no_note")
            raise ContractError("note", wanted, f"another text, {quote(note)}", _TODO[AckVerdict.FORGED]) from error
        verdict = await self._weigh(note)
        if verdict not in (AckVerdict.ACCEPTED, AckVerdict.KNOWN):
            self._refused(verdict.value)
            raise ContractError("note", wanted, self._came(verdict, said), _TODO.get(verdict, ""))
        return NoteTaken(verdict.value, said.size, pending and verdict is AckVerdict.ACCEPTED)

    def _came(self, verdict: AckVerdict, said: Checkpoint) -> str:
        ours = self._log.health().size
        return {
            AckVerdict.FORGED: "one without the bridge's valid signature",
            AckVerdict.FOREIGN: f"one of {said.origin}",
            AckVerdict.ROLLBACK: f"one of {said.size} records, where this box has {ours}",
            AckVerdict.FORK: f"one of {said.size} records with other contents",
            AckVerdict.NO_WITNESS: "one that this box cannot check: it knows no bridge's key",
        }.get(verdict, f"one of {said.size} records that could not be compared in time")

    async def _weigh(self, note: str) -> AckVerdict:
        """The log's verdict; where its writer thread has to read the file first, it is asked until it has."""
        verdict = self._log.accept_ack(note)
        end = time.monotonic() + _COMPARING_S
        compared = verdict is AckVerdict.COMPARING
        while verdict is AckVerdict.COMPARING:
            if time.monotonic() > end:
                return AckVerdict.FAILED
            await asyncio.sleep(_AGAIN_S)
            verdict = self._log.accept_ack(note)
        return AckVerdict.ACCEPTED if compared and verdict is AckVerdict.KNOWN else verdict
