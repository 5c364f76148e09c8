"""Claims of a permit, of the revocation list and of commands to a box."""

import re
import unicodedata
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from contracts.errors import ContractError

_ID_LETTERS = "[A-Za-z0-9._-]"
_ID = re.compile(rf"{_ID_LETTERS}{{1,64}}")
Id = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        pattern=rf"\A{_ID_LETTERS}+\Z",
        description="an id of letters, digits, dots, underscores and hyphens",
    ),
]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**40)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z", description="a SHA-256 in 64 lower-case hex digits")]
PreconditionKind = Literal["confirm", "temperature", "isolation"]
MilliCelsius = Annotated[int, msgspec.Meta(ge=-273_150, le=2_000_000)]
MAX_PRECONDITIONS = 16
MAX_PEOPLE = 16
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def is_id(text: str) -> bool:
    """Whether it has an id's form."""
    return _ID.fullmatch(text) is not None


def _check_text(field: str, text: str) -> None:
    """Refuse text that the audit log could not write down: its leaves are canonical."""
    if not unicodedata.is_normalized("NFC", text):
        raise ContractError(field, "text in NFC", ascii(text), "normalise it before signing")


def hidden_marks(text: str) -> list[str]:
    """Characters with which a line would not look on a screen as it was signed: control, formatting, direction."""
    return [ascii(c).strip("'") for c in text if unicodedata.category(c) in _HIDDEN]


def _check_line(field: str, text: str) -> None:
    """Refuse a line that is not plain."""
    _check_text(field, text)
    if hidden := hidden_marks(text):
        raise ContractError(field, "one line without control characters", ", ".join(hidden), "type it again")


class Level(StrEnum):
    """Hot-work level, GB 30871-2022 5.1.1: 特级, 一级, 二级."""

    SPECIAL = "special"
    GRADE_1 = "grade_1"
    GRADE_2 = "grade_2"

    @property
    def rank(self) -> int:
        """How high: 0 for 二级, 2 for 特级."""
        return ORDER.index(self)

    @property
    def higher(self) -> "Level":
        """One step higher; nothing is above the special level."""
        return ORDER[min(self.rank + 1, len(ORDER) - 1)]


ORDER = (Level.GRADE_2, Level.GRADE_1, Level.SPECIAL)
"""From the lowest to the highest: 二级, 一级, 特级."""


class Role(StrEnum):
    """What a person does on this permit: 作业人 and 监护人."""

    PERFORMER = "performer"
    GUARDIAN = "guardian"


BadgeNumber = Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
"""A badge that somebody wears; 0 is none."""


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person on the permit; `badge` is the number that the rolling badge identifier proves."""

    id: Id
    name: Name
    role: Role
    badge: BadgeNumber


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature: who, in which office, when (seconds since 1970), over which content."""

    by: Id
    name: Name
    office: Name
    at: Seconds
    content_sha256: Sha256


