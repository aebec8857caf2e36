"""What is known of the ground below the scene: heights, terrain shadow, water bodies, land cover, snow condition."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from tasks.classification.indices import FloatArray

BoolArray = NDArray[np.bool_]

SNOW_CONDITION_WATER = 254
SNOW_CONDITION_NO_VALUE = 255
LARGEST_MEAN_SNOW_CONDITION = 10.0


@dataclass(frozen=True, eq=False)
class Ground:
    """Maps on the scene's grid, ``[y, x]``; None where the map does not exist.

    Attributes:
        height: height above sea level [m], float32.
        slope: 100 * slope [deg], uint16.
        illumination: 10000 * cosine of the sun's incidence on the slope, int16; negative in self shadow.
        shadow: 1 in self or cast shadow of the terrain, uint8.
        water_bodies: ESA CCI water bodies: 0 ocean, 1 land, 2 inland water, 255 outside.
        land_cover: ESA CCI land cover (LCCS): 190 urban, 200-202 bare, 210 water, 220 snow and ice.
        snow_condition: ESA CCI snow condition: 0-100 % occurrence of snow, 254 water, 255 no value.
    """

    height: FloatArray | None = None
    slope: NDArray[np.uint16] | None = None
    illumination: NDArray[np.int16] | None = None
    shadow: NDArray[np.uint8] | None = None
    water_bodies: NDArray[np.uint8] | None = None
    land_cover: NDArray[np.uint8] | None = None
    snow_condition: NDArray[np.uint8] | None = None

    def rows(self, rows: slice) -> Ground:
        """Return the maps of some rows."""
        cut = {f.name: getattr(self, f.name)[rows] for f in fields(self) if getattr(self, f.name) is not None}
        return replace(self, **cut)

    def sampled(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Ground:
        """Return the maps at some rows and columns."""
        cells = np.ix_(rows, cols)
        cut = {f.name: getattr(self, f.name)[cells] for f in fields(self) if getattr(self, f.name) is not None}
        return replace(self, **cut)

    def at_60m(self) -> Ground:
        """Return every third pixel of the maps of 20 m, the middle one of each block."""
        cut = {f.name: getattr(self, f.name)[1::3, 1::3] for f in fields(self) if getattr(self, f.name) is not None}
        return replace(self, **cut)

    def hill_shade(self) -> NDArray[np.uint8]:
        """Return the illumination as hill shade 1..255; 0 where there is no relief at height 0 (sea) or no map.

        1 + 254 times the cosine of incidence, as hill shades are coded (GDAL, ``gdaldem hillshade``): 128 is half of
        the light, self shadow is 1.

        Raises:
            ValueError: there is no illumination.
        """
        if self.illumination is None:
            raise ValueError("hill shade needs the illumination")
        cosine = np.clip(self.illumination.astype(np.float32) / np.float32(10000), 0, 1)
        shade: NDArray[np.uint8] = np.rint(1 + 254 * cosine).astype(np.uint8)
        if self.height is not None and self.slope is not None:
            shade[(self.height == 0) & (self.slope == 0)] = 0
        return np.asarray(shade)

    def is_water(self) -> BoolArray | None:
        """Return where the water bodies say inland water, None without that map."""
        return None if self.water_bodies is None else np.asarray(self.water_bodies == 2)


def snow_condition_holds(snow_condition: NDArray[np.uint8] | None) -> bool:
    """Return whether the snow condition is so low in the whole tile that it rules out snow on water.

    The values that are not 254 are not all 0 and their mean is below 10. Without the map it does not hold.
    (Sen2Cor's mean includes the code 255, "no value"; it is left out here.)

    Source: Sen2Cor 2.8 sources, CSND step 2.1 and snow post-processing.
    """
    if snow_condition is None:
        return False
    counts = np.bincount(snow_condition.ravel(), minlength=256)[:SNOW_CONDITION_WATER]
    number = int(counts.sum())
    total = int((counts * np.arange(SNOW_CONDITION_WATER)).sum())
    return total > 0 and total / number < LARGEST_MEAN_SNOW_CONDITION
