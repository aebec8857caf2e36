"""Grey land in the shadow of a cloud, which has the colours of water: towns, salt and soil under the blue sky alone."""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.classification.classes import CLOUD_SHADOWS, DARK_FEATURES, NOT_VEGETATED, VEGETATION, WATER
from tasks.classification.morphology import Blobs, BoolArray
from tasks.classification.scene import Scene
from tasks.classification.shadows import SHADOW_SCORE, dark_against_limits
from tasks.classification.sweep import STRIP_ROWS, TileState, strips

WATER_SWIR: Final = 0.012
OPEN_WATER_PERCENTILE: Final = 95
LEAST_SAMPLES: Final = 400
SAMPLE_STEP: Final = 3
ZONE_SHARE: Final = 0.9
LAND_SHARE: Final = 0.5


def recover_shaded_land(state: TileState) -> None:
    """Water that is too bright at 1.6 um, lies where shadow falls and is enclosed by land is shaded land: class 3.

    Pixels of class 6 that are dark enough for a shadow (``shadows.dark_against_limits``) with B11 above that of the
    tile's water (``water_swir``); of their blobs (8-connected) those that lie to 90 % in the zone of shadow and whose
    ring is to half of classes 2, 4 and 5. A lake reaches beyond the zone, and gaps between clouds over the sea have no
    land round them.

    Source: water absorbs all light at 1.6 um, which is how masks of water work (Vanhellemont 2019, doi
    10.1016/j.rse.2019.03.010); shaded land keeps the sky's part. Decided upon shadows over every surface of the
    labelled spectra, of which towns, roofs, peat and salt were all water before, and the northern half of T29UNU.
    """
    if state.zone is None or not state.zone.any() or not (state.classes == WATER).any():
        return
    limit = water_swir(state)
    suspect, shaded = np.zeros((2, *state.classes.shape), np.bool_)
    for rows, _, _ in strips(state, 0):
        if (state.classes[rows] == WATER).any():
            scene = state.scene(rows)
            suspect[rows] = too_bright_for_water(scene, limit)
            shaded[rows] = _in_zone(scene)
    if not suspect.any():
        return
    blobs = Blobs.of(suspect, 8)
    inside = np.bincount(blobs.labels[suspect & shaded], minlength=blobs.number)
    land = (state.classes == DARK_FEATURES) | (state.classes == VEGETATION) | (state.classes == NOT_VEGETATED)
    around, on_land = blobs.ring(land)
    found = (inside >= ZONE_SHARE * blobs.sizes) & (on_land >= LAND_SHARE * around)
    found[0] = False
    state.classes[found[blobs.labels]] = CLOUD_SHADOWS


def too_bright_for_water(scene: Scene, limit: float) -> BoolArray:
    """Return the water that is brighter than ``limit`` in B11 and as dark as land in shadow."""
    water = scene.where(WATER)
    if not water.any():
        return water
    water &= scene.reflectance["B11"] > np.float32(limit)
    return water & dark_against_limits(scene)


def water_swir(state: TileState) -> float:
    """Return the B11 of the tile's brightest water: the 95th percentile outside the zone of shadow, at least 0.012.

    Over every third pixel; 0.012 with fewer than 400 of them. Glint, foam and mud raise it.
    """
    rows, cols = (np.arange(0, n, SAMPLE_STEP) for n in state.classes.shape)
    found = []
    for first in range(0, rows.size, STRIP_ROWS):
        part = rows[first : first + STRIP_ROWS]
        open_water = state.classes[np.ix_(part, cols)] == WATER
        if open_water.any():
            open_water &= ~state.in_zone(part, cols, SHADOW_SCORE)
            found.append(state.sampled(part, cols, ("B11",)).reflectance["B11"][open_water])
    number = sum(values.size for values in found)
    if number < LEAST_SAMPLES:
        return WATER_SWIR
    place = number * OPEN_WATER_PERCENTILE // 100
    return max(WATER_SWIR, float(np.partition(np.concatenate(found), place)[place]))


def _in_zone(scene: Scene) -> BoolArray:
    return np.zeros(scene.classes.shape, np.bool_) if scene.shadow_zone is None else scene.shadow_zone > SHADOW_SCORE
