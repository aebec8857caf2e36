"""Geometry of items: orientation, the antimeridian, and outlines against other computations."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Geod
from rasterio.warp import transform

from tasks.common.grid import Grid
from tasks.stac_item.footprint import bounding_box, geometry, outline, ring_of

GEOD = Geod(ellps="WGS84")
FIJI = [-16.0, 179.5, -16.0, -179.5, -17.0, -179.5, -17.0, 179.5, -16.0, 179.5]


def rings(shape: dict[str, Any]) -> list[list[list[float]]]:
    polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    assert all(len(polygon) == 1 for polygon in polygons)
    return [polygon[0] for polygon in polygons]


def area_km2(shape: dict[str, Any]) -> float:
    """Area on the ellipsoid, above 0 for rings that run counter-clockwise."""
    return sum(GEOD.polygon_area_perimeter(*zip(*ring, strict=True))[0] for ring in rings(shape)) / 1e6


def check_rfc_7946(shape: dict[str, Any], box: list[float]) -> None:
    for ring in rings(shape):
        assert ring[0] == ring[-1]
        assert len(ring) >= 4
        assert GEOD.polygon_area_perimeter(*zip(*ring, strict=True))[0] > 0
        longitudes = [lon for lon, _ in ring]
        assert max(longitudes) - min(longitudes) < 180
        assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring)
        for lon, lat in ring:
            inside = box[0] <= lon <= box[2] if box[0] <= box[2] else lon >= box[0] or lon <= box[2]
            assert inside
            assert box[1] <= lat <= box[3]


def test_a_footprint_that_runs_clockwise_is_turned() -> None:
    ring = ring_of([46.0, 10.0, 46.0, 11.0, 45.0, 11.0, 45.0, 10.0, 46.0, 10.0])
    assert ring is not None
    shape = geometry([ring])
    assert shape["type"] == "Polygon"
    check_rfc_7946(shape, bounding_box(shape))
    assert bounding_box(shape) == [10.0, 45.0, 11.0, 46.0]


def test_a_footprint_across_the_antimeridian_is_cut_in_two() -> None:
    ring = ring_of(FIJI)
    assert ring is not None
    shape = geometry([ring])
    assert shape["type"] == "MultiPolygon"
    corners = [{tuple(position) for position in part} for part in rings(shape)]
    assert corners == [
        {(179.5, -16.0), (180.0, -16.0), (180.0, -17.0), (179.5, -17.0)},
        {(-180.0, -16.0), (-179.5, -16.0), (-179.5, -17.0), (-180.0, -17.0)},
    ]
    assert bounding_box(shape) == [179.5, -17.0, -179.5, -16.0]
    check_rfc_7946(shape, bounding_box(shape))


@pytest.mark.parametrize(
    ("numbers", "box"),
    [
        ([1.0, 180.0, 1.0, -179.0, 0.0, -179.0, 0.0, 180.0, 1.0, 180.0], [-180.0, 0.0, -179.0, 1.0]),
        ([1.0, 179.0, 1.0, 180.0, 0.0, 180.0, 0.0, 179.0, 1.0, 179.0], [179.0, 0.0, 180.0, 1.0]),
        ([1.0, -179.0, 0.0, -179.0, 0.0, 180.0, 1.0, 180.0, 1.0, -179.0], [-180.0, 0.0, -179.0, 1.0]),
    ],
)
def test_a_footprint_that_touches_the_antimeridian_is_one_polygon(numbers: list[float], box: list[float]) -> None:
    ring = ring_of(numbers)
    assert ring is not None
    shape = geometry([ring])
    assert shape["type"] == "Polygon"
    assert bounding_box(shape) == box
    check_rfc_7946(shape, box)


@pytest.mark.parametrize("numbers", [[], [0.0], [0.0, 0.0, 1.0, 1.0], [95.0, 0.0, 1.0, 1.0, 2.0, 3.0, 95.0, 0.0]])
def test_what_is_no_outline_is_refused(numbers: list[float]) -> None:
    assert ring_of(numbers) is None


@pytest.mark.parametrize(
    ("epsg", "ulx", "uly"),
    [
        (32701, 99960.0, 8200000.0),
        (32760, 699960.0, 8200000.0),
        (32601, 399960.0, 7400040.0),
        (32632, 600000.0, 5200020.0),
    ],
)
def test_the_outline_of_a_tile_holds_its_area_and_its_corners(epsg: int, ulx: float, uly: float) -> None:
    """Area against the ellipsoid's of an outline in 10 times as many steps; corners against GDAL."""
    grid = Grid(epsg=epsg, ulx=ulx, uly=uly, resolution=10, rows=10980, cols=10980)
    shape = geometry([outline(grid)])
    check_rfc_7946(shape, bounding_box(shape))
    x = [ulx, ulx + 109800.0, ulx + 109800.0, ulx]
    y = [uly, uly, uly - 109800.0, uly - 109800.0]
    vertices = np.array([position for ring in rings(shape) for position in ring])
    for lon, lat in zip(*transform(f"EPSG:{epsg}", "EPSG:4326", x, y), strict=True):
        metres = GEOD.inv(np.full(len(vertices), lon), np.full(len(vertices), lat), vertices[:, 0], vertices[:, 1])[2]
        assert metres.min() < 0.02
    fine = np.linspace(0.0, 109800.0, 81)[:-1]
    around = np.concatenate([ulx + fine, np.full(80, ulx + 109800.0), ulx + 109800.0 - fine, np.full(80, ulx)])
    along = np.concatenate([np.full(80, uly), uly - fine, np.full(80, uly - 109800.0), uly - 109800.0 + fine])
    lon, lat = transform(f"EPSG:{epsg}", "EPSG:4326", around, along)
    assert area_km2(shape) == pytest.approx(abs(GEOD.polygon_area_perimeter(lon, lat)[0]) / 1e6, rel=2e-4)


def test_real_footprints_at_the_antimeridian(shared_data: Path) -> None:
    found, broken = {}, []
    for file in sorted((shared_data / "xml-l2a").glob("*/MTD_MSIL2A.xml")):
        text = re.findall(r"<EXT_POS_LIST>([^<]+)", file.read_text(encoding="utf-8"))[0]
        ring = ring_of([float(word) for word in text.split()])
        if ring is None:
            broken.append(file.parent.name.split("_")[5])
            continue
        shape = geometry([ring])
        box = bounding_box(shape)
        check_rfc_7946(shape, box)
        lon, lat = zip(*ring, strict=True)
        assert area_km2(shape) == pytest.approx(abs(GEOD.polygon_area_perimeter(lon, lat)[0]) / 1e6, rel=1e-3)
        found[file.parent.name.split("_")[5]] = (shape["type"], [math.floor(value) for value in box])
    assert found["T01KAB"] == ("MultiPolygon", [179, -18, -180, -17])
    assert found["T01WCP"] == ("MultiPolygon", [178, 65, -179, 66])
    assert broken == ["T11SLT"]  # some of its positions have heights and others have none
    assert found["T22HBD"] == ("Polygon", [-55, -39, -54, -37])
