"""Steps of the default mode that Sen2Cor 2.10 logs and nobody has published: snow, clouds and bright ground.

The order is that of the processing report of a 2.10 run in the toolbox; each rule here names where it was taken from
instead, and what it was decided upon.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.classification.classes import (
    DARK_FEATURES,
    HIGH_PROBA_CLOUDS,
    MEDIUM_PROBA_CLOUDS,
    NOT_CLASSIFIED,
    NOT_SNOW,
    NOT_VEGETATED,
    SNOW_ICE,
    UNCLASSIFIED,
    WATER,
)
from tasks.classification.indices import FloatArray, normalised_difference, ratio
from tasks.classification.morphology import BoolArray, grow_diamond, local_variance
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene

DRYNESS_RATIO: Final = (0.55, 0.60, 0.65, 0.70, 0.75, 0.80)
DRYNESS_B10: Final = (0.0092, 0.0170, 0.0310, 0.0540, 0.0890, 0.1400)
"""Transmittance of B10 by that of B09 over B8A. Within 10 % for the sun at 25 to 70 degrees, ground at 0 to 4 km and a
few mm of water vapour, by this program's own radiative-transfer table (spectral responses of Sentinel-2A)."""

SNOW_B10_SURFACE: Final = 0.40
HIGH_GROUND_M: Final = 1500.0
B10_RISE_PER_M: Final = 0.004 / 1000.0
LEAST_SNOW_HEIGHT_MARGIN_M: Final = 500.0

TREE_BRIGHT_GREEN: Final = 0.319
TREE_SNOW_RATIO: Final = 4.33
TREE_CLEAR_SWIR: Final = 0.255
TREE_CLEAR_COASTAL: Final = 0.300
HAZE_SLOPE, HAZE_LIMIT = 0.5, 0.08
WHITENESS_LIMIT: Final = 0.7
CLOUD_B12: Final = 0.03
ROCK_NIR_TO_SWIR: Final = 0.75
SALT_RED_TO_COASTAL: Final = 1.3
BUILT_NDBI: Final = -0.05
CDI_GROUND: Final = -0.5
CDI_WINDOW: Final = 7
CDI_LARGEST_PIXEL_M: Final = 20.0
BORDER_REACH: Final = 2
GLINT_NDWI, GLINT_SWIR, GLINT_FLAT, GLINT_B12 = 0.1, 0.03, (0.8, 1.35), 0.75


def ground_in_b10(scene: Scene, surface: FloatArray) -> FloatArray:
    """Return the reflectance in B10 of ground of reflectance ``surface`` that shows through a dry atmosphere.

    B09/B8A tells how dry the column is, and the dryness what B10 lets through (``DRYNESS_B10``); 0 below a ratio of
    0.5.
    """
    dryness = ratio(scene.reflectance["B09"], scene.reflectance["B8A"])
    through = np.interp(dryness, (0.5, *DRYNESS_RATIO), (0.0, *DRYNESS_B10)).astype(np.float32)
    return np.asarray(surface * through, np.float32)


def cirrus_foot(scene: Scene, p: ClassificationParameters) -> FloatArray | float:
    """Return T1_B10, raised by 0.004 for each km of ground above 1500 m: less vapour lies over high ground."""
    if scene.ground.height is None:
        return p.t1_b10
    rise = np.maximum(scene.ground.height - np.float32(HIGH_GROUND_M), 0) * np.float32(B10_RISE_PER_M)
    return np.asarray(rise + np.float32(p.t1_b10), np.float32)


def step_2_height(scene: Scene, _p: ClassificationParameters) -> None:
    """Snow filter of the climatology: CMS = 0 more than 500 m below the height from which snow can lie.

    Source: ``snow_climatology``; it refines the box test of GlobalSnowMap where heights are known.
    """
    lowest, height = scene.tile.snow_height_m, scene.ground.height
    if lowest is not None and height is not None:
        _no_snow(scene, height < np.float32(lowest - LEAST_SNOW_HEIGHT_MARGIN_M))


def step_2_ice_cloud(scene: Scene, p: ClassificationParameters) -> None:
    """Snow filter: CMS = 0 where B10 is bright. Clouds of ice have the colours of snow and stand above the vapour.

    B10 above T1_B10, raised by height, plus what snow (0.40 in B10) shows through the dry air.

    Source: Hollstein et al. 2016 (doi 10.3390/rs8080666) and Fmask (Zhu, Wang and Woodcock 2015,
    doi 10.1016/j.rse.2014.12.014) use the band in the same way.
    """
    likely = scene.snow > 0
    if likely.any():
        _no_snow(scene, likely & above_ground_in_b10(scene, p, np.full(likely.shape, SNOW_B10_SURFACE, np.float32)))


