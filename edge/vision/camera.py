"""The camera: drained all the time by a thread of its own, so that a frame is never older than it says.

A stalled VideoCapture never comes back: it is opened again. What the pictures themselves say is `edge.vision.picture`'s
to judge, of every frame that comes. A camera that sends MJPEG over HTTP is not decoded by OpenCV's capture: its bytes
are looked at as they come, and only the pictures that are wanted are decoded.
"""

import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.config import Vision
from edge.sockets import now_us
from edge.vision.picture import Health, PictureJudge, digest, glance, light
from faces.pictures import read

if TYPE_CHECKING:
    from faces.engine import Image

OPEN_TIMEOUT_S = 1.5
READ_TIMEOUT_S = 1.0
REOPEN_S = 0.5
PICTURES_PER_S = 5.0
"""Frames that are looked at; of the others only a digest is taken."""
GAP_S = 0.25
"""A process that stood still for longer, stopped or without a core, finds frames in a buffer and would call them new.
Much less cannot be asked for: a busy machine gives a process no core for 0.1 s now and then.
"""
BUSY = 0.5
"""A pause of which it worked itself for so much was another thread's work: an embedding holds the interpreter."""
WAITED_S = 0.005
"""A frame that was there at once had waited in a buffer; one for which the thread had to wait is new. A decoder that
takes longer for a frame hides which it was."""
_TICK_S = 0.025
BEAT_S = OPEN_TIMEOUT_S + READ_TIMEOUT_S + REOPEN_S
"""The thread does something at least so often, unless a driver holds it."""
MOST_PIXELS = 1 << 24
"""A larger picture is none of a camera's here: 48 MiB while it is decoded."""
_JPEG = b"\xff\xd8"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frame:
    """A picture: BGR pixels, CLOCK_BOOTTIME of its arrival, digest of the pixels, and the camera's own JPEG if any."""

    image: "Image"
    at_us: int
    digest: bytes
    jpeg: bytes = b""


class _Pauses:
    """Notices when this process stood still, by a thread that should wake every `_TICK_S`."""

    def __init__(self) -> None:
        self._ticked = time.monotonic(), time.process_time()
        self._ended_s = float("-inf")
        self._stopping = threading.Event()
        threading.Thread(target=self._run, name="pauses", daemon=True).start()

    def _run(self) -> None:
        while not self._stopping.wait(_TICK_S):
            if self._stood_still():
                self._ended_s = time.monotonic()
            self._ticked = time.monotonic(), time.process_time()

    def _stood_still(self) -> bool:
        (ticked_s, worked_s), gone_s = self._ticked, time.monotonic()
        gap_s = gone_s - ticked_s
        return gap_s > GAP_S and time.process_time() - worked_s < BUSY * gap_s

    def since(self, asked_s: float) -> bool:
        """Whether there was one since then, or is one that its own thread has not noticed yet."""
        return self._ended_s >= asked_s or self._stood_still()

    def stop(self) -> None:
        self._stopping.set()


