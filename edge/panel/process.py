"""The panel process: hears the interlock on control.sock, drives lamps and buzzer, takes two buttons and the CLI.

It commands nothing. When the interlock is silent, has hung up or is not there, it says so by itself.
"""

import asyncio
import contextlib
import logging
import os
from pathlib import Path
from typing import Any

import msgspec

from contracts.errors import UNREADABLE
from edge.config import BoxConfig
from edge.gpio import open_gpio
from edge.interlock.status import Status
from edge.panel.mind import Mind
from edge.panel.outputs import GpioOutputs, ModbusOutputs, Outputs
from edge.panel.wiring import OUTPUTS
from edge.sockets import now_us

_logger = logging.getLogger(__name__)

AGAIN_S = 0.25
BUTTONS_S = 0.1
REFRESH_US = 1_000_000
"""An output module with a host watchdog, or one that was exchanged, hears everything at least this often."""
_LINE = 1 << 20


class _Answer(msgspec.Struct, frozen=True):
    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")


class PanelView(msgspec.Struct, frozen=True):
    """What the panel says of itself on ``panel.sock``: its meaning and words, each output's level now.

    `output_ok`: the lamps can be reached. `heard`: the interlock speaks. `quiet_ms`: how long the buzzer is silenced.
    """

    meaning: str
    zh: str
    en: str
    levels: dict[str, bool]
    quiet_ms: int
    heard: bool
    output_ok: bool


class PanelProcess:
    """Runs until cancelled."""

    def __init__(self, config: BoxConfig) -> None:
        """Nothing is driven yet; `config.panel` is there."""
        assert config.panel is not None  # noqa: S101 - the caller looked
        self._config, self._panel = config, config.panel
        self._mind = Mind(config.panel.silence_s, now_us())
        self._changed = asyncio.Event()
        self._heard = self._told = False
        self._held: dict[str, bool] = {}
        self.output_ok = False

    async def run(self) -> None:
        """Hear, show, take presses and answer, until cancelled; the lamps are dark afterwards."""
        server = await self._listen(self._config.panel_socket)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hear())
                group.create_task(self._drive())
        finally:
            server.close()
            self._config.panel_socket.unlink(missing_ok=True)

    # --- what the interlock says

    async def _hear(self) -> None:
        decoder, statuses = msgspec.json.Decoder(_Answer), msgspec.json.Decoder(Status)
        while True:
            with contextlib.suppress(OSError, msgspec.MsgspecError, asyncio.LimitOverrunError, ValueError):
                reader, writer = await asyncio.open_unix_connection(str(self._config.control_socket), limit=_LINE)
                try:
                    writer.write(b'{"op": "watch"}\n')
                    while line := await reader.readline():
                        self._mind.hear(statuses.decode(decoder.decode(line).result), now_us())
                        self._heard = True
                        self._changed.set()
                finally:
                    writer.close()
            self._heard = False
            self._mind.lost(now_us())
            self._changed.set()
            await asyncio.sleep(AGAIN_S)

    # --- the lamps

    def _open(self) -> Outputs:
        if self._panel.kind == "gpio":
            assert self._config.gpio is not None  # noqa: S101 - config.check
            return GpioOutputs(self._panel, open_gpio(self._config.gpio))
        return ModbusOutputs(self._panel)

    async def _drive(self) -> None:
        while True:
            try:
                outputs = self._open()
            except OSError as error:
                self._lose(error)
                await asyncio.sleep(AGAIN_S)
                continue
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._show(outputs))
                    group.create_task(self._feel(outputs))
            except* OSError as errors:
                self._lose(errors.exceptions[0])
            finally:
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(1):
                        await outputs.write(dict.fromkeys(OUTPUTS, False))
                outputs.close()
            await asyncio.sleep(AGAIN_S)

    def _lose(self, error: BaseException) -> None:
        self.output_ok = False
        if not self._told:
            self._told = True
            _logger.warning("lamps and buzzer cannot be reached: %s", error)

    async def _show(self, outputs: Outputs) -> None:
        shown: dict[str, bool] | None = None
        shown_us = 0
        while True:
            self._changed.clear()
            now = now_us()
            levels = self._mind.levels(now)
            if levels != shown or now - shown_us >= REFRESH_US:
                await outputs.write(levels)
                shown, shown_us = levels, now
                self.output_ok, self._told = True, False
            wait_s = max(0, self._mind.next_us(now) - now_us()) / 1e6
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()

    async def _feel(self, outputs: Outputs) -> None:
        """The buttons: what is down at the first look was not pressed."""
        self._held = {}
        while True:
            for name, down in (await outputs.pressed()).items():
                if down and self._held.get(name) is False:
                    self._press(name)
                self._held[name] = down
            await asyncio.sleep(BUTTONS_S)

    def _press(self, name: str) -> bool:
        done = True
        if name == "silence":
            done = self._mind.silence(now_us())
        else:
            self._mind.test(now_us())
        self._changed.set()
        return done

    # --- the command line

    async def _listen(self, path: Path) -> asyncio.Server:
        _clear(path)
        old = os.umask(0o117)
        try:
            return await asyncio.start_unix_server(self._serve, str(path))
        finally:
            os.umask(old)

    def view(self) -> PanelView:
        """What it says now."""
        now = now_us()
        said = self._mind.look(now)
        return PanelView(
            said.meaning.value, said.show.zh, said.show.en, self._mind.levels(now), self._mind.quiet_ms(now),
            self._heard, self.output_ok,
        )  # fmt: skip

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            writer.write(msgspec.json.encode(self._answer(line)) + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            op = msgspec.json.decode(line, type=dict[str, str]).get("op", "")
        except UNREADABLE:
            op = ""
        if op not in ("show", "test", "silence"):
            expected = {"field": "op", "expected": "show, test or silence", "came": repr(op)}
            return {"ok": False, "error": expected}
        if op == "show" or self._press("lamp_test" if op == "test" else op):
            return {"ok": True, "result": self.view()}
        refused = {
            "field": "silence", "expected": "something else than an evacuation alarm", "came": "gas over its limit",
            "hint": "leave; the buzzer stops when the gas is gone",
        }  # fmt: skip
        return {"ok": False, "error": refused}


def _clear(path: Path) -> None:
    """Its folder is there, and no socket of an earlier run is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    path.unlink(missing_ok=True)


async def run(config: BoxConfig) -> None:
    """Entry point of the process; a box without a panel has nothing to do."""
    if config.panel is not None:
        await PanelProcess(config).run()
