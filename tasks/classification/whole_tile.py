"""What needs the whole tile at once: shadow geometry, figures of the classes, blobs of built-up and bare land."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from tasks.classification.background import Moments, cirrus_limits, recovery_limit
from tasks.classification.classes import (
    CLOUD_SHADOWS,
    HIGH_PROBA_CLOUDS,
    MEDIUM_PROBA_CLOUDS,
    NO_DATA,
    NOT_CLASSIFIED,
    NOT_VEGETATED,
    THIN_CIRRUS,
    UNCLASSIFIED,
    VEGETATION,
    WATER,
)
from tasks.classification.indices import FloatArray, ratio
from tasks.classification.morphology import BoolArray, blobs_clear_of
from tasks.classification.scene import Background
from tasks.classification.shadow_geometry import SunDirection, shadow_probability
from tasks.classification.shadow_match import matched_zone, split_by_size
from tasks.classification.shadows import SHADOW_BANDS, dark_pixels
from tasks.classification.sweep import STRIP_ROWS, TileState, strips

BUILT: Final = (190,)
BARE: Final = (200, 201, 202)
CLOUD_LIKE: Final = (UNCLASSIFIED, MEDIUM_PROBA_CLOUDS, HIGH_PROBA_CLOUDS, THIN_CIRRUS, CLOUD_SHADOWS)
BLOB_SIDE_M: Final = 300.0

COARSE_PIXEL_M: Final = 60.0
SAMPLE_STEP: Final = 3
LEAST_SAMPLES: Final = 400
NIR_SHARE: Final = 0.75
SWIR_SHARE: Final = 0.50
USUAL_LAND: Final = (0.30, 0.16)
"""B8A and B11 of land where the tile shows none."""

LARGEST_DARK_SWIR: Final = 0.10


def classic_zone(state: TileState, cloud: BoolArray, sun: SunDirection) -> FloatArray:
    """Return the geometric probability of cloud shadow on the tile's own grid, from the cloud indicator."""
    return shadow_probability(cloud, state.classes == NO_DATA, sun, state.tile.pixel_m)


