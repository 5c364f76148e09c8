"""Exporting a log for an investigator: one zip that verifies anywhere with `hotbox audit verify`.

audit.db is the log byte for byte; events.db the same events as plain columns for any SQLite tool (made with
sqlite-utils; it proves nothing); vkeys.txt the public keys; proofs/ holds a .tlog-proof for each event asked for.
"""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from contracts import event as events
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from edge.audit.keys import parse_vkeys
from edge.audit.prove import prove
from edge.audit.reader import Reader

_LOG = "audit.db"
_KEYS = "vkeys.txt"
_MOST_KEY_BYTES = 65536
# What zipfile raises for a damaged, encrypted or strangely compressed member.
_BROKEN = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError)
_README = """hotbox audit export / 审计导出

log / 日志: {origin}
events / 事件: {first}..{last}

audit.db    the whole log, byte for byte / 完整日志原文
events.db   events {first}..{last} as columns, for reading only / 便于查阅的事件表,不作证据
vkeys.txt   public keys of the box and its witness / 本机与见证方公钥
proofs/     proofs of single events (C2SP tlog-proof) / 单条事件证明

Verify / 验证:  hotbox audit verify --db THIS.zip --trust vkeys.txt
Compare vkeys.txt with the keys on the box's label or at the bridge: a forger would supply fitting ones.
请将 vkeys.txt 与设备铭牌或云桥登记的公钥核对。
"""


def export(
    reader: Reader, target: Path, *, first: int, last: int, trust: Sequence[NoteKey], proofs: Sequence[int]
) -> int:
    """Write the zip; returns how many events are in events.db.

    Raises:
        ContractError: the range is empty, or an event cannot be proven.
        OSError, sqlite3.Error: a file cannot be read or written.
    """
    if not 0 <= first <= last < reader.size():
        raise ContractError("range", f"within 0 to {reader.size() - 1}", f"{first} to {last}")
    with tempfile.TemporaryDirectory(prefix="hotbox-export-") as scratch:
        whole, table = Path(scratch) / "audit.db", Path(scratch) / "events.db"
        reader.copy_to(whole)
        count = _tabulate(reader, table, first, last)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as pack:
            pack.writestr("README.txt", _README.format(origin=reader.origin, first=first, last=last))
            pack.writestr(_KEYS, "".join(key.vkey() + "\n" for key in trust))
            pack.write(whole, _LOG)
            pack.write(table, "events.db")
            for seq in proofs:
                pack.writestr(f"proofs/{seq}.tlog-proof", prove(reader, seq))
                pack.writestr(f"proofs/{seq}.json", reader.leaf(seq) or b"")
    return count


def extract(pack: Path, folder: Path) -> Path:
    """Take the log out of an export into `folder`.

    Raises:
        ContractError: the zip is no export, is damaged, or its log does not fit on this disk.
        OSError: a file cannot be read or written.
    """
    target = folder / _LOG
    try:
        with zipfile.ZipFile(pack) as opened:
            size, free = opened.getinfo(_LOG).file_size, shutil.disk_usage(folder).free
            if size > free:
                raise ContractError(str(pack), f"a log of at most {free} bytes, which are free here", f"{size} bytes")
            with opened.open(_LOG) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
    except (KeyError, *_BROKEN) as error:
        raise ContractError(str(pack), f"a zip of `hotbox audit export` with {_LOG} in it", str(error)) from error
    return target


def exported_keys(pack: Path) -> list[NoteKey]:
    """The public keys that an export brings along. They prove nothing until compared with the box's label.

    Raises:
        ContractError: the zip is no export, or is damaged.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(pack) as opened, opened.open(_KEYS) as source:
            return parse_vkeys(source.read(_MOST_KEY_BYTES).decode("utf-8", "replace"))
    except (KeyError, *_BROKEN) as error:
        raise ContractError(str(pack), f"a zip of `hotbox audit export` with {_KEYS} in it", str(error)) from error


def _tabulate(reader: Reader, path: Path, first: int, last: int) -> int:
    import sqlite_utils  # the one command that needs it; the others verify a log where it is not installed

    database = sqlite_utils.Database(path)
    try:
        database["event"].insert_all(_rows(reader, first, last), pk="seq")
        return int(database["event"].count)
    finally:
        database.close()


def _rows(reader: Reader, first: int, last: int) -> Iterator[dict[str, Any]]:
    for start in range(first, last + 1, 500):
        for body in reader.leaves(start, min(500, last + 1 - start), 500 * events.MAX_LEAF_BYTES):
            event = events.decode(body)
            row = msgspec.to_builtins(event)
            row["actor"] = event.actor.id
            row["data"] = msgspec.json.encode(event.data).decode()
            yield row
