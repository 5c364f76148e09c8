"""control.sock: what the CLI may ask. One JSON object a line, one answer a line; `watch` goes on answering.

    {"op": "status"}                                   -> {"ok": true, "result": {...}}
    {"op": "explain"}                                  -> every condition with what it looks at
    {"op": "watch"}                                    -> a status line at every change and twice a second
    {"op": "reset", "fault_by": []}                    opens the window; never resets
    {"op": "gas_test", "analyst", "serial", "points", "sampled": "14:05"}  the analyst's badge must be here
    {"op": "detector_test", "kind": "bump|calibration", "channel", "gas", "unit", "applied", "by", "bottle", "due"}
    {"op": "detector_test_stop", "channel"}
    {"op": "detector_replace", "channel", "serial", "due", "by"}   another head; then a bump test is needed
    {"op": "permit_import", "jws"}
    {"op": "bypass", "channel", "people", "reason", "measure", "minutes"}  two entitled people, their badges here
    {"op": "bypass_end", "channel", "person"}
    {"op": "confirm", "permit", "precondition", "person", "value", "photo"}   value and photo for a temperature
    {"op": "evidence_erase", "kind": "photo|video", "commitment", "person", "reason", "until_s"}   durable here, then
                                                       the caller removes the files; until_s: it must be kept so long
    {"op": "evidence_erase", "kind", "commitment", "person", "reason", "failed": true}   it could not, and why
    {"op": "withdraw", "permit", "precondition", "person"}   what was confirmed no longer holds
    {"op": "reconfirm", "permit", "person"}            the guardian, badge and face
    {"op": "ticket_check", "permit", "person"}         the shift leader, badge here, neither crew nor approver
    {"op": "face_vouch", "person", "by", "reason", "again"}   on somebody whose tries are used up: opens the window in
                                                       which the supervisor decides by the own hand
    {"op": "template_change", "kind": "enrolled|removed|sealed", "person", "commitment"}   durable here, then the caller
                                                       changes the person's face template; commitment: its digest
    {"op": "suspend", "person", "relief"}              opens at once
    {"op": "keys_rotate"}                              another key for the log, while nobody works
    {"op": "witness_add", "note"}                      a checkpoint that the bridge cosigned, brought by hand
    {"op": "relay_test", "people": [two ids]}          closes the contact for a moment: key in TEST, load isolated
    {"op": "relay_test", "people", "drill": true, "isolated": true}   moves nothing; `watch` shows the steps of both

Nothing here releases. Commands that change something are recorded before they are carried out, refused ones too; while
the log can take nothing, only what tightens is carried out.
Access is the socket's mode (0660); the caller's uid goes into the log.
"""

import asyncio
import contextlib
import inspect
import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec

from contracts.commitment import is_commitment
from contracts.errors import ContractError, from_msgspec, printable, quote
from contracts.event import ActionResult, Category, Severity
from contracts.gas import Unit
from edge.interlock import (
    bypassing,
    detector_replacing,
    detector_request,
    entering,
    happenings,
    photos,
    proof_test,
    recording,
    ticket,
    view,
    vouching,
)
from edge.interlock.conditions import Facts
from edge.interlock.conditions.people import entitled
from edge.interlock.reasons import CATALOGUE
from edge.interlock.record import Note
from edge.interlock.resetting import proof_missing
from edge.interlock.sampling import sampled
from edge.interlock.site import SitePerson, end_of_day
from edge.interlock.state import POSITIONS, GasPoint, GasTest, Mode, Reason
from edge.sockets import now_us

if TYPE_CHECKING:
    from edge.interlock.process import Interlock

_LIMIT = 65536

_BUSY = (Mode.ARMED, Mode.RELEASED)
_TIGHTENING = ("suspend", "withdraw", "bypass_end", "detector_test_stop")

_DURABLE_S = 2.0
"""A second less than whoever asks waits (`edge.cli.client.ANSWER_S`): the refusal, too, must reach them in time."""

_ERASED = {"photo": "hotbox evidence list", "video": "hotbox video list"}
"""What can be erased, and where its commitments are listed."""

_TEMPLATE = ("enrolled", "removed", "sealed")
"""What a command may be about to do to a face template."""

