"""Check a stored log from its first leaf: chain, canonical bytes, witnessed roots, and what pages show of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cloud_bridge.boxes.models import Checkpoint, Event, Log
from contracts import checkpoint
from contracts import event as contract_event
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.key_chain import ROTATED, KeyChain, rotation_of
from contracts.merkle import Frontier, leaf_hash

_SHOWN = ("t", "type", "cat", "sev", "permit")
"""What pages search by and show: copies of what the leaf says."""


@dataclass
class Finding:
    """Result for one log: `bad` is the first thing that is wrong, or ""."""

    origin: str
    leaves: int
    witnessed: int
    unwitnessed: int
    bad: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "origin": self.origin,
            "leaves": self.leaves,
            "witnessed": self.witnessed,
            "unwitnessed": self.unwitnessed,
            "ok": not self.bad,
            "bad": self.bad,
        }

    def sentence(self) -> str:
        """For people."""
        if self.bad:
            return f"✘ {self.origin}: {self.bad}"
        tail = f", {self.unwitnessed} not yet witnessed" if self.unwitnessed else ""
        return f"✔ {self.origin}: {self.leaves} records unchanged, witnessed up to {self.witnessed}{tail}"


def verify_log(log: Log, witness: NoteKey) -> Finding:
    """Read every leaf again; nothing that the ingest computed is believed."""
    # Two cursors side by side, so that memory does not grow with the log. The checkpoints are opened first: what a box
    # sends meanwhile may add leaves without their checkpoint, never the other way round.
    promises = log.checkpoints.order_by("size").iterator(chunk_size=500)
    rows = Event.objects.filter(box_id=log.box_id, log=log.epoch).order_by("seq")
    leaves = rows.values_list("seq", "leaf", *_SHOWN).iterator(chunk_size=1000)
    with contextlib.closing(promises), contextlib.closing(leaves):
        return _compare(log, witness, promises, leaves)


def _compare(
    log: Log, witness: NoteKey, promises: Iterator[Checkpoint], leaves: Iterator[tuple[Any, ...]]
) -> Finding:
    promise = next(promises, None)
    finding = Finding(log.origin, 0, 0, 0)
    keys = KeyChain.begin(log.key())
    tree, prev = Frontier(), contract_event.FIRST_PREV
    for seq, leaf, *shown in leaves:
        body = bytes(leaf)
        if seq != tree.size:
            finding.bad = f"record {tree.size} is missing"
            return finding
        try:
            event = contract_event.decode(body)
        except (ContractError, ValueError, RecursionError) as error:
            finding.bad = f"record {seq}: {error}"
            return finding
        if (event.box, event.log, event.seq, event.prev) != (log.box_id, log.epoch, seq, prev):
            finding.bad = f"record {seq} does not continue the chain"
            return finding
        finding.bad = _shown_otherwise(event, shown)
        if finding.bad:
            return finding
        digest = leaf_hash(body)
        tree, prev = tree.append(digest), digest.hex()
        if event.type == ROTATED:
            keys = _followed(keys, event)
        finding.leaves = tree.size
        while promise is not None and promise.size < tree.size:
            promise = next(promises, None)
        if promise is None or promise.size != tree.size:
            continue
        finding.bad = _broken(promise, tree, keys, witness)
        if finding.bad:
            return finding
        if promise.cosigned:
            # One that a newer one overtook before it was cosigned is a promise all the same, and no witness.
            finding.witnessed = tree.size
    most = tree.size
    while promise is not None:
        most, promise = max(most, promise.size), next(promises, None)
    if most > tree.size:
        finding.bad = f"the log ends at {tree.size}, but {most} records were witnessed"
    finding.unwitnessed = finding.leaves - finding.witnessed
    return finding


def _shown_otherwise(event: contract_event.Event, shown: list[Any]) -> str:
    """Which copy differs from what the leaf says, as far as there is room for it; "" when none does."""
    says = (event.t, event.type[:80], event.cat.value, event.sev.value, event.permit[:64])
    for name, said, copy in zip(_SHOWN, says, shown, strict=True):
        if said != copy:
            return f"record {event.seq}: pages show {name} {copy!r}, it says {said!r}"
    return ""


def _followed(keys: KeyChain, event: contract_event.Event) -> KeyChain:
    """With the key that the record names, when the one before has endorsed it; another one signs nothing."""
    try:
        return keys.after(rotation_of(event))
    except ContractError:
        return keys


def _broken(promise: Checkpoint, tree: Frontier, keys: KeyChain, witness: NoteKey) -> str:
    """What is wrong with a checkpoint that the bridge agreed with; "" when nothing is."""
    try:
        stated = keys.verify(promise.note)
        if promise.cosigned:
            checkpoint.verify_cosignature(promise.cosigned, witness)
    except ContractError as error:
        return f"checkpoint at {tree.size}: {error}"
    if stated.root != tree.root() or stated.size != tree.size:
        return f"the records up to {tree.size} differ from what was witnessed"
    return ""
