"""The baseline: what a plain script does with a camera and dlib.

    python -m tests.bench.bare_faces URL STILLS FRAMES CORE

Each picture is searched whole at twice its size, as the library that everybody starts with does by default; every face is
described and compared with every known one at a tolerance of 0.6. No liveness, no vote, no quality, no faults of the
camera. Says one line of JSON: milliseconds from each picture's arrival to its verdict, and its peak memory in MiB.
"""

import json
import os
import sys
import time
from importlib.resources import as_file, files
from pathlib import Path

TOLERANCE = 0.6
UPSAMPLE = 1


def main(argv: list[str]) -> None:
    """Look at so many pictures."""
    url, stills, frames, core = argv[0], Path(argv[1]), int(argv[2]), int(argv[3])
    os.sched_setaffinity(0, {core})
    os.nice(5)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import cv2
    import dlib
    import numpy as np

    cv2.setNumThreads(1)
    find = dlib.get_frontal_face_detector()
    models = files("face_recognition_models") / "models"
    with as_file(models / "shape_predictor_5_face_landmarks.dat") as path:
        points = dlib.shape_predictor(str(path))
    with as_file(models / "dlib_face_recognition_resnet_model_v1.dat") as path:
        net = dlib.face_recognition_model_v1(str(path))

    def vectors(bgr: "np.ndarray") -> list["np.ndarray"]:
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        return [np.array(net.compute_face_descriptor(rgb, points(rgb, box))) for box in find(rgb, UPSAMPLE)]

    known = [vector for path in sorted(stills.glob("*/1.jpg")) for vector in vectors(cv2.imread(str(path)))]
    capture = cv2.VideoCapture(url)
    took: list[float] = []
    matches = 0
    while len(took) < frames:
        capture.grab()
        began = time.perf_counter()
        ok, picture = capture.retrieve()
        if not ok:
            raise SystemExit("the camera gave no picture")
        found = vectors(picture)
        matches += any(np.linalg.norm(np.stack(known) - vector, axis=1).min() <= TOLERANCE for vector in found)
        took.append(1000 * (time.perf_counter() - began))
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    print(json.dumps({"took_ms": took, "peak_mib": peak, "matches": matches}))


if __name__ == "__main__":
    main(sys.argv[1:])
