"""The stage ``aot``: aerosol optical thickness from dark dense vegetation, or the start visibility."""

from __future__ import annotations

import numpy as np

from tasks.aot.mapping import write_map
from tasks.aot.parameters import AotParameters
from tasks.aot.retrieval import AotCounts, retrieve
from tasks.common.artefacts import StageWriter, open_array
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.surface_reflectance.inputs import calibration_of, open_counts, open_scene

BANDS = ("B03", "B04", "B8A", "B09", "B12")


@stage_task("aot", version="1")
def retrieve_aot(
    out: StageWriter,
    tile: TileRef,
    parameters: AotParameters,
    l1c: StageResult,
    classification: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> None:
    """Write ``aot_20m``, AOT at 550 nm in 0.001 (0 = no-data)."""
    scl = np.asarray(open_array(classification, "scl_20m"))
    scene = open_scene(out, tile, parameters, BANDS, l1c=l1c, dem=dem, meteo=meteo)
    counts = AotCounts(
        at_20m={band: open_counts(l1c, band, 20) for band in ("B03", "B04", "B8A", "B12")},
        b09_60m=open_counts(l1c, "B09", 60),
        calibrations={band: calibration_of(l1c, band) for band in BANDS},
    )
    start = meteo.statistics.get("total_column_water_vapour_cm") or parameters.start_column_cm
    result = retrieve(scene, counts, scl, parameters, start)
    if result.method == "DEFAULT":
        out.fall_back(
            "L2A-AOT-DEFAULT",
            f"dark dense vegetation covers {result.statistics['ddv_percentage']:.2f} % "
            f"(AC_Min_Ddv_Area {parameters.ac_min_ddv_area:g} %): start visibility {parameters.visibility:g} km",
        )
    stored = out.create("aot_20m", scl.shape, np.uint16)
    write_map(result.aot550, scl, stored)
    stored.flush()
    inside = scl != 0
    mean = float(np.mean(stored, where=inside, dtype=np.float64)) / 1000.0 if inside.any() else 0.0
    out.statistics.update(retrieval_method=result.method, mean_aot=mean, **result.statistics)
