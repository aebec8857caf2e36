"""Sun and view geometry on the coarse grid, from the angle nodes of the Level-1C stage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import CoarseGrid, Float32


def interpolate_nodes(nodes: NDArray[np.float32], step_m: float, grid: CoarseGrid) -> Float32:
    """Return a node field of another spacing on the coarse grid, by bilinear interpolation.

    Args:
        nodes: ``[ny, nx]`` field whose node (0, 0) lies on the tile's upper left corner.
        step_m: its node distance [m].
        grid: where the values are wanted.

    Returns:
        ``[ny, nx]`` float32 on the coarse grid; beyond the last node its value is kept.
    """
    result = np.asarray(nodes, dtype=np.float32)
    for axis, position in enumerate(grid.positions()):
        last = result.shape[axis] - 1
        place = np.clip(position / step_m, 0, last)
        lower = np.minimum(np.floor(place).astype(np.intp), max(last - 1, 0))
        upper = np.minimum(lower + 1, last)
        weight = (place - lower).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
        result = np.take(result, lower, axis) * (1 - weight) + np.take(result, upper, axis) * weight
    return result


def interpolate_azimuth(nodes_deg: NDArray[np.float32], step_m: float, grid: CoarseGrid) -> Float32:
    """Return azimuths [deg, 0..360] on the coarse grid; interpolated as unit vectors, so 359 and 1 give 0."""
    radians = np.deg2rad(nodes_deg)
    east = interpolate_nodes(np.sin(radians).astype(np.float32), step_m, grid)
    north = interpolate_nodes(np.cos(radians).astype(np.float32), step_m, grid)
    return np.asarray(np.rad2deg(np.arctan2(east, north)) % 360.0, dtype=np.float32)


def relative_azimuth_deg(sun_azimuth_deg: Float32, view_azimuth_deg: Float32) -> Float32:
    """Return the angle between sun and view azimuth, 0..180 degrees; 0 has the sun behind the sensor."""
    difference = np.abs(sun_azimuth_deg - view_azimuth_deg) % 360.0
    return np.asarray(np.minimum(difference, 360.0 - difference), dtype=np.float32)


def mean_cosine(zenith_deg: Float32) -> float:
    """Return the cosine of the mean of a zenith angle field."""
    return float(np.cos(np.deg2rad(np.mean(zenith_deg, dtype=np.float64))))
