"""No request's body is larger than a page may have: what is, is thrown away as it comes.

Django reads a whole body before it knows who asks and for what, and puts a large one into a temporary file. Pictures of
faces are among the bodies, and they are on no disk.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
PATIENCE_BYTES = 8 * 2**20
"""So much of it is still heard, and thrown away, so that whoever sends it reads the answer."""
_SAID = {
    "ok": False,
    "message": "内容过大, 未处理; 照片请重新拍摄 / the request is too large and was not looked at; take pictures again",
}


class _TooLargeError(Exception):
    """More came than may."""


class BodyLimit:
    """An ASGI application before another one."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], most: int) -> None:
        """Let bodies of at most `most` bytes through to `app`."""
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        came = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most:
                raise _TooLargeError
            return message

        if _declared(scope) <= self._most:
            try:
                await self._app(scope, counted, send)
            except _TooLargeError:
                pass
            else:
                return
        await _throw_away(receive, PATIENCE_BYTES - came)
        await _refuse(send)


def _declared(scope: Scope) -> int:
    said = dict(scope["headers"]).get(b"content-length", b"0")
    return int(said) if said.isdigit() else 0


async def _throw_away(receive: Receive, most: int) -> None:
    left = most
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _refuse(send: Send) -> None:
    body = msgspec.json.encode(_SAID)
    headers = [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"), (b"cache-control", b"no-store"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
