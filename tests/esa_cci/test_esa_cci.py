"""Global maps on a tile, with small GeoTIFFs of the true names, codes and pixel sizes."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.warp import transform

from tasks.common import provenance
from tasks.common.artefacts import fingerprint, open_array
from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.dem.cells import Box
from tasks.esa_cci.maps import for_tile, map_on_grid, snow_is_possible, with_inventory
from tasks.esa_cci.parameters import EsaCciParameters
from tasks.esa_cci.snow_files import snow_condition_name
from tasks.esa_cci.task import look_up_esa_cci

GRID = Grid(epsg=32632, ulx=650040, uly=5300040, resolution=20, rows=300, cols=240)
DATE_LINE = Grid(epsg=32701, ulx=180000 + 320, uly=8174000, resolution=20, rows=240, cols=300)
MONTHLY = "ESACCI-LC-L4-Snow-Cond-500m-MONTHLY-2000-2012-v2.4"


def monthly(month: int) -> str:
    return f"ESACCI-LC-L4-Snow-Cond-AggOcc-500m-MONTHLY-2000-2012-2000{month:02d}-2.4.tif"


def weekly(month: int, day: int) -> str:
    return f"ESACCI-LC-L4-Snow-Cond-AggOcc-500m-P13Y7D-2000-2012-2000{month:02d}{day:02d}-v2.0.tif"


def write_map(path: Path, west: float, north: float, step: float, codes: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, dtype=codes.dtype, width=codes.shape[1], height=codes.shape[0],
        crs="EPSG:4326", transform=from_origin(west, north, step, step), compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.write(codes, 1)


def pixel_indices(
    grid: Grid, west: float, north: float, step: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row and column (fractional) of every pixel centre in a map, by exact transformation."""
    x, y = np.meshgrid(
        grid.ulx + grid.resolution * (np.arange(grid.cols) + 0.5),
        grid.uly - grid.resolution * (np.arange(grid.rows) + 0.5),
    )
    lon, lat = (
        np.asarray(a).reshape(grid.shape) for a in transform(f"EPSG:{grid.epsg}", "EPSG:4326", x.ravel(), y.ravel())
    )
    lon = np.where(lon < west - 180, lon + 360, lon)
    return (north - lat) / step, (lon - west) / step


@pytest.mark.parametrize("step", [360 / 259200, 360 / 129600, 360 / 86400], ids=["150m", "300m", "500m"])
def test_nearest_code_of_every_pixel(tmp_path: Path, step: float) -> None:
    west, north = 10.75, 48.0
    codes = np.random.default_rng(1).integers(0, 230, (round(0.4 / step), round(0.6 / step))).astype(np.uint8)
    write_map(tmp_path / "map.tif", west, north, step, codes)
    result = map_on_grid(tmp_path / "map.tif", GRID)
    rows, cols = pixel_indices(GRID, west, north, step)
    expected = codes[rows.astype(int), cols.astype(int)]
    clear = np.minimum(np.abs(rows - np.rint(rows)), np.abs(cols - np.rint(cols))) > 0.02
    np.testing.assert_array_equal(result[clear], expected[clear])
    assert clear.mean() > 0.85


def test_across_the_date_line_and_outside(tmp_path: Path) -> None:
    """A map round the whole globe at 16.5 S: 1 west and 2 east of the date line, 7 elsewhere."""
    step = 360 / 7200
    codes = np.full((40, 7200), 7, np.uint8)
    codes[:, -20:], codes[:, :20] = 1, 2
    write_map(tmp_path / "map.tif", -180.0, -16.0, step, codes)
    x, y = transform("EPSG:4326", "EPSG:32701", [-180.0], [-16.5])
    grid = DATE_LINE.model_copy(update={"ulx": round(x[0]) - 3000, "uly": round(y[0])})
    result = map_on_grid(tmp_path / "map.tif", grid)
    _, cols = pixel_indices(grid, 170.0, 0.0, 1.0)
    east = cols > 10.0
    assert 0.2 < east.mean() < 0.8
    clear = np.abs(cols - 10.0) > 5e-4
    np.testing.assert_array_equal(result[clear], np.where(east, 2, 1)[clear])

    outside = map_on_grid(tmp_path / "map.tif", GRID)
    assert (outside == 255).all()


