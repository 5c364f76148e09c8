"""`hotbox enrol` beside a running interlock: what it does to a face template is in the log before it is done."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.config import load
from edge.vision.templates import TemplateStore
from faces import loading
from faces.templates import VERSION, Template, pack
from tests.edge.cli.box import Box, make


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    yield from make()


@pytest.fixture
def store(box: Box) -> TemplateStore:
    config = load(box.config)
    made = TemplateStore(Path(config.vision.templates), loading.identity(config.vision.engine), config.template_key)
    engine = loading.identity(config.vision.engine)
    rows = pack(np.eye(3, 128, dtype=np.float32))
    made.save(Template(VERSION, "zhang", engine.name, engine.model_sha256, rows, 5))
    return made


def _enrol(box: Box, *words: str) -> Any:
    return box.hotbox("enrol", *words, "-c", str(box.config))


def _events(box: Box) -> list[dict[str, Any]]:
    lines = box.hotbox("audit", "tail", "-n", "80", "--json").stdout.splitlines()
    return [msgspec.json.decode(line) for line in lines]


def test_a_removed_template_leaves_who_did_it_and_voids_the_face(box: Box, store: TemplateStore) -> None:
    """BOX-01, ANT-09"""
    digest = store.digest("zhang", "")
    done = _enrol(box, "--remove", "zhang")
    assert done.returncode == 0, done.stderr
    assert "not running" not in done.stderr
    told = [event for event in _events(box) if event["type"] == "template.changed"][-1]
    assert (told["actor"]["k"], told["actor"]["id"]) == ("cli", str(os.getuid()))
    assert told["data"] == {"chan": "zhang", "change": "removed", "digest": digest, "uid": os.getuid()}
    assert store.people() == []


def test_nothing_is_changed_while_an_interlock_is_there_that_does_not_hear(box: Box, store: TemplateStore) -> None:
    """A socket that answers nothing is no interlock that is not running."""
    run = box.folder / "run"
    real, aside = run / "control.sock", run / "aside.sock"
    real.rename(aside)
    try:
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(str(real))
            deaf.listen()
            done = _enrol(box, "--remove", "zhang")
        assert done.returncode == 2
        assert store.people() == ["zhang"]
    finally:
        real.unlink()
        aside.rename(real)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"kind": "copied"}, "kind"), ({"person": ""}, "person"), ({"person": "a\nb"}, "person"), ({"commitment": "x"}, "commitment")],
)
def test_what_says_nothing_is_refused(box: Box, changes: dict[str, str], field: str) -> None:
    asked = {"kind": "enrolled", "person": "zhang", "commitment": "a" * 64} | changes
    with pytest.raises(AssertionError, match=f"'field': '{field}'"):
        box.ask("template_change", **asked)
