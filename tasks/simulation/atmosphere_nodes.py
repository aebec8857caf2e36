"""The atmosphere and the geometry of a simulated scene on coarse nodes, and the signal they make of a surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.grid import Grid
from tasks.radiative_transfer.atmosphere import Terms
from tasks.radiative_transfer.bands import BandTables
from tasks.simulation.forward_model import on_pixels
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.push_broom import Track, detector_of, view_angles

NODE_STEP_M: Final = 1200.0

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
) -> Terms:
    """Return the atmosphere's terms of one band on the nodes, each seen by its own detector."""
    across = track.across(nodes.easting, nodes.northing)
    view_zenith, view_azimuth = view_angles(across, detector_of(across), band, track.heading_deg)
    difference = np.mod(np.abs(nodes.sun_azimuth - view_azimuth), 360.0)
    relative_azimuth = np.minimum(difference, 360.0 - difference)
    geometry = tables.collapse(band, nodes.sun_zenith, view_zenith, relative_azimuth)
    return geometry.terms(nodes.aot550, parameters.height_m / 1000.0, nodes.water_vapour_cm, parameters.ozone_du)


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


def surroundings_mean(reflectance: NDArray[np.float32], half_width_km: float, resolution: int) -> NDArray[np.float32]:
    """Return the mean of the square surroundings of each pixel ``[y, x]``, as far as they lie in the scene."""
    reach = max(1, round(half_width_km * 1000.0 / resolution))
    size = (2 * reach + 1, 2 * reach + 1)

    def box(field: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(cv2.boxFilter(field, cv2.CV_64F, size, normalize=False, borderType=cv2.BORDER_CONSTANT))

    mean: NDArray[np.float32] = (box(reflectance) / box(np.ones_like(reflectance))).astype(np.float32)
    return mean


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
