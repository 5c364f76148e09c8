"""Engines by configuration: what a site brings is loaded only under its hash, and what is missing is said.

YuNet, SFace, MobileFaceNet and MiniFASNet come from no package, so tiny networks of their shape stand in for them
(`onnx_file`). They prove the way of the files, nothing about faces.
"""

import hashlib
import importlib.util
import sys
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from contracts.errors import ContractError
from faces import loading
from faces.engine import SAME_AT, FaceBox, Landmarks, Point
from faces.engines import onnx_parts
from faces.loading import AntispoofSettings, DetectorSettings, EmbedderSettings, EngineSettings
from tests.faces import onnx_file


@pytest.fixture
def bring(tmp_path):
    """Write a file's bytes; gives its path and hash as keys."""

    def written(content, name="weights.onnx"):
        path = tmp_path / name
        path.write_bytes(content)
        return {"path": str(path), "sha256": hashlib.sha256(content).hexdigest()}

    return written


def refused(settings):
    with pytest.raises(ContractError) as error:
        loading.check(settings)
    with pytest.raises(ContractError):
        loading.load(settings)
    return error.value


def embedder(kind="sface", same_at=1.0, **keys):
    return EngineSettings(embedder=EmbedderSettings(kind=kind, same_at=same_at, **keys))


def test_default_engine_is_dlibs_and_its_identity_is_known_without_loading(engine):
    """BOX-01"""
    assert loading.identity(EngineSettings()) == (engine.name, engine.model_sha256)
    assert (engine.name, engine.length) == ("dlib-hog-resnet-v1", 128)


def test_the_68_points_are_nowhere_named():
    """Their licence excludes commercial use."""
    sources = [path.read_text(encoding="utf-8") for path in Path(onnx_parts.__file__).parents[1].rglob("*.py")]
    assert any("shape_predictor_5_face_landmarks" in source for source in sources)
    assert not any("68_face_landmarks" in source for source in sources)


def test_file_with_another_hash_is_refused_with_both_hashes(bring):
    """ANT-01"""
    meant = "0" * 64
    keys = bring(onnx_file.describer(128))
    error = refused(embedder(path=keys["path"], sha256=meant))
    assert error.field == "vision.engine.embedder.sha256"
    assert meant in str(error)
    assert keys["sha256"] in str(error)


def test_file_that_was_changed_by_one_bit_is_refused(bring):
    content = onnx_file.describer(128)
    keys = bring(content)
    changed = bytearray(content)
    changed[-1] ^= 1
    Path(keys["path"]).write_bytes(changed)
    assert refused(embedder(**keys)).field == "vision.engine.embedder.sha256"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sha256": ""}, "vision.engine.embedder.sha256"),
        ({"path": ""}, "vision.engine.embedder.path"),
        ({"path": "/nowhere/weights.onnx"}, "vision.engine.embedder.path"),
        ({"same_at": None}, "vision.engine.embedder.same_at"),
        ({"kind": "dlib"}, "vision.engine.embedder.path"),
    ],
)
def test_what_is_missing_or_too_much_is_named(bring, change, field):
    keys = {"kind": "sface", "same_at": 1.0, **bring(onnx_file.describer(128)), **change}
    assert refused(EngineSettings(embedder=EmbedderSettings(**keys))).field == field


PARTS = pytest.mark.parametrize("part", ["detector", "embedder", "antispoof"])


def with_part(part, **keys):
    """Settings of which one part is the site's own."""
    return {
        "detector": lambda: EngineSettings(detector=DetectorSettings(kind="yunet", **keys)),
        "embedder": lambda: embedder("mobilefacenet", **keys),
        "antispoof": lambda: EngineSettings(antispoof=(AntispoofSettings(**keys),)),
    }[part]()


@PARTS
def test_file_that_is_no_network_is_refused(bring, part):
    with pytest.raises(ContractError, match="a network that this runtime reads"):
        loading.load(with_part(part, **bring(b"no network at all")))


@PARTS
def test_file_without_a_hash_is_refused_with_the_one_it_has(bring, part):
    """ANT-01: a path alone would load whatever lies there tomorrow."""
    keys = bring(onnx_file.describer(128))
    error = refused(with_part(part, path=keys["path"], sha256=""))
    assert error.field in (f"vision.engine.{part}.sha256", f"vision.engine.{part}[0].sha256")
    assert error.expected == "the file's SHA-256"
    assert keys["sha256"] in error.came


def test_a_passive_model_without_a_hash_is_not_even_read_as_a_setting():
    with pytest.raises(msgspec.ValidationError, match=r"sha256|regex"):
        msgspec.convert({"antispoof": [{"path": "/a.onnx", "sha256": ""}]}, EngineSettings)
    with pytest.raises(msgspec.ValidationError, match="sha256"):
        msgspec.convert({"antispoof": [{"path": "/a.onnx"}]}, EngineSettings)


@pytest.mark.skipif(importlib.util.find_spec("ai_edge_litert") is not None, reason="the runtime is installed here")
def test_runtime_that_is_not_installed_is_named(bring):
    error = refused(embedder("mobilefacenet", **bring(b"x", "mobilefacenet.tflite")))
    assert "ai_edge_litert" in str(error)


def test_missing_vision_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "face_recognition_models", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ContractError, match=r"hotbox\[vision\]"):
        loading.load()


