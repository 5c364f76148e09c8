"""Face templates as far as the interlock has to do with them: which permits still need any, and what vision tells.

The templates themselves never pass through here readably; a person's face counts only as evidence of vision.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec

from contracts.event import ActionResult, Category, Severity
from edge.interlock.evidence import (
    FaceKey,
    RemovalLogged,
    Standing,
    TemplateKept,
    TemplateLogged,
    TemplateRefused,
    TemplateRemoved,
    TemplateUsed,
)
from edge.interlock.record import Note
from edge.interlock.refusals import Refusals
from edge.interlock.state import Durable, usable

BURST = 512
"""Templates of all permits that a box can hold, twice over: nobody's are left out, and a mad process fills no disk."""
REFUSED_BURST = 32
"""Refusals have a budget of their own: anyone on the broker can cause them, and they must cost nobody else's record."""
EVERY_US = 1_000_000
"""After such a burst one record a second."""
_NOTE = Note("", Category.IDENTITY, Severity.INFO, ActionResult.OK, ("box", ""), "", 0, 0, False, {})
_REFUSAL = Note("", Category.IDENTITY, Severity.WARNING, ActionResult.DENIED, ("box", ""), "", 0, 0, False, {})
replace = msgspec.structs.replace

Told = FaceKey | TemplateKept | TemplateRemoved | TemplateRefused | TemplateUsed


def standing(durable: Durable, wall_s: int) -> tuple[Standing, ...]:
    """The permits that stand, with their people: what was brought for any other has no purpose any more."""
    return tuple(
        Standing(permit.jti, tuple(person.id for person in permit.people))
        for permit in durable.permits
        if usable(durable, permit, wall_s)
    )


class _Budget:
    """Each record costs a second of the time since the last ones, of which so many are saved up."""

    def __init__(self, burst: int) -> None:
        self._burst = burst
        self._paid_us = 0

    def pays(self, now_us: int) -> bool:
        """Whether there may be one more."""
        paid_us = max(self._paid_us, now_us - self._burst * EVERY_US) + EVERY_US
        if paid_us > now_us:
            return False
        self._paid_us = paid_us
        return True


class TemplateNotes:
    """Turns vision's words into records, as many as there can be good ones."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._key = ""
        self._good, self._refused = _Budget(BURST), _Budget(REFUSED_BURST)
        self._refusals = Refusals()
        self._left_out = 0

    def of(self, item: Told, now_us: int) -> tuple[Note, ...]:
        """The record of what vision tells; none of a key that is recorded already, or of a flood."""
        if isinstance(item, TemplateRefused):
            return self._refusal(item, now_us)
        if (isinstance(item, FaceKey) and item.key == self._key) or not self._good.pays(now_us):
            return ()
        if isinstance(item, FaceKey):
            self._key = item.key
        return (_note(item),)

    def _refusal(self, item: TemplateRefused, now_us: int) -> tuple[Note, ...]:
        """Thinned out by its code; what the budget leaves out is counted in the next one, whatever its code."""
        for note in self._refusals.thin((_note(item),), now_us):
            more = cast("int", note.data.get("n", 0))
            if not self._refused.pays(now_us):
                self._left_out += more + 1
                return ()
            more, self._left_out = more + self._left_out, 0
            return (replace(note, data={**note.data, "n": more}) if more else note,)
        return ()


class TemplatesUsed:
    """Writes down what people are compared with; vision uses it once it has heard that the log has it."""

    def __init__(
        self, notes: TemplateNotes, write: Callable[[Note], "asyncio.Future[int]"],
        tell: Callable[[TemplateLogged], None],
    ) -> None:  # fmt: skip
        """`notes` bounds how many there may be; `write` records durably, `tell` reaches vision."""
        self._notes, self._write, self._tell = notes, write, tell
        self._logged: dict[str, tuple[str, str]] = {}
        """Person → permit and digest that the log has."""
        self._pending: dict[str, tuple[str, str]] = {}

    def take(self, item: TemplateUsed, now_us: int) -> None:
        """Have it written down unless it is; it is told again until then."""
        said = (item.permit, item.digest)
        if self._logged.get(item.person) == said:
            self._tell(TemplateLogged(item.person, item.digest))
            return
        if self._pending.get(item.person) == said or (not item.digest and item.person not in self._logged):
            return
        for note in self._notes.of(item, now_us):
            self._pending[item.person] = said
            self._write(note).add_done_callback(lambda done: self._durable(item, said, done))

    def _durable(self, item: TemplateUsed, said: tuple[str, str], done: "asyncio.Future[int]") -> None:
        if self._pending.get(item.person) == said:
            del self._pending[item.person]
        if done.cancelled() or done.exception() is not None:
            return
        self._logged = dict([*self._logged.items()][-BURST:]) | {item.person: said}
        self._tell(TemplateLogged(item.person, item.digest))


class TemplatesRemoved:
    """Writes down each deletion once; vision, which tells it again and again, is answered when it is on the disk."""

    def __init__(
        self, notes: TemplateNotes, write: Callable[[Note], "asyncio.Future[int]"],
        tell: Callable[[RemovalLogged], None],
    ) -> None:  # fmt: skip
        """As `TemplatesUsed`."""
        self._notes, self._write, self._tell = notes, write, tell
        self._logged: dict[RemovalLogged, None] = {}
        self._pending: set[RemovalLogged] = set()

    def take(self, item: TemplateRemoved, now_us: int) -> None:
        """Have it written down unless it is; what a flood left out is told again."""
        said = RemovalLogged(item.person, item.permit, item.iat, item.why)
        if said in self._logged:
            self._tell(said)
            return
        if said in self._pending:
            return
        for note in self._notes.of(item, now_us):
            self._pending.add(said)
            self._write(note).add_done_callback(lambda done: self._durable(said, done))

    def kept(self, item: TemplateKept) -> None:
        """It is here again: its next deletion is another one."""
        self._logged = {
            said: None for said in self._logged if (said.person, said.permit) != (item.person, item.permit)
        }

    def _durable(self, said: RemovalLogged, done: "asyncio.Future[int]") -> None:
        self._pending.discard(said)
        if done.cancelled() or done.exception() is not None:
            return
        self._logged = dict.fromkeys([*self._logged][-BURST:]) | {said: None}
        self._tell(said)


def _note(item: Told) -> Note:
    if isinstance(item, TemplateUsed):
        used: dict[str, object] = {"chan": item.person, "digest": item.digest, "engine": item.engine}
        return replace(_NOTE, type="template.used", permit=item.permit, data=used)
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
