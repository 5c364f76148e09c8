"""Face templates as far as the interlock has to do with them: which permits still need any, and what vision tells.

The templates themselves never pass through here readably; a person's face counts only as evidence of vision.
"""

import msgspec

from contracts.event import ActionResult, Category, Severity
from edge.interlock.evidence import FaceKey, Standing, TemplateKept, TemplateRefused, TemplateRemoved
from edge.interlock.record import Note
from edge.interlock.state import Durable, usable

BURST = 512
"""Templates of all permits that a box can hold, twice over: nobody's are left out, and a mad process fills no disk."""
EVERY_US = 1_000_000
"""After such a burst one record a second."""
_NOTE = Note("", Category.IDENTITY, Severity.INFO, ActionResult.OK, ("box", ""), "", 0, 0, False, {})
_REFUSAL = Note("", Category.IDENTITY, Severity.WARNING, ActionResult.DENIED, ("box", ""), "", 0, 0, False, {})
replace = msgspec.structs.replace

Told = FaceKey | TemplateKept | TemplateRemoved | TemplateRefused


def standing(durable: Durable, wall_s: int) -> tuple[Standing, ...]:
    """The permits that stand, with their people: what was brought for any other has no purpose any more."""
    return tuple(
        Standing(permit.jti, tuple(person.id for person in permit.people))
        for permit in durable.permits
        if usable(durable, permit, wall_s)
    )


class TemplateNotes:
    """Turns vision's words into records, as many as there can be good ones."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._key = ""
        self._paid_us = 0

    def of(self, item: Told, now_us: int) -> tuple[Note, ...]:
        """The record of what vision tells; none of a key that is recorded already, or of a flood."""
        if isinstance(item, FaceKey) and item.key == self._key:
            return ()
        # Each record costs a second of the time since the last ones, of which so many are saved up.
        paid_us = max(self._paid_us, now_us - BURST * EVERY_US) + EVERY_US
        if paid_us > now_us:
            return ()
        self._paid_us = paid_us
        if isinstance(item, FaceKey):
            self._key = item.key
        return (_note(item),)


def _note(item: Told) -> Note:
    if isinstance(item, FaceKey):
        return replace(_NOTE, type="template.key", data={"key": item.key})
    if isinstance(item, TemplateKept):
        data: dict[str, object] = {"chan": item.person, "engine": item.engine, "iat": item.iat}
        return replace(_NOTE, type="template.kept", permit=item.permit, data=data)
    if isinstance(item, TemplateRemoved):
        data = {"chan": item.person, "why": item.why, "iat": item.iat}
        return replace(_NOTE, type="template.removed", permit=item.permit, data=data)
    data = {"code": item.code, "chan": item.person} | ({"iat": item.iat} if item.iat else {})
    return replace(_REFUSAL, type="template.refused", permit=item.permit, data=data)
