"""The audit log: one writer thread, group commit, acknowledgement only after the commit is durable.

`append` never waits for the disk: it queues. `done(seq)` is called from the writer thread once the event is on the
disk. When the disk fails nothing is acknowledged any more (a failed fsync must not be repeated: the kernel may have
dropped the pages), `Health.writable` turns false, and the log has to be opened anew.
"""

import contextlib
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from contracts.checkpoint import Checkpoint, NoteKey, note_key, verify_cosignature
from contracts.errors import ContractError
from contracts.event import ActionResult, Actor, Category, Severity
from contracts.key_chain import KeyChain, Rotation
from contracts.signer import RotatingSigner, Signer
from edge.audit import key_history
from edge.audit.draft import Draft, cut
from edge.audit.health import AckVerdict, Health, Stamp, system_clock
from edge.audit.ledger import Ledger
from edge.audit.recovery import Owner, begin, keep_epoch, lock
from edge.audit.ring import TripRing
from edge.audit.ring_recovery import missed, open_ring, ring_path
from edge.audit.storage import Storage
from edge.audit.upkeep import Upkeep
from edge.audit.work import Ack, Mark, Record, Rotate, Sign, Work, first_words, is_signed_at_once
from edge.sockets import now_us

BATCH_EVENTS = 256
BATCH_S = 0.020
CHECKPOINT_S = 15.0
QUEUE_EVENTS = 4096
KEPT_ROOTS = 4096
BUDGET_MIB = 2048
KEEP_DAYS = 90
RING_US = 1_000_000
"""An alarm that the disk has not taken by then goes to the ring, too."""
FIRST_EPOCH = 1
"""The log of a box that never had one; it needs nobody's leave."""

_logger = logging.getLogger(__name__)


_Told = list[tuple[Callable[[int], None], int]]


