"""What the box writes down of a quiet time, so that every second of a release has its evidence (ANT-10). Pure.

The process feeds it after the decision of a turn was made and obeyed: nothing here decides, and no trip waits.
Besides the gas (`gas_history`, `gas_trace`) it is ``interlock.minute``: while released, once in `gas_summary_s`, how
the contact stands and when each person of the permit was last verified; sooner where what the log knows of a person is
as old as `face_recheck_s` and a newer verification is known, so that no two in it lie further apart than they may; and
once after a start, as soon as the contact is seen, so that a log which ends in a release says when it was found open.
"""

from collections.abc import Iterator
from typing import Any

from contracts.event import ActionResult, Category, Severity
from edge.gas.reading import Reading
from edge.interlock.conditions.faces import face_problem, liveness
from edge.interlock.gas_history import GasHistory, Told
from edge.interlock.gas_trace import GasTrace
from edge.interlock.kernel import Step
from edge.interlock.record import Note
from edge.interlock.rules import Rules
from edge.interlock.site import Site
from edge.interlock.state import Mode
from edge.relay.protocol import DeadmanStatus

INTERLOCK_MINUTE = "interlock.minute"
_PIECE_EVERY_US = 40_000


class History:
    """One interlock's."""

    def __init__(self, site: Site, rules: Rules) -> None:
        """Nothing has happened yet."""
        self._minute_us = rules.gas_summary_s.value * 1_000_000
        self._recheck_us = rules.face_recheck_s.value * 1_000_000
        self._furthest = rules.face_distance_milli.value
        self._fresh_us = rules.dead_man_ms.value * 1000
        percent, around_us = rules.gas_change_percent.value, rules.gas_trace_s.value * 1_000_000
        self._gas = GasHistory(site.channels, change_percent=percent, minute_us=self._minute_us)
        self._trace = GasTrace(site.channels, around_us=around_us)
        self._verified: dict[str, int] = {}
        """When each person was verified, as far as the log knows."""
        self._seen = self._looked = self._released = False
        self._told_us = self._piece_us = 0

    def take(self, reading: Reading) -> None:
        """One attempt to read a gas channel, good or bad, once it was decided upon."""
        self._gas.take(reading)
        self._trace.take(reading)

    def look(self, step: Step, now_us: int) -> None:
        """Every step, also where nothing may be written: what trips or releases may be over with the next reading."""
        if step.volatile.alarms:
            self._trace.alarm(now_us)
        released = step.durable.mode is Mode.RELEASED
        if released and not self._looked:
            self._told_us, self._verified = now_us, dict(self._faces(step))  # the decision just recorded says it all
        self._looked = released

    def due(self, step: Step, now_us: int) -> tuple[Note, ...]:
        """What is to be written after this step, which it has looked at."""
        released = step.durable.mode is Mode.RELEASED
        told = self._gas.due(now_us, cut=self._released and not released)
        self._released = released
        told += self._pieces(now_us)
        told += self._minute(step, now_us)
        return tuple(_note(kind, data, step) for kind, data in told)

    def _pieces(self, now_us: int) -> list[Told]:
        if now_us - self._piece_us < _PIECE_EVERY_US:
            return []
        piece = self._trace.due(now_us)
        if piece is None:
            return []
        self._piece_us = now_us
        return [piece]

    def _minute(self, step: Step, now_us: int) -> list[Told]:
        again = self._released and (now_us - self._told_us >= self._minute_us or self._renewed(step, now_us))
        if self._seen and not again:
            return []
        contact = self._contact(step.given.snapshot.deadman, now_us)
        if contact == "unknown" and not again:
            return []
        self._seen, self._told_us = self._seen or contact != "unknown", now_us
        self._verified = dict(self._faces(step))
        return [(INTERLOCK_MINUTE, {
            "mode": step.durable.mode.value, "contact": contact, "people": self._people(step, now_us),
        })]  # fmt: skip

    def _renewed(self, step: Step, now_us: int) -> bool:
        """Somebody was verified again, after the verification that the log knows of had become due again."""
        known = self._verified
        return any(
            person not in known or (at_us > known[person] and now_us - known[person] >= self._recheck_us)
            for person, at_us in self._faces(step)
        )

    def _faces(self, step: Step) -> Iterator[tuple[str, int]]:
        """Who of the permit's people was verified, and when last."""
        permit, faces = step.facts.permit, step.given.snapshot.faces
        for person in permit.people if permit is not None else ():
            face, (known_us, _) = faces.get(person.id), liveness(step.facts, person.id)
            if known_us is not None and face is not None and 0 <= face.distance_milli <= self._furthest:
                yield person.id, known_us

    def _contact(self, status: DeadmanStatus | None, now_us: int) -> str:
        if status is None or now_us - status.at_us > self._fresh_us:
            return "unknown"
        return "closed" if status.latch_closed or status.contact_closed else "open"

    def _people(self, step: Step, now_us: int) -> list[dict[str, Any]]:
        """Of the permit's people, how long ago each was verified and their badge heard; left out where never.

        `held`: of the crew, and verified as the rules ask for while released: the badge was never away since.
        """
        permit, badges, verified = step.facts.permit, step.given.snapshot.badges, dict(self._faces(step))
        rows: list[dict[str, Any]] = []
        for person in permit.people if permit is not None else ():
            row: dict[str, Any] = {"id": person.id}
            badge = badges.get(person.badge)
            if person.id in verified:
                row["face_ms"] = (now_us - verified[person.id]) // 1000
            if self._released and person.id in step.durable.crew and face_problem(step.facts, person) is None:
                row["held"] = True
            if badge is not None:
                row["badge_ms"] = (now_us - badge.at_us) // 1000
            rows.append(row)
        return rows


def _note(kind: str, data: dict[str, Any], step: Step) -> Note:
    cat = Category.INTERLOCK if kind == INTERLOCK_MINUTE else Category.GAS
    permit = step.facts.permit
    number = permit.jti if permit is not None else ""
    return Note(
        kind, cat, Severity.INFO, ActionResult.OK, ("box", ""), number, step.durable.attempt, 0, snapshot=False,
        data=data,
    )  # fmt: skip
