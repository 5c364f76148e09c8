"""Recordings on the disk: a folder a permit, in it each segment under its commitment, beside it what opens it.

    FOLDER/permit-HW-1/recording.avi      being written; recording.json says what it is about
    FOLDER/permit-HW-1/COMMITMENT.avi     finished (contracts/video.py)
    FOLDER/permit-HW-1/COMMITMENT.json    its `Facts`, with the salt: without it the commitment proves nothing
    FOLDER/permit-HW-1/COMMITMENT.gone    what the facts are called while the segment is erased
    FOLDER/permit-HW-1/….avi.damaged      put aside, with its ….json.damaged: one of the two is not what it was
    FOLDER/recorder.lock                  held by the one process that writes here

The facts are durable before the file has its name, and an erasure renames them first, so that whatever a power cut
leaves can be told apart: facts without a file are what a finishing left, and go; what an erasure began is ended. A file
whose facts cannot be read, or that does not fit them, is nobody's wish: it is put aside and stays. A recording that was
cut off is finished at the next start, as far as it is whole.
"""

import contextlib
import fcntl
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from contracts.commitment import commit, fresh_salt, is_commitment, opens
from contracts.errors import UNREADABLE, ContractError
from contracts.permit import Id
from contracts.video import HEAD_BYTES, Picture, Shape, chunk, head, index, pictures, shape_of, size_of, stamped
from edge.vision.ring import Held, on_disk

VIDEO, FACTS, GONE, DAMAGED = ".avi", ".json", ".gone", ".damaged"
LOCK = "recorder.lock"
RECORDING = "recording"
_PERMIT = "permit-"
_NAMED = re.compile(r"permit-[A-Za-z0-9._-]{1,64}")
_INDEX_ROW_BYTES = 16

log = logging.getLogger(__name__)


class About(msgspec.Struct, frozen=True):
    """What a recording is about, before anything is known of its pictures.

    `boot`: the start of the machine that its times belong to; `offset_ms`: wall clock less CLOCK_BOOTTIME; `keep`,
    `keep_d`: whether nothing may overwrite it, and for how many days. `believed`: the interlock believed that clock.
    """

    permit: Id
    boot: str
    offset_ms: int
    keep: bool
    keep_d: int
    believed: bool = True


