"""What `link` hands over: forged, foreign, old and altered statements are refused by name."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.errors import ContractError
from contracts.event import ActionResult, Category, Severity
from contracts.permit import Command, Level, PermitClaims, Person, Revocations, Role, Verb
from contracts.topics import Response
from edge.interlock import offers, view
from edge.interlock.happenings import Happening, IdentifyAsked, PermitAccepted, Revoked, Suspended
from edge.interlock.record import Note
from edge.interlock.state import Durable
from tests.edge.interlock.bench import GB, GUARDIAN, PERFORMER, WALL_S, Bench, permit
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
SIGNER = jws.generate_key()
COMMANDER = jws.generate_key()
STRANGER = jws.generate_key()


def _public(key: OKPKey) -> OKPKey:
    return OKPKey.import_key(key.as_dict(private=False))


KEYS = offers.Keys("bridge-1", {"p1": _public(SIGNER)}, {"c1": _public(COMMANDER)})


def _sign(claims: PermitClaims, typ: str = jws.PERMIT, key: OKPKey = SIGNER, kid: str = "p1") -> str:
    return jws.sign(claims, typ, key, kid)


def _judge(token: str, durable: Durable | None = None) -> offers.Judged:
    return offers.permit(token, KEYS, "box-1", GB, durable or Durable(), WALL_S)


def test_a_permit_in_order_is_accepted() -> None:
    """BOX-08: the box decides alone, on a signed permit."""
    judged = _judge(_sign(permit()))
    assert judged.happening == PermitAccepted(permit())
    assert judged.notes == ()
    assert judged.response is not None
    assert (judged.response.id, judged.response.ok, judged.response.code) == ("HW-1", True, "accepted")


def _tampered() -> str:
    head, _body, signature = _sign(permit()).split(".")
    other = _sign(permit("HW-2")).split(".")[1]
    return f"{head}.{other}.{signature}"


def _unsigned() -> str:
    import base64
    import json

    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": jws.PERMIT, "kid": "p1"}).encode()).rstrip(b"=")
    return f"{head.decode()}.{_sign(permit()).split('.')[1]}."


def _approvals(**changes: object) -> tuple[object, ...]:
    first, second = permit().approvals
    return (first, replace(second, **changes))


UNREADABLE = ("number that", "one approval", "lease for ever")
"""Claims that do not even read as a permit, so nobody knows which one it was."""


def _refused(judged: offers.Judged, kind: str, number: str, code: str, wording: Wording) -> None:
    """Nothing happens; the refusal is written down and answered, both with what was expected and what came."""
    assert judged.happening is None
    response = judged.response
    assert response is not None
    wording.check(response.detail)
    assert response == Response(number, kind, ok=False, code=code, detail=response.detail)
    (note,) = judged.notes
    data = note.data
    assert list(data) == ["code", "field", "expected", "came"]
    assert response.detail.startswith(f"{data['field'] or 'input'}: expected {data['expected']}, got {data['came']}")
    assert note == Note(
        f"{kind}.refused", Category.PERMIT, Severity.WARNING, ActionResult.DENIED, ("bridge", ""), number, 0, 0, False,
        {"code": code, "field": data["field"], "expected": data["expected"], "came": data["came"]},
    )  # fmt: skip


REFUSED: list[tuple[str, Callable[[], str], str]] = [
    ("forged", lambda: _sign(permit(), key=STRANGER), "forged"),
    ("tampered", _tampered, "forged"),
    ("unsigned", _unsigned, "forged"),
    ("not a token", lambda: "hello", "forged"),
    ("unknown kid", lambda: _sign(permit(), kid="p2"), "forged"),
    ("command key", lambda: _sign(permit(), key=COMMANDER, kid="c1"), "forged"),
    ("wrong typ", lambda: _sign(permit(), typ=jws.REVOCATIONS), "wrong_type"),
    ("other box", lambda: _sign(permit(aud="box-2")), "other_box"),
    ("other issuer", lambda: _sign(permit(iss="bridge-2")), "other_issuer"),
    ("expired", lambda: _sign(permit(start_s=-3600, end_s=0)), "expired"),
    ("too long for grade 1", lambda: _sign(permit(start_s=0, end_s=8 * 3600 + 1)), "too_long"),
    ("too long for special", lambda: _sign(permit(start_s=0, end_s=9 * 3600, level=Level.SPECIAL)), "too_long"),
    ("too long for grade 2", lambda: _sign(permit(start_s=0, end_s=73 * 3600, level=Level.GRADE_2)), "too_long"),
    ("window upside down", lambda: _sign(permit(start_s=60, end_s=60)), "invalid"),
    ("other work", lambda: _sign(permit(work="work_at_height")), "other_work"),
    ("other rules", lambda: _sign(permit(rules="SIMULATION")), "other_rules"),
    ("same approver twice", lambda: _sign(permit(approvals=_approvals(by="boss"))), "invalid"),
    ("approver works on it", lambda: _sign(permit(approvals=_approvals(by="guardian"))), "invalid"),
    ("approval of other content", lambda: _sign(permit(approvals=_approvals(content_sha256="cd" * 32))), "invalid"),
    ("one approval", lambda: _sign(permit(approvals=permit().approvals[:1])), "invalid"),
    ("no guardian", lambda: _sign(permit(people=(PERFORMER, replace(PERFORMER, id="p2", badge=9)))), "invalid"),
    ("performer guards too", lambda: _sign(permit(people=(PERFORMER, replace(GUARDIAN, id="performer")))), "invalid"),
    ("one badge for two", lambda: _sign(permit(people=(PERFORMER, replace(GUARDIAN, badge=1001)))), "invalid"),
    ("text that is not NFC", lambda: _sign(permit(place="cafe\u0301")), "invalid"),
    ("number that is no number", lambda: _sign(permit("HW 1\n")), "invalid"),
    ("lease for ever", lambda: _sign(permit(lease_s=86401)), "invalid"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_permit_that_does_not_stand_is_refused_by_name(
    make: Callable[[], str], code: str, wording: Wording
) -> None:
    """BOX-08, PTW-07, PTW-03: and the refusal is an event."""
    unread = code in ("forged", "wrong_type") or any(name in wording.case for name in UNREADABLE)
    _refused(_judge(make()), "permit", "" if unread else "HW-1", code, wording)


@pytest.mark.parametrize("level", list(Level))
def test_the_longest_window_of_each_level_is_accepted(level: Level) -> None:
    """GB 30871-2022 5.1.5: 8, 8, 72 hours."""
    hours = {Level.SPECIAL: 8, Level.GRADE_1: 8, Level.GRADE_2: 72}[level]
    assert _judge(_sign(permit(start_s=0, end_s=hours * 3600, level=level))).happening is not None


@pytest.mark.parametrize("field", ["revoked", "void", "finished"])
def test_a_permit_that_is_over_is_refused(field: str, wording: Wording) -> None:
    _refused(_judge(_sign(permit()), Durable(**{field: ("HW-1",)})), "permit", "HW-1", "revoked", wording)


def test_offering_a_held_permit_again_is_the_same_acceptance_without_an_event() -> None:
    """It is republished until the box's acceptance has arrived."""
    held = Durable(permits=(permit(),))
    for again in (permit(), permit(as_of=WALL_S, iat=WALL_S)):
        judged = _judge(_sign(again), held)
        assert judged == offers.Judged(None, (), Response("HW-1", "permit", ok=True, code="accepted"))


