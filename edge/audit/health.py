"""What the log says of itself: verdicts on acknowledgements, health, and the stamps of its own events."""

import time
from enum import StrEnum

import msgspec

from edge.sockets import now_us


class Stamp(msgspec.Struct, frozen=True):
    """Time of an event: wall clock ms, CLOCK_BOOTTIME us, quality of the wall clock, its error bound in ms."""

    t: int
    m: int
    tq: str
    te: int


def system_clock() -> Stamp:
    """The kernel's clocks, without a claim about the wall clock's quality."""
    return Stamp(time.time_ns() // 1_000_000, now_us(), "none", 0)


class AckVerdict(StrEnum):
    """What became of a cosigned checkpoint.

    ACCEPTED: it moves the cursor once it is stored. COMPARING: it does if the file agrees; the writer thread looks.
    KNOWN: nothing new. FORGED: no valid cosignature by the witness. FOREIGN: another log's.
    ROLLBACK: the witness saw more leaves than this log has. FORK: the witness saw other leaves.
    NO_WITNESS: no witness key is configured. FAILED: the log has failed and stores nothing.
    """

    ACCEPTED = "accepted"
    COMPARING = "comparing"
    KNOWN = "known"
    FORGED = "forged"
    FOREIGN = "foreign"
    ROLLBACK = "rollback"
    FORK = "fork"
    NO_WITNESS = "no_witness"
    FAILED = "failed"


class Health(msgspec.Struct, frozen=True):
    """The log at one moment.

    Attributes:
        size: durable leaves.
        acked: leaves that the witness cosigned (0 without).
        oldest_unacked_t: wall ms of the first leaf beyond `acked`, 0 when there is none.
        writable: events are still acknowledged. False after a disk error, and while dropped drafts are not yet told.
        last_commit_us: CLOCK_BOOTTIME of the last durable commit.
        queue: drafts waiting.
        pending_since_us: CLOCK_BOOTTIME when the oldest waiting draft was handed over, 0 when none waits.
        rollback: the witness holds another or a longer history than this log: do not arm.
        overflowed: drafts dropped because the disk did not keep up.
        refused: drafts without canonical form.
        log: epoch.
        boot: boot counter.
        error: the disk error that ended writing, or "".
        epoch_pending: this log follows one that was lost, and the witness has not cosigned it yet: do not arm.
        bytes, budget: what the log uses of its storage, and may.
        fs_free: bytes that are free on its filesystem.
        full: "" while there is room, "warn" when somebody should see to it, "stop": no new release.
        pruned: leaves that were deleted here, as the witness has them: the first `pruned` of the log.
        ring: alarms that went to the ring since the start, as the log's own file did not take them in time.
        written_bytes: what this process has written to disks since its start.
        untyped: events of this log that did not fit their type (`contracts.events`): kept, and nothing more.
    """

    size: int
    acked: int
    oldest_unacked_t: int
    writable: bool
    last_commit_us: int
    queue: int
    pending_since_us: int = 0
    rollback: bool = False
    overflowed: int = 0
    refused: int = 0
    log: int = 1
    boot: int = 0
    error: str = ""
    epoch_pending: bool = False
    bytes: int = 0
    budget: int = 0
    fs_free: int = 0
    full: str = ""
    written_bytes: int = 0
    pruned: int = 0
    ring: int = 0
    untyped: int = 0

    def age_us(self, now: int) -> int:
        """How long the oldest waiting draft has been waiting: 0 while the writer keeps up."""
        return max(0, now - self.pending_since_us) if self.pending_since_us else 0
