"""Figures that tell whether a corrected band is plausible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.inversion import OFFSET, QUANTIFICATION

LAND_CLASSES = (4, 5)


class LandStatistics:
    """Mean and median land reflectance and the share of negative values of one band, gathered strip by strip.

    Land is vegetation and bare ground (classes 4 and 5). At 10 m the upper left pixel of each 20 m pixel stands for it.
    """

    def __init__(self) -> None:
        self._histogram = np.zeros(65536, np.int64)

    def add(self, corrected: NDArray[np.uint16], land: NDArray[np.bool_]) -> None:
        """Count a strip.

        Args:
            corrected: ``[rows, cols]`` surface reflectance counts at 20 or 10 m; 0 = no-data.
            land: pixels of the scene classification that are land.
        """
        step = corrected.shape[0] // land.shape[0]
        values = corrected[::step, ::step] * land
        self._histogram += np.bincount(values.ravel(), minlength=self._histogram.size)

    def figures(self) -> dict[str, float]:
        """Return ``land_mean``, ``land_median`` (reflectance) and ``land_negative_percentage``; empty without land."""
        histogram = self._histogram.copy()
        histogram[0] = 0
        total = int(histogram.sum())
        if total == 0:
            return {}
        median = int(np.searchsorted(np.cumsum(histogram), (total + 1) // 2))
        return {
            "land_mean": (float(histogram @ np.arange(histogram.size)) / total - OFFSET) / QUANTIFICATION,
            "land_median": (median - OFFSET) / QUANTIFICATION,
            "land_negative_percentage": 100.0 * float(histogram[: int(OFFSET)].sum()) / total,
        }
