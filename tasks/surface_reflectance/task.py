"""The stages that turn Level-1C counts into surface reflectance: 20 m, 10 m and 60 m."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import StageWriter, open_array
from tasks.common.bands import BANDS_10M, EXPORTED_BANDS
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.common.stored_rows import open_rows
from tasks.surface_reflectance.aggregate import block_all, block_mean, block_mode, double
from tasks.surface_reflectance.corrector import BandImage, Corrector
from tasks.surface_reflectance.inputs import (
    TileMaps,
    calibration_of,
    open_maps,
    open_scene,
    with_decided_aerosol,
)
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters

NATIVE_60M = ("B01", "B09")
"""Bands whose own pixels are of 60 m."""


@stage_task("surface_reflectance_20m", version="8")
def correct_20m(
    out: StageWriter,
    tile: TileRef,
    parameters: SurfaceReflectanceParameters,
    l1c: StageResult,
    classification: StageResult,
    aot: StageResult,
    water_vapour: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> None:
    """Write the surface reflectance of ten bands at 20 m."""
    maps = open_maps(20, classification, aot, water_vapour)
    _correct(out, tile, parameters, EXPORTED_BANDS[20], 20, maps, l1c=l1c, aot=aot, dem=dem, meteo=meteo)


@stage_task("surface_reflectance_10m", version="7")
def correct_10m(
    out: StageWriter,
    tile: TileRef,
    parameters: SurfaceReflectanceParameters,
    l1c: StageResult,
    classification: StageResult,
    aot: StageResult,
    water_vapour: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> None:
    """Write the surface reflectance of four bands at 10 m, and the AOT and water vapour maps at 10 m (nearest)."""
    maps = open_maps(20, classification, aot, water_vapour)
    _correct(out, tile, parameters, BANDS_10M, 10, maps, l1c=l1c, aot=aot, dem=dem, meteo=meteo)
    for name, values in (("aot_10m", maps.aot550), ("wvp_10m", maps.water_vapour)):
        double(values, out.create_rows(name, (2 * values.shape[0], 2 * values.shape[1]), np.uint16))


@stage_task("surface_reflectance_60m", version="8")
def derive_60m(
    out: StageWriter,
    tile: TileRef,
    parameters: SurfaceReflectanceParameters,
    l1c: StageResult,
    classification: StageResult,
    aot: StageResult,
    water_vapour: StageResult,
    dem: StageResult,
    meteo: StageResult,
    surface_reflectance_20m: StageResult,
) -> None:
    """Write the 60 m images of a tile processed at 20 m: means of 3 x 3 pixels, commonest class, valid where all are.

    B01 and B09 are corrected from their own pixels instead, with the maps at 60 m: interpolated to 20 m and averaged
    again they would be blurred.
    """
    scl = open_array(classification, "scl_20m")
    out.save("scl_60m", mode := block_mode(scl))
    out.save("valid_60m", block_all(open_array(classification, "valid_20m")))
    sources = [(surface_reflectance_20m, band) for band in EXPORTED_BANDS[60] if band not in NATIVE_60M]
    sources += [(aot, "aot"), (water_vapour, "wvp"), *((classification, f"{k}_confidence") for k in ("cloud", "snow"))]
    means = {name: block_mean(open_array(stage, f"{name}_20m"), scl, mode) for stage, name in sources}
    for name, mean in means.items():
        out.save(f"{name}_60m", mean)
    maps = open_maps(20, classification, aot, water_vapour)
    maps = replace(maps, resolution=60, scl=mode, aot550=means["aot"], water_vapour=means["wvp"])
    pair = (means["B04"], means["B8A"])
    _correct(out, tile, parameters, NATIVE_60M, 60, maps, pair, l1c=l1c, aot=aot, dem=dem, meteo=meteo)


@stage_task("surface_reflectance_60m", version="native-6")
def correct_60m(
    out: StageWriter,
    tile: TileRef,
    parameters: SurfaceReflectanceParameters,
    l1c: StageResult,
    classification: StageResult,
    aot: StageResult,
    water_vapour: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> None:
    """Write the surface reflectance of eleven bands of a tile that is processed at 60 m alone."""
    maps = open_maps(60, classification, aot, water_vapour)
    _correct(out, tile, parameters, EXPORTED_BANDS[60], 60, maps, l1c=l1c, aot=aot, dem=dem, meteo=meteo)


def _correct(
    out: StageWriter,
    tile: TileRef,
    parameters: SurfaceReflectanceParameters,
    bands: tuple[str, ...],
    resolution: int,
    maps: TileMaps,
    red_and_nir: tuple[NDArray[Any], NDArray[Any]] | None = None,
    *,
    l1c: StageResult,
    aot: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> None:
    """Correct the bands of one resolution; ``red_and_nir`` are corrected counts where these are not among them."""
    parameters = with_decided_aerosol(parameters, aot)
    scene = open_scene(out, tile, parameters, bands, l1c=l1c, dem=dem, meteo=meteo)
    corrector = Corrector(scene, parameters, resolution, maps, dem)
    if red_and_nir is not None:
        corrector.tell_vegetation(*red_and_nir)
    out.statistics.update(
        adjacency=corrector.surroundings is not None, terrain=corrector.relief is not None, brdf=corrector.brdf
    )
    images = {}
    for band in bands:
        dn = open_rows(l1c, f"{band}_{resolution}m")
        image = out.create_rows(f"{band}_{resolution}m", dn.shape, np.uint16)
        images[band] = BandImage(dn, calibration_of(l1c, band), image)
    out.statistics.update(corrector.correct(images))
