"""The stage ``water_vapour``: columns from B8A, B09 and B11 at 60 m, map at 20 m (or 60 m)."""

from __future__ import annotations

import numpy as np

from tasks.common.artefacts import StageWriter, open_array
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.surface_reflectance.inputs import (
    calibration_of,
    nodes_of_map,
    open_counts,
    open_scene,
    with_decided_aerosol,
)
from tasks.surface_reflectance.inversion import to_reflectance
from tasks.surface_reflectance.neighbourhood import block_means
from tasks.water_vapour.apda import WindowBeyond, retrieve_columns
from tasks.water_vapour.mapping import (
    fill_from_neighbourhood,
    retrieved_classes,
    smooth_columns,
    usable_blocks,
    write_map,
)
from tasks.water_vapour.parameters import WaterVapourParameters
from tasks.water_vapour.season import start_column_cm


@stage_task("water_vapour", version="5")
def retrieve_water_vapour(
    out: StageWriter,
    tile: TileRef,
    parameters: WaterVapourParameters,
    l1c: StageResult,
    classification: StageResult,
    aot: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> None:
    """Write ``wvp_20m``, water vapour in 0.001 cm (0 = no-data); ``wvp_60m`` where the maps are of 60 m."""
    at = parameters.map_resolution
    scl = np.asarray(open_array(classification, f"scl_{at}m"))
    absorption_dn = open_counts(l1c, "B09", 60)
    classes = retrieved_classes(parameters.wv_watermask)
    start = start_column_cm(
        parameters.mid_latitude,
        parameters.ac_wv_iter_start_summer,
        parameters.ac_wv_iter_start_winter,
        l1c.statistics,
        meteo.statistics,
    )
    parameters = with_decided_aerosol(parameters, aot)
    column = np.full(absorption_dn.shape, start, np.float32)
    valid = np.zeros(absorption_dn.shape, np.bool_)
    wanted = usable_blocks(scl, classes, absorption_dn)
    heights = None
    if parameters.wv_correction:
        scene = open_scene(out, tile, parameters, ("B8A", "B09", "B11"), l1c=l1c, dem=dem, meteo=meteo)
        window, beyond = (
            to_reflectance(block_means(open_counts(l1c, band, at), scl != 0, at), calibration_of(l1c, band))
            for band in ("B8A", "B11")
        )
        column, valid = retrieve_columns(
            scene,
            window,
            to_reflectance(absorption_dn, calibration_of(l1c, "B09")),
            wanted,
            nodes_of_map(scene.grid, open_array(aot, f"aot_{at}m"), scl, at),
            start,
            WindowBeyond(beyond, parameters.share_of_b09),
        )
        heights = scene.pixel_height_km
        if not valid.any():
            out.fall_back("L2A-WV-DEFAULT", f"no land to retrieve water vapour from: {start:.2f} cm everywhere")
    mean = float(column[valid].mean(dtype=np.float64)) if valid.any() else float(start)
    known = valid
    if valid.any():
        column, known = fill_from_neighbourhood(column, valid, wanted, mean, heights), valid | wanted
    smooth = smooth_columns(column, known, mean, parameters.smooth_wv_map)
    stored = out.create(f"wvp_{at}m", scl.shape, np.uint16)
    write_map(smooth, known, mean, scl, classes, stored, by_line=parameters.wv_watermask == 2)
    stored.flush()
    inside = scl != 0
    mean_map = float(np.mean(stored, where=inside, dtype=np.float64)) if inside.any() else 0.0
    out.statistics["mean_water_vapour_cm"] = mean_map / 1000.0
    out.statistics["mean_land_water_vapour_cm"] = mean
    out.statistics["retrieved_percentage"] = 100.0 * float(valid.mean())
    out.statistics["filled_percentage"] = 100.0 * float((known & ~valid).mean())
