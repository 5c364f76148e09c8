"""A log in memory for the bench: every decision that any test makes is written as leaves and made again from them."""

import msgspec

from contracts.event import Actor, Event, decode
from contracts.events import check
from edge.audit.draft import Draft, Place, join, leaves
from edge.interlock.decision_record import Recorder, part_of, whole
from edge.interlock.journal import _PART
from edge.interlock.kernel import Step
from edge.interlock.record import Note
from edge.interlock.replay import replay


def _bytes(value: object) -> bytes:
    """For an equality in which NaN equals itself."""
    return msgspec.json.encode(msgspec.to_builtins(value, str_keys=True), order="sorted")


def as_written(note: Note) -> Note:
    """The note with what the journal puts beside its data; the record of a decision is left empty."""
    beside = part_of(note.part).data() if note.part is not None else {}
    record = {"snapshot": []} if note.snapshot else {}
    return msgspec.structs.replace(note, data={**note.data, **beside, **record})


class Memory:
    """Keeps what a box would log.

    `write` fails the test when a decision does not replay to the same verdict, or when an event does not fit its type.
    """

    def __init__(self, *, typed: bool = True) -> None:
        self.typed = typed
        self.recorder = Recorder()
        self.parts: dict[str, str] = {}
        self.events: list[Event] = []
        self.seq = 0

    def write(self, step: Step) -> None:
        """Record a step's decisions and replay each."""
        now_us = step.facts.now_us
        for note in step.notes:
            data = dict(note.data)
            if note.part is not None:
                data |= self.recorder.wrote(note.part, now_us).data()
            if note.snapshot:
                data["snapshot"], parts = self.recorder.step(step.given, step.verdicts)
                for part in parts:
                    self._append(_PART, part.data(), step)
            event = self._append(note, data, step)
            if note.snapshot:
                again = replay(event.type, event.data, self.parts.__getitem__)
                assert again.same, (event.type, again.differences)
                assert _bytes(again.given) == _bytes(step.given)

    def _append(self, note: Note, data: dict[str, object], step: Step) -> Event:
        draft = Draft(
            cat=note.cat, type=note.type, sev=note.sev, src="interlock", actor=Actor("box", ""), res=note.res, permit="",
            corr=str(note.attempt) if note.attempt else "", data=data, t=step.facts.wall_s * 1000, m=step.facts.now_us, tq="sync", te=0,
        )  # fmt: skip
        found = leaves(draft, Place("box-1", 1, 1, self.seq, "0" * 64))
        self.seq += len(found)
        taken = [decode(body) for body, _ in found]
        (event,) = join(taken)
        for one in (draft, *taken, event):
            assert not self.typed or check(one) == "", (note.type, check(one))
        if "sha256" in event.data and "part_of" in event.data:
            self.parts[event.data["sha256"]] = whole(event.data["sha256"], event.data["snapshot"])
        self.events.append(event)
        return event
