"""Reading, joining and warping elevation cells, against direct sampling, brute force and planes."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.warp import transform

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.dem.footprint import geographic_box
from tasks.dem.mosaic import build_mosaic, warp_to_grid
from tasks.dem.parameters import DemParameters
from tasks.dem.sources import survey_cells

CROP = (
    Path(__file__).parents[2].parent
    / "shared/data/dem-copernicus-30m/Copernicus_DSM_COG_10_N00_00_E006_00_DEM_crop.tif"
)
SAO_TOME = Grid(epsg=32632, ulx=238980, uly=36000, resolution=20, rows=300, cols=240)


def centres(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitudes and latitudes of all pixel centres."""
    x, y = np.meshgrid(
        grid.ulx + grid.resolution * (np.arange(grid.cols) + 0.5),
        grid.uly - grid.resolution * (np.arange(grid.rows) + 0.5),
    )
    lon, lat = transform(f"EPSG:{grid.epsg}", "EPSG:4326", x.ravel(), y.ravel())
    return np.asarray(lon).reshape(grid.shape), np.asarray(lat).reshape(grid.shape)


def write_cell(path: Path, west: float, north: float, values: NDArray[np.generic], dx: float, dy: float) -> None:
    """Write a GeoTIFF whose first sample's centre lies at (west, north)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype=values.dtype,
        width=values.shape[1],
        height=values.shape[0],
        count=1,
        crs="EPSG:4326",
        transform=from_origin(west - dx / 2, north + dy / 2, dx, dy),
    ) as dataset:
        dataset.write(values, 1)


def heights_of(folder: Path, grid: Grid, reference: str | None = None) -> NDArray[np.float32]:
    box = geographic_box(grid)
    survey = survey_cells(box, DemParameters(dem_directory=str(folder), dem_reference=reference))
    assert survey.kind is not None
    assert survey.missing == ()
    return warp_to_grid(build_mosaic(survey.files, box), grid)


def height_plane(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    return 500.0 + 2000.0 * (lon - 11.0) + 3000.0 * (lat - 47.0)


def plane_cell(path: Path, west: int, south: int, step: float, columns: float = 1.0) -> None:
    """Write a 1 degree cell of the plane in the Copernicus layout (top row on the northern border)."""
    rows, cols = round(1 / step), round(1 / (step * columns))
    lon = west + np.arange(cols) * (1 / cols)
    lat = south + 1 - np.arange(rows) * step
    write_cell(path, west, south + 1, height_plane(*np.meshgrid(lon, lat)).astype(np.float32), 1 / cols, step)


@pytest.fixture
def crop_folder(tmp_path: Path) -> Path:
    if not CROP.is_file():
        pytest.skip("no real elevation model")
    shutil.copy(CROP, tmp_path / "Copernicus_DSM_COG_10_N00_00_E006_00_DEM.tif")
    return tmp_path


def b_spline(values: NDArray[np.float64], rows: NDArray[np.float64], cols: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the uniform cubic B-spline sum at fractional positions, written out."""

    def weights(t: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return [(1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6]

    r, c = np.floor(rows).astype(int), np.floor(cols).astype(int)
    wr, wc = weights(rows - r), weights(cols - c)
    return sum((wr[i] * wc[j] * values[r + i - 1, c + j - 1] for i in range(4) for j in range(4)), np.zeros(rows.shape))


def test_real_heights(crop_folder: Path) -> None:
    heights = heights_of(crop_folder, SAO_TOME)
    lon, lat = centres(SAO_TOME)
    with rasterio.open(CROP) as dataset:
        nearest = np.array([v[0] for v in dataset.sample(zip(lon.ravel(), lat.ravel(), strict=True))])
        values = dataset.read(1).astype(np.float64)
        origin = dataset.transform
    assert heights.dtype == np.float32
    difference = heights - nearest.reshape(heights.shape)
    assert heights.max() - heights.min() > 400.0
    assert abs(difference.mean()) < 0.1
    assert difference.std() < 8.0
    # The spline written out above; GDAL interpolates coordinates to 0.125 samples.
    exact = b_spline(values, (lat - origin.f) / origin.e - 0.5, (lon - origin.c) / origin.a - 0.5)
    assert np.abs(heights - exact).max() < 0.25


@pytest.mark.parametrize("layout", ["tar", "zip", "folder", "dged"])
def test_layouts_give_the_same_heights(
    crop_folder: Path, tmp_path_factory: pytest.TempPathFactory, layout: str
) -> None:
    reference = heights_of(crop_folder, SAO_TOME)
    name = "Copernicus_DSM_10_N00_00_E006_00"
    folder = tmp_path_factory.mktemp("dem with blank")
    member = f"{name}/DEM/{name}_DEM.tif"
    if layout == "tar":
        with tarfile.open(folder / f"{name}.tar", "w") as archive:
            readme = tarfile.TarInfo(f"{name}/readme.txt")
            readme.size = 4
            archive.addfile(readme, io.BytesIO(b"text"))
            archive.add(CROP, member)
    elif layout == "zip":
        with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(CROP, member)
    elif layout == "folder":
        cog = "Copernicus_DSM_COG_10_N00_00_E006_00_DEM"
        (folder / cog).mkdir()
        shutil.copy(CROP, folder / cog / f"{cog}.tif")
    else:
        (folder / member).parent.mkdir(parents=True)
        shutil.copy(CROP, folder / member)
    np.testing.assert_array_equal(heights_of(folder, SAO_TOME), reference)


@pytest.mark.parametrize("widen", [1.0, 1.5])
def test_plane_across_four_cells(tmp_path: Path, widen: float) -> None:
    """A tile on the corner of four cells; with ``widen`` the northern ones have a wider longitude spacing."""
    step = 1 / 1200
    for west in (11, 12):
        plane_cell(tmp_path / f"Copernicus_DSM_30_N46_00_E0{west}_00_DEM.tif", west, 46, step)
        plane_cell(tmp_path / f"Copernicus_DSM_30_N47_00_E0{west}_00_DEM.tif", west, 47, step, widen)
    x, y = transform("EPSG:4326", "EPSG:32632", [12.0], [47.0])
    grid = Grid(epsg=32632, ulx=round(x[0]) - 3000, uly=round(y[0]) + 2400, resolution=20, rows=240, cols=300)
    truth = height_plane(*centres(grid))
    np.testing.assert_allclose(heights_of(tmp_path, grid, "CopernicusDEM90"), truth, atol=0.05)


def test_plane_on_the_width_of_a_tile(tmp_path: Path) -> None:
    """No shift where samples are a little narrower than pixels (18.6 m at 53 degrees north)."""
    step = 1 / 3600
    for south in (52, 53):
        for west in (10, 9, 8):
            lon, lat = -west + np.arange(3600) * step, south + 1 - np.arange(3600) * step
            write_cell(
                tmp_path / f"Copernicus_DSM_10_N{south}_00_W0{west:02d}_00_DEM.tif",
                -west,
                south + 1,
                (1000 + 500 * lon[None, :] / 10 + 300 * (lat[:, None] - 52)).astype(np.float32),
                step,
                step,
            )
    grid = Grid(epsg=32629, ulx=499980, uly=5840040, resolution=20, rows=60, cols=5490)
    lon, lat = centres(grid)
    truth = 1000 + 500 * lon / 10 + 300 * (lat - 52)
    np.testing.assert_allclose(heights_of(tmp_path, grid), truth, atol=0.02)


def test_date_line_and_south(tmp_path: Path) -> None:
    step = 1 / 1200
    for west, name in ((179, "e179_s17"), (-180, "w180_s17")):
        lon = west % 360 + np.arange(1201) * step
        lat = -16 - np.arange(1201) * step
        values = np.rint(1000 + 800 * (lon[None, :] - 180) + 400 * (lat[:, None] + 16.5)).astype(np.int16)
        write_cell(tmp_path / "cell.tif", west, -16, values, step, step)
        with rasterio.open(tmp_path / "cell.tif") as dataset:
            rasterio.shutil.copy(dataset, tmp_path / f"{name}.dt1", driver="DTED")
    x, y = transform("EPSG:4326", "EPSG:32701", [-180.0], [-16.5])
    grid = Grid(epsg=32701, ulx=round(x[0]) - 3000, uly=round(y[0]) + 2400, resolution=20, rows=240, cols=300)
    lon, lat = centres(grid)
    lon = np.where(lon < 0, lon + 360, lon)
    assert lon.min() < 180 < lon.max()
    truth = 1000 + 800 * (lon - 180) + 400 * (lat + 16.5)
    np.testing.assert_allclose(heights_of(tmp_path, grid), truth, atol=0.8)


def test_voids_become_zero(tmp_path: Path) -> None:
    step = 1 / 1200
    values = np.full((6000, 6000), 700, np.int16)[:1300, :1300]
    values[600:700] = -32768
    write_cell(tmp_path / "srtm_39_03.tif", 11.0, 48.0, values, step, step)
    x, y = transform("EPSG:4326", "EPSG:32632", [11.5], [47.5])
    grid = Grid(epsg=32632, ulx=round(x[0]), uly=round(y[0]) + 3000, resolution=20, rows=600, cols=60)
    heights = heights_of(tmp_path, grid)
    assert heights[60, 30] == pytest.approx(700.0, abs=1e-3)
    assert heights[400, 30] == 0.0
    assert heights.min() >= 0.0


def test_unusable_files(tmp_path: Path) -> None:
    name = "Copernicus_DSM_10_N00_00_E006_00"
    tif = tmp_path / f"{name}_DEM.tif"
    box = geographic_box(SAO_TOME)
    parameters = DemParameters(dem_directory=tmp_path.name, home=str(tmp_path.parent))
    assert survey_cells(box, parameters).missing == ("N00_00_E006_00",)

    tif.write_bytes(b"II*\0" + bytes(100))
    with pytest.raises(AuxiliaryUnavailable, match="cannot be read"):
        build_mosaic(survey_cells(box, parameters).files, box)
    with rasterio.open(
        tif, "w", driver="GTiff", dtype="int16", width=9, height=9, count=1, crs="EPSG:32632",
        transform=from_origin(0, 9, 1, 1),
    ) as dataset:  # fmt: skip
        dataset.write(np.zeros((1, 9, 9), np.int16))
    with pytest.raises(AuxiliaryUnavailable, match="longitude and latitude"):
        build_mosaic(survey_cells(box, parameters).files, box)
    write_cell(tif, 50.0, 50.0, np.ones((9, 9), np.float32), 0.01, 0.01)
    with pytest.raises(AuxiliaryUnavailable, match="reaches into the tile"):
        build_mosaic(survey_cells(box, parameters).files, box)
    tif.unlink()

    (tmp_path / f"{name}.tar").write_bytes(b"no archive")
    with pytest.raises(AuxiliaryUnavailable, match="damaged archive"):
        survey_cells(box, parameters)
    with tarfile.open(tmp_path / f"{name}.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(f"../{name}_DEM.tif"))
    with pytest.raises(AuxiliaryUnavailable, match="holds no"):
        survey_cells(box, parameters)


def test_cells_known_to_be_sea(tmp_path: Path) -> None:
    write_cell(
        tmp_path / "Copernicus_DSM_30_N00_00_E006_00_DEM.tif", 6, 1, np.ones((12, 12), np.float32), 1 / 12, 1 / 12
    )
    (tmp_path / "CopernicusDEM_90_TIFF_missing_tiles.list").write_text("Copernicus_DSM_30_S01_00_E006_00_DEM.tif\n")
    grid = SAO_TOME.model_copy(update={"uly": 1000})
    survey = survey_cells(geographic_box(grid), DemParameters(dem_directory=str(tmp_path)))
    assert survey.kind == "COPERNICUS_90"
    assert survey.sea == ("S01_00_E006_00",)
    assert survey.missing == ()


def test_the_gipp_word_none_means_nothing() -> None:
    parameters = DemParameters(dem_directory="NONE", dem_reference=" none ")
    assert parameters.dem_directory is None
    assert parameters.dem_reference is None
    assert DemParameters(dem_reference="CopernicusDEM90").download_address is None
    assert DemParameters(dem_reference="https://dem.example/x").download_address == "https://dem.example/x"
