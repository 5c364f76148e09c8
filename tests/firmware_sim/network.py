"""Detector, five landmarks and face network as production uses them, and what the box makes of their vectors."""

from pathlib import Path
from typing import Any

import numpy as np


class Dlib:
    """The models themselves, without anything of ours between."""

    def __init__(self) -> None:
        import dlib
        import face_recognition_models

        models = Path(face_recognition_models.__file__).parent / "models"
        self._find = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
        self._network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))

    def faces(self, picture: Any) -> list[Any]:
        """Boxes from left to right, without enlarging the picture."""
        rgb = np.ascontiguousarray(picture[..., ::-1])
        return sorted(self._find(rgb, 0), key=lambda box: box.left())

    def embeddings(self, picture: Any) -> list[Any]:
        """One vector a face, from left to right."""
        rgb = np.ascontiguousarray(picture[..., ::-1])
        boxes = self.faces(picture)
        return [np.array(self._network.compute_face_descriptor(rgb, self._landmarks(rgb, box))) for box in boxes]

    def parallax(self, picture: Any) -> float:
        """How far the nose lies to the right of the middle of the four eye corners, in distances of the outer ones.

        Measured along the line of the eyes, so that a head that leans counts as upright.
        """
        rgb = np.ascontiguousarray(picture[..., ::-1])
        (box,) = self.faces(picture)
        points = np.array([(point.x, point.y) for point in self._landmarks(rgb, box).parts()], float)
        corners, nose = points[:4], points[4]
        right = points[0] - points[2] if points[0][0] > points[2][0] else points[2] - points[0]
        wide = np.linalg.norm(right)
        return float((nose - corners.mean(axis=0)) @ right / wide / wide)


def best_two(vector: Any, template: Any) -> float:
    """Mean of the best two distances, as the box decides."""
    return float(np.sort(np.linalg.norm(template - vector, axis=1))[:2].mean())
