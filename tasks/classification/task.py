"""Stage ``classification``: class map, cloud and snow confidence at 20 m."""

from __future__ import annotations

import numpy as np

from tasks.classification.classes import NO_DATA, SATURATED_DEFECTIVE
from tasks.classification.classify import DigitalNumberScale, classify_tile
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.statistics import image_content_qi
from tasks.common.artefacts import StageWriter, open_array
from tasks.common.bands import BANDS_20M
from tasks.common.errors import NotProcessable
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task


@stage_task("classification", version="1")
def classify_scene(
    out: StageWriter,
    tile: TileRef,
    parameters: ClassificationParameters,
    l1c: StageResult,
    quality_masks: StageResult | None = None,
    esa_cci: StageResult | None = None,
) -> None:
    """Classify a tile by the classic spectral rules; of the auxiliary maps only the snow climatology is used.

    Reads ``<band>_20m`` of stage ``l1c`` for the twelve bands, and ``invalid_20m`` of ``quality_masks`` where that
    exists. Writes ``scl_20m`` (0..11), ``cloud_confidence_20m`` and ``snow_confidence_20m`` (0..100 %), uint8, 0 on
    no-data, and the statistics ``image_content_qi`` (see ``statistics.image_content_qi``).

    Raises:
        NotProcessable: no pixel of the tile has usable data in all bands.
    """
    numbers = {band: open_array(l1c, f"{band}_20m") for band in BANDS_20M}
    scale = DigitalNumberScale(l1c.statistics["radio_add_offset"], l1c.statistics["quantification_value"])
    invalid = None
    if quality_masks is not None and "invalid_20m" in quality_masks.arrays:
        invalid = open_array(quality_masks, "invalid_20m")
    snow_possible = esa_cci is None or esa_cci.statistics["snow_possible"] is not False
    result = classify_tile(numbers, scale, parameters, invalid, snow_possible=snow_possible)
    if not np.any((result.classes != NO_DATA) & (result.classes != SATURATED_DEFECTIVE)):
        raise NotProcessable(
            f"{tile.granule_dir}: no pixel has usable data in all of {', '.join(BANDS_20M)}: nothing to correct"
        )
    out.save("scl_20m", result.classes)
    out.save("cloud_confidence_20m", result.cloud_confidence)
    out.save("snow_confidence_20m", result.snow_confidence)
    out.statistics["image_content_qi"] = image_content_qi(result.classes)
