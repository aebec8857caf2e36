"""Vector minus scalar path reflectance of molecules and aerosol with sasktran2 discrete ordinates.

The aerosol is the continental one of 6SV, whose phase matrix is sampled; its fine particles polarise somewhat as
molecules do. Without aerosol the term would be too large by a third in B01 at an AOT of 0.8, and with the phase matrix
of 443 nm at all wavelengths too small by 3e-4 of path reflectance in the near infrared.
"""

from __future__ import annotations

import numpy as np
import sasktran2
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import eval_jacobi, factorial

from tasks.radiative_transfer.build import aerosols, grid, sixs

Float = NDArray[np.float64]

_AEROSOL = "continental"
_ATMOSPHERE_M: Float = 1000.0 * np.array([0, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 45, 100.0])
_SENSOR_HEIGHT_M = 200_000.0


def optical_depth(wavelength_um: Float) -> Float:
    """Return the optical depth of the molecules at nodes of the term."""
    return grid.POLARISATION_PRESSURE * np.asarray(grid.rayleigh_optical_depth(wavelength_um))


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


def _profile(scale_height_km: float) -> Float:
    profile = np.exp(-_ATMOSPHERE_M / (scale_height_km * 1000.0))
    return profile / np.trapezoid(profile, _ATMOSPHERE_M)


def expansion(cosine: Float, weight: Float, matrix: Float) -> Float:
    """Return ``[4, streams]`` expansion coefficients a1, a2, a3, b1 of a phase matrix of spheres.

    De Rooij and van der Stap 1984 (A&A 131, 237), with generalised spherical functions written as Jacobi polynomials.

    Args:
        cosine, weight: ``[n]`` Gauss points and weights.
        matrix: ``[3, n]`` elements P11, P12, P33.
    """
    p11, p12, p33 = matrix / (weight @ matrix[0] / 2.0)
    coefficients = np.zeros((4, grid.STREAMS))
    for order in range(grid.STREAMS):
        scaled = weight * (2 * order + 1) / 2.0
        coefficients[0, order] = scaled @ (p11 * eval_jacobi(order, 0, 0, cosine))
        if order < 2:
            continue
        plus = scaled @ ((p11 + p33) * ((1 + cosine) / 2) ** 2 * eval_jacobi(order - 2, 0, 4, cosine))
        minus = scaled @ ((p11 - p33) * ((1 - cosine) / 2) ** 2 * eval_jacobi(order - 2, 4, 0, cosine))
        factor = np.sqrt(factorial(order + 2) * factorial(order - 2)) / factorial(order)
        mixed = factor * (1 - cosine**2) / 4 * eval_jacobi(order - 2, 2, 2, cosine)
        coefficients[1:, order] = (plus + minus) / 2, (plus - minus) / 2, -scaled @ (p12 * mixed)
    return coefficients


def sample_aerosol(wavelength_um: float) -> dict[str, Float]:
    """Return the aerosol of the term at a wavelength: ``albedo`` and ``coefficients [4, streams]``."""
    optics = aerosols.sample_6s(wavelength_um, _AEROSOL)
    cosine, weight = np.polynomial.legendre.leggauss(aerosols.GAUSS_POINTS)
    angles = np.degrees(np.arccos(cosine))
    texts = [aerosols.sampling_run(wavelength_um, _AEROSOL, float(angle)) for angle in angles]
    p11, p12, p33 = np.array([sixs.phase_matrix(text) for text in texts]).T
    series = np.polynomial.legendre.legval(cosine, (2 * np.arange(optics.moments.size) + 1) * optics.moments)
    p11 = np.where(np.isnan(p11), series, p11)  # the forward peak is too high for the print
    p33 = np.where(np.isnan(p33), p11, p33)
    return {
        "albedo": np.asarray(optics.single_scattering_albedo),
        "coefficients": expansion(cosine, weight, np.stack([p11, np.nan_to_num(p12), p33])),
    }


def _path(stokes: int, sun_zenith_deg: float, aerosol_depth: float, depth: Float, optics: dict[str, Float]) -> Float:
    """Return ``[node, vza, raa]`` path reflectance."""
    engine, geometry, config = _engine(stokes, sun_zenith_deg)
    atmosphere = sasktran2.Atmosphere(geometry, config, numwavel=depth.size, calculate_derivatives=False)
    molecules = _profile(grid.RAYLEIGH_SCALE_HEIGHT_KM)[:, None] * depth
    aerosol = _profile(grid.AEROSOL_SCALE_HEIGHT_KM)[:, None] * np.full(depth.size, aerosol_depth)
    scattered = molecules + optics["albedo"] * aerosol
    share = molecules / scattered
    atmosphere.storage.total_extinction[:] = molecules + aerosol
    atmosphere.storage.ssa[:] = np.minimum(scattered / (molecules + aerosol), 1.0 - 1e-9)
    d = (1.0 - grid.DEPOLARISATION) / (1.0 + grid.DEPOLARISATION / 2.0)
    molecules_only = np.zeros((4, grid.STREAMS))
    molecules_only[0, [0, 2]] = 1.0, d / 2.0
    molecules_only[1, 2] = 3.0 * d
    molecules_only[3, 2] = np.sqrt(6.0) / 2.0 * d
    names = ("a1", "a2", "a3", "b1") if stokes == 3 else ("a1",)
    coefficients = np.moveaxis(optics["coefficients"], 0, -1)[:, :, np.newaxis]  # [4, streams, 1, node]
    for name, own, other in zip(names, molecules_only, coefficients, strict=False):
        getattr(atmosphere.leg_coeff, name)[:] = own[:, None, None] * share + other * (1.0 - share)
    atmosphere.surface.albedo[:] = 0.0
    radiance = engine.calculate_radiance(atmosphere)["radiance"].isel(stokes=0).to_numpy()
    mu0 = np.cos(np.radians(max(sun_zenith_deg, grid.SMALLEST_SUN_ZENITH_DEG)))
    return np.pi * radiance.reshape(depth.size, grid.VIEW_ZENITH_DEG.size, -1) / mu0


def vector_minus_scalar(sun_zenith_deg: float, depth: Float, optics: dict[str, Float]) -> Float:
    """Return ``[aerosol optical depth, node, vza, raa]`` path reflectance with minus without polarisation.

    Args:
        sun_zenith_deg: one sun zenith.
        depth: ``[node]`` optical depths of the molecules.
        optics: ``albedo [node]`` and ``coefficients [node, 4, streams]`` of the aerosol.
    """
    return np.stack(
        [
            _path(3, sun_zenith_deg, float(aerosol), depth, optics)
            - _path(1, sun_zenith_deg, float(aerosol), depth, optics)
            for aerosol in grid.POLARISATION_AEROSOL
        ]
    )


def at_depth(difference: Float, depth: Float) -> Float:
    """Return a term ``[aerosol depth, node, ...]`` at other optical depths of the molecules, in its node axis.

    Interpolated in the fourth root of the depth, in which the nodes are nearly even; thinner molecules than those of
    the last node (6SV solves 3.75 um) have its term.
    """
    nodes = optical_depth(grid.POLARISATION_WAVELENGTH_UM) ** 0.25
    inside = np.clip(depth**0.25, nodes[-1], nodes[0])
    result: Float = CubicSpline(nodes[::-1], difference[:, ::-1], axis=1)(inside)
    return result
