"""Enrolment at the box: from files and from its camera; what is kept is sealed, and nobody's but this box's."""

import asyncio
import json
import os
import shutil
import stat
import time
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from contracts.errors import ContractError
from edge.config import Vision
from edge.vision.cli import enrol_command
from edge.vision.enrol import enrol, enrol_from_camera
from edge.vision.templates import TemplateStore
from faces import seal
from faces.keyfile import make_key, read_key
from faces.refusals import EnrolmentRefusedError, Refusal
from faces.templates import Template, pack, unpack
from firmware_sim.camera import compose
from tests.edge.presence.box import box

ROWS = np.random.default_rng(1).normal(0, 0.1, (3, 128)).astype(np.float32)


@pytest.fixture
def own(tmp_path):
    """A box where nobody is enrolled."""
    return box(tmp_path)


def picture(path, people):
    cv2.imwrite(str(path), np.clip(compose(people) * 255, 0, 255).astype(np.uint8))
    return path


def own_folder(boxed):
    return Path(boxed.vision.templates)


def store_of(boxed, engine):
    return TemplateStore(own_folder(boxed), engine, boxed.template_key)


def template(made_by, person="p", rows=ROWS, **changes):
    """A template of made-up vectors."""
    whole = Template(2, person, made_by.name, made_by.model_sha256, pack(rows), int(time.time()))
    return msgspec.structs.replace(whole, **changes)


def refused(boxed, person, pictures, engine):
    with pytest.raises(EnrolmentRefusedError) as error:
        enrol(boxed, person, pictures, engine)
    return error.value


def test_enrolled_person_is_kept_as_vectors_only_for_the_owner(own, engine, stills):
    """BOX-01"""
    done = enrol(own, "performer", stills("performer"), engine)
    store = store_of(own, engine)
    kept = store.load("performer")
    assert (done.stills, kept.engine, kept.model_sha256) == (5, engine.name, engine.model_sha256)
    assert unpack(kept).shape == (5, 128)
    assert 0 < done.spread < 0.5
    file = store.path("performer")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.stat().st_size < 8000
    assert [path.name for path in file.parent.iterdir()] == ["performer.face"]
    assert not any(vector[:8] in file.read_bytes() for vector in kept.vectors)


def test_key_lies_outside_the_templates_folder(own, engine, stills):
    enrol(own, "performer", stills("performer", 3), engine)
    key = Path(own.template_key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert own_folder(own) not in key.parents
    assert seal.head((own_folder(own) / "performer.face").read_bytes()).key == seal.key_id(read_key(str(key)))


def test_file_that_is_no_picture_is_refused(own, engine, stills, tmp_path):
    (tmp_path / "x.jpg").write_text("no picture")
    for broken in (tmp_path / "x.jpg", tmp_path / "missing.jpg"):
        error = refused(own, "p", [*stills("performer", 2), broken], engine)
        assert (error.why, broken.name in error.en) == (Refusal.UNREADABLE, True)


def test_refused_enrolment_writes_nothing(own, engine, stills, tmp_path):
    """BOX-03"""
    nobody = picture(tmp_path / "wall.png", [])
    assert refused(own, "p", [*stills("performer", 2), nobody], engine).why is Refusal.NO_FACE
    assert refused(own, "p", [*stills("performer", 2), *stills("guardian", 1)], engine).why is Refusal.DISAGREE
    assert refused(own, "p", stills("performer", 2), engine).why is Refusal.COUNT
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
    assert unpack(store_of(own, engine).load("performer")).shape == (4, 128)


@pytest.mark.parametrize("person", ["../performer", "", ".hidden", "a/b", "x" * 65, "a@b", "a\n"])
def test_id_that_leaves_the_folder_is_refused(own, engine, stills, person):
    with pytest.raises(ContractError, match="person"):
        enrol(own, person, stills("performer"), engine)


def test_person_is_enrolled_from_the_camera(empty_site, engine, tmp_path):
    url = box(empty_site.directory).vision.camera
    boxed = box(tmp_path, vision=Vision(url, str(tmp_path / "templates")))
    empty_site.set("camera", "performer")
    done = enrol_from_camera(boxed, "performer", 3, engine)
    assert (done.stills, done.spread < 0.5) == (3, True)


async def test_person_is_enrolled_while_vision_holds_the_camera(site, vision, engine, tmp_path):
    """Its pictures come from vision then: a camera has one reader."""
    running = box(site.directory)
    boxed = box(tmp_path, run=running.run, vision=Vision("http://127.0.0.1:1/", str(tmp_path / "templates")))
    site.set("camera", "performer")
    done = await asyncio.to_thread(enrol_from_camera, boxed, "performer", 3, engine)
    assert done.stills == 3
    assert store_of(boxed, engine).vectors("performer").shape == (3, 128)


def test_camera_without_a_good_face_says_what_was_wrong(empty_site, engine, tmp_path, monkeypatch):
    monkeypatch.setattr("edge.vision.enrol.CAMERA_WAIT_S", 1.5)
    url = box(empty_site.directory).vision.camera
    boxed = box(tmp_path, vision=Vision(url, str(tmp_path / "templates")))
    empty_site.set("camera", "performer,guardian")
    with pytest.raises(EnrolmentRefusedError) as error:
        enrol_from_camera(boxed, "performer", 3, engine)
    assert (error.value.why, "2 faces" in error.value.en) == (Refusal.CAMERA, True)


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.replace(b'"version":2', b'"version":3'),
        lambda content: content.replace(b'"person":"p"', b'"person":"q"'),
        lambda content: content[:-1],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda _: b"",
        lambda _: b"[]",
    ],
    ids=["version", "person", "shortened", "changed", "empty", "something else"],
)
def test_file_that_is_not_what_was_sealed_is_not_used(own, engine, change, caplog):
    """BOX-01"""
    store = store_of(own, engine)
    path = store.save(template(engine))
    good = path.read_bytes()
    path.write_bytes(change(good))
    fresh = store_of(own, engine)
    assert fresh.vectors("p") is None
    assert fresh.vectors("p") is None
    assert len(caplog.records) == 1
    path.with_suffix(".new").write_bytes(good)
    path.with_suffix(".new").chmod(0o600)
    path.with_suffix(".new").replace(path)
    assert fresh.vectors("p").shape == (3, 128)


