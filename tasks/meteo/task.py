"""Stage ``meteo``: ozone, water vapour and aerosol over the tile from the fields inside the Level-1C granule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tasks.common.artefacts import StageWriter
from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.l1c.load import load_source
from tasks.meteo.fields import AOT550, MODEL_HEIGHT_KM, OZONE_DU, WATER_VAPOUR_CM, Field, Quantity, tile_mean
from tasks.meteo.grib import read_grib
from tasks.meteo.parameters import MeteoParameters

ECMWF_CODE: Final = "L2A-METEO-ECMWFT"
CAMS_CODE: Final = "L2A-METEO-CAMSFO"


@stage_task("meteo", version="1")
def read_meteo(out: StageWriter, tile: TileRef, parameters: MeteoParameters, l1c: StageResult) -> None:
    """Write the tile's mean ozone, water vapour and aerosol as statistics; no array.

    Statistics: ``ozone_du`` [DU] always; ``ozone_source`` ``AUX_ECMWFT`` | ``CONFIG`` | ``OTHER``; ``ozone_value``
    [DU], the figure for the metadata; ``total_column_water_vapour_cm`` [cm], ``cams_aot550`` and ``cams_height_km``
    [km above sea level], each None where the product does not give it. The aerosol optical thickness is that of the
    model's own surface at ``cams_height_km``.

    A file that is missing, damaged or holds implausible values never stops the tile: fall-backs
    ``L2A-METEO-ECMWFT`` (fixed ozone) and ``L2A-METEO-CAMSFO`` (no aerosol map) are recorded.

    Source: PSD 14.8 (granule AUX_DATA); Sen2Cor 3.x sources (units, mean over nodes above 0, 331 DU).
    """
    files = load_source(tile).aux_files
    ecmwf, ecmwf_problem = _fields(files, "ECMWFT")
    cams, cams_problem = _fields(files, "CAMSFO")

    ozone, problem = _mean(ecmwf, OZONE_DU, files.get("ECMWFT"))
    if parameters.ozone_content > 0.0:
        ozone, source = parameters.ozone_content, "CONFIG"
    elif ozone is not None:
        source = "AUX_ECMWFT"
    else:
        ozone, source = parameters.default_ozone_du, "OTHER"
        out.fall_back(ECMWF_CODE, f"ozone column set to {ozone:g} DU: {ecmwf_problem or problem}")
    water_vapour, _ = _mean(ecmwf, WATER_VAPOUR_CM, files.get("ECMWFT"))
    aot, aot_problem = _mean(cams, AOT550, files.get("CAMSFO"))
    height, height_problem = _mean(cams, MODEL_HEIGHT_KM, files.get("CAMSFO"))
    if aot is None or height is None:
        out.fall_back(CAMS_CODE, f"no CAMS aerosol: {cams_problem or aot_problem or height_problem}")
        aot = height = None
    out.statistics.update(
        ozone_du=ozone,
        ozone_source=source,
        ozone_value=ozone,
        total_column_water_vapour_cm=water_vapour,
        cams_aot550=aot,
        cams_height_km=height,
    )


def _fields(files: Mapping[str, Path], kind: str) -> tuple[tuple[Field, ...], str]:
    """Return the fields of one file, and in words why there are none."""
    path = files.get(kind)
    if path is None:
        since = " (products of baselines before 04.00 have none)" if kind == "CAMSFO" else ""
        return (), f"the product has no AUX_{kind} file{since}"
    try:
        return read_grib(path), ""
    except AuxiliaryUnavailable as error:
        return (), str(error)


def _mean(fields: tuple[Field, ...], quantity: Quantity, path: Path | None) -> tuple[float | None, str]:
    """Return the tile's mean of a quantity or None, and in words why there is none."""
    try:
        return tile_mean(fields, quantity), ""
    except ValueError as error:
        return None, f"{path}: {error}"
