"""Enrolment: 3 to 5 stills of one person and nobody else, or a reason in both languages and nothing written."""

import json
import shutil
import stat

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from contracts.errors import ContractError
from edge.config import Vision
from edge.vision.cli import enrol_command
from edge.vision.enrol import EnrolmentRefusedError, Refusal, enrol, enrol_from_camera
from edge.vision.templates import TemplateStore
from faces.templates import unpack
from firmware_sim.camera import compose
from tests.edge.presence.box import box


@pytest.fixture
def own(tmp_path):
    """A box where nobody is enrolled."""
    return box(tmp_path)


def picture(path, people):
    cv2.imwrite(str(path), np.clip(compose(people) * 255, 0, 255).astype(np.uint8))
    return path


def test_enrolled_person_is_kept_as_vectors_only_for_the_owner(own, engine, stills):
    """BOX-01"""
    done = enrol(own, "performer", stills("performer"), engine)
    store = TemplateStore(own_folder(own), engine)
    template = store.load("performer")
    assert (done.stills, template.engine, template.model_sha256) == (5, engine.name, engine.model_sha256)
    assert unpack(template).shape == (5, 128)
    assert 0 < done.spread < 0.5
    file = store.path("performer")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.stat().st_size < 8000
    assert [path.name for path in file.parent.iterdir()] == ["performer.face"]


def own_folder(boxed):
    from pathlib import Path

    return Path(boxed.vision.templates)


def refused(boxed, person, pictures, engine):
    with pytest.raises(EnrolmentRefusedError) as error:
        enrol(boxed, person, pictures, engine)
    assert error.value.en
    assert any("\u4e00" <= letter <= "\u9fff" for letter in error.value.zh)
    return error.value


@pytest.mark.parametrize("count", [0, 2, 6])
def test_fewer_than_three_or_more_than_five_stills_are_refused(own, engine, stills, count):
    assert refused(own, "p", (stills("performer") * 2)[:count], engine).why is Refusal.COUNT


def test_still_without_a_face_is_refused(own, engine, stills, tmp_path):
    nobody = picture(tmp_path / "wall.png", [])
    error = refused(own, "p", [*stills("performer", 2), nobody], engine)
    assert (error.why, "wall.png" in error.en) == (Refusal.NO_FACE, True)


def test_still_with_two_faces_is_refused(own, engine, stills, tmp_path):
    """BOX-03"""
    two = picture(tmp_path / "two.png", [("performer", 0, False), ("guardian", 0, False)])
    assert refused(own, "p", [*stills("performer", 2), two], engine).why is Refusal.TWO_FACES


def test_still_that_is_no_picture_is_refused(own, engine, stills, tmp_path):
    (tmp_path / "x.jpg").write_text("no picture")
    for broken in (tmp_path / "x.jpg", tmp_path / "missing.jpg"):
        assert refused(own, "p", [*stills("performer", 2), broken], engine).why is Refusal.UNREADABLE


def test_stills_of_two_people_are_refused(own, engine, stills):
    """BOX-03"""
    assert refused(own, "p", [*stills("performer", 2), *stills("guardian", 1)], engine).why is Refusal.DISAGREE
    assert not own_folder(own).exists()


def test_person_who_is_enrolled_already_cannot_be_somebody_else_too(own, engine, stills):
    """BOX-03, ANT-01: or one person could be performer and guardian."""
    enrol(own, "performer", stills("performer", 3), engine)
    error = refused(own, "guardian", stills("performer", 3), engine)
    assert (error.why, "performer" in error.zh) == (Refusal.SOMEBODY_ELSE, True)
    done = enrol(own, "guardian", stills("guardian", 3), engine)
    assert done.nearest == "performer"
    assert done.nearest_distance > 0.5


def test_enrolling_again_replaces(own, engine, stills):
    enrol(own, "performer", stills("performer", 3), engine)
    enrol(own, "performer", stills("performer", 4), engine)
    assert unpack(TemplateStore(own_folder(own), engine).load("performer")).shape == (4, 128)


@pytest.mark.parametrize("person", ["../performer", "", ".hidden", "a/b", "x" * 65])
def test_id_that_leaves_the_folder_is_refused(own, engine, stills, person):
    with pytest.raises(ContractError, match="person"):
        enrol(own, person, stills("performer"), engine)


def test_person_is_enrolled_from_the_camera(empty_site, engine, tmp_path):
    url = box(empty_site.directory).vision.camera
    boxed = box(tmp_path, vision=Vision(url, str(tmp_path / "templates")))
    empty_site.set("camera", "performer")
    done = enrol_from_camera(boxed, "performer", 3, engine)
    assert (done.stills, done.spread < 0.5) == (3, True)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t | {"version": 2},
        lambda t: t | {"person": "guardian"},
        lambda t: t | {"model_sha256": "0" * 64},
        lambda t: t | {"engine": "other"},
        lambda t: t | {"vectors": t["vectors"][:2]},
        lambda t: t | {"vectors": ["AAAA"] * 3},
        lambda t: t | {"vectors": ["//8=" * 171 + "/w=="] * 3},
        lambda _: [],
    ],
)
def test_template_that_is_not_this_persons_of_this_engine_is_not_used(own, engine, enrolled, change, caplog):
    """BOX-01"""
    good = own_folder(enrolled) / "performer.face"
    folder = own_folder(own)
    folder.mkdir()
    bad = folder / "performer.face"
    bad.write_text(json.dumps(change(json.loads(good.read_text()))))
    bad.chmod(0o600)
    store = TemplateStore(folder, engine)
    assert store.vectors("performer") is None
    assert store.vectors("performer") is None
    assert len(caplog.records) == 1
    shutil.copy(good, bad.with_suffix(".new"))
    bad.with_suffix(".new").replace(bad)
    bad.chmod(0o600)
    assert store.vectors("performer").shape == (5, 128)


def test_template_that_others_can_read_is_not_used(own, engine, enrolled):
    folder = own_folder(own)
    folder.mkdir()
    shutil.copy(own_folder(enrolled) / "performer.face", folder)
    (folder / "performer.face").chmod(0o644)
    assert TemplateStore(folder, engine).vectors("performer") is None


@pytest.fixture
def command(own, monkeypatch):
    app = typer.Typer()
    app.command()(enrol_command)
    monkeypatch.setattr("edge.vision.cli.load", lambda _: own)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_command_enrols_and_says_so(command, stills):
    pictures = [word for path in stills("performer", 3) for word in ("--still", path)]
    done = command("performer", *pictures, "--json")
    assert (done.exit_code, json.loads(done.output)["stills"]) == (0, 3)


def test_command_refuses_with_the_reason_in_both_languages(command, stills):
    done = command("performer", "--still", stills("performer")[0])
    assert done.exit_code == 1
    assert "3 至 5" in done.output
    assert "3 to 5" in done.output