class Facts(msgspec.Struct, frozen=True):
    """A finished segment. `salt` in hex; `logged`: the log has it; `sent`: the bridge's word, held or refused.

    `dated_s`: where its own clock was not believed, or turned out to be slow, when it ended at the latest, by a clock
    that was; 0 while there is none.
    """

    about: About
    commitment: str
    salt: str
    first_us: int
    last_us: int
    frames: int
    bytes: int
    logged: bool = False
    sent: str = ""
    dated_s: int = 0

    @property
    def ended_s(self) -> int:
        """When its last picture was taken, seconds since 1970, by the clock of its own time."""
        return (self.last_us // 1000 + self.about.offset_ms) // 1000

    @property
    def held(self) -> Held:
        """As the ring counts it."""
        size, about = on_disk(self.bytes, FACTS_BYTES), self.about
        ended_s, dated = self.dated_s or self.ended_s, about.believed or self.dated_s > 0
        held = self.sent == "held"
        return Held(self.commitment, size, ended_s, about.keep, about.keep_d, dated, at_bridge=held)


FACTS_BYTES = 2048
"""No facts are larger."""


class Aside(msgspec.Struct, frozen=True):
    """A file that was put aside: where it is, and what it takes on the disk."""

    path: Path
    bytes: int


class FolderTakenError(OSError):
    """Another process records into the folder."""


class SegmentFolder:
    """The folder. One writer; `hotbox video` reads it, and erases in it, while that one writes."""

    def __init__(self, root: Path) -> None:
        """Nothing is made or read before it is needed."""
        self.root = root
        self._lock: int | None = None

    def hold(self) -> None:
        """Be the folder's one writer, by a lock that the kernel drops with the process.

        Raises:
            FolderTakenError: another one is.
            OSError: the disk does not let us.
        """
        path = self.root / LOCK
        if self._lock is not None:
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), os.fstat(self._lock)):
                    return
            self.leave()  # another disk is here now
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise FolderTakenError(
                f"{self.root}: process {holder} records into it already; stop that one, or give this box a folder of "
                "its own (vision.video.folder)"
            ) from error
        except OSError:
            os.close(handle)
            raise
        os.ftruncate(handle, 0)
        os.pwrite(handle, b"%d\n" % os.getpid(), 0)
        self._lock = handle

    def leave(self) -> None:
        """Let another one write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def path(self, facts: Facts) -> Path:
        """The segment's file."""
        return self._of(facts.about.permit) / f"{facts.commitment}{VIDEO}"

    def _of(self, permit: str) -> Path:
        return self.root / f"{_PERMIT}{permit}"

    def begin(self, about: About, width: int, height: int) -> "Writing":
        """A new recording of a permit's work.

        Raises:
            OSError: the disk does not let us.
        """
        place = self._of(about.permit)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(place / f"{RECORDING}{FACTS}", msgspec.json.encode(about))
        return Writing(place / f"{RECORDING}{VIDEO}", about, Shape(width, height))

    def finish(self, writing: "Writing") -> Facts | None:
        """Close a recording: from now on it is a segment. None where it has no picture, and is gone.

        Raises:
            OSError: the disk does not let us; what is there is finished at the next start.
        """
        writing.close()
        return self._take_in(writing.path)

    def _take_in(self, path: Path) -> Facts | None:
        """Make a segment of what was recorded, as far as it is whole; one that cannot be understood is put aside."""
        beside = path.with_suffix(FACTS)
        try:
            about = msgspec.json.decode(beside.read_bytes(), type=About)
            whole = _completed(path)
        except (*UNREADABLE, ContractError, FileNotFoundError) as error:
            if path.stat().st_size > HEAD_BYTES:  # there may be pictures in it
                _put_aside(path, str(error))
                return None
            whole = None
        if whole is None:
            for file in (path, beside):
                file.unlink(missing_ok=True)
            return None
        body, found = whole
        salt = fresh_salt()
        times = found[0].at_us, found[-1].at_us
        facts = Facts(about, commit(salt, body), salt.hex(), *times, len(found), len(body))
        self._keep_facts(facts)
        path.rename(self.path(facts))
        _sync(path.parent)
        beside.unlink(missing_ok=True)
        return facts

    def replace(self, facts: Facts) -> None:
        """Write a segment's facts anew, unless it is gone.

        Raises:
            OSError: the disk does not let us.
        """
        if self.path(facts).with_suffix(FACTS).exists():
            self._keep_facts(facts)

    def _keep_facts(self, facts: Facts) -> None:
        _write(self.path(facts).with_suffix(FACTS), msgspec.json.encode(facts))

    def scan(self) -> dict[str, Facts]:
        """Every segment by its commitment, the oldest first; puts right what power cuts and erasures left unfinished.

        Raises:
            OSError: the folder cannot be read.
        """
        found: dict[str, Facts] = {}
        for place in self._places():
            if (place / f"{RECORDING}{VIDEO}").exists():
                self._take_in(place / f"{RECORDING}{VIDEO}")
            for file in sorted(place.glob(f"*{GONE}")):
                self._end_erasure(file)
            if not place.is_dir():  # that was the last one
                continue
            known = {facts.commitment: facts for facts in _facts_in(place)}
            for file in sorted(place.iterdir()):
                if file.suffix == VIDEO and file.stem not in known and not file.with_suffix(GONE).exists():
                    _put_aside(file, "nothing opens its commitment")
                elif file.suffix == ".new":
                    file.unlink(missing_ok=True)
            found |= known
        return dict(sorted(found.items(), key=lambda item: item[1].held.ended_s))

    def listed(self, permit: str = "") -> list[Facts]:
        """Every segment, or those of a permit, in the order of their time. Changes nothing.

        Raises:
            OSError: the folder cannot be read.
        """
        facts = [each for place in self._places() for each in _facts_in(place, tidy=False)]
        return sorted((each for each in facts if permit in ("", each.about.permit)), key=lambda each: each.held.ended_s)

    def aside(self, permit: str = "") -> list[Aside]:
        """What was put aside as damaged, or that of a permit. It stays until somebody takes it away by hand.

        Raises:
            OSError: the folder cannot be read.
        """
        places = [place for place in self._places() if permit in ("", place.name.removeprefix(_PERMIT))]
        files = [file for place in places for file in sorted(place.glob(f"*{DAMAGED}"))]
        return [Aside(file, on_disk(file.stat().st_size)) for file in files]

    @staticmethod
    def permit_of(aside: Aside) -> str:
        """Whose work what was put aside showed."""
        return aside.path.parent.name.removeprefix(_PERMIT)

    def _places(self) -> Iterator[Path]:
        if self.root.is_dir():
            yield from sorted(place for place in self.root.iterdir() if _NAMED.fullmatch(place.name))

    def is_sound(self, facts: Facts) -> bool:
        """Whether the file is what was committed to."""
        try:
            return opens(facts.commitment, bytes.fromhex(facts.salt), self.path(facts).read_bytes())
        except (OSError, ValueError):
            return False

    def read(self, facts: Facts, at: int, most: int) -> bytes:
        """Some of a segment's bytes.

        Raises:
            OSError: it is gone.
        """
        with self.path(facts).open("rb") as file:
            file.seek(at)
            return file.read(most)

    def erase(self, facts: Facts) -> bool:
        """Remove a segment for good, what opens it first. Whether there was anything to remove.

        What a flash card keeps of overwritten blocks is beyond any file system.

        Raises:
            OSError: something of it may be left; it can be erased again.
        """
        video = self.path(facts)
        beside, gone = video.with_suffix(FACTS), video.with_suffix(GONE)
        with contextlib.suppress(FileNotFoundError):
            beside.rename(gone)
            _sync(gone.parent)
        there = gone.exists() or video.exists()
        if there:
            self._end_erasure(gone)
        return there

    def _end_erasure(self, gone: Path) -> None:
        """From the moment at which the facts had their other name there is no way back."""
        for file in (gone, gone.with_suffix(VIDEO)):
            _overwrite(file)
        for file in (gone.with_suffix(VIDEO), gone):
            file.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):  # somebody else has just ended it
            _sync(gone.parent)
        with contextlib.suppress(OSError):  # others are in it
            gone.parent.rmdir()


