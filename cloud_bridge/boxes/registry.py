"""Registering a box: its name and the key that its log signs with."""

from django.db import transaction

from cloud_bridge.boxes.models import Box, Log, RevocationList
from cloud_bridge.people.models import ID_PATTERN
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError

_ED25519 = 1


@transaction.atomic
def register(box_id: str, vkey: str, **shown: str) -> Box:
    """Register a box, or change what is shown of a registered one.

    Args:
        box_id: the box's name in topics and permits.
        vkey: its log key; the key's name is the log's origin, ``hotbox.DOMAIN/BOX/EPOCH``.
        shown: `name` and `place` for pages; empty ones change nothing.

    Raises:
        ContractError: bad name or key, another box's key, another key for a known epoch, or a second epoch, which
            needs the authority of two people.
    """
    if not ID_PATTERN.regex.match(box_id):
        raise ContractError(
            "box", "letters, digits, dots, dashes", repr(box_id), "use the name of the box's configuration"
        )
    key = NoteKey.parse(vkey)
    words = key.name.split("/")
    if len(words) != 3 or words[1] != box_id or not words[2].isdigit() or key.kind != _ED25519:
        raise ContractError(
            "vkey", f"a log key named hotbox.DOMAIN/{box_id}/EPOCH", key.name, "give the key of this box"
        )
    box, _created = Box.objects.update_or_create(pk=box_id, defaults={k: v for k, v in shown.items() if v})
    epoch = int(words[2])
    log = Log.objects.filter(box=box, epoch=epoch).first()
    if log is not None and key not in log.chain().keys:
        raise ContractError(
            "vkey", f"the key registered for epoch {epoch}", "another", "a replaced box starts a new epoch"
        )
    if log is None:
        if box.logs.exists():
            raise ContractError(
                "vkey", "the registered epoch", f"epoch {epoch}",
                f"a new epoch needs two people's authority: hotbox-bridge box authorise {box_id} --epoch {epoch}",
            )  # fmt: skip
        Log.objects.create(box=box, epoch=epoch, origin=key.name, vkey=key.vkey())
    RevocationList.objects.get_or_create(box=box)
    return box
