"""The order of the steps in both modes, and the whole tile: digital numbers in, class map and confidences out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification import (
    clouds,
    evolution,
    map_recoveries,
    recoveries,
    shadows,
    snow,
    thin_cirrus,
    vapour,
)
from tasks.classification.classes import NO_DATA, NOT_VEGETATED, SATURATED_DEFECTIVE
from tasks.classification.finish import grow_masks, valid_pixels
from tasks.classification.ground import Ground, snow_condition_holds
from tasks.classification.indices import FloatArray
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene, TileFacts
from tasks.classification.shaded_land import recover_shaded_land
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.specks import remove_cloud_specks, remove_surf
from tasks.classification.spectral import FIRST_STEPS, GROUND_AND_CLOUD_STEPS
from tasks.classification.sweep import (
    STRIP_ROWS,
    Counts,
    DigitalNumberScale,
    Step,
    TileState,
    first_sweep,
    sweep,
    usable,
)
from tasks.classification.whole_tile import (
    classic_zone,
    find_shadow_zone,
    recover_built_and_bare,
    tile_background,
)

_SNOW_FILTERS: Final[tuple[Step, ...]] = (
    snow.step_2_1_snow_index,
    snow.step_2_1bis_red_edge,
    snow.step_2_2_near_infrared,
    snow.step_2_3_blue,
    snow.step_2_4_blue_to_red,
)
_DEFAULT_FILTERS: Final[tuple[Step, ...]] = (evolution.step_2_height, evolution.step_2_ice_cloud)
_SNOW_END: Final[tuple[Step, ...]] = (snow.step_2_5_snow_and_ring, map_recoveries.snow_on_water_is_cloud)

SNOW_STEPS: Final = (*_SNOW_FILTERS, *_DEFAULT_FILTERS, *_SNOW_END)
"""The snow block of both modes, left out where the climatology knows no snow."""

SPECTRAL_STEPS: Final[tuple[Step, ...]] = (
    *FIRST_STEPS, *_SNOW_FILTERS, *_SNOW_END, *GROUND_AND_CLOUD_STEPS, clouds.step_7_cirrus,
)  # fmt: skip
"""Classic steps 1 to 7."""

CLASSIC_AFTER_SHADOW: Final[tuple[Step, ...]] = (
    shadows.classic_cloud_shadow,
    recoveries.recover_dark_vegetation,
    recoveries.recover_water,
    map_recoveries.recover_water_bodies,
    map_recoveries.clean_water_on_slopes,
    map_recoveries.clean_cloud_shadow,
    map_recoveries.recover_shadow_on_snow,
    recoveries.recover_snow,
    recoveries.recover_soil,
)
"""Classic cloud shadow and recoveries a to h; i, j and k need figures of the whole tile."""

DEFAULT_STEPS: Final[tuple[Step, ...]] = (
    *FIRST_STEPS,
    *_SNOW_FILTERS,
    *_DEFAULT_FILTERS,
    *_SNOW_END,
    *GROUND_AND_CLOUD_STEPS,
    thin_cirrus.cirrus_over_terrain,
    recoveries.recover_dark_vegetation,
    recoveries.recover_water,
    evolution.recover_glint,
    map_recoveries.recover_water_bodies,
    map_recoveries.clean_water_on_slopes,
    map_recoveries.recover_shadow_on_snow,
    recoveries.recover_snow,
    evolution.snow_soil_borders,
    recoveries.recover_soil,
)
"""Default mode up to the soil recovery, in the order of a logged run of Sen2Cor 2.10."""

BRIGHT_STEPS: Final[tuple[Step, ...]] = (evolution.bright_ground, evolution.bright_clouds)

DEFAULT_SHADOW_STEPS: Final[tuple[Step, ...]] = (
    shadows.dark_against_land,
    map_recoveries.recover_water_bodies,
    map_recoveries.clean_cloud_shadow,
    shadows.terrain_shadow,
    shadows.settle_dark_features,
    recoveries.close_unclassified,
)

FIRST_HALO: Final = 3 * snow.SNOW_REACH_PIXELS
"""Rows beyond a strip that can change it: snow ring, snow recovery and snow borders, three pixels each at most."""

LATER_HALO: Final = 2 * snow.SNOW_REACH_PIXELS
"""Of the later sweeps: medians of 3 x 3, snow recovery, windows of 7 x 7 pixels."""


@dataclass(frozen=True, eq=False)
class Classification:
    """The finished maps, ``[y, x]`` uint8: classes 0..11, cloud and snow confidence 0..100 %, both 0 on no-data.

    ``valid``: 1 on clear land and water far enough from cloud and cloud shadow, else 0.
    """

    classes: NDArray[np.uint8]
    cloud_confidence: NDArray[np.uint8]
    snow_confidence: NDArray[np.uint8]
    valid: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What besides the image decides on a tile.

    Attributes:
        pixel_m: size of a pixel [m].
        sun: mean sun direction; None: no cloud shadow is looked for.
        ground: maps on the tile's grid.
        snow_possible: run the snow block. Sen2Cor leaves it out where its climatology has no snow in the tile's box.
        snow_height_m: height from which snow can lie, see ``snow_climatology``; None when another map decides.
    """

    pixel_m: float = 20.0
    sun: SunDirection | None = None
    ground: Ground = field(default_factory=Ground)
    snow_possible: bool = True
    snow_height_m: float | None = None