def test_unusable_maps(tmp_path: Path) -> None:
    path = tmp_path / "map.tif"
    path.write_bytes(b"II*\0" + bytes(64))
    with pytest.raises(AuxiliaryUnavailable, match="cannot be read"):
        map_on_grid(path, GRID)
    write_map(path, 10.0, 48.0, 0.01, np.ones((9, 9), np.float32))
    with pytest.raises(AuxiliaryUnavailable, match="bytes in longitude"):
        map_on_grid(path, GRID)
    with pytest.raises(AuxiliaryUnavailable, match="expected 3600 x 7200"):
        snow_is_possible(path, Box(0, 0, 1, 1))


def test_snow_climatology_by_hand(tmp_path: Path) -> None:
    """One snow pixel whose upper left corner lies at 11 E, 47 N, and one just west of the date line."""
    values = np.zeros((3600, 7200), np.uint8)
    values[(90 - 47) * 20, (180 + 11) * 20] = 1
    values[(90 - 52) * 20, 7199] = 1
    write_map(tmp_path / "GlobalSnowMap.tiff", -180.0, 90.0, 0.05, values)
    snow = tmp_path / "GlobalSnowMap.tiff"
    assert snow_is_possible(snow, Box(10.5, 46.5, 11.5, 47.5))
    assert snow_is_possible(snow, Box(11.04, 46.96, 11.5, 46.99))
    assert not snow_is_possible(snow, Box(11.06, 46.5, 11.5, 47.5))
    assert not snow_is_possible(snow, Box(10.5, 47.01, 11.5, 47.5))
    assert snow_is_possible(snow, Box(179.5, 51.5, 180.5, 52.5))
    assert not snow_is_possible(snow, Box(-180.0, 51.5, -179.5, 52.5))


def test_snow_file_of_the_day() -> None:
    months = [monthly(m) for m in range(1, 13)]
    assert snow_condition_name(months, 7, 31) == monthly(7)
    assert snow_condition_name(months[:6], 7, 31) is None
    weeks = [weekly(1, 1), weekly(1, 8), weekly(4, 2), weekly(12, 30), "readme.txt", weekly(13, 40)]
    assert snow_condition_name(weeks, 1, 4) == weekly(1, 1)
    assert snow_condition_name(weeks, 1, 5) == weekly(1, 8)
    assert snow_condition_name(weeks, 4, 5) == weekly(4, 2)
    assert snow_condition_name(weeks, 12, 29) == weekly(12, 30)
    assert snow_condition_name([weekly(1, 1)], 12, 30) == weekly(1, 1)
    assert snow_condition_name(weeks, 2, 29) is None
    assert snow_condition_name([], 1, 1) is None


class Stage:
    """Runs the stage on the small grid, with or without an elevation model."""

    def __init__(self, folder: Path) -> None:
        self.aux = folder / "aux_data"
        self.aux.mkdir()
        self.tile = TileRef(key="t", work_dir=folder / "work", granule_dir=folder)
        self.parameters = EsaCciParameters(aux_data=str(self.aux))

    def run(self, parameters: EsaCciParameters, source: str = "COPERNICUS_30") -> StageResult:
        grid = GRID.model_copy(update={"resolution": 10, "rows": 600, "cols": 480})
        statistics = {"grid": grid.model_dump(), "sensing_time": "2022-10-05T11:54:11.024Z"}
        l1c = StageResult(stage="l1c", version="1", fingerprint="a", folder=self.aux, statistics=statistics)
        dem = StageResult(stage="dem", version="1", fingerprint=source, folder=self.aux, statistics={"source": source})
        return look_up_esa_cci.fn(self.tile, parameters, l1c=l1c, dem=dem)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def codes_of(result: StageResult) -> list[str]:
    return [fallback.code for fallback in result.fallbacks]


def test_nothing_there(stage: Stage) -> None:
    result = stage.run(stage.parameters)
    assert codes_of(result) == [
        "L2A-CCI-SNOW-CLIMATOLOGY",
        "L2A-CCI-WATER-BODIES",
        "L2A-CCI-LAND-COVER",
        "L2A-CCI-SNOW-CONDITION",
    ]
    assert result.arrays == {}
    assert result.statistics == {"snow_possible": None, "maps": {}, "files": []}
    assert codes_of(stage.run(EsaCciParameters(aux_data="NONE"))) == codes_of(result)


def test_no_elevation_model(stage: Stage) -> None:
    result = stage.run(stage.parameters, source="NONE")
    assert codes_of(result) == ["L2A-CCI-SNOW-CLIMATOLOGY", "L2A-CCI-NO-DEM"]


