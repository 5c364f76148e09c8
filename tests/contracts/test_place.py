"""The screen's QR: who may have signed it, for which box, and how old it may be."""

import msgspec
import pytest

from contracts import jws, place
from contracts.errors import ContractError
from contracts.place import PlaceClaims, published, read_keys, sign, verify

KEY, OTHER = jws.generate_key(), jws.generate_key()
KEYS = read_keys(published(KEY, "box-1+k"))
NOW = 1_800_000_000
CLAIMS = PlaceClaims("box-1", NOW, "0123456789abcdef", "RELEASED", 7, "HW-1")
TOKEN = sign(CLAIMS, KEY, "box-1+k")


def _verify(token=TOKEN, keys=KEYS, **changes):
    return verify(token, keys, **{"box": "box-1", "now_s": NOW, "max_age_s": 90, **changes})


def test_a_good_token_says_box_time_state_and_permit():
    assert _verify() == CLAIMS


@pytest.mark.parametrize(("age_s", "good"), [(-5, True), (-6, False), (0, True), (90, True), (91, False)])
def test_the_age_limit_is_the_callers_and_holds_to_the_second(age_s, good):
    if good:
        assert _verify(now_s=NOW + age_s) == CLAIMS
        return
    with pytest.raises(ContractError) as refused:
        _verify(now_s=NOW + age_s)
    assert refused.value.field == "iat"


def test_another_box_proves_nothing():
    with pytest.raises(ContractError) as refused:
        _verify(box="box-2")
    assert refused.value.field == "box"


@pytest.mark.parametrize(
    ("token", "field"),
    [
        (sign(CLAIMS, OTHER, "box-1+k"), "signature"),
        (sign(CLAIMS, KEY, "box-9+k"), "kid"),
        (jws.sign(CLAIMS, jws.COMMAND, KEY, "box-1+k"), "typ"),
        (jws.sign(CLAIMS, jws.PERMIT, KEY, "box-1+k"), "typ"),
        (TOKEN[:-4] + ("AAAA" if not TOKEN.endswith("AAAA") else "BBBB"), "signature"),
        ("no token", "signature"),
        (sign(msgspec.structs.replace(CLAIMS, nonce="short"), KEY, "box-1+k"), "nonce"),
    ],
)
def test_what_is_forged_or_says_something_else_is_refused(token, field):
    """Its type is its own: a permit's or command's signature is none here, and the other way round."""
    with pytest.raises(ContractError) as refused:
        _verify(token)
    assert refused.value.field == field


def test_a_place_token_is_no_command():
    with pytest.raises(ContractError) as refused:
        jws.verify(TOKEN, jws.COMMAND, KEYS, PlaceClaims)
    assert refused.value.field == "typ"


def test_only_the_public_half_is_published():
    text = published(KEY, "box-1+k")
    assert b'"d"' not in text
    assert str(KEY.as_dict(private=True)["d"]).encode() not in text
    with pytest.raises(ContractError):
        read_keys(b"{}")


def test_a_token_fits_a_code_that_a_phone_reads():
    assert len(TOKEN) < 500
    assert place.RENEW_S == 30