class AuditLog:
    """A box's log, open for writing. Made by `AuditLog.open`; one process may have it open."""

    def __init__(
        self, path: Path, ledger: Ledger, owner: Owner, lock: int, *, witness: NoteKey | None,
        clock: Callable[[], Stamp], checkpoint_s: float, queue_events: int, budget_mib: int,
        keep_days: int,
    ) -> None:  # fmt: skip
        """Use `AuditLog.open`."""
        self.path = path
        self.origin = ledger.origin
        self._ledger, self._owner, self._lock = ledger, owner, lock
        self._witness, self._clock = witness, clock
        self._checkpoint_s, self._queue_events = checkpoint_s, queue_events
        self._upkeep = Upkeep(Storage(path.parent, budget_mib * 2**20), ledger, keep_days)
        self.resting = False
        """Nobody works here and the clock is worth something: only then old leaves go. Set by who knows."""
        self._ring: TripRing | None = None
        # What follows is shared with the writer thread, under `_wake`.
        self._wake = threading.Condition()
        self._queue: deque[Work] = deque()
        self._alarms: deque[Record] = deque()
        self._waiting = self._committing_since = 0
        self._lost = self._overflowed = self._refused = 0
        self._closing = self._rollback = False
        self._error = ""
        self._size = self._acked = self._pruned = self._untyped = 0
        self._oldest_unacked_t = self._last_commit_us = 0
        self._roots: dict[int, bytes] = {}
        self._rotating: Rotate | None = None
        self._change: Rotation | None = None
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    @classmethod
    def open(
        cls, path: Path, *, box: str, domain: str, key: Signer, witness: NoteKey | None = None,
        clock: Callable[[], Stamp] = system_clock, boot: Mapping[str, Any] | None = None,
        used: bool = False, checkpoint_s: float = CHECKPOINT_S, queue_events: int = QUEUE_EVENTS,
        budget_mib: int = BUDGET_MIB, keep_days: int = KEEP_DAYS,
    ) -> Self:  # fmt: skip
        """Take up the log at `path`, or begin it; records ``system.boot`` durably before it returns.

        A file that does not verify is kept as ``audit.db.bad-<t>`` and the next epoch begins, whose first leaf
        (``audit.epoch_started``) names the last checkpoint that is known. It records at once; until the witness has
        cosigned it `Health.epoch_pending` holds, as nobody but the witness knows what the lost epoch said.

        Args:
            path: the database, such as /var/lib/hotbox/audit/audit.db.
            box: the box's id.
            domain: the domain in the log's origin.
            key: signs checkpoints.
            witness: the bridge's public cosigning key.
            clock: stamps the log's own events.
            boot: more to record in ``system.boot``, such as hashes of configuration and rules.
            used: the box has worked before: without any trace of a log it has lost one, and the next epoch begins.
            checkpoint_s: a checkpoint at least this often while there are new leaves (at most 60).
            queue_events: drafts that may wait for the disk.
            budget_mib: what the log may take of its disk (`edge.audit.storage`).
            keep_days: how long leaves are kept that the witness holds (`edge.audit.retention`).

        Raises:
            LogLockedError: another process writes this log.
            AuditError: it is another box's, or another format.
            sqlite3.Error, OSError: the disk does not let us.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        owner = Owner(box, domain, key)
        with contextlib.ExitStack() as undo:
            held = lock(path)
            undo.callback(os.close, held)
            db, ended, before = begin(path, owner, clock().t // 1000, used=used)
            undo.callback(db.close)
            ledger = Ledger(db, path, owner, ended)
            log = cls(
                path, ledger, owner, held,
                witness=witness, clock=clock, checkpoint_s=min(checkpoint_s, 60.0), queue_events=queue_events,
                budget_mib=budget_mib, keep_days=keep_days,
            )  # fmt: skip
            first = [log._own(*said) for said in first_words(before, ended, boot or {})]
            first += [log._own(*said) for said in log._upkeep.look()]
            number, lost = missed(ring_path(path), ledger)
            first += [log._own("audit.ring_recovered", Severity.ALARM, data) for data in lost]
            log._rollback = ended.rollback
            log._committed(ledger.start(first, ring=number))
            keep_epoch(path, ledger.log)
            log._ring = open_ring(ring_path(path), number)
            undo.pop_all()
        log._thread.start()
        return log

    # --- called from the interlock's loop -------------------------------------------------------------------------

    def append(self, draft: Draft, done: Callable[[int], None] | None = None) -> None:
        """Queue an event; never waits. `done(seq)` comes from the writer thread once it is durable, else never.

        A draft that becomes several leaves reports the seq of the first.
        """
        with self._wake:
            record = Record(draft, done, now_us())
            if self._error or self._closing or self._waiting >= self._queue_events:
                self._overflowed += 1
                self._lost += 1
                if draft.sev is Severity.ALARM:
                    self._to_ring(record)
                return
            self._waiting += 1
            self._queue.append(record)
            if draft.sev is Severity.ALARM:
                self._alarms.append(record)
            self._wake.notify()

    def accept_ack(self, note: str) -> AckVerdict:
        """Check a cosigned checkpoint against this log and store it; the cursor moves once that is durable.

        Never reads the file: a disk that hangs must not hold up whoever calls. What only the file can tell, the writer
        thread compares; a contradiction is flagged and recorded a moment later then.
        """
        if self._witness is None:
            return AckVerdict.NO_WITNESS
        try:
            checkpoint, time_s = verify_cosignature(note, self._witness)
        except (ContractError, ValueError):
            return AckVerdict.FORGED
        if checkpoint.origin != self.origin:
            return AckVerdict.FOREIGN
        if checkpoint.size < self._acked or not checkpoint.size:
            return AckVerdict.KNOWN
        # The ledger's size, too: an acknowledgement could overtake the news of the commit.
        if checkpoint.size > max(self._size, self._ledger.size):
            return self._contradicted(AckVerdict.ROLLBACK, note, checkpoint)
        root = self._roots.get(checkpoint.size)
        if root is None and not self._error:
            self._put(Ack(checkpoint.size, note, time_s, checkpoint.root))
            return AckVerdict.COMPARING
        if root is not None and root != checkpoint.root:
            return self._contradicted(AckVerdict.FORK, note, checkpoint)
        if checkpoint.size == self._acked:
            return AckVerdict.KNOWN
        if self._error:
            return AckVerdict.FAILED
        self._put(Ack(checkpoint.size, note, time_s))
        return AckVerdict.ACCEPTED

    def checkpoint_now(self) -> None:
        """Ask for a checkpoint over everything that is queued so far."""
        self._put(Sign())

    def rotate_key(self) -> Future[KeyChain]:
        """Change the key that signs this log; the future gets all its keys once the change is durable.

        It gets an OSError when the new key cannot be kept (nothing is changed then), or when the log fails meanwhile:
        what became of the change is then known at the next start. It gets a ContractError when the key was changed so
        often that nobody would read one more change.

        Raises:
            ContractError: this log's key cannot be changed.
        """
        if not isinstance(self._owner.key, RotatingSigner):
            raise ContractError("key", "a key in a file", type(self._owner.key).__name__, "it cannot be changed here")
        told: Future[KeyChain] = Future()
        with self._wake:
            failed = self._error or ("it is being closed" if self._closing else "")
            if not failed:
                self._queue.append(Rotate(told))
                self._wake.notify()
        if failed:
            told.set_exception(OSError(f"the log takes no records: {failed}"))
        return told

    @property
    def keys(self) -> KeyChain:
        """The keys that sign this log, the one in force last."""
        return self._ledger.keys

    def health(self) -> Health:
        """The log at this moment; never waits for the disk. An alarm that waits for it too long goes to the ring."""
        with self._wake:
            if self._alarms:
                too_long = now_us() - RING_US
                for record in self._alarms:
                    if record.since_us < too_long:
                        self._to_ring(record)
            oldest = self._committing_since or next((w.since_us for w in self._queue if isinstance(w, Record)), 0)
            return Health(
                size=self._size, acked=self._acked, oldest_unacked_t=self._oldest_unacked_t,
                writable=not self._error and not self._lost, last_commit_us=self._last_commit_us,
                queue=self._waiting, pending_since_us=oldest, rollback=self._rollback, overflowed=self._overflowed,
                refused=self._refused, log=self._ledger.log, boot=self._ledger.boot, error=self._error,
                epoch_pending=self._ledger.log > FIRST_EPOCH and not self._acked,
                bytes=self._upkeep.space.used, budget=self._upkeep.space.budget, fs_free=self._upkeep.space.fs_free,
                full=self._upkeep.fill.value,
                written_bytes=self._upkeep.wear.own, pruned=self._pruned, untyped=self._untyped,
                ring=self._ring.written if self._ring is not None else 0,
            )  # fmt: skip

    def close(self, timeout_s: float = 5.0) -> bool:
        """Commit what is queued, sign, mark the end as clean. False after an error or when the disk took too long."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        if self._ring is not None:
            self._ring.close()
        if self._thread.is_alive():
            return False
        self._ledger.close()
        os.close(self._lock)
        return not self._error

    def vkey(self) -> str:
        """The log's public key as a vkey line, named by its origin."""
        return note_key(self.origin, self._owner.key).vkey()

    def _to_ring(self, record: Record) -> None:
        """Once each. Under `_wake`."""
        if self._ring is not None and not record.ringed:
            record.ringed = True
            self._ring.put(record.draft)

    def _put(self, work: Work) -> None:
        with self._wake:
            self._queue.append(work)
            self._wake.notify()

    def _contradicted(self, verdict: AckVerdict, note: str, checkpoint: Checkpoint) -> AckVerdict:
        """The witness holds a history that is not ours: flag it, once and for good, and record it."""
        with self._wake:
            first, self._rollback = not self._rollback, True
        if first:
            _logger.error("%s: the witness holds %d leaves, this log %d", verdict, checkpoint.size, self._size)
            self._put(Mark(note))
            data = {"witnessed": checkpoint.size, "root": checkpoint.root.hex()}
            self.append(self._own(f"audit.{verdict}_detected", Severity.ALARM, data))
        return verdict

    def _own(self, what: str, sev: Severity, data: dict[str, Any]) -> Draft:
        """A draft about the log itself."""
        stamp = self._clock()
        cat = Category.SYSTEM if what.startswith(("system.", "storage.")) else Category.AUDIT
        return Draft(
            cat=cat, type=what, sev=sev, src="audit", actor=Actor("box", self._owner.box), res=ActionResult.OK,
            permit="", corr="", data=data, t=stamp.t, m=stamp.m, tq=stamp.tq, te=stamp.te,
        )  # fmt: skip

    # --- the writer thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._wait():
                if not self._upkeep.left_s() and not self._closing:
                    self._keep_up()
                self._transaction()
            self._ledger.finish()
        except (sqlite3.Error, OSError) as error:
            self._fail(f"{type(error).__name__}: {error}")
        except BaseException as error:
            self._fail(f"{type(error).__name__}: {error}")
            raise

    def _keep_up(self) -> None:
        """Look at the storage; while nobody works and nothing waits, delete what has been kept long enough."""
        for said in self._upkeep.look():
            self.append(self._own(*said))
        if not self.resting or self._queue:
            return
        ledger, over = self._ledger, self._upkeep.prunable(self._clock().t)
        if over is None and not ledger.thinnable:
            return
        ledger.begin()
        if over is not None:
            data = {"from": ledger.pruned, "to": over.end, "root": over.root, "size": ledger.acked}
            ledger.prune(over.end)
            ledger.insert(self._own("audit.pruned", Severity.INFO, data))
            ledger.sign()
        ledger.thin()
        self._committed(ledger.commit())

    def _wait(self) -> bool:
        """Wait for work, a checkpoint that is due or a look at the storage. False when closing and nothing is left."""
        with self._wake:
            while not self._queue and not self._closing and not self._lost:
                left = self._upkeep.left_s()
                if self._ledger.unsigned:
                    left = min(left, self._ledger.signed_at + self._checkpoint_s - time.monotonic())
                if left <= 0:
                    return True
                self._wake.wait(left)
            return bool(self._queue) or not self._closing

    def _next(self) -> Work | None:
        with self._wake:
            if not self._queue:
                return None
            work = self._queue.popleft()
            if isinstance(work, Record) and not self._committing_since:
                self._committing_since = work.since_us
            return work

    def _transaction(self) -> None:
        """Group commit: until the queue is empty, 256 events, 20 ms or an alarm."""
        started, taken, lost, alarms, sign = time.monotonic(), 0, 0, 0, False
        told: _Told = []
        self._ledger.begin()
        while taken < BATCH_EVENTS and time.monotonic() - started < BATCH_S:
            work = self._next()
            if work is None:
                lost = self._tell_lost()
                break
            if isinstance(work, Sign):
                sign = True
            elif isinstance(work, Mark):
                self._ledger.mark_rollback(work.note)
            elif isinstance(work, Ack):
                self._take_ack(work)
            elif isinstance(work, Rotate):
                if self._rotate(work):
                    break
            else:
                taken += 1
                self._insert(work, told)
                sign = sign or is_signed_at_once(work.draft)
                if work.draft.sev is Severity.ALARM:
                    alarms += 1
                    break
        if sign or lost or time.monotonic() - self._ledger.signed_at >= self._checkpoint_s:
            self._ledger.sign()
        self._committed(self._ledger.commit(), taken, lost, alarms)
        self._settle_key()
        for done, seq in told:
            try:
                done(seq)
            except RuntimeError:  # the caller's event loop is gone; the event is durable all the same
                _logger.warning("nobody was left to hear that event %d is durable", seq)

    def _rotate(self, work: Rotate) -> bool:
        """Write the change of key as the last leaf of this transaction; False when nothing is changed."""
        key = self._owner.key
        assert isinstance(key, RotatingSigner)  # noqa: S101 - `rotate_key` asked
        if not work.told.set_running_or_notify_cancel():
            return False  # who asked has gone
        changes = len(self._ledger.keys.firsts) - 1
        if changes >= key_history.MOST:
            wanted, hint = f"fewer than {key_history.MOST} changes of key", "begin a new epoch of the log"
            work.told.set_exception(ContractError("key", wanted, str(changes), hint))
            return False
        try:
            fresh = key.prepare()
        except OSError as error:
            work.told.set_exception(error)
            return False
        self._rotating = work
        self._change = self._ledger.rotate(
            fresh, lambda said: self._own("key.rotated", Severity.WARNING, said.data())
        )
        return True

    def _settle_key(self) -> None:
        """The commit is durable: with it the change of key, if it holds one."""
        work, change = self._rotating, self._change
        self._rotating = self._change = None
        if work is not None and change is not None:
            self._ledger.settle(change)
            work.told.set_result(self._ledger.keys)

    def _insert(self, record: Record, told: _Told) -> None:
        """Insert; a draft that no leaf can hold is recorded as refused, and an alarm besides as far as it can be."""
        try:
            seq = self._ledger.insert(record.draft)
        except ContractError as error:
            _logger.error("draft %s refused: %s", record.draft.type, error)  # noqa: TRY400 - the message says it all
            with self._wake:
                self._refused += 1
            data = {"type": ascii(record.draft.type)[:64], "error": ascii(str(error))[:500]}
            self._ledger.insert(self._own("audit.draft_refused", Severity.ALARM, data))
            if record.draft.sev is Severity.ALARM:
                self._insert_cut(record, told)
            return
        if record.done is not None:
            told.append((record.done, seq))

    def _insert_cut(self, record: Record, told: _Told) -> None:
        """An alarm that is refused as it stands is recorded with what fits; if that is refused too, in the ring."""
        try:
            seq = self._ledger.insert(cut(record.draft))
        except ContractError:
            with self._wake:
                self._to_ring(record)
            return
        if record.done is not None:
            told.append((record.done, seq))

    def _take_ack(self, ack: Ack) -> None:
        """Keep it; the first one of a later epoch is what allows this box to arm again."""
        if ack.root and not self._agrees(ack):
            return
        first = self._ledger.log > FIRST_EPOCH and not self._ledger.acked
        self._ledger.store_ack(ack.size, ack.note, ack.time_s)
        if first and self._witness is not None:
            data = {"size": ack.size, "witness": self._witness.name, "at_s": ack.time_s}
            self._ledger.insert(self._own("audit.epoch_authorised", Severity.WARNING, data))

    def _agrees(self, ack: Ack) -> bool:
        """Whether the leaves have the root that the witness saw; if they have another, that is flagged and recorded."""
        try:
            root = bytes.fromhex(self._ledger.root_of(ack.size))
        except LookupError:
            _logger.exception("the root of %d leaves cannot be read", ack.size)
            return False
        with self._wake:
            self._roots[ack.size] = root
        if root != ack.root:
            self._contradicted(AckVerdict.FORK, ack.note, Checkpoint(self.origin, ack.size, ack.root))
        return root == ack.root

    def _tell_lost(self) -> int:
        """The queue is empty again: record how many drafts were dropped."""
        with self._wake:
            lost = self._lost
        if lost:
            self._ledger.insert(self._own("audit.overflow", Severity.ALARM, {"lost": lost}))
        return lost

    def _committed(self, roots: dict[int, bytes], taken: int = 0, lost: int = 0, alarms: int = 0) -> None:
        """The commit is durable: say so."""
        with self._wake:
            self._size, self._acked, self._pruned = self._ledger.size, self._ledger.acked, self._ledger.pruned
            self._untyped = self._ledger.untyped
            self._oldest_unacked_t = self._ledger.oldest_unacked_t
            self._last_commit_us = now_us()
            self._waiting -= taken
            for _ in range(alarms):
                self._alarms.popleft()
            self._committing_since = 0
            self._lost -= lost
            self._roots |= roots
            while len(self._roots) > KEPT_ROOTS:
                del self._roots[next(iter(self._roots))]

    def _fail(self, why: str) -> None:
        _logger.critical("the audit log failed and acknowledges nothing any more: %s", why)
        with self._wake:
            self._error = why
            self._overflowed += self._waiting
            for record in self._alarms:
                self._to_ring(record)
            self._alarms.clear()
            asked = [work for work in self._queue if isinstance(work, Rotate)]
            self._queue.clear()
            self._waiting = 0
        if self._rotating is not None:
            self._rotating.told.set_exception(OSError(f"the log failed: {why}"))
        for work in asked:
            if work.told.set_running_or_notify_cancel():
                work.told.set_exception(OSError(f"the log failed: {why}"))
        self._ledger.abandon()
        self._upkeep.failed()
