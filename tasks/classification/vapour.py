"""Water vapour above what looks like cloud: ground lies under the whole column, a cloud above a part of it.

B09 lies in an absorption band of water vapour and B8A beside it, so that B09/B8A falls with the column above what
reflects. Clear land of the tile shows the ratio of the whole column; a bright pixel with that ratio stands on the
ground.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from tasks.classification.background import LEAST_LAND_SHARE
from tasks.classification.classes import HIGH_PROBA_CLOUDS, MEDIUM_PROBA_CLOUDS, NO_DATA, NOT_VEGETATED, VEGETATION
from tasks.classification.evolution import cirrus_foot
from tasks.classification.indices import FloatArray, normalised_difference, ratio
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import BoolArray, Scene
from tasks.classification.sweep import STRIP_ROWS, TileState, sweep

ABSORPTION_SCALE_HEIGHT_M: Final = 3100.0
"""Height over which ln(B09/B8A) of the column above falls to 1/e.

By this program's own table, for the sun at 25 to 68 degrees and 0.6 to 4 cm of water vapour that falls to 1/e over
2 km: the ratio at sea level comes back within 3 % from 1 km, 6 % from 2 km, 10 % from 4 km."""

GROUND_SHARE: Final = 1.05
GROUND_NDBI: Final = -0.12
LARGEST_RATIO: Final = 0.55
LARGEST_SPREAD: Final = 0.15
LOW_SHARE: Final = 0.16
LEAST_SAMPLES: Final = 400
SAMPLE_STEP: Final = 3
B09_PIXEL_M: Final = 60.0


def recover_ground(state: TileState) -> None:
    """Find the ratio that the tile's land shows, and give class 5 to the clouds of that ratio; see ``ground_below``."""
    limit = ground_limit(state)
    if limit <= 0:
        return
    state.background = replace(state.background, ground_ratio=limit)
    before = state.classes
    sweep(state, (ground_below,), 1)
    state.cloud[before != state.classes] = 0


def ground_limit(state: TileState) -> float:
    """Return the greatest B09/B8A of ground, at sea level; 0 where it cannot tell ground from cloud.

    1.05 times the median over every third pixel of classes 4 and 5: with 0.6 cm of water vapour or more a half
    transparent cloud whose top is 500 m above the ground shows 1.067 times the ratio of the land or more, an opaque
    one 1.10 times.

    0 where land is less than 5 % of the valid pixels (as in ``background.recovery_limit``) or 400 samples, where the
    median is above 0.55 (drier than that), and where the 16th percentile lies more than 15 % below the median: relief
    without heights, or "land" that is cloud in part.
    """
    rows, cols = (np.arange(0, n, SAMPLE_STEP) for n in state.classes.shape)
    classes = state.classes[::SAMPLE_STEP, ::SAMPLE_STEP]
    land = (classes == VEGETATION) | (classes == NOT_VEGETATED)
    number = int(np.count_nonzero(land))
    if number < max(LEAST_SAMPLES, LEAST_LAND_SHARE * np.count_nonzero(classes != NO_DATA)):
        return 0.0
    found = []
    for first in range(0, rows.size, STRIP_ROWS):
        part = slice(first, first + STRIP_ROWS)
        if land[part].any():
            scene = state.sampled(rows[part], cols, ("B09", "B8A"))
            found.append(ratio_at_sea_level(scene, scene.reflectance["B8A"], land[part]))
    ratios = np.concatenate(found)
    places = (int(LOW_SHARE * number), number // 2)
    ratios.partition(places)
    low, middle = (float(ratios[place]) for place in places)
    if middle > LARGEST_RATIO or middle - low > LARGEST_SPREAD * middle:
        return 0.0
    return GROUND_SHARE * middle


def ratio_at_sea_level(scene: Scene, nir: FloatArray, mask: BoolArray) -> FloatArray:
    """Return B09 over ``nir`` for the pixels of ``mask``, as the same air would give it at sea level.

    ln(ratio) falls with height as the column above does and as its lines narrow (``ABSORPTION_SCALE_HEIGHT_M``). Where
    no heights are known the ratio stays as it is.
    """
    ratios = ratio(scene.reflectance["B09"][mask], nir[mask])
    if scene.ground.height is None:
        return ratios
    thinner = np.exp(scene.ground.height[mask] / np.float32(ABSORPTION_SCALE_HEIGHT_M))
    return np.asarray(ratios**thinner, np.float32)


def ground_below(scene: Scene, p: ClassificationParameters) -> None:
    """Classes 8 and 9 under as much vapour as land, and nearly as bright at 1.6 um as in the near infrared: class 5.

    B09/B8A at sea level not above ``Background.ground_ratio``, NDBI = (B11 - B8A)/(B11 + B8A) > -0.12, and B10 below
    its limit of cirrus. B8A is the mean of 3 x 3 pixels of 20 m, as large as a pixel of B09. NDBI is -0.15 in thick
    water clouds and lower in ice clouds; towns, roofs and salt crusts lie above -0.12.

    Source: the land recovery of the Sen2Cor 2.8 sources compares B10 and B09/B8A with the tile's land in the same way
    (``map_recoveries.recover_land``); the log of 2.10 does not name it any more. What the ratio means: Gao and Kaufman
    2003 (doi 10.1029/2002JD003023). NDBI and the margin were decided upon drawn spectra of a seed of their own.
    """
    candidates = scene.among(MEDIUM_PROBA_CLOUDS, HIGH_PROBA_CLOUDS)
    if not candidates.any():
        return
    nir = scene.reflectance["B8A"]
    candidates &= normalised_difference(scene.reflectance["B11"], nir) > np.float32(GROUND_NDBI)
    if not candidates.any():
        return
    candidates &= scene.reflectance["B10"] < cirrus_foot(scene, p)
    wide = nir if scene.tile.pixel_m >= B09_PIXEL_M else _means_of_9(nir)
    candidates[candidates] = ratio_at_sea_level(scene, wide, candidates) <= np.float32(scene.background.ground_ratio)
    scene.assign(NOT_VEGETATED, candidates)


def _means_of_9(values: FloatArray) -> FloatArray:
    """Return the means of 3 x 3 pixels, the outermost repeated.

    Not by a running sum, which would depend on where a strip begins.
    """
    padded = np.pad(values, 1, mode="edge")
    rows, cols = values.shape
    across = padded[:, :cols] + padded[:, 1 : cols + 1] + padded[:, 2 : cols + 2]
    total = across[:rows] + across[1 : rows + 1] + across[2 : rows + 2]
    return np.asarray(total / np.float32(9), np.float32)
