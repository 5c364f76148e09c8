"""The camera's newest picture for the command line: vision holds the camera, others look through it.

`hotbox permit import` reads codes in a grey picture, `hotbox enrol` faces in a coloured one, each in a process of its
own: what a picture does to a decoder can neither delay nor end the looking for faces. Vision sends only what was asked
for and waits for nobody. Pictures show people: the box's other processes, which run as users of their own, get none.
"""

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import msgspec

from contracts.errors import UNREADABLE, ContractError
from edge import users

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.config import BoxConfig
    from edge.vision.camera import Frame
    from edge.vision.picture import Health
    from faces.engine import Image

    Grey = NDArray[np.uint8]

ASK, ASK_COLOUR = b"?", b"!"
READERS = 2
ANSWER_S = 3.0
IDLE_S = 10.0
"""Who has asked nothing for so long, or takes no picture, is hung up on: there are few readers."""
SPACING_S = 0.05
"""From one answer to the next: a camera gives 5 to 30 pictures a second."""
MOST_PIXELS = 1 << 24
_LINE = 256

_Side = Annotated[int, msgspec.Meta(ge=0, le=1 << 16)]

log = logging.getLogger(__name__)


class Head(msgspec.Struct, frozen=True):
    """What stands before a picture's pixels, on one line: health of the camera, when it was taken, its size.

    Without a picture its size is 0. `planes` is 1 for grey, 3 for blue, green, red.
    """

    health: str
    at_us: int = 0
    width: _Side = 0
    height: _Side = 0
    planes: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1


class FrameServer:
    """Vision's end. A picture costs a millisecond, and only while somebody asks."""

    def __init__(
        self,
        config: "BoxConfig",
        latest: Callable[[], "Frame | None"],
        health: Callable[[], "Health"],
        *,
        idle_s: float = IDLE_S,
    ) -> None:
        """Serve on the configuration's `frames_socket` what `latest` gives."""
        self._path, self._latest, self._health, self._idle_s = config.frames_socket, latest, health, idle_s
        self._refused = _others(config)
        self._server: asyncio.Server | None = None
        self._readers = 0

    async def start(self) -> None:
        """Listen; a path that cannot be used is told, and faces go on without."""
        old = os.umask(0o117)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=_LINE)
        except OSError as error:
            log.warning("nobody can ask for the camera's picture at %s: %s", self._path, error)
        finally:
            os.umask(old)

    async def stop(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = self._refused.get(_uid_of(writer))
        if name is not None:
            log.warning("the %s process asked for the camera's picture: it gets none", name)
            writer.close()
            return
        self._readers += 1
        try:
            while self._readers <= READERS:
                if not await self._one(reader, writer):
                    return
                await asyncio.sleep(SPACING_S)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self._readers -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """A question and its answer, both in time; False where it is no question."""
        async with asyncio.timeout(self._idle_s):
            asked = await reader.readexactly(1)
            if asked not in (ASK, ASK_COLOUR):
                return False
            for piece in self._answer(colour=asked == ASK_COLOUR):
                writer.write(piece)
            await writer.drain()
        return True

    def _answer(self, *, colour: bool) -> tuple[bytes, bytes]:
        frame = self._latest()
        if frame is None:
            return msgspec.json.encode(Head(self._health().value)) + b"\n", b""
        import cv2

        picture = frame.image if colour else cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        height, width = picture.shape[:2]
        head = Head(self._health().value, frame.at_us, int(width), int(height), 3 if colour else 1)
        return msgspec.json.encode(head) + b"\n", picture.tobytes()


def _uid_of(writer: asyncio.StreamWriter) -> int:
    """The peer's uid as the kernel vouches for it."""
    peer: socket.socket = writer.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[1])


def _others(config: "BoxConfig") -> dict[int, str]:
    """Users of the box's other processes, as control.sock knows them; a person of the group may look."""
    found: dict[int, str] = {}
    for name, user in config.uids.items():
        with contextlib.suppress(ContractError):  # a user who is not there asks nothing
            found[users.uid_of(user, f"uids.{name}")] = name
    found.pop(os.geteuid(), None)
    found.pop(0, None)
    return found


class Frames:
    """The command line's end; a context manager, blocking."""

    def __init__(self, path: Path) -> None:
        """Connect.

        Raises:
            OSError: vision does not run here.
        """
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()
        self._socket.close()

    def ask(self) -> "tuple[Head, Grey | None]":
        """The newest picture in grey.

        Raises:
            ContractError: vision answers nothing, or something else than a picture.
        """
        head, pixels = self._asked(ASK, 1)
        return head, None if pixels is None else pixels.reshape(head.height, head.width)

    def ask_colour(self) -> "tuple[Head, Image | None]":
        """The newest picture in blue, green, red.

        Raises:
            ContractError: vision answers nothing, or something else than a picture.
        """
        head, pixels = self._asked(ASK_COLOUR, 3)
        return head, None if pixels is None else pixels.reshape(head.height, head.width, 3)

    def _asked(self, what: bytes, planes: int) -> "tuple[Head, NDArray[np.uint8] | None]":
        import numpy as np

        try:
            self._socket.sendall(what)
            head = msgspec.json.decode(self._stream.readline(_LINE), type=Head)
            size = head.width * head.height * planes
            pixels = self._stream.read(size) if 0 < size <= MOST_PIXELS * planes else b""
        except (OSError, *UNREADABLE) as error:
            raise ContractError("camera", "a picture of the vision process", str(error), "try again") from error
        if not size:
            return head, None
        if len(pixels) != size or head.planes != planes:
            raise ContractError("camera", f"{size} pixels", str(len(pixels)), "try again")
        return head, np.frombuffer(pixels, np.uint8)
