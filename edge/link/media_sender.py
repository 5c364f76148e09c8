"""Recordings from vision to the bridge: asks vision for them, keeps the pace, and tells vision what became of them."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable

from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.media import FINAL, MediaAnswer, check_answer, pack, read_answer
from contracts.topics import dn
from edge.config import BoxConfig
from edge.link.bucket import Bucket
from edge.link.media import Going, MediaLane
from edge.vision.clips import Clips

IDLE_S = 10.0
"""How often vision is asked for a recording while there is none."""
MOST_BYTES_S = 512 * 1024
"""On a line without a limit of its own: whoever shares the machine comes first."""

_logger = logging.getLogger(__name__)


class MediaSender:
    """The lane, its source and its pace. On a box that sends no recordings it does nothing at all."""

    def __init__(
        self, config: BoxConfig, bucket: Bucket, witness: NoteKey | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is connected yet; `bucket` is the line's budget, `witness` the bridge's key; `clock` in s."""
        video = config.vision.video
        self._on = video is not None and video.upload != "none"
        self._topic, self._box, self._witness = dn(config.box, "media"), config.box, witness
        self._bucket, self._clock = bucket, clock
        self._lane, self._clips = MediaLane(clock), Clips(config.video_socket)
        self._ended: deque[MediaAnswer] = deque(maxlen=64)
        self._wake = asyncio.Event()
        self._read: tuple[str, int, bytes] = ("", 0, b"")
        """Bytes that were read ahead: of which segment, from where on."""
        self._going: Going | None = None
        self._free_at = self._ask_at = float("-inf")

    @property
    def leaves(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return ("media",) if self._on else ()

    @property
    def pieces(self) -> int:
        """Pieces that the broker took."""
        return self._lane.pieces

    @property
    def done(self) -> int:
        """Segments that the bridge holds since the start."""
        return self._lane.done

    def connected(self) -> None:
        """A new connection: the bridge is asked how far it has come."""
        self._lane.connected()
        self._wake.set()

    def close(self) -> None:
        """Let vision go."""
        self._clips.close()

    def take(self, topic: str, payload: bytes) -> bool:
        """Hear the bridge; False when the topic is another's."""
        if topic != self._topic:
            return False
        try:
            answer = read_answer(payload)
            if not self._lane.is_for(answer):
                return True
            self._check(answer)
            ended = self._lane.answered(answer)
        except ContractError as error:
            _logger.warning("%s: %s", topic, error)
            return True
        if ended is not None:
            self._ended.append(ended)
            if ended.state == "refused":
                _logger.warning("the bridge wants recording %s never: %s", ended.commitment, ended.detail)
        self._wake.set()
        return True

    def _check(self, answer: MediaAnswer) -> None:
        """The bridge's last word on a segment is the bridge's, or it is not heard.

        Raises:
            ContractError: it is not signed by the bridge, or nobody knows its key.
        """
        if answer.state not in FINAL:
            return
        if self._witness is None:
            raise ContractError("answer", "a known key of the bridge", "none", "put it where bridge.witness says")
        check_answer(answer, self._box, self._witness)

    async def next(self) -> bytes:
        """The next payload of up/media, whenever there is one."""
        while True:
            self._wake.clear()
            if self._on:
                with contextlib.suppress(OSError):
                    found = await self._found()
                    if found is not None:
                        return found
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s() if self._on else None):
                    await self._wake.wait()

    def wait_s(self, size: int) -> float:
        """Seconds until so many bytes may go."""
        return max(self._bucket.wait_s(size), self._free_at - self._clock())

    def goes(self, size: int) -> None:
        """So many bytes go now."""
        self._bucket.backlog(size)
        self._free_at = max(self._clock(), self._free_at) + size / MOST_BYTES_S

    def went(self) -> None:
        """The broker took what `next` gave."""
        if self._going is not None:
            self._lane.went(self._going)
            self._going = None

    def _pause_s(self) -> float:
        """Until it is worth looking again without a word of anybody."""
        left_s = self._ask_at - self._clock() if self._lane.is_free else self._lane.wait_s()
        return max(0.05, min(IDLE_S, left_s))

    async def _found(self) -> bytes | None:
        """What goes now.

        Raises:
            OSError: vision does not answer.
        """
        while self._ended:
            answer = self._ended[0]
            if answer.state != "want":  # which ends nothing
                await self._clips.sent(answer.commitment, answer.state)
            self._ended.popleft()
        if self._lane.is_free and self._clock() >= self._ask_at:
            self._ask_at = self._clock() + IDLE_S
            clip = await self._clips.next()
            if clip.commitment:
                self._lane.begin(clip.commitment, clip.size, clip.salt)
                self._ask_at = float("-inf")
        going = self._lane.going()
        if going is None:
            return None
        body = await self._bytes(going) if going.bytes else b""
        if len(body) < going.bytes:
            self._lane.drop()  # erased meanwhile, or not to be read; vision knows of it now
            self._ask_at = self._clock() + IDLE_S
            return None
        self._going = going
        return pack(going.piece, body)

    async def _bytes(self, going: Going) -> bytes:
        """The piece's bytes, read ahead in larger ones."""
        commitment, at, body = self._read
        place = going.piece.at - at
        if commitment != going.piece.commitment or not 0 <= place <= len(body) - going.bytes:
            body, place = await self._clips.read(going.piece.commitment, going.piece.at), 0
            self._read = (going.piece.commitment, going.piece.at, body)
        return body[place : place + going.bytes]