def classify_reflectance(
    reflectance: Mapping[str, FloatArray],
    no_data: NDArray[np.bool_],
    parameters: ClassificationParameters,
    snow_possible: bool = True,
) -> Scene:
    """Run the classic steps that need neither map nor sun on one piece of a tile and return its final state.

    Args:
        reflectance: top-of-atmosphere reflectance ``[y, x]`` float32, > 0, by band.
        no_data: ``[y, x]``, True where any band has no data.
        snow_possible: run the snow block.
    """
    scene = Scene.unclassified(reflectance, no_data)
    for step in (*SPECTRAL_STEPS, *CLASSIC_AFTER_SHADOW, recoveries.close_unclassified):
        if snow_possible or step not in SNOW_STEPS:
            step(scene, parameters)
    return scene


def classify_tile(
    digital_numbers: Mapping[str, Counts],
    scale: DigitalNumberScale,
    parameters: ClassificationParameters,
    invalid: NDArray[np.uint8] | None = None,
    strip_rows: int = STRIP_ROWS,
    surroundings: Surroundings | None = None,
) -> Classification:
    """Classify a tile. The result does not depend on the strip height.

    Args:
        digital_numbers: Level-1C numbers ``[y, x]`` uint16 by band, all on one grid but B08, which may be missing or
            finer by a whole factor: 0 = no-data, 65535 = saturated, offset not applied. A pixel without data in any
            band is class 0, one saturated in any band class 1.
        scale: offset and quantification of the product.
        parameters: thresholds, mode, distances.
        invalid: ``[y, x]`` uint8 from the quality masks, or None: 0 sound, 1 defective (class 1), 2 lost (class 0).
        strip_rows: rows worked on at a time.
        surroundings: sun, maps and season; None: nothing is known of them.
    """
    around = surroundings or Surroundings()
    start, defective = usable(digital_numbers, invalid, strip_rows)
    shape = start.shape
    facts = TileFacts(
        pixel_m=around.pixel_m,
        snow_block=around.snow_possible,
        snow_height_m=around.snow_height_m,
        snow_condition_holds=snow_condition_holds(around.ground.snow_condition),
        sun_elevation_deg=None if around.sun is None else around.sun.elevation_deg,
        has_b08="B08" in digital_numbers,
    )
    state = TileState(
        numbers=digital_numbers, scale=scale, parameters=parameters, ground=around.ground, tile=facts, classes=start,
        cloud=np.zeros(shape, np.uint8), snow=np.zeros(shape, np.uint8),
        strip_rows=strip_rows,
    )  # fmt: skip
    (_classic if parameters.sc_classic else _default)(state, around.sun)
    classes = recoveries.median_classes(state.classes, parameters.median_filter)
    if not parameters.sc_classic:
        classes = grow_masks(classes, parameters, facts.pixel_m)
    classes[defective & (classes != NO_DATA)] = SATURATED_DEFECTIVE
    valid = valid_pixels(classes, parameters.valid_pixel_buffer / facts.pixel_m)
    return Classification(classes, state.cloud, state.snow, valid)


def _without_snow(steps: tuple[Step, ...], facts: TileFacts) -> tuple[Step, ...]:
    return steps if facts.snow_block else tuple(step for step in steps if step not in SNOW_STEPS)


def _classic(state: TileState, sun: SunDirection | None) -> None:
    """Run the steps of Sen2Cor 2.8 in their order."""
    state.cloud_map = np.zeros(state.classes.shape, np.bool_)
    first_sweep(state, _without_snow(SPECTRAL_STEPS, state.tile), FIRST_HALO)
    if sun is not None:
        state.zone = classic_zone(state, state.cloud_map, sun)
    state.cloud_map = None
    if state.ground.land_cover is None:
        sweep(state, (*CLASSIC_AFTER_SHADOW, recoveries.close_unclassified), LATER_HALO)
        return
    sweep(state, CLASSIC_AFTER_SHADOW, LATER_HALO)
    state.background = tile_background(state, recovery=True)
    sweep(state, (map_recoveries.recover_land,), 0)
    state.background = tile_background(state, recovery=False)
    sweep(state, (map_recoveries.recover_cirrus,), 0)
    recover_built_and_bare(state)
    sweep(state, (recoveries.close_unclassified,), 0)


def _default(state: TileState, sun: SunDirection | None) -> None:
    """Run the steps of the default mode in the order of a logged run of Sen2Cor 2.10."""
    steps = _without_snow(DEFAULT_STEPS, state.tile)
    if state.ground.land_cover is None:
        first_sweep(state, (*steps, *BRIGHT_STEPS), FIRST_HALO)
    else:
        first_sweep(state, steps, FIRST_HALO)
        state.background = tile_background(state, recovery=False)
        sweep(state, (map_recoveries.recover_cirrus,), 0)
        recover_built_and_bare(state)
        before = state.classes
        sweep(state, BRIGHT_STEPS, LATER_HALO)
        state.cloud[(before != NOT_VEGETATED) & (state.classes == NOT_VEGETATED)] = 0
    vapour.recover_ground(state)
    remove_cloud_specks(state)
    remove_surf(state)
    if sun is not None:
        find_shadow_zone(state, sun)
        recover_shaded_land(state)
    sweep(state, DEFAULT_SHADOW_STEPS, LATER_HALO)
