"""Takes what happened into what is remembered: permits, revocations, commands, entries at the box."""

from typing import Any

from contracts.event import Category, Severity
from contracts.permit import PermitClaims, Revocations
from edge.interlock import bypassing, detector_replacing, detector_tests, liveness, ticket, vouching
from edge.interlock.conditions.box import offset_ms
from edge.interlock.conditions.preconditions import CELSIUS
from edge.interlock.happenings import (
    Bypassed,
    BypassEnded,
    Confirmed,
    DetectorReplaced,
    DetectorTestBegun,
    DetectorTestStopped,
    GasTested,
    Happening,
    IdentifyAsked,
    PermitAccepted,
    ProofAsked,
    Reconfirmed,
    ResetRequested,
    Revoked,
    ShutDown,
    Suspended,
    SuspendedHere,
    TemplateChanged,
    TicketChecked,
    VouchAsked,
    Withdrawn,
)
from edge.interlock.proof_test import begin
from edge.interlock.state import (
    MAX_OVER,
    MAX_PERMITS,
    MAX_PHOTOS,
    Confirmation,
    Mode,
    Reason,
    Reconfirmation,
    current_permit,
    milli,
    usable,
)
from edge.interlock.turn import Turn, replace

IDENTIFY_US = 30_000_000
"""How long a box shows which one it is: time to look round a site. It decides nothing."""


def take(turn: Turn, happening: Happening) -> None:
    """Apply what happened to what is remembered."""
    match happening:
        case PermitAccepted(claims):
            _take_permit(turn, claims)
        case Revoked(revocations):
            _take_revocations(turn, revocations)
        case Suspended(permit, reason, void):
            _suspend(turn, permit, reason, void)
        case IdentifyAsked():
            turn.v = replace(turn.v, identify_until_us=turn.now + IDENTIFY_US)
        case GasTested(test):
            turn.d = replace(turn.d, gas_test=test)
            turn.note(
                "gas_test.recorded", Category.GAS, actor=("person", test.analyst), serial=test.serial,
                calibrated_until=test.calibrated_until_s, sampled=test.t,
                points=[
                    {"position": p.position, "gas": p.gas, "unit": p.unit, "value_milli": milli(p.value)}
                    for p in test.points
                ],
            )  # fmt: skip
        case ResetRequested(uid, fault_by):
            until = turn.now + turn.rules.reset_window_s.value * 1_000_000
            if fault_by:
                turn.v = replace(turn.v, fault_window=(until, fault_by))
            else:
                turn.v = replace(turn.v, reset_window_until_us=until)
            turn.note("interlock.reset_window", actor=("cli", str(uid)), by=list(fault_by))
        case DetectorTestBegun():
            detector_tests.begin(turn, happening)
        case DetectorTestStopped(channel):
            detector_tests.stop(turn, channel)
        case DetectorReplaced():
            detector_replacing.exchange(turn, happening)
        case Bypassed():
            bypassing.begin(turn, happening)
        case BypassEnded(channel, person):
            bypassing.end(turn, channel, person)
        case ProofAsked():
            begin(turn, happening)
        case Confirmed(permit, precondition, person, value_milli, photo):
            proof = Confirmation(person, turn.now, value_milli, photo)
            turn.d = replace(turn.d, preconditions={**turn.d.preconditions, f"{permit}/{precondition}": proof})
            data: dict[str, Any] = {"id": precondition}
            if value_milli is not None:
                data |= {"value_milli": value_milli, "unit": CELSIUS, "commitment": photo}
                turn.d = replace(turn.d, photos=(*turn.d.photos, photo)[-MAX_PHOTOS:])
            turn.note("permit.precondition", Category.PERMIT, actor=("person", person), permit=permit, **data)
        case Withdrawn(permit, precondition, person):
            _withdraw(turn, permit, precondition, person)
        case Reconfirmed(permit, person):
            turn.d = replace(turn.d, reconfirmed=Reconfirmation(permit, person, turn.now))
            turn.note(
                "permit.reconfirmed", Category.PERMIT, actor=("person", person), permit=permit,
                clause=turn.rules.approval_age_s.clause,
            )  # fmt: skip
        case TicketChecked():
            ticket.check(turn, happening)
        case VouchAsked():
            vouching.ask(turn, happening)
        case TemplateChanged(person):
            liveness.void(turn, [person])
        case SuspendedHere(person, relief, present):
            ticket.take_back(turn, turn.f.permit.jti if turn.f.permit else "")
            turn.note(
                "permit.suspended", Category.PERMIT, Severity.WARNING, actor=("person", person), relief=relief,
                present=present,
            )  # fmt: skip
            turn.asked.append(Reason("suspended_here", person, clause="GB 30871-2022 4.10"))
        case ShutDown() if turn.d.mode in (Mode.ARMED, Mode.RELEASED):
            turn.asked.append(Reason("shutdown"))


def _withdraw(turn: Turn, permit: str, precondition: str, person: str) -> None:
    """Take a confirmation back: a release waits for a new one, and a run or an attempt under it ends at once."""
    others = {key: proof for key, proof in turn.d.preconditions.items() if key != f"{permit}/{precondition}"}
    turn.d = replace(turn.d, preconditions=others)
    turn.note(
        "permit.withdrawn", Category.PERMIT, Severity.WARNING, actor=("person", person), permit=permit, id=precondition,
    )  # fmt: skip
    if turn.d.mode in (Mode.ARMED, Mode.RELEASED) and permit == turn.d.active:
        turn.asked.append(Reason("precondition_withdrawn", precondition, clause="GB 30871-2022 4.17; PTW-11"))