def _no_snow(scene: Scene, mask: BoolArray) -> None:
    scene.snow[mask] = 0
    scene.assign(NOT_SNOW, mask & scene.unclaimed)


def above_ground_in_b10(scene: Scene, p: ClassificationParameters, surface: FloatArray) -> BoolArray:
    """Return where B10 is above its lower limit for the height plus what ground of that reflectance shows."""
    limit = cirrus_foot(scene, p) + ground_in_b10(scene, surface)
    return np.asarray(scene.reflectance["B10"] > limit)


def snow_soil_borders(scene: Scene, _p: ClassificationParameters) -> None:
    """Pixels that are half snow and half soil are no clouds.

    Unclaimed, 7 or 8 within two pixels of class 11: class 11 where B11 < B03 (more snow than soil), else class 5.

    The step is named in the log of Sen2Cor 2.10; the rule is the one of its snow recovery, turned to both sides.
    """
    snow = scene.where(SNOW_ICE)
    if not snow.any():
        return
    border = grow_diamond(snow, BORDER_REACH) & scene.among(NOT_CLASSIFIED, UNCLASSIFIED, MEDIUM_PROBA_CLOUDS)
    whiter = scene.reflectance["B11"] < scene.reflectance["B03"]
    scene.assign(SNOW_ICE, border & whiter)
    scene.assign(NOT_VEGETATED, border & ~whiter)


def recover_glint(scene: Scene, _p: ClassificationParameters) -> None:
    """Dark features with the grey of reflected sky and a blue start are sun glint on water: class 2 becomes class 6.

    B02 > B03 > B04 > B8A and (B03 - B8A)/(B03 + B8A) > 0.1, B11 > 0.03, 0.8 < B8A/B11 < 1.35 and B12 > 0.75 B11: a flat
    surface under the atmosphere's blue. Land, lit or shaded, is darker in B12 than in B11; clear water has no B11.

    Decision without a published rule, upon the synthetic set: glint is flat from the visible to 2.2 um (the Fresnel
    reflectance hardly changes; Cox and Munk 1954, doi 10.1364/JOSA.44.000838).
    """
    dark = scene.where(DARK_FEATURES)
    if not dark.any():
        return
    blue, green, red, nir, swir = (scene.reflectance[band] for band in ("B02", "B03", "B04", "B8A", "B11"))
    flat = ratio(nir, swir)
    glint = dark & (blue > green) & (green > red) & (red > nir) & (normalised_difference(green, nir) > GLINT_NDWI)
    glint &= (swir > GLINT_SWIR) & (flat > GLINT_FLAT[0]) & (flat < GLINT_FLAT[1])
    scene.assign(WATER, glint & (scene.reflectance["B12"] > GLINT_B12 * swir))


def bright_clouds(scene: Scene, p: ClassificationParameters) -> None:
    """Bright white pixels that the ratios of steps 5.2 and 6bis have talked down become class 8.

    Classes 7 and unclaimed with B04 > T2_B04 and B03 > 0.319, visible whiteness < 0.7, B12 > 0.03 and haze
    B02 - 0.5 B04 - 0.08 > 0; where snow is possible also B05/B11 < 4.33, or B10 above its lower limit.

    Source: Hollstein et al. 2016 (doi 10.3390/rs8080666), decision tree on bands and ratios (0.319, 4.33); Fmask, Zhu
    and Woodcock 2012 (doi 10.1016/j.rse.2011.10.028), equations 1 to 3 (whiteness, haze). On the northern half of
    T29UNU these are the thick clouds of high tops, 10 % of the scene.
    """
    blue, green, red = (scene.reflectance[band] for band in ("B02", "B03", "B04"))
    bright = scene.among(UNCLASSIFIED, NOT_CLASSIFIED) & (red > p.t2_b04) & (green > TREE_BRIGHT_GREEN)
    if scene.tile.snow_block:
        no_snow = ratio(scene.reflectance["B05"], scene.reflectance["B11"]) < TREE_SNOW_RATIO
        bright &= no_snow | (scene.reflectance["B10"] > cirrus_foot(scene, p))
    bright &= (scene.reflectance["B12"] > CLOUD_B12) & (blue - HAZE_SLOPE * red > HAZE_LIMIT)
    scene.assign(MEDIUM_PROBA_CLOUDS, bright & (_whiteness(blue, green, red) < WHITENESS_LIMIT))


