"""A commitment binds to evidence and hides it; without its salt it proves nothing (ANT-09)."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.commitment import SALT_BYTES, commit, fresh_salt, is_commitment, opens

SALT = bytes(range(SALT_BYTES))


def test_it_is_the_hash_of_its_name_the_salt_and_the_bytes() -> None:
    """Written down, so that anybody can check it with any tool, in years."""
    assert commit(SALT, b"photo") == sha256(b"hotbox-evidence-v1\n" + SALT + b"photo").hexdigest()


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_it_binds(body: bytes, other: bytes) -> None:
    made = commit(SALT, body)
    assert opens(made, SALT, body)
    assert opens(made, SALT, other) is (body == other)


def test_it_hides_the_same_bytes_look_different_each_time() -> None:
    first, second = fresh_salt(), fresh_salt()
    assert first != second
    assert commit(first, b"photo") != commit(second, b"photo")
    assert not opens(commit(first, b"photo"), second, b"photo")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_another_salt_is_none(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commit(bytes(length), b"photo")
    assert not opens(commit(SALT, b"photo"), bytes(length), b"photo")


@pytest.mark.parametrize(("text", "ok"), [("ab" * 32, True), ("AB" * 32, False), ("ab" * 31, False), ("ab" * 32 + "\n", False), ("", False)])
def test_its_form(text: str, ok: bool) -> None:
    assert is_commitment(text) is ok
