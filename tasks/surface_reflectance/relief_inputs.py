"""Opens the terrain for the surface reflectance, and decides whether a tile is treated as level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import open_array
from tasks.common.bands import band_id
from tasks.common.errors import InternalInconsistency
from tasks.common.records import StageResult
from tasks.surface_reflectance.brdf import Damping, damping_of, mostly_snow
from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.surface_reflectance.scene import Scene
from tasks.surface_reflectance.terrain import (
    BandRelief,
    Relief,
    TerrainSettings,
    band_relief,
    large_clouds,
    open_relief,
    terrain_is_flat,
)


def is_level(dem: StageResult, parameters: SurfaceReflectanceParameters) -> bool:
    """Return whether a tile is corrected as level ground: no terrain, switched off, or nearly level."""
    if not parameters.dem_terrain_correction or dem.statistics.get("flat", True):
        return True
    if "illumination_20m" not in dem.arrays:
        return True
    return terrain_is_flat(
        float(dem.statistics["max_height_m"]) - float(dem.statistics["min_height_m"]),
        open_array(dem, "slope_20m"),
        p2p_m=parameters.ac_dem_p2p_val,
        slope_deg=parameters.ac_slope_th,
        share=parameters.ac_topo_corr_th,
    )


def relief_of(
    dem: StageResult,
    scene: Scene,
    scl: NDArray[np.uint8],
    resolution: int,
    parameters: SurfaceReflectanceParameters,
    map_resolution: int = 20,
) -> Relief | None:
    """Return the terrain at a resolution, None for a tile that is treated as level.

    Args:
        dem: the stage's result.
        scene: its nodes and sun.
        scl: scene classification.
        resolution: 10, 20 or 60 [m]; at 60 m the light on the slopes at 20 m is averaged.
        parameters: of the stage.
        map_resolution: pixel size of the classification [m].
    """
    if is_level(dem, parameters):
        return None
    finest = min(resolution, 20)
    arrays = (open_array(dem, f"{name}_{finest}m") for name in ("illumination", "shadow", "sky_view"))
    illumination, shadow, sky_view = arrays
    if scene.pixel_height_km is None:
        raise InternalInconsistency("the terrain stage left illumination without heights")
    relief = open_relief(
        scene.grid,
        finest,
        scene.sun_zenith_deg,
        illumination,
        shadow,
        sky_view,
        open_array(dem, "slope_20m"),
        large_clouds(scl, map_resolution),
        scene.pixel_height_km,
        parameters.ac_rng_nbhd_terrain_corr,
    )
    return relief if resolution == finest else relief.averaged()


def brdf_mode(parameters: SurfaceReflectanceParameters, relief: Relief | None, scl: NDArray[np.uint8]) -> int:
    """Return the mode in force: 0 on level ground and where snow covers more than half of the scene."""
    return 0 if relief is None or mostly_snow(scl) else parameters.brdf_correction


def relief_of_band(
    relief: Relief | None,
    scene: Scene,
    band: str,
    aot550: Float32,
    water_vapour_cm: Float32,
    parameters: SurfaceReflectanceParameters,
    mode: int,
    vegetation: NDArray[np.bool_] | None,
) -> BandRelief | None:
    """Return the light on slopes in a band; None on level ground.

    Args:
        relief: terrain.
        scene: atmosphere.
        band: band name.
        aot550, water_vapour_cm: ``[ny, nx]`` on the nodes.
        parameters: of the stage.
        mode: of the BRDF correction, 0 for none.
        vegetation: ``[rows, cols]`` for the modes that need it.
    """
    if relief is None:
        return None
    damping: Damping | None = None
    if mode:
        zenith = float(np.mean(scene.sun_zenith_deg))
        damping = damping_of(mode, parameters.wavelength[band], zenith, parameters.brdf_lower_bound)
    settings = TerrainSettings(
        parameters.ac_terrain_refl_start,
        parameters.ac_rng_nbhd_terrain_corr,
        parameters.ac_max_nr_topo_iter if parameters.rho_retrieval_step2 else 0,
        parameters.ac_topo_corr_cutoff,
    )
    atmosphere = scene.atmosphere(band)
    terms, molecules = (atmosphere.terms(aot, water_vapour_cm) for aot in (aot550, 0.0))
    cos_view = np.cos(np.deg2rad(scene.view_zenith_deg[band_id(band)]))
    return band_relief(relief, terms, cos_view, molecules, settings, parameters.wavelength[band], damping, vegetation)