def _whiteness(blue: FloatArray, green: FloatArray, red: FloatArray) -> FloatArray:
    mean = (blue + green + red) / np.float32(3)
    return ratio(abs(blue - mean) + abs(green - mean) + abs(red - mean), mean)


def bright_ground(scene: Scene, p: ClassificationParameters) -> None:
    """Bright sand, rock and buildings are no clouds: unclaimed, 7, 8 and 9 become class 5.

    Four tests, each enough; none where B10 is above its T1 (``scene`` keeps those clouds):

    - Hollstein's tree: B03 > 0.319, B05/B11 < 4.33, B11 - B10 > 0.255 and B01 < 0.300: bright in the short-wave
    infrared,
      dark in the coastal band, in which any cloud is bright. B04 > 1.3 B01 stands for the last where salt is bright in
      both: no cloud has that slope, not even a thin one over sand;
    - unclaimed or class 7 with B11 above B03 and B04: what no rule has called cloud and rises to the short-wave
    infrared;
    - Fmask: haze B02 - 0.5 B04 < 0.08, or B8A/B11 < 0.75 (rock);
    - parallax, at 20 m: NDBI = (B11 - B8A)/(B11 + B8A) > -0.05 and the cloud displacement index >= -0.5.

    Source: Hollstein et al. 2016 (doi 10.3390/rs8080666); Zhu and Woodcock 2012 (doi 10.1016/j.rse.2011.10.028); Frantz
    et al. 2018 (doi 10.1016/j.rse.2018.04.046) with the guard of Fmask 4 (NDBI > 0, here -0.05 for concrete) (Qiu et
    al. 2019, doi 10.1016/j.rse.2019.05.024).
    """
    candidates = scene.among(NOT_CLASSIFIED, UNCLASSIFIED, MEDIUM_PROBA_CLOUDS, HIGH_PROBA_CLOUDS)
    candidates &= scene.reflectance["B10"] < cirrus_foot(scene, p)
    if not candidates.any():
        return
    blue, green, red, nir, swir = (scene.reflectance[band] for band in ("B02", "B03", "B04", "B8A", "B11"))
    ground = (green > TREE_BRIGHT_GREEN) & (ratio(scene.reflectance["B05"], swir) < TREE_SNOW_RATIO)
    coastal = scene.reflectance["B01"]
    ground &= swir - scene.reflectance["B10"] > TREE_CLEAR_SWIR
    ground &= ((coastal < TREE_CLEAR_COASTAL) & (red > blue)) | (red > SALT_RED_TO_COASTAL * coastal)
    ground |= (swir > green) & (swir > red) & scene.among(NOT_CLASSIFIED, UNCLASSIFIED)
    ground |= (blue - HAZE_SLOPE * red < HAZE_LIMIT) & (swir > green) & (red > blue)
    ground |= ratio(nir, swir) < ROCK_NIR_TO_SWIR
    built = normalised_difference(swir, nir) > BUILT_NDBI
    if scene.tile.has_b08 and scene.tile.pixel_m <= CDI_LARGEST_PIXEL_M and (built & candidates).any():
        ground |= built & (cloud_displacement(scene) >= CDI_GROUND)
    ground &= candidates
    scene.assign(NOT_VEGETATED, ground)
    if scene.cloud.size:
        scene.clear_cloud(ground)


def cloud_displacement(scene: Scene) -> FloatArray:
    """Return the cloud displacement index, -1..1: near -1 on clouds, whose edges B08 sees elsewhere than B07 and B8A.

    CDI = (V7 - V8)/(V7 + V8), V7 and V8 the variances of B07/B8A and B08/B8A in windows of 7 x 7 pixels of 20 m; 0
    where both are 0.

    Source: Frantz et al. 2018, doi 10.1016/j.rse.2018.04.046.
    """
    near = local_variance(ratio(scene.reflectance["B07"], scene.reflectance["B8A"]), CDI_WINDOW)
    far = local_variance(ratio(scene.reflectance["B08"], scene.reflectance["B8A"]), CDI_WINDOW)
    both = near + far
    return np.asarray(np.where(both > 0, (near - far) / np.maximum(both, np.float32(1e-12)), 0), np.float32)
