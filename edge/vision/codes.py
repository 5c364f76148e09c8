"""Reads a permit's QR codes from the box's camera or from pictures: in the command line's process, never in vision's.

Nothing is handed on before the whole is there and is what its digest says; the interlock judges whether it is a permit.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contracts import parts
from contracts.errors import ContractError, quote
from edge.config import BoxConfig
from edge.vision.camera import CameraReader
from edge.vision.frames import Frames

if TYPE_CHECKING:
    from edge.vision.frames import Grey

LOOK_EVERY_S = 0.05
MOST_PICTURES = 256
MOST_BYTES = 16 << 20
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")

Progress = Callable[[parts.Assembly], None]


def texts(image: "Grey") -> tuple[str, ...]:
    """What the permit codes in a picture say; other codes are none of ours.

    Raises:
        ContractError: the box was installed without its camera's libraries.
    """
    try:
        import zxingcpp
    except ImportError as error:
        todo = "install hotbox with its extra `vision`, or import the permit's file from USB"
        raise ContractError("camera", "the library zxing-cpp", "none", todo) from error
    found = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode]))
    return tuple(code.text for code in found if code.valid and parts.is_part(code.text))


class Reading:
    """Collects codes until one permit is whole."""

    def __init__(self, progress: Progress) -> None:
        """Tell `progress` of each new part."""
        self.collected = parts.Collection()
        self.problem: ContractError | None = None
        self._progress = progress

    def see(self, image: "Grey") -> bytes | None:
        """The whole, once this picture has completed it. A code that cannot be used is kept as `problem`."""
        for text in texts(image):
            try:
                part = parts.read(text)
                before, self.collected = self.collected, self.collected.add(part)
                newest = self.collected.newest
                if newest is None or newest in before.assemblies:
                    continue
                self._progress(newest)
                if not newest.missing:
                    self.collected = self.collected.without(part.whole)
                    return newest.payload()
            except ContractError as error:
                self.problem = error
        return None


def from_camera(config: BoxConfig, seconds: float, progress: Progress) -> bytes:
    """Read a permit's codes that a phone shows the box's camera, in any order.

    Vision is asked for pictures while it runs; else the camera is opened here.

    Raises:
        ContractError: not whole in time, no picture, or the camera's libraries are not installed.
    """
    reading, end_s, health = Reading(progress), time.monotonic() + seconds, "absent"
    with _pictures(config) as next_picture:
        while time.monotonic() < end_s:
            health, image = next_picture()
            whole = reading.see(image) if image is not None else None
            if whole is not None:
                return whole
            time.sleep(LOOK_EVERY_S)
    newest = reading.collected.newest
    if newest is not None:
        raise ContractError("camera", f"all {newest.count} codes within {seconds:g} s", told(newest), "show them again")
    if reading.problem is not None:
        raise reading.problem
    if health != "ok":
        raise ContractError("camera", "a picture of the camera", f"none: {health}", "see hotbox explain camera")
    todo = "hold the phone upright, 20 to 40 cm away, its screen bright and still"
    raise ContractError("camera", f"a permit's code within {seconds:g} s", "none", todo)


def from_pictures(files: Sequence[Path], progress: Progress) -> bytes:
    """Read a permit's codes from pictures, such as a folder on a USB stick.

    Raises:
        ContractError: no permit, not all of one, or parts of two.
        OSError: a file cannot be read.
    """
    if len(files) > MOST_PICTURES:
        raise ContractError("pictures", f"at most {MOST_PICTURES} pictures", str(len(files)), "name only the permit's")
    reading, wholes = Reading(progress), list[bytes]()
    for path in files:
        whole = reading.see(_load(path))
        if whole is not None and whole not in wholes:
            wholes.append(whole)
    left = reading.collected.assemblies
    if len(wholes) > 1:
        raise ContractError("pictures", "the codes of one permit", f"those of {len(wholes)}", "import one at a time")
    if wholes:
        return wholes[0]
    if left:
        came = "; ".join(told(each) for each in left)
        raise ContractError("pictures", f"all {left[-1].count} codes of a permit", came, "add the missing pictures")
    if reading.problem is not None:
        raise reading.problem
    raise ContractError("pictures", "a permit's codes", f"none in {len(files)} pictures", "save the bridge's pictures")


def pictures_of(paths: Sequence[Path]) -> list[Path]:
    """The pictures that are meant: folders become their pictures, by name.

    Raises:
        OSError: a folder cannot be read.
    """
    found: list[Path] = []
    for path in paths:
        found += sorted(each for each in path.iterdir() if is_picture(each)) if path.is_dir() else [path]
    return found


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a picture."""
    return path.suffix.lower() in PICTURES


def told(assembly: parts.Assembly) -> str:
    """How far it is: ``3 of 7, missing 2, 5, 6, 7``."""
    have = f"{assembly.count - len(assembly.missing)} of {assembly.count}"
    return f"{have}, missing {', '.join(map(str, assembly.missing))}" if assembly.missing else have


def _load(path: Path) -> "Grey":
    with path.open("rb") as opened:
        content = opened.read(MOST_BYTES + 1)
    try:
        import cv2
        import numpy as np
    except ImportError as error:
        todo = "install hotbox with its extra `vision`"
        raise ContractError("pictures", "the library opencv", "none", todo) from error
    image: Grey | None = None
    if 0 < len(content) <= MOST_BYTES:
        with contextlib.suppress(cv2.error):
            image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        wanted = f"a picture of at most {MOST_BYTES >> 20} MB"
        raise ContractError("pictures", wanted, quote(path.name), "save the bridge's pictures again")
    return image


@contextlib.contextmanager
def _pictures(config: BoxConfig) -> "Iterator[Callable[[], tuple[str, Grey | None]]]":
    """Gives health and a picture that was not seen before, or none."""
    seen_us = 0
    try:
        frames = Frames(config.frames_socket)
    except (FileNotFoundError, ConnectionRefusedError):
        frames = None
    if frames is not None:
        with frames:

            def asked() -> "tuple[str, Grey | None]":
                nonlocal seen_us
                head, image = frames.ask()
                fresh, seen_us = head.at_us != seen_us, head.at_us
                return head.health, image if fresh else None

            yield asked
        return
    import cv2

    camera = CameraReader(config.vision)
    camera.start()

    def taken() -> "tuple[str, Grey | None]":
        nonlocal seen_us
        frame = camera.latest()
        if frame is None or frame.at_us == seen_us:
            return camera.health().value, None
        seen_us = frame.at_us
        return "ok", cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)

    try:
        yield taken
    finally:
        camera.stop()
