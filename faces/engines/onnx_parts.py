"""Optional parts of an engine: networks whose weights a site brings itself, by path and SHA-256. OpenCV runs them.

None of these weights is in a package that this project may depend on, so none was measured with it; a site measures its
own with `make bench-face` before it trusts them. What is hashed is what is loaded: every part is handed the bytes.
"""

from typing import TYPE_CHECKING, Any

from faces.engine import SAME_AT, FaceBox, Landmarks
from faces.engines.dlib_parts import AREA, named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faces.engine import Image, Vector

_EYES_APART, _EYES_DOWN, _EYES_TO_MOUTH, _MIDDLE = 0.41, 0.28, 0.43, 0.5
"""dlib's box by the eyes' centres and the corners of the mouth, in its sides (medians of drawn faces)."""
_ALIGNED = 112
_PLACES = ((38.29, 51.70), (73.53, 51.50), (56.02, 79.0))
"""Where the eyes and the foot of the nose lie in a picture of 112x112 as ArcFace's family was taught."""
_SPOOF_SIDE = 80
_NMS, _MOST = 0.3, 20


class YuNet:
    """OpenCV's YuNet: about 5 ms at 320x240. Its boxes are made into dlib's, by the eyes and the mouth."""

    name = "yunet"

    def __init__(self, weights: bytes, score: float) -> None:
        """Load an ONNX file's bytes; a face counts from `score` on."""
        import cv2
        import numpy as np

        model = np.frombuffer(weights, np.uint8)
        nothing = np.empty(0, np.uint8)
        self._net = cv2.FaceDetectorYN.create("onnx", model, nothing, (320, 240), score, _NMS, _MOST)

    def detect(self, image: "Image") -> list[FaceBox]:
        """Faces in a BGR picture, largest first."""
        import cv2

        rows, columns = image.shape[:2]
        shrink = max(1.0, (rows * columns / AREA) ** 0.5)
        if shrink > 1:
            image = cv2.resize(image, (round(columns / shrink), round(rows / shrink)), interpolation=cv2.INTER_AREA)
        self._net.setInputSize((image.shape[1], image.shape[0]))
        _, found = self._net.detect(image)
        boxes = [_dlib_box(row[4:14] * shrink) for row in (() if found is None else found)]
        return sorted(boxes, key=lambda box: box.area, reverse=True)

    def near(self, image: "Image", place: FaceBox) -> list[FaceBox]:
        """The faces that lie in the same place: this detector finds turned heads as it finds straight ones."""
        return [box for box in self.detect(image) if place.covers(box)]


def _dlib_box(points: "NDArray[np.float32]") -> FaceBox:
    """The box that dlib would draw: x and y of both eyes, the nose and both corners of the mouth."""
    (ax, ay), (bx, by), _, (cx, cy), (dx, dy) = points.reshape(5, 2).tolist()
    eye_x, eye_y = (ax + bx) / 2, (ay + by) / 2
    apart = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
    down = (((cx + dx) / 2 - eye_x) ** 2 + ((cy + dy) / 2 - eye_y) ** 2) ** 0.5
    side = max(apart / _EYES_APART, down / _EYES_TO_MOUTH)
    left, top = (eye_x + (cx + dx) / 2) / 2 - _MIDDLE * side, eye_y - _EYES_DOWN * side
    return FaceBox(round(left), round(top), round(left + side), round(top + side))


class AlignedNet:
    """A network that describes a face of 112x112 pixels: SFace, or MobileFaceNet as ArcFace trains it.

    Its vectors are brought to length 1 and then scaled: `same_at` is the distance of two of them at which the site
    takes two pictures for one person, and becomes `SAME_AT`. It is a part of the name, because it changes the vectors.
    """

    def __init__(self, kind: str, net: "OpenCvNet | LiteNet", sha256: str, same_at: float) -> None:
        """Use a network that is loaded."""
        import numpy as np

        self.name = aligned_name(kind, same_at)
        self.model_sha256 = sha256
        self._net, self._scale = net, SAME_AT / same_at
        self.length = int(net.run(np.zeros((_ALIGNED, _ALIGNED, 3), np.uint8)).size)

    def embed(self, image: "Image", shape: Any) -> "Vector":
        """The vector of a face whose points dlib has found."""
        import numpy as np

        vector = self._net.run(_aligned(image, named(shape)))
        vector = vector / max(float(np.linalg.norm(vector)), 1e-9) * self._scale
        return vector.astype(np.float32)


