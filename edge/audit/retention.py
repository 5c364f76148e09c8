"""What may leave the box: the oldest leaves that the witness holds, in whole tiles. Pure.

Their bodies go; their hashes stay in the tiles, so that every root and every proof of a leaf that is kept can still be
made, and every signed checkpoint be checked. What nobody has witnessed never goes, whatever the disk says.
"""

from edge.audit.tiles import WIDTH

BATCH_LEAVES = 2048
"""At most so many at a time: a delete costs as many page writes as the record did, and the log waits for it."""
ROOM_PERCENT = 60
"""From here on room counts for more than age."""
PARTS_MS = 25 * 3_600_000
"""A decision refers to parts that were written up to a day before it (decision_record): they go a good hour later."""
_DAY_MS = 86_400_000


def most(acked: int) -> int:
    """How many leaves may have gone at most: whole tiles, and one tile's width below what is witnessed."""
    return max(0, acked - WIDTH) // WIDTH * WIDTH


def batch(pruned: int, acked: int) -> int:
    """Where the next batch ends; `pruned` itself while there is no full one: small ones cost as much as large ones."""
    end = pruned + BATCH_LEAVES
    return end if end <= most(acked) else pruned


def is_over(t_ms: int, now_ms: int, keep_days: int, *, crowded: bool) -> bool:
    """Whether a leaf of the wall time `t_ms` has been kept long enough; one without a time never has.

    Args:
        t_ms: when the youngest leaf of the batch was written.
        now_ms: a wall clock that is worth something.
        keep_days: how long what is witnessed is kept.
        crowded: the log takes `ROOM_PERCENT` of its budget.
    """
    return t_ms > 0 and now_ms - t_ms > PARTS_MS + (0 if crowded else keep_days * _DAY_MS)
