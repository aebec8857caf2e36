"""The stage as a whole: heights, flat terrain and the fall-backs recorded."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from scipy.ndimage import median_filter, uniform_filter

from tasks.common.artefacts import fingerprint, open_array
from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.common.records import ArrayRecord, StageResult, TileRef
from tasks.dem.bands import MovingBand, always, whole_surface
from tasks.dem.cast_shadow import shadow_of_one_sun
from tasks.dem.footprint import geographic_box
from tasks.dem.mosaic import build_mosaic
from tasks.dem.parameters import DemParameters, DemSurvey
from tasks.dem.provenance import with_hashes
from tasks.dem.sky_view import horizon_sky_view
from tasks.dem.sources import find_cell, survey_cells
from tasks.dem.surroundings import Margin, margin_of, with_margin
from tasks.dem.task import fetch_dem, prepare_dem
from tasks.dem.terrain import SunGrid, illumination

CROP = (
    Path(__file__).parents[2].parent
    / "shared/data/dem-copernicus-30m/Copernicus_DSM_COG_10_N00_00_E006_00_DEM_crop.tif"
)
GRID = Grid(epsg=32632, ulx=238980, uly=36000, resolution=10, rows=600, cols=480)
NAME = "Copernicus_DSM_10_N00_00_E006_00_DEM.tif"


class Stage:
    def __init__(self, folder: Path) -> None:
        self.dem = folder / "dem"
        self.dem.mkdir()
        self.tile = TileRef(key="t", work_dir=folder / "work", granule_dir=folder)
        self.parameters = DemParameters(dem_directory="dem", home=str(folder), altitude=0.25)
        self.zenith = 40.0
        self.l1c = self.l1c_of(GRID)

    def l1c_of(self, grid: Grid) -> StageResult:
        nodes = {"sun_zenith": self.zenith, "sun_azimuth": 120.0}
        folder = self.dem.parent / "l1c"
        folder.mkdir(exist_ok=True)
        for name, angle in nodes.items():
            np.save(folder / f"{name}.npy", np.full((23, 23), angle, np.float32))
        return StageResult(
            stage="l1c", version="1", fingerprint=str(grid), folder=folder,
            arrays={name: ArrayRecord(file=f"{name}.npy", shape=(23, 23), dtype="float32") for name in nodes},
            statistics={"grid": grid.model_dump(), "angle_step_m": 5000.0},
        )  # fmt: skip

    def run(self, parameters: DemParameters) -> StageResult:
        return prepare_dem.fn(self.tile, parameters, l1c=self.l1c)

    def write(self, value: float) -> None:
        with rasterio.open(
            self.dem / NAME, "w", driver="GTiff", count=1, dtype="float32", width=360, height=360, crs="EPSG:4326",
            transform=from_origin(6, 1, 1 / 360, 1 / 360),
        ) as dataset:  # fmt: skip
            dataset.write(np.full((1, 360, 360), value, np.float32))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_no_elevation_model_is_flat_terrain(stage: Stage) -> None:
    result = stage.run(DemParameters(altitude=0.25))
    assert result.arrays == {}
    assert result.statistics["flat"] is True
    assert result.statistics["mean_height_m"] == 250.0
    assert result.statistics["source"] == "NONE"
    (fallback,) = result.fallbacks
    assert fallback.code == "L2A-DEM-FLAT"
    assert "DEM_Directory" in fallback.message


def test_configured_but_missing(stage: Stage) -> None:
    result = stage.run(stage.parameters)
    assert [f.code for f in result.fallbacks] == ["L2A-DEM-FLAT"]
    assert "N00_00_E006_00" in result.fallbacks[0].message
    strict = stage.parameters.model_copy(update={"force_exit_on_dem_error": True})
    with pytest.raises(AuxiliaryUnavailable, match="holds no cell of the tile"):
        stage.run(strict)
    with pytest.raises(AuxiliaryUnavailable, match="holds no cell of the tile"):
        fetch_dem.fn(strict, stage.l1c)


def test_real_heights(stage: Stage) -> None:
    if not CROP.is_file():
        pytest.skip("no real elevation model")
    shutil.copy(CROP, stage.dem / NAME)
    result = stage.run(stage.parameters)
    heights = open_array(result, "height_20m")
    assert heights.shape == (300, 240)
    assert heights.dtype == np.float32
    assert result.fallbacks == ()
    figures = result.statistics
    assert figures["source"] == "COPERNICUS_30"
    assert figures["cells"] == ["N00_00_E006_00"]
    assert figures["flat"] is False
    assert figures["void_percentage"] == 0.0
    assert figures["min_height_m"] == heights.min() < figures["mean_height_m"] < heights.max()
    assert figures["mean_height_m"] == pytest.approx(heights.mean(), rel=1e-5)
    slope = open_array(result, "slope_20m")
    assert figures["mean_slope_deg"] == pytest.approx(slope.mean() / 100, rel=1e-6)
    for resolution, shape in (("20m", (300, 240)), ("10m", (600, 480))):
        light = open_array(result, f"illumination_{resolution}")
        shadow, sky = open_array(result, f"shadow_{resolution}"), open_array(result, f"sky_view_{resolution}")
        assert light.shape == shadow.shape == sky.shape == shape
        assert (light.dtype, shadow.dtype, sky.dtype) == (np.int16, np.uint8, np.uint8)
        assert set(np.unique(shadow)) <= {0, 1}
        assert sky.max() <= 250
        # Over a whole island the normals average to the vertical.
        assert light.mean() / 10000 == pytest.approx(np.cos(np.deg2rad(40.0)), abs=0.03)


def test_files_that_arrive_later_make_a_new_result(stage: Stage) -> None:
    before = fetch_dem.fn(stage.parameters, stage.l1c)
    flat = stage.run(before)
    assert flat.statistics["flat"] is True
    assert stage.run(fetch_dem.fn(stage.parameters, stage.l1c)).fingerprint == flat.fingerprint
    stage.write(640.0)
    after = stage.run(fetch_dem.fn(stage.parameters, stage.l1c))
    assert after.fingerprint != flat.fingerprint
    assert after.statistics["mean_height_m"] == pytest.approx(640.0)
    assert after.fallbacks == ()


def test_equal_cells_elsewhere_are_the_same_input_and_other_content_is_not(stage: Stage, tmp_path: Path) -> None:
    """Another folder and other times: the same key. Other heights in a file of the same size and time: another."""
    stage.write(640.0)
    here = fetch_dem.fn(stage.parameters, stage.l1c)
    (tmp_path / "moved").mkdir()
    shutil.copyfile(stage.dem / NAME, tmp_path / "moved" / NAME)
    moved = DemParameters(dem_directory=str(tmp_path / "moved"), altitude=0.25)
    there = fetch_dem.fn(moved, stage.l1c)
    assert here != there
    assert fingerprint("dem", "1", here, {}) == fingerprint("dem", "1", there, {})
    status = (stage.dem / NAME).stat()
    stage.write(641.0)
    os.utime(stage.dem / NAME, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (stage.dem / NAME).stat().st_size == status.st_size
    changed = fetch_dem.fn(stage.parameters, stage.l1c)
    assert fingerprint("dem", "1", changed, {}) != fingerprint("dem", "1", here, {})
    # The edition in a folder's name is recorded with the result, so it is part of the key.
    named = moved.model_copy(update={"dem_directory": "/data/COP-DEM_GLO-30-DGED__2023_1", "survey": there.survey})
    assert fingerprint("dem", "1", named, {}) != fingerprint("dem", "1", there, {})


def test_a_cell_around_the_tile_that_vanishes_is_left_out(stage: Stage) -> None:
    stage.write(640.0)
    file = find_cell(stage.dem, "COPERNICUS_30", "N00_00_E006_00")
    assert file is not None
    gone = file.model_copy(update={"path": str(stage.dem / "gone.tif")})
    found = with_hashes(DemSurvey(kind="COPERNICUS_30", files=(file,), outer=(gone,)), None)
    assert found.outer == ()
    assert "gone.tif" in found.outer_problem
    assert found.files[0].sha256 == hashlib.sha256((stage.dem / NAME).read_bytes()).hexdigest()
    with pytest.raises(AuxiliaryUnavailable, match=r"gone\.tif"):
        with_hashes(DemSurvey(kind="COPERNICUS_30", files=(gone,)), None)


def test_missing_neighbour_is_taken_for_sea_and_recorded(stage: Stage) -> None:
    stage.write(100.0)
    stage.l1c = stage.l1c_of(GRID.model_copy(update={"uly": 3000}))
    result = stage.run(stage.parameters)
    (fallback,) = result.fallbacks
    assert fallback.code == "L2A-DEM-CELLS"
    assert "S01_00_E006_00" in fallback.message
    heights = open_array(result, "height_20m")
    assert heights[10, 120] == pytest.approx(100.0)
    assert heights[-10, 120] == 0.0
    assert 30.0 < result.statistics["void_percentage"] < 70.0


def test_all_zero_is_flat_without_a_fall_back(stage: Stage) -> None:
    stage.write(0.0)
    result = stage.run(stage.parameters)
    assert result.statistics["flat"] is True
    assert result.statistics["source"] == "COPERNICUS_30"
    assert result.statistics["mean_height_m"] == 0.0
    assert result.arrays == {}
    assert result.fallbacks == ()


def test_damaged_cell(stage: Stage) -> None:
    (stage.dem / NAME).write_bytes(b"II*\0 no raster")
    result = stage.run(fetch_dem.fn(stage.parameters, stage.l1c))
    assert [f.code for f in result.fallbacks] == ["L2A-DEM-FLAT"]
    assert NAME in result.fallbacks[0].message
    with pytest.raises(AuxiliaryUnavailable, match="cannot be read"):
        stage.run(stage.parameters.model_copy(update={"force_exit_on_dem_error": True}))


def test_failed_download_is_recorded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.dem.transfer.time.sleep", lambda _: None)
    parameters = stage.parameters.model_copy(update={"dem_reference": "http://127.0.0.1:9/dem"})
    result = stage.run(parameters)
    assert [f.code for f in result.fallbacks] == ["L2A-DEM-DOWNLOAD", "L2A-DEM-FLAT"]
    with pytest.raises(AuxiliaryUnavailable, match="download failed"):
        stage.run(parameters.model_copy(update={"force_exit_on_dem_error": True}))


def test_open_sea_is_level_and_no_fall_back(stage: Stage) -> None:
    (stage.dem / "COPERNICUS_30_N00_00_E006_00.sea").touch()
    result = stage.run(stage.parameters.model_copy(update={"force_exit_on_dem_error": True}))
    assert result.fallbacks == ()
    assert result.arrays == {}
    figures = result.statistics
    assert (figures["source"], figures["flat"], figures["mean_height_m"]) == ("COPERNICUS_30", True, 0.0)
    assert figures["sea_cells"] == ["N00_00_E006_00"]


def test_substitutes_are_recorded_with_their_codes(stage: Stage) -> None:
    (stage.dem / NAME).write_bytes(b"")
    y, x = np.mgrid[0:360, 0:360]
    heights = (900 + x - y).astype(np.float32)
    # A hole in the land of the tile, which lies at 6.65 to 6.70 E, 0.27 to 0.33 N: rows 242 to 262.
    heights[245:250, 240:244] = -32767
    (stage.dem / NAME).unlink()
    coarser = stage.dem / NAME.replace("DSM_10", "DSM_30")
    with rasterio.open(
        coarser, "w", driver="GTiff", count=1, dtype="float32", width=360, height=360, crs="EPSG:4326",
        transform=from_origin(6, 1, 1 / 360, 1 / 360), nodata=-32767,
    ) as dataset:  # fmt: skip
        dataset.write(heights, 1)
    survey = DemSurvey(
        kind="COPERNICUS_30",
        files=(find_cell(stage.dem, "COPERNICUS_90", "N00_00_E006_00"),),  # type: ignore[arg-type]
        coarser=("N00_00_E006_00",),
    )
    result = stage.run(stage.parameters.model_copy(update={"survey": survey}))
    assert [fallback.code for fallback in result.fallbacks] == ["L2A-DEM-GLO90", "L2A-DEM-VOIDS"]
    (file,) = result.statistics["files"]
    assert file == {
        "cell": "N00_00_E006_00",
        "file": coarser.name,
        "sha256": hashlib.sha256(coarser.read_bytes()).hexdigest(),
    }


def test_edition_of_the_address_is_recorded(stage: Stage) -> None:
    label = stage.parameters.model_copy(update={"dem_reference": "COP-DEM_GLO-90-DGED__2021_1"})
    assert stage.run(label).statistics["edition"] == "2021_1"


@pytest.mark.parametrize("resolution", [10, 20])
def test_layers_in_strips_are_those_of_the_whole_grid(stage: Stage, resolution: int) -> None:
    """Illumination from the mosaic at each resolution, smoothed by SciPy; shadow and sky view where nothing rises."""
    if not CROP.is_file():
        pytest.skip("no real elevation model")
    shutil.copy(CROP, stage.dem / NAME)
    grid = GRID.model_copy(update={"rows": 1140})
    stage.l1c = stage.l1c_of(grid)
    result = stage.run(stage.parameters)
    nodes = np.ones((23, 23), np.float32)
    sun = SunGrid(nodes * 40.0, nodes * 120.0, 5000.0)
    margin = margin_of(sun)
    box, around = geographic_box(grid), geographic_box(with_margin(grid, margin))
    survey = survey_cells(box, stage.parameters, around)
    at = grid.at(resolution)
    surface = whole_surface(build_mosaic(survey.files, box, around), at, margin)
    cosine = illumination(surface.ground(slice(0, at.rows)), sun.direction(at, 0, at.rows))
    smooth = uniform_filter(cosine.astype(np.float64), {10: 9, 20: 5}[resolution], mode="nearest")
    found = open_array(result, f"illumination_{resolution}m")
    assert np.abs(found / 10000.0 - smooth).max() < 0.0002
    assert ((cosine <= 0) <= (open_array(result, f"shadow_{resolution}m") == 1)).mean() > 0.9999


@pytest.mark.parametrize("resolution", [10, 20])
def test_shadow_and_sky_come_from_the_mosaic_and_from_beyond_the_edge(stage: Stage, resolution: int) -> None:
    """A low sun: what all rays over the tile and its surroundings give, at that resolution, in one piece."""
    if not CROP.is_file():
        pytest.skip("no real elevation model")
    shutil.copy(CROP, stage.dem / NAME)
    stage.zenith = 78.0
    grid = GRID.model_copy(update={"rows": 1140})
    stage.l1c = stage.l1c_of(grid)
    result = stage.run(stage.parameters)
    nodes = np.ones((23, 23), np.float32)
    sun = SunGrid(nodes * 78.0, nodes * 120.0, 5000.0)
    margin = margin_of(sun)
    box, around = geographic_box(grid), geographic_box(with_margin(grid, margin))
    survey = survey_cells(box, stage.parameters, around)
    surface = whole_surface(build_mosaic(survey.files, box, around), grid.at(resolution), margin)
    part = surface.place(slice(0, surface.grid.rows))
    cast = median_filter(shadow_of_one_sun(surface.heights, resolution, 78.0, 120.0)[part].astype(np.uint8), 3)
    turned = (
        illumination(
            surface.ground(slice(0, surface.grid.rows)), sun.direction(surface.grid, 0, 1140 * 10 // resolution)
        )
        <= 0
    )
    found = open_array(result, f"shadow_{resolution}m")
    assert 0.1 < found.mean() < 0.6
    assert (found != (cast | turned)).mean() < 1e-4  # single pixels whose direction to the sun is rounded otherwise
    sky = horizon_sky_view(surface.heights, resolution, *part)
    assert np.abs(open_array(result, f"sky_view_{resolution}m") / 250.0 - sky).max() <= (
        0.02 if resolution == 10 else 0.0021
    )


def test_a_moving_band_gives_the_rows_of_the_whole(stage: Stage) -> None:
    if not CROP.is_file():
        pytest.skip("no real elevation model")
    shutil.copy(CROP, stage.dem / NAME)
    nodes = np.ones((23, 23), np.float32)
    sun = SunGrid(nodes * 60.0, nodes * 170.0, 5000.0)
    grid = GRID.model_copy(update={"rows": 1800})
    margin = Margin(1000, 500, 2000, 700)
    box, around = geographic_box(grid), geographic_box(with_margin(grid, margin))
    mosaic = build_mosaic(survey_cells(box, stage.parameters).files, box, around)
    whole = whole_surface(mosaic, grid, margin)
    band = MovingBand(mosaic, grid, margin, sun)
    for top in range(0, grid.rows, 300):
        rows = slice(top, min(top + 300, grid.rows))
        part = band(rows)
        assert part.heights.shape[0] < whole.heights.shape[0]
        here, there = part.place(rows), whole.place(rows)
        np.testing.assert_allclose(part.heights[here], whole.heights[there], atol=0.05)
        ground, expected = part.ground(rows), always(whole)(rows).ground(rows)
        assert np.abs(ground.east - expected.east).mean() < 1e-4


def test_unknown_surroundings_are_recorded_and_no_error(stage: Stage) -> None:
    """The neighbour's cell, 2 km beyond the tile's southern edge, is missing, then damaged, then sea."""
    with rasterio.open(
        stage.dem / NAME, "w", driver="GTiff", count=1, dtype="float32", width=360, height=360, crs="EPSG:4326",
        transform=from_origin(6, 1, 1 / 360, 1 / 360),
    ) as dataset:  # fmt: skip
        dataset.write(np.arange(360 * 360, dtype=np.float32).reshape(1, 360, 360) % 900 + 100)
    stage.l1c = stage.l1c_of(GRID.model_copy(update={"uly": 8000}))
    strict = stage.parameters.model_copy(update={"force_exit_on_dem_error": True})
    neighbour = stage.dem / NAME.replace("N00", "S01")
    (missing,) = stage.run(fetch_dem.fn(strict, stage.l1c)).fallbacks
    assert missing.code == "L2A-DEM-SURROUNDINGS"
    assert "S01_00_E006_00" in missing.message
    neighbour.write_bytes(b"II*\0 no raster")
    (damaged,) = stage.run(fetch_dem.fn(strict, stage.l1c)).fallbacks
    assert damaged.code == "L2A-DEM-SURROUNDINGS"
    assert "cannot be read" in damaged.message
    neighbour.unlink()
    (stage.dem / "COPERNICUS_30_S01_00_E006_00.sea").touch()
    known = stage.run(fetch_dem.fn(strict, stage.l1c))
    assert known.fallbacks == ()
    assert known.statistics["cells"] == ["N00_00_E006_00"]
    assert known.statistics["void_percentage"] == 0.0


def test_simple_sky_view_is_the_slope_alone(stage: Stage) -> None:
    if not CROP.is_file():
        pytest.skip("no real elevation model")
    shutil.copy(CROP, stage.dem / NAME)
    result = stage.run(stage.parameters.model_copy(update={"sky_view": "SIMPLE"}))
    slope = np.deg2rad(open_array(result, "slope_20m") / 100.0)
    simple = open_array(result, "sky_view_20m") / 250.0
    assert np.abs(simple - (1 + np.cos(slope)) / 2).max() <= 0.0021
    horizon = open_array(stage.run(stage.parameters), "sky_view_20m") / 250.0
    assert (horizon <= simple + 0.005).mean() > 0.99
    assert horizon.mean() < simple.mean() - 0.005
