"""What `link` hands over is believed only after this: signature, audience, window, level, revocation."""

from pathlib import Path

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.errors import ContractError
from contracts.event import ActionResult, Category, Severity
from contracts.permit import Command, PermitClaims, Revocations, Verb
from contracts.topics import Response
from edge.interlock.happenings import Happening, IdentifyAsked, PermitAccepted, Revoked, Suspended
from edge.interlock.local_time import local_time
from edge.interlock.record import Note
from edge.interlock.rules import Rules
from edge.interlock.state import MAX_PERMITS, Durable, usable

WORK = "hot_work"


class Keys(msgspec.Struct, frozen=True):
    """Pinned public keys of the bridge, each good for one kind of statement only."""

    issuer: str
    permit: dict[str, OKPKey]
    command: dict[str, OKPKey]


class Judged(msgspec.Struct, frozen=True):
    """An offer's fate: what happens in the kernel, what is noted, what is answered on up/rsp."""

    happening: Happening | None
    notes: tuple[Note, ...]
    response: Response | None


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, str]]


def load_keys(path: Path) -> dict[str, OKPKey]:
    """Read a JWK set of Ed25519 public keys.

    Raises:
        ContractError: not a key set, or a private key, which has no business on a box.
        OSError: the file cannot be read.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_KeySet)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ContractError(path.name, "a JWK set", "something else", "provision the box again") from error
    if not found.keys:
        raise ContractError(path.name, "at least one key", "none", "provision the box again")
    keys = {}
    for key in found.keys:
        if "d" in key:
            raise ContractError(path.name, "public keys only", "a private key", "remove it and provision again")
        try:
            keys[key["kid"]] = OKPKey.import_key({**key})
        except (JoseError, KeyError, ValueError) as error:
            raise ContractError(path.name, "Ed25519 keys with kid", str(error), "provision the box again") from error
    return keys


def _refused(kind: str, number: str, error: ContractError, codes: dict[str, str]) -> Judged:
    code = codes.get(error.field, "invalid")
    note = Note(
        f"{kind}.refused", Category.PERMIT, Severity.WARNING, ActionResult.DENIED, ("bridge", ""), number, 0, 0, False,
        {"code": code, "field": error.field, "expected": error.expected[:200], "came": error.came[:200]},
    )  # fmt: skip
    return Judged(None, (note,), Response(number, kind, ok=False, code=code, detail=str(error)[:400]))


_UNREADABLE = {"signature": "forged", "kid": "forged", "typ": "wrong_type"}
_CODES = {
    "aud": "other_box",
    "iss": "other_issuer",
    "exp": "expired",
    "level": "too_long",
    "jti": "revoked",
    "work": "other_work",
    "rules": "other_rules",
    "permits": "full",
    "verb": "not_available",
}
_RENEWED = ("iat", "as_of")
"""What a permit may say anew when it is signed again; everything else must stay as it was accepted."""


def _heard(claims: PermitClaims | Revocations | Command, keys: Keys, box: str) -> None:
    """Refuse what is meant for another box or comes from another bridge."""
    if claims.aud != box:
        raise ContractError("aud", box, claims.aud, "this is for another box")
    if claims.iss != keys.issuer:
        raise ContractError("iss", keys.issuer, claims.iss, "this bridge is not trusted here")


def _fit(claims: PermitClaims, rules: Rules, durable: Durable, wall_s: int) -> None:
    """Refuse a permit that this box may not work under, now or ever."""
    if claims.work != WORK:
        raise ContractError("work", WORK, claims.work, "this box releases ignition for hot work only")
    if claims.rules != rules.name:
        raise ContractError("rules", rules.name, claims.rules, "issue it under the rules of this box")
    level = rules.levels[claims.level]
    if claims.exp - claims.nbf > level.validity_h * 3600:
        hours = f"{claims.level.value}, {_span(claims)}"
        raise ContractError("level", f"at most {level.validity_h} h ({level.clause})", hours)
    inside = rules.confined_validity_h
    if claims.confined and claims.exp - claims.nbf > inside.value * 3600:
        hours = f"confined space, {_span(claims)}"
        raise ContractError("level", f"at most {inside.value} h ({inside.clause})", hours)
    if wall_s >= claims.exp:
        wanted = f"after now ({local_time(wall_s)})"
        raise ContractError("exp", wanted, local_time(claims.exp), "it has expired: apply for a new one")
    number = claims.jti
    if number in durable.revoked or number in durable.void or number in durable.finished:
        raise ContractError("jti", "a permit that stands", f"{number}, revoked or over", "apply for a new one")


def _span(claims: PermitClaims) -> str:
    """How long a permit is valid, to the second: what is refused differs from the limit in what is printed."""
    minutes, seconds = divmod(claims.exp - claims.nbf, 60)
    return f"{minutes // 60} h" + f" {minutes % 60} min" * bool(minutes % 60) + f" {seconds} s" * bool(seconds)


def _unaltered(claims: PermitClaims, held: PermitClaims) -> None:
    """Refuse a second version of a permit that is held."""
    for field in PermitClaims.__struct_fields__:
        was, came = getattr(held, field), getattr(claims, field)
        if field not in _RENEWED and was != came:
            raise ContractError(f"held.{field}", str(was), str(came), "a permit may not be altered (4.18)")


def permit(token: str, keys: Keys, box: str, rules: Rules, durable: Durable, wall_s: int) -> Judged:
    """Judge a permit.

    The answer to an unchanged permit that is already held is the same acceptance, without an event.
    """
    number, codes = "", _UNREADABLE
    try:
        claims = jws.verify(token, jws.PERMIT, keys.permit, PermitClaims)
        number = claims.jti
        claims.check()
        codes = _CODES
        _heard(claims, keys, box)
        _fit(claims, rules, durable, wall_s)
        held = next((other for other in durable.permits if other.jti == number), None)
        if held is not None:
            _unaltered(claims, held)
        else:
            _room(durable, wall_s)
    except ContractError as error:
        return _refused("permit", number, error, codes)
    answer = Response(number, "permit", ok=True, code="accepted")
    if held is not None:
        return Judged(None, (), answer)
    return Judged(PermitAccepted(claims), (), answer)


def _room(durable: Durable, wall_s: int) -> None:
    standing = sum(usable(durable, other, wall_s) for other in durable.permits)
    if standing >= MAX_PERMITS:
        raise ContractError("permits", f"at most {MAX_PERMITS}", f"{standing} that stand", "finish or void one first")


def revocations(token: str, keys: Keys, box: str, durable: Durable) -> Judged:
    """Judge a revocation list: its number only rises; the same number renews nothing unless `as_of` is newer."""
    codes = _UNREADABLE
    try:
        listed = jws.verify(token, jws.REVOCATIONS, keys.permit, Revocations)
        codes = _CODES
        _heard(listed, keys, box)
        _not_older(listed, durable)
    except ContractError as error:
        return _refused("revocations", "", error, codes)
    if listed.rev == durable.revision and listed.as_of <= durable.as_of:
        return Judged(None, (), None)
    return Judged(Revoked(listed), (), Response(str(listed.rev), "revocations", ok=True, code="accepted"))


def _not_older(listed: Revocations, durable: Durable) -> None:
    other = listed.rev == durable.revision and set(listed.revoked) != set(durable.revoked)
    if listed.rev < durable.revision or other:
        raise ContractError("rev", f"at least {durable.revision}", str(listed.rev), "an old list: it was replayed")


def command(token: str, keys: Keys, box: str, seen: set[str], wall_s: int) -> Judged:
    """Judge a command: suspend, void, identify. Each id is obeyed once; what the box cannot do is refused."""
    number, codes = "", _UNREADABLE
    try:
        asked = jws.verify(token, jws.COMMAND, keys.command, Command)
        number = asked.id
        asked.check()
        codes = _CODES
        _heard(asked, keys, box)
        _alive(asked, wall_s)
        _possible(asked)
    except ContractError as error:
        return _refused("command", number, error, codes)
    answer = Response(number, "command", ok=True, code="done")
    if number in seen:
        return Judged(None, (), answer)
    data = {"verb": asked.verb.value, "id": asked.id, "reason": asked.reason}
    actor = ("bridge", asked.iss)
    note = Note(
        "cli.command", Category.CLI, Severity.WARNING, ActionResult.OK, actor, asked.permit, 0, 0, False, data
    )  # fmt: skip
    if asked.verb is Verb.IDENTIFY:
        return Judged(IdentifyAsked(), (note,), answer)
    return Judged(Suspended(asked.permit, asked.reason, asked.verb is Verb.VOID), (note,), answer)


def _possible(asked: Command) -> None:
    """Refuse what would be answered and not done: the log is sent again on what the bridge holds, not on a command."""
    if asked.verb is Verb.RESEND:
        raise ContractError("verb", "suspend, void or identify", asked.verb.value, "not available on this box")


def _alive(asked: Command, wall_s: int) -> None:
    if wall_s >= asked.exp:
        raise ContractError("exp", f"after now ({local_time(wall_s)})", local_time(asked.exp), "send it again")
