"""Blobs that are too small or too dark to be what they seem: roofs taken for clouds, surf taken for snow."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification.classes import (
    HIGH_PROBA_CLOUDS,
    MEDIUM_PROBA_CLOUDS,
    NOT_VEGETATED,
    SNOW_ICE,
    WATER,
)
from tasks.classification.evolution import CDI_GROUND, CDI_LARGEST_PIXEL_M, CDI_WINDOW, cloud_displacement
from tasks.classification.morphology import Blobs, BoolArray
from tasks.classification.sweep import TileState, strips

SPECK_KM2: Final = 0.06
SINGLE_KM2: Final = 0.005
DISPLACED_SHARE: Final = 0.30
PURE_SNOW_GREEN: Final = 0.40
SHORE_SHARE: Final = 0.15


def remove_cloud_specks(state: TileState) -> None:
    """Blobs of classes 8 and 9 below 0.06 km2 that do not move between the bands are no clouds: class 5.

    A blob (8-connected) stays when 30 % of its pixels have a cloud displacement index below -0.5. This only at 20 m and
    with B08: at 60 m the displacement is less than a pixel. Blobs below 0.005 km2 never stay.

    Source: Frantz et al. 2018 (doi 10.1016/j.rse.2018.04.046); roofs and concrete have NDBI < 0 as often as not, so the
    guard of ``evolution.bright_ground`` misses them. Decided upon the cloud-free coast of T18SVG, where all false
    clouds are smaller than 0.03 km2.
    """
    clouds = (state.classes == MEDIUM_PROBA_CLOUDS) | (state.classes == HIGH_PROBA_CLOUDS)
    blobs = Blobs.of(clouds, 8)
    area = blobs.sizes * (state.tile.pixel_m**2 / 1e6)
    specks = area < SINGLE_KM2
    if state.tile.has_b08 and state.tile.pixel_m <= CDI_LARGEST_PIXEL_M:
        small = ~specks & (area < SPECK_KM2)
        specks |= small & (_displaced_pixels(state, blobs, small) < DISPLACED_SHARE * blobs.sizes)
    specks[0] = False
    if specks.any():
        here = specks[blobs.labels]
        state.classes[here] = NOT_VEGETATED
        state.cloud[here] = 0


def _displaced_pixels(state: TileState, blobs: Blobs, chosen: BoolArray) -> NDArray[np.int64]:
    """Return for each of the chosen labels the number of pixels whose cloud displacement index is below -0.5."""
    moved = np.zeros(blobs.number, np.int64)
    chosen = chosen.copy()
    chosen[0] = False
    for rows, wide, inner in strips(state, CDI_WINDOW):
        labels = blobs.labels[rows]
        wanted = chosen[labels]
        if wanted.any():
            displaced = cloud_displacement(state.scene(wide))[inner] < np.float32(CDI_GROUND)
            moved += np.bincount(labels[wanted & displaced], minlength=blobs.number)
    return moved


def remove_surf(state: TileState) -> None:
    """Blobs of class 11 on a shore without any bright snow in them are foam and wet sand: class 6 or 5.

    A blob (8-connected) stays snow when a pixel of it has B03 > 0.40, or when water makes less than 15 % of the ring
    round it. Of the others pixels with B8A < B02 become class 6, the rest class 5.

    Decision without a published rule, upon the winter coast of T18SVG: foam has the colours of thin snow.
    """
    snow = state.classes == SNOW_ICE
    if not snow.any():
        return
    blobs = Blobs.of(snow, 8)
    around, shore = blobs.ring(state.classes == WATER)
    doubtful = shore >= SHORE_SHARE * around
    doubtful[0] = False
    if not doubtful.any():
        return
    pure = np.zeros(blobs.number, np.bool_)
    for rows, wide, _ in strips(state, 0):
        inside = blobs.labels[rows]
        if doubtful[inside].any():
            bright = state.scene(wide).reflectance["B03"] > np.float32(PURE_SNOW_GREEN)
            pure[np.unique(inside[bright])] = True
    foam = (doubtful & ~pure)[blobs.labels]
    for rows, wide, _ in strips(state, 0):
        here = foam[rows]
        if here.any():
            reflectance = state.scene(wide).reflectance
            falling = reflectance["B8A"] < reflectance["B02"]
            state.classes[rows][here & falling] = WATER
            state.classes[rows][here & ~falling] = NOT_VEGETATED
            state.snow[rows][here] = 0