def test_settings_are_read_from_yaml_as_the_example_says():
    raw = {
        "detector": {"kind": "yunet", "path": "/y.onnx", "sha256": "0" * 64, "score": 0.8},
        "embedder": {"kind": "mobilefacenet", "path": "/m.onnx", "sha256": "1" * 64, "same_at": 1.0},
        "antispoof": [{"kind": "minifasnet", "path": "/a.onnx", "sha256": "2" * 64, "crop": 4.0}],
    }
    settings = msgspec.convert(raw, EngineSettings)
    assert msgspec.convert(msgspec.to_builtins(EngineSettings()), EngineSettings) == EngineSettings()
    assert (settings.detector.score, settings.embedder.same_at, settings.antispoof[0].crop) == (0.8, 1.0, 4.0)
    for wrong in ({"detector": {"kind": "cascade"}}, {"embedder": {"sha256": "short"}}, {"models": {}}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, EngineSettings)


@pytest.mark.parametrize(("kind", "most"), sorted(loading.LOOSEST.items()))
def test_no_site_loosens_the_packs_limit_by_same_at(bring, kind, most):
    """BOX-01, ANT-01: at 1.5 two vectors that have nothing in common are one person."""
    keys = bring(onnx_file.describer(128))
    loading.check(embedder(kind, same_at=most, **keys))
    for same_at in (most + 0.001, 1.5, 2.0):
        error = refused(embedder(kind, same_at=same_at, **keys))
        assert error.field == "vision.engine.embedder.same_at"
        assert str(same_at) in str(error)
        assert str(most) in str(error)


def test_what_the_site_chose_is_one_line_for_the_log():
    assert loading.declared(EngineSettings()) == "dlib"
    assert loading.declared(embedder(sha256="a" * 64)) == f"sface 1000 {'a' * 64}"


@pytest.mark.parametrize(("kind", "length"), [("sface", 128), ("mobilefacenet", 192)])
def test_other_embedder_speaks_the_scale_of_the_rule_pack(bring, drawn, kind, length):
    """BOX-01: so far apart as its own `same_at`, two faces are `SAME_AT` apart here."""
    keys = bring(onnx_file.describer(length))
    engine = loading.load(embedder(kind, same_at=1.05, **keys))
    assert (engine.name, engine.length) == (f"dlib-hog-{kind}-1050", length)
    assert engine.model_sha256 == keys["sha256"]
    assert loading.identity(embedder(kind, same_at=1.05, **keys)) == (engine.name, engine.model_sha256)
    image = drawn(("performer", 0, False))
    [face] = engine.detect(image)
    vector = engine.embed(image, face)
    assert (vector.dtype, vector.shape) == (np.float32, (length,))
    assert np.linalg.norm(vector) == pytest.approx(SAME_AT / 1.05, rel=1e-5)
    other = drawn(("guardian", 0, False))
    assert np.linalg.norm(vector - engine.embed(other, engine.detect(other)[0])) > 0


def test_other_detectors_faces_become_dlibs_boxes(bring):
    keys = bring(onnx_file.detector())
    engine = loading.load(EngineSettings(detector=DetectorSettings(kind="yunet", **keys)))
    assert engine.name == "yunet-resnet-v1"
    image = np.zeros((480, 640, 3), np.uint8)
    image[7 * 32 : 8 * 32, 10 * 32 : 11 * 32] = 255
    [face] = engine.detect(image)
    middle = (10.5 * 32, 7.5 * 32)
    assert face.left < middle[0] < face.right
    assert face.top < middle[1] < face.bottom
    assert abs((face.right - face.left) - (face.bottom - face.top)) <= 1
    eyes_apart = 1.6 * 32
    assert 1.5 * eyes_apart < face.side < 3 * eyes_apart
    assert engine.detect(np.zeros((480, 640, 3), np.uint8)) == []


def test_large_picture_is_searched_in_a_smaller_copy(bring):
    engine = loading.load(EngineSettings(detector=DetectorSettings(kind="yunet", **bring(onnx_file.detector()))))
    image = np.zeros((960, 1280, 3), np.uint8)
    image[14 * 32 : 16 * 32, 20 * 32 : 22 * 32] = 255
    [face] = engine.detect(image)
    assert face.left < 21 * 32 < face.right
    assert face.top < 15 * 32 < face.bottom


def test_passive_models_give_their_mean_as_advice(bring):
    keys = bring(onnx_file.passive())
    engine = loading.load(EngineSettings(antispoof=(AntispoofSettings(**keys), AntispoofSettings(**keys, crop=4.0))))
    face = FaceBox(280, 200, 360, 280)
    dark, bright = (np.full((480, 640, 3), level, np.uint8) for level in (0, 255))
    assert engine.live_score(dark, face) == pytest.approx(1 / 3)
    assert engine.live_score(bright, face) > 0.99


def test_engine_without_a_passive_model_has_no_advice(engine, drawn):
    assert engine.live_score(drawn(("performer", 0, False)), FaceBox(0, 0, 80, 80)) is None


@pytest.mark.parametrize(
    "face", [FaceBox(0, 0, 80, 80), FaceBox(600, 440, 700, 540), FaceBox(-50, -50, 700, 700), FaceBox(10, 10, 10, 10)]
)
def test_surroundings_of_a_face_stay_in_the_picture(face):
    image = np.zeros((480, 640, 3), np.uint8)
    rows, columns, _ = onnx_parts._around(image, face, 2.7).shape
    assert 0 < rows <= 480
    assert abs(rows - columns) <= 1


def test_aligned_face_has_its_eyes_where_the_network_was_taught_to_see_them():
    marks = Landmarks(Point(200, 210), Point(240, 206), Point(300, 200), Point(340, 196), Point(276, 280))
    image = np.zeros((480, 640, 3), np.uint8)
    for x, y in ((220, 208), (320, 198)):
        cv2.circle(image, (x, y), 12, (255, 255, 255), -1)
    aligned = onnx_parts._aligned(image, marks).mean(axis=2)
    for (x, y) in onnx_parts._PLACES[:2]:
        assert aligned[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4].mean() > 120
