"""Check a stored log from its first leaf: chain, canonical bytes, and every root that the bridge witnessed."""

from dataclasses import dataclass
from typing import Any

from cloud_bridge.boxes.models import Checkpoint, Event, Log
from contracts import checkpoint
from contracts import event as contract_event
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.merkle import Frontier, leaf_hash


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
    promise = next(promises, None)
    finding = Finding(log.origin, 0, 0, 0)
    key = log.key()
    tree, prev = Frontier(), contract_event.FIRST_PREV
    rows = Event.objects.filter(box_id=log.box_id, log=log.epoch).order_by("seq").values_list("seq", "leaf")
    for seq, leaf in rows.iterator(chunk_size=1000):
        body = bytes(leaf)
        if seq != tree.size:
            finding.bad = f"record {tree.size} is missing"
            return finding
        try:
            event = contract_event.decode(body)
        except ContractError as error:
            finding.bad = f"record {seq}: {error}"
            return finding
        if (event.box, event.log, event.seq, event.prev) != (log.box_id, log.epoch, seq, prev):
            finding.bad = f"record {seq} does not continue the chain"
            return finding
        digest = leaf_hash(body)
        tree, prev = tree.append(digest), digest.hex()
        finding.leaves = tree.size
        while promise is not None and promise.size < tree.size:
            promise = next(promises, None)
        if promise is None or promise.size != tree.size:
            continue
        finding.bad = _broken(promise, tree, key, witness)
        if finding.bad:
            return finding
        finding.witnessed = tree.size
    most = tree.size
    while promise is not None:
        most, promise = max(most, promise.size), next(promises, None)
    if most > tree.size:
        finding.bad = f"the log ends at {tree.size}, but {most} records were witnessed"
    finding.unwitnessed = finding.leaves - finding.witnessed
    return finding


def _broken(promise: Checkpoint, tree: Frontier, key: NoteKey, witness: NoteKey) -> str:
    """What is wrong with a checkpoint that the bridge agreed with; "" when nothing is."""
    try:
        stated = checkpoint.verify(promise.note, key)
        if promise.cosigned:
            checkpoint.verify_cosignature(promise.cosigned, witness)
    except ContractError as error:
        return f"checkpoint at {tree.size}: {error}"
    if stated.root != tree.root() or stated.size != tree.size:
        return f"the records up to {tree.size} differ from what was witnessed"
    return ""
