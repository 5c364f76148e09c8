"""The recorder as the vision process has it: there or not, with whatever it says and hears."""

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from edge.config import BoxConfig
from edge.interlock.evidence import Film, Logged, Message, Segment, Video
from edge.vision import recorder
from edge.vision.clips import ClipServer

if TYPE_CHECKING:
    from edge.vision.camera import Frame


class Filming:
    """Recorder and the door through which recordings go up. A box without a recorder says that it has none."""

    def __init__(self, config: BoxConfig, latest: Callable[[], "Frame | None"], segment_s: float) -> None:
        """Record what `latest` gives, in segments of `segment_s`, if the configuration names a folder for it."""
        video = config.vision.video
        self._recorder = recorder.Recorder(video, latest, segment_s=segment_s) if video is not None else None
        self._clips = ClipServer(config, self._recorder) if self._recorder is not None else None

    async def start(self) -> None:
        """Begin."""
        if self._recorder is not None and self._clips is not None:
            self._recorder.start()
            await self._clips.start()

    async def stop(self) -> None:
        """Finish what is being recorded."""
        if self._recorder is not None and self._clips is not None:
            await self._clips.stop()
            await asyncio.to_thread(self._recorder.stop)

    def hear(self, message: Message) -> None:
        """What the interlock says; what is not for the recorder is let be."""
        if self._recorder is None:
            return
        match message:
            case Film():
                self._recorder.film(message)
            case Logged(commitment):
                self._recorder.logged(commitment)

    def words(self) -> Iterator[Video | Segment]:
        """What is to be told to the interlock now: how the recorder is, and a segment that the log lacks."""
        if self._recorder is None:
            yield recorder.off()
            return
        self._recorder.tend()
        yield self._recorder.word()
        segment = self._recorder.offered()
        if segment is not None:
            yield segment
