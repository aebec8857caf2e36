"""Figures of the encoded surface reflectances for the quality report."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

ZERO_DN: Final = 1000
"""DN of reflectance 0."""

_STRIP_ROWS: Final = 512


def negative_percentage(numbers: NDArray[Any]) -> float:
    """Return the percentage of pixels of negative reflectance among those with data; 0 where there are none.

    Args:
        numbers: ``[y, x]`` uint16 DN, 0 = no-data, reflectance = (DN - 1000) / 10000.
    """
    negative = valid = 0
    for top in range(0, numbers.shape[0], _STRIP_ROWS):
        strip = numbers[top : top + _STRIP_ROWS]
        with_data = int(np.count_nonzero(strip))
        valid += with_data
        negative += with_data - int(np.count_nonzero(strip >= ZERO_DN))
    return 100.0 * negative / valid if valid else 0.0