def find_shadow_zone(state: TileState, sun: SunDirection) -> None:
    """Set where cloud shadow can fall, on a grid of 60 m, and how dark it has to be there.

    The clouds are classes 8, 9 and 10 as they stand, without what the bright-ground tests have taken away; a block is
    cloud where any of its pixels is. Large clouds have the zone of the classic height ladder, small ones the place
    that ``shadow_match`` finds. What is dark is told by the land outside the zone of all.
    """
    factor = max(round(COARSE_PIXEL_M / state.tile.pixel_m), 1)
    pixel_m = state.tile.pixel_m * factor
    seen_as_cloud = _listed(state, MEDIUM_PROBA_CLOUDS, HIGH_PROBA_CLOUDS, THIN_CIRRUS)
    cloud = _in_block(seen_as_cloud, factor)
    empty = ~_in_block(state.classes != NO_DATA, factor)
    state.zone, state.zone_factor = shadow_probability(cloud, empty, sun, pixel_m), factor
    state.background = dark_limits(state)
    large, small = split_by_size(cloud, _in_block(seen_as_cloud, factor, (factor**2 + 1) // 2), pixel_m)
    if large.sum() < cloud.sum():
        dark, water = _dark_map(state)
        matched = matched_zone(small, cloud | empty | water, dark, sun, pixel_m)
        state.zone = np.maximum(shadow_probability(large, empty, sun, pixel_m), matched)


def _dark_map(state: TileState) -> tuple[BoolArray, BoolArray]:
    """Return the pixels as dark as a cloud shadow, and water, of each block of the zone's grid the middle one."""
    factor = state.zone_factor
    rows, cols = (np.minimum(np.arange(0, n, factor) + factor // 2, n - 1) for n in state.classes.shape)
    dark = np.zeros((rows.size, cols.size), np.bool_)
    for first in range(0, rows.size, STRIP_ROWS):
        strip = slice(first, first + STRIP_ROWS)
        dark[strip] = dark_pixels(state.sampled(rows[strip], cols, SHADOW_BANDS))
    return dark, np.asarray(state.classes[np.ix_(rows, cols)] == WATER)


def _listed(state: TileState, *codes: int) -> BoolArray:
    table = np.zeros(256, np.bool_)
    table[list(codes)] = True
    return np.asarray(table[state.classes])


def _in_block(mask: BoolArray, factor: int, least: int = 1) -> BoolArray:
    """Return the blocks of ``factor`` x ``factor`` pixels in which the mask has ``least`` pixels or more."""
    if factor == 1:
        return mask
    rows, cols = (-(-n // factor) * factor for n in mask.shape)
    padded = np.zeros((rows, cols), np.bool_)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    blocks = padded.reshape(rows // factor, factor, cols // factor, factor)
    return np.asarray(blocks.sum(axis=(1, 3), dtype=np.uint8) >= least)


def dark_limits(state: TileState) -> Background:
    """Return the background with the B8A and B11 below which land is dark: 75 and 50 % of the medians of clear land.

    The medians are over every third pixel of classes 4 and 5 outside the zone of shadow; inside it too when there are
    too few, and usual values when there is no land. B11 is never called dark above 0.10.

    Decided upon the northern half of T29UNU: inside the zone 91 % of ESA's class 3 lie below both limits and 5 % of its
    class 4; with the sky-light ratio of ``shadows.dark_against_land`` 86 and 3 %.
    """
    step = SAMPLE_STEP
    land = _listed(state, VEGETATION, NOT_VEGETATED)[::step, ::step]
    if state.zone is not None:
        rows, cols = (np.arange(0, n, step) // state.zone_factor for n in state.classes.shape)
        outside = land & (state.zone[rows[:, np.newaxis], cols] == 0)
        land = outside if np.count_nonzero(outside) >= LEAST_SAMPLES else land
    limits = []
    for band, usual, share in zip(("B8A", "B11"), USUAL_LAND, (NIR_SHARE, SWIR_SHARE), strict=True):
        numbers = np.asarray(state.numbers[band][::step, ::step])[land]
        median = usual
        if numbers.size >= LEAST_SAMPLES:
            middle = np.partition(numbers, numbers.size // 2)[numbers.size // 2 :][:1]
            median = float(state.scale.reflectance(band, middle)[0])
        limits.append(share * median)
    return replace(state.background, shadow_nir=limits[0], shadow_swir=min(limits[1], LARGEST_DARK_SWIR))


def tile_background(state: TileState, *, recovery: bool) -> Background:
    """Return the limits of the cirrus recovery, and with ``recovery`` those of the land recovery, of the classes as
    they stand."""
    bare, water, land, high, dryness = (Moments() for _ in range(5))
    large = _large_high_clouds(state) if recovery else None
    for rows, _, _ in strips(state, 0):
        scene = state.scene(rows)
        cirrus = scene.reflectance["B10"]
        bare.add(cirrus, scene.where(NOT_VEGETATED))
        water.add(cirrus, scene.where(WATER))
        if large is not None:
            green = scene.among(VEGETATION, NOT_VEGETATED)
            land.add(cirrus, green)
            high.add(cirrus, large[rows])
            dryness.add(ratio(scene.reflectance["B09"], scene.reflectance["B8A"]), green)
    on_land, on_water = cirrus_limits(bare, water)
    result = replace(state.background, cirrus_limit_land=on_land, cirrus_limit_water=on_water)
    if recovery:
        valid = int(np.count_nonzero(state.classes))
        limit = recovery_limit(land, high, valid, state.tile.pixel_m)
        result = replace(result, recovered_b10=limit, recovered_ratio=dryness.mean + dryness.deviation)
    return result


def _large_high_clouds(state: TileState) -> BoolArray:
    """Return class 9. (Where it is between 2 and 20 % the sources keep blobs above 300 m only, but their limit does not
    depend on them; see ``background.recovery_limit``.)"""
    return np.asarray(state.classes == HIGH_PROBA_CLOUDS)


def recover_built_and_bare(state: TileState) -> None:
    """Unclaimed pixels of built-up, then of bare land become class 5, and so do their lone blobs of classes 7 and 8.

    A blob (4-connected) becomes class 5 when at most 35 % of the pixels round it are of classes 7, 8, 9, 10 or 3.

    Source: Sen2Cor 2.8 sources, recovery of urban and bare pixels with ESA CCI land cover.
    """
    cover = state.ground.land_cover
    if cover is None:
        return
    for codes in (BUILT, BARE):
        group = np.isin(cover, codes)
        state.classes[group & (state.classes == NOT_CLASSIFIED)] = NOT_VEGETATED
        candidates = group & _listed(state, UNCLASSIFIED, MEDIUM_PROBA_CLOUDS)
        state.classes[blobs_clear_of(candidates, _listed(state, *CLOUD_LIKE))] = NOT_VEGETATED
