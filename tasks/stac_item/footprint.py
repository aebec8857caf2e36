"""Geometry of an item: outlines in WGS 84 after RFC 7946, cut where they cross the antimeridian."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from pyproj import Transformer

from tasks.common.grid import Grid
from tasks.stac_item.facts import Position, Ring

_STEPS: Final = 8
"""Parts of an edge: edges of a UTM tile are not straight in degrees (still 4 m off at 46 degrees north, 9 m at 66)."""

_DECIMALS: Final = 7
"""Of degrees: 1 cm."""

_ANTIMERIDIAN: Final = 180.0

_LEAST_AREA: Final = 1e-9
"""Of a part [square degrees], about 10 m2: what only touches the antimeridian does not lie beyond it."""


def ring_of(numbers: Sequence[float]) -> Ring | None:
    """Return the outline of ``lat lon lat lon ...`` (EXT_POS_LIST), None when the numbers are no outline."""
    pairs = [(float(lon), float(lat)) for lat, lon in zip(numbers[0::2], numbers[1::2], strict=False)]
    sound = all(abs(lon) <= _ANTIMERIDIAN and abs(lat) <= 90.0 for lon, lat in pairs)
    if len(numbers) % 2 or not sound or len(set(pairs)) < 3:
        return None
    return tuple(pairs if pairs[0] == pairs[-1] else [*pairs, pairs[0]])


def outline(grid: Grid) -> Ring:
    """Return the outline of a tile's grid, its edges in several steps."""
    share = np.linspace(0.0, 1.0, _STEPS + 1)[:-1]
    level, falling = np.zeros(_STEPS), 1.0 - share
    right = np.concatenate([level, share, level + 1.0, falling])
    up = np.concatenate([falling, level, share, level + 1.0])
    x = grid.ulx + right * grid.cols * grid.resolution
    y = grid.uly - (1.0 - up) * grid.rows * grid.resolution
    lon, lat = Transformer.from_crs(grid.epsg, 4326, always_xy=True).transform(x, y)
    pairs = list(zip(lon.tolist(), lat.tolist(), strict=True))
    return (*pairs, pairs[0])


def geometry(rings: Sequence[Ring]) -> dict[str, Any]:
    """Return the GeoJSON geometry of outlines: a Polygon, or a MultiPolygon where there are several or one is cut.

    Exterior rings run counter-clockwise, and no part crosses the antimeridian (RFC 7946, 3.1.6 and 3.1.9).
    """
    polygons = [[[list(position) for position in part]] for ring in rings for part in _parts(ring)]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def bounding_box(shape: dict[str, Any]) -> list[float]:
    """Return west, south, east, north of a geometry of :func:`geometry`.

    West is larger than east where the geometry lies on both sides of the antimeridian (RFC 7946, 5.2).
    """
    polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    boxes = [np.asarray(polygon[0]) for polygon in polygons]
    south, north = min(float(b[:, 1].min()) for b in boxes), max(float(b[:, 1].max()) for b in boxes)
    sides = [(float(b[:, 0].min()), float(b[:, 0].max())) for b in boxes]
    west, east = min(w for w, _ in sides), max(e for _, e in sides)
    if west == -_ANTIMERIDIAN and east == _ANTIMERIDIAN:
        west = min(w for w, _ in sides if w >= 0.0)
        east = max(e for _, e in sides if e <= 0.0)
    return [west, south, east, north]


def _parts(ring: Ring) -> list[Ring]:
    """Return the parts of an outline on either side of the antimeridian."""
    longitudes = np.unwrap([lon for lon, _ in ring], period=360.0)
    if longitudes.min() < -_ANTIMERIDIAN:
        longitudes = longitudes + 360.0
    whole = [(float(lon), lat) for lon, (_, lat) in zip(longitudes, ring, strict=True)]
    western = _cut(whole, 1.0)
    eastern = [(lon - 360.0, lat) for lon, lat in _cut(whole, -1.0)]
    return [_closed(part) for part in (western, eastern) if abs(_area(part)) > _LEAST_AREA]


def _cut(ring: list[Position], side: float) -> list[Position]:
    """Return what of an outline lies west (1) or east (-1) of 180 degrees (Sutherland and Hodgman 1974)."""
    kept: list[Position] = []
    for (lon, lat), (next_lon, next_lat) in pairwise(ring):
        inside, next_inside = (side * (_ANTIMERIDIAN - value) >= 0.0 for value in (lon, next_lon))
        if inside:
            kept.append((lon, lat))
        if inside != next_inside:
            share = (_ANTIMERIDIAN - lon) / (next_lon - lon)
            kept.append((_ANTIMERIDIAN, lat + share * (next_lat - lat)))
    return kept


def _area(ring: Sequence[Position]) -> float:
    """Return the signed area of an outline, above 0 when it runs counter-clockwise."""
    lon, lat = np.asarray(ring, dtype=np.float64).reshape(-1, 2).T
    return float(np.sum(lon * np.roll(lat, -1) - np.roll(lon, -1) * lat)) / 2.0


def _closed(part: list[Position]) -> Ring:
    """Return a part that runs counter-clockwise, rounded, without repeated positions, and closed."""
    ordered = part if _area(part) > 0.0 else part[::-1]
    rounded = [(round(lon, _DECIMALS), round(lat, _DECIMALS)) for lon, lat in ordered]
    single = [position for number, position in enumerate(rounded) if position != rounded[number - 1]]
    return (*single, single[0])
