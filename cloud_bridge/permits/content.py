"""What approvers sign: every word of a permit that the box acts on, in one canonical form."""

from hashlib import sha256

import msgspec

from cloud_bridge.permits.models import CrewMember, Permit
from contracts.errors import from_msgspec
from contracts.permit import Approval, Level, PermitClaims, Person, Precondition, Role

WORK = "hot_work"


class PermitContent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The signed content. A change of any field needs new signatures.

    A permit without preconditions has the hash that it had before there were any: signatures stay good. So has one
    that is managed at the level by place and work alone, whose `base_level` is empty, and one in the open.
    """

    jti: str
    box: str
    work: str
    level: str
    method: str
    place: str
    content: str
    rules: str
    nbf: int
    exp: int
    lease_s: int
    people: tuple[Person, ...]
    preconditions: tuple[Precondition, ...] = ()
    base_level: str = ""
    confined: bool = False


def people_of(crew: list[CrewMember]) -> tuple[Person, ...]:
    """The crew as the box gets it."""
    return tuple(Person(member.person.code, member.name, Role(member.role), member.badge) for member in crew)


def preconditions_of(permit: Permit) -> tuple[Precondition, ...]:
    """The preconditions as the box gets them."""
    rows = permit.preconditions.all()
    return tuple(Precondition(row.code, row.text, row.kind, row.limit_milli, row.sensor, row.tag) for row in rows)


def content_of(permit: Permit) -> PermitContent:
    """The present content of a permit."""
    crew = list(permit.crew.select_related("person"))
    return PermitContent(
        jti=permit.jti,
        box=permit.box_id,
        work=WORK,
        level=permit.level,
        method=permit.method,
        place=permit.place,
        content=permit.content,
        rules=permit.rules,
        nbf=int(permit.starts.timestamp()),
        exp=int(permit.ends.timestamp()),
        lease_s=permit.lease_s,
        people=people_of(crew),
        preconditions=preconditions_of(permit),
        base_level=permit.base_level,
        confined=permit.confined,
    )


def digest(content: PermitContent) -> str:
    """SHA-256 of the canonical JSON, hex."""
    return sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def claims_of(permit: Permit, issuer: str, now_s: int) -> PermitClaims:
    """What the signer signs. The content is hashed again from the rows, not taken from the column.

    Raises:
        ContractError: a claim is out of its bounds, or the claims contradict themselves, for example a signature over
            other content.
    """
    content = content_of(permit)
    sha = digest(content)
    approvals = tuple(
        Approval(s.identity, s.name, s.office, int(s.at.timestamp()), s.content_sha256)
        for s in permit.signatures.all()
        if s.content_sha256 == permit.content_sha256
    )
    claims = PermitClaims(
        iss=issuer,
        aud=content.box,
        jti=content.jti,
        iat=now_s,
        nbf=content.nbf,
        exp=content.exp,
        as_of=now_s,
        lease_s=content.lease_s,
        work=content.work,
        level=Level(content.level),
        method=content.method,
        place=content.place,
        content=content.content,
        rules=content.rules,
        people=content.people,
        approvals=approvals,
        content_sha256=sha,
        preconditions=content.preconditions,
        base_level=Level(content.base_level) if content.base_level else None,
        confined=content.confined,
    )
    # Through the wire's decoder, so that a value which no box would read is never signed.
    try:
        claims = msgspec.json.decode(msgspec.json.encode(claims), type=PermitClaims)
    except msgspec.ValidationError as error:
        raise from_msgspec(error, "permit") from error
    claims.check()
    return claims
