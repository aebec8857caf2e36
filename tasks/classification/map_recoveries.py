"""Recoveries that need a map: water bodies, elevation, land cover (c to f, j and the snow condition)."""

from __future__ import annotations

from typing import Final

from tasks.classification.classes import (
    CLOUD_SHADOWS,
    DARK_FEATURES,
    HIGH_PROBA_CLOUDS,
    MEDIUM_PROBA_CLOUDS,
    NOT_CLASSIFIED,
    NOT_VEGETATED,
    SNOW_ICE,
    THIN_CIRRUS,
    UNCLASSIFIED,
    VEGETATION,
    WATER,
)
from tasks.classification.clouds import CIRRUS_HIGHEST_GROUND_M
from tasks.classification.ground import SNOW_CONDITION_WATER
from tasks.classification.indices import ratio
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene

HALF_LIT: Final = 128
NEARLY_DARK: Final = 32
STEEP_CENTIDEGREES: Final = 1500
BLUE_RED_DIFFERENCE: Final = 0.034
SHADOWED_SNOW_BLUE: Final = 0.20
LAND_COVER_WATER: Final = 210


def snow_on_water_is_cloud(scene: Scene, _p: ClassificationParameters) -> None:
    """Class 11 becomes class 8 where the CCI snow condition says water (254) and hardly any snow lies in the tile.

    Source: Sen2Cor 2.8 sources, snow post-processing with ESA CCI.
    """
    condition = scene.ground.snow_condition
    if condition is not None and scene.tile.snow_condition_holds:
        scene.assign(MEDIUM_PROBA_CLOUDS, scene.where(SNOW_ICE) & (condition == SNOW_CONDITION_WATER))


def recover_water_bodies(scene: Scene, _p: ClassificationParameters) -> None:
    """Classes 2, 3, 7 and unclaimed pixels become class 6 on inland water of the CCI map.

    Source: Sen2Cor 2.8 sources, water pixel recovery with ESA CCI.
    """
    water = scene.ground.is_water()
    if water is not None:
        dark = scene.among(DARK_FEATURES, CLOUD_SHADOWS, UNCLASSIFIED, NOT_CLASSIFIED)
        scene.assign(WATER, water & dark)


def clean_water_on_slopes(scene: Scene, _p: ClassificationParameters) -> None:
    """Class 6 becomes class 2 where the hill shade is below 128 and the slope above 15 degrees.

    Source: Sen2Cor 2.8 sources, water cleaning with the elevation model.
    """
    ground = scene.ground
    if ground.illumination is not None and ground.slope is not None:
        steep = (ground.hill_shade() < HALF_LIT) & (ground.slope > STEEP_CENTIDEGREES)
        scene.assign(DARK_FEATURES, steep & scene.where(WATER))


def clean_cloud_shadow(scene: Scene, _p: ClassificationParameters) -> None:
    """Class 3 becomes class 2 where 0 < hill shade < 32: there the terrain itself takes the light.

    Source: Sen2Cor 2.8 sources, cloud-shadow cleaning with the elevation model.
    """
    if scene.ground.illumination is not None:
        shade = scene.ground.hill_shade()
        scene.assign(DARK_FEATURES, (shade > 0) & (shade < NEARLY_DARK) & scene.where(CLOUD_SHADOWS))


def recover_shadow_on_snow(scene: Scene, _p: ClassificationParameters) -> None:
    """Blue and falling towards the near infrared, badly lit and no water body: snow in the terrain's shadow, class 2.

    Unclaimed, 7 or 8, hill shade < 128, water bodies not 2, B02 - B04 > 0.034, B8A < B04, B02 > 0.20.

    Source: Sen2Cor 2.8 sources, topographic shadow on snow.
    """
    ground, water = scene.ground, scene.ground.is_water()
    if ground.illumination is None or water is None:
        return
    blue, red, nir = (scene.reflectance[band] for band in ("B02", "B04", "B8A"))
    shaded = (blue - red > BLUE_RED_DIFFERENCE) & (nir < red) & (blue > SHADOWED_SNOW_BLUE)
    shaded &= (ground.hill_shade() < HALF_LIT) & ~water
    scene.assign(DARK_FEATURES, shaded & scene.among(NOT_CLASSIFIED, UNCLASSIFIED, MEDIUM_PROBA_CLOUDS))


def recover_land(scene: Scene, _p: ClassificationParameters) -> None:
    """Classes 8 and 9 become class 5 where neither B10 nor B09/B8A is above what land of this tile has.

    The limits are ``Background.recovered_b10`` and ``recovered_ratio``; water of the land cover is left alone.

    Source: Sen2Cor 2.8 sources, land recovery with B10, B09 and B8A.
    """
    cover, limits = scene.ground.land_cover, scene.background
    if cover is None or limits.recovered_b10 <= 0:
        return
    low = ratio(scene.reflectance["B09"], scene.reflectance["B8A"]) < limits.recovered_ratio
    low &= (scene.reflectance["B10"] < limits.recovered_b10) & (cover != LAND_COVER_WATER)
    scene.assign(NOT_VEGETATED, low & scene.among(MEDIUM_PROBA_CLOUDS, HIGH_PROBA_CLOUDS))


def recover_cirrus(scene: Scene, _p: ClassificationParameters) -> None:
    """Classes 4, 5 and 6 become class 10 where B10 is above the tile's background; with heights only below 1500 m.

    Source: Sen2Cor 2.8 sources, cirrus recovery with B10.
    """
    if scene.ground.land_cover is None:
        return
    cirrus = scene.reflectance["B10"]
    seen = (cirrus > scene.background.cirrus_limit_land) & scene.among(VEGETATION, NOT_VEGETATED)
    seen |= (cirrus > scene.background.cirrus_limit_water) & scene.where(WATER)
    if scene.ground.height is not None:
        seen &= scene.ground.height < CIRRUS_HIGHEST_GROUND_M
    scene.assign(THIN_CIRRUS, seen)
