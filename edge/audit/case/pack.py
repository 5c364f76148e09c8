"""The zip of a case: what is in it, and writing it.

manifest.json       what this is about; size and SHA-256 of every other file
entries.jsonl       the exact bytes of each event, one a line; {"withheld":HASH} where one is somebody else's
range.json          the hashes around them; checkpoints/SIZE.note: what the box signed and the witness cosigned
vkeys.txt           public keys
verify.py           checks all this with Python and `cryptography` alone
report.zh.html, report.en.html    for reading and printing
log.sqlite          for asking; it proves nothing
audit.db            the whole log, when everything was asked for
"""

import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib import resources
from itertools import islice
from pathlib import Path

import msgspec

from contracts import event as events
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.merkle import leaf_hash
from contracts.runs import Trace
from edge.audit.case.evidence import Proven, gather, prove
from edge.audit.case.layout import ENTRIES, KIND, MANIFEST, RANGE, VKEYS, WHOLE, WITHHELD, File, Manifest, hash_of
from edge.audit.case.report import render
from edge.audit.case.span import Span, groups
from edge.audit.case.story import Story
from edge.audit.case.tables import Tables
from edge.audit.reader import Reader
from edge.audit.traced import traced

README = """hotbox case / 动火作业案卷

log / 日志: {origin}
events / 事件: {first}..{last}{permit}

report.zh.html, report.en.html   read and print this / 供阅读和打印
log.sqlite      the same as tables; proves nothing / 便于查询的表,不作证据
entries.jsonl   every event, byte for byte / 事件原文
range.json, checkpoints/   what ties them to the signatures / 与签名相连的哈希和检查点
vkeys.txt       public keys of the box and its witness / 本机与见证方公钥

Verify / 验证:  python3 verify.py --trust KEYS.txt      (Python 3.10+, package "cryptography")
          or:  hotbox audit verify --db THIS.zip --trust KEYS.txt
Take KEYS.txt from the box's label or the bridge: a forger would supply a vkeys.txt that fits.
KEYS.txt 请取自设备铭牌或云桥登记的公钥,不要只用案卷自带的 vkeys.txt。
"""


class Made(msgspec.Struct, frozen=True):
    """A case that was written: how many events are in it, how many leaves are withheld, what it proves."""

    events: int
    withheld: int
    proven: Proven


def export(reader: Reader, target: Path, span: Span, trust: Sequence[NoteKey], *, whole: bool = False) -> Made:
    """Write the case of a span: whole under its name, or not at all.

    What it is made from lies beside it meanwhile: /tmp may be small, or memory.

    Raises:
        ContractError: the name is taken, the span is empty, no checkpoint covers it, there is no room for it, or the
            log does not lead to its own checkpoints.
        OSError, sqlite3.Error, LookupError: a file cannot be read or written.
    """
    # A case that somebody keeps holds what the log may have pruned since: it is not written over.
    if os.path.lexists(target):
        hint = "name another file, or move that one away"
        raise ContractError("-o", "the name of a file that is not there yet", str(target), hint)
    if not 0 <= span.first <= span.last < reader.size():
        raise ContractError("range", f"within 0 to {reader.size() - 1}", f"{span.first} to {span.last}")
    _look_for_room(reader, target.parent, span, whole=whole)
    ranges, notes = gather(reader, span.first, span.last)
    with tempfile.TemporaryDirectory(prefix=".hotbox-export-", dir=target.parent) as scratch:
        folder = Path(scratch)
        story = Story(span.permit, _baseline(reader, span.first))
        tables = Tables(folder / "log.sqlite")
        withheld = _write_entries(reader, span, folder, story, tables)
        story.trace = _trace(reader, span)
        if story.trace is not None:
            tables.trace(story.trace)

        def leaves(count: int) -> Iterator[bytes]:
            return islice(read_hashes(folder / ENTRIES), count)

        proven = prove(ranges, notes, span.first, span.last, leaves, trust, reader.origin)
        about = {
            "about": "for reading only, proves nothing / 仅供查阅,不作证据",
            "origin": reader.origin, "first": span.first, "last": span.last, "permit": span.permit,
            "withheld": withheld,
        }  # fmt: skip
        tables.close(about)
        made = Made(story.events, withheld, proven)
        _write_rest(folder, reader, span, story, made, trust)
        (folder / RANGE).write_bytes(msgspec.json.encode(ranges))
        (folder / "checkpoints").mkdir()
        for name, note in notes.items():
            (folder / name).write_text(note, encoding="utf-8", newline="")
        if whole:
            reader.copy_to(folder / WHOLE)
        finished = Path(scratch).with_suffix(".zip")
        try:
            _zip(folder, finished, reader.origin, span, withheld)
            finished.replace(target)
        finally:
            finished.unlink(missing_ok=True)
    return made


