"""Opens what the three stages of the atmospheric correction share: the scene, counts and calibrations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import StageWriter, open_array
from tasks.common.bands import band_id
from tasks.common.errors import InternalInconsistency
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.l1c.load import load_source
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.limits import CLAMPED_CODE, LIMITS, SUN_LIMIT_CODE, clamped_inputs
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.radiative_transfer.table import AerosolType
from tasks.surface_reflectance.coarse import CoarseGrid, shrink
from tasks.surface_reflectance.inversion import Calibration
from tasks.surface_reflectance.parameters import AtmosphereParameters
from tasks.surface_reflectance.scene import Scene, build_scene

METRES_PER_KM = 1000.0
AEROSOLS: Final[dict[str, AerosolType]] = {
    "RURAL": "rural",
    "MARITIME": "maritime",
    "URBAN": "urban",
    "DESERT": "desert",
}
"""``Aerosol_Type`` of the configuration and its name in the table; the types that emulate 6SV make no products."""

P = TypeVar("P", bound=AtmosphereParameters)


@dataclass(frozen=True, eq=False)
class TileMaps:
    """The maps that the surface reflectance depends on, on one grid.

    Attributes:
        resolution: pixel size [m]: 20 or 60.
        scl: ``[rows, cols]`` scene classification.
        aot550: ``[rows, cols]`` AOT at 550 nm in 0.001, 0 = no-data.
        water_vapour: ``[rows, cols]`` column in 0.001 cm, 0 = no-data.
        path_scaling_blue: factor on the path reflectance of the blue band.
    """

    resolution: int
    scl: NDArray[np.uint8]
    aot550: NDArray[np.uint16]
    water_vapour: NDArray[np.uint16]
    path_scaling_blue: float = 1.0


def open_maps(
    map_resolution: int, classification: StageResult, aot: StageResult, water_vapour: StageResult
) -> TileMaps:
    """Return the maps of a tile as their stages have stored them at ``map_resolution`` [m]."""
    return TileMaps(
        resolution=map_resolution,
        scl=np.asarray(open_array(classification, f"scl_{map_resolution}m")),
        aot550=open_array(aot, f"aot_{map_resolution}m"),
        water_vapour=open_array(water_vapour, f"wvp_{map_resolution}m"),
        path_scaling_blue=float(aot.statistics.get("path_scaling_blue", 1.0)),
    )


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
    bands: Sequence[str],
    *,
    l1c: StageResult,
    dem: StageResult,
    meteo: StageResult,
) -> Scene:
    """Return the atmosphere over the tile for the given bands.

    Records ``L2A-RT-DEFAULT-RESPONSES`` when the product has no spectral responses of its own, ``L2A-RT-CLAMPED`` when
    angles, heights or ozone leave the table, and ``L2A-RT-SUN-LIMIT`` when the sun is lower than the limit asked for.
    """
    tile_grid = Grid.model_validate(l1c.statistics["grid"])
    metres = tile_grid.resolution
    grid = CoarseGrid(float(tile_grid.rows * metres), float(tile_grid.cols * metres))
    scene = build_scene(
        _tables(out, tile, parameters, bands),
        grid,
        angle_step_m=float(l1c.statistics["angle_step_m"]),
        sun_zenith=open_array(l1c, "sun_zenith"),
        sun_azimuth=open_array(l1c, "sun_azimuth"),
        view_zenith=open_array(l1c, "view_zenith"),
        view_azimuth=open_array(l1c, "view_azimuth"),
        height_km=_height_km(dem, grid),
        ozone_du=float(meteo.statistics["ozone_du"]),
        pixel_height_km=_pixel_height_km(dem),
    )
    record_limits(out, scene, [band_id(band) for band in bands], parameters.sun_zenith_limit_deg)
    return scene


def record_limits(out: StageWriter, scene: Scene, bands: list[int], sun_zenith_limit_deg: float) -> None:
    """Record what the table or the sun's limit changes."""
    heights = scene.height_km if scene.pixel_height_km is None else scene.pixel_height_km
    lines = clamped_inputs(
        sun_zenith_deg=scene.sun_zenith_deg,
        view_zenith_deg=scene.view_zenith_deg[bands],
        height_km=heights,
        ozone_du=scene.ozone_du,
    )
    if lines:
        out.fall_back(CLAMPED_CODE, "; ".join(lines))
    lowest = float(np.max(scene.sun_zenith_deg))
    if lowest > sun_zenith_limit_deg and sun_zenith_limit_deg < LIMITS["sun_zenith_deg"][1]:
        out.fall_back(
            SUN_LIMIT_CODE, f"sun zenith up to {lowest:.2f} degrees: corrected as if {sun_zenith_limit_deg:g}"
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
    return integrate_bands(
        load_spectral_table(),
        wanted,
        aerosol=AEROSOLS[parameters.aerosol_type],
        gas=parameters.gas,
        polarisation=parameters.polarisation,
        sun_zenith_limit_deg=parameters.sun_zenith_limit_deg,
    )


def _height_km(dem: StageResult, grid: CoarseGrid) -> NDArray[np.float32]:
    """Return the ground height of the nodes [km]."""
    if "height_20m" not in dem.arrays:
        height = float(dem.statistics["mean_height_m"]) / METRES_PER_KM
        return np.full(grid.shape, height, np.float32)
    heights = open_array(dem, "height_20m")
    return grid.area_mean(heights, np.isfinite(heights), 20) / np.float32(METRES_PER_KM)


def _pixel_height_km(dem: StageResult) -> NDArray[np.float32] | None:
    """Return the ground height at 60 m [km]; None on level ground."""
    if "height_20m" not in dem.arrays:
        return None
    return shrink(open_array(dem, "height_20m"), 3) / np.float32(METRES_PER_KM)


def nodes_of_map(
    grid: CoarseGrid, stored: NDArray[np.uint16], scl: NDArray[np.uint8], map_resolution: int = 20
) -> NDArray[np.float32]:
    """Return a stored map at the coarse nodes: the mean of its valid pixels round each node, times 0.001."""
    return grid.area_mean(stored, np.asarray(scl) != 0, map_resolution) * np.float32(0.001)
