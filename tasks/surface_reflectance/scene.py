"""The atmosphere over one tile: the table collapsed to the geometry, height and ozone of the coarse nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import band_id
from tasks.radiative_transfer.atmosphere import GeometryTable, LevelTable, Terms
from tasks.radiative_transfer.bands import BandTables
from tasks.surface_reflectance.coarse import CoarseGrid, Float32
from tasks.surface_reflectance.geometry import interpolate_azimuth, interpolate_nodes, relative_azimuth_deg

Number = float | Float32


@dataclass(frozen=True, eq=False)
class BandAtmosphere:
    """One band over the nodes; only AOT and water vapour are left to be chosen."""

    table: GeometryTable
    height_km: Float32
    ozone_du: float

    def terms(self, aot550: Number, water_vapour_cm: Number, above_km: float = 0.0) -> Terms:
        """Return the terms ``[ny, nx]`` for an AOT and a water vapour column above the ground [cm] at the nodes.

        Args:
            aot550: scalar or ``[ny, nx]``.
            water_vapour_cm: scalar or ``[ny, nx]``.
            above_km: height of the ground above that of the nodes [km].
        """
        level = self.table.at_height(self.height_km + np.float32(above_km)) if above_km else self._ground
        return level.terms(aot550, water_vapour_cm, self.ozone_du)

    @cached_property
    def _ground(self) -> LevelTable:
        return self.table.at_height(self.height_km)


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything the atmosphere depends on but aerosol and water vapour, on the coarse nodes.

    Attributes:
        tables: band tables of the spacecraft and aerosol type.
        grid: the nodes.
        sun_zenith_deg, sun_azimuth_deg: ``[ny, nx]``.
        view_zenith_deg, view_azimuth_deg: ``[13, ny, nx]`` in the order of ``BANDS``.
        height_km: ``[ny, nx]`` ground height above sea level [km].
        ozone_du: ozone column [DU].
        pixel_height_km: ``[rows, cols]`` the same at 60 m; None where the nodes' heights are good enough.
        kept_bands: number of bands whose atmosphere is kept, those last asked for (35 MB each for a full tile).
    """

    tables: BandTables
    grid: CoarseGrid
    sun_zenith_deg: Float32
    sun_azimuth_deg: Float32
    view_zenith_deg: Float32
    view_azimuth_deg: Float32
    height_km: Float32
    ozone_du: float
    pixel_height_km: Float32 | None = None
    kept_bands: int = 1
    _recent: dict[str, BandAtmosphere] = field(default_factory=dict, init=False, repr=False)

    def atmosphere(self, band: str) -> BandAtmosphere:
        """Return the atmosphere of a band at the nodes' angles (a costly step: those of the last bands are kept)."""
        recent = self._recent
        if band in recent:
            recent[band] = recent.pop(band)  # the last to be dropped
            return recent[band]
        number = band_id(band)
        azimuth = relative_azimuth_deg(self.sun_azimuth_deg, self.view_azimuth_deg[number])
        table = self.tables.collapse(band, self.sun_zenith_deg, self.view_zenith_deg[number], azimuth)
        while len(recent) >= self.kept_bands:
            del recent[next(iter(recent))]
        recent[band] = BandAtmosphere(table, self.height_km, self.ozone_du)
        return recent[band]

    @property
    def mean_height_km(self) -> float:
        """Mean ground height [km]."""
        return float(np.mean(self.height_km))


def build_scene(
    tables: BandTables,
    grid: CoarseGrid,
    *,
    angle_step_m: float,
    sun_zenith: NDArray[np.float32],
    sun_azimuth: NDArray[np.float32],
    view_zenith: NDArray[np.float32],
    view_azimuth: NDArray[np.float32],
    height_km: Float32,
    ozone_du: float,
    pixel_height_km: Float32 | None = None,
) -> Scene:
    """Return the scene from the angle nodes of the Level-1C stage.

    Args:
        tables: band tables.
        grid: coarse nodes of the tile.
        angle_step_m: node distance of the four angle fields [m].
        sun_zenith, sun_azimuth: ``[n, m]`` degrees.
        view_zenith, view_azimuth: ``[13, n, m]`` degrees.
        height_km: ``[ny, nx]`` on the coarse nodes.
        ozone_du: ozone column [DU].
        pixel_height_km: ``[rows, cols]`` heights at 60 m on relief.
    """
    return Scene(
        tables=tables,
        grid=grid,
        sun_zenith_deg=interpolate_nodes(sun_zenith, angle_step_m, grid),
        sun_azimuth_deg=interpolate_azimuth(sun_azimuth, angle_step_m, grid),
        view_zenith_deg=np.stack([interpolate_nodes(band, angle_step_m, grid) for band in view_zenith]),
        view_azimuth_deg=np.stack([interpolate_azimuth(band, angle_step_m, grid) for band in view_azimuth]),
        height_km=height_km,
        ozone_du=ozone_du,
        pixel_height_km=pixel_height_km,
    )
