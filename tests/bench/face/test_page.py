"""The page stands alone: well-formed plots, nothing fetched, Chinese first, and what could not be measured says so."""

from xml.etree import ElementTree

import numpy as np
import pytest

from tests.bench.face import curves, page, photographs
from tests.bench.face.plot import Axis, Plot, rows

MACHINE = {"cpu_model": "x<y", "cores": 2, "kernel": "6", "python": "3.11", "took_s": 1.0}


def faces(curve):
    figures = curve.figures(0.5)
    return {
        "folder": "ORL & more", "synthetic": "", "engine": {"name": "dlib"}, "rule": {"source": "pack", "limit": 0.5, "margin": 0.05, "stills": 3},
        "pictures": {"people": 2, "pictures": 4, "without_face": 0, "unreadable": 0, "left_out_as_duplicates": 0, "fta": 0.0},
        "enrolment": {"fte": 0.0, "fte_checks": 1.0}, "pairs": figures, "three_stills": figures,
        "identification": {"measured": False, "why": "expected 4 people"}, "latency": {"detect_median_ms": 30.0},
        "memory": {"peak_rss_mib": 120.0}, "curves": {"pairs": photographs._curve(curve), "three_stills": photographs._curve(curve)},
    }  # fmt: skip


def curve(genuine=(0.2, 0.4), impostor=(0.6, 0.8)):
    counted = curves.Curve()
    counted.add(np.asarray(genuine), np.asarray(impostor))
    return counted


def test_page_stands_alone():
    text = page.page({"machine": MACHINE, "faces": faces(curve())})
    assert "人脸验证评测" in text
    assert "x&lt;y" in text
    assert "ORL &amp; more" in text
    assert "<script" not in text
    assert "://" not in text
    assert "expected 4 people" in text


def test_a_folder_without_impostors_still_makes_a_page():
    text = page.page({"machine": MACHINE, "faces": faces(curve(impostor=()))})
    assert "–" in text


def test_every_plot_is_well_formed():
    text = page.page({"machine": MACHINE, "faces": faces(curve())})
    plots = [part.split("</svg>")[0] + "</svg>" for part in text.split("<svg")[1:]]
    assert len(plots) == 6
    for plot in plots:
        ElementTree.fromstring("<svg" + plot)


@pytest.mark.parametrize(
    ("axis", "says"),
    [
        (Axis("x", 0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Axis("x", 0, 1.2), ["0", "0.2", "0.4", "0.6", "0.8", "1", "1.2"]),
        (Axis("x", 1e-3, 1, log=True, percent=True), ["0.1 %", "1 %", "10 %", "100 %"]),
    ],
)
def test_ticks_are_round(axis, says):
    assert [text for _, text in axis.ticks()] == says


def test_what_lies_outside_an_axis_is_drawn_at_its_end():
    plot = Plot(Axis("x", 0, 1), Axis("y", 0, 1))
    plot.line([(-1, 0), (2, 2)], "n", "#000")
    assert "NaN" not in plot.svg("t")
    assert Axis("x", 0, 1).at(7) == 1


def test_a_bar_over_its_limit_is_red():
    over, under = (rows([("a", share, (0.0, 0.2))], 0.02, "t") for share in (0.1, 0.01))
    assert "#d1242f" in over
    assert "#d1242f" not in under
