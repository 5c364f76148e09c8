"""What comes down from the bridge, turned into offers for the interlock. Nothing is believed here.

A cosigned checkpoint is looked at before it is passed on, so that forgeries do not even cost the interlock a check; the
interlock decides all the same, and only what it has stored in the log moves the cursor.
"""

import logging
from collections.abc import Callable

import msgspec

from contracts.checkpoint import NoteKey, verify_cosignature
from contracts.errors import ContractError
from contracts.topics import Nak, parse
from edge.interlock.evidence import AckOffer, CommandOffer, Evidence, FaceOffer, PermitOffer, RevocationOffer
from edge.link.outbox import Outbox
from edge.sockets import now_us

MAX_JWS = 32768
MAX_NOTE = 4096

_logger = logging.getLogger(__name__)
_OFFERS: dict[str, Callable[[int, str], Evidence]] = {
    "permit": PermitOffer,
    "revoke": RevocationOffer,
    "cmd": CommandOffer,
    "faces": FaceOffer,
}


class Inbox:
    """Sorts incoming messages.

    Attributes:
        refused: messages that were not what their topic promises, forged acknowledgements among them.
        passed: offers handed to the interlock.
    """

    def __init__(self, witness: NoteKey | None, outbox: Outbox, offer: Callable[[Evidence], bool]) -> None:
        """`offer` hands evidence to the interlock; the outbox is rewound when the bridge misses leaves."""
        self.refused = self.passed = 0
        self._witness, self._outbox, self._offer = witness, outbox, offer
        self._last_us = 0
        self._standing: dict[str, str] = {}

    def offer_again(self) -> None:
        """The interlock is new: hand it what the bridge retains, it will not be sent again."""
        for leaf, text in self._standing.items():
            self._pass(AckOffer(self._stamp(), text) if leaf == "ack" else RevocationOffer(self._stamp(), text))

    def take(self, topic: str, payload: bytes) -> None:
        """Handle one message."""
        try:
            _, _, leaf = parse(topic)
            text = payload.decode("ascii" if leaf in _OFFERS else "utf-8")
            if leaf == "ack":
                self._acknowledged(text)
                return
            if leaf in _OFFERS and 0 < len(text) <= MAX_JWS:
                if leaf == "revoke":
                    self._standing[leaf] = text
                self._pass(_OFFERS[leaf](self._stamp(), text))
                return
        except (ValueError, msgspec.MsgspecError) as error:
            _logger.warning("%s: %s", topic, str(error)[:200])
        self.refused += 1

    def _acknowledged(self, text: str) -> None:
        if text.startswith("{"):
            nak = msgspec.json.decode(text, type=Nak)
            tail = self._outbox.tails.find(nak.origin)
            if tail is not None:
                tail.wanted(nak.want, held=nak.held)
            elif nak.held:
                self._outbox.held(nak.origin, nak.want)
            elif not self._outbox.rewind(nak.origin, nak.want):
                _logger.warning("the bridge asks for leaf %d of %s, which this log does not have", nak.want, nak.origin)
            return
        if len(text.encode()) > MAX_NOTE:
            raise ContractError("ack", f"at most {MAX_NOTE} bytes", f"{len(text)}")
        if self._witness is not None:
            checkpoint, _ = verify_cosignature(text, self._witness)
            tail = self._outbox.tails.find(checkpoint.origin)
            if tail is not None:
                tail.acknowledged(checkpoint.size)
                return
            self._outbox.acknowledged(checkpoint.origin, checkpoint.size)
        self._standing["ack"] = text
        self._pass(AckOffer(self._stamp(), text))

    def _pass(self, item: Evidence) -> None:
        if self._offer(item):
            self.passed += 1

    def _stamp(self) -> int:
        """Capture time; the interlock rejects stamps that do not rise."""
        self._last_us = max(now_us(), self._last_us + 1)
        return self._last_us