def _look_for_room(reader: Reader, folder: Path, span: Span, *, whole: bool) -> None:
    """A log and its case are about as large; before the case is packed it lies there unpacked, too."""
    size = reader.path.stat().st_size
    need = size * (span.last - span.first + 1) // max(1, reader.size() - reader.first()) * 2
    need += size * 2 if whole else 0
    free = shutil.disk_usage(folder).free
    if need > free:
        wanted, hint = f"room for about {need >> 20} MiB in {folder}", "export a shorter span, or to another disk"
        raise ContractError("-o", wanted, f"{free >> 20} MiB", hint)


def _trace(reader: Reader, span: Span) -> Trace | None:
    """The runs that the case is about; None where leaves before it cannot be read."""
    try:
        return traced(reader, span.permit, span.first, span.last)
    except ContractError:
        return None


def _baseline(reader: Reader, first: int) -> str:
    """What the box last said before the span it works with: ``SIMULATION`` or real devices."""
    seq = reader.newest_with('"baseline":"', first)
    found = events.decode(reader.leaf(seq) or b"").data.get("baseline") if seq is not None else ""
    return found if isinstance(found, str) else ""


def _write_entries(reader: Reader, span: Span, folder: Path, story: Story, tables: Tables) -> int:
    withheld = 0
    with (folder / ENTRIES).open("wb") as entries:
        for group in groups(reader, span):
            for _, body in group.leaves:
                line = body if group.kept else WITHHELD % leaf_hash(body).hex().encode()
                entries.write(line + b"\n")
            if group.kept:
                story.add(group.event)
                tables.add(group.event)
            else:
                withheld += len(group.leaves)
                story.leave_out(group.event, len(group.leaves))
    return withheld


def read_hashes(path: Path) -> Iterator[bytes]:
    """Leaf hashes of the lines of `entries.jsonl`."""
    with path.open("rb") as entries:
        for line in entries:
            yield hash_of(line[:-1])


def _write_rest(folder: Path, reader: Reader, span: Span, story: Story, made: Made, trust: Sequence[NoteKey]) -> None:
    permit = f", permit / 作业票 {span.permit}" if span.permit else ""
    readme = README.format(origin=reader.origin, first=span.first, last=span.last, permit=permit)
    (folder / "README.txt").write_text(readme, encoding="utf-8")
    (folder / VKEYS).write_text("".join(key.vkey() + "\n" for key in trust), encoding="utf-8")
    program = resources.files("edge.audit.case").joinpath("verifier.py").read_text(encoding="utf-8")
    (folder / "verify.py").write_text(program, encoding="utf-8")
    for language in ("zh", "en"):
        page = render(story, reader.origin, made.proven, made.withheld, chinese=language == "zh")
        (folder / f"report.{language}.html").write_text(page, encoding="utf-8")


def _zip(folder: Path, target: Path, origin: str, span: Span, withheld: int) -> None:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    files = {name: _file(folder / name) for name in names}
    manifest = Manifest(KIND, origin, span.first, span.last, span.permit, withheld, int(time.time()), files)
    with target.open("xb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pack:
            pack.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
            for name in names:
                pack.write(folder / name, name)
        file.flush()
        os.fsync(file.fileno())


def _file(path: Path) -> File:
    with path.open("rb") as file:
        digest, size = sha256(), 0
        while piece := file.read(1 << 20):
            digest.update(piece)
            size += len(piece)
    return File(size, digest.hexdigest())
