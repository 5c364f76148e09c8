"""The geofence: a polygon on the ground, and how far inside or outside of it a position is. Pure.

Computed on the plane that touches the ellipsoid in the middle of the fence. Within the 5 km that `Fence.of` allows its
error stays within a receiver's own few metres (0.65 m at 2.4 km, measured).
"""

import math
from collections.abc import Sequence
from typing import Self

import msgspec

from contracts.errors import ContractError

_FIELD = "presence.fence"
_DRAW = "walk round the work area and note its corners in order, as [latitude, longitude]"
_WGS84_A_M = 6_378_137.0
_WGS84_E2 = 6.694_379_990_14e-3
_LARGEST_M = 5_000.0
_SMALLEST_M2 = 1.0
_SAME_CORNER_M = 0.01
_FURTHEST_LATITUDE = 89.0

Point = tuple[float, float]


class Placed(msgspec.Struct, frozen=True):
    """Where a position is: strictly inside or not, and metres to the nearest edge, negative inside."""

    inside: bool
    edge_m: float


class Fence(msgspec.Struct, frozen=True):
    """A checked fence: its middle (latitude, longitude) and its corners in metres east and north of it."""

    middle: Point
    corners: tuple[Point, ...]

    @classmethod
    def of(cls, polygon: Sequence[Point]) -> Self:
        """Build a fence from (latitude, longitude) corners in order; a repeated last corner is allowed.

        Raises:
            ContractError: the polygon bounds no area, crosses itself, or is no place for a plane.
        """
        for index, (latitude, longitude) in enumerate(polygon):
            # Written so that NaN fails too.
            if not (abs(latitude) <= _FURTHEST_LATITUDE and abs(longitude) <= 180):
                came = f"({latitude}, {longitude})"
                raise ContractError(
                    f"{_FIELD}[{index}]", "latitude within ±89 and longitude within ±180", came, "latitude comes first"
                )
        ring = list(polygon[:-1] if len(polygon) > 1 and polygon[0] == polygon[-1] else polygon)
        if len(ring) < 3:
            raise ContractError(_FIELD, "at least three different corners", str(len(ring)), _DRAW)
        longitude = ring[0][1]
        middle = (
            math.fsum(corner[0] for corner in ring) / len(ring),
            longitude + math.fsum(_turn(corner[1] - longitude) for corner in ring) / len(ring),
        )
        fence = cls(middle, tuple(on_plane(middle, corner) for corner in ring))
        fence._refuse_bad_shape()
        return fence

    def place(self, latitude: float, longitude: float) -> Placed:
        """Where a position is. On the edge counts as outside."""
        point = on_plane(self.middle, (latitude, longitude))
        distance = min(_to_segment(point, a, b) for a, b in self._edges())
        inside = self._winds_around(point) and distance > 0
        return Placed(inside, -distance if inside else distance)

    def _edges(self) -> list[tuple[Point, Point]]:
        return list(zip(self.corners, self.corners[1:] + self.corners[:1], strict=True))

    def _winds_around(self, point: Point) -> bool:
        """Even-odd rule: a ray to the east crosses the ring an odd number of times."""
        x, y = point
        inside = False
        for (x1, y1), (x2, y2) in self._edges():
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
                inside = not inside
        return inside

    def _refuse_bad_shape(self) -> None:
        furthest = max(math.hypot(*corner) for corner in self.corners)
        if not furthest <= _LARGEST_M:
            wanted = f"corners within {_LARGEST_M / 1000:.0f} km of its middle"
            raise ContractError(_FIELD, wanted, f"{furthest:.0f} m", "correct the corner that lies far out")
        edges = self._edges()
        for index, (a, b) in enumerate(edges):
            if math.dist(a, b) < _SAME_CORNER_M:
                wanted = "a corner apart from the next"
                raise ContractError(f"{_FIELD}[{index}]", wanted, "the same place", "delete one of the two")
        for first, (a, b) in enumerate(edges):
            for second in range(first + 1, len(edges)):
                c, d = edges[second]
                # Neighbours share a corner: they may only fold back on each other, which the far ends tell.
                if second == first + 1:
                    crossing = min(_to_segment(d, a, b), _to_segment(a, c, d)) < _SAME_CORNER_M
                elif (second + 1) % len(edges) == first:
                    crossing = min(_to_segment(c, a, b), _to_segment(b, c, d)) < _SAME_CORNER_M
                else:
                    crossing = _cross(a, b, c, d)
                if crossing:
                    came = f"edges {first} and {second} cross or touch"
                    raise ContractError(_FIELD, "edges that do not meet", came, "give the corners in order")
        area = abs(math.fsum(a[0] * b[1] - b[0] * a[1] for a, b in edges)) / 2
        if area < _SMALLEST_M2:
            raise ContractError(_FIELD, f"an area of at least {_SMALLEST_M2:.0f} m²", f"{area:.2f} m²", _DRAW)


def _turn(degrees: float) -> float:
    """The same angle within ±180: a fence may lie across the 180th meridian."""
    return (degrees + 180) % 360 - 180


def on_plane(middle: Point, position: Point) -> Point:
    """Metres east and north of the middle, by the ellipsoid's two radii of curvature there."""
    latitude = math.radians(middle[0])
    w2 = 1 - _WGS84_E2 * math.sin(latitude) ** 2
    east_west = _WGS84_A_M / math.sqrt(w2)
    north_south = east_west * (1 - _WGS84_E2) / w2
    east = math.radians(_turn(position[1] - middle[1])) * east_west * math.cos(latitude)
    return east, math.radians(position[0] - middle[0]) * north_south


def _to_segment(point: Point, a: Point, b: Point) -> float:
    """Metres from a point to a segment."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length2 = dx * dx + dy * dy
    along = 0.0 if length2 == 0 else ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / length2
    along = min(1.0, max(0.0, along))
    return math.hypot(point[0] - a[0] - along * dx, point[1] - a[1] - along * dy)


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether two segments cross or touch."""
    if _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0:
        return True
    # Touching within a centimetre: a ring that meets itself has no clear inside.
    return min(_to_segment(c, a, b), _to_segment(d, a, b), _to_segment(a, c, d), _to_segment(b, c, d)) < _SAME_CORNER_M
