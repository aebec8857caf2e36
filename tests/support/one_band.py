"""One band of a whole image, in memory: what the stages do strip by strip with several bands."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import CoarseGrid, Float32
from tasks.surface_reflectance.coefficients import CoarseCoefficients
from tasks.surface_reflectance.inversion import Calibration, image_strips, prepare_band, root_offsets
from tasks.surface_reflectance.neighbourhood import Surroundings
from tasks.surface_reflectance.terrain import BandRelief


def correct_band(
    dn: NDArray[np.uint16],
    scl: NDArray[np.uint8],
    water_vapour: NDArray[np.uint16],
    aot550: Float32,
    coefficients: CoarseCoefficients,
    grid: CoarseGrid,
    calibration: Calibration,
    surroundings: Surroundings | None,
    out: NDArray[Any],
    *,
    relief: BandRelief | None = None,
    second_step: bool = True,
) -> None:
    """Fill ``out`` ``[rows, cols]`` uint16 with the surface reflectance counts of one band.

    Args:
        dn, scl, aot550, coefficients, grid, calibration, surroundings, relief, second_step: see ``prepare_band``.
        water_vapour: ``[rows, cols]`` as ``scl``, water vapour [0.001 cm]; used by bands with a water dependence.
        out: filled as ``BandInversion.corrected`` says.
    """
    offset = None
    if coefficients.water is not None:
        offset = root_offsets(water_vapour, coefficients.water.root_column, grid, aot550.shape)
    band = prepare_band(
        dn, scl, offset, aot550, coefficients, grid, calibration, surroundings, relief=relief, second_step=second_step
    )
    for strip in image_strips(scl, dn.shape[0], aot550.shape[0], None if relief is None else relief.relief):
        out[strip.rows] = band.corrected(np.asarray(dn[strip.rows]), strip)
