"""The live screen of `hotbox watch`. It only draws: `sections` says what, this says where and when."""

import asyncio
import contextlib
from pathlib import Path
from typing import ClassVar, Literal

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Static

from contracts.errors import ContractError
from edge.cli import sections
from edge.cli.banner import LOST, banner
from edge.cli.client import ANSWER_S, RETRY_S, SILENT_S, NoAnswer, decode, status_of
from edge.cli.explaining import explanation
from edge.cli.picture import self_contained
from edge.cli.words import Words
from edge.interlock.status import Status
from edge.sockets import now_us

_REDRAW_S = 0.25
_LIMIT = 1 << 20
_FLASH_US = 500_000
_BACK_US = 6_000_000
_TWO_COLUMNS = 76
_ROOMY = 34
_FEW_EVENTS = 4
_LOUD = ("TRIPPED", "FAULT")


def _block(lines: list[Text]) -> Text:
    return Text("\n").join(lines)


class WatchApp(App[None]):
    """State, why not, countdowns, gas, people, relay, audit, buses and events, as they change."""

    CSS = """
    Screen { background: #0d1117; color: #e6edf3; }
    #head { height: 1; background: #161b22; }
    #banner { height: auto; }
    #word { height: auto; display: none; }
    #body { height: 1fr; padding: 0 1; }
    #left { width: 1fr; height: 1fr; }
    #right { width: 1fr; height: 1fr; margin-left: 2; }
    .narrow #right { display: none; }
    #panel { display: none; height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    .explaining #body { display: none; }
    .explaining #panel { display: block; }
    .lost #body, .lost #panel { opacity: 45%; }
    .telling #word { display: block; }
    #keys { height: 1; background: #161b22; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "quit"),
        ("l", "language", "language"),
        ("e", "explain", "explain"),
        ("escape", "leave", "back"),
    ]

    def __init__(self, path: Path, lang: Literal["zh", "en"]) -> None:
        """Show the interlock that listens at `path`, in this language."""
        super().__init__(ansi_color=False)
        self._path = path
        self.words = Words(lang)
        self.status: Status | None = None
        self.lost: NoAnswer | None = None
        self._heard_us = 0
        self._back_us = 0
        self._explaining = False
        self.first = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Head, banner, a word when something is wrong, two columns or the explain panel, keys."""
        yield Static(id="head")
        yield Static(id="banner")
        yield Static(id="word")
        with Horizontal(id="body"):
            yield Static(id="left")
            yield Static(id="right")
        with VerticalScroll(id="panel"):
            yield Static(id="explain")
        yield Static(id="keys")

    def on_mount(self) -> None:
        """Begin to listen and to draw."""
        self.run_worker(self._listen(), exclusive=True)
        self.set_interval(_REDRAW_S, self.draw)

    def on_resize(self) -> None:
        """Draw at once in the new size."""
        self.draw()

    # --- listening

    async def _listen(self) -> None:
        """Follow the interlock through its restarts."""
        while True:
            try:
                await self._follow()
            except (NoAnswer, ContractError) as error:
                self._miss(error if isinstance(error, NoAnswer) else NoAnswer(self._path, str(error)))
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._path), limit=_LIMIT)
        except OSError as error:
            raise NoAnswer(self._path, error.strerror or str(error)) from error
        try:
            writer.write(b'{"op":"watch"}\n')
            while True:
                line = await asyncio.wait_for(reader.readline(), SILENT_S)
                self._hear(status_of(decode(line, self._path)))
        except TimeoutError as error:
            raise NoAnswer(self._path, "silence") from error
        except (OSError, ValueError) as error:
            raise NoAnswer(self._path, str(error)) from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _hear(self, status: Status) -> None:
        before = self.status
        restarted = before is not None and (status.boot != before.boot or status.evaluations < before.evaluations)
        if (self.lost is not None and before is not None) or restarted:
            self._back_us = now_us()
        self.lost, self._heard_us, self.status = None, now_us(), status
        if status.state in _LOUD and (before is None or before.state != status.state):
            self.bell()
        self.first.set()
        self.draw()

    def _miss(self, lost: NoAnswer) -> None:
        if self.lost is None and self.status is not None:
            self.bell()
        self.lost = lost
        self.draw()

    # --- keys

    def action_language(self) -> None:
        """Chinese and English in turn."""
        self.words = Words("en" if self.words.lang == "zh" else "zh")
        self.draw()

    def action_explain(self) -> None:
        """Every condition instead of the picture, and back."""
        self._explaining = not self._explaining
        self.draw()
        if self._explaining:
            self.query_one("#panel").focus()

    def action_leave(self) -> None:
        """Leave the panel."""
        if self._explaining:
            self.action_explain()

    # --- drawing

    def draw(self) -> None:
        """Draw everything for the size there is now."""
        if not self.query("#keys"):
            return  # a resize may come before the widgets
        width, height = self.size
        words, status, now = self.words, self.status, now_us()
        self.set_class(self.lost is not None, "lost")
        self.set_class(self._explaining, "explaining")
        self.set_class(width < _TWO_COLUMNS, "narrow")
        tall = 10 if height >= 38 else 5 if height >= 30 else 3
        notice = self._notice(now, width)
        self.set_class(bool(notice), "telling")
        self._put("word", notice)
        self._put("keys", [self._keys(width)])
        if status is None:
            self._put("head", [Text(" hotbox")])
            self._put("banner", banner(LOST, "", words, width, tall))
            return
        self._put("head", [sections.head(status, words, width)])
        state = LOST if self.lost is not None else status.state
        since = words("for", age=words.span((now - status.since_us) // 1000))
        note = (
            words(f"state.{status.state}")
            if self.lost is not None
            else f"{sections.meaning(status, words)}  {since}".strip()
        )
        self._put("banner", banner(state, note, words, width, tall))
        rows = height - 2 - tall - len(notice)
        if self._explaining:
            self._put("explain", explanation(status.verdicts, words, width - 3))
        elif width < _TWO_COLUMNS:
            self._put("left", self._column(status, width - 2, rows, now))
        else:
            left = (width - 4) // 2
            roomy = height >= _ROOMY
            self._put("left", self._left(status, left, rows, now, roomy=roomy))
            self._put("right", self._right(status, width - 4 - left, rows, roomy=roomy))

    def _put(self, name: str, lines: list[Text]) -> None:
        self.query_one(f"#{name}", Static).update(_block(lines))

    def _notice(self, now: int, width: int) -> list[Text]:
        """Loud lines: nobody speaks, the interlock has just come back, or the box is looked for."""
        if self.lost is not None:
            age = self.words.span((now - self._heard_us) // 1000)
            what = self.words("lost", age=age) if self._heard_us else self.words("waiting", path=self._path)
            todo = self.words("lost_do" if self._heard_us else "no_answer_do")
            style = "bold #1a1a1a on #ff9f1c"
            return [Text(sections.pad(f" ? {what}", width), style), Text(sections.pad(f"   → {todo}", width), style)]
        if self.status is not None and self._back_us and now - self._back_us < _BACK_US:
            text = self.words("back", n=self.status.boot)
            return [Text(sections.pad(f" ! {text}", width), "bold #1a1a1a on #79c0ff")]
        if self.status is not None:
            return sections.identify(self.status, self.words, width, lit=now // _FLASH_US % 2 == 0)
        return []

    def _keys(self, width: int) -> Text:
        line = Text(" ")
        leave = "key.back" if self._explaining else "key.explain"
        hints = [("q", "key.quit"), ("l", "key.language"), ("e", leave)]
        for key, name in [*hints, ("↑↓", "key.scroll")] if self._explaining else hints:
            line.append(f" {key} ", "bold #0d1117 on #8b949e").append(f" {self.words(name)}   ")
        return sections.fit(line, width)

    def _left(self, status: Status, width: int, rows: int, now: int, *, roomy: bool) -> list[Text]:
        """First-out, why not, countdowns, events; the events give way, and a long list is cut."""
        blank = [Text("")] if roomy else []
        top = blank + _and(sections.first_out(status, self.words, width), blank)
        top += _and(sections.bypasses(status, self.words, width), blank)
        counts = _and(sections.countdowns(status, self.words, width, now), blank)
        room = rows - len(top) - len(counts) - len(blank) - _FEW_EVENTS
        why = _and(sections.why_not(status, self.words, width, max(3, room)), blank)
        lines = top + why + counts
        return (lines + sections.events(status, self.words, width, max(0, rows - len(lines))))[:rows]

    def _right(self, status: Status, width: int, rows: int, *, roomy: bool) -> list[Text]:
        """Gas, permit, people, relay with inputs, audit and buses; the last are cut first."""
        words = self.words
        blank = [Text("")] if roomy else []
        people = sections.people(status, words, width, 8)
        permit = sections.permit(status, words, width) if roomy else []
        relay = [
            *sections.relay(status, words, width),
            *sections.inputs(status, words, width),
            *sections.sensors(status, words, width),
        ]
        health = [
            *sections.video(status, words, width),
            *sections.audit(status, words, width),
            *sections.buses(status, words, width),
        ]
        below = sum(len(part) + len(blank) for part in (permit, people, relay) if part)
        lines = blank + sections.gas(status, words, width, max(3, rows - below - len(blank) - 1))
        for part in (permit, people, relay, health):
            lines += blank + part if part else []
        return lines[:rows]

    def _column(self, status: Status, width: int, rows: int, now: int) -> list[Text]:
        """Everything below each other on a narrow terminal; what matters least falls off the end."""
        words = self.words
        parts = [
            sections.first_out(status, words, width),
            sections.bypasses(status, words, width),
            sections.countdowns(status, words, width, now),
            sections.why_not(status, words, width, max(3, rows // 2)),
            sections.gas(status, words, width, len(status.channels) + 1),
            sections.relay(status, words, width),
            sections.sensors(status, words, width),
            sections.people(status, words, width, 8),
            sections.video(status, words, width),
            sections.audit(status, words, width),
        ]
        lines = [line for part in parts for line in part][:rows]
        return lines + sections.events(status, words, width, max(0, rows - len(lines)))


def _and(lines: list[Text], blank: list[Text]) -> list[Text]:
    return lines + blank if lines else []


def take_picture(path: Path, lang: Literal["zh", "en"], file: Path, columns: int, rows: int) -> None:
    """Save one frame as SVG.

    Raises:
        NoAnswer: no interlock in time.
        OSError: the file cannot be written.
    """
    app = WatchApp(path, lang)
    found: list[str] = []

    async def pose(pilot: Pilot[None]) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(app.first.wait(), ANSWER_S)
            await pilot.pause()
            app.draw()
            await pilot.pause()
            found.append(app.export_screenshot(title="hotbox watch"))
        app.exit()

    app.run(headless=True, size=(columns, rows), auto_pilot=pose)  # type: ignore[arg-type]
    if not found:
        raise app.lost or NoAnswer(path, "silence")
    file.write_text(self_contained(found[0]), encoding="utf-8")