def _take_permit(turn: Turn, claims: PermitClaims) -> None:
    """Keep a new permit. One that is held is never replaced: a permit may not be altered (GB 30871-2022 4.18)."""
    if any(held.jti == claims.jti for held in turn.d.permits):
        return
    permits = _room(turn, (*turn.d.permits, claims))
    numbers = {held.jti for held in permits}
    proven = {key: proof for key, proof in turn.d.preconditions.items() if key.partition("/")[0] in numbers}
    came = {number: day for number, day in turn.d.checked_in.items() if number in numbers}
    checks = {number: check for number, check in turn.d.ticket_checks.items() if number in numbers}
    people = {person.id for held in permits for person in held.people}
    failed = {person: count for person, count in turn.d.liveness_failed.items() if person in people}
    _hear(turn, claims.as_of)
    turn.d = replace(turn.d, permits=permits, preconditions=proven, checked_in=came, ticket_checks=checks,
                     liveness_failed=failed)  # fmt: skip
    turn.note(
        "permit.accepted", Category.PERMIT, actor=("bridge", claims.iss), permit=claims.jti, part=claims,
        level=claims.level.value, base_level=(claims.base_level or claims.level).value, nbf=claims.nbf, exp=claims.exp,
        content_sha256=claims.content_sha256,
        people=[{"id": p.id, "role": p.role.value, "badge": p.badge} for p in claims.people],
        approvals=[{"by": a.by, "office": a.office, "at": a.at} for a in claims.approvals],
    )  # fmt: skip


def _hear(turn: Turn, as_of: int) -> None:
    """Signed time from the bridge: a floor, and a witness of a clock that agrees with it.

    Only time newer than all that was signed before bears witness: what is resent says nothing about now.
    """
    if as_of <= turn.d.as_of:
        return
    # A bridge whose clock was set forward speeds up no time here: that passes by CLOCK_BOOTTIME alone.
    ahead_s, known = as_of - turn.now // 1_000_000, turn.d.signed_ahead_s
    turn.d = replace(turn.d, as_of=as_of, signed_ahead_s=ahead_s if known is None else min(known, ahead_s))
    if abs(turn.f.wall_s - as_of) <= turn.rules.clock_behind_s.value:
        turn.d = replace(turn.d, signed_offset_ms=offset_ms(turn.snapshot.clock))


def _room(turn: Turn, permits: tuple[PermitClaims, ...]) -> tuple[PermitClaims, ...]:
    """At most `MAX_PERMITS`, by their beginning: first those that are over go, then the one that begins last."""
    kept = sorted(permits, key=lambda held: (held.nbf, held.jti))
    watch = turn.d.fire_watch
    needed = {turn.d.active, *((watch.permit,) if watch else ())}
    while len(kept) > MAX_PERMITS:
        loose = [held for held in kept if held.jti not in needed]
        over = [held for held in loose if not usable(turn.d, held, turn.f.wall_s)]
        kept.remove(over[0] if over else loose[-1])
    return tuple(kept)


def _take_revocations(turn: Turn, revocations: Revocations) -> None:
    """A newer list replaces the older; what it revoked here stays void even if a later list forgets it."""
    if revocations.rev < turn.d.revision:
        return
    _hear(turn, revocations.as_of)
    if turn.d.lost_s is not None and revocations.as_of >= turn.d.lost_s:
        turn.d = replace(turn.d, lost_s=None)
    if revocations.rev == turn.d.revision:
        return
    held = {permit.jti for permit in turn.d.permits}
    fresh = [number for number in revocations.revoked if number in held and number not in turn.d.void]
    turn.d = replace(
        turn.d,
        revoked=revocations.revoked,
        revision=revocations.rev,
        void=(*turn.d.void, *fresh)[-MAX_OVER:],
    )
    for number in fresh:
        actor = ("bridge", revocations.iss)
        turn.note("permit.revoked", Category.PERMIT, Severity.WARNING, actor=actor, permit=number)


def _suspend(turn: Turn, permit: str, reason: str, void: bool) -> None:
    """The bridge stops the work under `permit`, or whatever goes on here when it names none.

    It is remembered also of a permit that waits its turn: it begins only after a reset that was made for it.
    """
    if void and permit not in turn.d.void:
        turn.d = replace(turn.d, void=(*turn.d.void, permit)[-MAX_OVER:])
    kind = "permit.void" if void else "permit.suspended"
    turn.note(kind, Category.PERMIT, Severity.WARNING, permit=permit, reason=reason)
    concerned = [held.jti for held in (turn.f.permit, current_permit(turn.d, turn.f.wall_s)) if held is not None]
    for number in (permit,) if permit else concerned:
        ticket.take_back(turn, number)
        if not void:
            others = tuple(other for other in turn.d.suspended if other != number)
            turn.d = replace(turn.d, suspended=(*others, number)[-MAX_OVER:])
    if not permit or permit in concerned:
        turn.asked.append(Reason("permit_void" if void else "permit_suspended", permit, clause="PTW-17"))
