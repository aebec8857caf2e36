"""Classification steps that recognise clear surfaces: 3 (vegetation), 5.1 (soil), 5.2 (water), 6 (rock and sand).

Step 4 (senescing vegetation) is switched off in Sen2Cor 2.8 and not part of the rules.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.classification.classes import NOT_VEGETATED, VEGETATION, WATER
from tasks.classification.indices import FloatArray, normalised_difference, ramp, ratio
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene

VEGETATION_BLUE_LIMIT: Final = 0.15
SOIL_BLUE_RANGE: Final = (0.15, 0.32)
WATER_B12_RANGE: Final = (0.07, 0.21)
WATER_BLUE_LIMIT: Final = 0.20
WATER_BLUE_RED_DIFFERENCE: Final = 0.034
SAND_BLUE_LINE: Final = (-0.25, 0.475)
SAND_BLUE_RANGE: Final = (0.16, 0.35)
SAND_BLUE_TO_SWIR: Final = 0.8


def _limit_line(values: FloatArray, slope: float, intercept: float, bounds: tuple[float, float]) -> FloatArray:
    """Return ``slope * values + intercept`` kept within ``bounds``: a threshold that depends on a band ratio."""
    line = values * np.float32(slope) + np.float32(intercept)
    limited: FloatArray = np.clip(line, np.float32(bounds[0]), np.float32(bounds[1]))
    return limited


def step_3_vegetation(scene: Scene, p: ClassificationParameters) -> None:
    """Green is vegetation, half green is less likely cloud.

    r = ramp(NDVI, T1_NDVI, T2_NDVI) with NDVI = (B8A - B04)/(B8A + B04). Class 4 where r = 1, B02 < 0.15 and not
    classified yet; CMC *= 1 - r where 0 < r < 1. New vegetation and bright pixels with r = 1 keep
    their confidence.

    Source: Sen2Cor 2.8 sources, CSND step 3; the blue limit is a constant there.
    """
    ndvi = normalised_difference(scene.reflectance["B8A"], scene.reflectance["B04"])
    rise = ramp(ndvi, p.t1_ndvi, p.t2_ndvi)
    scene.assign(VEGETATION, (rise == 1) & (scene.reflectance["B02"] < VEGETATION_BLUE_LIMIT) & scene.unclaimed)
    scene.scale_cloud(1 - rise, (rise > 0) & (rise < 1))


def step_5_1_soil(scene: Scene, p: ClassificationParameters) -> None:
    """Blue well below the short-wave infrared is soil.

    R = B02/B11, blue limit F = T11_B02 * R + T12_B02 within 0.15..0.32. Not classified yet and B02 < F: class 5 where
    R < T11_R_B02_B11, and CMC *= ramp(R, T11_R_B02_B11, T12_R_B02_B11) between the two. CMC = 0 on class 5.

    Source: Sen2Cor 2.8 sources, CSND step 5.1.
    """
    blue = scene.reflectance["B02"]
    blue_to_swir = ratio(blue, scene.reflectance["B11"])
    darker = blue < _limit_line(blue_to_swir, p.t11_b02, p.t12_b02, SOIL_BLUE_RANGE)
    scene.assign(NOT_VEGETATED, darker & (blue_to_swir < p.t11_r_b02_b11) & scene.unclaimed)
    scene.clear_cloud(scene.where(NOT_VEGETATED))
    between = (blue_to_swir > p.t11_r_b02_b11) & (blue_to_swir < p.t12_r_b02_b11)
    scene.scale_cloud(ramp(blue_to_swir, p.t11_r_b02_b11, p.t12_r_b02_b11), between & darker & scene.unclaimed)


def step_5_2_water(scene: Scene, p: ClassificationParameters) -> None:
    """Blue far above the short-wave infrared, falling towards the near infrared, is water.

    R = B02/B11, B12 limit F = T21_B12 * R + T22_B12 within 0.07..0.21, guard G: B12 < F, B8A < B04, B02 < 0.20.
    Class 6 where R > T22_R_B02_B11, G, not classified yet. CMC *= 1 - ramp(R, T21_R_B02_B11, T22_R_B02_B11) where R
    lies between the two and G, whatever the class. Also class 6 where B02 - B04 > 0.034, B8A < B04, B02 < 0.20, not
    classified yet. CMC = 0 on water.

    Source: Sen2Cor 2.8 sources, CSND step 5.2; the blue limit and the difference are constants there.
    """
    blue, red = scene.reflectance["B02"], scene.reflectance["B04"]
    blue_to_swir = ratio(blue, scene.reflectance["B11"])
    falling = (scene.reflectance["B8A"] < red) & (blue < WATER_BLUE_LIMIT)
    limit = _limit_line(blue_to_swir, p.t21_b12, p.t22_b12, WATER_B12_RANGE)
    guard = (scene.reflectance["B12"] < limit) & falling
    scene.assign(WATER, (blue_to_swir > p.t22_r_b02_b11) & guard & scene.unclaimed)
    between = (blue_to_swir >= p.t21_r_b02_b11) & (blue_to_swir < p.t22_r_b02_b11)
    scene.scale_cloud(1 - ramp(blue_to_swir, p.t21_r_b02_b11, p.t22_r_b02_b11), between & guard)
    scene.assign(WATER, (blue - red > WATER_BLUE_RED_DIFFERENCE) & falling & scene.unclaimed)
    scene.clear_cloud(scene.where(WATER))


def step_6_rock_and_sand(scene: Scene, p: ClassificationParameters) -> None:
    """Near infrared below the short-wave infrared is bright soil, rock or desert sand.

    R = B8A/B11, blue limit F = -0.25 R + 0.475 within 0.16..0.35. Not classified yet and B02 < F: class 5 where
    R < T1_R_B8A_B11 and B02 < 0.8 B11, and CMC *= ramp(R, T1_R_B8A_B11, T2_R_B8A_B11) between the two. CMC = 0 on
    class 5.

    Source: Sen2Cor 2.8 sources, CSND step 6; line and bounds are constants there.
    """
    blue, swir = scene.reflectance["B02"], scene.reflectance["B11"]
    nir_to_swir = ratio(scene.reflectance["B8A"], swir)
    darker = blue < _limit_line(nir_to_swir, *SAND_BLUE_LINE, SAND_BLUE_RANGE)
    sand = darker & (nir_to_swir < p.t1_r_b8a_b11) & (blue < SAND_BLUE_TO_SWIR * swir)
    scene.assign(NOT_VEGETATED, sand & scene.unclaimed)
    scene.clear_cloud(scene.where(NOT_VEGETATED))
    between = (nir_to_swir > p.t1_r_b8a_b11) & (nir_to_swir < p.t2_r_b8a_b11)
    scene.scale_cloud(ramp(nir_to_swir, p.t1_r_b8a_b11, p.t2_r_b8a_b11), between & darker & scene.unclaimed)
