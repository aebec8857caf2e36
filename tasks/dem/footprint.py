"""The box of longitudes and latitudes that holds a tile."""

from __future__ import annotations

from typing import Final

import numpy as np
from rasterio.warp import transform

from tasks.common.grid import Grid
from tasks.dem.cells import Box

_POINTS: Final = 33
"""Points along an edge: the curvature between two of them is below a metre."""


def geographic_box(grid: Grid) -> Box:
    """Return the box around all corners of all pixels of a grid.

    Returns:
        Longitudes and latitudes on WGS 84 [degree]; ``east`` exceeds 180 for a tile across the date line.
    """
    width, height = grid.cols * grid.resolution, grid.rows * grid.resolution
    along = np.linspace(0.0, 1.0, _POINTS)
    x = grid.ulx + width * np.concatenate((along, along, np.zeros(_POINTS), np.ones(_POINTS)))
    y = grid.uly - height * np.concatenate((np.zeros(_POINTS), np.ones(_POINTS), along, along))
    lon, lat = (np.asarray(axis) for axis in transform(f"EPSG:{grid.epsg}", "EPSG:4326", x, y))
    if lon.max() - lon.min() > 180.0:
        lon = np.where(lon < 0.0, lon + 360.0, lon)
    return Box(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
