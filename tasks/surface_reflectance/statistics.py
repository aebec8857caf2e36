"""Figures that tell whether a corrected band is plausible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import strips
from tasks.surface_reflectance.inversion import OFFSET, QUANTIFICATION
from tasks.surface_reflectance.neighbourhood import class_mask

LAND_CLASSES = (4, 5)


def land_statistics(corrected: NDArray[np.uint16], scl: NDArray[np.uint8]) -> dict[str, float]:
    """Return mean and median land reflectance and the share of negative values of one band.

    Args:
        corrected: ``[rows, cols]`` surface reflectance counts at 20 or 10 m; 0 = no-data.
        scl: scene classification at 20 m; land is vegetation and bare ground (classes 4 and 5).

    Returns:
        ``land_mean``, ``land_median`` (reflectance) and ``land_negative_percentage``; empty without land. At 10 m the
        upper left pixel of each 20 m pixel stands for it.
    """
    step = corrected.shape[0] // scl.shape[0]
    histogram = np.zeros(65536, np.int64)
    for rows in strips(scl.shape[0]):
        values = corrected[rows.start * step : rows.stop * step : step, ::step]
        land = class_mask(np.asarray(scl[rows]), LAND_CLASSES) & (values > 0)
        histogram += np.bincount(values[land], minlength=histogram.size)
    total = int(histogram.sum())
    if total == 0:
        return {}
    counts = np.arange(histogram.size)
    median = int(np.searchsorted(np.cumsum(histogram), (total + 1) // 2))
    return {
        "land_mean": (float(histogram @ counts) / total - OFFSET) / QUANTIFICATION,
        "land_median": (median - OFFSET) / QUANTIFICATION,
        "land_negative_percentage": 100.0 * float(histogram[: int(OFFSET)].sum()) / total,
    }
