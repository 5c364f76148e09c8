"""Start-up of a log: take up where it ended, or put a file that does not verify aside and begin the next epoch.

Only what the last signed checkpoint does not cover is replayed (milliseconds at a million leaves). Of what it covers,
all that a start reads is checked, so that no damage ends a start; `hotbox audit verify` checks the whole.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
from pathlib import Path

import msgspec

from contracts import event as events
from contracts.checkpoint import Checkpoint, note_key, origin
from contracts.errors import ContractError
from contracts.event import FIRST_PREV
from contracts.key_chain import KeyChain, Rotation, chain_from
from contracts.merkle import Frontier, leaf_hash
from contracts.signer import RotatingSigner, Signer
from edge.audit.key_history import chain_within, rotations
from edge.audit.schema import OLDEST_SQLITE, VERSION, is_empty, open_reader, open_writer, same_schema, sync_directory
from edge.audit.tiles import resume

CHECKED_LEAVES = 300
"""So many of the newest leaves are checked at a start: whoever reads older ones must bear damage."""

# SQLITE_ERROR: a table or column of ours is not there.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_WAL = "-wal"

_logger = logging.getLogger(__name__)


class AuditError(Exception):
    """The log cannot be used; nothing may be armed."""


class LogLockedError(AuditError):
    """Another process has this log open for writing."""


class DamagedLogError(AuditError):
    """The file does not verify."""


class Ended(msgspec.Struct, frozen=True):
    """Where a log ended: epoch, frontier, last leaf's hash, boots, what is witnessed and pruned, changes of key.

    `ring`: the newest slot of the trip ring that was taken over; `untyped`: events that did not fit their type.
    """

    log: int
    frontier: Frontier
    prev: str
    boot: int
    clean: bool
    signed: int
    acked: int
    rollback: bool
    pruned: int = 0
    ring: int = 0
    rotations: tuple[Rotation, ...] = ()
    untyped: int = 0


class Predecessor(msgspec.Struct, frozen=True):
    """What is known of the epoch before: why it ended, where its file lies, its last checkpoint.

    `contradicted`: the witness held another history than that file when it was last written.
    """

    reason: str
    file: str
    checkpoint: Checkpoint | None
    contradicted: bool = False


class Owner(msgspec.Struct, frozen=True):
    """Whose log it is."""

    box: str
    domain: str
    key: Signer

    def origin(self, log: int) -> str:
        """Name of one epoch."""
        return origin(self.domain, self.box, log)


def begin(
    path: Path, owner: Owner, now_s: int, *, used: bool = False
) -> tuple[sqlite3.Connection, Ended, Predecessor | None]:
    """Open the database where it ended, or begin the next epoch when it is bad or gone.

    The caller makes the epoch's first leaves durable and then calls `keep_epoch`: an epoch that a power cut ended
    before that has signed nothing, and its number is free.

    Args:
        path: the database.
        owner: whose it is.
        now_s: seconds since 1970, for the name of a bad file.
        used: the box has worked before, so that a log which is not there is a log which is gone.

    Raises:
        AuditError: it is another box's log or a newer program's, or SQLite is too old.
        sqlite3.Error, OSError: the disk does not let us.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise AuditError(f"the log needs SQLite {oldest}, this is {sqlite3.sqlite_version}: upgrade libsqlite3")
    epoch = read_epoch(path)
    before: Predecessor | None
    if path.exists():
        try:
            found = _continue(path, owner, epoch)
        except DamagedLogError as error:
            _logger.error("%s does not verify: %s", path, error)  # noqa: TRY400 - the reason, not the stack
            before, known = put_aside(path, owner, now_s, str(error))
            epoch = max(epoch, known, 1)
            return open_writer(path), _nothing_yet(epoch + 1, clean=False), before
        if found is not None:
            return *found, None
        # It was made and never written: as if it were not there.
        path.unlink()
    before, known = _what_is_left(path, owner, now_s, epoch)
    if before is None and used:
        before, known = Predecessor("the database was gone, and the file that counts the epochs", "", None), 1
    epoch = max(epoch, known)
    return open_writer(path), _nothing_yet(epoch + 1, clean=before is None), before


