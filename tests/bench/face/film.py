"""What is held before the camera: a still picture for ever, or a film that begins anew when it ends."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from tests.bench.face import folder
from tests.bench.face.look import fitted, read

if TYPE_CHECKING:
    from faces.engine import Image

MOST_S = 60.0
"""The rest of a longer film is left out: no challenge lasts so long."""
LOOKED_MS = 100.0
"""Pictures of a film that come faster are thinned to this: the box looks at fewer still."""
_USUAL_MS = 40.0


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands beside a film: milliseconds from picture to picture, and what a living person was asked for."""

    every_ms: float = 0.0
    prompts: tuple[str, ...] = ()


def facts(shown: folder.Presentation) -> Facts:
    """What stands beside a presentation; nothing is as good as nothing said.

    Raises:
        FolderError: it is not as it should be.
    """
    path = shown.path / folder.FRAMES if shown.path.is_dir() else shown.path.with_name(f"{shown.path.name}.json")
    if not path.is_file():
        return Facts()
    try:
        return msgspec.convert(json.loads(path.read_text(encoding="utf-8")), Facts)
    except (ValueError, msgspec.ValidationError) as error:
        raise folder.FolderError(
            f'{path}: expected {{"every_ms": 200, "prompts": ["left"]}}, came something else ({error}); correct it'
        ) from error


def images(shown: folder.Presentation) -> "Iterator[tuple[float, Image]]":
    """Second and picture, in rising time; one of second 0 for a still. Nothing when it cannot be read."""
    if shown.path.is_dir():
        every_ms = facts(shown).every_ms or _USUAL_MS
        paths = folder.pictures(shown.path)
        for index in _thinned(len(paths), every_ms):
            image = read(paths[index])
            if image is not None:
                yield index * every_ms / 1000, image
    elif shown.film:
        yield from _film(shown.path, facts(shown).every_ms)
    else:
        image = read(shown.path)
        if image is not None:
            yield 0.0, image


def _film(path: Path, every_ms: float) -> "Iterator[tuple[float, Image]]":
    capture = cv2.VideoCapture(str(path))
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        every_ms = every_ms or (1000 / rate if rate > 0 else _USUAL_MS)
        number, due_ms = 0, 0.0
        while number * every_ms <= MOST_S * 1000 and capture.grab():
            if number * every_ms >= due_ms:
                ok, image = capture.retrieve()
                if not ok:
                    return
                due_ms = number * every_ms + LOOKED_MS
                yield number * every_ms / 1000, fitted(np.asarray(image, np.uint8))
            number += 1
    finally:
        capture.release()


def _thinned(count: int, every_ms: float) -> range:
    most = int(MOST_S * 1000 / every_ms) + 1
    return range(0, min(count, most), max(1, round(LOOKED_MS / every_ms)))
