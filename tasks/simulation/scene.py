"""Computes the images of a simulated scene, band by band and strip by strip, and their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.grid import Grid
from tasks.common.noise import noise_deviation
from tasks.radiative_transfer.bands import BandTables
from tasks.simulation.atmosphere_nodes import (
    SceneNodes,
    band_terms,
    signal,
    surroundings_mean,
    terms_on_pixels,
)
from tasks.simulation.forward_model import SHADOW_LIGHT, block_mean, on_pixels, to_dn, with_clouds
from tasks.simulation.landscape import Landscape, cloud_opacity, cloud_shadow, lay_out
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.push_broom import Track, detector_of
from tasks.simulation.spectra import DARK_VEGETATION, USUAL_RATIO, scene_class_table, surface_reflectance_of

_STRIP_ROWS_60M: Final = 40
_CLOUD_HEIGHT_M: Final = 1500.0
_NOISE_SEED: Final = 7919
_VISIBLE: Final = ("B01", "B02", "B03", "B04")
_CLOUD_CLASS, _SHADOW_CLASS = 9, 3


@dataclass(frozen=True, eq=False)
class Scene:
    """What all bands of a scene share.

    Attributes:
        grid: 10 m grid.
        landscape: cover and its variability.
        opacity, shadow: clouds and their shadows, 0..1, ``[y, x]`` at 10 m.
        nodes: atmosphere and geometry.
        track: sub-satellite track.
        solar_irradiance: per band [W m-2 um-1].
    """

    grid: Grid
    landscape: Landscape
    opacity: NDArray[np.float32]
    shadow: NDArray[np.float32]
    nodes: SceneNodes
    track: Track
    solar_irradiance: dict[str, float]
    parameters: SimulationParameters

    @property
    def sun_zenith_deg(self) -> float:
        """Mean sun zenith."""
        return float(self.nodes.sun_zenith.mean())


def compose_scene(
    grid: Grid,
    nodes: SceneNodes,
    track: Track,
    solar_irradiance: dict[str, float],
    parameters: SimulationParameters,
) -> Scene:
    """Return the scene of the parameters: landscape, clouds and their shadows."""
    landscape = lay_out(grid.shape, parameters.seed, snow_fraction=parameters.snow)
    opacity = cloud_opacity(grid.shape, parameters.clouds, parameters.seed)
    shadow = cloud_shadow(opacity, float(nodes.sun_zenith.mean()), float(nodes.sun_azimuth.mean()), _CLOUD_HEIGHT_M)
    return Scene(grid, landscape, opacity, shadow, nodes, track, solar_irradiance, parameters)


def surface_of_band(scene: Scene, band: str, resolution: int) -> NDArray[np.float32]:
    """Return the true surface reflectance ``[y, x]`` of a band at 10, 20 or 60 m (means of the 10 m pixels)."""
    factor = resolution // 10
    made = np.empty(scene.grid.at(resolution).shape, np.float32)
    strip = 6 * _STRIP_ROWS_60M
    land = scene.landscape
    for top in range(0, scene.grid.rows, strip):
        rows = slice(top, top + strip)
        fine = surface_reflectance_of(band, land.cover[rows], land.brightness[rows], land.slope[rows])
        if band in _VISIBLE:
            fine[np.isin(land.cover[rows], DARK_VEGETATION)] *= scene.parameters.red_swir_ratio / USUAL_RATIO
        made[top // factor : (top + strip) // factor] = block_mean(fine, factor)
    return made


def image_of_band(scene: Scene, band: str, tables: BandTables, offset_dn: int) -> NDArray[np.uint16]:
    """Return the band's image in DN at its native resolution; 0 outside the swath.

    Deterministic: the noise depends on the seed and the band alone.
    """
    parameters = scene.parameters
    resolution = NATIVE_RESOLUTION[band]
    surface = surface_of_band(scene, band, resolution)
    terms, molecular_share = band_terms(band, tables, scene.nodes, scene.track, parameters)
    around = surface
    if parameters.adjacency_km > 0.0:
        blocks = scene.grid.at(60)
        share = on_pixels(molecular_share, scene.nodes.step_m, range(blocks.rows), blocks.cols, 60)
        around = surroundings_mean(surface, share, parameters.adjacency_km, resolution)
    generator = np.random.Generator(np.random.PCG64([_NOISE_SEED, parameters.seed, BANDS.index(band)]))
    factor = resolution // 10
    strip = 6 * _STRIP_ROWS_60M // factor
    made = np.zeros(surface.shape, np.uint16)
    for top in range(0, len(surface), strip):
        rows = range(top, min(top + strip, len(surface)))
        part = slice(rows.start, rows.stop)
        fine = slice(rows.start * factor, rows.stop * factor)
        light = 1.0 - (1.0 - SHADOW_LIGHT) * block_mean(scene.shadow[fine], factor)
        here = terms_on_pixels(terms, scene.nodes.step_m, rows, surface.shape[1], resolution)
        toa = signal(here, surface[part] * light, around[part] * light)
        toa = with_clouds(band, toa, block_mean(scene.opacity[fine], factor))
        if parameters.noise:
            deviation = noise_deviation(band, toa, scene.solar_irradiance[band], scene.sun_zenith_deg)
            toa = toa + deviation * generator.standard_normal(toa.shape, dtype=np.float32)
        toa = toa * np.float32(1.0 + parameters.calibration_error_percent.get(band, 0.0) / 100.0)
        made[part] = np.where(detectors_of_rows(scene, rows, resolution) > 0, to_dn(toa, offset_dn), 0)
    return made


def detectors_of_rows(scene: Scene, rows: range, resolution: int) -> NDArray[np.uint8]:
    """Return the detector number of some rows of pixels; 0 outside the swath."""
    grid = scene.grid.at(resolution)
    northing = grid.uly - (np.arange(rows.start, rows.stop)[:, np.newaxis] + 0.5) * resolution
    easting = grid.ulx + (np.arange(grid.cols)[np.newaxis, :] + 0.5) * resolution
    return detector_of(scene.track.across(easting, northing))


def detector_image(scene: Scene, resolution: int) -> NDArray[np.uint8]:
    """Return the detector number of every pixel at one resolution."""
    rows = scene.grid.at(resolution).rows
    strips = [detectors_of_rows(scene, range(top, min(top + 512, rows)), resolution) for top in range(0, rows, 512)]
    return np.concatenate(strips)


def opaque_cloud_60m(scene: Scene) -> NDArray[np.uint8]:
    """Return the cloud mask on the 60 m grid."""
    return (block_mean(scene.opacity, 6) > 0.5).astype(np.uint8)


def atmosphere_truth(scene: Scene, resolution: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the true optical thickness and water vapour [cm] on a grid."""
    rows, cols = scene.grid.at(resolution).shape
    aot, vapour = (
        on_pixels(field, scene.nodes.step_m, range(rows), cols, resolution)
        for field in (scene.nodes.aot550, scene.nodes.water_vapour_cm)
    )
    return aot, vapour


def scene_class_truth(scene: Scene) -> NDArray[np.uint8]:
    """Return the ideal scene classification at 20 m: the most frequent class of each 2 x 2 block.

    Classes: 0 no-data, 3 cloud shadow, 4 vegetation, 5 not vegetated, 6 water, 9 cloud, 11 snow. Of two classes that
    are equally frequent the lower one is taken.
    """
    fine = scene_class_table()[scene.landscape.cover]
    fine[scene.shadow > 0.5] = _SHADOW_CLASS
    fine[scene.opacity > 0.1] = _CLOUD_CLASS
    parts = np.stack([fine[y::2, x::2] for y in (0, 1) for x in (0, 1)])
    best = np.zeros(parts.shape[1:], np.uint8)
    most = np.zeros(parts.shape[1:], np.uint8)
    for value in np.unique(fine):
        count = (parts == value).sum(axis=0, dtype=np.uint8)
        better = count > most
        best[better] = value
        most[better] = count[better]
    best[detector_image(scene, 20) == 0] = 0
    return best
