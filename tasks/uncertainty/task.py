"""The stage ``uncertainty``: one standard deviation of the surface reflectance of every band, at its finest image."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import StageWriter
from tasks.common.bands import EXPORTED_BANDS, NATIVE_RESOLUTION
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.common.stored_rows import open_rows
from tasks.l1c.load import load_source
from tasks.surface_reflectance.coarse import Float32, shrink
from tasks.surface_reflectance.corrector import TOGETHER
from tasks.surface_reflectance.geometry import mean_cosine
from tasks.surface_reflectance.inputs import open_maps, open_scene, with_decided_aerosol
from tasks.surface_reflectance.lighting import SlopeLight
from tasks.surface_reflectance.neighbourhood import GRID_M, block_means
from tasks.surface_reflectance.relief_inputs import relief_of, relief_of_band
from tasks.surface_reflectance.scene import Scene
from tasks.surface_reflectance.terrain import Relief
from tasks.uncertainty.atmosphere import AtmosphereErrors, budget_of_band
from tasks.uncertainty.budget import Instrument, LightVariance, reflectance_of_counts
from tasks.uncertainty.column import ABSORPTION, BEYOND, WINDOW
from tasks.uncertainty.covariance import covariance_of
from tasks.uncertainty.errors import atmosphere_errors
from tasks.uncertainty.filling import BandLayer, fill_layers
from tasks.uncertainty.parameters import UncertaintyParameters

_RESOLUTIONS: Final = (10, 20, 60)


def layers(available: tuple[int, ...]) -> dict[str, int]:
    """Return the bands and the finest of the available resolutions at which each has an image."""
    found: dict[str, int] = {}
    for resolution in sorted(available):
        for band in EXPORTED_BANDS[resolution]:
            if resolution >= NATIVE_RESOLUTION[band] or NATIVE_RESOLUTION[band] not in available:
                found.setdefault(band, resolution)
    return found


@stage_task("uncertainty", version="5")
def estimate_uncertainty(
    out: StageWriter,
    tile: TileRef,
    parameters: UncertaintyParameters,
    l1c: StageResult,
    classification: StageResult,
    dem: StageResult,
    meteo: StageResult,
    aot: StageResult,
    water_vapour: StageResult,
    surface_reflectance_20m: StageResult | None = None,
    surface_reflectance_10m: StageResult | None = None,
    surface_reflectance_60m: StageResult | None = None,
) -> None:
    """Write ``<band>_uncertainty_<resolution>m`` in 0.00001 (0 = no-data), each band at its finest image.

    Statistics: ``layers`` (resolution of each band), ``mean_uncertainty`` of each band, ``aot_uncertainty`` and the
    mean ``water_vapour_uncertainty_cm``.
    """
    parameters = with_decided_aerosol(parameters, aot)
    stages = {10: surface_reflectance_10m, 20: surface_reflectance_20m, 60: surface_reflectance_60m}
    images = {resolution: stage for resolution, stage in stages.items() if stage is not None}
    resolutions = layers(tuple(images))
    maps = open_maps(parameters.map_resolution, classification, aot, water_vapour)
    scl, at = maps.scl, maps.resolution
    needed = tuple({*resolutions, WINDOW, ABSORPTION, BEYOND})
    scene = open_scene(out, tile, parameters, needed, l1c=l1c, dem=dem, meteo=meteo)
    names = {band: (images[r], f"{band}_{r}m", r) for band, r in resolutions.items()}
    ground = {band: _of_blocks(*names[band], scl) for band in (WINDOW, BEYOND)}
    errors = atmosphere_errors(scene, parameters, maps, aot.statistics, water_vapour.statistics, ground)
    irradiance = load_source(tile).product.solar_irradiance
    zenith = float(np.degrees(np.arccos(mean_cosine(scene.sun_zenith_deg))))
    weight = shrink(scl != 0, GRID_M // at)
    means: dict[str, float] = {}
    for resolution in sorted(images):
        relief = relief_of(dem, scene, scl, resolution, parameters, at)
        bands = [band for band, finest in resolutions.items() if finest == resolution]
        for first in range(0, len(bands), TOGETHER):
            sources = {}
            for band in bands[first : first + TOGETHER]:
                dn, rho60 = open_rows(*names[band][:2]), _of_blocks(*names[band], scl)
                instrument = Instrument.of_image(band, irradiance[band], zenith, resolution)
                variance, light = _fields(scene, band, errors, rho60, weight, instrument, relief, parameters)
                stored = out.create_rows(f"{band}_uncertainty_{resolution}m", dn.shape, np.uint16)
                sources[band] = BandLayer(dn, variance, light, stored)
            means |= fill_layers(sources, relief, resolution, parameters)
    shared = covariance_of(errors.retrievals, WINDOW)
    out.statistics.update(
        layers=resolutions,
        mean_uncertainty=means,
        aot_uncertainty=shared.aot550,
        water_vapour_uncertainty_cm=float(shared.water_cm.mean()),
    )


def _of_blocks(image: StageResult, name: str, resolution: int, scl: NDArray[np.uint8]) -> Float32:
    """Return the surface reflectance of a stored image, of the 60 m blocks."""
    dn = open_rows(image, name)
    return reflectance_of_counts(dn[:] if resolution == GRID_M else block_means(dn, scl != 0, resolution))


def _fields(
    scene: Scene,
    band: str,
    errors: AtmosphereErrors,
    rho60: Float32,
    weight: Float32,
    instrument: Instrument,
    relief: Relief | None,
    parameters: UncertaintyParameters,
) -> tuple[LightVariance, SlopeLight | None]:
    """Return the variance of a band's light, and the light on slopes (None over level ground)."""
    budget = budget_of_band(scene, band, errors, rho60, instrument)
    on_slopes = relief_of_band(relief, scene, band, errors.aot550_nodes, errors.water_cm, parameters, 0, None)
    light = None if on_slopes is None else on_slopes.with_known_ground(rho60, weight, budget.albedo).light()
    return budget.light, light
