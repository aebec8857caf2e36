"""Scattering functions of 6S's own aerosol types as 6SV 2.1 solves them, so that the two can be compared.

Three approximations of 6SV are emulated, for the types ``grid.SIXS_AEROSOLS`` only: its vertical levels and its thin
molecules (:mod:`tasks.radiative_transfer.build.sixs_levels`), and its 20 wavelengths, between which reflectance,
transmittance and spherical albedo are powers of the wavelength. The optical depth of the molecules is 6SV's too. They
are errors of 6SV, not properties of the air: the aerosol types of production have none of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.radiative_transfer.build import grid
from tasks.radiative_transfer.build.sixs_levels import layers
from tasks.radiative_transfer.build.solver import AerosolOptics, Medium, Scattering, fluxes, mixture, scatter_medium

Float = NDArray[np.float64]

VERSION: Final = "2.1"
"""Of 6SV."""


def scatter_as_6sv(
    rayleigh: float,
    aerosol: AerosolOptics,
    aot: Float = grid.AOT550,
    pressure: Float = grid.PRESSURE,
    sun_zenith_deg: Float = grid.SUN_ZENITH_DEG,
    view_zenith_deg: Float = grid.VIEW_ZENITH_DEG,
    relative_azimuth_deg: Float = grid.RELATIVE_AZIMUTH_DEG,
) -> Scattering:
    """Return path reflectance, total transmittance and spherical albedo on the given axes.

    An AOT of 0 is the limit of little aerosol: 6SV jumps there where its molecules are thin.

    Args:
        rayleigh: optical thickness of the molecules at 1013.25 hPa.
        aerosol: optical properties at this wavelength.
    """
    head = (aot.size, pressure.size)
    found = scatter_medium(
        _columns(rayleigh, aerosol, aot, pressure), head, sun_zenith_deg, view_zenith_deg, relative_azimuth_deg
    )
    thin = rayleigh * pressure <= grid.SIXS_THINNEST_MOLECULES
    cosine = np.cos(np.radians(np.maximum(sun_zenith_deg, grid.SMALLEST_SUN_ZENITH_DEG)))
    transmittance, albedo = _aerosol_alone(aerosol, aot, sun_zenith_deg)
    left = np.exp(-rayleigh * pressure[:, np.newaxis] / cosine)
    return Scattering(
        path=found.path,
        transmittance=np.where(thin[:, np.newaxis], transmittance[:, np.newaxis] * left, found.transmittance),
        albedo=np.where(thin, albedo[:, np.newaxis], found.albedo),
    )


def _columns(rayleigh: float, aerosol: AerosolOptics, aot: Float, pressure: Float) -> Medium:
    parts = [
        layers(aerosol.extinction * a, rayleigh * p, VERSION, grid.SIXS_LAYERS_PER_STEP) for a in aot for p in pressure
    ]
    molecules, particles = (np.stack(part) for part in zip(*parts, strict=True))
    return mixture(molecules, particles, aerosol)


def _aerosol_alone(aerosol: AerosolOptics, aot: Float, zenith_deg: Float) -> tuple[Float, Float]:
    """Return transmittances ``[aot, zenith]`` and spherical albedos ``[aot]``."""
    some = aot > 0.0
    depth = (aerosol.extinction * aot[some])[:, np.newaxis]
    transmittance, albedo = np.ones((aot.size, zenith_deg.size)), np.zeros(aot.size)
    transmittance[some], albedo[some] = fluxes(mixture(np.zeros_like(depth), depth, aerosol), zenith_deg)
    return transmittance, albedo
