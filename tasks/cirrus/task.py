"""The stage ``cirrus``: Level-1C counts without thin cirrus, under the names of the stage ``l1c``."""

from __future__ import annotations

import numpy as np

from tasks.aot.visibility import aot_from_visibility
from tasks.cirrus.correction import CORRECTED, VISIBLE, amplitude, cirrus_reflectance, find_gamma, remove_cirrus
from tasks.cirrus.parameters import CirrusParameters
from tasks.common.artefacts import StageWriter, open_array
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.surface_reflectance.aggregate import block_mode
from tasks.surface_reflectance.inputs import calibration_of, open_counts, open_scene
from tasks.surface_reflectance.inversion import to_reflectance
from tasks.surface_reflectance.neighbourhood import block_means
from tasks.water_vapour.apda import retrieve_columns
from tasks.water_vapour.mapping import LAND_CLASSES, usable_blocks
from tasks.water_vapour.season import start_column_cm

ANGLES = ("sun_zenith", "sun_azimuth", "view_zenith", "view_azimuth")


@stage_task("cirrus", version="1")
def correct_cirrus(
    out: StageWriter,
    tile: TileRef,
    parameters: CirrusParameters,
    l1c: StageResult,
    classification: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> None:
    """Write the bands and angles of ``l1c`` with cirrus subtracted, so that the result can take that stage's place.

    Statistics: those of ``l1c``, and ``cirrus_gamma`` (None where nothing was subtracted) and
    ``scene_water_vapour_cm``. ``L2A-CIRRUS-DRY`` is recorded when the scene is too dry for the correction.
    """
    at = parameters.map_resolution
    scl = np.asarray(open_array(classification, f"scl_{at}m"))
    column = _water_vapour(out, tile, parameters, scl, l1c, dem, meteo)
    b10 = open_counts(l1c, "B10", 60)
    cirrus = cirrus_reflectance(to_reflectance(b10, calibration_of(l1c, "B10")), np.asarray(b10) > 0)
    gamma: float | None = None
    if column < parameters.wv_threshold_cirrus:
        out.fall_back(
            "L2A-CIRRUS-DRY",
            f"water vapour {column:.2f} cm is below WV_Threshold_Cirrus {parameters.wv_threshold_cirrus:g} cm: "
            "cirrus is not corrected",
        )
    else:
        visible = {
            band: to_reflectance(block_means(open_counts(l1c, band, at), scl != 0, at), calibration_of(l1c, band))
            for band in VISIBLE
        }
        gamma = find_gamma(visible, cirrus, block_mode(scl) if at == 20 else scl)
    for name in l1c.arrays:
        band, _, size = name.partition("_")
        if band in CORRECTED and size and gamma is not None:
            resolution = int(size.removesuffix("m"))
            counts = open_array(l1c, name)
            factor = amplitude(band, parameters.wavelength[band], gamma)
            stored = out.create(name, counts.shape, np.uint16)
            remove_cirrus(counts, resolution, cirrus, factor, calibration_of(l1c, band), stored)
            stored.flush()
        else:
            out.save(name, open_array(l1c, name))
    out.statistics.update(l1c.statistics, cirrus_gamma=gamma, scene_water_vapour_cm=column)


def _water_vapour(
    out: StageWriter,
    tile: TileRef,
    parameters: CirrusParameters,
    scl: np.ndarray,
    l1c: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> float:
    """Return the scene's mean column at the start visibility [cm]; the start column where nothing can be retrieved."""
    typed = parameters
    if parameters.aerosol_type == "AUTO":
        typed = parameters.model_copy(update={"aerosol_type": "RURAL"})
    scene = open_scene(out, tile, typed, ("B8A", "B09"), l1c=l1c, dem=dem, meteo=meteo)
    start = start_column_cm(
        parameters.mid_latitude,
        parameters.ac_wv_iter_start_summer,
        parameters.ac_wv_iter_start_winter,
        l1c.statistics,
        meteo.statistics,
    )
    b09, at = open_counts(l1c, "B09", 60), parameters.map_resolution
    column, valid = retrieve_columns(
        scene,
        to_reflectance(block_means(open_counts(l1c, "B8A", at), scl != 0, at), calibration_of(l1c, "B8A")),
        to_reflectance(b09, calibration_of(l1c, "B09")),
        usable_blocks(scl, LAND_CLASSES, b09),
        aot_from_visibility(parameters.visibility, scene.height_km).astype(np.float32),
        start,
    )
    return float(column[valid].mean(dtype=np.float64)) if valid.any() else start
