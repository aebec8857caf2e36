"""Reads external CAMS netCDF files through GDAL, for products that carry no aerosol fields.

Classic netCDF and netCDF-4 are read, by the driver that rasterio's wheels carry; GRIB files are not.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.xml import shown
from tasks.meteo.cams_names import Layer, is_hourly, layer_of_name, layers_around, time_of_axes
from tasks.meteo.fields import AOT550, MODEL_HEIGHT_KM, Quantity
from tasks.meteo.parameters import MeteoParameters

MAX_NODES: Final = 50_000_000
MAX_BANDS: Final = 100_000
"""More than ten years of hourly fields."""

_AEROSOL, _GEOPOTENTIAL = "aod550", "z"
"""Names of the two variables, in files' names and in files."""

_SUFFIXES: Final = (".nc", ".nc4")


@dataclass(frozen=True)
class ExternalAerosol:
    """What a folder of CAMS files gives for a place and time.

    Attributes:
        aot550: optical thickness above the model's surface.
        height_km: height of that surface; None where no file has the geopotential.
        files: the files used.
        layers: of each field used: file, ISO time for which it is valid, weight in the interpolation.
    """

    aot550: float
    height_km: float | None
    files: tuple[Path, ...]
    layers: tuple[dict[str, Any], ...]


def cams_folder(parameters: MeteoParameters) -> Path | None:
    """Return the folder of CAMS files as an absolute path, None when none is configured."""
    if parameters.cams_directory is None:
        return None
    return (Path(parameters.home or ".") / Path(parameters.cams_directory).expanduser()).absolute()


def with_cams_inventory(parameters: MeteoParameters) -> MeteoParameters:
    """Return the parameters with names, sizes and times of the CAMS files that exist."""
    folder = cams_folder(parameters)
    if folder is None:
        return parameters
    found: tuple[str, ...] = ()
    # A folder that cannot be read is told by the stage.
    with suppress(AuxiliaryUnavailable):
        found = tuple(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in cams_files(folder))
    return parameters.model_copy(update={"cams_inventory": found})


def cams_files(folder: Path) -> tuple[Path, ...]:
    """Return the netCDF files of a folder by name; none when there is no folder.

    Raises:
        AuxiliaryUnavailable: the folder cannot be read.
    """
    try:
        found = folder.iterdir() if folder.is_dir() else ()
        return tuple(sorted(path for path in found if path.suffix.lower() in _SUFFIXES and path.is_file()))
    except OSError as error:
        raise AuxiliaryUnavailable(f"{shown(folder)}: cannot be read ({error.strerror})") from error


def files_for(parameters: MeteoParameters, sensing_time: str) -> tuple[Path, ...]:
    """Return the files that hold the fields around a time; none when there are none, or the folder cannot be read.

    Args:
        parameters: the folder.
        sensing_time: ISO time in UTC.
    """
    folder = cams_folder(parameters)
    if folder is None:
        return ()
    try:
        chosen = _choose(folder, _AEROSOL, sensing_time)[0] + _choose(folder, _GEOPOTENTIAL, sensing_time)[0]
    except AuxiliaryUnavailable:
        return ()
    return tuple(sorted({folder / layer.file for layer, _ in chosen}))


def external_aerosol(
    parameters: MeteoParameters, sensing_time: str, longitude: float, latitude: float
) -> ExternalAerosol:
    """Return the aerosol of a place and time from the configured folder.

    Bilinear between the nodes, linear in time.

    Args:
        parameters: the folder.
        sensing_time: ISO time in UTC.
        longitude, latitude: the tile's centre [degree].

    Raises:
        AuxiliaryUnavailable: no folder is configured, it has no field near the time, the field does not reach the
            place, or a file is damaged.
    """
    folder = cams_folder(parameters)
    if folder is None:
        raise AuxiliaryUnavailable("no folder of external CAMS files is configured (CAMS_Directory)")
    chosen, unread = _choose(folder, _AEROSOL, sensing_time)
    if not chosen:
        damaged = f"; {'; '.join(unread)}" if unread else ""
        raise AuxiliaryUnavailable(
            f"{shown(folder)}: no CAMS field of aod550 within 6 hours of {sensing_time}{damaged}"
        )
    surface, _ = _choose(folder, _GEOPOTENTIAL, sensing_time)
    place = longitude, latitude
    aot = sum(weight * _value(folder, layer, _AEROSOL, AOT550, place) for layer, weight in chosen)
    height = sum(w * _value(folder, layer, _GEOPOTENTIAL, MODEL_HEIGHT_KM, place) for layer, w in surface)
    used = (*chosen, *surface)
    return ExternalAerosol(
        aot550=aot,
        height_km=height if surface else None,
        files=tuple(dict.fromkeys(folder / layer.file for layer, _ in used)),
        layers=tuple(
            {"file": layer.file, "valid": layer.valid.isoformat(), "weight": round(weight, 6)} for layer, weight in used
        ),
    )


