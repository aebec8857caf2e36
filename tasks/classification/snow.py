"""Step 2: the snow block. It runs as long as no climatology says that snow is impossible."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.classification.classes import NOT_CLASSIFIED, NOT_SNOW, SNOW_ICE
from tasks.classification.ground import SNOW_CONDITION_WATER
from tasks.classification.indices import FloatArray, normalised_difference, ramp, ratio
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene

RED_EDGE_RATIO_LIMIT: Final = 0.85
SNOW_REACH_PIXELS: Final = 3
"""Radius of the diamond by which snow is dilated for its ring and for the snow recovery."""


def dilate_diamond(mask: NDArray[np.bool_], radius: int = SNOW_REACH_PIXELS) -> NDArray[np.bool_]:
    """Return ``mask`` dilated by the 4-connected cross ``radius`` times; nothing comes in from outside the array.

    Source: Sen2Cor 2.8 sources, CSND step 2.5 (cross-shaped structure iterated three times).
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    grown = cv2.dilate(mask.view(np.uint8), cross, iterations=radius)
    return grown.astype(np.bool_)


def _apply_filter(scene: Scene, factor: FloatArray) -> None:
    """Multiply the snow confidence by one filter's result and mark what this filter rules out as not snow."""
    scene.snow *= factor
    scene.assign(NOT_SNOW, (factor == 0) & scene.unclaimed)


def step_2_1_snow_index(scene: Scene, p: ClassificationParameters) -> None:
    """Snow filter 1: CMS = ramp(NDSI, T1_NDSI_SNW, T2_NDSI_SNW), and 0 where CMC = 0: snow must first look like cloud.

    Also 0 where the CCI snow condition says water, if hardly any snow lies in the tile.

    Source: Sen2Cor 2.8 sources, CSND step 2.1.
    """
    ndsi = normalised_difference(scene.reflectance["B03"], scene.reflectance["B11"])
    scene.snow[...] = ramp(ndsi, p.t1_ndsi_snw, p.t2_ndsi_snw)
    scene.snow[scene.cloud == 0] = 0
    if scene.ground.snow_condition is not None and scene.tile.snow_condition_holds:
        scene.snow[scene.ground.snow_condition == SNOW_CONDITION_WATER] = 0
    scene.assign(NOT_SNOW, (scene.snow == 0) & scene.unclaimed)


def step_2_1bis_red_edge(scene: Scene, _p: ClassificationParameters) -> None:
    """Snow filter 1bis: CMS = 0 where B05/B8A < 0.85.

    Source: Sen2Cor 2.8 sources, CSND step 2.1bis; the limit is a constant there.
    """
    low = ratio(scene.reflectance["B05"], scene.reflectance["B8A"]) < RED_EDGE_RATIO_LIMIT
    scene.snow[low] = 0
    scene.assign(NOT_SNOW, (scene.snow == 0) & scene.unclaimed)


def step_2_2_near_infrared(scene: Scene, p: ClassificationParameters) -> None:
    """Snow filter 2: CMS *= ramp(B8A, T1_B8A, T2_B8A). Source: Sen2Cor 2.8 sources, CSND step 2.2."""
    _apply_filter(scene, ramp(scene.reflectance["B8A"], p.t1_b8a, p.t2_b8a))


def step_2_3_blue(scene: Scene, p: ClassificationParameters) -> None:
    """Snow filter 3: CMS *= ramp(B02, T1_B02, T2_B02). Source: Sen2Cor 2.8 sources, CSND step 2.3."""
    _apply_filter(scene, ramp(scene.reflectance["B02"], p.t1_b02, p.t2_b02))


def step_2_4_blue_to_red(scene: Scene, p: ClassificationParameters) -> None:
    """Snow filter 4: CMS *= ramp(B02/B04, T1_R_B02_B04, T2_R_B02_B04). Source: Sen2Cor 2.8 sources, CSND step 2.4."""
    blue_to_red = ratio(scene.reflectance["B02"], scene.reflectance["B04"])
    _apply_filter(scene, ramp(blue_to_red, p.t1_r_b02_b04, p.t2_r_b02_b04))


def step_2_5_snow_and_ring(scene: Scene, p: ClassificationParameters) -> None:
    """What is left is snow, and dark short-wave infrared round it is no cloud.

    Class 11 where CMS > T1_SNOW, over any class with data. CMC = 0 on snow and on those pixels of its ring (three
    pixels wide, diamond) with B12 < T2_SNOW. Pixels marked as not snow are not classified again.

    Source: Sen2Cor 2.8 sources, CSND step 2.5.
    """
    snow = (scene.snow > p.t1_snow) & scene.valid
    scene.assign(SNOW_ICE, snow)
    ring = dilate_diamond(snow) & ~snow
    scene.clear_cloud(snow | (ring & (scene.reflectance["B12"] < p.t2_snow)))
    scene.assign(NOT_CLASSIFIED, scene.where(NOT_SNOW))
