"""What is found on a disk that a power cut left: Python's own SQLite, the box's own start, the verifier."""

import contextlib
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from contracts.checkpoint import NoteKey, note_key
from contracts.errors import ContractError
from contracts.signer import Signer
from edge.audit import AuditError, AuditLog, recovery
from edge.audit.keys import KeyFile
from edge.audit.recovery import Ended, Owner
from edge.audit.report import Outcome
from edge.audit.verify import verify_file
from tests.edge.audit.crash.disk import Files
from tests.edge.audit.site import BOX, DOMAIN, Station, append_all, draft

LEAVES, WITNESSED, PRUNED, EPOCH, CHANGES = "leaves", "witnessed", "pruned", "epoch", "changes of key"
NOW_S = 1_790_000_000
_SOUND = (Outcome.OK, Outcome.UNWITNESSED)


class Verdict(NamedTuple):
    """Acknowledged events that are not there; what is broken, empty when nothing is."""

    lost: int = 0
    corrupt: str = ""

    @property
    def bad(self) -> bool:
        """Whether a promise was broken."""
        return bool(self.lost or self.corrupt)


@dataclass
class Log:
    """Judges disks of one recorded log.

    Attributes:
        station: whose log.
        hashes: the leaf hashes that were recorded, by number.
        ends: sizes at which the log was closed; nowhere else may an end look clean.
        epoch: the epoch that is written.
        aside: events in the database that was put aside before, none when no epoch had to.
        key: the key lies on the same disk, under this name.
        publics: public halves of the keys that signed; empty: it was always the station's.
        whole: `hashes` are all there are; else they are learned, and what was promised once must remain.
    """

    station: Station
    hashes: Mapping[int, bytes] = field(default_factory=dict)
    ends: frozenset[int] = frozenset()
    epoch: int = 1
    aside: int = 0
    key: str = ""
    publics: Collection[bytes] = ()
    whole: bool = True

    def __call__(self, folder: Path, told: Mapping[str, int], *, onward: bool) -> Verdict:
        """Judge the disk in `folder`; `onward`: write to it, too."""
        path = folder / self.station.path.name
        try:
            key = KeyFile.open(folder / self.key, log=path) if self.key else self.station.key
            known = self.publics or (self.station.key.public_key().public_bytes_raw(),)
            if told.get(LEAVES, 0) and key.public_key().public_bytes_raw() not in known:
                return Verdict(corrupt="another key")
            db, ended, predecessor = recovery.begin(path, Owner(BOX, DOMAIN, key), NOW_S)
        except (AuditError, ContractError, sqlite3.Error, OSError) as error:
            return Verdict(corrupt=f"does not start: {type(error).__name__}: {error}")
        with contextlib.closing(db):
            if ended.log != self.epoch:
                why = predecessor.reason if predecessor else "nothing was put aside"
                return Verdict(told.get(LEAVES, 0), f"epoch {ended.log} instead of {self.epoch}: {why}")
            if predecessor is not None and (told.get(LEAVES, 0) or not self.aside):
                return Verdict(told.get(LEAVES, 0), f"begins anew: {predecessor.reason}")
            try:
                wrong = self._wrong(db, ended, told)
            except sqlite3.DatabaseError as error:
                wrong = f"SQLite says: {error}"
        if not wrong and ended.frontier.size:
            wrong = self._verified(path, ended, key)
        if not wrong and self.aside:
            wrong = self._put_aside(path)
        lost = max(0, told.get(LEAVES, 0) - ended.frontier.size)
        if not wrong and not lost and onward:
            wrong = self._onward(path, ended, key)
        return Verdict(lost, wrong)

    def _wrong(self, db: sqlite3.Connection, ended: Ended, told: Mapping[str, int]) -> str:
        (found,) = db.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            return f"SQLite finds: {found}"
        if ended.acked < told.get(WITNESSED, 0):
            return f"{ended.acked} are witnessed, but {told[WITNESSED]} were told so"
        if ended.pruned < told.get(PRUNED, 0):
            return f"{ended.pruned} are deleted, but {told[PRUNED]} were told so"
        if len(ended.rotations) < told.get(CHANGES, 0):
            return f"{len(ended.rotations)} changes of key, but {told[CHANGES]} were told so"
        if ended.clean and ended.frontier.size and ended.frontier.size not in self.ends:
            return f"the end at {ended.frontier.size} looks clean"
        rows = dict(db.execute("SELECT seq, leaf FROM event"))
        if sorted(rows) != list(range(ended.pruned, ended.frontier.size)):
            return "leaves are missing"
        other = [seq for seq, leaf in rows.items() if leaf != self.hashes.get(seq, None if self.whole else leaf)]
        if other:
            return f"leaf {other[0]} is not the one that was written"
        if not self.whole:
            self.hashes = {seq: leaf for seq, leaf in rows.items() if seq < told.get(LEAVES, 0)}
        return ""

    def _verified(self, path: Path, ended: Ended, key: Signer) -> str:
        report = verify_file(path, self._trust(key))
        if report.status not in _SOUND or report.size != ended.frontier.size:
            return f"verifies as {report.status}, {report.size} leaves: {report.reason} {report.detail}"
        return ""

    def _trust(self, key: Signer) -> list[NoteKey]:
        return [note_key(Owner(BOX, DOMAIN, key).origin(self.epoch), key), self.station.witness]

    def _put_aside(self, path: Path) -> str:
        stamps = [file for file in path.parent.glob(f"{path.name}.bad-*") if file.name.rpartition("-")[2].isdecimal()]
        found = []
        for file in stamps:
            with contextlib.closing(sqlite3.connect(file)) as db, contextlib.suppress(sqlite3.Error):
                found.append(db.execute("SELECT count(*) FROM event").fetchone()[0])
        return "" if self.aside in found else f"of {self.aside} events put aside there are {found}"

    def _onward(self, path: Path, ended: Ended, key: Signer) -> str:
        """The box starts on it, records and ends."""
        log = AuditLog.open(path, box=BOX, domain=DOMAIN, key=key, witness=self.station.witness)
        (seq,) = append_all(log, [draft({"after": "the cut"})])
        clean = log.close()
        if log.health().log != self.epoch or seq <= ended.frontier.size or not clean:
            return f"goes on in epoch {log.health().log} with leaf {seq} after {ended.frontier.size} leaves; {clean=}"
        report = verify_file(path, self._trust(key))
        return "" if report.status in _SOUND and report.size > seq else f"gone on with, it verifies as {report.status}"


def lay_out(files: Files, folder: Path) -> None:
    """Make the disk that a cut left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, body in files.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(body)
        file.chmod(0o600)
