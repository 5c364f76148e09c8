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
from edge.interlock.kernel import Happening, PermitAccepted, Revoked, Suspended
from edge.interlock.record import Note
from edge.interlock.rules import Rules
from edge.interlock.state import Durable


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
    except msgspec.MsgspecError as error:
        raise ContractError(path.name, "a JWK set", str(error), "provision the box again") from error
    keys = {}
    for key in found.keys:
        if "d" in key:
            raise ContractError(path.name, "public keys only", "a private key", "remove it and provision again")
        try:
            keys[key["kid"]] = OKPKey.import_key({**key})
        except (JoseError, KeyError, ValueError) as error:
            raise ContractError(path.name, "Ed25519 keys with kid", str(error), "provision the box again") from error
    return keys


def _refused(kind: str, number: str, error: ContractError, code: str) -> Judged:
    note = Note(
        f"{kind}.refused", Category.PERMIT, Severity.WARNING, ActionResult.DENIED, ("bridge", ""), number, 0, 0, False,
        {"code": code, "field": error.field, "expected": error.expected[:200], "came": error.came[:200]},
    )  # fmt: skip
    return Judged(None, (note,), Response(number, kind, ok=False, code=code, detail=str(error)[:400]))


_CODES = {
    "signature": "forged",
    "kid": "forged",
    "typ": "wrong_type",
    "aud": "other_box",
    "exp": "expired",
    "jti": "revoked",
}


def permit(token: str, keys: Keys, box: str, rules: Rules, durable: Durable, wall_s: int) -> Judged:
    """Judge a permit. The answer to an unchanged permit that is already held is the same acceptance, without an event."""
    number = ""
    try:
        claims = jws.verify(token, jws.PERMIT, keys.permit, PermitClaims)
        number = claims.jti
        if claims.aud != box:
            raise ContractError("aud", box, claims.aud, "this permit is for another box")
        if claims.iss != keys.issuer:
            raise ContractError("iss", keys.issuer, claims.iss, "this bridge is not trusted here")
        claims.check()
        level = rules.levels[claims.level]
        if claims.exp - claims.nbf > level.validity_h * 3600:
            raise ContractError(
                "exp", f"at most {level.validity_h} h ({level.clause})", f"{(claims.exp - claims.nbf) / 3600:.1f} h"
            )
        if wall_s >= claims.exp:
            raise ContractError("exp", f"after now ({wall_s})", str(claims.exp), "it has expired: apply for a new one")
        if number in durable.revoked or number in durable.void:
            raise ContractError("jti", "a permit that stands", f"{number}, revoked", "apply for a new one")
        held = next((other for other in durable.permits if other.jti == number), None)
        if held is not None and held.content_sha256 != claims.content_sha256:
            raise ContractError(
                "content_sha256", held.content_sha256, claims.content_sha256, "a permit may not be altered (4.18)"
            )
    except ContractError as error:
        return _refused("permit", number, error, _CODES.get(error.field, "invalid"))
    answer = Response(number, "permit", ok=True, code="accepted")
    if held is not None:
        return Judged(None, (), answer)
    return Judged(PermitAccepted(claims), (), answer)


def revocations(token: str, keys: Keys, box: str, durable: Durable) -> Judged:
    """Judge a revocation list: its number only rises; the same number renews nothing unless `as_of` is newer."""
    try:
        listed = jws.verify(token, jws.REVOCATIONS, keys.permit, Revocations)
        if listed.aud != box or listed.iss != keys.issuer:
            raise ContractError("aud", f"{box} from {keys.issuer}", f"{listed.aud} from {listed.iss}")
        if listed.rev < durable.revision or (
            listed.rev == durable.revision and set(listed.revoked) != set(durable.revoked)
        ):
            raise ContractError("rev", f"at least {durable.revision}", str(listed.rev), "an old list: it was replayed")
    except ContractError as error:
        return _refused("revocations", "", error, _CODES.get(error.field, "invalid"))
    if listed.rev == durable.revision and listed.as_of <= durable.as_of:
        return Judged(None, (), None)
    return Judged(Revoked(listed), (), Response(str(listed.rev), "revocations", ok=True, code="accepted"))


def command(token: str, keys: Keys, box: str, seen: set[str], wall_s: int) -> Judged:
    """Judge a command: suspend, void, identify, resend. Each id is obeyed once."""
    number = ""
    try:
        asked = jws.verify(token, jws.COMMAND, keys.command, Command)
        number = asked.id
        if asked.aud != box or asked.iss != keys.issuer:
            raise ContractError("aud", f"{box} from {keys.issuer}", f"{asked.aud} from {asked.iss}")
        if wall_s >= asked.exp:
            raise ContractError("exp", f"after now ({wall_s})", str(asked.exp), "send it again")
    except ContractError as error:
        return _refused("command", number, error, _CODES.get(error.field, "invalid"))
    answer = Response(number, "command", ok=True, code="done")
    if number in seen:
        return Judged(None, (), answer)
    note = Note(
        "cli.command", Category.CLI, Severity.WARNING, ActionResult.OK, ("bridge", asked.iss), asked.permit, 0, 0, False,
        {"verb": asked.verb.value, "id": asked.id, "reason": asked.reason},
    )  # fmt: skip
    stops = asked.verb in (Verb.SUSPEND, Verb.VOID)
    happening = Suspended(asked.permit, asked.reason, asked.verb is Verb.VOID) if stops else None
    return Judged(happening, (note,), answer)