_SERIAL_CHARACTERS = 64
_PERMIT_CHARACTERS = 64
_OP_CHARACTERS = 40
_MISSPOKEN_EVERY_US = 5_000_000


Sentence = Annotated[str, msgspec.Meta(max_length=200, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
"""What a person writes: one line that the log can keep."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line from the CLI."""

    op: str
    fault_by: tuple[str, ...] = ()
    isolated: bool = False
    drill: bool = False
    analyst: str = ""
    serial: str = ""
    points: tuple[GasPoint, ...] = ()
    jws: str = ""
    permit: str = ""
    precondition: str = ""
    person: str = ""
    kind: str = ""
    channel: str = ""
    gas: str = ""
    unit: str = ""
    applied: float | None = None
    by: str = ""
    bottle: str = ""
    due: str = ""
    calibrated_until: str = ""
    sampled: str = ""
    people: tuple[str, ...] = ()
    reason: Sentence = ""
    measure: Sentence = ""
    minutes: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 0.0
    value: float | None = None
    photo: str = ""
    commitment: str = ""
    failed: bool = False
    until_s: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = 0
    relief: bool = False
    again: bool = False
    note: str = ""


class Problem(msgspec.Struct, frozen=True):
    """Why a request was refused."""

    field: str
    expected: str
    came: str
    hint: str


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line to the CLI."""

    ok: bool
    result: Any = None
    error: Problem | None = None


class ControlServer:
    """Listens on control.sock until closed."""

    def __init__(self, path: Path, interlock: "Interlock") -> None:
        """`path` is removed and made anew."""
        self._path = path
        self._interlock = interlock
        self._misspoken_us = self._left_out = 0
        self._server: asyncio.Server

    async def start(self) -> None:
        """Begin to listen."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        old = os.umask(0o117)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=_LIMIT)
        finally:
            os.umask(old)

    async def close(self) -> None:
        """Stop listening."""
        self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer: socket.socket = writer.get_extra_info("socket")
        raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        uid = struct.unpack("3i", raw)[1]
        try:
            while line := await reader.readline():
                await self._one(line, uid, writer)
        except (ValueError, asyncio.LimitOverrunError):
            # A line without end: nothing was begun for it.
            endless = ContractError("", f"a line of at most {_LIMIT} bytes", "a longer one")
            self._misspoken("", uid, str(endless))
            with contextlib.suppress(ConnectionError):
                await _write(writer, _refusal(endless))
        except ConnectionError:
            # The caller went away.
            pass
        except asyncio.CancelledError:
            # The loop is ending. asyncio 3.11's stream callback logs a cancelled task as an error, so end plainly.
            return
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _one(self, line: bytes, uid: int, writer: asyncio.StreamWriter) -> None:
        try:
            request = msgspec.json.decode(line, type=Request)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            bad = (
                from_msgspec(error, "request", line, Request)
                if isinstance(error, msgspec.MsgspecError)
                else ContractError("", "JSON", str(error))
            )
            self._misspoken("", uid, str(bad))
            await _write(writer, _refusal(bad))
            return
        if request.op == "watch":
            await self._watch(writer)
        try:
            result = self._do(request, uid)
            answer = Answer(ok=True, result=await result if inspect.isawaitable(result) else result)
        except ContractError as error:
            answer = _refusal(error)
        await _write(writer, answer)

    async def _watch(self, writer: asyncio.StreamWriter) -> NoReturn:
        """Goes on until the caller hangs up or the loop ends."""
        changed = asyncio.Event()
        stop = self._interlock.watch(changed.set)
        try:
            while True:
                await _write(writer, Answer(ok=True, result=self._interlock.status()))
                changed.clear()
                await changed.wait()
        finally:
            stop()

    def _do(self, request: Request, uid: int) -> Any:
        if request.op == "status":
            return self._interlock.status()
        if request.op == "explain":
            return view.explain(self._interlock.step.facts, self._interlock.step.verdicts)
        actions = {
            "reset": self._reset,
            "gas_test": self._gas_test,
            "detector_test": self._detector_test,
            "detector_test_stop": self._detector_test_stop,
            "detector_replace": self._detector_replace,
            "permit_import": self._permit_import,
            "confirm": self._confirm,
            "bypass": self._bypass,
            "bypass_end": self._bypass_end,
            "relay_test": self._relay_test,
            "withdraw": self._withdraw,
            "reconfirm": self._reconfirm,
            "ticket_check": self._ticket_check,
            "suspend": self._suspend,
            "face_vouch": self._face_vouch,
            "keys_rotate": self._keys_rotate,
            "witness_add": self._witness_add,
            "evidence_erase": self._evidence_erase,
            "template_change": self._template_change,
        }
        action = actions.get(request.op)
        if action is None:
            unknown = ContractError("op", f"status, explain, watch, {', '.join(actions)}", repr(request.op))
            self._misspoken(request.op, uid, str(unknown))
            raise unknown
        try:
            self._refuse_sources(uid)
            self._refuse_unrecorded(request.op)
            happening, result = action(request, uid)
        except ContractError as error:
            self._record(request, uid, ActionResult.DENIED, str(error))
            raise
        self._record(request, uid, ActionResult.OK, "")
        if happening is not None:
            self._interlock.turn((happening,))
        return result

    def _refuse_sources(self, uid: int) -> None:
        """Evidence and commands never come from one hand: a process of the box that was taken over commands nothing."""
        source = self._interlock.sources.get(uid)
        if source is not None:
            raise ContractError("caller", "a person of the group hotbox", f"the {source.value} process")

    def _refuse_unrecorded(self, op: str) -> None:
        """What nobody could find in the log afterwards must not be answered with a yes (ANT-09)."""
        if op not in _TIGHTENING and not self._interlock.step.facts.snapshot.audit.writable:
            words = CATALOGUE["audit_unwritable"]
            todo = f"{words.todo_en}, then restart the interlock"
            raise ContractError("log", "a log that takes the record of it", words.en, todo)

    def _misspoken(self, op: str, uid: int, why: str) -> None:
        """Record what is no request of ours, now and then: whoever floods the socket must not fill the log."""
        now = now_us()
        if self._misspoken_us and now - self._misspoken_us < _MISSPOKEN_EVERY_US:
            self._left_out += 1
            return
        more = f"({self._left_out} like it before) " if self._left_out else ""
        self._misspoken_us, self._left_out = now, 0
        self._note(printable(op, _OP_CHARACTERS), uid, ActionResult.DENIED, more + why, "")

    def _record(self, request: Request, uid: int, res: ActionResult, why: str) -> None:
        self._note(request.op, uid, res, why, printable(request.permit, _PERMIT_CHARACTERS))

    def _note(self, op: str, uid: int, res: ActionResult, why: str, permit: str) -> None:
        data = {"op": op, "uid": uid, "why": printable(why)}
        sev = Severity.INFO if res is ActionResult.OK else Severity.WARNING
        self._interlock.note(Note("cli.request", Category.CLI, sev, res, ("cli", str(uid)), permit, 0, 0, False, data))

    def _here(self, right: str) -> tuple[SitePerson, ...]:
        """People of the roster with this right whose badge is here now."""
        return entitled(self._facts(), right)

    def _facts(self) -> Facts:
        """The last evaluation's facts, at this moment."""
        return msgspec.structs.replace(self._interlock.step.facts, now_us=now_us())

    def _reset(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        if request.fault_by and len(set(request.fault_by)) != 2:
            raise ContractError("fault_by", "two different people", ", ".join(request.fault_by), "name both")
        entitled = [person.id for person in self._interlock.site.roster if "clear_fault" in person.may]
        strangers = [quote(person) for person in request.fault_by if person not in entitled]
        if strangers:
            wanted = f"people of the roster who may clear a fault ({', '.join(entitled) or 'none'})"
            raise ContractError("fault_by", wanted, ", ".join(strangers), "name two of them; both must be here")
        facts = self._interlock.step.facts
        lacking = proof_missing(facts.rules, facts.site, facts.durable, now_us()) if request.fault_by else []
        if lacking:
            words = CATALOGUE[lacking[0].code]
            wanted = "a proof test of the relay that passed since the fault began"
            raise ContractError("relay test", wanted, words.en, words.todo_en)
        seconds = facts.rules.reset_window_s.value
        here = [person.name for person in self._here("clear_fault" if request.fault_by else "reset")]
        result = {"window_s": seconds, "authorised_here": here, "next": "turn the reset key at the box"}
        return happenings.ResetRequested(uid, request.fault_by), result

    def _relay_test(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        mode = self._interlock.step.facts.durable.mode
        if mode not in proof_test.MODES:
            wanted = ", ".join(proof_test.MODES)
            raise ContractError("state", wanted, mode, "a proof test is made while nothing is armed or released")
        here = [person.id for person in self._here("clear_fault")]
        if len(set(request.people)) != 2 or not set(request.people) <= set(here):
            raise ContractError(
                "people", "two different people with the right clear_fault whose badges are here",
                ", ".join(request.people) or "nobody", f"here and entitled: {', '.join(here) or 'nobody'}",
            )  # fmt: skip
        if not request.drill:
            step = self._interlock.step
            hindered = proof_test.hindrances(step.facts, step.verdicts)
            if hindered:
                wanted = "LOCKED or FAULT, the key in TEST and the load isolated by their inputs, clean air, no stop"
                raise ContractError("relay_test", wanted, _all_of(hindered), "put that right, or rehearse with --drill")
        else:
            if not request.isolated:
                raise ContractError(
                    "isolated", "the welding set unplugged or isolated, and confirmed as such", "not confirmed",
                    "isolate the welding supply first",
                )  # fmt: skip
            facts = self._facts()
            lacking = proof_test.unproven(facts, facts.site.proof_inputs)
            if lacking:
                wanted = "the key in TEST and the load isolated by those of their inputs that this box has"
                raise ContractError("relay_test", wanted, _all_of(lacking), "put that right; --drill heeds them, too")
        if self._interlock.step.facts.volatile.proof_run is not None:
            raise ContractError("relay_test", "one proof test at a time", "one is running", "wait until it has ended")
        proven = proof_test.proves_isolation(self._interlock.site)
        begun = {"steps": proof_test.steps_of(pulse=not request.drill, proven=proven), "people": request.people}
        return happenings.ProofAsked(uid, request.people, isolated=True, pulse=not request.drill), begun

    def _gas_test(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        present = self._here("gas_test")
        if request.analyst not in [person.id for person in present]:
            here = ", ".join(person.id for person in present) or "nobody"
            wanted = "a gas analyst of the roster whose badge is here"
            raise ContractError("analyst", wanted, request.analyst or "nothing", f"here and entitled: {here}")
        if not 0 < len(request.serial) <= _SERIAL_CHARACTERS or printable(request.serial) != request.serial:
            wanted = f"the instrument's serial number, at most {_SERIAL_CHARACTERS} printable characters"
            raise ContractError("serial", wanted, repr(request.serial[:80]) if request.serial else "nothing")
        if not request.points:
            raise ContractError("points", "at least one value", "none", "enter up, middle and down")
        known = {(c.limit.gas, c.limit.unit.value): c for c in self._interlock.site.channels}
        places = {(point.position, point.gas) for point in request.points}
        if len(places) != len(request.points):
            raise ContractError("points", "one value for each gas and position", f"{len(request.points)} values",
                                "enter each once")  # fmt: skip
        for index, point in enumerate(request.points):
            if point.position not in POSITIONS:
                raise ContractError(f"points[{index}].position", ", ".join(POSITIONS), point.position)
            channel = known.get((point.gas, point.unit))
            if channel is None:
                wanted = ", ".join(f"{gas} in {unit}" for gas, unit in known)
                raise ContractError(
                    f"points[{index}]", wanted, f"{point.gas} in {point.unit}", f"units are {', '.join(Unit)}"
                )
            if not channel.range_low <= point.value <= channel.range_high:
                raise ContractError(
                    f"points[{index}].value",
                    f"{channel.range_low} to {channel.range_high}",
                    str(point.value),
                    "check the unit",
                )
        # "now" is this moment, not that of the last evaluation, in which gas may just have ceased.
        facts = self._interlock.turn().facts
        until_s = _calibrated_until(request.calibrated_until, facts)
        moment = sampled(facts, request.sampled)
        test = GasTest(moment.at_us, moment.t, request.analyst, request.serial, request.points, until_s)
        done = {"points": len(request.points), "analyst": request.analyst, "sampled": moment.t}
        return happenings.GasTested(test), done

    def _detector_test(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        facts = self._interlock.step.facts
        here = {person.id for person in self._here("calibrate")}
        happening = detector_request.check(request, facts, here)
        return happening, {"channel": happening.channel, "kind": happening.kind.value, "began_t": facts.wall_us // 1000}

    def _detector_test_stop(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        running = self._interlock.step.facts.volatile.exercises
        if request.channel not in running:
            raise ContractError("channel", ", ".join(running) or "none: no test is running", request.channel)
        return happenings.DetectorTestStopped(request.channel), {"channel": request.channel}

    def _detector_replace(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        here = {person.id for person in self._here("calibrate")}
        happening = detector_replacing.check(request, self._facts(), here)
        return happening, {"channel": happening.channel, "serial": happening.serial, "calibration_due": happening.due_s}

    def _permit_import(self, request: Request, uid: int) -> tuple[None, Any]:
        """What it gives is awaited once the request is recorded."""
        del uid
        return None, self._judged(request.jws.strip())

    async def _judged(self, token: str) -> Any:
        judged = self._interlock.judge_permit(token)
        for note in judged.notes:
            self._interlock.note(note)
        if judged.happening is not None:
            self._interlock.turn((judged.happening,))
        return judged.response

    def _confirm(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        happening = entering.confirm(
            self._facts(), request.permit, request.precondition, request.person, request.value, request.photo,
            kept=lambda photo: photos.kept(self._interlock.photos, photo),
        )  # fmt: skip
        limit_milli = entering.limit_milli(self._facts(), request.precondition)
        return happening, {"confirmed": request.precondition, "limit_milli": limit_milli}

    def _withdraw(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        happening = entering.withdraw(self._facts(), request.permit, request.precondition, request.person)
        return happening, {"withdrawn": request.precondition}

    def _reconfirm(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        happening = entering.reconfirm(self._facts(), request.permit, request.person)
        seconds = self._interlock.step.facts.rules.approval_age_s.value
        return happening, {"reconfirmed": request.permit, "good_for_s": seconds}

    def _ticket_check(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        asked = happenings.TicketChecked(request.permit, request.person)
        done = ticket.judge(self._facts(), asked)
        return asked, {"checked": request.permit, "by": done.person, "day": done.day + 1}

    def _suspend(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        happening = entering.suspend(self._facts(), request.person, request.relief)
        return happening, {"suspended_by": request.person, "present": happening.present}

    def _face_vouch(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        asked = happenings.VouchAsked(uid, request.person, request.by, request.reason, request.again)
        facts = self._facts()
        vouching.wait(facts, asked)
        return asked, {
            "person": request.person, "by": request.by, "decision": "again" if request.again else "vouched",
            "window_s": facts.rules.reset_window_s.value, "confirm": "card" if facts.site.reads_cards else "key",
        }  # fmt: skip

    def _keys_rotate(self, request: Request, uid: int) -> tuple[happenings.Happening | None, Any]:
        """What it gives is awaited once the request is recorded."""
        del request, uid
        mode = self._interlock.step.facts.durable.mode
        if mode in _BUSY:
            raise ContractError("state", "neither armed nor released", mode, "change the key when work is over")
        return None, self._interlock.log_care.rotate()

    def _witness_add(self, request: Request, uid: int) -> tuple[happenings.Happening | None, Any]:
        del uid
        if not request.note:
            raise ContractError("note", "the text of a cosigned checkpoint", "nothing")
        return None, self._interlock.log_care.take(request.note)

    def _evidence_erase(self, request: Request, uid: int) -> tuple[None, Any]:
        """Who erases a photo or a recording and why, or why it could not be.

        Removing it is not for the loop that holds the relay. Recordings are vision's: who asks has looked for it there.
        What it gives is awaited once the request is recorded.
        """
        del uid
        commitment, kind = request.commitment, request.kind or "photo"
        if kind not in _ERASED:
            raise ContractError("kind", " or ".join(_ERASED), quote(kind))
        formal = request.failed or kind == "video"
        if not (is_commitment(commitment) if formal else photos.there(self._interlock.photos, commitment)):
            came = quote(request.commitment) if request.commitment else "nothing"
            raise ContractError("commitment", f"the commitment of a {kind} kept here", came, _ERASED[kind])
        if request.person not in [person.id for person in self._interlock.site.roster]:
            known = ", ".join(person.id for person in self._interlock.site.roster)
            raise ContractError("person", f"someone of the roster ({known})", repr(request.person))
        if not request.reason.strip():
            raise ContractError("reason", "why it is erased", "nothing", "say it in a sentence: it goes into the log")
        recording.refuse_kept(self._interlock.step.facts, self._interlock.step.verdicts, request.until_s)
        data = {"kind": kind, "commitment": commitment, "why": request.reason.strip()}
        who = ("person", request.person)
        res = ActionResult.FAILED if request.failed else ActionResult.OK
        note = Note("evidence.erased", Category.AUDIT, Severity.WARNING, res, who, "", 0, 0, False, data)
        return None, self._durable(note, {"erased": request.commitment})

    def _template_change(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        """Who changes whose face template; changing it is for vision's own user, who may not speak here.

        What it gives is awaited once the request is recorded; the face is void at once.
        """
        if request.kind not in _TEMPLATE:
            raise ContractError("kind", ", ".join(_TEMPLATE), quote(request.kind))
        if not 0 < len(request.person) <= _SERIAL_CHARACTERS or printable(request.person) != request.person:
            raise ContractError("person", "the id of a person", quote(request.person))
        if request.commitment and not is_commitment(request.commitment):
            raise ContractError("commitment", "the SHA-256 of the sealed template", quote(request.commitment))
        data = {"chan": request.person, "change": request.kind, "digest": request.commitment, "uid": uid}
        note = Note(
            "template.changed", Category.IDENTITY, Severity.WARNING, ActionResult.OK, ("cli", str(uid)), "", 0, 0,
            False, data,
        )  # fmt: skip
        done = {"recorded": request.kind, "person": request.person}
        return happenings.TemplateChanged(request.person), self._durable(note, done, "nothing was changed")

    async def _durable(self, note: Note, result: Any, undone: str = "nothing was erased") -> Any:
        """The result, once the record is on the disk: what follows cannot be taken back."""
        try:
            await asyncio.wait_for(self._interlock.note_heard(note), _DURABLE_S)
        except TimeoutError:
            # Should the disk come back, it says that, too.
            late = {**note.data, "why": "it failed: the log took too long"}
            self._interlock.note(msgspec.structs.replace(note, res=ActionResult.FAILED, data=late))
            wanted, hint = f"a record on the disk within {_DURABLE_S:.0f} s", f"{undone}: see `hotbox status`"
            raise ContractError("log", wanted, "none", hint) from None
        return result

    def _bypass(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        seconds = round(request.minutes * 60)
        asked = happenings.Bypassed(request.channel, request.people, request.reason, request.measure, seconds)
        refused = bypassing.problem(self._facts(), asked)
        if refused is not None:
            raise refused
        return asked, {"channel": request.channel, "seconds": seconds}

    def _bypass_end(self, request: Request, uid: int) -> tuple[happenings.Happening, Any]:
        del uid
        running = [bypass.channel for bypass in self._interlock.step.facts.durable.bypasses]
        if request.channel not in running:
            raise ContractError("channel", ", ".join(running) or "none: no bypass is running", repr(request.channel))
        if request.person not in [person.id for person in self._interlock.site.roster]:
            known = ", ".join(person.id for person in self._interlock.site.roster)
            raise ContractError("person", f"someone of the roster ({known})", repr(request.person))
        return happenings.BypassEnded(request.channel, request.person), {"channel": request.channel}


def _calibrated_until(day: str, f: Facts) -> int:
    """The end of an instrument's calibration, 0 when it was not stated; a past one measures nothing."""
    if not day:
        return 0
    try:
        end_s = end_of_day(day, f.site.utc_offset_min)
    except ValueError as error:
        raise ContractError("calibrated_until", "a date like 2027-03-31", quote(day)) from error
    if end_s <= f.wall_s:
        hint = "test with an instrument whose calibration holds"
        raise ContractError("calibrated_until", "today or later", day, hint)
    return end_s


def _all_of(reasons: tuple[Reason, ...]) -> str:
    return "; ".join(CATALOGUE[reason.code].en.format(subject=reason.subject) for reason in reasons)


def _refusal(error: ContractError) -> Answer:
    return Answer(ok=False, error=Problem(error.field, error.expected, error.came, error.hint))


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(msgspec.json.encode(answer) + b"\n")
    await writer.drain()
