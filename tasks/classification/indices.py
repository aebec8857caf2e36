"""Ratios, normalised differences and ramps: the vocabulary of the classification rules."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SMALLEST_DENOMINATOR: Final = 1e-6


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return ``numerator / max(denominator, 1e-6)``, float32 of the inputs' shape.

    Source: Sen2Cor 2.8 sources, scene classification (guarded ratios).
    """
    quotient: FloatArray = np.divide(numerator, np.maximum(denominator, np.float32(SMALLEST_DENOMINATOR)))
    return quotient


def normalised_difference(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return ``(first - second) / max(first + second, 1e-6)``, in -1..1 for reflectances >= 0.

    Both NDSI (B03, B11) and NDVI (B8A, B04) are of this form.
    Source: Sen2Cor 2.8 sources, scene classification steps 1.2 and 3.
    """
    return ratio(first - second, first + second)


def ramp(values: FloatArray, lower: float, upper: float) -> FloatArray:
    """Return the linear ramp that is 0 up to ``lower`` and 1 from ``upper`` on.

    Args:
        values: any shape.
        lower, upper: foot and top in the unit of ``values``, ``lower < upper``.

    Returns:
        float32 in 0..1, exactly 0 at and below the foot and exactly 1 at and above the top.
    """
    low, high = np.float32(lower), np.float32(upper)
    risen: FloatArray = (np.clip(values, low, high) - low) / (high - low)
    return risen
