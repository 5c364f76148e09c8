"""Enrolment at the box: stills from files or its camera become a sealed template. `faces.enrolment` judges them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge.config import BoxConfig
from edge.interlock import rules
from edge.vision.camera import CameraReader
from edge.vision.frames import Frames
from edge.vision.policy import policy_of
from edge.vision.templates import TemplateStore
from faces import loading
from faces.enrolment import Described, Made, Still, decode, describe, join, refuse_count
from faces.refusals import EnrolmentRefusedError, Refusal
from faces.templates import MOST

if TYPE_CHECKING:
    from faces.engine import Engine, Identity, Image
    from faces.policy import Policy

CAMERA_STILL_EVERY_S = 1.0
CAMERA_WAIT_S = 20.0
"""Longest wait for the next good still."""
_LOOK_EVERY_S = 0.05
_LARGEST_FILE = 32 << 20

Source = Callable[[], "tuple[str, int, Image | None]"]
"""Health of the camera, when its newest picture was taken, and the picture, or None."""


Announce = Callable[[str], None]


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


def store_of(config: BoxConfig, engine: "Identity") -> TemplateStore:
    """The box's templates for an engine."""
    return TemplateStore(Path(config.vision.templates), engine, config.template_key)


def enrol(
    config: BoxConfig, person: str, stills: Sequence[Path], engine: "Engine | None" = None,
    announce: Announce | None = None,
) -> Enrolled:
    """Enrol a person from picture files, replacing what there was. Takes about 0.15 s a still after 0.5 s of loading.

    `announce` hears the digest of the file before it is written, and may refuse.

    Raises:
        EnrolmentRefusedError: with the reason in both languages; nothing was written.
        ContractError: the person's id is not one, or the engine cannot be loaded.
        OSError: the template cannot be written.
    """
    refuse_count(len(stills))
    engine, store, policy = _prepared(config, person, engine)
    found = [describe(engine, _read(path), policy) for path in stills]
    return _keep(store, person, found, engine, policy, announce)


def enrol_from_camera(
    config: BoxConfig, person: str, count: int = MOST, engine: "Engine | None" = None,
    announce: Announce | None = None,
) -> Enrolled:
    """Enrol the person who stands before the box's camera: `count` good stills, a second apart.

    Vision is asked for pictures while it runs; else the camera is opened here.

    Raises:
        EnrolmentRefusedError: with the reason in both languages; nothing was written.
        ContractError: the person's id is not one, or the engine cannot be loaded.
        OSError: the template cannot be written.
    """
    refuse_count(count)
    engine, store, policy = _prepared(config, person, engine)
    with pictures(config) as source:
        found = _good_stills(source, engine, policy, count)
    return _keep(store, person, found, engine, policy, announce)


def _prepared(
    config: BoxConfig, person: str, engine: "Engine | None"
) -> "tuple[Engine, TemplateStore, Policy]":
    engine = engine or loading.load(config.vision.engine)
    store = store_of(config, engine)
    store.path(person)
    return engine, store, policy_of(rules.effective(config.baseline, config.site_rules))


def _read(path: Path) -> Still:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError:
        content = b""
    return decode(path.name, content if len(content) <= _LARGEST_FILE else b"")


def _good_stills(source: Source, engine: "Engine", policy: "Policy", count: int) -> list[Described]:
    """Stills that are good enough; what was wrong with the last poor one goes into the refusal."""
    found: list[Described] = []
    newest_us, last = 0, EnrolmentRefusedError(Refusal.NO_FACE, still="camera")
    give_up_s = time.monotonic() + CAMERA_WAIT_S
    while len(found) < count:
        health, at_us, image = source()
        if time.monotonic() > give_up_s:
            facts = {"came": len(found), "many": count, "health": health}
            raise EnrolmentRefusedError(Refusal.CAMERA, **facts, last=last.en, last_zh=last.zh)
        if image is None or at_us < newest_us + CAMERA_STILL_EVERY_S * 1_000_000:
            time.sleep(_LOOK_EVERY_S)
            continue
        newest_us = at_us
        try:
            found.append(describe(engine, Still(f"camera {len(found) + 1}", image), policy))
        except EnrolmentRefusedError as poor:
            last = poor
        else:
            give_up_s = time.monotonic() + CAMERA_WAIT_S
    return found


@contextmanager
def pictures(config: BoxConfig) -> Iterator[Source]:
    """The camera's pictures: vision's while it runs, else from the camera itself."""
    try:
        frames = Frames(config.frames_socket)
    except (FileNotFoundError, ConnectionRefusedError):
        frames = None
    if frames is not None:
        with frames:

            def asked() -> "tuple[str, int, Image | None]":
                head, image = frames.ask_colour()
                return head.health, head.at_us, image

            yield asked
        return
    camera = CameraReader(config.vision)
    camera.start()

    def taken() -> "tuple[str, int, Image | None]":
        frame = camera.latest()
        return camera.health().value, frame.at_us if frame else 0, frame.image if frame else None

    try:
        yield taken
    finally:
        camera.stop()


def _keep(
    store: TemplateStore, person: str, stills: Sequence[Described], engine: "Engine", policy: "Policy",
    announce: Announce | None,
) -> Enrolled:
    others = store.others(person)
    made: Made = join(engine, person, stills, policy, others, created=int(time.time()))
    path = store.save(made.template, announce)
    return Enrolled(
        person, str(path), len(stills), engine.name, engine.model_sha256, made.spread, made.nearest,
        made.nearest_distance,
    )  # fmt: skip