@pytest.mark.parametrize(
    "changes",
    [{"content_sha256": "cd" * 32}, {"end_s": 5 * 3600}, {"lease_s": 60}, {"place": "elsewhere"},
     {"people": (PERFORMER, Person("other", "吴", Role.GUARDIAN, 1009))}],
    ids=str,
)  # fmt: skip
def test_a_held_permit_cannot_be_altered(changes: dict[str, object], wording: Wording) -> None:
    """GB 30871-2022 4.18, 4.16: other content, people or end is a new permit."""
    altered = permit(**changes)  # type: ignore[arg-type]
    approvals = tuple(replace(a, content_sha256=altered.content_sha256) for a in altered.approvals)
    judged = _judge(_sign(replace(altered, approvals=approvals)), Durable(permits=(permit(),)))
    assert judged.happening is None
    assert judged.response is not None
    assert (judged.response.ok, judged.response.code) == (False, "invalid")
    wording.check(judged.response.detail)


def test_what_is_written_of_a_refusal_has_an_end() -> None:
    """The log and the answer are small; what was altered may be long."""
    approvals = tuple(replace(approval, name="赵" * 40, office="安" * 40) for approval in permit().approvals)
    held = Durable(permits=(permit(approvals=approvals[:1] * 2),))
    judged = _judge(_sign(permit(approvals=approvals)), held)
    assert judged.response is not None
    assert len(judged.response.detail) == 400
    assert [len(judged.notes[0].data[name]) for name in ("expected", "came")] == [200, 200]


@pytest.mark.parametrize(("hours", "more_s", "passes"), [(8, 0, True), (8, 1, False), (24, 0, True), (24, 1, False)])
def test_inside_a_confined_space_the_shorter_window_counts(hours: int, more_s: int, passes: bool) -> None:
    """GB 30871-2022 6.10: a grade 2 permit for a confined space ends with the space's own hours."""
    inside_h = GB.confined_validity_h.value
    level = Level.GRADE_2 if hours == 24 else Level.GRADE_1
    longest = min(inside_h, hours if level is Level.GRADE_1 else 72)
    claims = permit(start_s=0, end_s=longest * 3600 + more_s, level=level, confined=True)
    judged = _judge(_sign(claims))
    assert (judged.happening is not None) is passes
    if not passes:
        assert judged.response is not None
        assert judged.response.code == "too_long"