class Precondition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that must hold at the box before arming, such as a cooled vessel (PTW-11).

    Attributes:
        id: its name on this permit.
        text: what must hold, in words.
        kind: ``confirm``: a named person confirms it on site; ``temperature``: the equipment is at most as warm as
            `limit_milli`; ``isolation``: an isolation (blind, valve, lock) is proven.
        limit_milli: highest temperature in thousandths of a degree Celsius; of a ``temperature`` only, and always.
        sensor: the box's sensor that measures it; "" when a named person enters it with a photo.
        tag: the point whose NFC tag is read at the box after the card of whoever was there, which alone confirms it;
            "" when a named person's word does. Never of a temperature.
    """

    id: Id
    text: Name
    kind: PreconditionKind = "confirm"
    limit_milli: MilliCelsius | None = None
    sensor: Annotated[str, msgspec.Meta(max_length=64, pattern=r"\A[A-Za-z0-9._-]*\Z")] = ""
    tag: Annotated[str, msgspec.Meta(max_length=64, pattern=r"\A[A-Za-z0-9._-]*\Z")] = ""

    def check(self, field: str) -> None:
        """Refuse a precondition that contradicts itself; `field` is its place in the permit.

        Raises:
            ContractError: text that is no plain line, a temperature without a limit or with a tag, or a limit or
                sensor elsewhere.
        """
        _check_line(f"{field}.text", self.text)
        if self.kind == "temperature":
            if self.limit_milli is None:
                raise ContractError(f"{field}.limit_milli", "the limit of a temperature", "none", "enter it")
            if self.tag:
                came = f"{self.tag} of a temperature"
                raise ContractError(f"{field}.tag", "a tag of what is seen at its point", came, "measure it instead")
        elif self.limit_milli is not None or self.sensor:
            came = f"a limit or a sensor of a precondition of the kind {self.kind}"
            raise ContractError(field, "a limit and a sensor only of a temperature", came, "remove them")


class PermitClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A permit to work as the bridge issues it to one box.

    Attributes:
        iss: the bridge's id.
        aud: the box's id; no other box accepts it.
        jti: the permit's number.
        iat, nbf, exp: issued at, valid from, valid to; seconds since 1970.
        as_of: newest signed bridge time, from which the lease counts.
        lease_s: how long the box may go on without hearing from the bridge.
        work: kind of special work, ``hot_work``.
        level: hot-work level that was approved, by which the work is managed.
        base_level: the level by place and work alone (5.1.2 to 5.1.4); None is `level`. With `level` one higher, work
            may also go on when it is managed one level higher: at night, on rest days and holidays (5.1.1).
        method: tool, such as ``electric welding`` (GB 30871-2022 3.4).
        place: where, in words.
        content: what is done.
        rules: name of the rule pack that it was issued under.
        people: performers and guardians.
        approvals: signatures, oldest first.
        content_sha256: hash that every approval signed.
        preconditions: what must hold on site before arming.
        confined: the work is inside a confined space (受限空间), where stricter limits hold (GB 30871-2022 6.4).
    """

    iss: Id
    aud: Id
    jti: Id
    iat: Seconds
    nbf: Seconds
    exp: Seconds
    as_of: Seconds
    lease_s: Annotated[int, msgspec.Meta(ge=1, le=86400)]
    work: Id
    level: Level
    method: Name
    place: Name
    content: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    rules: Id
    people: Annotated[tuple[Person, ...], msgspec.Meta(min_length=2, max_length=MAX_PEOPLE)]
    approvals: Annotated[tuple[Approval, ...], msgspec.Meta(min_length=2, max_length=8)]
    content_sha256: Sha256
    preconditions: Annotated[tuple[Precondition, ...], msgspec.Meta(max_length=MAX_PRECONDITIONS)] = ()
    confined: bool = False
    base_level: Level | None = None

    @property
    def carries_upgrade(self) -> bool:
        """Whether `level` suffices even while the work is managed one level higher (5.1.1)."""
        return (self.base_level or self.level).higher.rank <= self.level.rank

    def people_in(self, role: Role) -> tuple[Person, ...]:
        """The people who hold a role."""
        return tuple(person for person in self.people if person.role is role)

    def check(self) -> None:
        """Refuse claims that contradict themselves.

        Raises:
            ContractError: text that is not NFC, window upside down, a role missing, one person in two roles or two
                badges, fewer than two different approvers, an approver who works on the permit, an approval of other
                content or from after the permit was issued, a level that is not its base or one above it, or a
                precondition that contradicts itself or another.
        """
        if self.base_level is not None and self.level not in (self.base_level, self.base_level.higher):
            raise ContractError(
                "base_level", f"{self.level.value} or one level below it", self.base_level.value,
                "approve at the level by place and work, or one higher for nights, rest days and holidays",
            )  # fmt: skip
        for field in ("method", "place", "content"):
            _check_text(field, getattr(self, field))
        for index, person in enumerate(self.people):
            _check_text(f"people[{index}].name", person.name)
        for index, approval in enumerate(self.approvals):
            _check_text(f"approvals[{index}].name", approval.name)
            _check_text(f"approvals[{index}].office", approval.office)
        for index, wanted in enumerate(self.preconditions):
            wanted.check(f"preconditions[{index}]")
        wanted_ids = [wanted.id for wanted in self.preconditions]
        if len(set(wanted_ids)) != len(wanted_ids):
            raise ContractError("preconditions.id", "a different id each", ", ".join(wanted_ids), "number them")
        if not self.nbf < self.exp:
            raise ContractError("exp", f"after nbf ({self.nbf})", str(self.exp), "correct the window")
        for role in Role:
            if not self.people_in(role):
                raise ContractError("people", f"a {role.value}", "none", "name one on the permit")
        ids = [person.id for person in self.people]
        if len(set(ids)) != len(ids):
            raise ContractError("people", "different people", ", ".join(ids), "performer and guardian must differ")
        badges = [person.badge for person in self.people]
        if len(set(badges)) != len(badges):
            raise ContractError("people.badge", "one badge each", ", ".join(map(str, badges)))
        approvers = {approval.by for approval in self.approvals}
        if len(approvers) < len(self.approvals):
            raise ContractError("approvals.by", "different approvers", ", ".join(sorted(approvers)))
        if approvers & set(ids):
            raise ContractError("approvals.by", "nobody from the crew", ", ".join(sorted(approvers & set(ids))))
        for index, approval in enumerate(self.approvals):
            if approval.content_sha256 != self.content_sha256:
                raise ContractError(
                    f"approvals[{index}].content_sha256", self.content_sha256, approval.content_sha256, "sign again"
                )
            # By bridge time alone: what the box's clock may lie behind, `as_of` bounds. So nobody is approved ahead.
            if approval.at > min(self.iat, self.as_of):
                issued = f"at most {min(self.iat, self.as_of)}, when the permit was issued"
                raise ContractError(
                    f"approvals[{index}].at", issued, str(approval.at), "correct the signer's clock, then sign again"
                )


class Revocations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The complete list of revoked permits. `rev` only rises; `as_of` renews the lease."""

    iss: Id
    aud: Id
    rev: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    as_of: Seconds
    revoked: tuple[Id, ...]


class Verb(StrEnum):
    """What a bridge may ask of a box: never reset, arm, bypass or change rules."""

    SUSPEND = "suspend"
    VOID = "void"
    IDENTIFY = "identify"
    RESEND = "resend"


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signed request to a box. `id` is answered on up/rsp; `exp` bounds its life."""

    iss: Id
    aud: Id
    id: Id
    verb: Verb
    iat: Seconds
    exp: Seconds
    permit: Annotated[str, msgspec.Meta(max_length=64, pattern=r"\A[A-Za-z0-9._-]*\Z")] = ""
    from_seq: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)] = 0
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""

    def check(self) -> None:
        """Refuse what could not be written down.

        Raises:
            ContractError: a reason that is not NFC.
        """
        _check_text("reason", self.reason)