def _nothing_yet(log: int, *, clean: bool) -> Ended:
    return Ended(log, Frontier(), FIRST_PREV, 0, clean, 0, 0, rollback=False)


def _continue(path: Path, owner: Owner, epoch: int) -> tuple[sqlite3.Connection, Ended] | None:
    """Open an existing database and verify its end; None when nothing was ever committed to it."""
    db: sqlite3.Connection | None = None
    try:
        db = open_writer(path)
        if is_empty(db):
            db.close()
            return None
        meta = {str(key): str(value) for key, value in db.execute("SELECT key, value FROM meta")}
        ended = _take_up(db, meta, owner)
        if ended.log < epoch:
            raise DamagedLogError(f"epoch {ended.log} came back after epoch {epoch} had begun")  # noqa: TRY301
        return db, ended  # noqa: TRY300
    except BaseException as error:
        if db is not None:
            db.close()
        if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
            raise DamagedLogError(str(error)) from error
        if isinstance(error, ContractError | LookupError | ValueError | TypeError | RecursionError):
            raise DamagedLogError(str(error)) from error
        raise


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite complains of the file's content and not of the disk."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _DAMAGED


def _take_up(db: sqlite3.Connection, meta: dict[str, str], owner: Owner) -> Ended:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        raise AuditError(f"log format {version}, this program writes {VERSION}: use the program that wrote it")
    if not same_schema(db):
        raise DamagedLogError("tables or triggers are not the log's own")
    box, domain = meta["box"], meta["domain"]
    if (box, domain) != (owner.box, owner.domain):
        raise AuditError(f"this log belongs to {box} of {domain}, not to {owner.box} of {owner.domain}")
    log, boot = int(meta["log"]), int(meta["boot"])
    changes = rotations(meta)
    frontier, prev, signed = _from_checkpoint(db, _keys(owner.origin(log), changes, owner.key))
    pruned = int(meta.get("pruned", 0))
    _check_newest(db, (box, log), max(pruned, signed - CHECKED_LEAVES), signed, prev)
    for seq, body, leaf in db.execute("SELECT seq, body, leaf FROM event WHERE seq>=? ORDER BY seq", (frontier.size,)):
        event = events.decode(body)
        if seq != frontier.size or (event.seq, event.box, event.log, event.prev) != (seq, box, log, prev):
            raise DamagedLogError(f"leaf {seq} does not follow the leaf before it")
        if leaf_hash(body) != leaf:
            raise DamagedLogError(f"leaf {seq} does not fit its hash")
        frontier = frontier.append(leaf)
        prev = leaf.hex()
    acked = db.execute("SELECT max(size) FROM ack").fetchone()[0] or 0
    if acked > frontier.size:
        raise DamagedLogError(f"{frontier.size} leaves, but {acked} are witnessed")
    if pruned > acked:
        raise DamagedLogError(f"{pruned} leaves were deleted, but only {acked} are witnessed")
    if acked < frontier.size:
        _sound(db, acked)
    resume(db, frontier.size)
    return Ended(
        log, frontier, prev, boot, meta.get("clean") == "1", signed, acked, "rollback" in meta, pruned,
        int(meta.get("ring", 0)), changes, int(meta.get("untyped", 0)),
    )  # fmt: skip


