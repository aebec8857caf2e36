"""Recoveries after step 7 that need no auxiliary map, and the end of the classification."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tasks.classification.classes import (
    DARK_FEATURES,
    NO_DATA,
    NOT_CLASSIFIED,
    NOT_VEGETATED,
    SNOW_ICE,
    UNCLASSIFIED,
    VEGETATION,
    WATER,
)
from tasks.classification.indices import normalised_difference, ratio
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene
from tasks.classification.snow import dilate_diamond

UNCLASSIFIED_WATER_NIR_LIMIT: Final = 0.30
SOIL_RATIO_LIMIT: Final = 0.65


def recover_dark_vegetation(scene: Scene, p: ClassificationParameters) -> None:
    """Class 2 or unclaimed pixels become class 4 where NDVI > T2_NDVI or B8A/B03 > T2_R_B8A_B03.

    Source: Sen2Cor 2.8 sources, dark vegetation recovery.
    """
    nir = scene.reflectance["B8A"]
    green = normalised_difference(nir, scene.reflectance["B04"]) > p.t2_ndvi
    green |= ratio(nir, scene.reflectance["B03"]) > p.t2_r_b8a_b03
    scene.assign(VEGETATION, green & (scene.where(DARK_FEATURES) | scene.unclaimed))


def recover_water(scene: Scene, p: ClassificationParameters) -> None:
    """Class 2 or unclaimed pixels become class 6 where B02/B11 > T22_R_B02_B11 and B8A < B04.

    Unclaimed ones only if also B8A < 0.30.

    Source: Sen2Cor 2.8 sources, water pixel recovery; the near-infrared limit is a constant there.
    """
    nir = scene.reflectance["B8A"]
    water = ratio(scene.reflectance["B02"], scene.reflectance["B11"]) > p.t22_r_b02_b11
    water &= nir < scene.reflectance["B04"]
    scene.assign(WATER, water & (scene.where(DARK_FEATURES) | (scene.unclaimed & (nir < UNCLASSIFIED_WATER_NIR_LIMIT))))


def recover_snow(scene: Scene, _p: ClassificationParameters) -> None:
    """Unclaimed pixels within three pixels (diamond) of class 11 become class 11 where B11 < B03.

    Source: Sen2Cor 2.8 sources, snow recovery.
    """
    near = dilate_diamond(scene.where(SNOW_ICE))
    scene.assign(SNOW_ICE, near & (scene.reflectance["B11"] < scene.reflectance["B03"]) & scene.unclaimed)


def recover_soil(scene: Scene, _p: ClassificationParameters) -> None:
    """Dark pixels (class 2) become class 5 where B02/B11 < 0.65.

    Source: Sen2Cor 2.8 sources, soil recovery; the limit is a constant there.
    """
    soil = ratio(scene.reflectance["B02"], scene.reflectance["B11"]) < SOIL_RATIO_LIMIT
    scene.assign(NOT_VEGETATED, soil & scene.where(DARK_FEATURES))


def close_unclassified(scene: Scene, _p: ClassificationParameters) -> None:
    """Pixels that no rule has claimed become class 7. Source: Sen2Cor 2.8 sources, post-processing."""
    scene.assign(UNCLASSIFIED, scene.where(NOT_CLASSIFIED))


def median_classes(classes: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return the class map after a ``size`` x ``size`` median; no-data stays no-data and does not spread.

    Args:
        classes: ``[y, x]`` finished class map.
        size: side of the window [pixels]; 0 and 1 return the map unchanged. An even window reaches one pixel further up
            and left, and takes the upper of the two middle values. Outside the map lies its mirror image.

    Source: Sen2Cor 2.8 sources, post-processing (``Median_Filter``). Differs in one point: there a valid pixel at
    the edge of the swath may become no-data and the other way round.
    """
    if size <= 1:
        return classes
    if size % 2:
        reach = size // 2
        padded = cv2.copyMakeBorder(classes, reach, reach, reach, reach, cv2.BORDER_REFLECT)
        filtered = cv2.medianBlur(padded, size)[reach:-reach, reach:-reach]
    else:
        filtered = ndimage.median_filter(classes, size=size, mode="reflect")
    kept = (classes == NO_DATA) | (filtered == NO_DATA)
    return np.where(kept, classes, filtered).astype(np.uint8)
