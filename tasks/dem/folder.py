"""Looks at a folder of elevation-model cells as an operator wants it looked at: what is damaged, can it grow."""

from __future__ import annotations

import os
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.xml import shown
from tasks.dem.cells import cell_of_file
from tasks.dem.mosaic import MAX_SIDE
from tasks.dem.sources import archive_member

_DRIVERS = {".dt1": "DTED", ".dt2": "DTED"}


def cell_problem(path: Path) -> str:
    """Return in one line what is wrong with the file of a cell, empty for nothing. It is opened, not read."""
    try:
        address = str(path)
        if path.suffix in (".tar", ".zip"):
            member = archive_member(path, path.suffix, cell_of_file(path.name))
            address = f"/vsi{path.suffix[1:]}/{{{path}}}/{member}"
        with (
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO", DTED_VERIFY_CHECKSUM="NO"),
            rasterio.open(address, driver=_DRIVERS.get(path.suffix, "GTiff")) as dataset,
        ):
            plausible = dataset.count == 1 and min(dataset.shape) >= 2 and max(dataset.shape) <= MAX_SIDE
            size = f"{dataset.count} bands of {dataset.height} x {dataset.width}"
            return "" if plausible else f"{shown(path)}: {size}, no DEM cell"
    except AuxiliaryUnavailable as error:
        return str(error)
    except RasterioError as error:
        return f"{shown(path)}: cannot be read ({shown(str(error))})"


def can_grow(folder: Path) -> bool:
    """Tell whether cells can be stored in a folder, or the folder be made."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
