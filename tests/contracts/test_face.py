"""A face template on its way: sealed to one box for one permit and person, and small enough for one message."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contracts import jws
from contracts.errors import ContractError
from contracts.face import MAX_TEMPLATE_BYTES, FaceClaims, open_sealed, published, seal

KEY = X25519PrivateKey.generate()
BARE = FaceClaims("bridge-1", "box-1", "HW-1", "zhang", 1_790_000_000, 1_790_028_800)
replace = msgspec.structs.replace


def test_a_box_opens_what_was_sealed_to_it() -> None:
    claims = seal(b"template", BARE, published(KEY))
    assert open_sealed(claims, KEY) == b"template"
    assert b"template" not in msgspec.json.encode(claims)
    assert not claims.withdrawn
    assert BARE.withdrawn, "without a template it takes one back"


def test_it_is_another_text_each_time() -> None:
    """Nobody on the line can tell that the same person works again."""
    assert seal(b"template", BARE, published(KEY)).sealed != seal(b"template", BARE, published(KEY)).sealed


@pytest.mark.parametrize("field", ["iss", "aud", "permit", "person"])
def test_it_opens_for_no_other_box_permit_or_person(field: str) -> None:
    claims = seal(b"template", BARE, published(KEY))
    with pytest.raises(ContractError, match="sealed"):
        open_sealed(replace(claims, **{field: "other"}), KEY)


def test_another_boxs_key_opens_nothing() -> None:
    with pytest.raises(ContractError, match="sealed"):
        open_sealed(seal(b"template", BARE, published(KEY)), X25519PrivateKey.generate())


@pytest.mark.parametrize("sealed", ["", "AA", "A" * 44])
def test_what_is_no_sealing_does_not_open(sealed: str) -> None:
    with pytest.raises(ContractError, match="sealed"):
        open_sealed(replace(BARE, sealed=sealed), KEY)


@pytest.mark.parametrize("key", ["", "short", "A" * 42 + "!"])
def test_what_is_no_key_is_not_sealed_to(key: str) -> None:
    with pytest.raises(ContractError, match="key"):
        seal(b"template", BARE, key)


def test_the_largest_template_fits_one_statement_and_a_larger_one_is_refused() -> None:
    signing = jws.generate_key()
    claims = seal(bytes(MAX_TEMPLATE_BYTES), BARE, published(KEY))
    token = jws.sign(claims, jws.FACE, signing, "faces-1")
    assert len(token) <= jws.MAX_BYTES
    assert jws.verify(token, jws.FACE, {"faces-1": signing}, FaceClaims) == claims
    with pytest.raises(ContractError, match="template"):
        seal(bytes(MAX_TEMPLATE_BYTES + 1), BARE, published(KEY))


def test_a_permits_key_may_say_nothing_of_faces() -> None:
    """Told apart by type: a statement is believed by what its key may say."""
    signing = jws.generate_key()
    with pytest.raises(ContractError, match="typ"):
        jws.verify(jws.sign(BARE, jws.PERMIT, signing, "k"), jws.FACE, {"k": signing}, FaceClaims)
