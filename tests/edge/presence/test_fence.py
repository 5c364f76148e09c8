"""The geofence tells inside from outside, and refuses polygons that have no inside."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.errors import ContractError
from edge.presence.fence import Fence

LAT, LON = 31.2304, 121.4737
SQUARE = ((LAT - 0.0005, LON - 0.0005), (LAT - 0.0005, LON + 0.0005), (LAT + 0.0005, LON + 0.0005), (LAT + 0.0005, LON - 0.0005))
NORTH_M = 110_862.0  # metres in a degree of latitude there (WGS 84)
EAST_M = 95_237.0  # and of longitude


@pytest.mark.parametrize(
    ("north", "east", "inside", "edge_m"),
    [
        (0, 0, True, -0.0005 * EAST_M),
        (0.0004, 0, True, -0.0001 * NORTH_M),
        (0.0006, 0, False, 0.0001 * NORTH_M),
        (0, -0.001, False, 0.0005 * EAST_M),
        (0.0005 + 0.0003, 0.0005 + 0.0004, False, math.hypot(0.0003 * NORTH_M, 0.0004 * EAST_M)),
    ],
)
def test_position_is_placed_with_its_distance_to_the_edge(north, east, inside, edge_m):
    """PTW-04"""
    placed = Fence.of(SQUARE).place(LAT + north, LON + east)
    assert placed.inside is inside
    assert placed.edge_m == pytest.approx(edge_m, abs=0.1)


def test_position_on_the_edge_is_outside():
    """PTW-04"""
    fence = Fence.of(SQUARE)
    placed = fence.place(*SQUARE[0])
    assert not placed.inside
    assert placed.edge_m == pytest.approx(0, abs=1e-6)


def test_notch_of_a_concave_fence_is_outside():
    """PTW-04"""
    d = 0.001
    corners = ((LAT, LON), (LAT, LON + 3 * d), (LAT + 3 * d, LON + 3 * d), (LAT + d, LON + 1.5 * d), (LAT + 3 * d, LON))
    fence = Fence.of(corners)
    assert fence.place(LAT + 0.5 * d, LON + 1.5 * d).inside
    assert not fence.place(LAT + 2 * d, LON + 1.5 * d).inside


def test_fence_may_lie_across_the_date_line():
    corners = ((10.0, 179.999), (10.0, -179.999), (10.002, -179.999), (10.002, 179.999))
    fence = Fence.of(corners)
    assert fence.place(10.001, 180.0).inside
    assert fence.place(10.001, -180.0).inside
    assert not fence.place(10.001, -179.998).inside


def test_closed_ring_is_the_same_fence():
    assert Fence.of((*SQUARE, SQUARE[0])) == Fence.of(SQUARE)


@pytest.mark.parametrize(
    ("corners", "says"),
    [
        (SQUARE[:2], "three different corners"),
        ((SQUARE[0], SQUARE[1], SQUARE[0]), "three different corners"),
        ((SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]), "do not meet"),
        ((SQUARE[0], SQUARE[0], SQUARE[1], SQUARE[2]), "apart from the next"),
        (((LAT, LON), (LAT, LON + 0.001), (LAT, LON + 0.002)), "do not meet"),
            (((LAT, LON), (LAT, LON + 1e-5), (LAT + 1e-5, LON)), "area"),
        (((LAT, LON), (LAT, LON + 0.002), (LAT, LON + 0.001), (LAT + 0.001, LON + 0.001)), "do not meet"),
        (((LAT, LON), (LAT, LON + 1), (LAT + 1, LON)), "5 km"),
        (((91.0, 0.0), (0.0, 0.0), (0.0, 1.0)), "latitude"),
        (((float("nan"), 0.0), (0.0, 0.0), (0.0, 1.0)), "latitude"),
        (((0.0, 181.0), (0.0, 0.0), (1.0, 0.0)), "longitude"),
    ],
)
def test_polygon_without_a_clear_inside_is_refused(corners, says):
    with pytest.raises(ContractError, match=says) as refused:
        Fence.of(corners)
    assert refused.value.field.startswith("presence.fence")


@st.composite
def stars(draw):
    """A star-shaped polygon, so never self-intersecting: corners by rising angle, in metres around the origin."""
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(20, 300), min_size=count, max_size=count))
    return [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, (2 * math.pi * i / count for i in range(count)), strict=True)]


def degrees(metres, north=0.0, east=0.0, latitude=0.0):
    """Near the equator a degree is the same wherever it stands, so a shift must change nothing."""
    return [(latitude + y / 110_574 + north, x / 111_320 + east) for x, y in metres]


def winds(point, ring):
    """Reference: the sum of the angles under which the edges are seen is a full turn, or none."""
    total = 0.0
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        a = math.atan2(y1 - point[1], x1 - point[0])
        b = math.atan2(y2 - point[1], x2 - point[0])
        total += (b - a + math.pi) % (2 * math.pi) - math.pi
    return abs(total) > math.pi


def nearest(point, ring):
    """Reference: distance to densely sampled edges."""
    best = math.inf
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        steps = 400
        best = min(best, *(math.dist(point, (x1 + (x2 - x1) * i / steps, y1 + (y2 - y1) * i / steps)) for i in range(steps + 1)))
    return best


@given(stars(), st.floats(-400, 400), st.floats(-400, 400))
def test_placing_agrees_with_the_angle_sum(ring, x, y):
    """PTW-04"""
    expected_m = nearest((x, y), ring)
    assume(expected_m > 2)
    [where] = degrees([(x, y)])
    placed = Fence.of(degrees(ring)).place(*where)
    assert placed.inside is winds((x, y), ring)
    assert abs(placed.edge_m) == pytest.approx(expected_m, rel=0.02, abs=1.0)
    assert (placed.edge_m < 0) is placed.inside


@given(stars(), st.floats(-400, 400), st.floats(-400, 400), st.floats(-179, 179), st.floats(-0.5, 0.5))
def test_placing_does_not_depend_on_where_on_the_equator_the_fence_lies(ring, x, y, east, north):
    here = Fence.of(degrees(ring)).place(*degrees([(x, y)])[0])
    there = Fence.of(degrees(ring, north, east)).place(*degrees([(x, y)], north, east)[0])
    assert there.edge_m == pytest.approx(here.edge_m, rel=2e-3, abs=0.05)


@given(stars(), st.floats(-400, 400), st.floats(-400, 400), st.integers(0, 8))
def test_placing_does_not_depend_on_the_first_corner_or_the_direction(ring, x, y, turn):
    corners = degrees(ring, latitude=31)
    turned = corners[turn % len(corners) :] + corners[: turn % len(corners)]
    [where] = degrees([(x, y)], latitude=31)
    a, b, c = (Fence.of(polygon).place(*where) for polygon in (corners, turned, corners[::-1]))
    assert b.edge_m == pytest.approx(a.edge_m, abs=1e-3)
    assert c.edge_m == pytest.approx(a.edge_m, abs=1e-3)
