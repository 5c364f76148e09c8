"""A log with a witness, small enough to read in a test."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.checkpoint import NoteKey, cosign, note_key
from contracts.event import ActionResult, Actor, Category, Severity
from edge.audit import AckVerdict, AuditLog, Draft, Health
from edge.audit.health import system_clock
from edge.audit.reader import Reader

BOX, DOMAIN, WITNESS = "box-1", "example", "bridge.example"
PATIENCE_S = 8.0


def draft(data: dict[str, Any] | None = None, sev: Severity = Severity.INFO, what: str = "gas.reading", cat: Category = Category.GAS) -> Draft:
    stamp = system_clock()
    return Draft(
        cat=cat, type=what, sev=sev, src="interlock", actor=Actor("box", BOX), res=ActionResult.OK, permit="", corr="",
        data={} if data is None else data, t=stamp.t, m=stamp.m, tq="rtc", te=5,
    )  # fmt: skip


def until(holds: Callable[[], Any], why: str = "it never came") -> Any:
    """Wait for a condition with a deadline."""
    deadline = time.monotonic() + PATIENCE_S
    tick = threading.Event()
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        tick.wait(0.005)
    raise AssertionError(why)


class Station:
    """A folder with a box's log, its key and its witness."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "audit" / "audit.db"
        self.key, self.witness_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.witness: NoteKey = note_key(WITNESS, self.witness_key, cosigner=True)

    def open(self, **more: Any) -> AuditLog:
        return AuditLog.open(self.path, box=BOX, domain=DOMAIN, key=self.key, witness=self.witness, **more)

    def trust(self, log: int = 1) -> list[NoteKey]:
        return [note_key(f"hotbox.{DOMAIN}/{BOX}/{log}", self.key), self.witness]

    def cosigned(self, note: str, time_s: int = 1_790_000_000) -> str:
        return cosign(note, WITNESS, self.witness_key, time_s)

    def reader(self) -> Reader:
        return Reader.open(self.path)


def append_all(log: AuditLog, drafts: list[Draft]) -> list[int]:
    """Append and wait until each is durable; returns their seqs."""
    seqs: list[int] = []
    ready = threading.Event()
    for one in drafts:
        log.append(one, lambda seq: (seqs.append(seq), ready.set() if len(seqs) == len(drafts) else None)[0])
    assert ready.wait(PATIENCE_S), f"{len(seqs)} of {len(drafts)} were acknowledged"
    return seqs


def checkpoint(log: AuditLog) -> str:
    """A checkpoint over everything, durable."""
    log.checkpoint_now()
    reader = Reader.open(log.path)
    try:
        return until(lambda: (found := reader.checkpoint()) and found[0] == reader.size() and found[1])
    finally:
        reader.close()


def witness(station: Station, log: AuditLog) -> Health:
    """Have everything witnessed; returns the health after it."""
    note = checkpoint(log)
    assert log.accept_ack(station.cosigned(note)) in (AckVerdict.ACCEPTED, AckVerdict.COMPARING)
    return until(lambda: (health := log.health()) and health.acked == int(note.split("\n")[1]) and health)
