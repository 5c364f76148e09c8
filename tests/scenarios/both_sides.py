"""Counts a box's log and the bridge's copy of it, from the two database files themselves, and says how they differ."""

import sqlite3
from collections import Counter
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple


class Leaf(NamedTuple):
    """One event as it is stored: log epoch, number, exact bytes."""

    log: int
    seq: int
    body: bytes


def _rows(path: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(query, values).fetchall()


def box_leaves(path: Path) -> list[Leaf]:
    """Every event of the box's log and of the epochs that it left behind as damaged."""
    found = []
    for file in (path, *sorted(path.parent.glob(f"{path.name}.bad-*[0-9]"))):
        ((log,),) = _rows(file, "SELECT value FROM meta WHERE key = 'log'")
        found += [Leaf(int(log), seq, bytes(body)) for seq, body in _rows(file, "SELECT seq, body FROM event")]
    return found


def bridge_leaves(path: Path, box: str) -> list[Leaf]:
    """Every event that the bridge holds of this box."""
    rows = _rows(path, "SELECT log, seq, leaf FROM boxes_event WHERE box_id = ?", box)
    return [Leaf(log, seq, bytes(body)) for log, seq, body in rows]


def bridge_doubts(path: Path, box: str) -> list[str]:
    """What the bridge itself holds against this box: forks, broken chains, alarms never proven, refused messages.

    Not a gap that was filled: whoever is killed loses what was on its way, and the box sends it again.
    """
    return [
        *(f"alert {kind} at {seq}: {detail}" for kind, seq, detail in _rows(
            path, "SELECT kind, seq, detail FROM boxes_alert WHERE box_id = ? AND NOT (kind = 'gap' AND open = 0)", box)),
        *(f"alarm {seq} never proven" for (seq,) in _rows(
            path, "SELECT seq FROM boxes_liveevent WHERE box_id = ?", box)),
        *(f"refused {leaf} {count} times: {detail}" for leaf, count, detail in _rows(
            path, "SELECT leaf, count, detail FROM boxes_rejection WHERE box_id = ? OR box_id IS NULL", box)),
    ]  # fmt: skip


def differences(box: list[Leaf], bridge: list[Leaf]) -> list[str]:
    """One line for each event that is not on both sides exactly once with the same bytes; empty when all are."""
    found = []
    numbers = {"box": Counter(), "bridge": Counter()}
    for side, leaves in (("box", box), ("bridge", bridge)):
        numbers[side] = Counter((leaf.log, leaf.seq) for leaf in leaves)
        found += [f"{log}/{seq} is {n} times at the {side}" for (log, seq), n in numbers[side].items() if n > 1]
    found += [f"{log}/{seq} is not at the bridge" for log, seq in numbers["box"].keys() - numbers["bridge"]]
    found += [f"{log}/{seq} is only at the bridge" for log, seq in numbers["bridge"].keys() - numbers["box"]]
    bodies = {(leaf.log, leaf.seq): leaf.body for leaf in box}
    found += [
        f"{leaf.log}/{leaf.seq} has other bytes at the bridge"
        for leaf in bridge
        if bodies.get((leaf.log, leaf.seq), leaf.body) != leaf.body
    ]
    for log in {leaf.log for leaf in box}:
        size = sum(1 for leaf in box if leaf.log == log)
        if {seq for epoch, seq in numbers["box"] if epoch == log} != set(range(size)):
            found.append(f"the box's log {log} has a gap")
    return sorted(found)


def first_difference(box: Path, bridge: Path, name: str, log: int = 1) -> tuple[int, str]:
    """How many leaves of one epoch are the same on both sides from the first on, and what ends that; "" when nothing does.

    Both files are read side by side, as a month of events does not fit into memory.
    """
    ours = "SELECT seq, body FROM event ORDER BY seq"
    theirs = "SELECT seq, leaf FROM boxes_event WHERE box_id = ? AND log = ? ORDER BY seq"
    with (
        closing(sqlite3.connect(f"file:{box}?mode=ro", uri=True)) as mine,
        closing(sqlite3.connect(f"file:{bridge}?mode=ro", uri=True)) as copy,
    ):
        rows = zip_longest(mine.execute(ours), copy.execute(theirs, (name, log)))
        for same, (one, other) in enumerate(rows):
            if one is None or other is None or one[0] != same or (one[0], bytes(one[1])) != (other[0], bytes(other[1])):
                return same, f"{log}/{same} differs: {_short(one)} at the box, {_short(other)} at the bridge"
        return mine.execute("SELECT count(*) FROM event").fetchone()[0], ""


def _short(row: tuple[Any, ...] | None) -> str:
    return "nothing" if row is None else f"seq {row[0]} of {len(row[1])} bytes"


def disorder(path: Path, box: str) -> list[str]:
    """Leaves of each epoch that the bridge stored in another order than the box wrote them; empty when none."""
    found, last = [], dict[int, int]()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        for log, seq in db.execute("SELECT log, seq FROM boxes_event WHERE box_id = ? ORDER BY id", (box,)):
            if seq != last.get(log, -1) + 1:
                found.append(f"{log}/{seq} was stored after {log}/{last.get(log, -1)}")
            last[log] = seq
    return found
