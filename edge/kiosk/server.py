"""Serves the screen's page from `link`: static files, one stream of server-sent events, the QR as SVG. Read only.

The page loads nothing from anywhere else and runs no inline script, so it works without a network and a text that
came from outside can never become code. Only names that are this machine's own are answered (no DNS rebinding).
"""

import asyncio
import contextlib
import io
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import resources

import msgspec
import segno
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge.interlock.status import Status
from edge.kiosk.picture import picture
from edge.panel.wiring import Kiosk

_logger = logging.getLogger(__name__)

SILENT_S = 2.5
"""The interlock speaks to `link` once a second and at every change; after this long its last word is no news."""
WATCHERS = 8
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_FILES = {
    "/": ("kiosk.html", "text/html; charset=utf-8"),
    "/kiosk.js": ("kiosk.js", "text/javascript; charset=utf-8"),
    "/kiosk.css": ("kiosk.css", "text/css; charset=utf-8"),
}
LOST = b'{"lost":true}'


def qr_svg(token: str) -> bytes:
    """The token as a picture: black on white with its quiet zone, scalable."""
    made = io.BytesIO()
    segno.make_qr(token, error="l", boost_error=False).save(made, kind="svg", border=4, xmldecl=False, nl=False,
                                                            omitsize=True, light="#fff")  # fmt: skip
    return made.getvalue()


class Board:
    """The newest picture, and who waits for the next one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was heard."""
        self._clock = clock
        self._heard_at = float("-inf")
        self._picture = b""
        self.token = self.receipt = ""
        self._changed = asyncio.Event()
        self.watchers = 0
        self.closed = False

    def hear(self, status: Status) -> None:
        """The interlock's newest status."""
        self._picture = msgspec.json.encode(picture(status))
        self.token, self.receipt = status.place_token, status.permit_answer.receipt
        self._heard_at = self._clock()
        self.wake()

    def wake(self) -> None:
        """Everybody looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def now(self) -> bytes:
        """What a screen must show: an old picture is none."""
        return self._picture if self._clock() - self._heard_at <= SILENT_S else LOST

    async def pictures(self) -> AsyncIterator[bytes]:
        """Events for one screen: each new picture, and at least one a second, so that it notices when we are gone."""
        self.watchers += 1
        try:
            while not self.closed:
                changed = self._changed
                yield b"data: " + self.now() + b"\n\n"
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await changed.wait()
        finally:
            self.watchers -= 1


def application(board: Board, host: str) -> Starlette:
    """The page's routes."""
    folder = resources.files("edge.kiosk") / "static"

    def file(name: str, kind: str) -> Callable[[Request], Response]:
        body = (folder / name).read_bytes()
        return lambda _: Response(body, media_type=kind, headers=HEADERS)

    async def live(request: Request) -> Response:
        del request
        if board.watchers >= WATCHERS:
            return Response(f"at most {WATCHERS} screens\n", 503, HEADERS)
        return StreamingResponse(board.pictures(), headers=HEADERS, media_type="text/event-stream")

    def code(token: str) -> Response:
        if not token or board.now() == LOST:
            return Response("no word from the interlock\n", 503, HEADERS)
        return Response(qr_svg(token), media_type="image/svg+xml", headers=HEADERS)

    routes = [Route(path, file(*served)) for path, served in _FILES.items()]
    routes += [Route("/qr.svg", lambda _: code(board.token)), Route("/receipt.svg", lambda _: code(board.receipt))]
    routes += [Route("/live", live), Route("/favicon.ico", lambda _: Response(None, 204))]
    names = sorted({"localhost", "127.0.0.1", "[::1]", host})
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=names)])


class _Server(uvicorn.Server):
    """Signals are the process's own business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them as they are."""
        yield


class Screen:
    """The server of one box; `port` is the one in use, 0 when it could not be opened."""

    def __init__(self, config: Kiosk) -> None:
        """Open the port. A port in use is reported and does without: the link has more important work."""
        self.board = Board()
        self.port = 0
        self._socket: socket.socket | None = None
        try:
            self._socket = socket.create_server((config.host, config.port), reuse_port=False)
        except OSError as error:
            _logger.error("no screen at %s:%d: %s", config.host, config.port, error)  # noqa: TRY400
            return
        self.port = int(self._socket.getsockname()[1])
        settings = uvicorn.Config(
            application(self.board, config.host), log_config=None, access_log=False, lifespan="off", ws="none",
            server_header=False, date_header=False, timeout_graceful_shutdown=1, limit_concurrency=32,
        )  # fmt: skip
        self._server = _Server(settings)
        _logger.info("the screen's page is at http://%s:%d/", config.host, self.port)

    async def serve(self) -> None:
        """Until cancelled, or for ever when there is no port."""
        if self._socket is None:
            await asyncio.Event().wait()
            return
        task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        try:
            await asyncio.shield(task)
        finally:
            self.board.closed = True
            self.board.wake()
            self._server.should_exit = True
            with contextlib.suppress(Exception):
                await task

    def close(self) -> None:
        """Give the port back."""
        if self._socket is not None:
            self._socket.close()
