"""Sun and view geometry on the coarse grid, from the angle nodes of the Level-1C stage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.l1c import angles
from tasks.surface_reflectance.coarse import CoarseGrid, Float32


def interpolate_nodes(nodes: NDArray[np.float32], step_m: float, grid: CoarseGrid) -> Float32:
    """Return a node field of another spacing on the coarse grid, by bilinear interpolation.

    Args:
        nodes: ``[ny, nx]`` field whose node (0, 0) lies on the tile's upper left corner.
        step_m: its node distance [m].
        grid: where the values are wanted; nodes of it beyond the last one of the field take the value there.
    """
    return angles.interpolate_nodes(nodes, step_m, *_inside(nodes, step_m, grid))


def interpolate_azimuth(nodes_deg: NDArray[np.float32], step_m: float, grid: CoarseGrid) -> Float32:
    """Return azimuths [deg, 0..360] on the coarse grid; interpolated as unit vectors, so 359 and 1 give 0."""
    return angles.interpolate_azimuth_nodes(nodes_deg, step_m, *_inside(nodes_deg, step_m, grid))


def _inside(nodes: NDArray[np.float32], step_m: float, grid: CoarseGrid) -> tuple[Float32, Float32]:
    """Return the distances of the coarse nodes [m], none beyond the field's last node."""
    ys, xs = grid.positions()
    return np.minimum(ys, step_m * (nodes.shape[0] - 1)), np.minimum(xs, step_m * (nodes.shape[1] - 1))


def relative_azimuth_deg(sun_azimuth_deg: Float32, view_azimuth_deg: Float32) -> Float32:
    """Return the angle between sun and view azimuth, 0..180 degrees; 0 has the sun behind the sensor."""
    difference = np.abs(sun_azimuth_deg - view_azimuth_deg) % 360.0
    return np.asarray(np.minimum(difference, 360.0 - difference), dtype=np.float32)


def mean_cosine(zenith_deg: Float32) -> float:
    """Return the cosine of the mean of a zenith angle field."""
    return float(np.cos(np.deg2rad(np.mean(zenith_deg, dtype=np.float64))))
