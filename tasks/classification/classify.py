"""The order of the steps, and the whole tile strip by strip: digital numbers in, class map and confidences out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification import clouds, recoveries, snow, surfaces
from tasks.classification.classes import NO_DATA, SATURATED_DEFECTIVE
from tasks.classification.indices import FloatArray
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene

Step = Callable[[Scene, ClassificationParameters], None]

SNOW_STEPS: Final[tuple[Step, ...]] = (
    snow.step_2_1_snow_index,
    snow.step_2_1bis_red_edge,
    snow.step_2_2_near_infrared,
    snow.step_2_3_blue,
    snow.step_2_4_blue_to_red,
    snow.step_2_5_snow_and_ring,
)
"""The snow block, left out where the climatology knows no snow."""

SPECTRAL_STEPS: Final[tuple[Step, ...]] = (
    clouds.step_1a_brightness,
    clouds.step_1b_snow_index,
    *SNOW_STEPS,
    surfaces.step_3_vegetation,
    surfaces.step_5_1_soil,
    surfaces.step_5_2_water,
    surfaces.step_6_rock_and_sand,
    clouds.step_6bis_red_to_swir,
    clouds.step_7_clouds,
    clouds.step_7_cirrus,
    recoveries.recover_dark_vegetation,
    recoveries.recover_water,
    recoveries.recover_snow,
    recoveries.recover_soil,
    recoveries.close_unclassified,
)
"""The classic rules that need no auxiliary map, in their order."""

USED_BANDS: Final = ("B02", "B03", "B04", "B05", "B8A", "B10", "B11", "B12")
"""Bands whose reflectance the steps read; the others only tell no-data and saturation."""

HALO_ROWS: Final = 2 * snow.SNOW_REACH_PIXELS
"""Rows beyond a strip that can change it: two steps look three pixels far."""

STRIP_ROWS: Final = 128

DN_NO_DATA: Final = 0
DN_SATURATED: Final = 65535
REFLECTANCE_FLOOR: Final = 1e-6
INVALID_DEFECTIVE: Final = 1
INVALID_LOST: Final = 2


@dataclass(frozen=True)
class DigitalNumberScale:
    """How Level-1C digital numbers become reflectance: ``(DN + offset[band]) / quantification``."""

    offset: Mapping[str, int]
    quantification: float

    def reflectance(self, band: str, dn: NDArray[np.uint16]) -> FloatArray:
        """Return top-of-atmosphere reflectance, float32, not below 1e-6 (noise below the offset would be negative).

        Source: PSD 14.8, ``QUANTIFICATION_VALUE`` and ``RADIO_ADD_OFFSET`` of the Level-1C product.
        """
        shifted = dn.astype(np.float32) + np.float32(self.offset[band])
        shifted /= np.float32(self.quantification)
        floored: FloatArray = np.maximum(shifted, np.float32(REFLECTANCE_FLOOR), out=shifted)
        return floored


@dataclass(frozen=True, eq=False)
class Classification:
    """The finished maps, ``[y, x]`` uint8: classes 0..11, cloud and snow confidence 0..100 %, both 0 on no-data."""

    classes: NDArray[np.uint8]
    cloud_confidence: NDArray[np.uint8]
    snow_confidence: NDArray[np.uint8]


def classify_reflectance(
    reflectance: Mapping[str, FloatArray],
    no_data: NDArray[np.bool_],
    parameters: ClassificationParameters,
    snow_possible: bool = True,
) -> Scene:
    """Run all steps on one piece of a tile and return its final state (before the median filter).

    Args:
        reflectance: top-of-atmosphere reflectance ``[y, x]`` float32, > 0, of every band of ``USED_BANDS``.
        no_data: ``[y, x]``, True where any band has no data.
        snow_possible: run the snow block. Sen2Cor leaves it out where its climatology has no snow in the tile's box.
    """
    scene = Scene.unclassified(reflectance, no_data)
    for step in SPECTRAL_STEPS:
        if snow_possible or step not in SNOW_STEPS:
            step(scene, parameters)
    return scene


def classify_tile(
    digital_numbers: Mapping[str, NDArray[np.uint16]],
    scale: DigitalNumberScale,
    parameters: ClassificationParameters,
    invalid: NDArray[np.uint8] | None = None,
    strip_rows: int = STRIP_ROWS,
    *,
    snow_possible: bool = True,
) -> Classification:
    """Classify a tile. The result does not depend on the strip height.

    Args:
        digital_numbers: Level-1C numbers ``[y, x]`` uint16 by band, all on one grid: 0 = no-data, 65535 =
            saturated, offset not applied. A pixel without data in any band is class 0, one saturated in any band
            class 1.
        scale: offset and quantification of the product.
        invalid: ``[y, x]`` uint8 from the quality masks, or None: 0 sound, 1 defective (class 1), 2 lost (class 0).
        strip_rows: rows worked on at a time.
        snow_possible: see ``classify_reflectance``.
    """
    shape = next(iter(digital_numbers.values())).shape
    result = Classification(*(np.zeros(shape, np.uint8) for _ in range(3)))
    defective = np.zeros(shape, np.bool_)
    for first in range(0, shape[0], strip_rows):
        last = min(first + strip_rows, shape[0])
        start, stop = max(first - HALO_ROWS, 0), min(last + HALO_ROWS, shape[0])
        strip = {band: numbers[start:stop] for band, numbers in digital_numbers.items()}
        mask = None if invalid is None else invalid[start:stop]
        lost, spoilt = _unusable(strip, mask)
        if lost.all():
            continue
        reflectance = {band: scale.reflectance(band, strip[band]) for band in USED_BANDS}
        scene = classify_reflectance(reflectance, lost, parameters, snow_possible)
        inner = slice(first - start, last - start)
        defective[first:last] = spoilt[inner]
        result.classes[first:last] = scene.classes[inner]
        result.cloud_confidence[first:last] = _percent(scene.cloud, scene.valid)[inner]
        result.snow_confidence[first:last] = _percent(scene.snow, scene.valid)[inner]
    classes = recoveries.median_classes(result.classes, parameters.median_filter)
    classes[defective & (classes != NO_DATA)] = SATURATED_DEFECTIVE
    return Classification(classes, result.cloud_confidence, result.snow_confidence)


def _unusable(
    digital_numbers: Mapping[str, NDArray[np.uint16]], invalid: NDArray[np.uint8] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where the piece has no data and where it is saturated or defective."""
    shape = next(iter(digital_numbers.values())).shape
    lost, spoilt = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for numbers in digital_numbers.values():
        lost |= numbers == DN_NO_DATA
        spoilt |= numbers == DN_SATURATED
    if invalid is not None:
        lost |= invalid == INVALID_LOST
        spoilt |= invalid == INVALID_DEFECTIVE
    return lost, spoilt


def _percent(confidence: FloatArray, valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a confidence 0..1 as whole per cent, 0 on no-data. Source: Sen2Cor 2.8 sources, post-processing."""
    return (confidence * np.float32(100) + np.float32(0.5)).astype(np.uint8) * valid
