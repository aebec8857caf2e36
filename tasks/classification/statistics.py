"""Shares of the classes in the finished map, under the names of the product's metadata."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification import classes

CLASS_ELEMENTS: Final[dict[str, int]] = {
    "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE": classes.SATURATED_DEFECTIVE,
    "DARK_FEATURES_PERCENTAGE": classes.DARK_FEATURES,
    "CLOUD_SHADOW_PERCENTAGE": classes.CLOUD_SHADOWS,
    "VEGETATION_PERCENTAGE": classes.VEGETATION,
    "NOT_VEGETATED_PERCENTAGE": classes.NOT_VEGETATED,
    "WATER_PERCENTAGE": classes.WATER,
    "UNCLASSIFIED_PERCENTAGE": classes.UNCLASSIFIED,
    "MEDIUM_PROBA_CLOUDS_PERCENTAGE": classes.MEDIUM_PROBA_CLOUDS,
    "HIGH_PROBA_CLOUDS_PERCENTAGE": classes.HIGH_PROBA_CLOUDS,
    "THIN_CIRRUS_PERCENTAGE": classes.THIN_CIRRUS,
    "SNOW_ICE_PERCENTAGE": classes.SNOW_ICE,
}
LAND: Final = 1
"""Land in the map of water bodies."""

CLOUDY_CLASSES: Final = (classes.MEDIUM_PROBA_CLOUDS, classes.HIGH_PROBA_CLOUDS, classes.THIN_CIRRUS)


def image_content_qi(scl: NDArray[np.uint8], water_bodies: NDArray[np.uint8] | None = None) -> dict[str, float]:
    """Return the class shares of ``Image_Content_QI`` [%], 0..100, in the order of the metadata.

    No-data is counted among all pixels, every other class among the pixels with data; without any such pixel they
    are 0. CLOUDY is classes 8, 9 and 10. Over land it is their share among the pixels that the water bodies
    call land; without that map the ground below a cloud is unknown, and everything but class 6 is taken as land.
    (ESA's definition of that land is not public.)

    Args:
        scl: ``[y, x]`` classes 0..11 at the working resolution (20 m, or 60 m where that is the only one).
        water_bodies: ``[y, x]`` 0 ocean, 1 land, 2 inland water; None without the map.

    Source: PSD 14.8, ``Image_Content_QI`` of the Level-2A tile; definitions recomputed from products of baselines
    04.00 to 05.09.
    """
    counts = np.bincount(scl.ravel(), minlength=classes.SNOW_ICE + 1)
    valid = int(counts.sum() - counts[classes.NO_DATA])
    cloudy = int(counts[list(CLOUDY_CLASSES)].sum())
    over_land, land = cloudy, valid - int(counts[classes.WATER])
    if water_bodies is not None:
        on_land = np.bincount(scl[water_bodies == LAND], minlength=classes.SNOW_ICE + 1)
        over_land, land = int(on_land[list(CLOUDY_CLASSES)].sum()), int(on_land[1:].sum())
    shares = {
        "CLOUDY_PIXEL_PERCENTAGE": _share(cloudy, valid),
        "CLOUDY_PIXEL_OVER_LAND_PERCENTAGE": _share(over_land, land),
        "NODATA_PIXEL_PERCENTAGE": _share(int(counts[classes.NO_DATA]), scl.size),
    }
    return shares | {element: _share(int(counts[code]), valid) for element, code in CLASS_ELEMENTS.items()}


def share_of_valid(scl: NDArray[np.uint8], valid: NDArray[np.uint8]) -> float:
    """Return the share [%] of ``valid`` pixels among those with data, four decimals."""
    return round(_share(int(np.count_nonzero(valid)), int(np.count_nonzero(scl))), 4)


def _share(part: int, whole: int) -> float:
    """Return ``part`` of ``whole`` in per cent, 0 when there is nothing."""
    return 100.0 * part / whole if whole else 0.0
