"""The lane of recordings, below all others: one segment at a time, in pieces, from where the bridge has it.

Nothing is remembered here: the bridge is asked how much it has, and vision which segment is next. After a time without
a line it goes on where it was, to the byte, while the bridge keeps what has come (two weeks). Pure but for its clock.
"""

from collections.abc import Callable

import msgspec

from contracts.media import MAX_PIECE_BYTES, MediaAnswer, Piece, is_to

WINDOW_BYTES = 64 * 1024
"""Under way without a word of the bridge."""
PATIENCE_S, PATIENCE_MAX_S = 2.0, 60.0
LATER_S = 5.0
"""After the bridge put one off; vision gives another one first. Twice as long each time, while it takes none."""
SAME_GAP_S = 0.5


class Going(msgspec.Struct, frozen=True):
    """What goes now: a piece of the segment, `bytes` of it from `piece.at` on; none of them asks how much is there."""

    piece: Piece
    bytes: int


class MediaLane:
    """Where the one segment stands. Not thread-safe.

    Attributes:
        pieces, done: pieces that went, segments that the bridge holds since the start.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Nothing to send; `clock` counts seconds."""
        self.pieces = self.done = 0
        self._clock = clock
        self._clip: Piece | None = None
        self._have = self._next = 0
        self._told = False
        self._ask_at = 0.0
        self._patience = PATIENCE_S
        self._gap = (-1, float("-inf"))
        self._rest_until = float("-inf")
        self._rest_s = LATER_S

    @property
    def is_free(self) -> bool:
        """It waits for a segment."""
        return self._clip is None and self._clock() >= self._rest_until

    def is_for(self, answer: MediaAnswer) -> bool:
        """Whether the bridge answers this lane: others may send pieces, too, under the name of the segment."""
        return self._clip is not None and is_to(answer, self._clip)

    def begin(self, commitment: str, size: int, salt: str) -> None:
        """This one goes next."""
        self._clip = Piece(commitment, size, salt, signed=True, bound=True)
        self.connected()

    def connected(self) -> None:
        """A new connection: nobody knows what of the last one arrived."""
        self._told, self._have, self._next = False, 0, 0
        self._ask_at, self._patience = self._clock(), PATIENCE_S
        self._gap = (-1, float("-inf"))

    def drop(self) -> None:
        """It is not there any more."""
        self._clip = None

    def going(self) -> Going | None:
        """What goes now, if anything may."""
        clip, now = self._clip, self._clock()
        if clip is None:
            return None
        if self._told and self._next < clip.size and self._next - self._have < WINDOW_BYTES:
            size = min(MAX_PIECE_BYTES, clip.size - self._next)
            return Going(msgspec.structs.replace(clip, at=self._next), size)
        return Going(clip, 0) if now >= self._ask_at else None

    def went(self, going: Going) -> None:
        """The broker took it."""
        self.pieces += 1
        self._ask_at = self._clock() + self._patience
        if going.bytes:
            self._next = going.piece.at + going.bytes
        else:
            self._told = False
            self._patience = min(self._patience * 2, PATIENCE_MAX_S)

    def wait_s(self) -> float:
        """Seconds until something may go without an answer, at most a while."""
        until = self._rest_until if self._clip is None else self._ask_at
        return min(PATIENCE_MAX_S, max(0.0, until - self._clock()))

    def answered(self, answer: MediaAnswer) -> MediaAnswer | None:
        """The bridge's word; given back where it ends this segment for now: held, refused or later."""
        clip = self._clip
        if clip is None or answer.commitment != clip.commitment or answer.have > clip.size:
            return None
        if answer.state == "want":
            self._go_on(answer)
            return None
        self._clip = None
        self.done += answer.state == "held"
        if answer.state == "later":
            self._rest_until = self._clock() + self._rest_s
            self._rest_s = min(self._rest_s * 2, PATIENCE_MAX_S)
        else:
            self._rest_s = LATER_S
        return answer

    def _go_on(self, answer: MediaAnswer) -> None:
        now, self._rest_s = self._clock(), LATER_S
        self._patience = PATIENCE_S
        self._ask_at = now + self._patience
        if not self._told:
            self._told, self._have, self._next = True, answer.have, answer.have
            return
        if answer.again:
            place, at = self._gap
            if place == answer.have and now - at < SAME_GAP_S:
                return  # one gap, told once for each piece beyond it
            self._gap = (answer.have, now)
            self._have = self._next = answer.have
        else:
            self._have = max(self._have, answer.have)
