"""Recordings on their way up: vision holds them, link asks for the next one and for its bytes.

The folder is vision's alone. Over ``video.sock`` it hands out finished segments that the log has, to link and to nobody
else, and hears what became of them at the bridge. A request and its answer are a line of JSON each; bytes follow it.
"""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import msgspec

from contracts.errors import UNREADABLE, ContractError
from contracts.video import MAX_SEGMENT_BYTES
from edge import users
from edge.config import BoxConfig
from edge.interlock.evidence import Source

if TYPE_CHECKING:
    from edge.vision.recorder import Recorder
    from edge.vision.segments import Facts

READERS = 2
CHUNK_BYTES = 64 * 1024
ANSWER_S = 5.0
_LINE = 1024

_HashOrNone = Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{64})?\Z")]
_Place = Annotated[int, msgspec.Meta(ge=0, le=MAX_SEGMENT_BYTES)]

log = logging.getLogger(__name__)


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``next``: which segment goes up. ``read``: its bytes from `at` on. ``sent``: `state` says what became of it."""

    op: Literal["next", "read", "sent"]
    commitment: _HashOrNone = ""
    at: _Place = 0
    state: Literal["", "held", "later", "refused"] = ""


class Clip(msgspec.Struct, frozen=True):
    """A segment that goes up; `commitment` is empty where none does. `salt` in hex."""

    commitment: _HashOrNone = ""
    size: _Place = 0
    salt: _HashOrNone = ""


class Chunk(msgspec.Struct, frozen=True):
    """So many bytes follow."""

    bytes: Annotated[int, msgspec.Meta(ge=0, le=CHUNK_BYTES)]


_Word = TypeVar("_Word", bound=msgspec.Struct)
NONE = Clip()
_decode_ask = msgspec.json.Decoder(Ask).decode


class ClipServer:
    """Vision's end."""

    def __init__(self, config: BoxConfig, recorder: "Recorder") -> None:
        """Serve on the configuration's `video_socket` what `recorder` has."""
        self._path, self._recorder = config.video_socket, recorder
        self._allowed = _allowed(config)
        self._server: asyncio.Server | None = None
        self._readers = 0
        self._sound = ""
        """The segment that was looked at last, and is what the log has."""

    async def start(self) -> None:
        """Listen; a path that cannot be used is told, and the recording goes on without."""
        old = os.umask(0o117)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=_LINE)
        except OSError as error:
            log.warning("no recording can go up from %s: %s", self._path, error)
        finally:
            os.umask(old)

    async def stop(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._readers += 1
        try:
            if _uid_of(writer) not in self._allowed or self._readers > READERS:
                return
            while line := await reader.readline():
                for piece in await self._answer(_decode_ask(line)):
                    writer.write(piece)
                await writer.drain()
        except (ConnectionError, ValueError, msgspec.MsgspecError, asyncio.CancelledError) as error:
            log.debug("video.sock: %s", error)
            return
        finally:
            self._readers -= 1
            writer.close()

    async def _answer(self, ask: Ask) -> tuple[bytes, ...]:
        facts = self._recorder.to_send() if ask.op == "next" else self._recorder.find(ask.commitment)
        if ask.op == "sent":
            if facts is not None and ask.state:
                self._recorder.sent(ask.commitment, ask.state)
            return (_line(NONE),)
        if facts is None:
            return (_line(NONE if ask.op == "next" else Chunk(0)),)
        if ask.op == "next":
            return (_line(Clip(facts.commitment, facts.bytes, facts.salt)),)
        try:
            body = await asyncio.to_thread(self._read, facts, ask.at)
        except FileNotFoundError:
            self._recorder.gone(facts.commitment)
            body = b""
        except OSError as error:
            log.warning("%s: %s", facts.commitment, error)
            self._recorder.unreadable(facts.commitment)
            body = b""
        else:
            if len(body) < min(CHUNK_BYTES, facts.bytes - ask.at):  # shorter on the disk than it was
                self._recorder.unreadable(facts.commitment)
                body = b""
            elif facts.sent:  # the bridge has lost it, or takes it after all
                self._recorder.sent(facts.commitment, "")
        return (_line(Chunk(len(body))), body)

    def _read(self, facts: "Facts", at: int) -> bytes:
        """Some of a segment that is what the log has; what a disk has spoilt stays here.

        Raises:
            FileNotFoundError: it is gone.
            OSError: the disk does not give it, or something else.
        """
        if self._sound != facts.commitment and not self._recorder.store.is_sound(facts):
            if not self._recorder.store.path(facts).exists():
                raise FileNotFoundError(facts.commitment)
            raise OSError(errno.EIO, "it is not what the log committed to")
        self._sound = facts.commitment
        return self._recorder.store.read(facts, at, CHUNK_BYTES)


class Clips:
    """Link's end. A connection that broke is made anew by the next question."""

    def __init__(self, path: Path) -> None:
        """Nothing is connected yet."""
        self._path = path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def next(self) -> Clip:
        """The segment that goes up next; `NONE` where none does.

        Raises:
            OSError: vision does not answer.
        """
        return await self._asked(Ask("next"), Clip)

    async def read(self, commitment: str, at: int) -> bytes:
        """At most `CHUNK_BYTES` of it; none where it is gone.

        Raises:
            OSError: vision does not answer.
        """
        return await self._bytes((await self._asked(Ask("read", commitment, at), Chunk)).bytes)

    async def sent(self, commitment: str, state: Literal["held", "later", "refused"]) -> None:
        """What became of it at the bridge.

        Raises:
            OSError: vision does not answer.
        """
        await self._asked(Ask("sent", commitment, state=state), Clip)

    async def _asked(self, ask: Ask, kind: type[_Word]) -> _Word:
        """Vision's answer; vision is not believed more than anybody who looks at pictures from outside.

        Raises:
            OSError: none, or something else.
        """
        line = await self._ask(ask)
        try:
            return msgspec.json.decode(line, type=kind)
        except UNREADABLE as error:
            self.close()
            raise ConnectionError(f"expected a {kind.__name__} of vision, got {error}") from error

    async def _ask(self, ask: Ask) -> bytes:
        try:
            async with asyncio.timeout(ANSWER_S):
                if self._streams is None:
                    self._streams = await asyncio.open_unix_connection(str(self._path), limit=_LINE)
                reader, writer = self._streams
                writer.write(_line(ask))
                await writer.drain()
                line = await reader.readline()
        except OSError:
            self.close()
            raise
        except ValueError as error:  # a line without end
            self.close()
            raise ConnectionError(f"expected a line of vision, got {error}") from error
        if not line:
            self.close()
            raise ConnectionResetError("vision has hung up")
        return line

    async def _bytes(self, number: int) -> bytes:
        assert self._streams is not None  # noqa: S101 - a head has just come
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._streams[0].readexactly(number)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.close()
            raise ConnectionResetError(str(error)) from error


def _line(what: msgspec.Struct) -> bytes:
    return msgspec.json.encode(what) + b"\n"


def _uid_of(writer: asyncio.StreamWriter) -> int:
    """The peer's uid as the kernel vouches for it."""
    peer: socket.socket = writer.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[1])


def _allowed(config: BoxConfig) -> frozenset[int]:
    """Who may ask: link's user where the processes have users of their own, and our own."""
    found = {os.geteuid()}
    with contextlib.suppress(ContractError):  # a user who is not there asks nothing; the interlock refuses to start
        found |= {
            users.uid_of(user, f"uids.{name}") for name, user in config.uids.items() if name == Source.LINK.value
        }
    return frozenset(found)
