"""Reads external CAMS netCDF files through GDAL, for products that carry no aerosol fields."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.xml import shown
from tasks.meteo.cams_names import files_around, valid_time
from tasks.meteo.fields import AOT550, MODEL_HEIGHT_KM, Quantity
from tasks.meteo.parameters import MeteoParameters

MAX_NODES: Final = 50_000_000
_FIELDS: Final = ("aod550", "z")


def cams_folder(parameters: MeteoParameters) -> Path | None:
    """Return the folder of CAMS files as an absolute path, None when none is configured."""
    if parameters.cams_directory is None:
        return None
    return (Path(parameters.home or ".") / Path(parameters.cams_directory).expanduser()).absolute()


def with_cams_inventory(parameters: MeteoParameters) -> MeteoParameters:
    """Return the parameters with the list of CAMS files that exist, so that a stored result depends on them."""
    folder = cams_folder(parameters)
    if folder is None or not folder.is_dir():
        return parameters
    files = [path for path in sorted(folder.iterdir()) if any(valid_time(path.name, field) for field in _FIELDS)]
    found = tuple(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files)
    return parameters.model_copy(update={"cams_inventory": found})


def external_aerosol(
    parameters: MeteoParameters, sensing_time: str, longitude: float, latitude: float
) -> tuple[float, float | None, tuple[Path, ...]]:
    """Return the aerosol of a place and time from the configured folder.

    Bilinear between the nodes, linear in time.

    Args:
        parameters: the folder.
        sensing_time: ISO time in UTC.
        longitude, latitude: the tile's centre [degree].

    Returns:
        AOT at 550 nm; height of the model's surface [km], None where no file of the geopotential is there; the files.

    Raises:
        AuxiliaryUnavailable: no folder is configured, it has no file near the time, or one is damaged.
    """
    folder = cams_folder(parameters)
    if folder is None:
        raise AuxiliaryUnavailable("no folder of external CAMS files is configured (CAMS_Directory)")
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    time = datetime.fromisoformat(sensing_time).astimezone(UTC)
    chosen = files_around(names, "aod550", time)
    if not chosen:
        raise AuxiliaryUnavailable(f"{shown(folder)}: no CAMS file of aod550 within 6 hours of {sensing_time}")
    aot = sum(weight * _value(folder / name, AOT550, longitude, latitude) for name, weight in chosen)
    surface = files_around(names, "z", time)
    height = sum(w * _value(folder / name, MODEL_HEIGHT_KM, longitude, latitude) for name, w in surface)
    used = tuple(folder / name for name, _ in (*chosen, *surface))
    return aot, height if surface else None, used


def _value(path: Path, quantity: Quantity, longitude: float, latitude: float) -> float:
    """Return a field's value at a place in our unit."""
    try:
        with rasterio.Env(GDAL_PAM_ENABLED="NO"), rasterio.open(path, driver="netCDF") as dataset:
            a, b, west, d, e, north = tuple(dataset.transform)[:6]
            if dataset.count != 1 or b or d or a <= 0 or e >= 0 or dataset.width * dataset.height > MAX_NODES:
                raise AuxiliaryUnavailable(f"{shown(path)}: expected one field on a grid of longitude and latitude")
            x = ((longitude - west) % 360.0) / a - 0.5
            y = min(max((latitude - north) / e - 0.5, 0.0), dataset.height - 1.0)
            value = _bilinear(dataset, x, y)
            value = value * float(dataset.scales[0]) + float(dataset.offsets[0])
    except (RasterioError, ValueError, MemoryError) as error:
        raise AuxiliaryUnavailable(
            f"{shown(path)}: CAMS file cannot be read ({shown(str(error))}); needs GDAL's netCDF driver"
        ) from error
    value *= quantity.factor
    low, high = quantity.limits
    if not low <= value <= high:
        raise AuxiliaryUnavailable(f"{shown(path)}: value {value:.6g}, expected {low:g} to {high:g}")
    return value


def _bilinear(dataset: rasterio.DatasetReader, x: float, y: float) -> float:
    """Return the raw value between four nodes; columns go round the globe. NaN next to a node without a value."""
    row, col = math.floor(y), math.floor(x)
    rows = (row, min(row + 1, dataset.height - 1))
    total = 0.0
    for line, row_weight in zip(rows, (1.0 - (y - row), y - row), strict=True):
        for column, weight in ((col, 1.0 - (x - col)), (col + 1, x - col)):
            node = dataset.read(1, window=Window(column % dataset.width, line, 1, 1), masked=True)
            total += row_weight * weight * float(np.ma.filled(node.astype(np.float64), np.nan)[0, 0])
    return total
