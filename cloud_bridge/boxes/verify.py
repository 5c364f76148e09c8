"""Check a stored log from its first leaf: chain, canonical bytes, and every root that the bridge witnessed."""

from dataclasses import dataclass
from typing import Any

from cloud_bridge.boxes.models import Event, Log
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
    roots = {row.size: row for row in log.checkpoints.all()}
    finding = Finding(log.origin, 0, 0, 0)
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
        row = roots.pop(tree.size, None)
        if row is None:
            continue
        try:
            stated = checkpoint.verify(row.note, log.key())
            if row.cosigned:
                checkpoint.verify_cosignature(row.cosigned, witness)
        except ContractError as error:
            finding.bad = f"checkpoint at {tree.size}: {error}"
            return finding
        if stated.root != tree.root() or stated.size != tree.size:
            finding.bad = f"the records up to {tree.size} differ from what was witnessed"
            return finding
        finding.witnessed = tree.size
    if any(size > 0 for size in roots):
        finding.bad = f"the log ends at {tree.size}, but {max(roots)} records were witnessed"
    finding.unwitnessed = finding.leaves - finding.witnessed
    return finding
