"""Figures of agreement, gathered strip by strip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.records import Record

CLASSES = 12


class Agreement(Record):
    """Agreement of one quantity, ``e = A - B`` over ``count`` pixels.

    Accuracy, precision and uncertainty as in the Atmospheric Correction Inter-comparison Exercise (Doxani et al. 2018,
    doi:10.3390/rs10020352, equations 1 to 3); all three in the unit of the quantity.
    """

    count: int
    mean_a: float
    mean_b: float
    accuracy: float
    """Mean of ``e``."""
    precision: float
    """Standard deviation of ``e`` about its mean."""
    uncertainty: float
    """Root of the mean of ``e^2``."""


@dataclass
class Gathered:
    """Sums from which an ``Agreement`` is made."""

    count: int = 0
    sum_a: float = 0.0
    sum_b: float = 0.0
    sum_e: float = 0.0
    sum_e2: float = 0.0

    def add(self, a: NDArray[np.float32], b: NDArray[np.float32], use: NDArray[np.bool_]) -> None:
        """Add the pixels of one strip where ``use`` is true and both values are finite."""
        chosen = use & np.isfinite(a) & np.isfinite(b)
        of_a, of_b = a[chosen].astype(np.float64), b[chosen].astype(np.float64)
        error = of_a - of_b
        self.count += error.size
        self.sum_a += float(of_a.sum())
        self.sum_b += float(of_b.sum())
        self.sum_e += float(error.sum())
        self.sum_e2 += float((error * error).sum())

    def agreement(self) -> Agreement | None:
        """Return the figures, None without a pixel."""
        n = self.count
        if n == 0:
            return None
        spread = max(self.sum_e2 - self.sum_e**2 / n, 0.0)
        return Agreement(
            count=n,
            mean_a=self.sum_a / n,
            mean_b=self.sum_b / n,
            accuracy=self.sum_e / n,
            precision=math.sqrt(spread / (n - 1)) if n > 1 else 0.0,
            uncertainty=math.sqrt(self.sum_e2 / n),
        )


def confusion(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.int64]:
    """Return ``[12, 12]`` counts of pixels by class in A (row) and in B (column)."""
    known = (a < CLASSES) & (b < CLASSES)
    index = a[known].astype(np.int64) * CLASSES + b[known]
    return np.bincount(index, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)
