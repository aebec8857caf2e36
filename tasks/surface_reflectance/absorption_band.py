"""The water vapour column with which B09, the band that it was retrieved from, is corrected."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.neighbourhood import GRID_M

ABSORPTION_BAND: Final = "B09"
SCALE_HEIGHT_KM: Final = 1.95
"""Height over which the column above the ground falls to 1/e (Sen2Cor 3 sources, columns by altitude)."""

_SIGMA_M: Final = 500.0


def surrounding_columns(
    water_vapour: NDArray[np.uint16], valid: NDArray[np.bool_], height_km: Float32 | None
) -> NDArray[np.uint16]:
    """Return the columns averaged over the kilometre round each 60 m pixel.

    A pixel's own column is the one that gives B09 the reflectance which the retrieval has assumed for it: with it the
    correction would return that assumption. Water vapour hardly changes within a kilometre but with the height of the
    ground, materials do; the mean column keeps what B09 shows of them. Gaussian mean (standard deviation 500 m) of the
    columns brought to sea level, ``U exp(h / 1.95 km)``.

    Args:
        water_vapour: ``[rows, cols]`` at 60 m [0.001 cm]; 0 = no-data.
        valid: ``[rows, cols]`` pixels with data.
        height_km: ``[rows, cols]`` of the ground; None where it is level.

    Returns:
        ``[rows, cols]`` [0.001 cm], 0 where not valid.
    """
    weight = (np.asarray(valid) & (np.asarray(water_vapour) > 0)).astype(np.float32)
    sigma = _SIGMA_M / GRID_M
    above = np.float32(1.0) if height_km is None else np.exp(-height_km / np.float32(SCALE_HEIGHT_KM))

    def blur(field: Float32) -> Float32:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32)

    number = blur(weight)
    mean = blur(weight * np.asarray(water_vapour, np.float32) / above) / np.maximum(number, 1e-3)
    columns = np.where(number > 1e-3, mean * above, np.asarray(water_vapour, np.float32))
    return np.where(weight > 0, columns + np.float32(0.5), 0).astype(np.uint16)
