"""Which pixels are dark dense vegetation (DDV), the reference targets of the AOT retrieval."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.aot.parameters import AotParameters
from tasks.surface_reflectance.coarse import CoarseGrid, Float32, repeated, shrink, strips
from tasks.surface_reflectance.coefficients import BandCoefficients
from tasks.surface_reflectance.inversion import Calibration, to_reflectance
from tasks.surface_reflectance.neighbourhood import GRID_M, class_counts, class_mask

VEGETATION = 4
WATER = 6
CLOUDY_CLASSES = (7, 8, 9, 10)

_CLOUD_BOX_M = 1000
_CLOUD_SHARE = 0.02
_BRIGHTEST_NIR = 0.38
_LARGEST_SUN_ZENITH_DEG = 75.0
_MOST_WATER = 0.99


@dataclass(frozen=True, eq=False)
class DarkVegetation:
    """The selection.

    Attributes:
        mask: ``[rows, cols]`` as the scene classification; all False when the area was too small.
        percentage: share of the pixels that were counted against the required area [%].
        reflectance_limit: upper limit of the B12 reflectance that gave enough area; None when none did.
    """

    mask: NDArray[np.bool_]
    percentage: float
    reflectance_limit: float | None


NO_DATA_CODE, DARK_VEGETATION_CODE, OTHER_CODE, WATER_CODE = 0, 1, 5, 6
"""Codes of the mask of dark dense vegetation. 0, 5 and 6 are those seen in a product of the toolbox, whose scene had no
such vegetation; the code of the vegetation itself is not documented, 1 is ours."""


def vegetation_codes(selected: NDArray[np.bool_], scl: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mask of dark dense vegetation in the codes above.

    Args:
        selected: ``[rows, cols]`` the vegetation that the retrieval used; none where its area was too small.
        scl: ``[rows, cols]`` scene classification.
    """
    table = np.full(256, OTHER_CODE, np.uint8)
    table[0], table[WATER] = NO_DATA_CODE, WATER_CODE
    codes = np.asarray(cv2.LUT(np.ascontiguousarray(scl), table), np.uint8)
    codes[selected] = DARK_VEGETATION_CODE
    return codes


def far_from_clouds(scl: NDArray[np.uint8], map_resolution: int = 20) -> NDArray[np.bool_]:
    """Return the 60 m blocks with at most 2 % of classes 7, 8, 9, 10 in the 1 km box round them."""
    size = 2 * (_CLOUD_BOX_M // (2 * GRID_M)) + 1
    cloudy = shrink(class_mask(scl, CLOUDY_CLASSES), GRID_M // map_resolution)
    share = cv2.boxFilter(cloudy, cv2.CV_32F, (size, size), normalize=True, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(share <= _CLOUD_SHARE)


def select_dark_vegetation(
    counts: dict[str, NDArray[np.uint16]],
    calibrations: dict[str, Calibration],
    scl: NDArray[np.uint8],
    swir: BandCoefficients,
    grid: CoarseGrid,
    sun_zenith_deg: Float32,
    parameters: AotParameters,
) -> DarkVegetation:
    """Return the dark dense vegetation of a tile (Sen2Cor 3 sources, AtmCorr).

    The B12 limit is raised from the first to the third value until the area suffices. The area is counted against the
    valid pixels, without water for the first limit.

    Args:
        counts: Level-1C counts of B04, B8A, B12; 0 = no-data.
        calibrations: of the same bands.
        scl: scene classification; its and the counts' pixels are of ``parameters.map_resolution``.
        swir: coefficients of B12 at the start visibility.
        grid: coarse nodes.
        sun_zenith_deg: ``[ny, nx]`` on the nodes.
        parameters: limits.
    """
    levels = np.zeros(scl.shape, np.uint8)
    at = parameters.map_resolution
    factor = GRID_M // at
    allowed = far_from_clouds(scl, at)
    sun = grid.upsample(sun_zenith_deg, GRID_M, slice(0, allowed.shape[0]), allowed.shape[1])
    allowed &= sun < _LARGEST_SUN_ZENITH_DEG
    for rows in strips(scl.shape[0]):
        strip = {band: to_reflectance(dn[rows], calibrations[band]) for band, dn in counts.items()}
        y = (strip["B12"] - grid.upsample(swir.path, at, rows, scl.shape[1])) * grid.upsample(
            swir.inverse_transmittance, at, rows, scl.shape[1]
        )
        candidate = _candidates(strip, np.asarray(scl[rows]), parameters)
        near = allowed[rows.start // factor : rows.stop // factor]
        candidate &= repeated(near, factor)
        candidate &= y > parameters.ac_swir_refl_lower_th
        levels[rows] = _level(y, parameters.reflectance_limits) * candidate
    return _choose_limit(levels, scl, parameters)


def _level(reflectance: Float32, limits: tuple[float, ...]) -> NDArray[np.uint8]:
    """Return the number (from 1) of the first of the limits that the reflectance is below, 0 where it is below none."""
    level = np.zeros(reflectance.shape, np.uint8)
    for number, limit in reversed(list(enumerate(limits, start=1))):
        below = reflectance < limit
        level *= ~below
        level += below * np.uint8(number)
    return level


def _candidates(strip: dict[str, Float32], scl: NDArray[np.uint8], parameters: AotParameters) -> NDArray[np.bool_]:
    """Return the pixels that meet all conditions but those of B12 and of the clouds' distance."""
    red, nir = strip["B04"], strip["B8A"]
    vegetated = (nir - red) > parameters.ac_swir_refl_ndvi_th * (nir + red)
    return np.asarray(
        (scl == VEGETATION) & vegetated & (red < parameters.ac_ddv_16um_refl_th1) & (nir < _BRIGHTEST_NIR)
    )


def _choose_limit(levels: NDArray[np.uint8], scl: NDArray[np.uint8], parameters: AotParameters) -> DarkVegetation:
    """Return the selection of the first limit whose area suffices."""
    classes = class_counts(scl)
    valid, water = int(classes[1:].sum()), int(classes[WATER])
    numbers = np.cumsum(class_counts(levels)[1:4])
    percentage = 0.0
    if valid > 0 and water <= _MOST_WATER * valid:
        bases = (valid - water, valid, valid)
        for level, (number, base, limit) in enumerate(
            zip(numbers, bases, parameters.reflectance_limits, strict=True), start=1
        ):
            percentage = 100.0 * float(number) / max(base, 1)
            if number > 0 and percentage >= parameters.ac_min_ddv_area:
                return DarkVegetation(class_mask(levels, tuple(range(1, level + 1))), percentage, limit)
    return DarkVegetation(np.zeros(scl.shape, np.bool_), percentage, None)
