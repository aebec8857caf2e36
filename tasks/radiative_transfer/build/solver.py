"""Scattering functions of one wavelength and aerosol with DISORT (nanodisort): no gas, plane-parallel, scalar.

DISORT: Stamnes et al. 1988 (doi:10.1364/AO.27.002502). The forward peak is corrected after Nakajima and Tanaka 1988
(doi:10.1016/0022-4073(88)90031-3).
"""

from __future__ import annotations

from dataclasses import dataclass

import nanodisort
import numpy as np
from numpy.typing import NDArray

from tasks.radiative_transfer.build import grid

Float = NDArray[np.float64]
Medium = tuple[Float, Float, Float]
_NONE: Float = np.empty(0)
_DARK = 1e-30
_QUADRATURE: Float = (np.polynomial.legendre.leggauss(grid.STREAMS // 2)[0] + 1.0) / 2.0
_BEAM_GAP = 2e-4
"""The solver refuses a beam along a stream: such a cosine is moved by this."""


@dataclass(frozen=True, eq=False)
class AerosolOptics:
    """Aerosol at one wavelength: extinction per AOT550, single-scattering albedo, Legendre moments ``[129]``."""

    extinction: float
    single_scattering_albedo: float
    moments: Float


@dataclass(frozen=True, eq=False)
class Scattering:
    """``path [aot, pressure, sza, vza, raa]``, ``transmittance [aot, pressure, sza]``, ``albedo [aot, pressure]``."""

    path: Float
    transmittance: Float
    albedo: Float


def _medium(rayleigh: float, aerosol: AerosolOptics, aot: Float, pressure: Float, water: float = 0.0) -> Medium:
    """Return layer optical depths and albedos ``[batch, layer]`` and moments ``[moment, layer, batch]``."""
    shape = (aot.size, pressure.size, 1)
    tau_r = np.broadcast_to(rayleigh * pressure[None, :, None], shape) * grid.layer_fractions(
        grid.RAYLEIGH_SCALE_HEIGHT_KM
    )
    tau_a = np.broadcast_to(aerosol.extinction * aot[:, None, None], shape) * grid.layer_fractions(
        grid.AEROSOL_SCALE_HEIGHT_KM
    )
    tau_w = water * grid.layer_fractions(grid.WATER_SCALE_HEIGHT_KM)
    layers = tau_r.shape[-1]
    return mixture(tau_r.reshape(-1, layers), tau_a.reshape(-1, layers), aerosol, tau_w)


def mixture(tau_r: Float, tau_a: Float, aerosol: AerosolOptics, tau_w: Float | float = 0.0) -> Medium:
    """Return the medium of molecules and aerosol of optical depths ``[batch, layer]`` and an absorber ``[layer]``."""
    tau = tau_r + tau_a + tau_w
    scattered_a = tau_a * aerosol.single_scattering_albedo
    scattered = tau_r + scattered_a
    moments_r = np.zeros(grid.MOMENTS + 1)
    moments_r[0] = 1.0
    moments_r[2] = 0.1 * (1.0 - grid.DEPOLARISATION) / (1.0 + grid.DEPOLARISATION / 2.0)
    share_a = (scattered_a / scattered).T
    moments = moments_r[:, None, None] * (1.0 - share_a) + aerosol.moments[:, None, None] * share_a
    return tau, np.minimum(scattered / tau, 1.0 - 1e-9), np.asfortranarray(moments)


def _solver(
    medium: Medium, mu0: float, albedo: float, views: Float = _NONE, azimuths: Float = _NONE
) -> nanodisort.BatchSolver:
    """Return a filled solver: intensities at the top for ascending ``views`` (cosines), or fluxes without views."""
    batch, layers = medium[0].shape
    only_flux = views.size == 0
    solver = nanodisort.BatchSolver(nthreads=1)
    solver.nstr = grid.STREAMS
    solver.nlyr = layers
    solver.nmom = grid.MOMENTS
    solver.lamber = True
    solver.planck = False
    solver.quiet = True
    solver.spher = False
    solver.umu0 = mu0
    solver.phi0 = 0.0
    solver.fisot = 0.0
    solver.accur = 0.0
    solver.onlyfl = only_flux
    solver.usrang = not only_flux
    solver.usrtau = not only_flux
    if only_flux:
        solver.ntau = layers + 1
        solver.numu = grid.STREAMS
        solver.nphi = 0
    else:
        solver.ntau = 1
        solver.numu = views.size
        solver.nphi = azimuths.size
        solver.set_utau(np.zeros(1))
        solver.set_umu(views)
        solver.set_phi(azimuths)
        solver.intensity_correction = True
        solver.old_intensity_correction = True
    solver.allocate(batch)
    tau, single_scattering, moments = medium
    solver.set_dtauc(tau)
    solver.set_ssalb(single_scattering)
    solver.set_pmom(moments)
    solver.set_fbeam(np.full(batch, np.pi / mu0))
    solver.set_albedo(np.full(batch, albedo))
    solver.solve()
    return solver


def _ground_flux(medium: Medium, mu0: float, albedo: float) -> Float:
    """Return ``[batch]`` the downward irradiance at the ground divided by ``mu0 E0``."""
    solver = _solver(medium, mu0, albedo)
    return (solver.rfldir[:, -1] + solver.rfldn[:, -1]) / np.pi


def scatter(
    rayleigh: float,
    aerosol: AerosolOptics,
    aot: Float = grid.AOT550,
    pressure: Float = grid.PRESSURE,
    sun_zenith_deg: Float = grid.SUN_ZENITH_DEG,
    view_zenith_deg: Float = grid.VIEW_ZENITH_DEG,
    relative_azimuth_deg: Float = grid.RELATIVE_AZIMUTH_DEG,
    water: float = 0.0,
) -> Scattering:
    """Return path reflectance, total transmittance and spherical albedo on the given axes.

    Args:
        rayleigh: Rayleigh optical thickness at 1013.25 hPa.
        aerosol: optical properties at this wavelength.
        water: vertical optical depth of absorbing water vapour.
    """
    medium = _medium(rayleigh, aerosol, aot, pressure, water)
    head = (aot.size, pressure.size)
    return scatter_medium(medium, head, sun_zenith_deg, view_zenith_deg, relative_azimuth_deg)


def scatter_medium(
    medium: Medium,
    head: tuple[int, int],
    sun_zenith_deg: Float = grid.SUN_ZENITH_DEG,
    view_zenith_deg: Float = grid.VIEW_ZENITH_DEG,
    relative_azimuth_deg: Float = grid.RELATIVE_AZIMUTH_DEG,
) -> Scattering:
    """Return the scattering functions of columns of air.

    Args:
        medium: of :func:`mixture`.
        head: shape of its batch: numbers of AOTs and pressures.
    """
    view = np.cos(np.radians(view_zenith_deg))
    order = np.argsort(view)
    path = np.empty((*head, sun_zenith_deg.size, view.size, relative_azimuth_deg.size))
    for index, mu0 in enumerate(_cosines(sun_zenith_deg)):
        solver = _solver(medium, float(mu0), 0.0, view[order], 180.0 - relative_azimuth_deg)
        path[:, :, index, order, :] = solver.uu[:, :, 0, :].reshape(*head, view.size, -1)
    transmittance, albedo = fluxes(medium, sun_zenith_deg)
    return Scattering(path, transmittance.reshape(*head, -1), albedo.reshape(head))


def fluxes(medium: Medium, zenith_deg: Float) -> tuple[Float, Float]:
    """Return total transmittances ``[batch, zenith]`` and spherical albedos ``[batch]`` of columns of air."""
    total = np.stack([_ground_flux(medium, float(mu), 0.0) for mu in _cosines(zenith_deg)], axis=-1)
    return total, _spherical_albedo(medium)


def _cosines(zenith_deg: Float) -> Float:
    result: Float = np.cos(np.radians(np.maximum(zenith_deg, grid.SMALLEST_SUN_ZENITH_DEG)))
    return result


def _spherical_albedo(medium: Medium) -> Float:
    """Return ``[batch]``; 0 where no light reaches the ground."""
    black, white = (_ground_flux(medium, 0.7, albedo) for albedo in (0.0, 1.0))
    lit = white > _DARK
    return np.where(lit, 1.0 - black / np.where(lit, white, 1.0), 0.0)


def transmittances(
    rayleigh: float, aerosol: AerosolOptics, aot: Float, pressure: Float, zenith_deg: Float, water: float
) -> tuple[Float, Float]:
    """Return total transmittances ``[aot, pressure, zenith]`` and spherical albedos ``[aot, pressure]``."""
    total, albedo = fluxes(_medium(rayleigh, aerosol, aot, pressure, water), zenith_deg)
    return total.reshape(aot.size, pressure.size, -1), albedo.reshape(aot.size, pressure.size)


def _beside_streams(cosine: float) -> float:
    return cosine - _BEAM_GAP if np.abs(_QUADRATURE - cosine).min() < _BEAM_GAP / 2.0 else cosine


def scatter_layers(
    tau_r: Float,
    tau_a: Float,
    aerosol: AerosolOptics,
    sun_zenith_deg: float,
    view_zenith_deg: float,
    relative_azimuth_deg: float,
) -> tuple[float, float, float, float]:
    """Return path reflectance, transmittances sun to ground and ground to sensor, and spherical albedo of one column.

    Args:
        tau_r, tau_a: ``[layer]`` optical depths of molecules and aerosol, top down.
        aerosol: its albedo and phase function; the extinction is not used.
    """
    medium = mixture(tau_r[None], tau_a[None], aerosol)
    mu0, mu = (_beside_streams(float(np.cos(np.radians(zenith)))) for zenith in (sun_zenith_deg, view_zenith_deg))
    solver = _solver(medium, mu0, 0.0, np.array([mu]), np.array([180.0 - relative_azimuth_deg]))
    down, up = (float(_ground_flux(medium, cosine, 0.0)[0]) for cosine in (mu0, mu))
    return float(solver.uu.ravel()[0]), down, up, float(_spherical_albedo(medium)[0])
