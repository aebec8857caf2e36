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
CLOUDY_CLASSES: Final = (classes.MEDIUM_PROBA_CLOUDS, classes.HIGH_PROBA_CLOUDS, classes.THIN_CIRRUS)


def image_content_qi(scl: NDArray[np.uint8]) -> dict[str, float]:
    """Return the class shares of ``Image_Content_QI`` [%], 0..100, in the order of the metadata.

    No-data is counted among all pixels, every other class among the pixels with data; without any such pixel they
    are 0. CLOUDY is classes 8, 9 and 10. Over land it is their share among the pixels that are not class 6: without
    a map of water bodies the ground below a cloud is unknown and taken as land. (ESA's definition of that land is
    not public.)

    Args:
        scl: ``[y, x]`` classes 0..11 at the working resolution (20 m, or 60 m where that is the only one).

    Source: PSD 14.8, ``Image_Content_QI`` of the Level-2A tile; definitions recomputed from products of baselines
    04.00 to 05.09.
    """
    counts = np.bincount(scl.ravel(), minlength=classes.SNOW_ICE + 1)
    valid = int(counts.sum() - counts[classes.NO_DATA])
    cloudy = int(counts[list(CLOUDY_CLASSES)].sum())
    shares = {
        "CLOUDY_PIXEL_PERCENTAGE": _share(cloudy, valid),
        "CLOUDY_PIXEL_OVER_LAND_PERCENTAGE": _share(cloudy, valid - int(counts[classes.WATER])),
        "NODATA_PIXEL_PERCENTAGE": _share(int(counts[classes.NO_DATA]), scl.size),
    }
    return shares | {element: _share(int(counts[code]), valid) for element, code in CLASS_ELEMENTS.items()}


def _share(part: int, whole: int) -> float:
    """Return ``part`` of ``whole`` in per cent, 0 when there is nothing."""
    return 100.0 * part / whole if whole else 0.0
