"""Slope, aspect, illumination, cast shadow and sky view against gdaldem, brute force and closed forms."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from tasks.common.grid import Grid
from tasks.dem.cast_shadow import BLOCK_M, cast_shadow, shadow_of_one_sun
from tasks.dem.footprint import geographic_box
from tasks.dem.mosaic import build_mosaic, warp_to_grid
from tasks.dem.parameters import DemParameters
from tasks.dem.sky_view import horizon_sky_view, simple_sky_view
from tasks.dem.sources import survey_cells
from tasks.dem.surroundings import FARTHEST_M, WIDEST, Margin, Surface, margin_of, with_margin
from tasks.dem.terrain import SunGrid, aspect_counts, gradient, illumination, slope_counts

CROP = (
    Path(__file__).parents[2].parent
    / "shared/data/dem-copernicus-30m/Copernicus_DSM_COG_10_N00_00_E006_00_DEM_crop.tif"
)
SAO_TOME = Grid(epsg=32632, ulx=238980, uly=36000, resolution=20, rows=300, cols=240)


def random_terrain(rng: np.random.Generator) -> NDArray[np.float32]:
    shape = rng.integers(15, 45, 2)
    rough = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), rng.uniform(0.5, 4.0))
    return (rough * rng.uniform(20, 2000)).astype(np.float32)


def follow_every_ray(heights: NDArray[np.float32], zenith: float, azimuth: float) -> NDArray[np.bool_]:
    """The definition: from each pixel, line by line towards the sun, with linear interpolation on the line."""
    rows, cols = heights.shape
    down, right = -math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
    along_rows = abs(down) >= abs(right)
    main, side = (down, right) if along_rows else (right, down)
    slant, way = round(side / abs(main), 12), int(math.copysign(1, main))
    rise = 20.0 * math.hypot(1.0, slant) / math.tan(math.radians(zenith))
    shadow = np.zeros(heights.shape, np.bool_)
    for row in range(rows):
        for col in range(cols):
            for step in range(1, rows + cols):
                y, x = (row + step * way, col + step * slant) if along_rows else (row + step * slant, col + step * way)
                if not (0 <= y <= rows - 1 and 0 <= x <= cols - 1):
                    break
                y0, x0 = math.floor(y), math.floor(x)
                after = heights[y0, min(x0 + 1, cols - 1)] if along_rows else heights[min(y0 + 1, rows - 1), x0]
                share = x - x0 if along_rows else y - y0
                ground = float(heights[y0, x0]) * (1 - share) + float(after) * share
                if ground > float(heights[row, col]) + step * rise:
                    shadow[row, col] = True
                    break
    return shadow


@pytest.mark.parametrize("seed", range(20))
def test_cast_shadow_equals_following_every_ray(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heights = random_terrain(rng)
    zenith = rng.uniform(20, 85)
    for azimuth in (rng.uniform(0, 360), 45.0 * rng.integers(8)):
        found = shadow_of_one_sun(heights, 20.0, zenith, azimuth)
        np.testing.assert_array_equal(found, follow_every_ray(heights, zenith, azimuth))


def test_shadow_of_a_wall_has_the_length_of_the_tangent() -> None:
    heights = np.zeros((400, 50), np.float32)
    heights[300] = 1000.0
    shadow = shadow_of_one_sun(heights, 20.0, 60.0, 180.0)
    length = 1000.0 * math.tan(math.radians(60.0)) / 20.0
    assert shadow[300 - int(length) : 300].all()
    assert not shadow[: 300 - int(length)].any()
    assert not shadow[300:].any()
    assert shadow_of_one_sun(heights, 20.0, 90.0, 180.0).all()
    assert not shadow_of_one_sun(heights, 20.0, 0.0, 180.0).any()


def test_blocks_of_a_large_grid_see_mountains_in_other_blocks() -> None:
    """One direction everywhere: the blocks must give what the undivided grid gives."""
    rng = np.random.default_rng(3)
    heights = cv2.GaussianBlur(rng.normal(0, 1, (620, 1130)), (0, 0), 25).astype(np.float32) * 60000
    assert heights.shape[0] * 20 > BLOCK_M < heights.shape[1] * 20
    grid = Grid(epsg=32632, ulx=600000, uly=5300040, resolution=20, rows=620, cols=1130)
    for zenith, azimuth in ((75.0, 130.0), (80.0, 280.0), (60.0, 20.0)):
        nodes = np.full((23, 23), 1, np.float32)
        sun = SunGrid(nodes * zenith, nodes * azimuth, 5000.0)
        found = cast_shadow(Surface(heights, grid), slice(0, 620), sun)
        whole = shadow_of_one_sun(heights, 20.0, zenith, azimuth)
        assert 0.02 < whole.mean() < 0.9
        assert (found != whole).mean() < 1e-5  # the direction's own float32 rounding


@pytest.mark.parametrize("seed", range(6))
def test_terrain_beyond_the_edge_shades_the_tile(seed: int) -> None:
    """The tile is the middle of a larger terrain: it must get the shadow that every ray over all of it gives."""
    rng = np.random.default_rng(100 + seed)
    rough = cv2.GaussianBlur(rng.normal(0, 1, (48, 60)), (0, 0), 3.0) * 4000
    heights = rough.astype(np.float32)
    heights[12:36, 16:44] *= 0.1
    grid = Grid(epsg=32632, ulx=600000, uly=5300040, resolution=20, rows=24, cols=28)
    zenith, azimuth = rng.uniform(50, 80), rng.uniform(0, 360)
    nodes = np.ones((3, 3), np.float32)
    sun = SunGrid(nodes * np.float32(zenith), nodes * np.float32(azimuth), 5000.0)
    found = cast_shadow(Surface(heights, grid, -12, -16), slice(0, 24), sun)
    truth = follow_every_ray(heights, *sun.at(grid, 12, 14))[12:36, 16:44]
    np.testing.assert_array_equal(found, truth)
    without = cast_shadow(Surface(heights[12:36, 16:44], grid), slice(0, 24), sun)
    assert truth.sum() > without.sum() + 20


def test_how_far_the_surroundings_reach() -> None:
    nodes = np.ones((3, 3), np.float32)
    # 3000 m tan 60 = 5196 m to the south; the horizon's 4410 m elsewhere; each with a spare, in whole 20 m.
    assert margin_of(SunGrid(nodes * 60, nodes * 180, 5000.0)) == Margin(4460, 4460, 5240, 4460)
    # A sun at the horizon in the north-east: the limit of 20 km, on the diagonal 14142 m.
    assert margin_of(SunGrid(nodes * 95, nodes * 45, 5000.0)) == Margin(14200, 14200, 4460, 4460)
    assert WIDEST.north == FARTHEST_M + 40
    tile = Grid(epsg=32632, ulx=600000, uly=5300040, resolution=10, rows=60, cols=40)
    around = with_margin(tile, Margin(20, 40, 60, 80))
    assert (around.ulx, around.uly, around.rows, around.cols) == (599920, 5300060, 68, 52)


@pytest.fixture(scope="module")
def real_heights(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float32]:
    if not CROP.is_file():
        pytest.skip("no real elevation model")
    folder = tmp_path_factory.mktemp("cells")
    shutil.copy(CROP, folder / "Copernicus_DSM_10_N00_00_E006_00_DEM.tif")
    box = geographic_box(SAO_TOME)
    survey = survey_cells(box, DemParameters(dem_directory=str(folder)))
    return warp_to_grid(build_mosaic(survey.files, box), SAO_TOME)


def gdaldem(folder: Path, heights: NDArray[np.float32], *words: str) -> NDArray[np.float32]:
    program = shutil.which("gdaldem")
    if program is None:
        pytest.skip("gdaldem is not installed (Debian's gdal-bin)")
    source, target = folder / "heights.tif", folder / "layer.tif"
    with rasterio.open(
        source, "w", driver="GTiff", dtype="float32", height=heights.shape[0], width=heights.shape[1], count=1,
        crs="EPSG:32632", transform=Affine.from_gdal(*SAO_TOME.geotransform),
    ) as dataset:  # fmt: skip
        dataset.write(heights, 1)
    subprocess.run([program, words[0], str(source), str(target), *words[1:]], check=True, capture_output=True)
    with rasterio.open(target) as dataset:
        return np.asarray(dataset.read(1), np.float32)


def test_slope_and_aspect_are_those_of_gdaldem(real_heights: NDArray[np.float32], tmp_path: Path) -> None:
    ground = gradient(real_heights, 20.0, slice(None))
    slope = gdaldem(tmp_path, real_heights, "slope", "-compute_edges")
    assert slope.max() > 40.0
    assert np.abs(slope_counts(ground) / 100.0 - slope).max() <= 0.0051
    aspect = gdaldem(tmp_path, real_heights, "aspect", "-compute_edges", "-zero_for_flat")
    difference = np.abs(aspect_counts(ground) / 100.0 - aspect)
    difference = np.minimum(difference, 360.0 - difference)
    # Half a count, and what rounding a sum of four float32 heights does to the direction of a small gradient.
    sloping = slope > 0
    rounding = 4 * np.spacing(real_heights.max()) / (8 * 20.0) / np.tan(np.deg2rad(slope[sloping]))
    assert (difference[sloping] <= 0.0051 + np.rad2deg(rounding)).all()
    assert (aspect_counts(ground)[slope == 0] == 0).all()


def test_illumination_is_that_of_gdaldem(real_heights: NDArray[np.float32], tmp_path: Path) -> None:
    shade = gdaldem(tmp_path, real_heights, "hillshade", "-compute_edges", "-az", "130", "-alt", "35")
    nodes = np.ones((3, 3), np.float32)
    sun = SunGrid(nodes * 55.0, nodes * 130.0, 5000.0)
    ground = gradient(real_heights, 20.0, slice(None))
    ours = illumination(ground, sun.direction(SAO_TOME, 0, SAO_TOME.rows))
    # GDAL's scale: 1 + 254 cos(beta), 1 where turned away.
    assert np.abs(1.0 + 254.0 * np.maximum(ours, 0.0) - shade).max() <= 0.51


def test_strips_give_what_the_whole_grid_gives(real_heights: NDArray[np.float32]) -> None:
    whole = gradient(real_heights, 20.0, slice(None))
    sky = horizon_sky_view(real_heights, 20.0, slice(None))
    for rows in (slice(0, 7), slice(7, 150), slice(150, 300)):
        part = gradient(real_heights, 20.0, rows)
        np.testing.assert_array_equal(part.east, whole.east[rows])
        np.testing.assert_array_equal(part.north, whole.north[rows])
    np.testing.assert_allclose(horizon_sky_view(real_heights, 20.0, slice(40, 60)), sky[40:60], atol=1e-6)


def test_sky_view_of_a_part_sees_what_lies_around_it(real_heights: NDArray[np.float32]) -> None:
    whole = horizon_sky_view(real_heights, 20.0, slice(None))
    part = horizon_sky_view(real_heights, 20.0, slice(50, 170), slice(60, 200))
    np.testing.assert_allclose(part, whole[50:170, 60:200], atol=1e-6)
    walled = np.zeros((60, 60), np.float32)
    walled[:, 50:] = 800.0
    # From column 39 the wall's foot is 220 m away at 11 pixels; the nearest distances looked at beyond it are 260 m.
    seen = horizon_sky_view(walled, 20.0, slice(20, 40), slice(10, 40))
    assert seen[:, -1].max() < 0.75
    assert (horizon_sky_view(walled[20:40, 10:40], 20.0, slice(None)) == 1.0).all()


def test_sky_view_is_the_same_at_both_pixel_sizes() -> None:
    """Smooth hills sampled at 10 m and at 20 m have the same horizons."""

    def hills(pixel: float, count: int) -> NDArray[np.float32]:
        x = pixel * (np.arange(count) + 0.5)
        return np.asarray(400 * np.sin(x / 300)[:, None] * np.cos(x / 410)[None], np.float32)

    coarse = horizon_sky_view(hills(20.0, 400), 20.0, slice(180, 220), slice(180, 220))
    fine = horizon_sky_view(hills(10.0, 800), 10.0, slice(360, 440), slice(360, 440))
    mean = fine.reshape(40, 2, 40, 2).mean(axis=(1, 3))
    assert coarse.min() < 0.8
    assert np.abs(mean - coarse).max() < 0.01


def test_sun_between_its_nodes() -> None:
    zenith = np.array([[42.4, 42.8], [43.2, 43.6]], np.float32)
    sun = SunGrid(zenith, np.array([[359, 1], [359, 1]], np.float32), 5000.0)
    grid = Grid(epsg=32632, ulx=0, uly=0, resolution=20, rows=250, cols=250)
    at = sun.at(grid, 125.0, 125.0)
    assert at[0] == pytest.approx(43.0, abs=0.01)
    assert at[1] == pytest.approx(0.0, abs=0.01)
    east, north, up = sun.direction(grid, 0, 250)
    assert np.allclose(east**2 + north**2 + up**2, 1.0, atol=0.001)


@pytest.mark.parametrize(("east", "north"), [(0.0, 0.0), (0.5, 0.2), (-1.0, 0.3), (0.0, -2.0)])
def test_sky_view_of_an_inclined_plane(east: float, north: float) -> None:
    y, x = np.mgrid[0:420, 0:420].astype(np.float32)
    heights = (20.0 * (x * east - y * north)).astype(np.float32)
    ground = gradient(heights, 20.0, slice(205, 215))
    slope = math.atan(math.hypot(east, north))
    expected = 0.5 * (1.0 + math.cos(slope))
    assert np.abs(simple_sky_view(ground) - expected).max() < 1e-5
    assert np.abs(horizon_sky_view(heights, 20.0, slice(205, 215))[:, 205:215] - expected).max() < 0.01


def test_sky_view_in_a_basin() -> None:
    """At the bottom of a cone that rises at angle e all around, the sky is cos^2 e."""
    y, x = np.mgrid[-210:211, -210:211].astype(np.float32)
    for elevation in (10.0, 25.0, 40.0):
        heights = (20.0 * np.hypot(x, y) * math.tan(math.radians(elevation))).astype(np.float32)
        factor = horizon_sky_view(heights, 20.0, slice(210, 211))[0, 210]
        assert factor == pytest.approx(math.cos(math.radians(elevation)) ** 2, abs=0.02)
    assert horizon_sky_view(-heights, 20.0, slice(210, 211))[0, 210] == pytest.approx(1.0, abs=0.01)