@pytest.mark.parametrize(
    ("window_s", "said"),
    [(86_401, "24 h 1 s"), (90_000, "25 h"), (259_016, "71 h 56 min 56 s"), (86_460, "24 h 1 min")],
)
@pytest.mark.parametrize(("level", "confined"), [(Level.GRADE_1, False), (Level.GRADE_2, True)])
def test_a_window_that_is_too_long_is_told_to_the_second(
    window_s: int, said: str, level: Level, confined: bool
) -> None:
    """One second over the limit reads as more than the limit."""
    judged = _judge(_sign(permit(start_s=0, end_s=window_s, level=level, confined=confined)))
    assert judged.notes[0].data["came"].endswith(f", {said}")


def test_the_hours_of_a_confined_space_are_named(wording: Wording) -> None:
    claims = permit(start_s=0, end_s=72 * 3600, level=Level.GRADE_2, confined=True)
    _refused(_judge(_sign(claims)), "permit", "HW-1", "too_long", wording)


def test_a_full_box_says_so(wording: Wording) -> None:
    held = Durable(permits=tuple(permit(f"N-{number}") for number in range(16)))
    _refused(_judge(_sign(permit()), held), "permit", "HW-1", "full", wording)


def test_there_is_room_for_a_sixteenth_permit_and_in_the_place_of_those_that_are_over() -> None:
    held = Durable(permits=tuple(permit(f"N-{number}") for number in range(15)))
    assert _judge(_sign(permit()), held).happening is not None
    over = replace(held, permits=(*held.permits, permit("N-15")), finished=("N-15",))
    assert _judge(_sign(permit()), over).happening is not None


def test_a_huge_token_is_refused(wording: Wording) -> None:
    _refused(_judge("a" * 40_000), "permit", "", "invalid", wording)


# --- revocations


def _list(rev: int, *revoked: str, as_of: int = WALL_S, **changes: str) -> Revocations:
    return replace(Revocations("bridge-1", "box-1", rev, as_of, revoked), **changes)


def _judge_list(claims: Revocations, durable: Durable, *, typ: str = jws.REVOCATIONS, kid: str = "p1") -> offers.Judged:
    return offers.revocations(jws.sign(claims, typ, SIGNER, kid), KEYS, "box-1", durable)


HELD = Durable(revision=5, revoked=("HW-9",), as_of=WALL_S - 60)


@pytest.mark.parametrize(
    ("claims", "accepted"),
    [(_list(6), True), (_list(6, "HW-9"), True), (_list(5, "HW-9"), True), (_list(5, "HW-9", as_of=WALL_S - 61), False),
     (_list(5), False), (_list(4, "HW-9"), False), (_list(6, aud="box-2"), False), (_list(6, iss="bridge-2"), False)],
    ids=str,
)  # fmt: skip
def test_a_revocation_list_only_rises(claims: Revocations, accepted: bool, wording: Wording) -> None:
    """The same number renews the lease only with a newer `as_of`; an older list is a replay."""
    judged = _judge_list(claims, HELD)
    if accepted:
        answer = Response(str(claims.rev), "revocations", ok=True, code="accepted")
        assert judged == offers.Judged(Revoked(claims), (), answer)
    elif claims.as_of < HELD.as_of:
        assert judged == offers.Judged(None, (), None)
    else:
        code = {"box-2": "other_box", "bridge-2": "other_issuer"}
        _refused(judged, "revocations", "", code.get(claims.aud, code.get(claims.iss, "invalid")), wording)


def test_the_same_list_again_is_no_news() -> None:
    assert _judge_list(_list(5, "HW-9", as_of=WALL_S - 60), HELD) == offers.Judged(None, (), None)


def test_a_permit_cannot_pose_as_a_revocation_list(wording: Wording) -> None:
    _refused(_judge_list(_list(6), HELD, typ=jws.PERMIT), "revocations", "", "wrong_type", wording)


def test_a_revocation_list_is_not_signed_with_the_key_of_commands(wording: Wording) -> None:
    token = jws.sign(_list(6), jws.REVOCATIONS, COMMANDER, "c1")
    _refused(offers.revocations(token, KEYS, "box-1", HELD), "revocations", "", "forged", wording)


# --- commands


