"""Enrolment: 3 to 5 stills of one person become a template, or a reason why not that says what to do."""

import itertools
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge.config import BoxConfig
from edge.vision.camera import CameraReader
from edge.vision.templates import TemplateStore
from faces.engine import DlibEngine, Engine
from faces.match import LIMIT, distance
from faces.templates import FEWEST, MOST, VERSION, Template, pack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faces.engine import Image, Vector

CAMERA_STILL_EVERY_S = 1.0
CAMERA_WAIT_S = 20.0
"""Longest wait for the next still with exactly one face."""


class Refusal(StrEnum):
    """Why an enrolment was refused."""

    COUNT = "count"
    UNREADABLE = "unreadable"
    NO_FACE = "no_face"
    TWO_FACES = "two_faces"
    DISAGREE = "disagree"
    SOMEBODY_ELSE = "somebody_else"
    CAMERA = "camera"


_TEXTS: dict[Refusal, tuple[str, str]] = {
    Refusal.COUNT: (
        "expected {few} to {many} stills, got {came}; take stills that differ a little in angle and light",
        "需要 {few} 至 {many} 张照片, 收到 {came} 张; 请从略有不同的角度和光线拍摄",
    ),
    Refusal.UNREADABLE: (
        "{still} is not a picture that can be read; use JPEG or PNG",
        "无法读取图片 {still}; 请使用 JPEG 或 PNG",
    ),
    Refusal.NO_FACE: (
        "no face found in {still}; come nearer, face the camera, take off mask and visor",
        "{still} 中未找到人脸; 请靠近并正对摄像头, 摘下口罩和面罩",
    ),
    Refusal.TWO_FACES: (
        "{came} faces in {still}; only the person being enrolled may be in the picture",
        "{still} 中有 {came} 张人脸; 照片中只能有被登记人",
    ),
    Refusal.DISAGREE: (
        "{still} and {other} differ by {came} (limit {limit}): two people, or a poor picture; take these two again",
        "{still} 与 {other} 相差 {came} (限值 {limit}): 可能不是同一人或照片质量差; 请重拍这两张",
    ),
    Refusal.SOMEBODY_ELSE: (
        "{still} is only {came} away from {other}, who is enrolled already (limit {limit}); check who this is",
        "{still} 与已登记的 {other} 仅相差 {came} (限值 {limit}); 请核实身份",
    ),
    Refusal.CAMERA: (
        "the camera gave {came} good stills of {many} ({health}); see that one face is in the picture and try again",
        "摄像头只取得 {came}/{many} 张合格照片 ({health}); 请确认画面中只有一张人脸后重试",
    ),
}


class EnrolmentRefusedError(ValueError):
    """An enrolment that was not written.

    Attributes:
        why: the reason.
        en, zh: what was expected, what came and what to do, in both languages.
    """

    def __init__(self, why: Refusal, **facts: object) -> None:
        """Fill the reason's texts with its facts."""
        english, chinese = _TEXTS[why]
        self.why = why
        self.en = english.format(**facts)
        self.zh = chinese.format(**facts)
        super().__init__(self.en)


class Enrolled(msgspec.Struct, frozen=True):
    """Summary of an enrolment. Distances: largest between two stills; smallest to another person, None if alone."""

    person: str
    path: str
    stills: int
    engine: str
    model_sha256: str
    spread: float
    nearest: str
    nearest_distance: float | None


def enrol(config: BoxConfig, person_id: str, stills: Sequence[Path], engine: Engine | None = None) -> Enrolled:
    """Enrol a person from picture files, replacing what there was. Takes about 0.1 s a still after 0.5 s of loading.

    Raises:
        EnrolmentRefusedError: with the reason in both languages; nothing was written.
        ContractError: the person's id is not one.
        OSError: the template cannot be written.
    """
    _refuse_count(len(stills))
    import cv2

    engine = engine or DlibEngine()
    store = TemplateStore(Path(config.vision.templates), engine)
    store.path(person_id)
    vectors = []
    for path in stills:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise EnrolmentRefusedError(Refusal.UNREADABLE, still=path.name)
        vectors.append(_one_face(engine, image, path.name))
    return _write(store, person_id, [path.name for path in stills], np.stack(vectors), engine)