def test_everything_there(stage: Stage) -> None:
    p = stage.parameters
    write_map(stage.aux / p.esacci_waterbodies_map, 10.5, 48.5, 360 / 259200, np.full((1080, 1080), 2, np.uint8))
    write_map(stage.aux / p.esacci_landcover_map, 10.5, 48.5, 360 / 129600, np.full((540, 540), 190, np.uint8))
    for month, value in ((9, 1), (10, 37), (11, 99)):
        write_map(stage.aux / MONTHLY / monthly(month), 10.5, 48.5, 360 / 86400, np.full((360, 360), value, np.uint8))
    write_map(stage.aux / p.snow_map, -180.0, 90.0, 0.05, np.zeros((3600, 7200), np.uint8))
    result = stage.run(with_inventory(p))
    assert result.fallbacks == ()
    assert result.statistics["snow_possible"] is False
    assert result.statistics["maps"]["snow_condition_20m"] == monthly(10)
    for name, value in (("water_bodies_20m", 2), ("land_cover_20m", 190), ("snow_condition_20m", 37)):
        array = open_array(result, name)
        assert array.shape == GRID.shape
        assert (array == value).all()


def test_a_new_map_makes_a_new_result(stage: Stage) -> None:
    before = stage.run(with_inventory(stage.parameters))
    write_map(
        stage.aux / stage.parameters.esacci_landcover_map, 10.5, 48.5, 360 / 129600, np.full((540, 540), 210, np.uint8)
    )
    after = stage.run(with_inventory(stage.parameters))
    assert before.fingerprint != after.fingerprint
    assert list(after.arrays) == ["land_cover_20m"]
    assert "L2A-CCI-LAND-COVER" not in codes_of(after)


def test_equal_maps_elsewhere_are_the_same_input_and_other_content_is_not(stage: Stage, tmp_path: Path) -> None:
    p = stage.parameters
    for month in (9, 10):
        write_map(stage.aux / MONTHLY / monthly(month), 10.5, 48.5, 360 / 86400, np.full((90, 90), month, np.uint8))
    cover = stage.aux / p.esacci_landcover_map
    write_map(cover, 10.5, 48.5, 360 / 129600, np.full((540, 540), 210, np.uint8))
    here = for_tile(with_inventory(p), 10, 5, with_dem=True)
    assert [entry.split()[0] for entry in here.files or ()] == [cover.name, monthly(10)]
    shutil.copytree(stage.aux, tmp_path / "moved", copy_function=shutil.copyfile)
    moved = EsaCciParameters(aux_data=str(tmp_path / "moved"), home=str(tmp_path / "home"))
    there = for_tile(with_inventory(moved), 10, 5, with_dem=True)
    assert fingerprint("esa_cci", "1", here, {}) == fingerprint("esa_cci", "1", there, {})
    assert list((tmp_path / "home" / "cache" / "sha256").iterdir())
    # The map of another month is no input of this tile; land cover of the same size and time is, with its content.
    write_map(stage.aux / MONTHLY / monthly(9), 10.5, 48.5, 360 / 86400, np.full((90, 90), 77, np.uint8))
    assert for_tile(p, 10, 5, with_dem=True).files == here.files
    for folder, parameters in ((stage.aux, p), (tmp_path / "moved", moved)):
        path = folder / p.esacci_landcover_map
        status = path.stat()
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert for_tile(parameters, 10, 5, with_dem=True).files != here.files
    assert for_tile(p, 10, 5, with_dem=False).files == ()


def test_a_damaged_note_of_a_hash_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "map.tif"
    file.write_bytes(b"content")
    truth = hashlib.sha256(b"content").hexdigest()
    for number, text in enumerate(("", "{}", "[1]", '{"path": "other", "stamp": [], "sha256": "00"}')):
        home = tmp_path / f"home{number}"
        assert provenance.file_sha256(file, str(home)) == truth
        (note,) = (home / "cache" / "sha256").iterdir()
        note.write_text(text)
        provenance._sha256.cache_clear()
        assert provenance.file_sha256(file, str(home)) == truth
    (tmp_path / "no folder").write_text("a file where the home should be")
    assert provenance.file_sha256(file, str(tmp_path / "no folder")) == truth


def test_damaged_map_is_a_fall_back(stage: Stage) -> None:
    (stage.aux / stage.parameters.esacci_waterbodies_map).write_bytes(b"no TIFF")
    result = stage.run(stage.parameters)
    (message,) = (f.message for f in result.fallbacks if f.code == "L2A-CCI-WATER-BODIES")
    assert "cannot be read" in message
