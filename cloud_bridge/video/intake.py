"""Segments that come in, piece by piece: what the log speaks of, no more than it says, and only what it committed to.

Used by the ingest process, in its database thread. What it remembers can be found out again: the database says what is
expected, the file how much of it has come.
"""

import errno
import logging
import os
import time
from dataclasses import dataclass
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_bridge.boxes.models import now_ms
from cloud_bridge.boxes.store import find_box
from cloud_bridge.video.models import Clip, ClipState
from cloud_bridge.video.room import Room
from cloud_bridge.video.shelf import Key, Shelf
from contracts.errors import ContractError
from contracts.media import FINAL, MediaAnswer, Piece, sign_answer, to_piece, unpack

log = logging.getLogger(__name__)

ANSWER_EVERY_BYTES = 16 * 1024
"""How often a segment that comes in is acknowledged: a quarter of what a box has under way."""
MOST_OPEN = 4
"""Of one box, side by side; it sends one after the other."""
IDLE_S = 600.0
"""So long nothing came of it: its place is another's."""
LATER_EACH = 3
"""So many copies that are something else: then the box is to let its other segments pass. None is ever refused for it:
whoever may publish for the box can send such copies, and the box looks at its own before it sends one.
"""
MOST_TRIES = 32_767
DEFAULT_GIB = 64
GIB = "HOTBOX_BRIDGE_VIDEO_GIB"
"""The environment's word on how much disk recordings may take."""


def most_bytes() -> int:
    """What recordings may take of the bridge's disk.

    Raises:
        SystemExit: the environment says something else than a number.
    """
    said = os.environ.get(GIB, str(DEFAULT_GIB))
    if not said.isdigit():
        raise SystemExit(f"{GIB}: expected a whole number of GiB, got {said!r}; for example {GIB}=64")
    return int(said) * 2**30


@dataclass
class _Upload:
    clip: int
    size: int
    have: int
    heard: float


@dataclass(frozen=True)
class Taken:
    """What a piece comes to: an answer to send, and what was wrong with it, to be counted."""

    answer: MediaAnswer | None = None
    wrong: ContractError | None = None


