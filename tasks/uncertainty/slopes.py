"""The uncertainty of the light that a slope receives."""

from __future__ import annotations

import numpy as np

from tasks.surface_reflectance.coarse import Float32, enlarge
from tasks.surface_reflectance.neighbourhood import GRID_M
from tasks.surface_reflectance.terrain import BandRelief


def slope_error(relief: BandRelief, rows: slice, received: Float32, slope_deg: float, sky_share: float) -> Float32:
    """Return the relative standard uncertainty of ``e`` of a row strip.

    The sun's part goes with ``cos(beta)``, which an error of the slope changes by ``sin(beta)`` times that error; the
    model of the sky is wrong by a share of what it makes of the slope, so level ground has no error.

    Args:
        relief: light on slopes in the band.
        rows: of the strip.
        received: ``[rows, cols]`` ``e``.
        slope_deg: standard uncertainty of the slope towards the sun [deg].
        sky_share: relative standard uncertainty of ``1 - e``.
    """
    terrain, cols = relief.relief, received.shape[1]
    level = terrain.grid.upsample(terrain.inverse_cos_sun, terrain.resolution, rows, cols)
    lit = terrain.strip(rows)[0]
    error = np.sqrt(np.maximum(1.0 - np.square(lit / level), 0.0)) * np.float32(np.radians(slope_deg))
    error *= lit > 0
    error *= level * terrain.grid.upsample(relief.direct, terrain.resolution, rows, cols)
    error /= 1.0 + enlarge(relief.returned, GRID_M // terrain.resolution, rows, cols)
    total = np.hypot(error, np.float32(sky_share) * np.abs(received - 1.0))
    return np.asarray(total / received, np.float32)
