"""Vector minus scalar path reflectance of a pure Rayleigh atmosphere with sasktran2 discrete ordinates."""

from __future__ import annotations

import numpy as np
import sasktran2
from numpy.typing import NDArray

from tasks.radiative_transfer.build import grid

Float = NDArray[np.float64]

OPTICAL_DEPTH: Float = np.array([0.004, 0.01, 0.02, 0.035, 0.055, 0.08, 0.11, 0.15, 0.20, 0.25, 0.32, 0.39])
_ATMOSPHERE_M: Float = np.linspace(0.0, 100_000.0, 101)
_SCALE_HEIGHT_M = grid.RAYLEIGH_SCALE_HEIGHT_KM * 1000.0
_SENSOR_HEIGHT_M = 200_000.0


def _engine(stokes: int, sun_zenith_deg: float) -> tuple[sasktran2.Engine, sasktran2.Geometry1D, sasktran2.Config]:
    config = sasktran2.Config()
    config.num_stokes = stokes
    config.num_streams = grid.STREAMS
    config.multiple_scatter_source = sasktran2.MultipleScatterSource.DiscreteOrdinates
    config.single_scatter_source = sasktran2.SingleScatterSource.DiscreteOrdinates
    cosine = float(np.cos(np.radians(max(sun_zenith_deg, grid.SMALLEST_SUN_ZENITH_DEG))))
    geometry = sasktran2.Geometry1D(
        cosine,
        0.0,
        6_371_000.0,
        _ATMOSPHERE_M,
        sasktran2.InterpolationMethod.LinearInterpolation,
        sasktran2.GeometryType.PlaneParallel,
    )
    viewing = sasktran2.ViewingGeometry()
    for zenith in grid.VIEW_ZENITH_DEG:
        for azimuth in grid.RELATIVE_AZIMUTH_DEG:
            viewing.add_ray(
                sasktran2.GroundViewingSolar(
                    cosine, float(np.radians(180.0 - azimuth)), float(np.cos(np.radians(zenith))), _SENSOR_HEIGHT_M
                )
            )
    return sasktran2.Engine(config, geometry, viewing), geometry, config


def _path(stokes: int, sun_zenith_deg: float) -> Float:
    """Return ``[optical depth, vza, raa]`` path reflectance."""
    engine, geometry, config = _engine(stokes, sun_zenith_deg)
    atmosphere = sasktran2.Atmosphere(geometry, config, numwavel=OPTICAL_DEPTH.size, calculate_derivatives=False)
    profile = np.exp(-_ATMOSPHERE_M / _SCALE_HEIGHT_M)
    profile /= np.trapezoid(profile, _ATMOSPHERE_M)
    atmosphere.storage.total_extinction[:] = profile[:, None] * OPTICAL_DEPTH[None, :]
    atmosphere.storage.ssa[:] = 1.0
    d = (1.0 - grid.DEPOLARISATION) / (1.0 + grid.DEPOLARISATION / 2.0)
    atmosphere.leg_coeff.a1[0] = 1.0
    atmosphere.leg_coeff.a1[2] = d / 2.0
    if stokes == 3:
        atmosphere.leg_coeff.a2[2] = 3.0 * d
        atmosphere.leg_coeff.b1[2] = np.sqrt(6.0) / 2.0 * d
    atmosphere.surface.albedo[:] = 0.0
    radiance = engine.calculate_radiance(atmosphere)["radiance"].isel(stokes=0).to_numpy()
    mu0 = np.cos(np.radians(max(sun_zenith_deg, grid.SMALLEST_SUN_ZENITH_DEG)))
    return np.pi * radiance.reshape(OPTICAL_DEPTH.size, grid.VIEW_ZENITH_DEG.size, -1) / mu0


def vector_minus_scalar(sun_zenith_deg: float) -> Float:
    """Return ``[optical depth, vza, raa]`` the difference of the path reflectances with and without polarisation."""
    return _path(3, sun_zenith_deg) - _path(1, sun_zenith_deg)
