"""Says sentences: espeak-ng renders a WAV, a configured command plays it. Never blocks, never fails the caller.

One sentence at a time; what is overdue by then is left out, because an old number is a wrong number. Without
espeak-ng, player or audio device it says so once in the log (and in the metric `hotbox_voice_ok`) and keeps quiet.
"""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from edge.config import Voice
from edge.interlock.status import Status
from edge.sockets import now_us
from edge.voice.sentences import asked, graces, identifying, instants, request, sentence

_logger = logging.getLogger(__name__)

_VOICES = {"zh": "cmn", "en": "en"}
_RENDER_S = 3.0
_PLAY_S = 15.0
_LATE_US = 1_000_000
"""A sentence that could not begin within this time is not said."""


class Speaker:
    """Follows the status documents; speaks the graces, the name of a box that is looked for, and what a face is to do.

    A new request cuts the last one short: an old one would be followed.
    """

    def __init__(self, config: Voice, clock: Callable[[], int] = now_us) -> None:
        """Nothing is started; `clock` is CLOCK_BOOTTIME in microseconds."""
        self._config = config
        self._clock = clock
        self._running: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._speaking = asyncio.Lock()
        self._asked: tuple[str, int, str] = ("", 0, "")
        self._asking: asyncio.Task[None] | None = None
        self._told = False
        self.ok = True
        self.spoken = 0

    def hear(self, status: Status) -> None:
        """Take a new status: begin what began, end what ended. Call it in a running loop."""
        self._hear_prompt(status)
        # A grace comes first: the answer to somebody who looks for the box must not delay a warning.
        found = graces(status) or identifying(status)
        for key in [key for key in self._running if key not in found]:
            self._running.pop(key).cancel()
        for key, view in found.items():
            if key not in self._running:
                self._running[key] = asyncio.create_task(self._count_down(*key, view.subject), name=f"voice {key[0]}")

    def _hear_prompt(self, status: Status) -> None:
        """Say a new request once; in the first language, since there is time for one."""
        now, prompt = asked(status), status.prompt
        if now == self._asked:
            return
        self._asked = now
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        if prompt is not None:
            language = "en" if self._config.language == "en" else "zh"
            said = self._say(request(prompt, language), language, self._clock())
            self._asking = asyncio.create_task(said, name=f"voice {prompt.action}")

    async def close(self) -> None:
        """Stop speaking."""
        tasks = [*self._running.values(), *([self._asking] if self._asking is not None else [])]
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _count_down(self, condition: str, until_us: int, who: str) -> None:
        for at_us, seconds in instants(until_us, self._clock()):
            await asyncio.sleep(max(0, at_us - self._clock()) / 1e6)
            for language in ("zh", "en") if self._config.language == "both" else (self._config.language,):
                await self._say(sentence(condition, seconds, language, who), language, at_us)

    async def _say(self, text: str, language: str, at_us: int) -> None:
        async with self._speaking:
            if self._clock() - at_us > _LATE_US and language != "en":
                return
            with tempfile.TemporaryDirectory(prefix="hotbox-voice-") as folder:
                wav = Path(folder) / "sentence.wav"
                render = (self._config.synthesizer, "-v", _VOICES[language], "-w", str(wav), "--", text)
                done = await self._run(render, _RENDER_S) and await self._run(
                    (*self._config.command, str(wav)), _PLAY_S
                )
            self.spoken += done
            self.ok = done

    async def _run(self, command: tuple[str, ...], within_s: float) -> bool:
        """Run a command to its end; False when it cannot be run, fails, or takes too long."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            self._complain(f"{command[0]}: {error.strerror or error}")
            return False
        try:
            code = await asyncio.wait_for(process.wait(), within_s)
        except TimeoutError:
            self._complain(f"{command[0]}: not finished after {within_s:.0f} s")
            return False
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code:
            self._complain(f"{command[0]}: exit code {code}")
        return code == 0

    def _complain(self, why: str) -> None:
        if not self._told:
            self._told = True
            _logger.warning("the spoken countdown is silent: %s (install espeak-ng and a player, see `voice`)", why)
