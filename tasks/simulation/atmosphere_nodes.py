"""The atmosphere and the geometry of a simulated scene on coarse nodes, and the signal they make of a surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from tasks.common.grid import Grid
from tasks.radiative_transfer.atmosphere import Terms
from tasks.radiative_transfer.bands import BandTables
from tasks.radiative_transfer.environment import (
    AEROSOL,
    MOLECULES,
    Exponentials,
    density,
    molecular_share,
    share_within,
)
from tasks.simulation.forward_model import block_mean, on_pixels
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.push_broom import Track, detector_of, view_angles

NODE_STEP_M: Final = 1200.0
_BLOCK_M: Final = 60

_TERMS: Final = (
    "path_reflectance",
    "transmittance_down",
    "transmittance_up",
    "direct_transmittance_up",
    "spherical_albedo",
    "gas_transmittance",
)


@dataclass(frozen=True, eq=False)
class SceneNodes:
    """Fields on nodes ``[ny, nx]`` spaced ``step_m`` from the tile's upper left corner.

    Attributes:
        easting, northing: map coordinates [m].
        sun_zenith, sun_azimuth: [deg].
        aot550: above the surface.
        water_vapour_cm: above the surface.
    """

    easting: NDArray[np.float64]
    northing: NDArray[np.float64]
    sun_zenith: NDArray[np.float64]
    sun_azimuth: NDArray[np.float64]
    aot550: NDArray[np.float32]
    water_vapour_cm: NDArray[np.float32]
    step_m: float = NODE_STEP_M


def node_coordinates(grid: Grid, step_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return easting and northing ``[ny, nx]`` of nodes from the upper left corner to beyond the lower right one."""
    counts = (int(np.ceil(size * grid.resolution / step_m)) + 1 for size in grid.shape)
    ny, nx = counts
    easting, northing = np.meshgrid(grid.ulx + step_m * np.arange(nx), grid.uly - step_m * np.arange(ny))
    return easting, northing


def gradients(
    parameters: SimulationParameters, easting: NDArray[np.float64], northing: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return optical thickness and water vapour [cm] at places of the scene; both have their mean in the centre."""
    across = (easting - parameters.ulx) / (parameters.cols * 10.0) - 0.5
    down = (parameters.uly - northing) / (parameters.rows * 10.0) - 0.5
    aot = parameters.aot550 * (1.0 + parameters.aot_change * across)
    vapour = parameters.water_vapour_cm * (1.0 + parameters.water_vapour_change * down)
    return np.maximum(aot, 0.0).astype(np.float32), np.maximum(vapour, 0.0).astype(np.float32)


def band_terms(
    band: str, tables: BandTables, nodes: SceneNodes, track: Track, parameters: SimulationParameters
) -> tuple[Terms, NDArray[np.float32]]:
    """Return the atmosphere's terms of one band on the nodes, each seen by its own detector, and which share of the
    light scattered into the view is due to molecules."""
    across = track.across(nodes.easting, nodes.northing)
    view_zenith, view_azimuth = view_angles(across, detector_of(across), band, track.heading_deg)
    difference = np.mod(np.abs(nodes.sun_azimuth - view_azimuth), 360.0)
    relative_azimuth = np.minimum(difference, 360.0 - difference)
    geometry = tables.collapse(band, nodes.sun_zenith, view_zenith, relative_azimuth)
    terms, molecules = (
        geometry.terms(aot, parameters.height_m / 1000.0, nodes.water_vapour_cm, parameters.ozone_du)
        for aot in (nodes.aot550, 0.0)
    )
    return terms, molecular_share(terms, molecules)


def terms_on_pixels(terms: Terms, step_m: float, rows: range, cols: int, resolution: int) -> Terms:
    """Return the terms bilinearly on the centres of some rows of pixels."""
    shape = np.broadcast_shapes(*(np.shape(getattr(terms, name)) for name in _TERMS))
    fields = {
        name: on_pixels(
            np.broadcast_to(np.asarray(getattr(terms, name), np.float32), shape), step_m, rows, cols, resolution
        )
        for name in _TERMS
    }
    return Terms(**fields)


def surroundings_mean(
    reflectance: NDArray[np.float32], molecular_share: NDArray[np.float32], scale: float, resolution: int
) -> NDArray[np.float32]:
    """Return the mean over the surroundings of each pixel ``[y, x]``, as far as they lie in the scene.

    The environment functions of 6S, on blocks of 60 m (:mod:`tasks.radiative_transfer.environment`).

    Args:
        reflectance: ``[y, x]``.
        molecular_share: ``[y, x]`` at 60 m, share of the scattered light that is due to molecules.
        scale: factor on the lengths of the functions.
        resolution: 10, 20 or 60 [m].
    """
    factor = _BLOCK_M // resolution
    blocks = block_mean(reflectance, factor)
    by_molecules, by_aerosol = (_convolved(blocks, exponentials, scale) for exponentials in (MOLECULES, AEROSOL))
    mean = (by_aerosol + molecular_share * (by_molecules - by_aerosol)).astype(np.float32)
    if factor == 1:
        return mean
    size = (reflectance.shape[1], reflectance.shape[0])
    return np.asarray(cv2.resize(mean, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _convolved(field: NDArray[np.float32], exponentials: Exponentials, scale: float) -> NDArray[np.float64]:
    """Return a field of 60 m blocks weighted with an environment function, normalised over the scene."""
    rows, cols = (np.arange(1 - size, size) * (_BLOCK_M / 1000.0) for size in field.shape)
    distance = np.hypot(rows[:, None], cols) / scale
    block_km = _BLOCK_M / 1000.0 / scale
    middle = distance == 0.0
    kernel = density(np.where(middle, 1.0, distance), exponentials) * block_km**2
    kernel[middle] = share_within(np.array(block_km / np.sqrt(np.pi)), exponentials)  # a disc as large as the block
    weight = fftconvolve(np.ones(field.shape), kernel, mode="same")
    return np.asarray(fftconvolve(field.astype(np.float64), kernel, mode="same") / weight)


def signal(terms: Terms, reflectance: NDArray[np.float32], surroundings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the reflectance at the top of the atmosphere over ground whose surroundings differ from it.

    The direct part of the upward path carries the pixel's own reflectance, the diffuse part that of its surroundings;
    with equal reflectances it is the equation of uniform Lambertian ground.

    Source: Vermote et al. 1997, doi:10.1109/36.581987, eq. 4.
    """
    direct = terms.direct_transmittance_up
    seen = direct * reflectance + (terms.transmittance_up - direct) * surroundings
    ground = terms.gas_transmittance * terms.transmittance_down * seen / (1.0 - terms.spherical_albedo * surroundings)
    made: NDArray[np.float32] = (terms.path_reflectance + ground).astype(np.float32, copy=False)
    return made
