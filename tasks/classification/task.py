"""Stage ``classification``: class map, cloud and snow confidence and valid pixels at 20 m (or 60 m)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification.classes import NO_DATA, SATURATED_DEFECTIVE
from tasks.classification.classify import Surroundings, classify_tile
from tasks.classification.ground import Ground
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.snow_climatology import tile_snow_height_m
from tasks.classification.statistics import image_content_qi, share_of_valid
from tasks.classification.sweep import DigitalNumberScale
from tasks.common.artefacts import StageWriter, open_array
from tasks.common.bands import BANDS_20M
from tasks.common.errors import NotProcessable
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.common.stored_rows import open_rows

SNOW_CODE: Final = "L2A-SC-SNOW-CLIMATOLOGY"

_TERRAIN: Final = {
    "height": "height_20m",
    "slope": "slope_20m",
    "illumination": "illumination_20m",
    "shadow": "shadow_20m",
}
_MAPS: Final = {
    "water_bodies": "water_bodies_20m",
    "land_cover": "land_cover_20m",
    "snow_condition": "snow_condition_20m",
}


@stage_task("classification", version="4")
def classify_scene(
    out: StageWriter,
    tile: TileRef,
    parameters: ClassificationParameters,
    l1c: StageResult,
    quality_masks: StageResult | None = None,
    esa_cci: StageResult | None = None,
    dem: StageResult | None = None,
) -> None:
    """Classify a tile in the default mode, or in the classic mode where ``sc_classic`` is set.

    Reads ``<band>_20m`` of stage ``l1c`` (and ``B08_10m`` where it is), ``invalid_20m`` of ``quality_masks``, the maps
    of ``esa_cci`` and ``height_20m``, ``slope_20m``, ``illumination_20m``, ``shadow_20m`` of ``dem``, as far as
    they exist; at 60 m ``<band>_60m`` and every third pixel of the maps. Writes, uint8, with the resolution in the
    name:

    - ``scl_20m`` 0..11;
    - ``cloud_confidence_20m`` and ``snow_confidence_20m``, 0..100 %, 0 on no-data;
    - ``valid_20m``, 1 on clear land and water outside the buffer round cloud and cloud shadow.

    Statistics: ``image_content_qi`` (see ``statistics.image_content_qi``), ``valid_percentage``, ``mode``,
    ``snow_height_m`` (from which snow was looked for; None where the global snow map decided).

    Fall-back: ``L2A-SC-SNOW-CLIMATOLOGY``, the global snow map is missing and the embedded climatology decides.

    Raises:
        NotProcessable: no pixel of the tile has usable data in all bands.
    """
    at = parameters.resolution
    numbers = {band: open_rows(l1c, f"{band}_{at}m") for band in BANDS_20M}
    if at == 20 and "B08_10m" in l1c.arrays:
        numbers["B08"] = open_rows(l1c, "B08_10m")
    scale = DigitalNumberScale(l1c.statistics["radio_add_offset"], l1c.statistics["quantification_value"])
    around = _surroundings(out, parameters, l1c, esa_cci, dem)
    invalid = _quality(quality_masks, at)
    result = classify_tile(numbers, scale, parameters, invalid, surroundings=around)
    if not np.any((result.classes != NO_DATA) & (result.classes != SATURATED_DEFECTIVE)):
        raise NotProcessable(
            f"{tile.granule_dir}: no pixel has usable data in all of {', '.join(BANDS_20M)}: nothing to correct"
        )
    out.save(f"scl_{at}m", result.classes)
    out.save(f"cloud_confidence_{at}m", result.cloud_confidence)
    out.save(f"snow_confidence_{at}m", result.snow_confidence)
    out.save(f"valid_{at}m", result.valid)
    out.statistics["image_content_qi"] = image_content_qi(result.classes, around.ground.water_bodies)
    out.statistics["valid_percentage"] = share_of_valid(result.classes, result.valid)
    out.statistics["mode"] = "classic" if parameters.sc_classic else "default"
    out.statistics["snow_height_m"] = around.snow_height_m


def _surroundings(
    out: StageWriter,
    parameters: ClassificationParameters,
    l1c: StageResult,
    esa_cci: StageResult | None,
    dem: StageResult | None,
) -> Surroundings:
    """Return sun, maps and season of the tile."""
    maps: dict[str, NDArray[Any]] = {}
    for stage, names in ((dem, _TERRAIN), (esa_cci, _MAPS)):
        if stage is not None:
            maps |= {field: open_array(stage, name) for field, name in names.items() if name in stage.arrays}
    ground = Ground(**maps)
    possible = None if esa_cci is None else esa_cci.statistics["snow_possible"]
    lowest = None
    if possible is None:
        grid = Grid.model_validate(l1c.statistics["grid"])
        lowest = tile_snow_height_m(grid, l1c.statistics["sensing_time"])
        highest = dem.statistics["mean_height_m"] if dem is not None else 0.0
        if ground.height is not None:
            highest = float(ground.height.max())
        possible = highest >= lowest
        out.fall_back(
            SNOW_CODE,
            f"no global snow map: the embedded climatology has snow {'from' if possible else 'only from'} "
            f"{lowest:.0f} m, the ground reaches {highest:.0f} m",
        )
    return Surroundings(
        pixel_m=float(parameters.resolution),
        sun=SunDirection(90.0 - l1c.statistics["mean_sun_zenith_deg"], l1c.statistics["mean_sun_azimuth_deg"]),
        ground=ground if parameters.resolution == 20 else ground.at_60m(),
        snow_possible=possible,
        snow_height_m=lowest,
    )


def _quality(quality_masks: StageResult | None, resolution: int) -> NDArray[np.uint8] | None:
    """Return the invalid pixels, at 60 m the worst of each block; None without the stage's array."""
    if quality_masks is None or "invalid_20m" not in quality_masks.arrays:
        return None
    invalid = open_array(quality_masks, "invalid_20m")
    if resolution == 20:
        return invalid
    rows, cols = invalid.shape
    return np.asarray(invalid.reshape(rows // 3, 3, cols // 3, 3).max(axis=(1, 3)))
