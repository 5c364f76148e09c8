"""What people are compared with: the deciding permit's template, and none that the log does not know."""

import numpy as np
import pytest

from edge.interlock.evidence import Face, TemplateUsed
from edge.vision.serving import AGAIN_US, Serving
from edge.vision.templates import TemplateStore
from faces.loading import EngineIdentity
from faces.templates import VERSION, Template, pack

ENGINE = EngineIdentity("dlib-hog-resnet-v1", "a" * 64)
ROWS = np.eye(3, 128, dtype=np.float32)


@pytest.fixture
def store(tmp_path):
    return TemplateStore(tmp_path / "faces", ENGINE, str(tmp_path / "key" / "template.key"))


def put(store, permit="", person="p", rows=ROWS, expires=0):
    store.save(Template(VERSION, person, ENGINE.name, ENGINE.model_sha256, pack(rows), 5, permit, expires))
    return store.digest(person, permit)


def served(serving, person="p"):
    """Read, told, and written down."""
    serving.vectors(person)
    for word in serving.words((person,), 10**12):
        serving.logged(word.person, word.digest)
    return serving.vectors(person)


def test_a_template_serves_once_the_log_has_it(store):
    """BOX-01, ANT-09"""
    digest = put(store)
    serving = Serving(store)
    assert serving.vectors("p") is None
    assert not serving.ready(("p", "nobody"))
    assert serving.words(("p",), 7) == [TemplateUsed(7, "p", "", digest, ENGINE.name)]
    serving.logged("p", "0" * 64)
    assert serving.vectors("p") is None, "another one is recorded"
    serving.logged("p", digest)
    assert serving.vectors("p").shape == (3, 128)
    assert serving.ready(("p", "nobody"))
    assert serving.stamped(Face(1, "p", 300, "proven", "e", "n", 5)) == Face(1, "p", 300, "proven", "e", "n", 5, digest)


def test_another_file_serves_only_after_it_was_told_and_recorded(store):
    """However it came there: an enrolment, a delivery, or a hand."""
    first = put(store)
    serving = Serving(store)
    assert served(serving) is not None
    second = put(store, rows=-ROWS)
    assert first != second
    assert serving.vectors("p") is None
    assert [word.digest for word in serving.words(("p",), 10**12 + 1)] == [second]
    store.remove("p")
    assert serving.vectors("p") is None
    assert [word.digest for word in serving.words(("p",), 10**12 + 2)] == [""], "that it went is told, too"
    assert serving.ready(("p",)), "whoever has none is not waited for"


def test_what_stands_is_told_again_and_again_for_an_interlock_that_began_anew(store):
    digest = put(store)
    serving = Serving(store)
    assert served(serving) is not None
    assert serving.words(("p",), 10**12 + AGAIN_US - 1) == []
    assert [word.digest for word in serving.words(("p",), 10**12 + AGAIN_US)] == [digest]
    serving.forget()
    assert serving.vectors("p") is None
    assert len(serving.words(("p",), 10**12 + AGAIN_US + 1)) == 1


def test_another_permit_decides_by_another_template(store):
    """PTW-07"""
    standing, scoped = put(store), put(store, "HW-1", rows=-ROWS)
    serving = Serving(store)
    serving.want("HW-1")
    assert served(serving)[0][0] == -1
    serving.want("HW-2")
    assert serving.vectors("p") is None
    assert [(word.permit, word.digest) for word in serving.words(("p",), 10**12 + 1)] == [("", standing)]
    assert standing != scoped


@pytest.mark.parametrize(("wall_s", "serves"), [(0, True), (999, True), (1000, False)])
def test_the_interlocks_clock_says_what_is_too_old_and_without_one_nothing_is(store, wall_s, serves):
    """PTW-07: vision's own clock may be anything."""
    put(store, "HW-1", expires=1000)
    serving = Serving(store)
    serving.want("HW-1", wall_s)
    assert (served(serving) is not None) is serves
