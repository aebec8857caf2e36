"""Makes a simulated Level-1C product and its truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np

from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.errors import NotProcessable
from tasks.common.grid import RESOLUTIONS, Grid
from tasks.common.spectral import SpectralResponse
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.simulation.atmosphere_nodes import NODE_STEP_M, SceneNodes, gradients, node_coordinates
from tasks.simulation.model import PHYSICAL_GAINS, SOLAR_IRRADIANCE, ProductDescription, ProductImages
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.place import centre_track, footprint, metadata_sun, metadata_view, mgrs_tile, sun_angles
from tasks.simulation.product_xml import at_one_nanometre
from tasks.simulation.safe_writer import write_safe
from tasks.simulation.scene import Scene, compose_scene, detector_image, image_of_band, opaque_cloud_60m
from tasks.simulation.solar import earth_sun_correction
from tasks.simulation.truth import write_truth

_ORBITS: Final = {"S2A": (108, 52157), "S2B": (108, 43034), "S2C": (108, 4007)}
"""Relative and absolute orbit by platform; they only label the product."""

_CENTRE: Final = "SIM_"
_LOWEST_SUN_DEG: Final = 85.0


@dataclass(frozen=True)
class SimulatedProduct:
    """Where the product and its truth lie."""

    product: Path
    truth: Path


def responses_of(platform: str) -> dict[str, SpectralResponse]:
    """Return the spectral responses of a platform in 1 nm steps, exactly as the metadata will carry them."""
    published = default_responses(platform)
    made = {}
    for band in BANDS:
        start, values = at_one_nanometre(published[band])
        made[band] = SpectralResponse(start + np.arange(len(values), dtype=np.float64), np.array(values))
    return made


def simulate_product(folder: Path, parameters: SimulationParameters, *, threads: int = 2) -> SimulatedProduct:
    """Write a simulated product into ``folder``, and beside it its truth in ``<product>_TRUTH``.

    Args:
        folder: made when missing.
        parameters: all of the scene; equal parameters give equal products.
        threads: of the JPEG 2000 encoder.

    Raises:
        NotProcessable: the sun is below the horizon of the simulation, or the scene lies outside the swath.
        TransientIO: the product cannot be written.
    """
    grid = Grid(
        epsg=parameters.epsg,
        ulx=parameters.ulx,
        uly=parameters.uly,
        resolution=10,
        rows=parameters.rows,
        cols=parameters.cols,
    )
    scene = _scene(grid, parameters)
    about = _describe(scene)
    tables = integrate_bands(load_spectral_table(), about.responses, aerosol=parameters.aerosol, gas=parameters.gas)
    detectors = {resolution: detector_image(scene, resolution) for resolution in RESOLUTIONS}
    if not detectors[60].any():
        raise NotProcessable(
            f"the scene lies outside the swath: across_track_km {parameters.across_track_km} leaves no pixel "
            "within 145 km of the track"
        )
    images = ProductImages(
        bands={band: image_of_band(scene, band, tables, about.offset_dn) for band in BANDS},
        detectors={band: detectors[NATIVE_RESOLUTION[band]] for band in BANDS},
        opaque_cloud=opaque_cloud_60m(scene),
    )
    product = write_safe(folder, about, images, threads=threads)
    return SimulatedProduct(product, write_truth(folder / f"{product.stem}_TRUTH", scene))


def _scene(grid: Grid, parameters: SimulationParameters) -> Scene:
    easting, northing = node_coordinates(grid, NODE_STEP_M)
    sun_zenith, sun_azimuth = sun_angles(grid, parameters.sensing_time, easting, northing)
    if sun_zenith.max() > _LOWEST_SUN_DEG:
        raise NotProcessable(
            f"sun zenith of {sun_zenith.max():.1f} deg at {parameters.sensing_time:%Y-%m-%d %H:%M} UTC: "
            f"expected at most {_LOWEST_SUN_DEG:.0f}; choose another time"
        )
    aot, vapour = gradients(parameters, easting, northing)
    nodes = SceneNodes(easting, northing, sun_zenith, sun_azimuth, aot, vapour)
    irradiance = SOLAR_IRRADIANCE[parameters.platform]
    return compose_scene(grid, nodes, centre_track(grid, parameters.across_track_km), irradiance, parameters)


def _describe(scene: Scene) -> ProductDescription:
    parameters, grid = scene.parameters, scene.grid
    relative, absolute = _ORBITS[parameters.platform]
    time = parameters.sensing_time
    return ProductDescription(
        spacecraft=parameters.platform,
        baseline=parameters.baseline,
        centre=_CENTRE,
        mgrs_tile=mgrs_tile(grid),
        datatake_start=time,
        datastrip_start=time,
        sensing_time=time,
        generation_time=time + timedelta(hours=2),
        relative_orbit=relative,
        absolute_orbit=absolute,
        grid=grid,
        footprint=footprint(grid),
        earth_sun_correction=earth_sun_correction(time),
        solar_irradiance=scene.solar_irradiance,
        physical_gains=PHYSICAL_GAINS[parameters.platform],
        responses=responses_of(parameters.platform),
        sun=metadata_sun(grid, time),
        view=metadata_view(grid, scene.track),
        cloud_percentage=100.0 * float(opaque_cloud_60m(scene).mean()),
        origin="simulated by sen2flow, no measurement; made for tests with known truth",
    )
