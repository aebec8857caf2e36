"""Evaluate the atmosphere at a list of points, forward and inverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.errors import InvalidInput
from tasks.radiative_transfer.atmosphere import surface_reflectance, toa_reflectance
from tasks.radiative_transfer.bands import BandTables

Array = NDArray[np.float32]
Float = NDArray[np.float64]

OUTPUT_COLUMNS: Final = (
    "rho_toa",
    "path_reflectance",
    "transmittance_down",
    "transmittance_up",
    "spherical_albedo",
    "gas_transmittance",
    "rho_surface_retrieved",
)


@dataclass(frozen=True, eq=False)
class Points:
    """Points as columns of equal length n; columns are degrees, cm, Dobson units and km.

    Water vapour, ozone and AOT550 are those above the surface. ``raa_deg`` 0 = sun behind the sensor. ``rho_surface``
    and ``rho_toa`` are NaN where not given.
    """

    platform: Sequence[str]
    band: Sequence[str]
    sza_deg: Float
    vza_deg: Float
    raa_deg: Float
    aot550: Float
    water_vapour_cm: Float
    ozone_du: Float
    elevation_km: Float
    rho_surface: Float
    rho_toa: Float


def evaluate_points(points: Points, tables: Mapping[str, BandTables]) -> dict[str, Array]:
    """Return the output columns.

    ``rho_toa`` is computed where ``rho_surface`` is given and the given value elsewhere; ``rho_surface_retrieved`` is
    NaN where no ``rho_toa`` was given.

    Args:
        points: the points.
        tables: band tables by platform.

    Raises:
        InvalidInput: a platform has no tables or a band does not exist.
    """
    pairs = list(zip(points.platform, points.band, strict=True))
    result = {name: np.full(len(pairs), np.nan, np.float32) for name in OUTPUT_COLUMNS}
    for platform, band in dict.fromkeys(pairs):
        if platform not in tables or band not in tables[platform].bands:
            raise InvalidInput(f"no radiative-transfer table for band {band} of platform {platform}")
        rows = np.array([index for index, pair in enumerate(pairs) if pair == (platform, band)])
        geometry = tables[platform].collapse(band, points.sza_deg[rows], points.vza_deg[rows], points.raa_deg[rows])
        terms = geometry.terms(
            points.aot550[rows], points.elevation_km[rows], points.water_vapour_cm[rows], points.ozone_du[rows]
        )
        given = points.rho_toa[rows].astype(np.float32)
        forward = toa_reflectance(terms, points.rho_surface[rows])
        result["rho_toa"][rows] = np.where(np.isfinite(forward), forward, given)
        result["rho_surface_retrieved"][rows] = surface_reflectance(terms, given)
        for name in OUTPUT_COLUMNS[1:-1]:
            result[name][rows] = getattr(terms, name)
    return result
