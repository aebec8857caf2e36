"""The stage ``aot``: aerosol optical thickness from dark vegetation, or from what stands in for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.aot.blue import better_type
from tasks.aot.bright_vegetation import nearly_level
from tasks.aot.mapping import write_map
from tasks.aot.parameters import AotParameters
from tasks.aot.retrieval import Alternatives, AotCounts, AotResult, retrieve
from tasks.aot.vegetation import vegetation_codes
from tasks.common.artefacts import StageWriter, open_array
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.surface_reflectance.geometry import mean_cosine
from tasks.surface_reflectance.inputs import calibration_of, open_counts, open_scene
from tasks.water_vapour.season import start_column_cm

BANDS = ("B02", "B03", "B04", "B8A", "B09", "B12")
CANDIDATES = ("RURAL", "MARITIME")
"""Aerosol types among which ``Aerosol_Type`` AUTO chooses; the first is taken where nothing decides."""


@stage_task("aot", version="6")
def retrieve_aot(
    out: StageWriter,
    tile: TileRef,
    parameters: AotParameters,
    l1c: StageResult,
    classification: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> None:
    """Write ``aot_20m``, AOT at 550 nm in 0.001 (0 = no-data); ``aot_60m`` where the maps are of 60 m.

    ``dark_vegetation_20m`` (``_60m``) uint8, where it is asked for, says what AOT was retrieved from
    (``vegetation_codes``).
    """
    at = parameters.map_resolution
    scl = np.asarray(open_array(classification, f"scl_{at}m"))
    bands = BANDS if parameters.aot_inversion == "DDV" else (*BANDS, "B11")
    counts = AotCounts(
        on_map={band: open_counts(l1c, band, at) for band in bands if band != "B09"},
        b09_60m=open_counts(l1c, "B09", 60),
        calibrations={band: calibration_of(l1c, band) for band in bands},
    )
    start = start_column_cm(
        parameters.mid_latitude,
        parameters.ac_wv_iter_start_summer,
        parameters.ac_wv_iter_start_winter,
        l1c.statistics,
        meteo.statistics,
    )
    results: dict[str, AotResult] = {}
    for name in CANDIDATES if parameters.aerosol_type == "AUTO" else (parameters.aerosol_type,):
        typed = parameters.model_copy(update={"aerosol_type": name})
        scene = replace(open_scene(out, tile, typed, bands, l1c=l1c, dem=dem, meteo=meteo), kept_bands=len(bands))
        alternatives = _alternatives(dem, meteo, mean_cosine(scene.sun_zenith_deg))
        results[name] = retrieve(scene, counts, scl, typed, start, alternatives)
    aerosol = better_type({k: r.blue for k, r in results.items()}, parameters.ac_aerosol_type_ratio_th)
    result = results[aerosol]
    _record(out, parameters, result)
    stored = out.create(f"aot_{at}m", scl.shape, np.uint16)
    write_map(result.aot550, scl, stored)
    stored.flush()
    if parameters.generate_ddv_output:
        out.save(f"dark_vegetation_{at}m", vegetation_codes(result.dark_vegetation, scl))
    inside = scl != 0
    mean = float(np.mean(stored, where=inside, dtype=np.float64)) / 1000.0 if inside.any() else 0.0
    ratios = {name: r.blue.double_ratio for name, r in results.items() if r.blue is not None}
    out.statistics.update(
        retrieval_method=result.method,
        mean_aot=mean,
        aerosol_type=aerosol,
        aerosol_double_ratios=ratios,
        **result.statistics,
    )


def _alternatives(dem: StageResult, meteo: StageResult, cos_sun: float) -> Alternatives:
    """Return what may stand in for dark vegetation."""
    level: NDArray[np.bool_] | None = None
    if "illumination_20m" in dem.arrays:
        illumination: NDArray[Any] = open_array(dem, "illumination_20m")
        level = nearly_level(illumination[1::3, 1::3], cos_sun)
    return Alternatives(meteo.statistics.get("cams_aot550"), meteo.statistics.get("cams_height_km"), level)


def _record(out: StageWriter, parameters: AotParameters, result: AotResult) -> None:
    """Record what stood in for dark dense vegetation."""
    if result.method in ("SEN2COR_DDV", "SEN2FLOW_MULTIBAND"):
        return
    figures = result.statistics
    too_little = (
        f"dark dense vegetation covers {figures['ddv_percentage']:.2f} % "
        f"(AC_Min_Ddv_Area {parameters.ac_min_ddv_area:g} %)"
    )
    if result.method == "CAMS":
        out.fall_back("L2A-AOT-CAMS", f"{too_little}: CAMS, visibility {figures['visibility_km']:.1f} km")
    elif figures["bright_vegetation"]:
        out.fall_back(
            "L2A-AOT-BRIGHT", f"{too_little}: bright vegetation, visibility {figures['visibility_km']:.1f} km"
        )
    else:
        out.fall_back("L2A-AOT-DEFAULT", f"{too_little}: start visibility {parameters.visibility:g} km")
