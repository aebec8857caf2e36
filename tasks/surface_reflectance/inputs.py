"""Opens what the three stages of the atmospheric correction share: the scene, counts and calibrations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import StageWriter, open_array
from tasks.common.errors import InternalInconsistency
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.l1c.load import load_source
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.radiative_transfer.table import AerosolType
from tasks.surface_reflectance.coarse import CoarseGrid
from tasks.surface_reflectance.inversion import Calibration
from tasks.surface_reflectance.parameters import AtmosphereParameters
from tasks.surface_reflectance.scene import Scene, build_scene

METRES_PER_KM = 1000.0
AEROSOLS: Final[dict[str, AerosolType]] = {
    "RURAL": "rural",
    "MARITIME": "maritime",
    "URBAN": "urban",
    "CONTINENTAL": "continental",
}
"""``Aerosol_Type`` of the configuration and its name in the table."""

P = TypeVar("P", bound=AtmosphereParameters)


def with_decided_aerosol(parameters: P, aot: StageResult) -> P:
    """Return the parameters with the aerosol type that the stage ``aot`` has decided, where the choice was AUTO."""
    if parameters.aerosol_type != "AUTO":
        return parameters
    return parameters.model_copy(update={"aerosol_type": aot.statistics["aerosol_type"]})


def open_counts(l1c: StageResult, band: str, resolution: int) -> NDArray[Any]:
    """Return the Level-1C counts of a band as a read-only memory map."""
    return open_array(l1c, f"{band}_{resolution}m")


def calibration_of(l1c: StageResult, band: str) -> Calibration:
    """Return how the counts of a band become reflectance."""
    statistics = l1c.statistics
    return Calibration(float(statistics["radio_add_offset"][band]), float(statistics["quantification_value"]))


def open_scene(
    out: StageWriter,
    tile: TileRef,
    parameters: AtmosphereParameters,
    bands: Iterable[str],
    *,
    l1c: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> Scene:
    """Return the atmosphere over the tile for the given bands.

    Records ``L2A-RT-DEFAULT-RESPONSES`` when the product has no spectral responses of its own.
    """
    tile_grid = Grid.model_validate(l1c.statistics["grid"])
    metres = tile_grid.resolution
    grid = CoarseGrid(float(tile_grid.rows * metres), float(tile_grid.cols * metres))
    return build_scene(
        _tables(out, tile, parameters, bands),
        grid,
        angle_step_m=float(l1c.statistics["angle_step_m"]),
        sun_zenith=open_array(l1c, "sun_zenith"),
        sun_azimuth=open_array(l1c, "sun_azimuth"),
        view_zenith=open_array(l1c, "view_zenith"),
        view_azimuth=open_array(l1c, "view_azimuth"),
        height_km=_height_km(dem, grid),
        ozone_du=float(meteo.statistics["ozone_du"]),
    )


def _tables(out: StageWriter, tile: TileRef, parameters: AtmosphereParameters, bands: Iterable[str]) -> BandTables:
    """Return the band tables integrated with the product's spectral responses."""
    product = load_source(tile).product
    responses = product.spectral_responses
    if not responses:
        responses = default_responses(product.spacecraft)
        out.fall_back(
            "L2A-RT-DEFAULT-RESPONSES",
            f"{product.path.name} has no spectral responses: those published for {product.spacecraft} are used",
        )
    wanted = {band: responses[band] for band in bands}
    if parameters.aerosol_type not in AEROSOLS:
        raise InternalInconsistency(f"aerosol type {parameters.aerosol_type} was not decided before the table is read")
    return integrate_bands(load_spectral_table(), wanted, aerosol=AEROSOLS[parameters.aerosol_type], gas=parameters.gas)


def _height_km(dem: StageResult, grid: CoarseGrid) -> NDArray[np.float32]:
    """Return the ground height of the nodes [km]."""
    if "height_20m" not in dem.arrays:
        height = float(dem.statistics["mean_height_m"]) / METRES_PER_KM
        return np.full(grid.shape, height, np.float32)
    heights = open_array(dem, "height_20m")
    return grid.area_mean(heights, np.isfinite(heights), 20) / np.float32(METRES_PER_KM)


def nodes_of_map(
    grid: CoarseGrid, stored: NDArray[np.uint16], scl: NDArray[np.uint8], scale: float
) -> NDArray[np.float32]:
    """Return a stored 20 m map at the coarse nodes: the mean of its valid pixels round each node, times ``scale``."""
    return grid.area_mean(stored, np.asarray(scl) != 0, 20) * np.float32(scale)