class Intake:
    """The segments that are coming in."""

    def __init__(self, shelf: Shelf, most: int, key: Ed25519PrivateKey | None = None) -> None:
        """Put them on `shelf`, at most so many bytes in all; `key` signs the last word on each."""
        self._shelf, self._room, self._key = shelf, Room(shelf, most), key
        self._open: dict[Key, _Upload] = {}

    def __call__(self, box: str, payload: bytes) -> tuple[bytes | None, ContractError | None]:
        """As the ingest process asks: what goes out on dn/media, and what was wrong.

        Raises:
            ContractError: unknown box, or no piece.
        """
        taken = self.take(box, payload)
        return (msgspec.json.encode(taken.answer) if taken.answer else None), taken.wrong

    def take(self, box: str, payload: bytes) -> Taken:
        """One message of up/media.

        Raises:
            ContractError: unknown box, or no piece.
        """
        piece, body = unpack(payload)
        taken = self._taken(box, piece, body)
        answer = taken.answer
        if answer is None:
            return taken
        if piece.bound:
            answer = to_piece(answer, piece)
        if self._key is not None and piece.signed and answer.state in FINAL:
            answer = sign_answer(answer, box, self._key)
        return Taken(answer, taken.wrong)

    def _taken(self, box: str, piece: Piece, body: bytes) -> Taken:
        key = (box, piece.commitment)
        upload = self._open.get(key)
        if upload is not None and piece.size != upload.size:
            return Taken(_other_size(piece, upload.size))
        try:
            if upload is None or not body:
                self._let_go(key)
                found = self._look(box, piece)
                if isinstance(found, MediaAnswer):
                    return Taken(found)
                upload = self._open[key] = found
            upload.heard = time.monotonic()
            if upload.have >= upload.size:  # all of it was here already, and only its end failed
                return self._whole(box, piece, upload)
            if not body:
                return Taken(_answer(piece, "want", upload.have))
            if piece.at != upload.have:
                # What came twice is let be; what is beyond a gap asks for the gap.
                return Taken(_answer(piece, "want", upload.have, again=True) if piece.at > upload.have else None)
            return self._went_on(box, piece, upload, body)
        except OSError as error:
            self._let_go(key)
            return self._put_off(box, piece, error)

    def _let_go(self, key: Key) -> None:
        """It does not go on for now: nothing of it is remembered but what lies on the disk."""
        upload = self._open.pop(key, None)
        if upload is not None:
            self._room.let_go(key, upload.have)

    def _close_others(self, box: str) -> None:
        """Before one more is opened: what nobody goes on with, and the oldest of this box's."""
        now = time.monotonic()
        for key in [key for key, upload in self._open.items() if now - upload.heard >= IDLE_S]:
            self._let_go(key)
        own = [key for key in self._open if key[0] == box]
        for key in own[: max(0, len(own) - MOST_OPEN + 1)]:
            self._let_go(key)

    @staticmethod
    def _put_off(box: str, piece: Piece, error: OSError) -> Taken:
        log.warning("a recording of %s cannot be kept: %s", box, error)
        return Taken(_answer(piece, "later", 0, detail="its disk does not take it"))

    def _look(self, box: str, piece: Piece) -> _Upload | MediaAnswer:
        """What is known of the segment: how much of it is here, or why none of it is taken."""
        found = find_box(box)
        clip = Clip.objects.filter(box=found, commitment=piece.commitment).first()
        if clip is None:
            return _answer(piece, "later", 0, detail="no record speaks of it yet")
        if clip.state == ClipState.HELD:
            return _answer(piece, "held", piece.size)
        if clip.state != ClipState.RECORDED:
            return _answer(piece, "refused", 0, detail=clip.state)
        if clip.bytes != piece.size:
            return _other_size(piece, clip.bytes)
        have = self._shelf.came(box, piece.commitment, piece.size)
        self._close_others(box)
        if not self._room.promise((box, piece.commitment), piece.size, keep=clip.keep):
            return _answer(piece, "later", 0, detail="the space for recordings is full")
        return _Upload(clip.pk, piece.size, have, 0.0)

    def _went_on(self, box: str, piece: Piece, upload: _Upload, body: bytes) -> Taken:
        if len(body) > self._shelf.spare():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._shelf.append(box, piece.commitment, piece.at, body)
        before, upload.have = upload.have, upload.have + len(body)
        if upload.have >= upload.size:
            return self._whole(box, piece, upload)
        passed = before // ANSWER_EVERY_BYTES != upload.have // ANSWER_EVERY_BYTES
        return Taken(_answer(piece, "want", upload.have) if passed else None)

    def _whole(self, box: str, piece: Piece, upload: _Upload) -> Taken:
        """All of it has come: it counts if it is what the log committed to."""
        key, clip = (box, piece.commitment), Clip.objects.filter(pk=upload.clip, state=ClipState.RECORDED)
        kept = self._shelf.keep(box, piece.commitment, bytes.fromhex(piece.salt))
        del self._open[key]
        self._room.let_go(key, 0)
        if kept:
            if not clip.update(state=ClipState.HELD, held_ms=now_ms()):  # its time was over, or it was erased meanwhile
                self._shelf.erase(box, piece.commitment)
                return Taken(_answer(piece, "refused", 0, detail="it is not kept any more"))
            self._room.has(key, upload.size)
            return Taken(_answer(piece, "held", piece.size))
        tries = min((clip.values_list("tries", flat=True).first() or 0) + 1, MOST_TRIES)
        clip.update(tries=tries)
        wrong = ContractError("media.commitment", f"what {piece.commitment[:12]}… commits to", "something else")
        if tries % LATER_EACH == 0:
            return Taken(_answer(piece, "later", 0, detail="it is not what the log committed to"), wrong)
        return Taken(_answer(piece, "want", 0, again=True), wrong)


def _other_size(piece: Piece, size: int) -> MediaAnswer:
    """Nobody's last word: the segment is as large as its box says in its log, and this is another's piece."""
    return _answer(piece, "later", 0, detail=f"the log says {size} bytes")


def _answer(
    piece: Piece, state: Literal["want", "held", "later", "refused"], have: int, *, again: bool = False,
    detail: str = "",
) -> MediaAnswer:  # fmt: skip
    return MediaAnswer(piece.commitment, have, state, again, detail[:200])
