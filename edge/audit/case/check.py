"""Opening a case again: its keys, its whole log, and verifying its events (`hotbox audit verify --db CASE.zip`)."""

import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path

import msgspec

from contracts import event as events
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.event import MAX_LEAF_BYTES
from contracts.merkle import leaf_hash
from edge.audit.case.evidence import BOX, Ranges, prove
from edge.audit.case.layout import ENTRIES, MANIFEST, RANGE, VKEYS, WHOLE, Manifest, hash_of
from edge.audit.held import NOTE_BYTES
from edge.audit.keys import parse_vkeys
from edge.audit.report import Outcome, Reason, Report

_MOST_KEY_BYTES = 65536
_MOST_TEXT_BYTES = 1 << 24
_MOST_MEMBER_BYTES = 1 << 31
# What zipfile raises for a damaged, encrypted or strangely compressed member.
_BROKEN = (KeyError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, NotImplementedError)


class _BadError(Exception):
    """The case is not as it was made; the first event that it touches, where one is known."""

    def __init__(self, reason: Reason, detail: str, seq: int | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.seq = reason, detail, seq


def is_case(path: Path) -> bool:
    """Whether this is the zip of a case."""
    try:
        with zipfile.ZipFile(path) as pack:
            return MANIFEST in pack.namelist()
    except (OSError, *_BROKEN):
        return False


def extract(path: Path, folder: Path) -> Path:
    """Take the whole log out of a case into `folder`.

    Raises:
        ContractError: the zip is no case, is damaged, has no whole log in it, or that does not fit on this disk.
        OSError: a file cannot be read or written.
    """
    target = folder / WHOLE
    try:
        with zipfile.ZipFile(path) as opened:
            size, free = opened.getinfo(WHOLE).file_size, shutil.disk_usage(folder).free
            if size > free:
                raise ContractError(str(path), f"a log of at most {free} bytes, which are free here", f"{size} bytes")
            with opened.open(WHOLE) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
    except _BROKEN as error:
        hint = "read the report or log.sqlite of a case without it; `hotbox audit verify` verifies it"
        raise ContractError(str(path), f"an export of `hotbox audit export` with {WHOLE}", str(error), hint) from error
    return target


def has_whole_log(path: Path) -> bool:
    """Whether the case brings the whole log along."""
    with zipfile.ZipFile(path) as pack:
        return WHOLE in pack.namelist()


def exported_keys(path: Path) -> list[NoteKey]:
    """The public keys that a case brings along. They prove nothing until compared with the box's label.

    Raises:
        ContractError: the zip is no case, or is damaged.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as opened, opened.open(VKEYS) as source:
            return parse_vkeys(source.read(_MOST_KEY_BYTES).decode("utf-8", "replace"))
    except _BROKEN as error:
        raise ContractError(str(path), f"a zip of `hotbox audit export` with {VKEYS} in it", str(error)) from error


def verify_case(path: Path, trust: Sequence[NoteKey]) -> Report:
    """Verify the events of a case against the checkpoints in it, and every file against the manifest."""
    try:
        with zipfile.ZipFile(path) as pack:
            return _verify(pack, trust)
    except (OSError, *_BROKEN, zipfile.LargeZipFile) as error:
        return Report(Outcome.UNREADABLE, reason=Reason.FILE, detail=str(error))


def _verify(pack: zipfile.ZipFile, trust: Sequence[NoteKey]) -> Report:
    try:
        manifest = msgspec.json.decode(_read(pack, MANIFEST), type=Manifest)
        ranges = msgspec.json.decode(_read(pack, RANGE), type=Ranges)
    except (msgspec.MsgspecError, UnicodeDecodeError, *_BROKEN) as error:
        return Report(Outcome.UNREADABLE, reason=Reason.FILE, detail=f"no case: {error}")
    boxes = [key for key in trust if key.kind == BOX]
    if not boxes:
        return Report(Outcome.UNREADABLE, reason=Reason.NO_KEY)
    if not any(manifest.origin.rsplit("/", 1)[0] == key.name.rsplit("/", 1)[0] for key in boxes):
        return Report(Outcome.UNREADABLE, reason=Reason.WRONG_KEY, detail=f"{manifest.origin} / {boxes[0].name}")
    report = Report(Outcome.OK, manifest.origin, first=manifest.first)
    try:
        _check_files(pack, manifest)
        withheld = _check_events(pack, manifest)
        proven = prove(
            ranges, _notes(pack, ranges), manifest.first, manifest.last, lambda count: islice(_hashes(pack), count),
            trust, manifest.origin,
        )  # fmt: skip
    except _BadError as bad:
        return msgspec.structs.replace(
            report, status=Outcome.TAMPERED, first_bad=bad.seq, reason=bad.reason, detail=bad.detail
        )
    except (ContractError, ValueError, *_BROKEN) as error:
        return msgspec.structs.replace(
            report, status=Outcome.TAMPERED, reason=Reason.REWRITTEN, detail=str(error)[:300]
        )
    size, witnessed = manifest.last + 1, min(proven.witnessed, manifest.last + 1)
    report = msgspec.structs.replace(
        report, size=size, checkpoints=len(ranges.proofs), witnessed=witnessed, witnessed_at=proven.witnessed_s,
        withheld=withheld,
    )  # fmt: skip
    if witnessed == size:
        return report
    tail = max(manifest.first, witnessed)
    oldest = _time_at(pack, manifest.first, tail)
    return msgspec.structs.replace(
        report, status=Outcome.UNWITNESSED, unwitnessed=size - tail, oldest_unwitnessed_t=oldest
    )


def _read(pack: zipfile.ZipFile, name: str) -> bytes:
    with pack.open(name) as file:
        data = file.read(_MOST_TEXT_BYTES + 1)
    if len(data) > _MOST_TEXT_BYTES:
        raise EOFError(f"{name} is too long")
    return data


def _check_files(pack: zipfile.ZipFile, manifest: Manifest) -> None:
    names = Counter(name for name in pack.namelist() if name != MANIFEST)
    odd = sorted(set(names) ^ set(manifest.files)) or [name for name, count in names.items() if count > 1]
    if odd or pack.namelist().count(MANIFEST) != 1:
        raise _BadError(Reason.FILE_CHANGED, f"added, removed or doubled: {(odd or [MANIFEST])[0]}")
    for name, stated in manifest.files.items():
        digest, size = sha256(), 0
        with pack.open(name) as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                size += len(piece)
                if size > _MOST_MEMBER_BYTES:
                    raise _BadError(Reason.FILE_CHANGED, f"{name} is too long")
        if (size, digest.hexdigest()) != (stated.bytes, stated.sha256):
            raise _BadError(Reason.FILE_CHANGED, name)


def _lines(pack: zipfile.ZipFile) -> Iterator[bytes]:
    with pack.open(ENTRIES) as entries:
        while line := entries.readline(MAX_LEAF_BYTES + 2):
            yield line


def _hashes(pack: zipfile.ZipFile) -> Iterator[bytes]:
    return (hash_of(line[:-1]) for line in _lines(pack))


def _time_at(pack: zipfile.ZipFile, first: int, seq: int) -> int:
    """Wall clock of the first event in the case at or after `seq`; 0 when all of them are withheld."""
    for line in islice(_lines(pack), seq - first, None):
        if hash_of(line[:-1]) == leaf_hash(line[:-1]):
            return events.decode(line[:-1]).t
    return 0


def _check_events(pack: zipfile.ZipFile, manifest: Manifest) -> int:
    """Check each event that is there; returns how many are withheld."""
    _, box, log = manifest.origin.rsplit("/", 2)
    at, prev, boot, withheld = manifest.first, "", 0, 0
    for line in _lines(pack):
        if at > manifest.last or not line.endswith(b"\n"):
            raise _BadError(Reason.MALFORMED, "beyond the span, or not a whole line", at)
        digest = hash_of(line[:-1])
        if digest == leaf_hash(line[:-1]):
            event = _event(line[:-1], at)
            if (event.v, event.box, str(event.log), event.seq) != (1, box, log, at):
                raise _BadError(Reason.MOVED, f"it says {event.box}/{event.log} seq {event.seq}", at)
            if prev and event.prev != prev:
                raise _BadError(Reason.CHAIN, "it does not name the event before it", at)
            if event.boot < boot:
                raise _BadError(Reason.MOVED, f"boot {event.boot} after {boot}", at)
            boot = event.boot
        else:
            withheld += 1
        at, prev = at + 1, digest.hex()
    if at <= manifest.last:
        raise _BadError(Reason.MISSING, "", at)
    return withheld


def _event(body: bytes, at: int) -> events.Event:
    try:
        return events.decode(body)
    except (ContractError, ValueError, RecursionError) as error:
        raise _BadError(Reason.MALFORMED, str(error)[:200], at) from error


def _notes(pack: zipfile.ZipFile, ranges: Ranges) -> dict[str, str]:
    notes = {}
    for proof in ranges.proofs:
        with pack.open(proof.note) as file:
            notes[proof.note] = file.read(NOTE_BYTES).decode("utf-8")
    return notes
