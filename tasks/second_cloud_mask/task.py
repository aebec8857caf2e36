"""Stage ``second_cloud_mask``: what another program calls cloud, and how far the scene classification agrees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.classification.sweep import DigitalNumberScale
from tasks.common.artefacts import StageWriter, open_array
from tasks.common.bands import NATIVE_RESOLUTION
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.second_cloud_mask.comparison import compare
from tasks.second_cloud_mask.detector import RESOLUTION, Reflectance, block_means, detect, load_detector
from tasks.second_cloud_mask.parameters import SecondCloudMaskParameters


@stage_task("second_cloud_mask", version="1")
def ask_second_cloud_mask(
    out: StageWriter,
    tile: TileRef,
    parameters: SecondCloudMaskParameters,
    l1c: StageResult,
    classification: StageResult,
) -> None:
    """Ask another program for clouds, at 60 m, and compare its answer with the scene classification.

    Reads the bands of stage ``l1c`` in their own resolution and ``scl_20m`` (or ``scl_60m``) of ``classification``, of
    each 60 m pixel the middle one. Writes ``probability_60m``, 0..100 %, and ``mask_60m``, 0 or 1, uint8, 0 on no-data.

    Statistics: ``program``, and those of ``comparison.compare``.

    Raises:
        InvalidConfiguration: the program is not installed.
    """
    detector, out.statistics["program"] = load_detector()
    scale = DigitalNumberScale(l1c.statistics["radio_add_offset"], l1c.statistics["quantification_value"])

    def reflectance(band: str, rows: slice) -> tuple[Reflectance, NDArray[np.bool_]]:
        native = NATIVE_RESOLUTION[band]
        factor = RESOLUTION // native
        numbers = open_array(l1c, f"{band}_{native}m")[rows.start * factor : rows.stop * factor]
        counts, data = block_means(numbers, factor)
        return scale.reflectance(band, counts), data

    shape = Grid.model_validate(l1c.statistics["grid"]).at(RESOLUTION).shape
    found = detect(shape, reflectance, detector)
    out.save("probability_60m", found.probability)
    out.save("mask_60m", found.mask)
    at_60m = "scl_60m" in classification.arrays
    classes = open_array(classification, "scl_60m") if at_60m else open_array(classification, "scl_20m")[1::3, 1::3]
    out.statistics.update(compare(np.asarray(classes), found.mask, found.valid))
