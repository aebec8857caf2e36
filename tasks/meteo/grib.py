"""Reads the GRIB files of a Level-1C granule (AUX_ECMWFT, AUX_CAMSFO) through GDAL."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.xml import shown
from tasks.meteo.fields import Field

MAX_BYTES: Final = 16 << 20
"""Largest file opened; real ones have 2 to 5 kB."""

MAX_FIELDS: Final = 64
MAX_NODES: Final = 1 << 20


def read_grib(path: Path) -> tuple[Field, ...]:
    """Read every field of a GRIB file.

    Args:
        path: the file; its name needs no extension.

    Returns:
        One :class:`Field` a message, in the order of the file; missing values are NaN.

    Raises:
        AuxiliaryUnavailable: the file is missing, too large, no GRIB, or damaged.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise AuxiliaryUnavailable(f"{shown(path)}: {error.strerror}") from error
    if magic != b"GRIB":
        raise AuxiliaryUnavailable(f"{shown(path)}: no GRIB file")
    if size > MAX_BYTES:
        raise AuxiliaryUnavailable(f"{shown(path)}: GRIB file of {size} bytes, the limit is {MAX_BYTES}")
    try:
        with _gdal(), rasterio.open(path, driver="GRIB") as dataset:
            if dataset.count > MAX_FIELDS or dataset.width * dataset.height > MAX_NODES:
                raise AuxiliaryUnavailable(
                    f"{shown(path)}: {dataset.count} fields of {dataset.height} x {dataset.width} nodes, "
                    "expected the grid of one tile"
                )
            return tuple(_field(dataset, index) for index in dataset.indexes)
    except (RasterioError, UnicodeDecodeError, ValueError, MemoryError) as error:
        raise AuxiliaryUnavailable(f"{shown(path)}: damaged GRIB file ({shown(str(error))})") from error


def _field(dataset: rasterio.DatasetReader, index: int) -> Field:
    tags = dataset.tags(index)
    values = dataset.read(index, masked=True).astype(np.float64).filled(np.nan)
    return Field(element=tags.get("GRIB_ELEMENT", ""), unit=tags.get("GRIB_UNIT", ""), values=values)


@contextmanager
def _gdal() -> Iterator[None]:
    """No side-car files, and no warning about the reduced grids that some messages have."""
    with warnings.catch_warnings(), rasterio.Env(GDAL_PAM_ENABLED="NO", GRIB_NORMALIZE_UNITS="YES"):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
