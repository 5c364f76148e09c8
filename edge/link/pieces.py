"""Cutting the log into pieces for a slow line: small ones, so that an alarm waits a quarter of a second at most."""

import msgspec

from contracts.topics import MAX_BATCH_EVENTS, pack_batch
from edge.audit.reader import Reader

PIECE_BYTES = 8 * 1024  # 0.26 s of a line with 256 kbit/s
_RAW_BYTES = 256 * 1024
_FIRST_RATIO, _MARGIN = 0.25, 0.9


class Batch(msgspec.Struct, frozen=True):
    """A packed up/log payload and the leaves ``[first, end)`` that it holds."""

    first: int
    end: int
    payload: bytes


class Packer:
    """Packs pieces of at most `PIECE_BYTES`; a single leaf that does not fit goes alone.

    How far leaves compress is learnt from the piece before, so that few are compressed twice.
    """

    def __init__(self) -> None:
        """Nothing learnt yet."""
        self._ratio = _FIRST_RATIO

    def pack(self, reader: Reader, origin: str, first: int, end: int) -> Batch | None:
        """The piece that begins with leaf `first` and does not go beyond `end`; None when no leaf is there.

        Raises:
            sqlite3.Error: the log cannot be read.
        """
        raw = min(_RAW_BYTES, int(_MARGIN * PIECE_BYTES / self._ratio))
        leaves = reader.leaves(first, min(MAX_BATCH_EVENTS, end - first), raw)
        return self.pack_leaves(origin, first, leaves) if leaves else None

    def pack_leaves(self, origin: str, first: int, leaves: list[bytes]) -> Batch:
        """The piece with as many of these leaves, one at least, as fit."""
        while True:
            payload = pack_batch(origin, first, leaves)
            self._ratio = len(payload) / sum(map(len, leaves))
            if len(payload) <= PIECE_BYTES or len(leaves) == 1:
                return Batch(first, first + len(leaves), payload)
            leaves = leaves[: max(1, int(_MARGIN * len(leaves) * PIECE_BYTES / len(payload)))]
