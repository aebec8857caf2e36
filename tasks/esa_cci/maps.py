"""Reads the part of the big global maps that a tile needs, never the whole file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.common.provenance import identified
from tasks.common.xml import shown
from tasks.dem.cells import Box
from tasks.dem.footprint import geographic_box
from tasks.esa_cci.parameters import EsaCciParameters
from tasks.esa_cci.snow_files import snow_condition_name

NO_VALUE: Final = 255
"""Value outside a map; no code of the three maps."""

SNOW_MAP_SHAPE: Final = (3600, 7200)
"""Rows and columns of the snow climatology: 20 a degree, from 180 W and 90 N."""

_MARGIN_PIXELS: Final = 2


def with_inventory(parameters: EsaCciParameters) -> EsaCciParameters:
    """Return the parameters with the list of maps that exist, so that a stored result depends on them."""
    if parameters.aux_data is None:
        return parameters
    folder = Path(parameters.aux_data)
    snow = folder / parameters.esacci_snowcondition_map_dir
    names = (parameters.snow_map, parameters.esacci_waterbodies_map, parameters.esacci_landcover_map)
    files = [folder / name for name in names] + (sorted(snow.glob("*.tif*")) if snow.is_dir() else [])
    found = [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files if file.is_file()]
    return parameters.model_copy(update={"inventory": tuple(found)})


def for_tile(parameters: EsaCciParameters, month: int, day: int, with_dem: bool) -> EsaCciParameters:
    """Return the parameters with names and hashes of the maps that a tile needs, as far as they exist.

    Args:
        parameters: the folder and the names.
        month, day: of the acquisition.
        with_dem: whether an elevation model is there, which the ESA CCI maps need.
    """
    names = [parameters.snow_map]
    names += [parameters.esacci_waterbodies_map, parameters.esacci_landcover_map] if with_dem else []
    places: list[Callable[[], Path]] = [functools.partial(map_path, parameters, name) for name in names]
    places += [lambda: snow_condition_path(parameters, month, day)] if with_dem else []
    found = []
    for place in places:
        # What is missing is recorded by the stage itself.
        with suppress(AuxiliaryUnavailable):
            found.append(place())
    return parameters.model_copy(update={"files": identified(found, parameters.home)})


def map_path(parameters: EsaCciParameters, name: str) -> Path:
    """Return where a map lies.

    Raises:
        AuxiliaryUnavailable: no folder is configured, or the file is not there.
    """
    if parameters.aux_data is None:
        raise AuxiliaryUnavailable(f"{name}: no folder of auxiliary maps is configured (SEN2COR_AUX)")
    path = Path(parameters.aux_data) / name
    if not path.is_file():
        raise AuxiliaryUnavailable(f"{name} is not in the folder of auxiliary maps (aux_data of the home, SEN2COR_AUX)")
    return path


def snow_condition_path(parameters: EsaCciParameters, month: int, day: int) -> Path:
    """Return the snow-condition map of a day.

    Raises:
        AuxiliaryUnavailable: no folder is configured, or it holds no map for the day.
    """
    name = parameters.esacci_snowcondition_map_dir
    if parameters.aux_data is None:
        raise AuxiliaryUnavailable(f"{name}: no folder of auxiliary maps is configured (SEN2COR_AUX)")
    folder = Path(parameters.aux_data) / name
    try:
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    except OSError as error:
        raise AuxiliaryUnavailable(f"{shown(folder)}: cannot be read ({error.strerror})") from error
    found = snow_condition_name(names, month, day)
    if found is None:
        raise AuxiliaryUnavailable(f"{shown(folder)}: no snow-condition map for day {day} of month {month}")
    return folder / found


def map_on_grid(path: Path, grid: Grid) -> NDArray[np.uint8]:
    """Return a global map on a tile's grid by nearest neighbour.

    Args:
        path: GeoTIFF of bytes in longitude and latitude.
        grid: the grid wanted.

    Returns:
        ``[rows, cols]`` uint8 codes of the map; 255 outside its extent.

    Raises:
        AuxiliaryUnavailable: the file is damaged or no such map.
    """
    box = geographic_box(grid)
    try:
        with _gdal(), rasterio.open(path, driver="GTiff") as dataset:
            _checked(dataset, path)
            codes, west, north = _window(dataset, box)
            dx, dy = dataset.transform.a, dataset.transform.e
    except (RasterioError, MemoryError) as error:
        raise AuxiliaryUnavailable(f"{shown(path)}: map cannot be read ({shown(str(error))})") from error
    # A tile across the date line is warped from longitudes counted from 180 degrees, where nothing wraps.
    meridian = 180.0 if box.east > 180.0 else 0.0
    result = np.full(grid.shape, NO_VALUE, np.uint8)
    reproject(
        codes,
        result,
        src_transform=Affine(dx, 0.0, west - meridian, 0.0, dy, north),
        src_crs=f"+proj=longlat +datum=WGS84 +pm={meridian:g} +no_defs",
        dst_transform=Affine.from_gdal(*grid.geotransform),
        dst_crs=f"EPSG:{grid.epsg}",
        dst_nodata=NO_VALUE,
        resampling=Resampling.nearest,
    )
    return result


def snow_is_possible(path: Path, box: Box) -> bool:
    """Tell whether the snow climatology has any value above 0 in a box.

    Raises:
        AuxiliaryUnavailable: the file is damaged or has another size.
    """
    rows = max(int(np.floor((90.0 - box.north) * 20)), 0), min(int(np.ceil((90.0 - box.south) * 20)), 3600)
    first, last = int(np.floor((box.west + 180.0) * 20)), int(np.ceil((box.east + 180.0) * 20))
    spans = [(first, min(last, 7200))] + ([(0, last - 7200)] if last > 7200 else [])
    try:
        with _gdal(), rasterio.open(path, driver="GTiff") as dataset:
            if dataset.shape != SNOW_MAP_SHAPE:
                raise AuxiliaryUnavailable(
                    f"{shown(path)}: {dataset.height} x {dataset.width} pixels, expected 3600 x 7200"
                )
            return any(bool((dataset.read(1, window=Window.from_slices(rows, cols)) > 0).any()) for cols in spans)
    except RasterioError as error:
        raise AuxiliaryUnavailable(f"{shown(path)}: map cannot be read ({shown(str(error))})") from error


def _checked(dataset: rasterio.DatasetReader, path: Path) -> None:
    transform = dataset.transform
    north_up = not transform.b and not transform.d and 1e-4 < transform.a < 1.0 and -1.0 < transform.e < -1e-4
    if dataset.dtypes[0] != "uint8" or not north_up or (dataset.crs is not None and not dataset.crs.is_geographic):
        raise AuxiliaryUnavailable(f"{shown(path)}: expected a map of bytes in longitude and latitude")


def _window(dataset: rasterio.DatasetReader, box: Box) -> tuple[NDArray[np.uint8], float, float]:
    """Return the codes around a box and the longitude and latitude of their upper left corner.

    Columns are counted round the globe, so a box across the date line reads both ends of the map.
    """
    left, top, dx, dy = dataset.transform.c, dataset.transform.f, dataset.transform.a, -dataset.transform.e
    turn = round(360.0 / dx)
    first_row = int(np.floor((top - box.north) / dy)) - _MARGIN_PIXELS
    last_row = int(np.ceil((top - box.south) / dy)) + _MARGIN_PIXELS
    first_col = int(np.floor((box.west - left) / dx)) - _MARGIN_PIXELS
    last_col = int(np.ceil((box.east - left) / dx)) + _MARGIN_PIXELS
    codes = np.full((last_row - first_row, last_col - first_col), NO_VALUE, np.uint8)
    rows = max(first_row, 0), min(last_row, dataset.height)
    for shift in (-turn, 0, turn):
        cols = max(first_col, shift), min(last_col, dataset.width + shift)
        if rows[0] < rows[1] and cols[0] < cols[1]:
            window = Window.from_slices(rows, (cols[0] - shift, cols[1] - shift))
            part = codes[rows[0] - first_row : rows[1] - first_row, cols[0] - first_col : cols[1] - first_col]
            part[...] = dataset.read(1, window=window)
    return codes, left + first_col * dx, top - first_row * dy


@contextmanager
def _gdal() -> Iterator[None]:
    """Read the named file only: no side-car files and no folder listing."""
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO"):
        yield
