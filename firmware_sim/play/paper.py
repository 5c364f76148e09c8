"""What a bridge would give a box: its public keys, and a permit for the crew that they sign."""

import time
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.checkpoint import note_key
from contracts.permit import Approval, Level, PermitClaims, Person, Role

PEOPLE = (
    Person("performer", "张作业", Role.PERFORMER, 1001),
    Person("guardian", "李监护", Role.GUARDIAN, 1002),
)
_HOURS = 4
_BELOW = {Level.SPECIAL: Level.GRADE_1, Level.GRADE_1: Level.GRADE_2}
_HASH = "0" * 64


def write_trust(directory: Path) -> OKPKey:
    """Write the files that a box trusts into `directory`; gives the key that signs permits."""
    directory.mkdir(parents=True, exist_ok=True)
    key = jws.generate_key()
    public = msgspec.json.encode({"keys": [{**key.as_dict(private=False), "kid": "site"}]})
    for name in ("permit_keys.json", "command_keys.json"):
        (directory / name).write_bytes(public)
    witness = note_key("bridge", Ed25519PrivateKey.generate(), cosigner=True)
    (directory / "witness.vkey").write_text(witness.vkey() + "\n", encoding="utf-8")
    return key


def permit(key: OKPKey, box: str, number: str, rules: str, level: Level = Level.GRADE_1) -> str:
    """A permit for the crew, one level up and so good whatever day it is, for four hours from now."""
    now = int(time.time())
    claims = PermitClaims(
        iss="bridge", aud=box, jti=number, iat=now, nbf=now - 60, exp=now + _HOURS * 3600, as_of=now,
        lease_s=_HOURS * 3600, work="hot_work", level=level, base_level=_BELOW[level], method="电弧焊",
        place="三号罐区 P-301 泵出口", content="更换泵出口短管", rules=rules, people=PEOPLE, content_sha256=_HASH,
        approvals=(Approval("a1", "赵主任", "owner", now, _HASH), Approval("a2", "钱部长", "safety", now, _HASH)),
    )  # fmt: skip
    return jws.sign(claims, jws.PERMIT, key, "site")