def enrol_from_camera(config: BoxConfig, person_id: str, count: int = MOST, engine: Engine | None = None) -> Enrolled:
    """Enrol the person who stands before the box's camera: `count` stills, a second apart.

    Raises:
        EnrolmentRefusedError: with the reason in both languages; nothing was written.
        ContractError: the person's id is not one.
        OSError: the template cannot be written.
    """
    _refuse_count(count)
    engine = engine or DlibEngine()
    store = TemplateStore(Path(config.vision.templates), engine)
    store.path(person_id)
    camera = CameraReader(config.vision)
    camera.start()
    vectors: list[Vector] = []
    try:
        give_up_s = time.monotonic() + CAMERA_WAIT_S
        newest_us = 0
        while len(vectors) < count:
            if time.monotonic() > give_up_s:
                health = camera.take_report()[0]
                raise EnrolmentRefusedError(Refusal.CAMERA, came=len(vectors), many=count, health=health.value)
            frame = camera.latest()
            if frame is None or frame.at_us < newest_us + CAMERA_STILL_EVERY_S * 1_000_000:
                time.sleep(0.05)
                continue
            newest_us = frame.at_us
            faces = engine.detect(frame.image)
            if len(faces) == 1:
                vectors.append(engine.embed(frame.image, faces[0]))
                give_up_s = time.monotonic() + CAMERA_WAIT_S
    finally:
        camera.stop()
    return _write(store, person_id, [f"camera {index + 1}" for index in range(count)], np.stack(vectors), engine)


def _refuse_count(count: int) -> None:
    if not FEWEST <= count <= MOST:
        raise EnrolmentRefusedError(Refusal.COUNT, few=FEWEST, many=MOST, came=count)


def _one_face(engine: Engine, image: "Image", still: str) -> "Vector":
    faces = engine.detect(image)
    if not faces:
        raise EnrolmentRefusedError(Refusal.NO_FACE, still=still)
    if len(faces) > 1:
        raise EnrolmentRefusedError(Refusal.TWO_FACES, still=still, came=len(faces))
    return engine.embed(image, faces[0])


def _write(
    store: TemplateStore, person: str, names: Sequence[str], vectors: "NDArray[np.float32]", engine: Engine
) -> Enrolled:
    spread = 0.0
    for (first, a), (second, b) in itertools.combinations(zip(names, vectors, strict=True), 2):
        apart = float(np.linalg.norm(a - b))
        spread = max(spread, apart)
        if apart > LIMIT:
            facts = {"still": first, "other": second, "came": f"{apart:.2f}", "limit": f"{LIMIT:.2f}"}
            raise EnrolmentRefusedError(Refusal.DISAGREE, **facts)
    nearest, nearest_distance = "", None
    for other in store.people():
        rows = store.vectors(other) if other != person else None
        if rows is None:
            continue
        for name, vector in zip(names, vectors, strict=True):
            apart = distance(vector, rows)
            if apart < LIMIT:
                facts = {"still": name, "other": other, "came": f"{apart:.2f}", "limit": f"{LIMIT:.2f}"}
                raise EnrolmentRefusedError(Refusal.SOMEBODY_ELSE, **facts)
            if nearest_distance is None or apart < nearest_distance:
                nearest, nearest_distance = other, apart
    template = Template(VERSION, person, engine.name, engine.model_sha256, pack(vectors), int(time.time()))
    path = store.save(template)
    return Enrolled(
        person, str(path), len(names), engine.name, engine.model_sha256, spread, nearest, nearest_distance
    )
