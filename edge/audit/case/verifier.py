"""Verify a hotbox case, or a whole audit log, on its own: Python 3.10 or newer and the package `cryptography`.

    python3 verify.py                       the unpacked case in which this file lies
    python3 verify.py CASE.zip              a case as it was handed over
    python3 verify.py audit.db --trust K    a log file, with the public keys in K (one a line)
    --trust K      keys from elsewhere (the box's label, the bridge): those in the case prove nothing by themselves
    --held DIR     notes that the bridge holds, one a file
    --lang zh      中文输出

Exit code: 0 unchanged and witnessed, 4 unchanged but not all of it is witnessed, 1 changed, 2 contradicts its witness,
3 cannot be verified, or wrong use. It shares no line with the program that wrote the log.
"""

# One file that runs by itself wherever Python is: it prints, it joins paths, and a hostile file may make of it what it
# likes, so that whatever goes wrong while reading one is a finding.
# ruff: noqa: T201, TRY301, TRY004, BLE001, N818, PTH100, PTH110, PTH112, PTH113, PTH118, PTH120, PTH123, PTH208


import argparse
import base64
import hashlib
import io
import json
import os
import re
import sqlite3
import struct
import sys
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, NoReturn

OK, CHANGED, CONTRADICTS, UNUSABLE, UNWITNESSED = 0, 1, 2, 3, 4

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError as missing:
    if __name__ != "__main__":
        raise
    print(f"it cannot be verified: {missing}; python3 -m pip install cryptography", file=sys.stderr)
    sys.exit(UNUSABLE)  # 1, as Python itself would end, says that the case was changed

TOP = 2**53 - 1
WORDS = {
    OK: ("未发现改动，全部已见证", "nothing was changed, and all of it is witnessed"),
    CHANGED: ("内容被改动", "it was changed"),
    CONTRADICTS: ("与见证不符", "it contradicts its witness"),
    UNUSABLE: ("未能验证", "it cannot be verified"),
    UNWITNESSED: ("未发现改动，但并非全部已见证", "nothing was changed, but not all of it is witnessed"),
}
KEYS = {
    "v": int, "box": str, "log": int, "seq": int, "boot": int, "t": int, "m": int, "tq": str, "te": int, "cat": str,
    "type": str, "sev": str, "src": str, "actor": dict, "res": str, "permit": str, "corr": str, "data": dict,
    "prev": str,
}  # fmt: skip
CLOSED = {
    "cat": ["permit", "identity", "gas", "interlock", "bypass", "cli", "clock", "audit", "system", "config"],
    "sev": ["info", "warning", "alarm"],
    "res": ["ok", "denied", "failed"],
}
MOST_MEMBER = 2**31


class Problem(Exception):
    """Ends a verification: exit code, what is wrong, the event that it touches."""

    def __init__(self, code: int, why: str, seq: int | None = None) -> None:
        super().__init__(why)
        self.code, self.why, self.seq = code, why, seq


# --- one event ------------------------------------------------------------------------------------------------------


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > TOP:
        raise ValueError("a number beyond 2^53")
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no integer")


def _walk(value: Any) -> None:
    if isinstance(value, dict):
        for key, held in value.items():
            if not key.isascii():
                raise ValueError("a key that is not ASCII")
            _walk(held)
    elif isinstance(value, list):
        for held in value:
            _walk(held)
    elif isinstance(value, str) and not value.isascii() and unicodedata.normalize("NFC", value) != value:
        raise ValueError("text that is not NFC")


def read_event(body: bytes) -> dict[str, Any]:
    """The event in a leaf. Raises ValueError when these are not the only bytes that it can have."""
    if not isinstance(body, bytes) or len(body) > 8192:
        raise ValueError("not a leaf of at most 8 KiB")
    try:
        event: dict[str, Any] = json.loads(
            body.decode("utf-8"), object_pairs_hook=_pairs, parse_int=_integer, parse_float=_refuse,
            parse_constant=_refuse,
        )  # fmt: skip
        if json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8") != body:
            raise ValueError("not in canonical form")
        if not isinstance(event, dict) or set(event) != set(KEYS):
            raise ValueError("not the fields of an event")
        _walk(event["data"])
    except RecursionError:
        raise ValueError("nested too deep") from None
    for key, kind in KEYS.items():
        if not isinstance(event[key], kind) or isinstance(event[key], bool):
            raise ValueError(f"{key} is of another kind")
    for key, values in CLOSED.items():
        if event[key] not in values:
            raise ValueError(f"{key} says {event[key][:20]!r}")
    actor = event["actor"]
    if set(actor) - {"k", "id", "uid"} or not isinstance(actor.get("k"), str) or not isinstance(actor.get("id"), str):
        raise ValueError("actor is of another kind")
    if "uid" not in actor or isinstance(actor["uid"], bool) or not isinstance(actor["uid"], (int, type(None))):
        raise ValueError("actor.uid is of another kind")
    return event


