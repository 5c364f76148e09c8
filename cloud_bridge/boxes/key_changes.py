"""Changes of a log's key: taken from its own records, once the key before has endorsed the next one.

A record is chained, so only the box can have sent it; what makes the new key count is the old one's signature in it.
"""

from cloud_bridge.boxes.models import Event, Log, LogKey
from contracts import event as contract_event
from contracts.errors import ContractError
from contracts.key_chain import ROTATED, rotation_of


def take(log: Log, leaf: contract_event.Event, received_ms: int) -> str:
    """Note the change that a ``key.rotated`` record tells of; says what is wrong with it, "" when it counts."""
    try:
        rotation = rotation_of(leaf)
        log.chain().after(rotation)
    except ContractError as error:
        return f"record {leaf.seq} of {log.origin}: {error}"[:500]
    LogKey.objects.create(log=log, first=rotation.first, vkey=rotation.new_vkey, t=leaf.t, received_ms=received_ms)
    return ""


def take_all(log: Log) -> None:
    """Once more from the stored records: the first key of this log is another one now."""
    log.changes.all().delete()
    rows = Event.objects.filter(box=log.box_id, log=log.epoch, type=ROTATED).order_by("seq")
    for body, received_ms in rows.values_list("leaf", "received_ms"):
        take(log, contract_event.decode(bytes(body)), received_ms)