@pytest.mark.parametrize("change", [{"engine": "other"}, {"model_sha256": "0" * 64}], ids=str)
def test_template_of_another_engine_is_not_used(own, engine, change):
    """BOX-01: vectors of two engines do not mix."""
    store = store_of(own, engine)
    store.save(template(engine, **change))
    assert store.vectors("p") is None
    [entry] = store.entries()
    assert (entry.usable, "enrol the person again" in entry.why) == (False, True)


def test_file_under_another_name_is_not_used(own, engine):
    """BOX-03, ANT-01: neither for another person nor beyond its permit."""
    store = store_of(own, engine)
    path = store.save(template(engine, permit="HW-1"))
    for name in ("q.face", "p.face", "p@HW-2.face", "q@HW-1.face"):
        shutil.copy(path, path.with_name(name))
    assert {(entry.person, entry.permit) for entry in store.entries() if entry.usable} == {("p", "HW-1")}


def test_template_that_others_can_read_is_not_used(own, engine):
    store = store_of(own, engine)
    store.save(template(engine)).chmod(0o644)
    assert store.vectors("p") is None


def test_template_is_used_again_once_its_key_is_back(own, engine, tmp_path):
    store = store_of(own, engine)
    store.save(template(engine))
    key = Path(own.template_key)
    key.rename(tmp_path / "away")
    assert store.vectors("p") is None
    make_key(str(key))
    assert store.vectors("p") is None
    (tmp_path / "away").replace(key)
    assert store.vectors("p").shape == (3, 128)


def test_the_deciding_permits_template_counts_then_the_standing_one(own, engine):
    """BOX-01, PTW-07: what came for another permit serves none, whenever it says that it was made."""
    store = store_of(own, engine)
    store.save(template(engine, rows=np.vstack([ROWS, ROWS[:1]]), created=100))
    store.save(template(engine, permit="HW-1", created=200))
    store.save(template(engine, permit="HW-2", rows=np.vstack([ROWS, ROWS[:2]]), created=9_000_000_000, expires=1000))
    assert len(store.vectors("p")) == 4
    assert len(store.vectors("p", "HW-1")) == 3
    assert len(store.vectors("p", "HW-3")) == 4
    assert len(store.vectors("p", "HW-2", now_s=999)) == 5
    assert len(store.vectors("p", "HW-2", now_s=1000)) == 4, "expired to the second"
    store.remove("p", "")
    assert store.vectors("p", "HW-3") is None
    assert store.vectors("p") is None
    assert store.people() == ["p"]


