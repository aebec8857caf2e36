"""Axes of the shipped table and the vertical layers of the solver."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

WAVELENGTH_UM: Final = np.array(
    [
        *(0.400, 0.420, 0.443, 0.470, 0.492, 0.530, 0.560, 0.600, 0.665, 0.705, 0.740),
        *(0.783, 0.833, 0.865, 0.945, 1.100, 1.375, 1.610, 2.080, 2.200, 2.300, 2.400),
    ]
)
"""Nodes at the band centres, three of them inside B12."""

PRESSURE: Final = np.array([0.46, 0.57, 0.68, 0.80, 0.92, 1.05])
"""Surface pressure / 1013.25 hPa: 6.1 km to -0.4 km."""

AOT550: Final = np.array([0.0, 0.05, 0.12, 0.22, 0.35, 0.55, 0.80, 1.10, 1.50, 2.00, 2.60])
SUN_ZENITH_DEG: Final = np.array([0.0, 15.0, 27.0, 36.0, 45.0, 52.0, 58.0, 63.0, 67.0, 71.0, 75.0, 78.0, 80.0])
VIEW_ZENITH_DEG: Final = np.array([0.0, 5.0, 10.0, 15.0])
RELATIVE_AZIMUTH_DEG: Final = np.array([0.0, 45.0, 90.0, 135.0, 180.0])
"""0 = sun behind the sensor (backscatter)."""

PRODUCTION_AEROSOLS: Final = ("rural", "maritime", "urban", "desert")
SIXS_AEROSOLS: Final = ("continental", "maritime_6s")
"""For comparisons with 6SV: solved as 6SV 2.1 solves them, its approximations included (:mod:`.sixs_levels`)."""

AEROSOLS: Final = (*PRODUCTION_AEROSOLS, *SIXS_AEROSOLS)

SIXS_WAVELENGTH_UM: Final = np.array(
    [
        *(0.400, 0.412, 0.443, 0.470, 0.488, 0.515, 0.550, 0.590, 0.633, 0.670),
        *(0.694, 0.760, 0.860, 1.240, 1.536, 1.650, 1.950, 2.250, 3.750),
    ]
)
"""The wavelengths that 6SV solves (without 0.35); between them its results are powers of the wavelength."""

POLARISATION_AEROSOL: Final = np.array([0.0, 0.3, 0.8, 1.7, 3.4])
"""Aerosol optical depths (at the wavelength itself) of the polarisation term."""

POLARISATION_WAVELENGTH_UM: Final = np.array([0.385, 0.42, 0.47, 0.53, 0.6, 0.705, 0.865, 1.1, 1.61, 2.2, 2.85])
POLARISATION_PRESSURE: Final = 0.92
"""Nodes of the polarisation term: the aerosol's phase matrix is that of the wavelength, the optical depth of the
molecules that at this pressure. So other pressures find the phase matrix of a neighbouring wavelength."""

COUPLED_WAVELENGTH_UM: Final = np.array([0.945, 1.375])
"""Where water vapour is so strong that its absorption and scattering are solved together: B09 and B10."""

GAS_DEPTH: Final = np.array([0.0, 0.05, 0.15, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 25.0, 60.0, 200.0])
"""Vertical optical depths of water vapour."""

COUPLED_AOT550: Final = AOT550
COUPLED_PRESSURE: Final = np.array([0.46, 0.68, 0.88, 1.05])
COUPLED_SUN_ZENITH_DEG: Final = np.array([0.0, 27.0, 45.0, 58.0, 67.0, 75.0, 80.0])
"""Pressure and sun are coarser than in the table: they carry ratios to the solution without gas."""

SIXS_LEVELS: Final = 30
SIXS_LAYERS_PER_STEP: Final = 1
"""With the mean of the step's straight line. Against finer layers: path, transmittance and albedo within 0.5e-4."""

SIXS_THINNEST_MOLECULES: Final = 1e-3
"""Optical depth up to which 6SV lets molecules beside aerosol take away light without scattering it, in fluxes."""

LAYER_TOPS_KM: Final = np.array([100.0, 25.0, 16.0, 11.0, 8.0, 6.0, 4.5, 3.2, 2.2, 1.4, 0.7, 0.0])
"""Level heights above the ground, top down."""

RAYLEIGH_SCALE_HEIGHT_KM: Final = 8.0
AEROSOL_SCALE_HEIGHT_KM: Final = 2.0
WATER_SCALE_HEIGHT_KM: Final = 2.0
DEPOLARISATION: Final = 0.0279
STREAMS: Final = 16
MOMENTS: Final = 128
SMALLEST_SUN_ZENITH_DEG: Final = 0.1
"""Replaces 0 in the solver, whose azimuth expansion is singular there."""


def digest() -> str:
    """Return a hash of all axes and solver settings: pieces of another grid are never mixed."""
    parts = [WAVELENGTH_UM, PRESSURE, AOT550, SUN_ZENITH_DEG, VIEW_ZENITH_DEG, RELATIVE_AZIMUTH_DEG, LAYER_TOPS_KM]
    parts += [POLARISATION_AEROSOL, COUPLED_WAVELENGTH_UM, GAS_DEPTH]
    parts += [COUPLED_AOT550, COUPLED_PRESSURE, COUPLED_SUN_ZENITH_DEG]
    parts += [SIXS_WAVELENGTH_UM, POLARISATION_WAVELENGTH_UM]
    settings: tuple[object, ...] = (RAYLEIGH_SCALE_HEIGHT_KM, AEROSOL_SCALE_HEIGHT_KM, DEPOLARISATION, STREAMS, MOMENTS)
    settings += (PRODUCTION_AEROSOLS, SIXS_AEROSOLS, SIXS_LEVELS, SIXS_LAYERS_PER_STEP, SIXS_THINNEST_MOLECULES)
    settings += (POLARISATION_PRESSURE,)
    content = b"".join(part.tobytes() for part in parts) + repr(settings).encode()
    return hashlib.blake2b(content, digest_size=6).hexdigest()


def layer_fractions(scale_height_km: float) -> np.ndarray:
    """Return ``[layers]`` the share of an exponential profile in each layer, top down; the sum is 1."""
    cumulative = np.exp(-LAYER_TOPS_KM / scale_height_km)
    cumulative[0] = 0.0
    return np.diff(cumulative)


def rayleigh_optical_depth(wavelength_um: np.ndarray) -> np.ndarray:
    """Return the Rayleigh optical thickness at 1013.25 hPa (Hansen and Travis 1974, doi:10.1007/BF00168069)."""
    inverse_square = np.asarray(wavelength_um, dtype=float) ** -2
    return 0.008569 * inverse_square**2 * (1.0 + 0.0113 * inverse_square + 0.00013 * inverse_square**2)
