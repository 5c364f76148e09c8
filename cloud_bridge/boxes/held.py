"""What the bridge holds about a box's log: the checkpoints that it witnessed, as notes that verify anywhere."""

from collections.abc import Iterator

from cloud_bridge.boxes.models import Checkpoint


def notes_of(box: str) -> Iterator[tuple[str, str]]:
    """File name and text of every witnessed checkpoint of a box, oldest first, over all epochs of its log.

    The cosigned form where there is one. A checkpoint that was followed by a newer one before it could be cosigned has
    the box's own signature only; the bridge committed to it all the same.
    """
    rows = Checkpoint.objects.filter(log__box=box).order_by("log__epoch", "size")
    for epoch, size, note, cosigned in rows.values_list("log__epoch", "size", "note", "cosigned").iterator():
        yield f"{epoch:04d}-{size:012d}.note", cosigned or note