def _check_newest(db: sqlite3.Connection, whose: tuple[str, int], first: int, end: int, last: str) -> None:
    """The leaves in ``[first, end)``, which a checkpoint covers: each as it was written, the last with the hash `last`.

    Raises:
        DamagedLogError: one is not.
        ContractError: one is no event.
    """
    expected, prev = first, ""
    rows = db.execute("SELECT seq, body, leaf FROM event WHERE seq>=? AND seq<? ORDER BY seq", (first, end))
    for seq, body, leaf in rows:
        if leaf_hash(body) != leaf:
            raise DamagedLogError(f"leaf {seq} does not fit its hash")
        event = events.decode(body)
        if seq != expected or (event.box, event.log, event.seq) != (*whose, seq) or prev not in ("", event.prev):
            raise DamagedLogError(f"leaf {expected} is missing or does not follow the leaf before it")
        expected, prev = seq + 1, leaf.hex()
    if expected < end or prev not in ("", last):
        raise DamagedLogError(f"leaf {expected} is missing, but a checkpoint covers {end} leaves")


def _sound(db: sqlite3.Connection, seq: int) -> bytes:
    """The hash of a leaf that must be there, and fits its bytes."""
    row = db.execute("SELECT body, leaf FROM event WHERE seq=?", (seq,)).fetchone()
    if row is None:
        raise DamagedLogError(f"leaf {seq} is missing")
    if leaf_hash(row[0]) != row[1]:
        raise DamagedLogError(f"leaf {seq} does not fit its hash")
    return bytes(row[1])


def _keys(name: str, changes: tuple[Rotation, ...], key: Signer) -> KeyChain:
    """The keys that signed the log; has ours be the one that it ended with, should the power have gone in between."""
    own = note_key(name, key)
    chain = chain_from(own, changes)
    settled = key.settle(chain.newest.public) if isinstance(key, RotatingSigner) else own == chain.newest
    if not settled and own in chain.keys:
        since = f"{chain.newest.vkey()} signs this log from seq {chain.firsts[-1]} on, and this box has an older key"
        raise AuditError(f"{since}: restore the key file from the copy that was made after the change of key")
    if not settled:
        raise DamagedLogError(f"it goes on with another key than this box's: {chain.newest.vkey()}")
    return chain


