"""`make bench-face` on folders of drawn people: runs through, counts what is there, and says that it is synthetic."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from firmware_sim.attacks import Species
from firmware_sim.cast import CAST
from tests.bench.drawn import folders

PEOPLE = list(CAST)[:6]
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Drawn people as ORL is laid out, some of their pictures spoilt; and what is held before the camera."""
    place = tmp_path_factory.mktemp("pictures")
    folders.write_faces(place / "faces", PEOPLE, pictures=5)
    first = place / "faces" / PEOPLE[0]
    (first / "1.pgm").write_bytes(_pgm(cv2.imread(str(first / "1.jpg"), cv2.IMREAD_GRAYSCALE)))
    (first / "1.jpg").unlink()
    (first / "again.jpg").write_bytes((first / "2.jpg").read_bytes())
    (place / "faces" / PEOPLE[1] / "broken.png").write_bytes(b"no picture")
    cv2.imwrite(str(place / "faces" / PEOPLE[1] / "wall.png"), np.full((240, 320, 3), 128, np.uint8))
    folders.write_stills(place / "attacks", Species.PRINTED, PEOPLE[:2])
    folders.write_film(place / "attacks", Species.REPLAY, PEOPLE[0], 1)
    folders.write_living(place / "attacks", folders.box(), 3)
    return place


def _pgm(grey):
    done, data = cv2.imencode(".pgm", grey)
    assert done
    return data.tobytes()


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "tests.bench.face", *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def found(place):
    done = run(
        "--faces", place / "faces", "--attacks", place / "attacks", "--permits", 60, "--draws", 6,
        "--json", place / "out.json", "--page", place / "out.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads((place / "out.json").read_text()) | {"said": done.stdout, "page": (place / "out.html").read_text()}


def test_every_picture_is_accounted_for(found):
    """BOX-01"""
    taken = found["faces"]["pictures"]
    assert (taken["people"], taken["pictures"]) == (6, 32)
    assert (taken["left_out_as_duplicates"], taken["unreadable"]) == (1, 1)
    assert 1 <= taken["without_face"] <= 9
    assert taken["fta"] == pytest.approx((1 + taken["without_face"]) / 32)


def test_drawn_people_are_told_apart_and_a_permit_of_four_is_asked(found):
    """BOX-01, ANT-01"""
    pairs, who = found["faces"]["pairs"], found["faces"]["identification"]
    assert pairs["genuine"] >= 25
    assert pairs["impostor"] >= 120
    assert pairs["eer"] < 0.2
    if who["measured"]:
        assert (who["shipped"]["probes"], who["shipped"]["outsiders"]) == (240, 240)
    else:
        assert "expected" in who["why"]


def test_latency_and_memory_are_measured(found):
    faces = found["faces"]
    assert 0 < faces["latency"]["detect_median_ms"] < faces["latency"]["picture_median_ms"]
    assert 40 < faces["memory"]["rss_mib"] <= faces["memory"]["peak_rss_mib"]


def test_attacks_that_cannot_obey_are_rejected(found):
    """ANT-01"""
    ways = found["attacks"]["ways"]
    assert ways["challenge"]["apcer_max"] == 0
    assert (ways["challenge"]["bpcer_of"], ways["challenge"]["bpcer"]) == (3, 0)
    assert found["attacks"]["species"]["printed"]["ways"]["challenge"]["asked"] == 12
    assert ways["system"]["measured"]
    assert not ways["passive"]["measured"]


def test_screen_and_page_say_that_it_is_synthetic(found):
    for text in (found["said"], found["page"]):
        assert "SYNTHETIC" in text
    assert found["page"].count("<svg") >= 7
    assert "<script" not in found["page"]
    assert "http" not in found["page"].replace("http-equiv", "")


def test_rates_are_named_as_the_standards_name_them(found):
    for word in ("FNMR at FMR 1 %", "FNMR at FMR 0.1 %", "FMR at 0.5", "APCER", "BPCER", "Failure to enrol"):
        assert word in found["said"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name a folder"),
        (("--faces", "/nowhere"), "expected a folder per person"),
        (("--attacks", "/nowhere"), "expected a folder per attack species"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_what_to_do(words, says):
    done = run(*words)
    assert done.returncode == 2
    assert says in done.stdout + done.stderr
