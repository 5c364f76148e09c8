"""Where segments lie: a folder a box, under their commitments, with what opens each. Closed to other users.

DIR/media/box-NAME/COMMITMENT.part    coming in
DIR/media/box-NAME/COMMITMENT.avi     here (contracts/video.py), COMMITMENT.salt beside it
"""

import contextlib
import functools
import os
import time
from pathlib import Path

from contracts.commitment import opens
from contracts.video import Picture, pictures

PART, VIDEO, SALT = ".part", ".avi", ".salt"
LEAST_FREE_BYTES = 2**30
"""What recordings leave of their filesystem for the database and everybody else; of a small one its twentieth."""
STALE_PART_S = 14 * 86_400
"""A segment that stopped coming in so long ago does not go on."""

Key = tuple[str, str]
"""A segment: its box and its commitment."""


class Shelf:
    """The files; the index is in the database."""

    def __init__(self, root: Path) -> None:
        """`root` is made when it is needed."""
        self.root = root

    def path(self, box: str, commitment: str, suffix: str = VIDEO) -> Path:
        """A segment's file."""
        return self.root / f"box-{box}" / f"{commitment}{suffix}"

    def came(self, box: str, commitment: str, size: int) -> int:
        """How much of it has come; one that is too long begins anew."""
        part = self.path(box, commitment, PART)
        with contextlib.suppress(FileNotFoundError):
            have = part.stat().st_size
            if have <= size:
                return have
            part.unlink()
        return 0

    def parts(self) -> dict[Key, int]:
        """Segments that are coming in, each as long as it is by now."""
        found = {}
        for part in self.root.glob(f"box-*/*{PART}"):
            with contextlib.suppress(FileNotFoundError):
                found[(part.parent.name.removeprefix("box-"), part.stem)] = part.stat().st_size
        return found

    def coming(self) -> int:
        """Their bytes."""
        return sum(self.parts().values())

    def spare(self) -> int:
        """Bytes that the filesystem has left for recordings; what `LEAST_FREE_BYTES` says belongs to everybody else.

        Raises:
            OSError: it cannot be looked at.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.statvfs(self.root)
        reserve = min(LEAST_FREE_BYTES, found.f_blocks * found.f_frsize // 20)
        return found.f_bavail * found.f_frsize - reserve

    def append(self, box: str, commitment: str, at: int, body: bytes) -> None:
        """The next bytes of it.

        Raises:
            OSError: the disk does not take them.
        """
        part = self.path(box, commitment, PART)
        part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            if os.pwrite(descriptor, body, at) != len(body):
                raise OSError(28, os.strerror(28), str(part))
        finally:
            os.close(descriptor)

    def drop(self, box: str, commitment: str) -> None:
        """Forget what has come of it."""
        self.path(box, commitment, PART).unlink(missing_ok=True)

    def keep(self, box: str, commitment: str, salt: bytes) -> bool:
        """Put what has come on the shelf if it is what was committed to; else it goes.

        Raises:
            OSError: the disk does not let us.
        """
        part = self.path(box, commitment, PART)
        if not opens(commitment, salt, part.read_bytes()):
            part.unlink()
            return False
        _write(self.path(box, commitment, SALT), salt)
        _sync(part)
        part.rename(self.path(box, commitment))
        _sync(part.parent)
        return True

    def is_sound(self, box: str, commitment: str) -> bool:
        """Whether the file is what was committed to."""
        try:
            salt = self.path(box, commitment, SALT).read_bytes()
            return opens(commitment, salt, self.path(box, commitment).read_bytes())
        except OSError:
            return False

    def erase(self, box: str, commitment: str) -> None:
        """Remove a segment for good, what opens it first.

        Raises:
            OSError: something of it may be left; it can be erased again.
        """
        for suffix in (SALT, VIDEO, PART):
            path = self.path(box, commitment, suffix)
            with contextlib.suppress(FileNotFoundError):
                with path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()

    def tidy(self) -> None:
        """Forget what stopped coming in long ago."""
        for part in self.root.glob(f"box-*/*{PART}"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > STALE_PART_S:
                    part.unlink()

    def places(self, box: str, commitment: str) -> tuple[Picture, ...]:
        """Where each picture lies.

        Raises:
            OSError: the file is not there.
            ContractError: it is no segment.
        """
        path = self.path(box, commitment)
        return _places(path, path.stat().st_mtime_ns)

    def picture(self, box: str, commitment: str, place: Picture) -> bytes:
        """One picture, a JPEG.

        Raises:
            OSError: the file is not there.
        """
        with self.path(box, commitment).open("rb") as file:
            file.seek(place.at)
            return file.read(place.size)


@functools.lru_cache(maxsize=64)
def _places(path: Path, changed_ns: int) -> tuple[Picture, ...]:
    del changed_ns  # another file has another
    return pictures(path.read_bytes())


def _write(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
