"""Heights near the poles, south of the equator, across zones, below the sea, over voids and across cell borders."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.warp import transform

from tasks.common.grid import Grid
from tasks.dem.bands import whole_surface
from tasks.dem.blend import Lattice, Piece, join
from tasks.dem.cells import Box, cells_covering
from tasks.dem.footprint import geographic_box
from tasks.dem.mosaic import build_mosaic, warp_to_grid
from tasks.dem.parameters import DemParameters
from tasks.dem.sources import survey_cells
from tasks.dem.surroundings import margin_of, with_margin
from tasks.dem.terrain import SunGrid
from tasks.dem.voids import fill_land_voids

ROWS = 1200


def spacing_deg(south: int) -> float:
    """Longitude spacing of Copernicus 90 m cells, which widens towards the poles (product handbook)."""
    north = max(abs(south), abs(south + 1))
    factor = next(f for limit, f in ((50, 1.0), (60, 1.5), (70, 2.0), (80, 3.0), (85, 5.0)) if north <= limit)
    return factor / ROWS


def ground(lon: NDArray[np.float64], lat: NDArray[np.float64], base: float) -> NDArray[np.float64]:
    """Waves of some kilometres; continuous across 180 degrees because only whole turns of the longitude count."""
    return base + 120.0 * np.sin(np.deg2rad(lon) * 720) * np.cos(np.deg2rad(lat) * 1500) + 60.0 * np.sin(lat * 40)


def write_cells(folder: Path, box: Box, base: float) -> None:
    for name in cells_covering(box, "COPERNICUS_90"):
        south = int(name[1:3]) * (1 if name[0] == "N" else -1)
        west = int(name[8:11]) * (1 if name[7] == "E" else -1)
        dx, dy = spacing_deg(south), 1.0 / ROWS
        cols = round(1.0 / dx)
        lon, lat = np.meshgrid(west + dx * np.arange(cols), south + 1 - dy * np.arange(ROWS))
        with rasterio.open(
            folder / f"Copernicus_DSM_30_{name}_DEM.tif", "w", driver="GTiff", dtype="float32", count=1,
            width=cols, height=ROWS, crs="EPSG:4326", transform=from_origin(west - dx / 2, south + 1 + dy / 2, dx, dy),
        ) as dataset:  # fmt: skip
            dataset.write(ground(lon, lat, base).astype(np.float32), 1)


@pytest.mark.parametrize(
    ("epsg", "ulx", "uly", "base"),
    [
        (32633, 460000, 9300000, 900.0),
        (32719, 300000, 4100000, 900.0),
        (32632, 800000, 5300000, 900.0),
        (32631, 190000, 6700000, 900.0),
        (32760, 790000, 8140000, 900.0),
        (32636, 730000, 3500000, -380.0),
        (32631, 160000, 10, 900.0),
    ],
    ids=["84-north", "south", "east-edge-of-zone", "spacing-changes", "date-line", "dead-sea", "equator"],
)
def test_heights_everywhere(tmp_path: Path, epsg: int, ulx: int, uly: int, base: float) -> None:
    grid = Grid(epsg=epsg, ulx=ulx, uly=uly, resolution=20, rows=500, cols=500)
    box = geographic_box(grid)
    write_cells(tmp_path, box, base)
    survey = survey_cells(box, DemParameters(dem_directory=str(tmp_path)))
    assert (survey.kind, survey.missing) == ("COPERNICUS_90", ())
    mosaic = build_mosaic(survey.files, box)
    heights = warp_to_grid(mosaic, grid)
    x, y = np.meshgrid(ulx + 20.0 * (np.arange(500) + 0.5), uly - 20.0 * (np.arange(500) + 0.5))
    lon, lat = (
        np.asarray(axis).reshape(grid.shape) for axis in transform(f"EPSG:{epsg}", "EPSG:4326", x.ravel(), y.ravel())
    )
    truth = ground(lon, lat, base)
    assert np.ptp(truth) > 100.0
    # The cubic spline smooths by a sixth of the second difference, here up to a metre; a shift by one sample is 10 m.
    assert np.abs(heights - truth).max() < 2.0
    assert mosaic.void_percentage == 0.0


@pytest.mark.parametrize(("epsg", "ulx"), [(32601, 296000), (32660, 692000)], ids=["east-of-180", "west-of-180"])
def test_surroundings_across_the_date_line(tmp_path: Path, epsg: int, ulx: int) -> None:
    """The tile ends some hundred metres before 180 degrees, the ground around it lies on both sides."""
    grid = Grid(epsg=epsg, ulx=ulx, uly=5800020, resolution=20, rows=500, cols=500)
    nodes = np.ones((3, 3), np.float32)
    margin = margin_of(SunGrid(nodes * 60, nodes * 180, 5000.0))
    box, around = geographic_box(grid), geographic_box(with_margin(grid, margin))
    assert box.east < 180.0 < around.east or (box.west < -179.9 and around.west < 180.0 < around.east)
    write_cells(tmp_path, around, 900.0)
    survey = survey_cells(box, DemParameters(dem_directory=str(tmp_path)), around)
    assert survey.missing == survey.outer_missing == ()
    assert any(file.cell.endswith("E179_00") for file in (*survey.files, *survey.outer))
    assert any(file.cell.endswith("W180_00") for file in (*survey.files, *survey.outer))
    mosaic = build_mosaic(survey.files, box, around, survey.outer)
    assert mosaic.void_percentage == 0.0
    surface = whole_surface(mosaic, grid, margin)
    wide = with_margin(grid, margin)
    x, y = np.meshgrid(wide.ulx + 20.0 * (np.arange(wide.cols) + 0.5), wide.uly - 20.0 * (np.arange(wide.rows) + 0.5))
    lon, lat = transform(f"EPSG:{epsg}", "EPSG:4326", x.ravel(), y.ravel())
    truth = ground(np.asarray(lon).reshape(wide.shape), np.asarray(lat).reshape(wide.shape), 900.0)
    assert np.abs(surface.heights - truth).max() < 2.0


def test_no_seam_at_a_cell_border() -> None:
    """Two cells give sample by sample what the undivided model gives, and so does every line across the border."""
    rng = np.random.default_rng(1)
    whole = rng.normal(500, 100, (40, 61)).astype(np.float32)
    step = 1 / 3600
    lattice = Lattice(west=11.0, north=47.0, dx=step, dy=step, rows=40, cols=61)
    left = Piece(Lattice(11.0, 47.0, step, step, 40, 30), whole[:, :30])
    right = Piece(Lattice(11.0 + 30 * step, 47.0, step, step, 40, 31), whole[:, 30:])
    np.testing.assert_array_equal(join([left, right], lattice), whole)
    np.testing.assert_array_equal(join([right, left], lattice), whole)


def plane(shape: tuple[int, int], base: float) -> NDArray[np.float32]:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    return (base + 3.0 * x - 2.0 * y).astype(np.float32)


def test_a_hole_in_land_is_filled_with_the_plane_around_it() -> None:
    truth = plane((80, 90), 1000.0)
    heights = truth.copy()
    y, x = np.mgrid[0:80, 0:90]
    heights[np.hypot(y - 40, x - 45) < 20] = np.nan
    holes = int(np.isnan(heights).sum())
    assert fill_land_voids(heights) == holes
    np.testing.assert_allclose(heights, truth, atol=1e-2)


def test_sea_and_missing_cells_are_not_filled() -> None:
    at_sea = np.abs(plane((60, 60), -60.0)) + 1.0
    at_sea[20:40, 20:40] = np.nan
    assert fill_land_voids(at_sea) == 0
    beside = plane((60, 60), 1000.0)
    beside[:, 40:] = np.nan
    assert fill_land_voids(beside) == 0
    assert math.isnan(beside[30, 50])
    assert fill_land_voids(plane((5, 5), 100.0)) == 0


def test_a_90_m_cell_beside_a_30_m_cell_joins_without_a_step(tmp_path: Path) -> None:
    """A plane over the border of two models: the same plane comes out."""
    for seconds, west, samples in (("10", 44, 3600), ("30", 45, 1200)):
        step = 1.0 / samples
        lon, lat = np.meshgrid(west + step * np.arange(samples), 41 - step * np.arange(samples))
        with rasterio.open(
            tmp_path / f"Copernicus_DSM_{seconds}_N40_00_E{west:03d}_00_DEM.tif", "w", driver="GTiff", dtype="float32",
            count=1, width=samples, height=samples, crs="EPSG:4326",
            transform=from_origin(west - step / 2, 41 + step / 2, step, step),
        ) as dataset:  # fmt: skip
            dataset.write((1000 + 3000 * (lon - 45) + 2000 * (lat - 40)).astype(np.float32), 1)
    grid = Grid(epsg=32638, ulx=497000, uly=4480000, resolution=20, rows=300, cols=300)
    box = geographic_box(grid)
    assert box.west < 45 < box.east
    parameters = DemParameters(dem_directory=str(tmp_path), dem_reference="https://copernicus-dem-30m.example")
    survey = survey_cells(box, parameters)
    assert (survey.kind, survey.coarser, survey.missing) == ("COPERNICUS_30", ("N40_00_E045_00",), ())
    heights = warp_to_grid(build_mosaic(survey.files, box), grid)
    x, y = np.meshgrid(grid.ulx + 20.0 * (np.arange(300) + 0.5), grid.uly - 20.0 * (np.arange(300) + 0.5))
    lon, lat = (
        np.asarray(axis).reshape(grid.shape) for axis in transform("EPSG:32638", "EPSG:4326", x.ravel(), y.ravel())
    )
    assert np.abs(heights - (1000 + 3000 * (lon - 45) + 2000 * (lat - 40))).max() < 0.1
