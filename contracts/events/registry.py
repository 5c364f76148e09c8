"""All types of events by name, and whether an event fits its own."""

import msgspec

from contracts.event import Severity
from contracts.events import audit, bypass, cli, gas, identity, interlock, permit, system, video
from contracts.events.fields import Data
from contracts.events.kind import Described, EventType

REGISTRY: dict[str, EventType] = {
    kind.name: kind
    for category in (permit, identity, gas, interlock, bypass, cli, audit, system, video)
    for kind in category.TYPES
}
_SPLIT = ("part", "of")


class _Later(Data, frozen=True):
    """A leaf of a split event after its first: it carries on the list of the one in `head`."""

    part: int
    of: int
    head: int
    snapshot: list[object]


def check(event: Described) -> str:
    """Where an event does not fit its type; empty when it does. It must have a canonical form (`contracts.event`).

    The leaves of a split event are taken one by one: the first is held to its type, the later ones to what a later
    leaf is.
    """
    kind = REGISTRY.get(event.type)
    if kind is None:
        return "no such type of event"
    data, forms, sev = event.data, kind.forms, kind.sev
    if "head" in data:
        forms, sev = (_Later,), (Severity.INFO,)
    elif "part" in data:
        data = {key: value for key, value in data.items() if key not in _SPLIT}
    for what, came, allowed in (("cat", event.cat, (kind.cat,)), ("sev", event.sev, sev), ("res", event.res, kind.res)):
        if came not in allowed:
            return f"{what}: {came.value}, expected {', '.join(one.value for one in allowed)}"
    misfits = []
    for form in forms:
        try:
            msgspec.convert(data, form)
        except msgspec.ValidationError as error:
            misfits.append(str(error))
        else:
            return ""
    return f"data: {'; or '.join(misfits)}"


def words(name: str) -> tuple[str, str]:
    """An event's name in words, Chinese and English; one that is not known stays as it came."""
    kind = REGISTRY.get(name)
    return (kind.zh, kind.en) if kind is not None else (name, name)