def _command(verb: Verb, **changes: object) -> Command:
    return replace(Command("bridge-1", "box-1", "c-1", verb, WALL_S, WALL_S + 60, "HW-1", 0, "wind"), **changes)


def _obey(claims: Command, seen: set[str], key: OKPKey = COMMANDER, kid: str = "c1") -> offers.Judged:
    return offers.command(jws.sign(claims, jws.COMMAND, key, kid), KEYS, "box-1", seen, WALL_S)


@pytest.mark.parametrize(
    ("verb", "expected"),
    [(Verb.SUSPEND, Suspended("HW-1", "wind", void=False)), (Verb.VOID, Suspended("HW-1", "wind", void=True)),
     (Verb.IDENTIFY, IdentifyAsked())],
)  # fmt: skip
def test_commands_may_tighten_and_identify_and_nothing_else(verb: Verb, expected: Happening) -> None:
    note = Note(
        "cli.command", Category.CLI, Severity.WARNING, ActionResult.OK, ("bridge", "bridge-1"), "HW-1", 0, 0, False,
        {"verb": verb.value, "id": "c-1", "reason": "wind"},
    )  # fmt: skip
    answer = Response("c-1", "command", ok=True, code="done")
    assert _obey(_command(verb), {"c-0"}) == offers.Judged(expected, (note,), answer)
    assert {verb.value for verb in Verb} == {"suspend", "void", "identify", "resend"}


def test_what_the_box_cannot_do_is_refused_and_not_called_done(wording: Wording) -> None:
    _refused(_obey(_command(Verb.RESEND), set()), "command", "c-1", "not_available", wording)


def test_a_box_that_is_asked_to_show_itself_does_so_for_thirty_seconds() -> None:
    bench = Bench().prepare()
    step = bench.step(IdentifyAsked())
    shown = view._countdowns(step.facts, step.verdicts)
    assert [(one.what, one.subject, one.total_ms) for one in shown] == [("identify", "box-1", 30_000)]
    step = bench.run(30)
    assert not view._countdowns(step.facts, step.verdicts)


def test_a_command_is_obeyed_once() -> None:
    judged = _obey(_command(Verb.VOID), {"c-1"})
    assert judged == offers.Judged(None, (), Response("c-1", "command", ok=True, code="done"))


@pytest.mark.parametrize(
    ("claims", "key", "kid", "code"),
    [(_command(Verb.SUSPEND, exp=WALL_S), COMMANDER, "c1", "expired"),
     (_command(Verb.SUSPEND, aud="box-2"), COMMANDER, "c1", "other_box"),
     (_command(Verb.SUSPEND, iss="x"), COMMANDER, "c1", "other_issuer"),
     (_command(Verb.SUSPEND, reason="cafe\u0301"), COMMANDER, "c1", "invalid"),
     (_command(Verb.SUSPEND), SIGNER, "p1", "forged"),
     (_command(Verb.SUSPEND), STRANGER, "c1", "forged")],
    ids=["expired", "other box", "other issuer", "not NFC", "permit key", "forged"],
)  # fmt: skip
def test_a_command_that_does_not_stand_is_refused(
    claims: Command, key: OKPKey, kid: str, code: str, wording: Wording
) -> None:
    number = "" if code == "forged" else "c-1"
    _refused(_obey(claims, set(), key, kid), "command", number, code, wording)


def test_a_command_holds_until_its_last_second() -> None:
    assert _obey(_command(Verb.VOID, exp=WALL_S + 1), set()).happening is not None


def test_a_permit_holds_until_its_last_second() -> None:
    assert _judge(_sign(permit(start_s=-60, end_s=1))).happening is not None


# --- key files


def test_a_box_takes_public_keys_only(tmp_path: Path, wording: Wording) -> None:
    path = tmp_path / "permit_keys.json"
    path.write_bytes(msgspec.json.encode({"keys": [{**SIGNER.as_dict(private=False), "kid": "p1"}]}))
    keys = offers.load_keys(path)
    assert jws.verify(_sign(permit()), jws.PERMIT, keys, PermitClaims) == permit()
    path.write_bytes(msgspec.json.encode({"keys": [{**SIGNER.as_dict(private=True), "kid": "p1"}]}))
    with pytest.raises(ContractError) as caught:
        offers.load_keys(path)
    wording.check(caught.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"\xff", b'{"keys":[]}', b'{"keys":[{"kty":"OKP"}]}', b'{"keys":[{"kid":"a","kty":"oct","k":"AA"}]}'],
    ids=["empty", "no keys", "no text", "not one key", "no kid", "a secret"],
)
def test_a_key_file_that_holds_something_else_is_refused(tmp_path: Path, body: bytes, wording: Wording) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(body)
    with pytest.raises(ContractError) as caught:
        offers.load_keys(path)
    wording.check(caught.value)
