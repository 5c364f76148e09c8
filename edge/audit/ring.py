"""The trip ring: a small file, written once in full, that takes an alarm when the log's own file takes nothing.

A disk that stalls or is full must not make a trip vanish. Overwriting blocks that are there needs no room and no
bookkeeping of the filesystem, and one flush an alarm (findings/audit 2.3). It may still hang: so a thread of its own
writes, and nobody waits for it. The next start takes over what the log lacks, as ``audit.ring_recovered``.

A slot is ``length (2) | CRC-32 (4) | number (8)``, all big-endian, then the alarm as JSON; length and CRC are those of
the number and the JSON. It proves nothing by itself: it guards against the disk, the log's chain against people.
"""

import contextlib
import logging
import os
import struct
import threading
import zlib
from collections import deque
from pathlib import Path
from typing import Self

import msgspec

from contracts.event import MAX_INT
from edge.audit.draft import SNAPSHOT, Draft
from edge.audit.schema import sync_directory

SLOTS, SLOT_BYTES = 128, 512
WAITING = 32
"""Alarms that may wait for the thread; beyond that the oldest is given up: the newest tell what holds."""
_HEAD = struct.Struct(">HIQ")
_ROOM = SLOT_BYTES - _HEAD.size
_TEXT = 64

_logger = logging.getLogger(__name__)

Plain = str | int | bool | None


class Slot(msgspec.Struct, frozen=True):
    """An alarm as the ring keeps it: what a draft says, short enough for one block."""

    type: str
    t: int
    m: int
    permit: str = ""
    data: dict[str, Plain] = {}


def slot_of(draft: Draft) -> Slot:
    """What of an alarm is kept: its own plain values as far as they fit, in their order; its snapshot never."""
    slot = Slot(draft.type[:_TEXT], draft.t, draft.m, draft.permit[:_TEXT])
    for key, value in draft.data.items():
        if key == SNAPSHOT or not isinstance(value, str | int | bool | None):
            continue
        more = msgspec.structs.replace(slot, data={**slot.data, key: value})
        if len(msgspec.json.encode(more)) <= _ROOM:
            slot = more
    return slot


class TripRing:
    """One box's ring, open for writing."""

    def __init__(self, handle: int, number: int) -> None:
        """Use `TripRing.open`."""
        self._handle, self._number = handle, number
        self._wake = threading.Condition()
        self._waiting: deque[Draft] = deque(maxlen=WAITING)
        self._closing = False
        self.written = 0
        self._thread = threading.Thread(target=self._run, name="ring", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: Path, number: int) -> Self:
        """Make the file, or empty it: what it held has been taken over.

        Args:
            path: the ring, such as /var/lib/hotbox/audit/audit.ring.
            number: the last number that was given; the next slot has a higher one.

        Raises:
            OSError: the disk does not let us.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            empty = bytes(SLOTS * SLOT_BYTES)
            if os.pread(handle, len(empty) + 1, 0) != empty:
                os.ftruncate(handle, len(empty))
                os.pwrite(handle, empty, 0)
                os.fsync(handle)
                sync_directory(path.parent)
        except BaseException:
            os.close(handle)
            raise
        return cls(handle, number)

    def put(self, draft: Draft) -> None:
        """Hand over an alarm; never waits."""
        with self._wake:
            self._waiting.append(draft)
            self._wake.notify()

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what waits; a disk that hangs is left to itself."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            os.close(self._handle)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if not self._waiting:
                    return
                draft = self._waiting.popleft()
            self._write(draft)

    def _write(self, draft: Draft) -> None:
        try:
            text = msgspec.json.encode(slot_of(draft))
        except ValueError:  # a lone surrogate: the log itself refuses such a draft, and says so
            _logger.exception("an alarm of type %s has no place in the trip ring", ascii(draft.type))
            return
        self._number += 1
        body = struct.pack(">Q", self._number) + text
        block = struct.pack(">HI", len(body), zlib.crc32(body)) + body
        try:
            os.pwrite(self._handle, block.ljust(SLOT_BYTES, b"\0"), self._number % SLOTS * SLOT_BYTES)
            os.fdatasync(self._handle)
        except OSError:
            _logger.exception("the trip ring cannot be written")
            return
        self.written += 1


def read(path: Path) -> list[tuple[int, Slot]]:
    """The slots that hold, with their numbers, oldest first; a torn or empty one is none. Never raises."""
    try:
        ring = path.read_bytes()[: SLOTS * SLOT_BYTES]
    except OSError:
        return []
    found: list[tuple[int, Slot]] = []
    for at in range(0, len(ring) - SLOT_BYTES + 1, SLOT_BYTES):
        length, crc, number = _HEAD.unpack_from(ring, at)
        body = ring[at + 6 : at + 6 + length]
        if 8 < length <= SLOT_BYTES - 6 and number <= MAX_INT and zlib.crc32(body) == crc:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                found.append((number, msgspec.json.decode(body[8:], type=Slot)))
    return sorted(found, key=lambda one: one[0])
