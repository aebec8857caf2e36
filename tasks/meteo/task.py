"""Stage ``meteo``: ozone, water vapour and aerosol over the tile from the fields inside the Level-1C granule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tasks.common.artefacts import StageWriter
from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.common.provenance import describe, identified
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.dem.footprint import geographic_box
from tasks.l1c.load import load_source
from tasks.meteo.cams_files import ExternalAerosol, external_aerosol, files_for
from tasks.meteo.fields import (
    AOT550,
    MODEL_HEIGHT_KM,
    OZONE_DU,
    WATER_VAPOUR_CM,
    Field,
    Quantity,
    at_ground,
    tile_mean,
)
from tasks.meteo.grib import read_grib
from tasks.meteo.parameters import MeteoParameters

ECMWF_CODE: Final = "L2A-METEO-ECMWFT"
CAMS_CODE: Final = "L2A-METEO-CAMSFO"


@stage_task("meteo", version="3")
def read_meteo(
    out: StageWriter, tile: TileRef, parameters: MeteoParameters, l1c: StageResult, dem: StageResult | None = None
) -> None:
    """Write the tile's mean ozone, water vapour and aerosol as statistics; no array.

    Statistics: ``ozone_du`` [DU] always; ``ozone_source`` ``AUX_ECMWFT`` | ``CONFIG`` | ``OTHER``; ``ozone_value``
    [DU], the figure for the metadata; ``total_column_water_vapour_cm`` [cm], ``cams_aot550`` and ``cams_height_km``
    [km above sea level], each None where the product does not give it. The aerosol optical thickness is that of the
    model's own surface at ``cams_height_km``; ``cams_aot550_ground`` is that above the tile's mean height.
    ``cams_source`` ``AUX_CAMSFO`` | ``CAMS_DIRECTORY`` | ``NONE``; ``files`` (name and SHA-256).

    Where the product has no aerosol, files of the configured CAMS folder are used; ``cams_layers`` says which fields,
    for which times, and their weights.

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
    cams_source, layers = "AUX_CAMSFO", []
    used = list(files.values())
    if aot is None or height is None:
        reason = cams_problem or aot_problem or height_problem
        aot, height, cams_source = None, None, "NONE"
        try:
            found = _external(parameters, l1c)
            aot, height, layers = found.aot550, found.height_km, list(found.layers)
            cams_source, used = "CAMS_DIRECTORY", [*used, *found.files]
        except AuxiliaryUnavailable as error:
            wanted = f"; {error}" if parameters.cams_directory else ""
            out.fall_back(CAMS_CODE, f"no CAMS aerosol: {reason}{wanted}")
    out.statistics.update(
        ozone_du=ozone,
        ozone_source=source,
        ozone_value=ozone,
        total_column_water_vapour_cm=water_vapour,
        cams_aot550=aot,
        cams_height_km=height,
        cams_aot550_ground=_over_ground(aot, height, dem),
        cams_source=cams_source,
        cams_layers=layers,
        files=describe(used, parameters.home),
    )


def meteo_of_tile(parameters: MeteoParameters, l1c: StageResult) -> MeteoParameters:
    """Return the parameters with the identity of the external files around the sensing time, for :func:`read_meteo`."""
    if parameters.cams_directory is None:
        return parameters.model_copy(update={"cams_files": ()})
    files = files_for(parameters, str(l1c.statistics["sensing_time"]))
    return parameters.model_copy(update={"cams_files": identified(files, parameters.home)})


def _external(parameters: MeteoParameters, l1c: StageResult) -> ExternalAerosol:
    """Return the aerosol from the configured CAMS folder."""
    if parameters.cams_directory is None:
        raise AuxiliaryUnavailable("no folder of external CAMS files is configured (CAMS_Directory)")
    box = geographic_box(Grid.model_validate(l1c.statistics["grid"]))
    centre = 0.5 * (box.west + box.east), 0.5 * (box.south + box.north)
    return external_aerosol(parameters, str(l1c.statistics["sensing_time"]), *centre)


def _over_ground(aot: float | None, height_km: float | None, dem: StageResult | None) -> float | None:
    """Return the aerosol above the tile's mean height; as it is where one of the heights is not known."""
    if aot is None or height_km is None or dem is None:
        return aot
    return at_ground(aot, height_km, float(dem.statistics["mean_height_m"]) / 1000.0)


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