def aligned_name(kind: str, same_at: float) -> str:
    """A part of the engine's name, such as sface-1128."""
    return f"{kind}-{round(same_at * 1000)}"


def _aligned(image: "Image", points: Landmarks) -> "Image":
    """The face turned, scaled and moved so that eyes and nose lie where the network was taught to see them."""
    import cv2
    import numpy as np

    eyes = ((points.left_eye_outer, points.left_eye_inner), (points.right_eye_inner, points.right_eye_outer))
    found = [complex((a.x + b.x) / 2, (a.y + b.y) / 2) for a, b in eyes] + [complex(*points.nose_tip)]
    source, target = np.array(found), np.array([complex(*place) for place in _PLACES])
    from_, to = source - source.mean(), target - target.mean()
    turn = np.vdot(from_, to) / max(np.vdot(from_, from_).real, 1e-9)
    move = target.mean() - turn * source.mean()
    matrix = np.array([[turn.real, -turn.imag, move.real], [turn.imag, turn.real, move.imag]])
    warped: Image = cv2.warpAffine(image, matrix, (_ALIGNED, _ALIGNED))
    return warped


class OpenCvNet:
    """An ONNX network in OpenCV's own runtime, fed with red, green, blue as (value - mean) * scale."""

    def __init__(self, weights: bytes, mean: float, scale: float) -> None:
        """Load an ONNX file's bytes."""
        import cv2
        import numpy as np

        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(weights, np.uint8))
        self._mean, self._scale = mean, scale

    def run(self, image: "Image") -> "NDArray[np.float32]":
        """The network's answer as a row."""
        import cv2

        side = image.shape[1], image.shape[0]
        self._net.setInput(cv2.dnn.blobFromImage(image, self._scale, side, (self._mean,) * 3, swapRB=True))
        answer: NDArray[np.float32] = self._net.forward().reshape(-1).copy()
        return answer


class LiteNet:
    """A TFLite network in LiteRT, fed with red, green, blue as (value - 127.5) / 128."""

    def __init__(self, weights: bytes) -> None:
        """Load a .tflite file's bytes; the package ai-edge-litert must be installed."""
        from ai_edge_litert.interpreter import Interpreter

        self._net = Interpreter(model_content=weights, num_threads=1)
        self._net.allocate_tensors()
        self._in, self._out = self._net.get_input_details()[0], self._net.get_output_details()[0]

    def run(self, image: "Image") -> "NDArray[np.float32]":
        """The network's answer as a row. A network of a fixed batch is shown the same picture in each place."""
        import numpy as np

        rgb = (image[:, :, ::-1].astype(np.float32) - 127.5) / 128
        self._net.set_tensor(self._in["index"], np.repeat(rgb[None], self._in["shape"][0], axis=0))
        self._net.invoke()
        answer: NDArray[np.float32] = self._net.get_tensor(self._out["index"])[0].reshape(-1).copy()
        return answer


class MiniFasNet:
    """Silent-Face's passive model: blue, green, red from 0 to 255; of its three answers the second is "alive".

    By itself it passes three quarters of close-up photographs (measured on synthetic ones): advice, never a decision.
    """

    def __init__(self, weights: bytes, crop: float) -> None:
        """Load an ONNX file's bytes; it sees `crop` times the face's side (2.7 or 4.0, in the weights' name)."""
        import cv2
        import numpy as np

        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(weights, np.uint8))
        self._crop = crop

    def score(self, image: "Image", face: FaceBox) -> float:
        """0 to 1; 1 looks alive."""
        import cv2
        import numpy as np

        seen = cv2.resize(_around(image, face, self._crop), (_SPOOF_SIDE, _SPOOF_SIDE))
        self._net.setInput(cv2.dnn.blobFromImage(seen))
        answer = self._net.forward().reshape(-1).astype(np.float64)
        parts = np.exp(answer - answer.max())
        return float(parts[1] / parts.sum())


def _around(image: "Image", face: FaceBox, crop: float) -> "Image":
    """The square around a face, moved inwards where it would leave the picture."""
    rows, columns = image.shape[:2]
    half = min(crop * max(face.side, 1), columns, rows) / 2
    x = min(max((face.left + face.right) / 2, half), columns - half)
    y = min(max((face.top + face.bottom) / 2, half), rows - half)
    return image[round(y - half) : round(y + half), round(x - half) : round(x + half)]
