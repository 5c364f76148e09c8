"""/events/stream: server-sent events that keep open pages current.

One tailer a web worker looks for new `Notice` rows and draws each fragment once a language; every reader has a
bounded queue. A reader that falls behind, or comes back after the notices it missed were pruned, is told to reload.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils import translation

from cloud_bridge.boxes.models import Event, LiveEvent, Notice
from cloud_bridge.boxes.summary import summaries
from cloud_bridge.process import Changes
from cloud_bridge.web.middleware import language_of
from cloud_bridge.web.wording import UNTOLD

POLL_S = 0.1
QUEUE = 500
BATCH = 200
CATCH_UP = 1000
HEARTBEAT_S = 10.0
RECHECK_EVERY = 3

Message = str
LANGUAGES = tuple(code for code, _title in settings.LANGUAGES)


def frame(event: str, html: str, number: int) -> Message:
    """One server-sent event."""
    data = "".join(f"data: {line}\n" for line in html.splitlines() or [""])
    return f"id: {number}\nevent: {event}\n{data}\n"


def draw(rows: list[Notice], language: str) -> list[Message]:
    """Fragments for some notices; of several about one box only the last counts."""
    last_of_box = {row.ref: row.pk for row in rows if row.kind == Notice.Kind.BOX}
    tables = {Notice.Kind.EVENT: Event, Notice.Kind.LIVE: LiveEvent}
    found = {
        kind: table.objects.in_bulk([int(row.ref) for row in rows if row.kind == kind])
        for kind, table in tables.items()
    }
    messages = []
    with translation.override(language):
        for row in rows:
            if row.kind in tables:
                event = found[Notice.Kind(row.kind)].get(int(row.ref))
                if event is not None and event.type not in UNTOLD:
                    messages.append(frame("event", render_to_string("web/event.html", {"event": event}), row.pk))
            elif row.kind == Notice.Kind.BOX:
                if last_of_box[row.ref] == row.pk:
                    messages.extend(
                        frame("box", render_to_string("web/card.html", {"summary": summary}), row.pk)
                        for summary in summaries(row.ref)
                    )
            else:
                # What of it a reader may see is for the page to ask.
                messages.append(frame(str(row.kind), row.ref, row.pk))
    return messages


def _after(number: int, limit: int) -> list[Notice]:
    return list(Notice.objects.filter(pk__gt=number).order_by("pk")[:limit])


def _newest() -> int:
    return Notice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


class Tailer:
    """Follows the notices for all readers of one web worker; runs while there are readers."""

    def __init__(self) -> None:
        self._readers: dict[asyncio.Queue[Message | None], str] = {}
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self.position = 0

    async def join(self, language: str) -> asyncio.Queue[Message | None]:
        """A new reader's queue; `None` in it means: you fell behind, reload."""
        queue: asyncio.Queue[Message | None] = asyncio.Queue(QUEUE)
        async with self._starting:
            if self._task is None or self._task.done():
                self.position = await sync_to_async(_newest)()
                self._task = asyncio.create_task(self._follow())
            self._readers[queue] = language
        return queue

    def leave(self, queue: asyncio.Queue[Message | None]) -> None:
        """The reader is gone."""
        self._readers.pop(queue, None)
        if not self._readers and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _follow(self) -> None:
        changes = Changes(settings.DATA.database)
        try:
            async for changed in changes.wait(POLL_S, longest_s=5):
                if changed:
                    await self._hand_out()
        finally:
            changes.close()

    async def _hand_out(self) -> None:
        while True:
            rows = await sync_to_async(_after)(self.position, BATCH)
            if not rows:
                return
            self.position = rows[-1].pk
            for language in set(self._readers.values()):
                messages = await sync_to_async(draw)(rows, language)
                for queue, wanted in list(self._readers.items()):
                    if wanted == language:
                        self._put(queue, messages)

    def _put(self, queue: asyncio.Queue[Message | None], messages: list[Message]) -> None:
        try:
            for message in messages:
                queue.put_nowait(message)
        except asyncio.QueueFull:
            self._readers.pop(queue, None)
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)


tailer = Tailer()


async def _missed(after: int, upto: int, language: str) -> list[Message] | None:
    """What came between the page's drawing and its stream; None when that is too much or pruned."""
    if upto - after > CATCH_UP or after > upto:
        return None
    rows = [row for row in await sync_to_async(_after)(after, CATCH_UP) if row.pk <= upto]
    return await sync_to_async(draw)(rows, language)


async def _still_signed_in(request: HttpRequest) -> bool:
    def look() -> bool:
        request.session._session_cache = None  # noqa: SLF001 - read the row again, not the copy of this request
        with contextlib.suppress(AttributeError):
            del request.session._session_cache  # noqa: SLF001
        user = get_user(request)
        return bool(user.is_authenticated and user.is_active)

    return await sync_to_async(look)()


async def _messages(request: HttpRequest, after: int, language: str) -> AsyncIterator[Message]:
    queue = await tailer.join(language)
    try:
        yield "retry: 1000\n\n"
        missed = await _missed(after, tailer.position, language)
        if missed is None:
            yield frame("reload", "", tailer.position)
            return
        for message in missed:
            yield message
        yield frame("ready", "", tailer.position)
        quiet = 0
        while True:
            try:
                waiting = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
            except TimeoutError:
                quiet += 1
                if quiet % RECHECK_EVERY == 0 and not await _still_signed_in(request):
                    yield frame("reload", "", tailer.position)
                    return
                yield f"event: beat\ndata: {tailer.position}\n\n"
                continue
            if waiting is None:
                yield frame("reload", "", tailer.position)
                return
            yield waiting
    finally:
        tailer.leave(queue)


async def stream(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The stream. `after` (or Last-Event-ID) is the notice that the page was drawn at."""
    user = await request.auser()
    if not user.is_authenticated:
        return HttpResponse("sign in first\n", status=401, content_type="text/plain")
    asked = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    if not asked.isdigit() or len(asked) > 15:
        return HttpResponse(
            "after: expected the number of a notice; reload the page\n", status=400, content_type="text/plain"
        )
    response = StreamingHttpResponse(
        _messages(request, int(asked), language_of(request)), content_type="text/event-stream"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response