class CameraReader:
    """Owns the capture and its thread. `latest`, `health`, `take_report` and `stop` may be called from any other one.

    A stamp is late by at most the time for which another thread holds the interpreter, one face embedding, 75 ms on a
    PC; or for which this process gets no core, `GAP_S`. After a longer pause frames are dropped until one has to be
    waited for; after a second the camera is opened again.

    Attributes:
        opened: how often the camera was opened.
        beat_s: time.monotonic() of the thread's last sign of life.
    """

    def __init__(self, settings: Vision) -> None:
        """Nothing is opened before `start`."""
        self.opened = 0
        self.beat_s = time.monotonic()
        self._settings = settings
        self._raw = settings.camera.startswith(("http://", "https://"))
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._judge = PictureJudge()
        self._latest: Frame | None = None
        self._absent = True
        self._arrived_s = float("-inf")
        self._frames = 0

    def start(self) -> None:
        """Start draining."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a read in progress may hold it for its time-out."""
        self._stopping.set()
        self._thread.join(OPEN_TIMEOUT_S + READ_TIMEOUT_S)

    def alive(self) -> bool:
        """Whether the thread still does its work."""
        return self._thread.is_alive() and time.monotonic() - self.beat_s <= BEAT_S + READ_TIMEOUT_S

    def latest(self) -> Frame | None:
        """The newest picture, or None when the camera is not well: then there is nothing to recognise."""
        with self._lock:
            return self._latest if self._health() is Health.OK else None

    def health(self) -> Health:
        """What the camera is worth now."""
        with self._lock:
            return self._health()

    def take_report(self) -> tuple[Health, int]:
        """Health now, and frames since the last report."""
        with self._lock:
            frames, self._frames = self._frames, 0
            return self._health(), frames

    def _health(self) -> Health:
        now_s = time.monotonic()
        if now_s - self._arrived_s <= READ_TIMEOUT_S:
            return self._judge.health(now_s)
        return Health.ABSENT if self._absent else Health.STALLED

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.beat_s = time.monotonic()
            capture = open_capture(self._settings, raw=self._raw)
            if capture is None:
                with self._lock:
                    if not self._absent:
                        log.warning("the camera at %s cannot be opened; trying again", self._settings.camera)
                    self._absent = True
            else:
                self.opened += 1
                log.info("the camera at %s is open", self._settings.camera)
                self._use(capture)
            self._stopping.wait(REOPEN_S)

    def _use(self, capture: Any) -> None:
        """Drain it to its end; a picture that OpenCV chokes on is an end, too."""
        import cv2

        pauses = _Pauses()
        try:
            self._drain(capture, pauses)
        except cv2.error as error:
            log.warning("a picture of the camera cannot be worked on; opening it again: %s", error)
        finally:
            pauses.stop()
            capture.release()
            with self._lock:
                self._latest = None

    def _drain(self, capture: Any, pauses: _Pauses) -> None:
        """Take frames until one fails to come in time."""
        previous_s = time.monotonic()
        looked_s = float("-inf")
        free_s, behind = previous_s, False
        while not self._stopping.is_set():
            asked_s = time.monotonic()
            if not capture.grab():
                log.warning("the camera stalled; opening it again")
                return
            at_us, now_s = now_us(), time.monotonic()
            held_s, free_s, self.beat_s = free_s, now_s, now_s
            if now_s - previous_s > READ_TIMEOUT_S:
                log.warning("%.1f s without a frame; opening the camera again", now_s - previous_s)
                return
            paused = pauses.since(held_s)
            behind = paused or (behind and now_s - asked_s < WAITED_S)
            if behind:
                continue
            previous_s = now_s
            ok, picture = capture.retrieve()
            if not ok:
                log.warning("a frame of the camera cannot be read; opening it again")
                return
            look = now_s - looked_s >= 1 / PICTURES_PER_S
            image, jpeg, seen = (picture if look else None), b"", b""
            if self._raw:
                jpeg = picture.tobytes()
                if not jpeg.startswith(_JPEG):
                    log.info("the camera at %s sends no JPEG; it is decoded as a film", self._settings.camera)
                    self._raw = False
                    return
                seen = digest(jpeg)
                image = read(jpeg, MOST_PIXELS) if look else None
                if look and image is None:
                    log.debug("a frame of the camera is broken")  # the picture stands still, and the judge says so
            else:
                seen = glance(picture)
            if image is not None:
                looked_s = now_s
            self._arrive(image, jpeg, seen, at_us, now_s)

    def _arrive(self, image: "Image | None", jpeg: bytes, every: bytes, at_us: int, now_s: float) -> None:
        pixels, seen = (digest(image.data), light(image)) if image is not None else (b"", None)
        with self._lock:
            self._absent = False
            self._arrived_s = now_s
            self._frames += 1
            self._judge.pass_by(every)
            if image is not None and seen is not None:
                self._judge.see(pixels, seen, now_s)
                self._latest = Frame(image, at_us, pixels, jpeg)


def open_capture(settings: Vision, *, raw: bool = False) -> Any | None:
    """Open the camera: a URL by FFmpeg with time-outs, a device path or number by V4L2. None when it is not there.

    `raw` asks FFmpeg for the stream's packets as they are, which are pictures only where the stream is MJPEG.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")  # seconds; OpenCV itself would wait for ten
    import cv2

    cv2.setNumThreads(1)
    # A stall is reported by this module, once; OpenCV's own line to stderr comes on top of it each time.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    camera = settings.camera
    if "://" in camera:
        limits = [
            (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_S * 1000),
            (cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_S * 1000),
            (cv2.CAP_PROP_N_THREADS, 1),
        ]
        if raw:
            limits.append((cv2.CAP_PROP_FORMAT, -1))
        capture = cv2.VideoCapture(camera, cv2.CAP_FFMPEG, [int(value) for limit in limits for value in limit])
    else:
        capture = cv2.VideoCapture(int(camera) if camera.isdigit() else camera, cv2.CAP_V4L2)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    if capture.isOpened():
        return capture
    capture.release()
    return None
