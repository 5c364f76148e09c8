"""The screen's answer to a permit that was handed in: an acceptance that the bridge can verify, or why it was refused."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.acceptance import Expected, verify
from contracts.checkpoint import note_key
from contracts.topics import Response
from edge.audit.keys import KeyFile
from edge.interlock.state import Durable
from edge.kiosk.answers import PermitAnswers
from tests.edge.interlock.bench import permit

KEY = Ed25519PrivateKey.generate()
ORIGIN = "hotbox.example/box-1/1"
NOW_S = 1_800_000_000
FIRST = msgspec.structs.replace(permit(), jti="HW-1", iat=NOW_S - 600)
SECOND = msgspec.structs.replace(permit(), jti="HW-2", iat=NOW_S - 60)
BOTH = Durable(permits=(FIRST, SECOND))


@pytest.fixture
def answers():
    return PermitAnswers("box-1", ORIGIN, KEY)


def ok(number):
    return Response(number, "permit", ok=True, code="accepted")


def no(number, code="forged"):
    return Response(number, "permit", ok=False, code=code)


def test_the_acceptance_verifies_with_the_key_that_the_bridge_knows(answers):
    """PTW-09: box, permit and content are bound by the signature."""
    answers.judged(ok("HW-1"), NOW_S)
    shown = answers.view(BOTH, NOW_S)
    assert shown.accepted == "HW-1"
    expected = Expected("box-1", "HW-1", FIRST.content_sha256, FIRST.iat)
    assert verify(shown.receipt, note_key(ORIGIN, KEY), expected, NOW_S).iat == NOW_S
    assert (shown.code, shown.refused, shown.refused_t) == ("", "", 0)


def test_it_is_signed_once_and_not_with_every_status(answers):
    answers.judged(ok("HW-1"), NOW_S)
    assert answers.view(BOTH, NOW_S + 500).receipt == answers.view(BOTH, NOW_S).receipt
    other = Durable(permits=(msgspec.structs.replace(FIRST, content_sha256="c" * 64),))
    assert answers.view(other, NOW_S).receipt != answers.view(BOTH, NOW_S).receipt


def test_a_permit_that_is_handed_in_again_is_answered_again(answers):
    answers.judged(ok("HW-2"), NOW_S)
    answers.judged(ok("HW-1"), NOW_S)
    assert answers.view(BOTH, NOW_S).accepted == "HW-1"


def test_after_a_restart_the_one_issued_last_is_shown(answers):
    assert answers.view(BOTH, NOW_S).accepted == "HW-2"


@pytest.mark.parametrize("over", ["finished", "void", "revoked"])
def test_what_is_over_is_no_answer(answers, over):
    answers.judged(ok("HW-1"), NOW_S)
    left = msgspec.structs.replace(BOTH, **{over: ("HW-1",)})
    assert answers.view(left, NOW_S).accepted == "HW-2"
    none = msgspec.structs.replace(BOTH, **{over: ("HW-1", "HW-2")})
    assert (answers.view(none, NOW_S).accepted, answers.view(none, NOW_S).receipt) == ("", "")


def test_what_was_answered_but_is_not_held_is_not_confirmed(answers):
    """Fail safe: the word of the kernel counts, not that of the answer."""
    answers.judged(ok("HW-9"), NOW_S)
    assert answers.view(Durable(), NOW_S).receipt == ""


def test_a_refusal_stands_until_the_next_acceptance_and_takes_nothing_back(answers):
    answers.judged(ok("HW-1"), NOW_S)
    answers.judged(no("HW-3", "expired"), NOW_S + 5)
    shown = answers.view(BOTH, NOW_S + 6)
    assert (shown.refused, shown.code, shown.refused_t) == ("HW-3", "expired", (NOW_S + 5) * 1000)
    assert shown.accepted == "HW-1"
    answers.judged(None, NOW_S + 7)
    assert answers.view(BOTH, NOW_S + 7).code == "expired"
    answers.judged(ok("HW-2"), NOW_S + 8)
    assert answers.view(BOTH, NOW_S + 8).code == ""


def test_another_key_is_another_box(answers):
    answers.judged(ok("HW-1"), NOW_S)
    other = PermitAnswers("box-1", ORIGIN, Ed25519PrivateKey.generate())
    assert other.view(BOTH, NOW_S).receipt != answers.view(BOTH, NOW_S).receipt


def test_after_a_change_of_key_the_new_one_signs_and_what_was_shown_stays(tmp_path):
    """The acceptance names the key of its moment: the one before still verifies what it signed."""
    key = KeyFile.open(tmp_path / "log_key.pem")
    old = note_key(ORIGIN, key)
    answers = PermitAnswers("box-1", ORIGIN, key)
    answers.judged(ok("HW-1"), NOW_S)
    first = answers.view(BOTH, NOW_S).receipt
    key.settle(key.prepare().public_key().public_bytes_raw())
    assert answers.view(BOTH, NOW_S).receipt == first
    answers.judged(ok("HW-2"), NOW_S)
    second = answers.view(BOTH, NOW_S).receipt
    for receipt, signer, held in ((first, old, FIRST), (second, note_key(ORIGIN, key), SECOND)):
        expected = Expected("box-1", held.jti, held.content_sha256, held.iat)
        assert verify(receipt, signer, expected, NOW_S).permit == held.jti


def test_a_key_that_changes_while_it_signs_signs_once_more():
    """The log's thread may change it between the name and the signature."""
    keys = [KEY, Ed25519PrivateKey.generate()]

    class Changing:
        def public_key(self):
            return keys[0].public_key()

        def sign(self, data):
            if len(keys) == 2:
                keys.pop(0)
            return keys[0].sign(data)

    answers = PermitAnswers("box-1", ORIGIN, Changing())
    answers.judged(ok("HW-1"), NOW_S)
    expected = Expected("box-1", "HW-1", FIRST.content_sha256, FIRST.iat)
    assert verify(answers.view(BOTH, NOW_S).receipt, note_key(ORIGIN, keys[0]), expected, NOW_S).permit == "HW-1"
