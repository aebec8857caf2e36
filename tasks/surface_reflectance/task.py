"""The stages that turn Level-1C counts into surface reflectance: 20 m, 10 m, and 60 m by averaging."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import StageWriter, open_array
from tasks.common.bands import BANDS_10M, EXPORTED_BANDS
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.surface_reflectance.aggregate import block_mean, block_mode
from tasks.surface_reflectance.coarse import strips
from tasks.surface_reflectance.coefficients import band_coefficients
from tasks.surface_reflectance.inputs import calibration_of, nodes_of_map, open_counts, open_scene
from tasks.surface_reflectance.inversion import correct_band
from tasks.surface_reflectance.neighbourhood import block_means, describe_surroundings
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.surface_reflectance.statistics import land_statistics

CORRECTED_20M = (*EXPORTED_BANDS[20][:8], "B09", *EXPORTED_BANDS[20][8:])
"""Bands corrected at 20 m: those exported there, and B09 for its 60 m image."""


@stage_task("surface_reflectance_20m", version="2")
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
    """Write the surface reflectance of eleven bands at 20 m."""
    _correct(out, tile, parameters, CORRECTED_20M, 20, l1c, classification, aot, water_vapour, dem, meteo)


@stage_task("surface_reflectance_10m", version="2")
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
    _correct(out, tile, parameters, BANDS_10M, 10, l1c, classification, aot, water_vapour, dem, meteo)
    _repeat(out, "aot_10m", open_array(aot, "aot_20m"))
    _repeat(out, "wvp_10m", open_array(water_vapour, "wvp_20m"))


@stage_task("surface_reflectance_60m", version="1")
def average_60m(
    out: StageWriter,
    tile: TileRef,
    parameters: None,
    classification: StageResult,
    aot: StageResult,
    water_vapour: StageResult,
    surface_reflectance_20m: StageResult,
) -> None:
    """Write the 60 m images: means of 3 x 3 pixels of 20 m, and the commonest class."""
    scl = open_array(classification, "scl_20m")
    mode = block_mode(scl)
    out.save("scl_60m", mode)
    sources = [(surface_reflectance_20m, band) for band in EXPORTED_BANDS[60]]
    sources += [(aot, "aot"), (water_vapour, "wvp")]
    sources += [(classification, "cloud_confidence"), (classification, "snow_confidence")]
    for stage, name in sources:
        out.save(f"{name}_60m", block_mean(open_array(stage, f"{name}_20m"), scl, mode))


def _correct(
    out: StageWriter,
    tile: TileRef,
    parameters: SurfaceReflectanceParameters,
    bands: tuple[str, ...],
    resolution: int,
    l1c: StageResult,
    classification: StageResult,
    aot: StageResult,
    water_vapour: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> None:
    """Correct the bands of one resolution."""
    scl = np.asarray(open_array(classification, "scl_20m"))
    water = open_array(water_vapour, "wvp_20m")
    scene = open_scene(out, tile, parameters, bands, l1c=l1c, dem=dem, meteo=meteo)
    aot_nodes = nodes_of_map(scene.grid, open_array(aot, "aot_20m"), scl, 0.001)
    aot_60m = block_means(open_array(aot, "aot_20m"), scl != 0, 20) * np.float32(0.001)
    water_nodes = nodes_of_map(scene.grid, water, scl, 0.001)
    surroundings = describe_surroundings(scl, parameters.adj_km)
    out.statistics["adjacency"] = surroundings is not None
    for band in bands:
        dn = open_counts(l1c, band, resolution)
        corrected = out.create(f"{band}_{resolution}m", dn.shape, np.uint16)
        coefficients = band_coefficients(scene, band, aot_nodes, water_nodes)
        correct_band(
            dn, scl, water, aot_60m, coefficients, scene.grid, calibration_of(l1c, band), surroundings, corrected
        )
        corrected.flush()
        out.statistics[band] = land_statistics(corrected, scl)


def _repeat(out: StageWriter, name: str, values: NDArray[np.uint16]) -> None:
    """Write a 20 m map at 10 m, each pixel four times."""
    target = out.create(name, (2 * values.shape[0], 2 * values.shape[1]), values.dtype)
    for rows in strips(values.shape[0]):
        doubled = np.repeat(np.repeat(values[rows], 2, axis=0), 2, axis=1)
        target[2 * rows.start : 2 * rows.stop] = doubled
    target.flush()