# --- tree (RFC 6962) --------------------------------------------------------------------------------------------------


def leaf_hash(body: bytes) -> bytes:
    """Hash of a leaf."""
    return hashlib.sha256(b"\0" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two children."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that grows by leaves or by whole left subtrees; keeps one hash for each bit of its size."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[tuple[int, bytes]] = []

    def add(self, node: bytes, height: int = 0) -> None:
        """Put a leaf hash, or the root of 2 ** height leaves, to the right."""
        self.peaks.append((height, node))
        self.size += 1 << height
        while len(self.peaks) > 1 and self.peaks[-1][0] == self.peaks[-2][0]:
            (height, right), (_, left) = self.peaks.pop(), self.peaks.pop()
            self.peaks.append((height + 1, node_hash(left, right)))

    def root(self) -> bytes:
        """The root as it is now."""
        nodes = [node for _, node in self.peaks]
        if not nodes:
            return hashlib.sha256(b"").digest()
        root = nodes.pop()
        while nodes:
            root = node_hash(nodes.pop(), root)
        return root


def root_of_range(first: int, last: int, size: int, leaves: Sequence[bytes], proof: Sequence[bytes]) -> bytes:
    """Root of a tree of `size` leaves: those of the range by their hashes, everything else by `proof`."""
    hashes, rest = iter(leaves), iter(proof)

    def over(start: int, end: int) -> bytes:
        if end <= first or start > last:
            return next(rest)
        if end - start == 1:
            return next(hashes)
        half = 1
        while half * 2 < end - start:
            half *= 2
        left = over(start, start + half)
        return node_hash(left, over(start + half, end))

    try:
        root = over(0, size)
    except StopIteration:
        raise ValueError("too few hashes") from None
    if next(rest, None) is not None or next(hashes, None) is not None:
        raise ValueError("too many hashes")
    return root


# --- notes and keys (C2SP) --------------------------------------------------------------------------------------------


def _b64(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not base64")
    return raw


class Key:
    """A public key: name, kind (1 signs, 4 cosigns), id, 32 bytes."""

    def __init__(self, line: str) -> None:
        self.name, number, data = line.split("+", 2)
        raw = _b64(data)
        if len(raw) != 33 or raw[0] not in (1, 4):
            raise ValueError("not an Ed25519 key")
        self.kind, self.public = raw[0], Ed25519PublicKey.from_public_bytes(raw[1:])
        self.raw = raw
        self.id = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        if self.id.hex() != number:
            raise ValueError("the key id does not fit the key")

    def under(self, name: str) -> "Key":
        """The same key under the name of another epoch."""
        number = hashlib.sha256(name.encode() + b"\n" + self.raw).digest()[:4].hex()
        return Key(f"{name}+{number}+{base64.b64encode(self.raw).decode()}")

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Whether it made this signature."""
        try:
            self.public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def read_keys(text: str) -> list[Key]:
    """Keys, one a line. Raises ValueError when a line is none."""
    lines = [line.strip() for line in text.splitlines()]
    return [Key(line) for line in lines if line and not line.startswith("#")]


def open_note(note: str, key: Key) -> tuple[str, int, bytes, int]:
    """Origin, size, root and time of a note that `key` signed. Raises ValueError when it did not."""
    cut = note.rfind("\n\n")
    if cut < 0 or not note.endswith("\n") or len(note) > 8192 or re.search("[\0-\x09\x0b-\x1f]", note):
        raise ValueError("not a note")
    text, lines = note[: cut + 1], note[cut + 2 : -1].split("\n")
    if len(lines) > 16:
        raise ValueError("too many signatures")
    times = []
    for line in lines:
        words = line.split(" ")
        if len(words) != 3 or words[0] != "\u2014":
            raise ValueError("not a signature line")
        raw = _b64(words[2])
        if words[1] != key.name or raw[:4] != key.id:
            continue
        message, signature, at = text.encode(), raw[4:], 0
        if key.kind == 4:
            if len(signature) != 72:
                raise ValueError("not a cosignature")
            (at,) = struct.unpack(">Q", signature[:8])
            message, signature = b"cosignature/v1\ntime %d\n" % at + message, signature[8:]
        if not key.accepts(message, signature):
            raise ValueError(f"the signature of {key.name} is not valid")
        times.append(at)
    if not times:
        raise ValueError(f"not signed by {key.name}")
    parts = text.split("\n")
    if len(parts) < 4 or "" in parts[:-1] or not re.fullmatch("0|[1-9][0-9]{0,15}", parts[1]) or int(parts[1]) > TOP:
        raise ValueError("not a checkpoint")
    root = _b64(parts[2])
    if len(root) != 32:
        raise ValueError("not a root")
    return parts[0], int(parts[1]), root, max(times)


def witnessed_note(note: str, witnesses: Sequence[Key]) -> tuple[str, int, bytes, int] | None:
    """As `open_note`, by any witness; None when none of them cosigned it."""
    for key in witnesses:
        try:
            return open_note(note, key)
        except ValueError:
            continue
    return None


CHANGE = {"first": int, "old_vkey": str, "new_vkey": str, "endorsed": str, "accepted": str}
SIZE = re.compile("0|[1-9][0-9]{0,15}")
MOST_CHANGES = 1000


class Chain:
    """The keys of one log in their order: each was endorsed by the one before it, and said itself that it follows."""

    def __init__(self, origin: str, keys: Sequence[Key], changes: Sequence[dict[str, Any]] = ()) -> None:
        """Raises ValueError when no trusted key is among them, or one does not follow from the one before it."""
        box = origin.rsplit("/", 1)[0]
        own = [key for key in keys if key.kind == 1 and key.name.rsplit("/", 1)[0] == box]
        if not own:
            raise ValueError("no public key of this box's log")
        exact = [key for key in own if key.name == origin]
        self.origin, self.changes = origin, {change["first"]: change for change in changes}
        self.keys, self.starts = [(exact[0] if exact else own[-1]).under(origin)], [0]
        for change in changes:
            self._follow(change)
        raws = [key.raw for key in self.keys]
        self.beyond: Key | None = None
        self.strange: int | None = None
        if not any(key.raw in raws for key in own) or (exact and exact[0].raw not in raws):
            raise ValueError("none of its keys is trusted")
        if exact and not all(key.raw in raws for key in exact):
            self._compare(exact, raws.index(exact[0].raw))

    def _follow(self, change: dict[str, Any]) -> None:
        old, new, first = Key(change["old_vkey"]), Key(change["new_vkey"]), change["first"]
        if self.starts == [0]:
            self.keys = [old]
        if old.raw != self.keys[-1].raw or new.raw in [key.raw for key in self.keys]:
            raise ValueError(f"the key after {first} events does not follow from the one before it")
        ours = {old.name, new.name} == {self.origin} and (old.kind, new.kind) == (1, 1)
        if not ours or not self.starts[-1] < first <= TOP:
            raise ValueError(f"the change of key after {first} events is of another log")
        said = "hotbox-key-rotation/v1\n{}\n{}\n{}\n{}\n".format(
            self.origin, first, change["old_vkey"], change["new_vkey"]
        ).encode()
        if not old.accepts(said, _b64(change["endorsed"])) or not new.accepts(said, _b64(change["accepted"])):
            raise ValueError(f"the change of key after {first} events is not signed by both keys")
        self.keys.append(new)
        self.starts.append(first)

    def _compare(self, trusted: Sequence[Key], at: int) -> None:
        """Where the log's keys part from the trusted ones."""
        for index, key in enumerate(trusted, at):
            if index >= len(self.keys):
                self.beyond = key
                return
            if self.keys[index].raw != key.raw:
                self.strange = self.starts[index]
                return

    def at(self, size: int) -> Key:
        """The key that signs a checkpoint over so many events."""
        return self.keys[max(0, sum(start < size for start in self.starts) - 1)]

    def open(self, note: str) -> tuple[str, int, bytes, int]:
        """As `open_note`, by the key that was in force at the note's size."""
        size = "".join(note.split("\n", 2)[1:2])
        return open_note(note, self.at(int(size) if SIZE.fullmatch(size) else 0))


def read_change(said: Any) -> dict[str, Any]:
    """A change of key. Raises ValueError when it is none."""
    if not isinstance(said, dict) or set(said) != set(CHANGE):
        raise ValueError("not a change of key")
    if any(type(said[name]) is not kind for name, kind in CHANGE.items()):
        raise ValueError("a change of key of another kind")
    return said


def _said(change: dict[str, Any]) -> dict[str, Any]:
    """What the record of a change says: its place follows from where it stands."""
    return {name: value for name, value in change.items() if name != "first"}


def read_changes(meta: dict[str, str]) -> list[dict[str, Any]]:
    """The changes of key that a log's file lists, in order. Raises ValueError when one is none."""
    found = []
    for name in sorted(name for name in meta if name.startswith("key.")):
        change = read_change(json.loads(meta[name], object_pairs_hook=_pairs))
        if name != "key.{}".format(change["first"]):
            raise ValueError("a change of key in another's place")
        found.append(change)
        if len(found) > MOST_CHANGES:
            raise ValueError("too many changes of key")
    return sorted(found, key=lambda change: int(change["first"]))


class Result:
    """What a verification found."""

    def __init__(self, origin: str, first: int, last: int) -> None:
        self.origin, self.first, self.last = origin, first, last
        self.witnessed, self.at, self.code, self.why = 0, 0, OK, ""
        self.withheld = 0
        self.bad: int | None = None

    def judge(self, bad: Problem | None, against: Problem | None = None) -> "Result":
        """The first thing that is wrong decides, and a change before a contradiction."""
        if bad is not None:
            self.code, self.why, self.bad = CHANGED, bad.why, bad.seq
        elif against is not None:
            self.code, self.why, self.bad = CONTRADICTS, against.why, against.seq
        elif self.witnessed <= self.last:
            self.code = UNWITNESSED
        return self


# --- a whole log ------------------------------------------------------------------------------------------------------

OURS = {
    ("table", "event"), ("table", "tile"), ("table", "checkpoint"), ("table", "ack"), ("table", "meta"),
    ("trigger", "event_stays"), ("trigger", "event_remains"),
}  # fmt: skip
UNSIGNED_AT_MOST = 256


def _text(cell: Any) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def verify_log(path: str, keys: Sequence[Key], notes: Iterable[str] = ()) -> Result:
    """Verify every byte of an audit.db."""
    boxes = [key for key in keys if key.kind == 1]
    if not boxes:
        raise Problem(UNUSABLE, "no public key of the box's log")
    if not os.path.isfile(path):
        raise Problem(UNUSABLE, f"{path} is not a file")
    alone = "" if os.path.exists(path + "-wal") else "&immutable=1"
    db = sqlite3.connect("file:{}?mode=ro{}".format(path.replace("?", "%3f").replace("#", "%23"), alone), uri=True)
    try:
        db.text_factory = bytes
        db.execute("BEGIN")
        rows = db.execute("SELECT type, name FROM sqlite_master WHERE sql IS NOT NULL")
        found = {(_text(kind), _text(name)) for kind, name in rows}
        if found != OURS:
            return Result("", 0, 0).judge(Problem(CHANGED, "the file's tables were changed", 0))
        meta = {_text(key): _text(value) for key, value in db.execute("SELECT key, value FROM meta")}
        if not re.fullmatch("[0-9]{1,9}", meta.get("log", "")) or not {"box", "domain"} <= set(meta):
            return Result("", 0, 0).judge(Problem(CHANGED, "the file does not say whose log it is", 0))
        if not re.fullmatch("[0-9]{1,15}", meta.get("pruned", "0")):
            return Result("", 0, 0).judge(Problem(CHANGED, "the file does not say what was deleted", 0))
        origin = f"hotbox.{meta['domain']}/{meta['box']}/{int(meta['log'])}"
        if not any(origin.rsplit("/", 1)[0] == key.name.rsplit("/", 1)[0] for key in boxes):
            raise Problem(UNUSABLE, f"the log is {origin}, the key is of {boxes[0].name}")
        try:
            chain = Chain(origin, keys, read_changes(meta))
        except (ValueError, RecursionError) as error:
            return Result(origin, 0, 0).judge(Problem(CHANGED, f"its keys: {error}", 0))
        if chain.strange is not None:
            why = "it goes on with another key than the one that is trusted"
            return Result(origin, 0, 0).judge(Problem(CHANGED, why, chain.strange))
        stated = Statements(chain, [key for key in keys if key.kind == 4])
        stated.hold(notes)
        stated.read(db)
        leaves = Leaves(db, meta["box"], int(meta["log"]), stated)
        leaves.read(int(meta.get("pruned", "0")))
        return _judge_log(leaves, stated)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise Problem(UNUSABLE, f"the file cannot be read: {error}") from None
    finally:
        db.close()


class Statements:
    """What was signed about a log: roots by size, and what is wrong with a statement itself."""

    def __init__(self, chain: Chain, witnesses: Sequence[Key]) -> None:
        self.origin, self.chain, self.witnesses = chain.origin, chain, witnesses
        self.roots: dict[int, bytes] = {}
        self.frontiers: dict[int, Any] = {}
        self.seen: list[tuple[int, bytes, int]] = []
        self.wrong: list[tuple[int, str]] = []

    def hold(self, notes: Iterable[str]) -> None:
        """Take notes that were kept elsewhere."""
        given = 0
        for note in notes:
            given += 1
            if note.split("\n", 1)[0] == self.origin:
                try:
                    self.seen.append((witnessed_note(note, self.witnesses) or self.chain.open(note))[1:])
                except ValueError as error:
                    raise Problem(UNUSABLE, f"a held note: {error}") from None
        if given and not self.seen:
            raise Problem(UNUSABLE, f"none of the held notes speaks of {self.origin}")

    def read(self, db: sqlite3.Connection) -> None:
        """Take those in the file."""
        try:
            for size, note, packed in db.execute("SELECT size, note, frontier FROM checkpoint"):
                if type(size) is not int:
                    self.wrong.append((0, "a checkpoint whose size is no number"))
                    continue
                try:
                    stated = self.chain.open(note.decode("utf-8"))
                    if stated[:2] != (self.origin, size):
                        raise ValueError("it speaks of another log or size")
                    self.roots[size], self.frontiers[size] = stated[2], packed
                except (ValueError, AttributeError) as error:
                    self.wrong.append((max(0, size - 1), f"checkpoint {size}: {error}"))
            for size, note, at in db.execute("SELECT size, note, time_s FROM ack") if self.witnesses else ():
                if type(size) is not int:
                    self.wrong.append((0, "a witness record whose size is no number"))
                    continue
                try:
                    found = witnessed_note(note.decode("utf-8"), self.witnesses)
                except (ValueError, AttributeError):
                    found = None
                if found is None or (found[0], found[1], found[3]) != (self.origin, size, at):
                    self.wrong.append((max(0, size - 1), f"witness record of {size} leaves"))
                else:
                    self.seen.append(found[1:])
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self.wrong.append((0, f"the file is damaged: {error}"))


class Leaves:
    """One reading of all leaves, in order, against the statements and the tiles."""

    def __init__(self, db: sqlite3.Connection, name: str, epoch: int, stated: Statements) -> None:
        self.db, self.name, self.epoch, self.stated = db, name, epoch, stated
        self.tree, self.prev, self.boot, self.good = Tree(), "0" * 64, 0, 0
        self.at_size: dict[int, bytes | None] = {size: None for size, _, _ in stated.seen}
        self.open: list[tuple[int, bytes]] = []
        self.ended_early = False
        self.rewritten = False
        self.tile: int | None = None
        self.gone, self.told = 0, 0
        self.changes = dict(stated.chain.changes)

    def _deleted(self, until: int) -> None:
        """Of leaves that were deleted once they were witnessed the hashes stay, in full rows of the lowest level."""
        for index in range(until // 256):
            row = self.db.execute("SELECT hashes FROM tile WHERE level=0 AND idx=?", (index,)).fetchone()
            if row is None or not isinstance(row[0], bytes) or len(row[0]) != 256 * 32:
                self._end("the event is missing, and its hash with it")
                return
            for at in range(0, len(row[0]), 32):
                self._take(row[0][at : at + 32])
            self.gone = self.tree.size

    def read(self, deleted: int) -> None:
        """Read them, of the first `deleted` the hashes alone; stops at the first that does not hold."""
        try:
            self._deleted(deleted)
            if self.ended_early:
                return
            for seq, body, leaf in self.db.execute("SELECT seq, body, leaf FROM event ORDER BY seq"):
                wrong = self._wrong(seq, body, leaf)
                if wrong:
                    self._end(wrong)
                    return
                self._take(leaf)
            for first in self.changes:
                if first > self.gone:
                    last = min(first, self.tree.size) - 1
                    self.stated.wrong.append((last, "the file lists a change of key that no record tells of"))
            if self.told < self.gone:
                self.ended_early = True
                self.stated.wrong.append((self.told, "events were deleted without a record of it"))
            for level, (index, hashes) in enumerate(self.open):
                if level and hashes:
                    self._compare(level, index, hashes)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._end(f"the file is damaged: {error}")

    def _end(self, why: str) -> None:
        self.ended_early = True
        self.stated.wrong.append((self.tree.size, why))

    def _wrong(self, seq: Any, body: Any, leaf: Any) -> str:
        """What is wrong with a row; "" when nothing is."""
        at = self.tree.size
        if seq != at:
            return "the event is missing"
        if not isinstance(body, bytes) or leaf_hash(body) != leaf:
            return "the event does not fit its hash"
        try:
            event = read_event(body)
        except ValueError as error:
            return f"the event is not in canonical form: {error}"
        if (event["v"], event["box"], event["log"], event["seq"]) != (1, self.name, self.epoch, at):
            return "the event stands where it was not written"
        if event["prev"] != self.prev:
            return "the event does not name the one before it"
        if event["boot"] < self.boot:
            return "the event is of an earlier start than the one before it"
        self.boot = event["boot"]
        end = event["data"].get("to")
        if event["type"] == "audit.pruned" and type(end) is int:
            self.told = end
        if event["type"] == "key.rotated" and _said(self.changes.pop(at + 1, {})) != event["data"]:
            self.stated.wrong.append((at, "the file's list of keys does not tell of this change"))
        return ""

    def _take(self, digest: bytes) -> None:
        tree, stated = self.tree, self.stated
        tree.add(digest)
        self.prev = digest.hex()
        root = stated.roots.get(tree.size)
        if root is not None and not self.rewritten:
            if root != tree.root():
                self.rewritten = True
                span = f"between seq {self.good} and {tree.size - 1}"
                stated.wrong.append((self.good, f"signed history was rewritten {span}"))
            elif stated.frontiers[tree.size] != b"".join(node for _, node in tree.peaks):
                stated.wrong.append((tree.size - 1, f"frontier of checkpoint {tree.size}"))
            else:
                self.good = tree.size
        if tree.size in self.at_size:
            self.at_size[tree.size] = tree.root()
        self._tile(0, digest)

    def _tile(self, level: int, digest: bytes) -> None:
        """Put a hash into the open row of a level; a full row's root goes into the row above."""
        if len(self.open) == level:
            self.open.append((0, b""))
        index, hashes = self.open[level]
        hashes += digest
        if len(hashes) < 8192:
            self.open[level] = (index, hashes)
            return
        self._compare(level, index, hashes)
        self.open[level] = (index + 1, b"")
        tree = Tree()
        for at in range(0, len(hashes), 32):
            tree.add(hashes[at : at + 32])
        self._tile(level + 1, tree.root())

    def _compare(self, level: int, index: int, hashes: bytes) -> None:
        row = self.db.execute("SELECT hashes FROM tile WHERE level=? AND idx=?", (level, index)).fetchone()
        if self.tile is None and (row is None or row[0] != hashes):
            self.tile = index * 256 ** (level + 1)


def _judge_log(leaves: Leaves, stated: Statements) -> Result:
    size, wrong = leaves.tree.size, stated.wrong
    result = Result(stated.origin, leaves.gone, size - 1)
    if not leaves.ended_early and not leaves.rewritten and any(signed > size for signed in stated.roots):
        wrong.append((size, "events at the end were removed after they were signed"))
    if not wrong and (not leaves.good or size - leaves.good > UNSIGNED_AT_MOST):
        wrong.append((leaves.good, "checkpoints that must exist are missing"))
    against = None
    for seen, root, at in sorted(stated.seen):
        if seen > size:
            if not leaves.ended_early and against is None:
                against = Problem(CONTRADICTS, f"{size} events, {seen} were witnessed", size)
        elif leaves.at_size.get(seen) != root:
            why = f"history differs from what was witnessed at {seen}"
            against = against or Problem(CONTRADICTS, why, result.witnessed)
        elif at and seen >= result.witnessed:
            result.witnessed, result.at = seen, at
    if not wrong and against is None and stated.chain.beyond is not None:
        against = Problem(CONTRADICTS, f"{size} events, and a key that is trusted signed none of them", size)
    if not wrong and stated.witnesses and leaves.gone > result.witnessed:
        wrong.append((result.witnessed, "events were deleted that no witness has seen"))
    if not wrong and against is None and leaves.tile is not None:
        wrong.append((leaves.tile, "the index of hashes does not fit the events"))
    first = min(wrong, default=None)
    return result.judge(Problem(CHANGED, first[1], first[0]) if first else None, against)


# --- a case -----------------------------------------------------------------------------------------------------------


class Pack:
    """The files of a case: in a folder or in its zip."""

    def __init__(self, path: str) -> None:
        self.folder = path if os.path.isdir(path) else ""
        try:
            self.zip = None if self.folder else zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise Problem(UNUSABLE, f"{path} is no case: {error}") from None

    def names(self) -> list[str]:
        """Every file in it."""
        if self.zip:
            return sorted(self.zip.namelist())
        found: list[str] = []
        for folder, _, files in os.walk(self.folder):
            found += [os.path.relpath(os.path.join(folder, name), self.folder).replace(os.sep, "/") for name in files]
        return sorted(found)

    def open(self, name: str) -> IO[bytes]:
        """One file."""
        if self.zip:
            return self.zip.open(name)
        return open(os.path.join(self.folder, *name.split("/")), "rb")

    def read(self, name: str, most: int = 2**26) -> bytes:
        """A small file. Raises ValueError when it is not small."""
        with self.open(name) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise ValueError(f"{name} is too long")
        return data


def _digest(pack: Pack, name: str) -> tuple[str, int]:
    seen, total = hashlib.sha256(), 0
    with pack.open(name) as file:
        while True:
            piece = file.read(1 << 20)
            if not piece:
                return seen.hexdigest(), total
            total += len(piece)
            if total > MOST_MEMBER:
                raise ValueError(f"{name} is too long")
            seen.update(piece)


def verify_case(pack: Pack, keys: Sequence[Key]) -> Result:
    """Verify the events of a case against its checkpoints, and that no file of it was changed since it was made."""
    try:
        manifest = json.loads(pack.read("manifest.json"), object_pairs_hook=_pairs)
        ranges = json.loads(pack.read("range.json"), object_pairs_hook=_pairs)
        first, last = int(manifest["first"]), int(manifest["last"])
        origin, listed = str(manifest["origin"]), dict(manifest["files"])
        proofs, changes = list(ranges["proofs"]), [read_change(said) for said in ranges.get("rotations", [])]
    except KeyError as error:
        raise Problem(UNUSABLE, f"no case: {error} is missing") from None
    except Exception as error:  # whatever a hostile file makes of it, it is no case
        raise Problem(UNUSABLE, f"no case: {error}") from None
    result = Result(origin, first, last)
    try:
        names = [name for name in pack.names() if name != "manifest.json"]
        if sorted(names) != sorted(set(listed)):
            odd = sorted(set(names) ^ set(listed)) or [name for name in names if names.count(name) > 1]
            raise Problem(CHANGED, f"a file was added, removed or doubled: {odd[0]}")
        for name in names:
            digest, length = _digest(pack, name)
            if digest != listed[name]["sha256"] or length != listed[name]["bytes"]:
                raise Problem(CHANGED, f"{name} was changed")
        claim = Claim(origin, first, last, keys, changes)
        hashes, result.withheld = _entries(pack, origin, first, last)
        covered = first
        for proof in proofs:
            covered = max(covered, _range(pack, proof, claim, hashes, result))
        if covered <= last:
            raise Problem(CHANGED, f"no checkpoint covers the events from {covered} on", covered)
    except Problem as problem:
        if problem.code == UNUSABLE:
            raise
        return result.judge(problem)
    except Exception as error:
        return result.judge(Problem(CHANGED, f"a file of the case is damaged: {error}"))
    return result.judge(None)


def _entries(pack: Pack, origin: str, first: int, last: int) -> tuple[list[bytes], int]:
    """Leaf hashes of the span; each event of it checked, each withheld one taken by its hash."""
    _, name, epoch = origin.rsplit("/", 2)
    hashes: list[bytes] = []
    boot = withheld = 0
    with pack.open("entries.jsonl") as file:
        for at in range(first, last + 1):
            line = file.readline(9000)
            if not line.endswith(b"\n"):
                raise Problem(CHANGED, "events are missing at the end", at)
            body = line[:-1]
            if re.fullmatch(b'\\{"withheld":"[0-9a-f]{64}"\\}', body):
                hashes.append(bytes.fromhex(body[13:77].decode()))
                withheld += 1
                continue
            try:
                event = read_event(body)
            except ValueError as error:
                raise Problem(CHANGED, f"the event is not in canonical form: {error}", at) from None
            if (event["v"], event["box"], str(event["log"]), event["seq"]) != (1, name, epoch, at):
                raise Problem(CHANGED, "the event stands where it was not written", at)
            if hashes and event["prev"] != hashes[-1].hex():
                raise Problem(CHANGED, "the event does not name the one before it", at)
            if event["boot"] < boot:
                raise Problem(CHANGED, "the event is of an earlier start than the one before it", at)
            boot = event["boot"]
            hashes.append(leaf_hash(body))
        if file.read(1):
            raise Problem(CHANGED, "there are events beyond the span", last + 1)
    return hashes, withheld


class Claim:
    """What a case is about: which log, which events, by whose keys."""

    def __init__(
        self, origin: str, first: int, last: int, keys: Sequence[Key], changes: Sequence[dict[str, Any]]
    ) -> None:
        boxes = [key for key in keys if key.kind == 1]
        if not boxes:
            raise Problem(UNUSABLE, "no public key of the box's log")
        if not any(origin.rsplit("/", 1)[0] == key.name.rsplit("/", 1)[0] for key in boxes):
            raise Problem(UNUSABLE, f"the case is of {origin}, the key of {boxes[0].name}")
        try:
            self.chain = Chain(origin, keys, changes)
        except ValueError as error:
            raise Problem(CHANGED, f"its keys: {error}") from None
        if self.chain.strange is not None:
            raise Problem(CHANGED, "it goes on with another key than the one that is trusted", self.chain.strange)
        self.origin, self.first, self.last = origin, first, last
        self.witnesses = [key for key in keys if key.kind == 4]


def _range(pack: Pack, proof: dict[str, Any], claim: Claim, hashes: list[bytes], result: Result) -> int:
    """Check one checkpoint against the events; returns the first event that it does not cover."""
    first, last = claim.first, claim.last
    note = pack.read(str(proof["note"]), 8192).decode("utf-8")
    stated, size, root, _ = claim.chain.open(note)
    if stated != claim.origin or not first < size:
        raise Problem(CHANGED, "{} speaks of something else".format(proof["note"]))
    end = min(last, size - 1)
    nodes = [bytes.fromhex(node) for node in proof["hashes"]]
    if any(len(node) != 32 for node in nodes):
        raise Problem(CHANGED, "a hash of the proof is not 32 bytes long")
    if root_of_range(first, end, size, hashes[: end - first + 1], nodes) != root:
        raise Problem(CHANGED, f"the events do not lead to the root that was signed at {size}")
    seen = witnessed_note(note, claim.witnesses)
    if seen is not None and size > result.witnessed:
        result.witnessed, result.at = size, seen[3]
    return end + 1


# --- command line -----------------------------------------------------------------------------------------------------


def _notes(folder: str) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                yield file.read(8193).decode("utf-8", "replace")


def verify(path: str, trust: str | None = None, held: str | None = None) -> Result:
    """Verify a case (zip or folder) or a log file. Raises Problem when it cannot be verified."""
    try:
        notes = list(_notes(held)) if held else []
    except OSError as error:
        raise Problem(UNUSABLE, f"the held notes: {error}") from None
    if held and not notes:
        raise Problem(UNUSABLE, f"no note in {held}")
    is_case = os.path.isdir(path) or (os.path.isfile(path) and zipfile.is_zipfile(path))
    try:
        if trust:
            with open(trust, encoding="utf-8") as file:
                keys = read_keys(file.read())
        elif is_case:
            keys = read_keys(Pack(path).read("vkeys.txt", 65536).decode("utf-8"))
        else:
            raise Problem(UNUSABLE, "name the public keys with --trust")
    except Problem:
        raise
    except Exception as error:  # a damaged or encrypted zip has many ways to say so
        raise Problem(UNUSABLE, f"the public keys: {error}") from None
    if not is_case:
        return verify_log(path, keys, notes)
    pack = Pack(path)
    result = verify_case(pack, keys)
    if result.code in (OK, UNWITNESSED) and "audit.db" in pack.names():
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "audit.db")
            with pack.open("audit.db") as source, open(copy, "wb") as target:
                target.writelines(iter(lambda: source.read(1 << 20), b""))
            return verify_log(copy, keys, notes)
    if result.code in (OK, UNWITNESSED) and notes:
        raise Problem(UNUSABLE, "held notes are compared with a whole log, and this case holds none")
    return result


def _lines(result: Result, *, zh: bool, trusted: bool) -> Iterator[str]:
    """The result as a person reads it."""
    yield WORDS[result.code][0 if zh else 1] + (f": {result.why}" if result.why else "")
    if result.bad is not None:
        yield f"首个有问题的事件：{result.bad}" if zh else f"first event that it touches: {result.bad}"
    if result.code in (OK, UNWITNESSED):
        first, last = result.first, result.last
        yield f"序号 {first} 至 {last}（{result.origin}）" if zh else f"seq {first} to {last} ({result.origin})"
        if result.withheld:
            yield f"其中 {result.withheld} 条仅有哈希" if zh else f"{result.withheld} of them are there as a hash only"
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(result.at))
        upto = min(last, result.witnessed - 1)
        if result.at:
            yield f"云桥于 {when} 见证至序号 {upto}" if zh else f"witnessed by the bridge at {when} up to seq {upto}"
        else:
            yield "尚无见证：仅由设备自身担保" if zh else "nothing is witnessed: only the box vouches for it"
    if not trusted:
        yield (
            "公钥取自案卷本身：请与设备铭牌或云桥登记的公钥核对（--trust）"
            if zh
            else "the keys come from the case itself: compare them with the box's label or the bridge (--trust)"
        )


class Parser(argparse.ArgumentParser):
    """Wrong use ends with 3: argparse's own 2 says that a case contradicts its witness."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.print_usage(sys.stderr)
        self.exit(UNUSABLE, f"{self.prog}: {message}\n")


def main(words: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--trust")
    parser.add_argument("--held")
    own = "zh" if os.environ.get("LANG", "").startswith("zh") else "en"
    parser.add_argument("--lang", choices=("zh", "en"), default=own)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    try:
        result = verify(given.path, given.trust, given.held)
    except Problem as problem:
        result = Result("", 0, -1)
        result.code, result.why = problem.code, problem.why
    except Exception as error:  # not foreseen: it says nothing about the case, and 1 would
        result = Result("", 0, -1)
        result.code, result.why = UNUSABLE, f"{type(error).__name__}: {error}"
    zh = given.lang == "zh"
    if given.json:
        print(json.dumps({
            "exit_code": result.code, "origin": result.origin, "first": result.first, "last": result.last,
            "withheld": result.withheld, "witnessed": result.witnessed, "witnessed_at": result.at,
            "first_bad": result.bad, "why": result.why,
        }))  # fmt: skip
        return result.code
    for line in _lines(result, zh=zh, trusted=bool(given.trust)):
        print(line)
    return result.code


if __name__ == "__main__":
    sys.exit(main())