def test_one_person_is_not_another_whose_id_begins_the_same(own, engine):
    """BOX-03"""
    store = store_of(own, engine)
    store.save(template(engine, "li-2"))
    assert store.vectors("li") is None
    assert store.remove("li") == []
    assert store.people() == ["li-2"]


def test_template_of_a_permit_is_deleted_when_it_ends(own, engine):
    store = store_of(own, engine)
    store.save(template(engine))
    store.save(template(engine, "g", permit="HW-1"))
    store.save(template(engine, "g", permit="HW-2", expires=1000))
    assert store.purge(999) == []
    assert [(gone.person, gone.permit) for gone in store.purge(1000)] == [("g", "HW-2")]
    assert store.purge(1000, ("HW-1",)) == []
    assert [(gone.person, gone.permit) for gone in store.purge(1000, ())] == [("g", "HW-1")]
    assert [path.name for path in own_folder(own).iterdir()] == ["p.face"]


def test_what_a_power_cut_left_of_a_template_goes_and_what_is_being_written_stays(own, engine):
    """PTW-07: it would outlive every permit."""
    store = store_of(own, engine)
    path = store.save(template(engine))
    for name, age_s in ((".new-old", 3600), (".new-ahead", -3600), (".new-young", 1)):
        left = path.with_name(name)
        left.write_bytes(path.read_bytes())
        os.utime(left, (time.time() - age_s,) * 2)
    assert store.purge(time.time()) == []
    assert sorted(each.name for each in own_folder(own).iterdir()) == [".new-young", "p.face"]


PLAIN = ("version", "person", "engine", "model_sha256", "vectors", "created")


def plain_file(boxed, engine, person="p"):
    """A file as versions before sealing wrote it."""
    folder = own_folder(boxed)
    folder.mkdir(exist_ok=True)
    whole = msgspec.to_builtins(template(engine, person, version=1))
    path = folder / f"{person}.face"
    path.write_text(json.dumps({key: whole[key] for key in PLAIN}))
    path.chmod(0o600)
    return path


def test_plain_file_is_refused_until_it_is_sealed(own, engine, caplog):
    """BOX-01"""
    path = plain_file(own, engine)
    store = store_of(own, engine)
    assert store.vectors("p") is None
    assert "hotbox enrol --migrate" in caplog.text
    assert store.migrate() == ["p"]
    assert store.migrate() == []
    assert (store.vectors("p") == ROWS).all()
    assert seal.is_sealed(path.read_bytes())


def test_plain_file_of_somebody_else_is_not_sealed(own, engine):
    plain_file(own, engine).rename(own_folder(own) / "q.face")
    with pytest.raises(ContractError, match="somebody else"):
        store_of(own, engine).migrate()


# --- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def command(own, monkeypatch):
    app = typer.Typer()
    app.command()(enrol_command)
    monkeypatch.setattr("edge.vision.cli.load", lambda _: own)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_command_enrols_and_says_so(command, stills):
    pictures = [word for path in stills("performer", 3) for word in ("--still", path)]
    done = command("performer", *pictures, "--json")
    assert (done.exit_code, json.loads(done.stdout)["stills"]) == (0, 3)


def test_command_refuses_with_the_reason_in_both_languages(command, stills):
    done = command("performer", "--still", stills("performer")[0])
    assert done.exit_code == 1
    assert "3 至 5" in done.output
    assert "3 to 5" in done.output


def test_command_lists_and_removes(command, stills, own):
    pictures = [word for path in stills("performer", 3) for word in ("--still", path)]
    assert command("--list").output == "尚无人登记\nnobody is enrolled\n"
    assert command("performer", *pictures).exit_code == 0
    shown = command("--list")
    assert "✔ performer" in shown.output
    [entry] = json.loads(command("--list", "--json").stdout)
    assert (entry["person"], entry["usable"], "vectors" in entry) == ("performer", True, False)
    assert command("--remove", "performer").exit_code == 0
    assert list(own_folder(own).iterdir()) == []
    gone = command("--remove", "performer")
    assert (gone.exit_code, "--list" in gone.output) == (2, True)


def test_command_seals_plain_files(command, own, engine):
    plain_file(own, engine)
    assert "✘ p" in command("--list").output
    assert json.loads(command("--migrate", "--json").stdout) == ["p"]
    assert "✔ p" in command("--list").output


@pytest.mark.parametrize("words", [(), ("p", "--list"), ("--list", "--migrate"), ("p", "--remove", "p")])
def test_command_does_one_thing_at_a_time(command, words):
    done = command(*words)
    assert (done.exit_code, "one at a time" in done.output) == (2, True)
