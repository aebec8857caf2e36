"""Cloud shadow and terrain shadow: what the light says of pixels where the geometry allows a shadow."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from tasks.classification.classes import (
    CLOUD_SHADOWS,
    DARK_FEATURES,
    NOT_CLASSIFIED,
    NOT_VEGETATED,
    THIN_CIRRUS,
    UNCLASSIFIED,
    VEGETATION,
    WATER,
)
from tasks.classification.indices import FloatArray, normalised_difference, ratio
from tasks.classification.map_recoveries import HALF_LIT
from tasks.classification.morphology import BoolArray
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene

REFERENCE: Final = {"B02": 0.12, "B03": 0.08, "B04": 0.06, "B8A": 0.10, "B11": 0.0545, "B12": 0.0255}
"""Spectrum of cloud shadow, top of atmosphere (constants of the sources; RV_* of the GIPP are not read)."""

SHADOW_BANDS: Final = ("B02", "B03", "B04", "B8A", "B11")
"""What ``dark_pixels`` reads."""

SHADOW_SCORE: Final = 0.05
WATER_RATIO: Final = 6.0
BLUE_RED_DIFFERENCE: Final = 0.034
TERRAIN_NIR: Final = 0.15
SKY_LIGHT_RATIO: Final = 1.6
LEAST_LIGHT: Final = 0.1
SHADED_WATER_RATIO: Final = 4.0
SHADED_LAND_NIR: Final = 0.03
SHADED_LAND_NDWI: Final = 0.25


def classic_cloud_shadow(scene: Scene, p: ClassificationParameters) -> None:
    """Class 3, over any class with data, where a shadow can fall and the spectrum is that of a shadow.

    D = mean |rho - reference| over six bands, median 3 x 3; s = 1 - D, and 0 where D > T_B02_B12. s = 1 where all six
    bands are below the reference (median 3 x 3 of their share is 1). s = 0 where B02/B11 > 6 and on class 10.
    Class 3 where s times the geometric probability is above 0.05.

    Source: Sen2Cor 2.8 sources, cloud shadow (radiometric part and decision).
    """
    zone = scene.shadow_zone
    if zone is None or not zone.any():
        return
    distance = np.zeros(zone.shape, np.float32)
    below = np.zeros(zone.shape, np.uint8)
    for band, reference in REFERENCE.items():
        rho = scene.reflectance[band]
        distance += abs(rho - np.float32(reference))
        below += rho < np.float32(reference)
    distance /= np.float32(len(REFERENCE))
    score = 1 - cv2.medianBlur(distance, 3)
    score[score < np.float32(1 - p.t_b02_b12)] = 0
    score[cv2.medianBlur(below, 3) == len(REFERENCE)] = 1
    score[ratio(scene.reflectance["B02"], scene.reflectance["B11"]) > WATER_RATIO] = 0
    score[scene.where(THIN_CIRRUS)] = 0
    scene.assign(CLOUD_SHADOWS, (score * zone > SHADOW_SCORE) & scene.valid)


def dark_against_land(scene: Scene, _p: ClassificationParameters) -> None:
    """Class 3 where a shadow can fall and the pixel is dark against the clear land of the tile.

    Classes 2, 4, 5, 6, 7 and unclaimed inside the zone with B8A and B11 below shares of the medians of classes 4 and 5
    outside it (``Background.shadow_nir``, ``shadow_swir``) and B02 > 1.6 B11: what light a shadow has comes from the
    blue sky; lit conifers, as dark in B11, stay below. Water is left alone, it is as dark with as without the sun: B8A
    < B04 and B02/B11 > 4 with B8A < 0.03 or (B03 - B8A)/(B03 + B8A) > 0.25; above that it is soil in shadow. On slopes
    that face away from the sun the limits sink, and the least B02/B11 rises, with the light that the slope gets.

    Source: the darkening in the near and short-wave infrared is the shadow test of Fmask (Zhu and Woodcock 2012,
    doi 10.1016/j.rse.2011.10.028); medians of the tile stand for its flood fill. The spectrum of Sen2Cor 2.8 fits only
    the darkest of the shadows that 2.10 finds: B8A of ESA's class 3 reaches 0.28 on T29UNU.
    """
    zone = scene.shadow_zone
    if zone is None or not zone.any():
        return
    scene.assign(CLOUD_SHADOWS, dark_pixels(scene) & (zone > SHADOW_SCORE))


def dark_pixels(scene: Scene) -> BoolArray:
    """Return where class and light allow a cloud shadow; see ``dark_against_land``."""
    blue, green, nir, swir = (scene.reflectance[band] for band in ("B02", "B03", "B8A", "B11"))
    water = (nir < scene.reflectance["B04"]) & (ratio(blue, swir) > SHADED_WATER_RATIO)
    water &= (nir < np.float32(SHADED_LAND_NIR)) | (normalised_difference(green, nir) > SHADED_LAND_NDWI)
    return np.asarray(dark_against_limits(scene) & ~water & _may_be_shadow(scene))


def dark_against_limits(scene: Scene) -> BoolArray:
    """Return where B8A and B11 are below the limits of shadow on land and B02 is far above B11, whatever the class."""
    blue, nir, swir = (scene.reflectance[band] for band in ("B02", "B8A", "B11"))
    limits, light = scene.background, _relative_light(scene)
    dark = (nir < light * np.float32(limits.shadow_nir)) & (swir < light * np.float32(limits.shadow_swir))
    return np.asarray(dark & (light * blue > np.float32(SKY_LIGHT_RATIO) * swir))


def _relative_light(scene: Scene) -> FloatArray | np.float32:
    """Return the sunlight of the slope relative to flat ground, 0.1..1; 1 without an elevation model."""
    illumination, elevation = scene.ground.illumination, scene.tile.sun_elevation_deg
    if illumination is None or elevation is None:
        return np.float32(1.0)
    flat = np.float32(10000.0 * max(np.sin(np.radians(elevation)), LEAST_LIGHT))
    return np.asarray(np.clip(illumination.astype(np.float32) / flat, np.float32(LEAST_LIGHT), 1), np.float32)


def _may_be_shadow(scene: Scene) -> BoolArray:
    return scene.among(DARK_FEATURES, VEGETATION, NOT_VEGETATED, WATER, UNCLASSIFIED, NOT_CLASSIFIED)


def terrain_shadow(scene: Scene, _p: ClassificationParameters) -> None:
    """Class 2 where the terrain takes the sun and the pixel is dark.

    Classes 3, 5, 7, unclaimed, and 6 where the water bodies do not say inland water, in self or cast shadow of the
    elevation model and with B8A < 0.15, or B02 - B04 > 0.034 and B8A < B04.

    Decision: class 2 is "topographic and cast shadow" in the legend since baseline 04.00; the radiometric condition
    keeps lit pixels beside a wrongly placed crest.
    """
    if scene.ground.shadow is None:
        return
    blue, red, nir = (scene.reflectance[band] for band in ("B02", "B04", "B8A"))
    dark = (nir < np.float32(TERRAIN_NIR)) | ((blue - red > BLUE_RED_DIFFERENCE) & (nir < red))
    candidates = scene.among(CLOUD_SHADOWS, NOT_VEGETATED, UNCLASSIFIED, NOT_CLASSIFIED)
    water = scene.ground.is_water()
    candidates |= scene.where(WATER) if water is None else scene.where(WATER) & ~water
    scene.assign(DARK_FEATURES, candidates & dark & (scene.ground.shadow == 1))


def settle_dark_features(scene: Scene, _p: ClassificationParameters) -> None:
    """Class 2 that is no terrain shadow: what the recoveries have left of the dark pixels of step 1a becomes class 7.

    Only where an elevation model tells terrain shadow, and not on slopes with half of the light or less; without a
    model class 2 keeps its old meaning, "dark area".
    """
    ground = scene.ground
    if ground.shadow is not None and ground.illumination is not None:
        lit = (ground.shadow == 0) & (ground.hill_shade() >= HALF_LIT)
        scene.assign(UNCLASSIFIED, scene.where(DARK_FEATURES) & lit)