def describe_folder(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Return in one line how many aerosol fields a folder holds and from when to when, and a line for each bad file."""
    layers, unread = _catalogue(folder, _AEROSOL)
    if not layers:
        return "no field of aod550", tuple(unread)
    times = sorted(layer.valid for layer in layers)
    return f"{len(layers)} fields of aod550, {times[0]:%Y-%m-%d %H:%M} to {times[-1]:%Y-%m-%d %H:%M}", tuple(unread)


def _choose(folder: Path, field: str, sensing_time: str) -> tuple[tuple[tuple[Layer, float], ...], list[str]]:
    """Return the layers of a field around a time with their weights, and a line for each file that is damaged."""
    layers, unread = _catalogue(folder, field)
    return layers_around(layers, datetime.fromisoformat(sensing_time).astimezone(UTC)), unread


def _catalogue(folder: Path, field: str) -> tuple[list[Layer], list[str]]:
    """Return all layers of a field in a folder, and a line for each file that is damaged."""
    layers: list[Layer] = []
    unread: list[str] = []
    for path in cams_files(folder):
        if is_hourly(path.name):
            named = layer_of_name(path.name, field)
            layers += [] if named is None else [named]
            continue
        try:
            layers += _layers_in(path, field)
        except AuxiliaryUnavailable as error:
            unread.append(str(error))
    return layers, unread


def _layers_in(path: Path, field: str) -> list[Layer]:
    """Return the times of a variable in a file; none when it has no such variable."""
    with _opened(path, "") as dataset:
        variables = {name.rsplit(":", 1)[-1] for name in dataset.subdatasets}
        variables |= {dataset.tags(1).get("NETCDF_VARNAME", "")} if dataset.count else set()
    if field not in variables:
        return []
    with _opened(path, field) as dataset:
        if dataset.count > MAX_BANDS:
            raise AuxiliaryUnavailable(f"{shown(path)}: {dataset.count} fields, the limit is {MAX_BANDS}")
        tags = dataset.tags()
        axes = [name for name in tags.get("NETCDF_DIM_EXTRA", "").strip("{}").split(",") if name]
        layers = []
        for band in dataset.indexes:
            values = dataset.tags(band)
            found = {name: (float(values[f"NETCDF_DIM_{name}"]), tags.get(f"{name}#units", "")) for name in axes}
            valid, base = time_of_axes(found)
            layers.append(Layer(valid, base, path.name, band))
        return layers


def _value(folder: Path, layer: Layer, field: str, quantity: Quantity, place: tuple[float, float]) -> float:
    """Return a field's value at a longitude and latitude [degree] in our unit."""
    path = folder / layer.file
    with _opened(path, "" if is_hourly(layer.file) else field) as dataset:
        if dataset.width * dataset.height > MAX_NODES or (is_hourly(layer.file) and dataset.count != 1):
            raise AuxiliaryUnavailable(f"{shown(path)}: expected one field on a grid of longitude and latitude")
        x, y = _position(dataset, path, *place)
        value = _bilinear(dataset, layer.band, x, y)
        value = value * float(dataset.scales[layer.band - 1]) + float(dataset.offsets[layer.band - 1])
    value *= quantity.factor
    low, high = quantity.limits
    if not low <= value <= high:
        raise AuxiliaryUnavailable(f"{shown(path)}: value {value:.6g}, expected {low:g} to {high:g}")
    return value


def _position(dataset: rasterio.DatasetReader, path: Path, longitude: float, latitude: float) -> tuple[float, float]:
    """Return column and row of a place, counted between the centres of the nodes.

    Raises:
        AuxiliaryUnavailable: the grid is no north-up one of longitude and latitude, or does not reach the place.
    """
    a, b, west, d, e, north = tuple(dataset.transform)[:6]
    if b or d or a <= 0 or e >= 0 or dataset.transform.is_identity:
        raise AuxiliaryUnavailable(f"{shown(path)}: expected one field on a grid of longitude and latitude")
    x = ((longitude - west) % 360.0) / a - 0.5
    y = (latitude - north) / e - 0.5
    round_the_globe = dataset.width * a > 360.0 - 0.5 * a
    if not round_the_globe and x > dataset.width - 0.5:
        x -= 360.0 / a
    inside = round_the_globe or -0.5 <= x <= dataset.width - 0.5
    if not inside or not -1.0 <= y <= dataset.height:
        raise AuxiliaryUnavailable(f"{shown(path)}: does not reach {longitude:.2f} E {latitude:.2f} N")
    x = x if round_the_globe else min(max(x, 0.0), dataset.width - 1.0)
    return x, min(max(y, 0.0), dataset.height - 1.0)


def _bilinear(dataset: rasterio.DatasetReader, band: int, x: float, y: float) -> float:
    """Return the raw value between four nodes; columns go round the globe. NaN next to a node without a value."""
    row, col = math.floor(y), math.floor(x)
    rows = (row, min(row + 1, dataset.height - 1))
    total = 0.0
    for line, row_weight in zip(rows, (1.0 - (y - row), y - row), strict=True):
        for column, weight in ((col, 1.0 - (x - col)), (col + 1, x - col)):
            if not row_weight * weight:
                continue
            node = dataset.read(band, window=Window(column % dataset.width, line, 1, 1), masked=True)
            total += row_weight * weight * float(np.ma.filled(node.astype(np.float64), np.nan)[0, 0])
    return total


@contextmanager
def _opened(path: Path, variable: str) -> Iterator[rasterio.DatasetReader]:
    """Open a netCDF file, or one variable of it; whatever is wrong with it is ``AuxiliaryUnavailable``."""
    address = f'netcdf:"{path}":{variable}' if variable else str(path)
    try:
        with warnings.catch_warnings(), rasterio.Env(GDAL_PAM_ENABLED="NO"):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(address, driver="netCDF") as dataset:
                yield dataset
    except (RasterioError, ValueError, KeyError, MemoryError) as error:
        raise AuxiliaryUnavailable(
            f"{shown(path)}: CAMS file cannot be read ({shown(str(error))}); needs GDAL's netCDF driver"
        ) from error
