"""The camera: drained all the time by a thread of its own, so that a frame is never older than it says.

A stalled VideoCapture never comes back: it is opened again. A picture that stands still to the last bit, or is black,
is a fault of the camera and never shows a face.
"""

import hashlib
import logging
import os
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from edge.config import Vision
from edge.sockets import now_us

if TYPE_CHECKING:
    from faces.engine import Image

OPEN_TIMEOUT_S = 1.5
READ_TIMEOUT_S = 1.0
REOPEN_S = 0.5
FROZEN_S = 2.0
"""Sensor noise changes a live picture's bytes from frame to frame, in the dark too."""
BLACK_MEAN = 6.0
"""Mean brightness, of 255, under which nobody could be recognised: cap on, or no light at all."""
BLACK_S = 1.0
"""An exposure change may lose a picture or two."""
PICTURES_PER_S = 5.0
"""Frames that are converted and looked at; the others are only drained."""

log = logging.getLogger(__name__)


class Health(StrEnum):
    """What the camera is worth."""

    OK = "ok"
    STALLED = "stalled"
    FROZEN = "frozen"
    BLACK = "black"
    ABSENT = "absent"


@dataclass(frozen=True)
class Frame:
    """A picture: BGR pixels, CLOCK_BOOTTIME of its arrival, and a digest of its bytes."""

    image: "Image"
    at_us: int
    digest: bytes


class PictureJudge:
    """Tells a live picture from a frozen or black one. Pure: time is handed in."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self._digest = b""
        self._changed_s = 0.0
        self._black_s: float | None = None

    def see(self, digest: bytes, mean: float, now_s: float) -> None:
        """A picture that arrived at a time."""
        if digest != self._digest:
            self._digest = digest
            self._changed_s = now_s
        if mean >= BLACK_MEAN:
            self._black_s = None
        elif self._black_s is None:
            self._black_s = now_s

    def health(self, now_s: float) -> Health:
        """What the newest picture says; black comes first, because a black picture stands still too."""
        if self._black_s is not None and now_s - self._black_s >= BLACK_S:
            return Health.BLACK
        return Health.FROZEN if now_s - self._changed_s >= FROZEN_S else Health.OK


class CameraReader:
    """Owns the capture and its thread. `latest`, `health`, `take_report` and `stop` may be called from any other one.

    A stamp is late by at most the time for which another thread holds the interpreter: one face embedding, 75 ms on a
    PC. After a pause of a second frames may have waited in a buffer, so the camera is opened again.
    """

    def __init__(self, settings: Vision) -> None:
        """Nothing is opened before `start`."""
        self.opened = 0
        self._settings = settings
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
            capture = open_capture(self._settings)
            if capture is None:
                with self._lock:
                    if not self._absent:
                        log.warning("the camera at %s cannot be opened; trying again", self._settings.camera)
                    self._absent = True
            else:
                self.opened += 1
                log.info("the camera at %s is open", self._settings.camera)
                try:
                    self._drain(capture)
                finally:
                    capture.release()
                    with self._lock:
                        self._latest = None
            self._stopping.wait(REOPEN_S)

    def _drain(self, capture: Any) -> None:
        """Take frames until one fails to come in time."""
        previous_s = time.monotonic()
        looked_s = float("-inf")
        while not self._stopping.is_set():
            if not capture.grab():
                log.warning("the camera stalled; opening it again")
                return
            at_us, now_s = now_us(), time.monotonic()
            if now_s - previous_s > READ_TIMEOUT_S:
                log.warning("%.1f s without a frame; opening the camera again", now_s - previous_s)
                return
            previous_s = now_s
            picture = None
            if now_s - looked_s >= 1 / PICTURES_PER_S:
                looked_s = now_s
                ok, picture = capture.retrieve()
                if not ok:
                    log.warning("a frame of the camera cannot be read; opening it again")
                    return
            self._arrive(picture, at_us, now_s)

    def _arrive(self, picture: "Image | None", at_us: int, now_s: float) -> None:
        digest, mean = b"", 0.0
        if picture is not None:
            digest = hashlib.blake2b(picture.data, digest_size=16).digest()
            mean = float(picture[::8, ::8].mean())
        with self._lock:
            self._absent = False
            self._arrived_s = now_s
            self._frames += 1
            if picture is not None:
                self._judge.see(digest, mean, now_s)
                self._latest = Frame(picture, at_us, digest)


def open_capture(settings: Vision) -> Any | None:
    """Open the camera: a URL by FFmpeg with time-outs, a device path or number by V4L2. None when it is not there."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    cv2.setNumThreads(1)
    # A stall is reported by this module, once; OpenCV's own line to stderr comes on top of it each time.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    camera = settings.camera
    if "://" in camera:
        limits = (
            (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_S * 1000),
            (cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_S * 1000),
            (cv2.CAP_PROP_N_THREADS, 1),
        )
        capture = cv2.VideoCapture(camera, cv2.CAP_FFMPEG, [int(value) for limit in limits for value in limit])
    else:
        capture = cv2.VideoCapture(int(camera) if camera.isdigit() else camera, cv2.CAP_V4L2)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    if capture.isOpened():
        return capture
    capture.release()
    return None
