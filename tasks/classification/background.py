"""Means and spreads of B10 and B09/B8A over the classes of a tile, and the limits that follow from them.

Everything is summed row by row and the rows are added exactly (``math.fsum``), so that the height of the strips in
which a tile is read cannot change a bit of the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification.indices import FloatArray

BoolArray = NDArray[np.bool_]

SMALLEST_CIRRUS_LIMIT_LAND: Final = 0.0030
SMALLEST_CIRRUS_LIMIT_WATER: Final = 0.0020
SMALLEST_RECOVERY_LIMIT: Final = 0.0015
LEAST_LAND_SHARE: Final = 0.05
LEAST_LAND_KM2: Final = 121.0
MUCH_CLOUD: Final = 0.20
LITTLE_CLOUD: Final = 0.02


@dataclass
class Moments:
    """Number, sum and sum of squares of a quantity over the pixels of one class."""

    number: int = 0
    sums: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)

    def add(self, values: FloatArray, mask: BoolArray) -> None:
        """Add the values of ``mask``, row by row."""
        for row, chosen in zip(values, mask, strict=True):
            if chosen.any():
                picked = row[chosen].astype(np.float64)
                self.number += picked.size
                self.sums.append(float(picked.sum()))
                self.squares.append(float((picked * picked).sum()))

    @property
    def mean(self) -> float:
        """The mean, 0 without any pixel."""
        return math.fsum(self.sums) / self.number if self.number else 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation, 0 without any pixel."""
        if not self.number:
            return 0.0
        return math.sqrt(max(math.fsum(self.squares) / self.number - self.mean**2, 0.0))


def cirrus_limits(bare: Moments, water: Moments) -> tuple[float, float]:
    """Return the B10 above which land and water are cirrus: mean + 3 sigma of class 5, mean + sigma of class 6.

    Not below 0.0030 and 0.0020. Without a pixel of the class these least values stand.

    Source: Sen2Cor 2.8 sources, cirrus recovery with B10.
    """
    land = max(bare.mean + 3 * bare.deviation, SMALLEST_CIRRUS_LIMIT_LAND)
    return land, max(water.mean + water.deviation, SMALLEST_CIRRUS_LIMIT_WATER)


def recovery_limit(land: Moments, high_cloud: Moments, valid: int, pixel_m: float) -> float:
    """Return the B10 below which a cloud can be land, 0 where the recovery is left out.

    Left out where land (classes 4 and 5) is below 5 % of the valid pixels or below 121 km2. With h the share of class
    9: h > 20 %: t = max(0.0015, min(mean of land, mean - 2 sigma of class 9)), then not above the mean of land; h < 2
    %: the mean of land; between them: at most 0.0015, as the order of minimum and maximum there makes it.

    Source: Sen2Cor 2.8 sources, land recovery with B10, B09 and B8A.
    """
    if not valid or land.number < LEAST_LAND_SHARE * valid or land.number * (pixel_m / 1000.0) ** 2 < LEAST_LAND_KM2:
        return 0.0
    share = high_cloud.number / valid
    if share > MUCH_CLOUD:
        limit = min(land.mean, high_cloud.mean - 2 * high_cloud.deviation)
        return min(max(SMALLEST_RECOVERY_LIMIT, limit), land.mean)
    return land.mean if share < LITTLE_CLOUD else min(SMALLEST_RECOVERY_LIMIT, land.mean)