def _from_checkpoint(db: sqlite3.Connection, chain: KeyChain) -> tuple[Frontier, str, int]:
    """Frontier and last leaf hash at the newest checkpoint, and its size."""
    row = db.execute("SELECT size, note, frontier FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    if row is None:
        return Frontier(), FIRST_PREV, 0
    size, note, packed = row
    stated = chain.verify(note)
    frontier = Frontier.unpack(size, packed)
    if (stated.origin, stated.size, stated.root) != (chain.origin, size, frontier.root()):
        raise DamagedLogError(f"checkpoint {size} does not fit the log")
    if not size:
        return frontier, FIRST_PREV, 0
    return frontier, _sound(db, size - 1).hex(), size


# --- epochs -------------------------------------------------------------------------------------------------------


def read_epoch(path: Path) -> int:
    """The last epoch that was begun beside this database, 0 when none was."""
    try:
        return int(path.with_name("audit.epoch").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def current_epoch(path: Path) -> int:
    """The epoch that is being written, or that the next start begins."""
    return max(1, read_epoch(path) if path.exists() else read_epoch(path) + 1)


def plan_epoch(path: Path, log: int) -> None:
    """Have the next start begin epoch `log`: on a new card or board, whose bridge knows the ones before.

    Raises:
        ContractError: there is a log already, or that epoch has been.
        OSError: the folder cannot be written.
    """
    if path.exists():
        raise ContractError("--log-epoch", "a box without a log", str(path), "a log that is there goes on by itself")
    if log <= read_epoch(path):
        raise ContractError("--log-epoch", f"at least {read_epoch(path) + 1}", str(log), "no epoch is written twice")
    keep_epoch(path, log - 1)


def keep_epoch(path: Path, log: int) -> None:
    """Remember, durably, the epoch that is being written, outside of the database that may be lost."""
    if read_epoch(path) == log:
        return
    target = path.with_name("audit.epoch")
    fresh = target.with_suffix(".epoch.new")
    with fresh.open("w", encoding="ascii") as file:
        file.write(f"{log}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(target)
    sync_directory(path.parent)


def put_aside(path: Path, owner: Owner, now_s: int, reason: str) -> tuple[Predecessor, int]:
    """Rename a bad database and say what can still be known of it, and which epoch it was (0: unknown).

    The database goes first, and durably: without its WAL an older state of it might verify, and what was acknowledged
    since would be gone without a word. Whatever a power cut leaves behind, `begin` takes along at the next start.
    """
    checkpoint, log, contradicted = _last_words(path, owner)
    bad = _bad_name(path, now_s)
    path.rename(bad)
    sync_directory(path.parent)
    _take_along(path, bad)
    return Predecessor(reason, bad.name, checkpoint, contradicted), log


def _bad_name(path: Path, now_s: int) -> Path:
    """The first name that no file put aside has, nor a part of one."""
    while any(path.parent.glob(f"{path.name}.bad-{now_s}*")):
        now_s += 1
    return path.with_name(f"{path.name}.bad-{now_s}")


def _newest_aside(path: Path) -> Path | None:
    """The database that was put aside last, its companions not counted."""
    stamps = (file.name.removeprefix(f"{path.name}.bad-") for file in path.parent.glob(f"{path.name}.bad-*"))
    newest = max((int(stamp) for stamp in stamps if stamp.isdecimal()), default=None)
    return None if newest is None else path.with_name(f"{path.name}.bad-{newest}")


def _take_along(path: Path, bad: Path) -> None:
    """Rename what belongs to a database that was put aside (the WAL, and the index of it), and make it durable."""
    for suffix in (_WAL, "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(bad.with_name(bad.name + suffix))
    sync_directory(path.parent)


def _what_is_left(path: Path, owner: Owner, now_s: int, epoch: int) -> tuple[Predecessor | None, int]:
    """What came before a database that is not there, and which epoch it was; (None, 0) when nothing ever did."""
    bad = _newest_aside(path)
    if path.with_name(path.name + _WAL).exists():
        # SQLite would delete the WAL beside a new database: it belongs to the one that was here.
        if bad is None or bad.with_name(bad.name + _WAL).exists():
            bad = _bad_name(path, now_s)
        _take_along(path, bad)
    if bad is not None:
        checkpoint, log, contradicted = _last_words(bad, owner)
        if max(log, 1) >= epoch:
            reason = "it was put aside before the power went"
            return Predecessor(reason, bad.name, checkpoint, contradicted), max(log, 1)
    return (Predecessor("the database was gone", "", None), epoch) if epoch else (None, 0)


def _last_words(path: Path, owner: Owner) -> tuple[Checkpoint | None, int, bool]:
    """The newest checkpoint in a damaged database that our key signed, its epoch, and whether the witness objected."""
    try:
        db = open_reader(path)
    except (sqlite3.Error, UnicodeDecodeError):
        return None, 0, False
    contradicted = False
    with contextlib.closing(db):
        with contextlib.suppress(sqlite3.Error):
            contradicted = db.execute("SELECT 1 FROM meta WHERE key='rollback'").fetchone() is not None
        with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
            for (note,) in db.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 100"):
                with contextlib.suppress(ContractError, ValueError, AttributeError, TypeError):
                    name = note.split("\n", 1)[0]
                    log = int(name.rsplit("/", 1)[1])
                    if name == owner.origin(log):
                        return chain_within(db, note_key(name, owner.key)).verify(note), log, contradicted
    return None, 0, contradicted


def lock(path: Path) -> int:
    """One writer: a lock that the kernel drops with the process; gives its handle.

    Raises:
        LogLockedError: another process has it.
        OSError: the disk does not let us.
    """
    handle = os.open(path.with_name("audit.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise LogLockedError(f"{path} is open in another process: stop that one first") from error
    return handle
