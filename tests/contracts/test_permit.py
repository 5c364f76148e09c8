"""Claims contradict themselves in many ways; each is refused and its field named."""

import msgspec
import pytest

from contracts.errors import ContractError, from_msgspec
from contracts.permit import ORDER, Command, Level, PermitClaims, Person, Precondition, Revocations, Role, Verb
from tests.edge.interlock.bench import GUARDIAN, PERFORMER, permit

replace = msgspec.structs.replace


def _approvals(**changes: object) -> tuple[object, ...]:
    first, second = permit().approvals
    return (first, replace(second, **changes))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"start_s": 5, "end_s": 5}, "exp"), ({"start_s": 5, "end_s": 4}, "exp"),
        ({"people": (PERFORMER, replace(PERFORMER, id="b", badge=9))}, "people"),
        ({"people": (GUARDIAN, replace(GUARDIAN, id="b", badge=9))}, "people"),
        ({"people": (PERFORMER, replace(GUARDIAN, id="performer"))}, "people"),
        ({"people": (PERFORMER, replace(GUARDIAN, badge=1001))}, "people.badge"),
        ({"approvals": _approvals(by="boss")}, "approvals.by"), ({"approvals": _approvals(by="performer")}, "approvals.by"),
        ({"approvals": _approvals(content_sha256="0" * 64)}, "approvals[1].content_sha256"),
        ({"content_sha256": "0" * 64}, "approvals[0].content_sha256"), ({"place": "e\u0301"}, "place"),
        ({"people": (PERFORMER, replace(GUARDIAN, name="e\u0301"))}, "people[1].name"),
        ({"approvals": _approvals(office="e\u0301")}, "approvals[1].office"),
    ],
    ids=str,
)  # fmt: skip
def test_claims_that_contradict_themselves_are_refused_by_field(changes: dict[str, object], field: str) -> None:
    """PTW-03, PTW-07: two different approvers, who do not work on it; one person in one role."""
    with pytest.raises(ContractError) as caught:
        permit(**changes).check()  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize(("after_s", "refused"), [(-1, False), (0, False), (1, True), (7200, True)])
@pytest.mark.parametrize("earlier", ["iat", "as_of"])
def test_nobody_approves_after_the_permit_was_issued(earlier: str, after_s: int, refused: bool) -> None:
    """PTW-08: an approval dated ahead would stay young; both moments are the bridge's, so there is no tolerance."""
    later = "as_of" if earlier == "iat" else "iat"
    issued = getattr(permit(), earlier)
    claims = permit(approvals=_approvals(at=issued + after_s), **{later: issued + 9000})
    if not refused:
        claims.check()
        return
    with pytest.raises(ContractError) as caught:
        claims.check()
    assert (caught.value.field, caught.value.came) == ("approvals[1].at", str(issued + after_s))
    assert str(issued) in caught.value.expected


@pytest.mark.parametrize(
    ("preconditions", "field"),
    [
        ((Precondition("a", "e\u0301"),), "preconditions[0].text"), ((Precondition("a", "cooled\nand dry"),), "preconditions[0].text"),
        ((Precondition("a", "x"), Precondition("b", "\u202ederutaerps")), "preconditions[1].text"),
        ((Precondition("a", "x"), Precondition("a", "y")), "preconditions.id"),
        ((Precondition("a", "x", "temperature"),), "preconditions[0].limit_milli"),
        ((Precondition("a", "x", "temperature", None, "vessel-1"),), "preconditions[0].limit_milli"),
        ((Precondition("a", "x", "temperature", 40_000, tag="v-101"),), "preconditions[0].tag"),
        ((Precondition("a", "x", "confirm", 40_000),), "preconditions[0]"),
        ((Precondition("a", "x", "isolation", None, "vessel-1"),), "preconditions[0]"),
    ],
    ids=str,
)  # fmt: skip
def test_a_precondition_that_contradicts_itself_or_another_is_refused(preconditions: object, field: str) -> None:
    """PTW-11."""
    with pytest.raises(ContractError) as caught:
        permit(preconditions=preconditions).check()
    assert caught.value.field == field


def test_a_plain_precondition_is_written_as_before_kinds_existed() -> None:
    """A box that knows no kinds reads a plain one; one with a kind it refuses, because it could not judge it."""
    plain = Precondition("cooled", "设备已冷却")
    assert msgspec.to_builtins(plain) == {"id": "cooled", "text": "设备已冷却"}
    assert msgspec.convert({"id": "cooled", "text": "设备已冷却"}, Precondition) == plain
    warm = Precondition("t", "vessel below 40", "temperature", 40_000, "vessel-1")
    assert msgspec.to_builtins(warm) == {
        "id": "t", "text": "vessel below 40", "kind": "temperature", "limit_milli": 40_000, "sensor": "vessel-1",
    }  # fmt: skip
    permit(preconditions=(plain, warm, Precondition("i", "blind 7 in place", "isolation"))).check()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "hope"}, "kind"), ({"limit_milli": 2_000_001}, "limit_milli"), ({"limit_milli": -273_151}, "limit_milli"),
        ({"limit_milli": 40.5}, "limit_milli"), ({"sensor": "a b"}, "sensor"), ({"text": "x" * 81}, "text"), ({"text": ""}, "text"),
    ],
    ids=str,
)  # fmt: skip
def test_a_field_of_a_precondition_out_of_bounds_is_named(change: dict[str, object], field: str) -> None:
    raw = {"id": "a", "text": "x", **change}
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({**msgspec.to_builtins(permit()), "preconditions": [raw]}, PermitClaims)
    assert from_msgspec(caught.value, "permit").field == f"preconditions[0].{field}"


