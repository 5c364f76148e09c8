"""Templates at rest: nobody reads, changes or moves one without the key."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from faces import seal
from faces.templates import VERSION, Template, pack, unpack

KEY = bytes(range(32))
ROWS = np.random.default_rng(1).normal(0, 0.1, (4, 128)).astype(np.float32)
TEMPLATE = Template(VERSION, "zhang", "dlib-hog-resnet-v1", "a" * 64, pack(ROWS), 1_760_000_000, "HW-7", 1_760_003_600)


def refused(sealed, key=KEY, person="zhang"):
    with pytest.raises(ContractError) as error:
        seal.open_sealed(sealed, key, person)
    return error.value


def test_sealed_template_opens_to_what_it_was():
    """BOX-01"""
    opened = seal.open_sealed(seal.seal(TEMPLATE, KEY), KEY, "zhang")
    assert opened == TEMPLATE
    assert (unpack(opened) == ROWS).all()


def test_sealed_template_shows_no_number_of_the_face():
    sealed = seal.seal(TEMPLATE, KEY)
    assert not any(vector[:8] in sealed for vector in TEMPLATE.vectors)
    assert seal.seal(TEMPLATE, KEY) != sealed, "each sealing is another"


def test_its_head_says_whose_and_what_for_without_the_key():
    head = seal.head(seal.seal(TEMPLATE, KEY))
    assert (head.person, head.permit, head.expires, head.created) == ("zhang", "HW-7", 1_760_003_600, 1_760_000_000)
    assert (head.engine, head.model_sha256, head.key) == ("dlib-hog-resnet-v1", "a" * 64, seal.key_id(KEY))


def test_another_key_is_named_beside_the_right_one():
    other = bytes(32)
    error = refused(seal.seal(TEMPLATE, KEY), other)
    assert (error.expected, error.came) == (seal.key_id(other), seal.key_id(KEY))


def test_template_is_nobody_elses():
    """BOX-03: a file that was renamed."""
    assert refused(seal.seal(TEMPLATE, KEY), person="li").field == "person"


@pytest.mark.parametrize(
    "change",
    [{"person": "li"}, {"permit": "HW-8"}, {"permit": ""}, {"expires": 0}, {"engine": "other"},
     {"model_sha256": "b" * 64}, {"created": 1_760_000_001}],
    ids=str,
)  # fmt: skip
def test_head_that_was_rewritten_is_refused(change):
    """BOX-03, ANT-01: bound to person, engine, model and permit."""
    line, _, rest = seal.seal(TEMPLATE, KEY).partition(b"\n")
    head = msgspec.structs.replace(msgspec.json.decode(line, type=seal.Head), **change)
    error = refused(msgspec.json.encode(head) + b"\n" + rest, person=head.person)
    assert error.came == "something that was changed since"


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_single_changed_byte_opens(place, with_):
    sealed = bytearray(seal.seal(TEMPLATE, KEY))
    sealed[place % len(sealed)] ^= with_
    try:
        opened = seal.open_sealed(bytes(sealed), KEY, "zhang")
    except ContractError:
        return
    pytest.fail(f"byte {place % len(sealed)} was changed, and it opened to {opened.person}")


@pytest.mark.parametrize("length", [0, 1, 20, 300, -1])
def test_shortened_template_is_refused(length):
    refused(seal.seal(TEMPLATE, KEY)[:length])


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xd8\xff", b'{"hotbox":"face",' + b" " * 5000 + b"\n"])
def test_what_is_no_sealed_template_is_refused(content):
    refused(content)


def test_later_version_is_refused():
    line, _, rest = seal.seal(TEMPLATE, KEY).partition(b"\n")
    head = msgspec.structs.replace(msgspec.json.decode(line, type=seal.Head), version=3)
    assert refused(msgspec.json.encode(head) + b"\n" + rest).field == "version"


PLAIN = {
    "version": 1, "person": "zhang", "engine": "dlib-hog-resnet-v1", "model_sha256": "a" * 64,
    "vectors": pack(ROWS), "created": 1_700_000_000,
}  # fmt: skip


def test_plain_file_of_an_older_version_is_refused_with_what_to_do():
    assert "hotbox enrol --migrate" in refused(msgspec.json.encode(PLAIN)).hint


def test_plain_file_of_an_older_version_can_be_read_to_be_sealed():
    template = seal.open_plain(msgspec.json.encode(PLAIN))
    assert (template.version, template.person, template.permit, template.expires) == (2, "zhang", "", 0)
    assert (unpack(template) == ROWS).all()


@pytest.mark.parametrize("change", [{"version": 2}, {"vectors": []}, {"person": "../x"}, {"picture": "x"}], ids=str)
def test_plain_file_that_is_none_is_not_read(change):
    with pytest.raises(ContractError):
        seal.open_plain(msgspec.json.encode(PLAIN | change))


@pytest.mark.parametrize(
    "vectors",
    [(b"",) * 3, (b"\0" * 511,) * 3, (b"\0" * 512, b"\0" * 512, b"\0" * 516), (b"\0" * 8192,) * 3,
     (np.full(128, np.nan, "<f4").tobytes(),) * 3],
    ids=["none", "no whole number", "two lengths", "too long", "not finite"],
)  # fmt: skip
def test_vectors_that_are_none_are_refused(vectors):
    with pytest.raises(ContractError, match="enrol the person again"):
        unpack(msgspec.structs.replace(TEMPLATE, vectors=vectors))


def test_the_bridge_can_seal_without_numpy_or_opencv():
    """Its web workers hand templates on; only the enrolment's own process describes faces."""
    import subprocess
    import sys

    ask = (
        "import sys, faces.seal, faces.templates, faces.keyfile, faces.policy, faces.loading, faces.refusals;"
        "print(*(n for n in ('numpy', 'cv2', 'dlib') if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