class Writing:
    """A recording that goes on. Not for several threads."""

    def __init__(self, path: Path, about: About, shape: Shape) -> None:
        """Begin the file anew.

        Raises:
            OSError: the disk does not let us.
        """
        self.path, self.about = path, about
        self.first_us = self.last_us = 0
        self.bytes = HEAD_BYTES
        """So many are written, without the index that follows."""
        self.frames = 0
        self._file = path.open("wb", buffering=0)
        path.chmod(0o600)
        self._file.write(head(shape))

    @property
    def finished_bytes(self) -> int:
        """How large the file will be once it is closed."""
        return self.bytes + 8 + _INDEX_ROW_BYTES * self.frames

    def add(self, jpeg: bytes, at_us: int) -> None:
        """One more picture.

        Raises:
            ContractError: it is no JPEG.
            OSError: the disk does not let us.
        """
        whole = memoryview(chunk(stamped(jpeg, at_us)))
        self.bytes += len(whole)
        while whole:
            whole = whole[self._file.write(whole) or 0 :]
        self.frames += 1
        self.first_us = self.first_us or at_us
        self.last_us = at_us

    def sync(self) -> None:
        """What was written outlives a power cut from now on.

        Raises:
            OSError: it may not.
        """
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """No more pictures."""
        self._file.close()


def _completed(path: Path) -> tuple[bytes, tuple[Picture, ...]] | None:
    """The recording with its head and index as they must be, on the disk too; None where it has no picture.

    Raises:
        ContractError: it is no recording.
        OSError: the disk does not let us.
    """
    body = path.read_bytes()
    found = pictures(body)
    if not found:
        return None
    end = found[-1].end
    rows = index(found)
    begin = head(shape_of(*size_of(body), found), end - HEAD_BYTES, len(rows))
    whole = begin + body[HEAD_BYTES:end].ljust(end - HEAD_BYTES, b"\0") + rows
    with path.open("r+b") as file:
        file.write(begin)
        file.seek(end)
        file.truncate()
        file.write(rows)
        file.flush()
        os.fsync(file.fileno())
    return whole, found


def _facts_in(place: Path, *, tidy: bool = True) -> Iterator[Facts]:
    """The facts of every segment that is there as they say; with `tidy`, facts without their file go."""
    for file in sorted(place.glob(f"*{FACTS}")):
        if not is_commitment(file.stem):
            continue
        try:
            facts = msgspec.json.decode(file.read_bytes(), type=Facts)
            size = file.with_suffix(VIDEO).stat().st_size
        except FileNotFoundError:
            if tidy and not file.with_suffix(VIDEO).exists():
                file.unlink(missing_ok=True)
        except UNREADABLE as error:
            if tidy and file.with_suffix(VIDEO).exists():
                _put_aside(file.with_suffix(VIDEO), f"its facts cannot be read: {error}")
        else:
            told = (facts.commitment, f"{_PERMIT}{facts.about.permit}", facts.bytes)
            if told == (file.stem, place.name, size):
                yield facts
            elif tidy:
                _put_aside(file.with_suffix(VIDEO), f"its facts speak of another one, of {facts.bytes} bytes")


def _put_aside(video: Path, why: str) -> None:
    """Out of the way and not lost: a file that is not what its facts say, with those."""
    number, name = 0, video.stem
    while (video.with_name(f"{name}{VIDEO}{DAMAGED}")).exists() or video.with_name(f"{name}{FACTS}{DAMAGED}").exists():
        number += 1
        name = f"{video.stem}-{number}"
    log.warning("%s is damaged and put aside as %s%s%s: %s", video, name, VIDEO, DAMAGED, why)
    for file in (video, video.with_suffix(FACTS)):
        with contextlib.suppress(FileNotFoundError):
            file.rename(file.with_name(f"{name}{file.suffix}{DAMAGED}"))
    _sync(video.parent)


def _write(path: Path, body: bytes) -> None:
    """Whole on the disk before it has its name, for nobody else's eyes."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(body)
        target.flush()
        os.fsync(target.fileno())
    fresh.replace(path)


def _overwrite(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