def test_good_claims_pass() -> None:
    permit().check()
    assert permit().people_in(Role.GUARDIAN) == (GUARDIAN,)


@pytest.mark.parametrize("missing", [f for f in PermitClaims.__struct_fields__ if f not in ("preconditions", "confined", "base_level")])
def test_every_block_of_a_permit_must_be_there(missing: str) -> None:
    """PTW-01: who, when, where, what and how controlled; the missing field is named."""
    raw = msgspec.to_builtins(permit())
    del raw[missing]
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(raw, PermitClaims)
    error = from_msgspec(caught.value, "permit")
    assert (error.field, error.came) == (missing, "nothing")
    assert missing in str(error)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"extra": 1}, "extra"), ({"jti": ""}, "jti"), ({"jti": "a b"}, "jti"), ({"jti": "a\n"}, "jti"), ({"jti": "a" * 65}, "jti"),
        ({"nbf": -1}, "nbf"), ({"exp": 2**41}, "exp"), ({"exp": 1.5}, "exp"), ({"lease_s": 0}, "lease_s"),
        ({"lease_s": 86401}, "lease_s"), ({"level": "grade_9"}, "level"), ({"people": []}, "people"),
        ({"approvals": []}, "approvals"), ({"content": ""}, "content"), ({"content": "x" * 501}, "content"),
        ({"content_sha256": "AB" * 32}, "content_sha256"), ({"preconditions": [{"id": "a"}]}, "preconditions[0].text"),
        ({"people": [{"id": "a", "name": "b", "role": "boss", "badge": 1}] * 2}, "people[0].role"),
        ({"people": [{"id": "a", "name": "b", "role": "performer", "badge": 0}] * 2}, "people[0].badge"),
    ],
    ids=str,
)  # fmt: skip
def test_a_field_out_of_bounds_is_named(change: dict[str, object], field: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({**msgspec.to_builtins(permit()), **change}, PermitClaims)
    assert from_msgspec(caught.value, "permit").field == field


def test_a_revision_fits_the_log() -> None:
    raw = msgspec.to_builtins(Revocations("b", "box-1", 2**53, 1, ()))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(raw, Revocations)


@pytest.mark.parametrize("verb", ["reset", "arm", "bypass", "release", "rules"])
def test_a_bridge_cannot_even_say_what_would_loosen(verb: str) -> None:
    """`dn/cmd` may suspend, void, identify, resend; never reset, arm, bypass or change rules."""
    raw = {**msgspec.to_builtins(Command("b", "box-1", "c", Verb.VOID, 1, 2)), "verb": verb}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(raw, Command)


def test_an_error_says_what_was_expected_what_came_and_what_to_do() -> None:
    error = ContractError("people[1].badge", "a number", "'x'", "read it off the badge")
    assert str(error) == "people[1].badge: expected a number, got 'x'; read it off the badge"
    assert str(ContractError("", "JSON", "nothing")) == "input: expected JSON, got nothing"
    assert isinstance(Person("a", "b", Role.PERFORMER, 1), msgspec.Struct)


@pytest.mark.parametrize(
    ("level", "base", "good", "carries"),
    [
        (Level.GRADE_2, None, True, False), (Level.GRADE_2, Level.GRADE_2, True, False), (Level.GRADE_1, Level.GRADE_2, True, True),
        (Level.GRADE_1, None, True, False), (Level.SPECIAL, Level.GRADE_1, True, True), (Level.SPECIAL, None, True, True),
        (Level.SPECIAL, Level.SPECIAL, True, True), (Level.SPECIAL, Level.GRADE_2, False, True), (Level.GRADE_2, Level.GRADE_1, False, False),
        (Level.GRADE_1, Level.SPECIAL, False, False),
    ],
)  # fmt: skip
def test_a_permit_is_approved_at_its_base_level_or_one_above(level: Level, base: Level | None, good: bool, carries: bool) -> None:
    """GB 30871-2022 5.1.1: raised by one level, never by two, never lowered."""
    claims = permit(level=level, base_level=base)
    assert claims.carries_upgrade is carries
    if good:
        claims.check()
        return
    with pytest.raises(ContractError) as caught:
        claims.check()
    assert (caught.value.field, caught.value.came) == ("base_level", base.value if base else "")
    assert level.value in caught.value.expected


def test_a_permit_without_a_base_level_is_written_as_before_there_were_any() -> None:
    """A box that knows none still reads it."""
    assert "base_level" not in msgspec.to_builtins(permit())
    assert msgspec.to_builtins(permit(base_level=Level.GRADE_2))["base_level"] == "grade_2"


def test_the_levels_have_an_order() -> None:
    assert [level.higher for level in ORDER] == [Level.GRADE_1, Level.SPECIAL, Level.SPECIAL]
    assert [level.rank for level in ORDER] == [0, 1, 2]
