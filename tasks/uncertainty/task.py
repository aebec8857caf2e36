"""The stage ``uncertainty``: one standard deviation of the surface reflectance of every band, at its finest image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import StageWriter, open_array
from tasks.common.bands import EXPORTED_BANDS, NATIVE_RESOLUTION
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.l1c.load import load_source
from tasks.surface_reflectance.coarse import CoarseGrid, Float32, shrink, strips
from tasks.surface_reflectance.geometry import mean_cosine
from tasks.surface_reflectance.inputs import TileMaps, nodes_of_map, open_maps, open_scene, with_decided_aerosol
from tasks.surface_reflectance.neighbourhood import GRID_M, Surroundings, block_means, describe_surroundings
from tasks.surface_reflectance.relief_inputs import relief_of, relief_of_band
from tasks.surface_reflectance.scene import Scene
from tasks.surface_reflectance.terrain import BandRelief
from tasks.uncertainty.atmosphere import AtmosphereErrors, budget_of_band
from tasks.uncertainty.budget import Instrument, LightVariance, reflectance_of_counts, to_counts, uncertainty_of_strip
from tasks.uncertainty.column import ABSORPTION, BEYOND, WINDOW, column_answers
from tasks.uncertainty.covariance import RetrievalErrors, covariance_of
from tasks.uncertainty.parameters import UncertaintyParameters
from tasks.uncertainty.slopes import slope_error
from tasks.water_vapour.parameters import share_of_b09

_RESOLUTIONS: Final = (10, 20, 60)


def layers(available: tuple[int, ...]) -> dict[str, int]:
    """Return the bands and the finest of the available resolutions at which each has an image."""
    found: dict[str, int] = {}
    for resolution in sorted(available):
        for band in EXPORTED_BANDS[resolution]:
            if resolution >= NATIVE_RESOLUTION[band] or NATIVE_RESOLUTION[band] not in available:
                found.setdefault(band, resolution)
    return found


@stage_task("uncertainty", version="3")
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
    bands = tuple({*resolutions, WINDOW, ABSORPTION, BEYOND})
    scene = open_scene(out, tile, parameters, bands, l1c=l1c, dem=dem, meteo=meteo)
    reflectance = _Reflectance(images, resolutions, maps)
    errors = _errors(scene, parameters, maps, aot, water_vapour, reflectance)
    irradiance = load_source(tile).product.solar_irradiance
    zenith = float(np.degrees(np.arccos(mean_cosine(scene.sun_zenith_deg))))
    reliefs = {r: relief_of(dem, scene, scl, r, parameters, at) for r in set(resolutions.values())}
    means: dict[str, float] = {}
    for band, resolution in resolutions.items():
        dn, rho60 = reflectance.stored(band), reflectance.of_blocks(band)
        relief = relief_of_band(
            reliefs[resolution], scene, band, errors.aot550_nodes, errors.water_cm, parameters, 0, None
        )
        instrument = Instrument.of_image(band, irradiance[band], zenith, resolution)
        budget = budget_of_band(scene, band, errors, rho60, instrument)
        if relief is not None:
            relief = relief.with_known_ground(rho60, shrink(scl != 0, GRID_M // at), budget.albedo)
        stored = out.create(f"{band}_uncertainty_{resolution}m", dn.shape, np.uint16)
        means[band] = _fill(stored, dn, budget.light, relief, resolution, parameters)
        stored.flush()
    shared = covariance_of(errors.retrievals, "B09")
    out.statistics.update(
        layers=resolutions,
        mean_uncertainty=means,
        aot_uncertainty=shared.aot550,
        water_vapour_uncertainty_cm=float(shared.water_cm.mean()),
    )


class _Reflectance:
    """The stored images of the bands, and their means over the 60 m blocks."""

    def __init__(self, images: dict[int, StageResult], resolutions: dict[str, int], maps: TileMaps) -> None:
        self._images = images
        self._resolutions = resolutions
        self._valid = maps.scl != 0

    def stored(self, band: str) -> NDArray[np.uint16]:
        """Return the counts of a band at its finest image."""
        resolution = self._resolutions[band]
        return open_array(self._images[resolution], f"{band}_{resolution}m")

    def of_blocks(self, band: str) -> Float32:
        """Return the surface reflectance of the 60 m blocks."""
        dn, resolution = self.stored(band), self._resolutions[band]
        return reflectance_of_counts(dn if resolution == GRID_M else block_means(dn, self._valid, resolution))

    def of_nodes(self, band: str, grid: CoarseGrid) -> Float32:
        """Return the mean surface reflectance round the coarse nodes ``[ny, nx]``."""
        rho = self.of_blocks(band)
        return grid.area_mean(rho, rho > 0, GRID_M)


def _errors(
    scene: Scene,
    parameters: UncertaintyParameters,
    maps: TileMaps,
    aot: StageResult,
    water: StageResult,
    reflectance: _Reflectance,
) -> AtmosphereErrors:
    """Return AOT, water vapour and surroundings with what is known about their errors."""
    aot_nodes = nodes_of_map(scene.grid, maps.aot550, maps.scl, maps.resolution)
    column = nodes_of_map(scene.grid, maps.water_vapour, maps.scl, maps.resolution)
    retrievals = RetrievalErrors(
        calibration=parameters.uncertainty_calibration / 100.0,
        aot550=float(aot.statistics["aot_uncertainty"]),
        water_cm=np.full_like(column, parameters.unknown_water_vapour_cm),
        aot550_of=dict(aot.statistics["aot_per_gain"]),
    )
    if water.statistics["retrieved_percentage"] > 0:
        window, beyond = (reflectance.of_nodes(band, scene.grid) for band in (WINDOW, BEYOND))
        share = share_of_b09(parameters.wavelength)
        answers = column_answers(scene, aot_nodes, column, window, beyond, share)
        retrievals = replace(
            retrievals,
            water_cm=np.abs(answers.ratio) * np.float32(parameters.band_ratio_uncertainty),
            water_cm_of=answers.signal,
            water_cm_of_aot=answers.aot550,
        )
    return AtmosphereErrors(
        aot550=block_means(maps.aot550, maps.scl != 0, maps.resolution) * np.float32(0.001),
        aot550_nodes=aot_nodes,
        water_cm=column,
        retrievals=retrievals,
        surroundings=_surroundings(maps, parameters),
    )


def _surroundings(
    maps: TileMaps, parameters: UncertaintyParameters
) -> tuple[Surroundings, Surroundings, Surroundings] | None:
    """Return the surroundings of the adjacency correction, of its range, of half and of twice of it."""
    if not parameters.rho_retrieval_step2:
        return None
    mean, narrow, wide = (
        describe_surroundings(maps.scl, parameters.adj_km * factor, maps.resolution) for factor in (1.0, 0.5, 2.0)
    )
    return None if mean is None or narrow is None or wide is None else (mean, narrow, wide)


def _fill(
    stored: NDArray[Any],
    dn: NDArray[np.uint16],
    variance: LightVariance,
    relief: BandRelief | None,
    resolution: int,
    parameters: UncertaintyParameters,
) -> float:
    """Fill the layer of one band strip by strip; return its mean over the valid pixels."""
    total, number = 0.0, 0
    for rows in strips(dn.shape[0]):
        counts = np.asarray(dn[rows])
        nodata = counts == 0
        received = slope = None
        if relief is not None:
            received = relief.received(rows, dn.shape[1])
            slope = slope_error(relief, rows, received, parameters.slope_uncertainty_deg, parameters.sky_uncertainty)
        error = uncertainty_of_strip(reflectance_of_counts(counts), variance, rows, resolution, received, slope)
        stored[rows] = to_counts(error, nodata)
        total += float(np.sum(error, where=~nodata, dtype=np.float64))
        number += int(np.count_nonzero(~nodata))
    return total / max(number, 1)
