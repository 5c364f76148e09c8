"""What the log's writer thread is handed, what of it is signed at once, and what a log says first."""

import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import msgspec

from contracts.checkpoint import Checkpoint
from contracts.event import Category, Severity
from contracts.key_chain import KeyChain
from edge.audit.draft import Draft
from edge.audit.recovery import Ended, Predecessor
from edge.audit.schema import has_wal_reset_bug
from edge.audit.upkeep import Said


class Record(msgspec.Struct):
    """A draft, who wants to hear of it, CLOCK_BOOTTIME us when it came, and whether the ring has it."""

    draft: Draft
    done: Callable[[int], None] | None
    since_us: int
    ringed: bool = False


class Ack(msgspec.Struct):
    """A cosigned checkpoint that was checked; with a `root` the leaves are still to be compared with it."""

    size: int
    note: str
    time_s: int
    root: bytes = b""


class Mark(msgspec.Struct):
    """The witness contradicts us."""

    note: str


class Sign(msgspec.Struct):
    """A checkpoint is wanted."""


class Rotate(msgspec.Struct):
    """The log's key is to be changed; `told` gets its keys once that is durable."""

    told: Future[KeyChain]


Work = Record | Ack | Mark | Sign | Rotate


def is_signed_at_once(draft: Draft) -> bool:
    """Alarms, and whatever a person is answerable for: permits, bypasses, commands. Nobody cuts those off unsigned."""
    return (
        draft.sev is Severity.ALARM
        or draft.cat in (Category.PERMIT, Category.BYPASS, Category.CLI)
        or draft.type.startswith(("permit.", "bypass.", "cli."))
    )


def first_words(before: Predecessor | None, ended: Ended, boot: Mapping[str, Any]) -> list[Said]:
    """What a start records: the epoch that it begins, if it does, and the boot with how the last one ended."""
    said: list[Said] = []
    if before is not None:
        known = before.checkpoint or Checkpoint("", 0, b"")
        named = {"origin": known.origin, "size": known.size, "root": known.root.hex()}
        started = {"reason": before.reason[:500], "file": before.file, **named}
        if before.contradicted:
            started["contradicted"] = True
        said.append(("audit.epoch_started", Severity.ALARM, started))
    booted = {
        "clean": ended.clean, "last_seq": ended.frontier.size - 1, "sqlite": sqlite3.sqlite_version,
        "wal_reset_bug": has_wal_reset_bug(sqlite3.sqlite_version_info),
    }  # fmt: skip
    said.append(("system.boot", Severity.INFO if ended.clean else Severity.WARNING, {**boot, **booted}))
    return said
