"""The spectral table as it is shipped: axes, scattering functions and gas absorption. Records only, no computation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Float = NDArray[np.float64]
AerosolType = Literal["rural", "maritime", "urban", "desert", "continental", "maritime_6s"]
"""The first three: Shettle and Fenn 1979; ``desert``: optical properties of 6SV. ``continental`` and ``maritime_6s``
are for comparisons with 6SV only: its properties on its own levels and wavelengths, with the errors that these make."""
GasModel = Literal["lut", "6s"]


@dataclass(frozen=True, eq=False)
class Axes:
    """Nodes of the scattering table, ascending.

    Attributes:
        pressure: ``[p]`` surface pressure / 1013.25 hPa.
        aot550: ``[a]`` aerosol optical thickness at 550 nm above the surface.
        sun_zenith_deg: ``[s]``.
        view_zenith_deg: ``[v]``.
        relative_azimuth_deg: ``[f]``, 0 = sun behind the sensor (backscatter).
    """

    pressure: Float
    aot550: Float
    sun_zenith_deg: Float
    view_zenith_deg: Float
    relative_azimuth_deg: Float


@dataclass(frozen=True, eq=False)
class ScatteringTable:
    """Scattering without gas, from a scalar discrete-ordinate solver.

    Attributes:
        aerosols: names of the types.
        wavelength_nm: ``[wl]``.
        powers: between the wavelengths reflectance, transmittance and albedo are powers of the wavelength, as in 6SV;
            otherwise they are smooth.
        path_reflectance: ``[aerosol, wl, a, p, s, v, f]`` pi L / (mu_s E0) above a black ground.
        polarisation_aerosol: ``[d]`` aerosol optical depths, at the wavelength itself, of the next.
        polarisation: ``[wl, d, p, s, v, f]`` what a vector solver adds to the path reflectance.
        transmittance: ``[aerosol, wl, a, p, s]`` direct + diffuse, sun to ground; by reciprocity also ground to sensor.
        spherical_albedo: ``[aerosol, wl, a, p]``.
        rayleigh_optical_depth: ``[wl]`` at pressure 1.
        aerosol_extinction: ``[aerosol, wl]`` optical thickness per unit of AOT550.
    """

    aerosols: tuple[str, ...]
    wavelength_nm: Float
    powers: bool
    path_reflectance: Array
    polarisation_aerosol: Float
    polarisation: Array
    transmittance: Array
    spherical_albedo: Array
    rayleigh_optical_depth: Array
    aerosol_extinction: Array


@dataclass(frozen=True, eq=False)
class CoupledTable:
    """Scattering and absorption by water vapour solved together, where the product of both is not enough (B09, B10).

    Attributes:
        aerosols: names of the types.
        wavelength_nm: ``[c]``.
        depth: ``[g]`` vertical optical depth of water vapour, scale height 2 km.
        aot550: ``[a]``, pressure: ``[p]``, sun_zenith_deg: ``[s]``: nodes; view angles are those of the main table.
        path_ratio: ``[aerosol, c, a, p, s, v, f, g]`` path reflectance over that without water vapour.
        transmittance: ``[aerosol, c, a, p, s, g]`` direct + diffuse, sun to ground.
        transmittance_up: ``[aerosol, c, a, p, v, g]`` direct + diffuse, ground to sensor.
        albedo: ``[aerosol, c, a, p, g]`` spherical albedo.
    """

    aerosols: tuple[str, ...]
    wavelength_nm: Float
    depth: Float
    aot550: Float
    pressure: Float
    sun_zenith_deg: Float
    path_ratio: Array
    transmittance: Array
    transmittance_up: Array
    albedo: Array


@dataclass(frozen=True, eq=False)
class GasTable:
    """Gas absorption and the solar spectrum.

    Attributes:
        fine_wavelength_nm: ``[n]`` wavelengths of the next two.
        water_absorption: ``[n]`` optical depth per g cm-2 at 1000 hPa.
        ozone_absorption: ``[n]`` optical depth per cm-atm.
        coarse_wavelength_nm: ``[m]`` 400 to 2400 nm every 2.5 nm, wavelengths of all that follows.
        solar_irradiance: ``[m]`` W m-2 um-1 at 1 AU; only a weight inside a band.
        ozone_absorption_6s: ``[m]`` optical depth per cm-atm in 6SV.
        airmass: ``[k]`` 1/mu_s + 1/mu_v.
        water_cm: ``[u]`` water column above the surface [g cm-2].
        pressure: ``[q]`` surface pressure / 1013.25 hPa.
        water_transmittance_6s: ``[q, u, k, m]`` two-way transmittance of H2O in 6SV.
        other_transmittance: ``[q, k, m]`` two-way transmittance of O2, CO2, CH4, N2O and CO in 6SV.
    """

    fine_wavelength_nm: Float
    water_absorption: Array
    ozone_absorption: Array
    coarse_wavelength_nm: Float
    solar_irradiance: Array
    ozone_absorption_6s: Array
    airmass: Float
    water_cm: Float
    pressure: Float
    water_transmittance_6s: Array
    other_transmittance: Array


@dataclass(frozen=True, eq=False)
class SpectralTable:
    """The whole table and where it came from (package versions, date, hashes of the parts).

    Attributes:
        scattering: of the aerosol types of production.
        scattering_6sv: of those that emulate 6SV.
    """

    axes: Axes
    scattering: ScatteringTable
    scattering_6sv: ScatteringTable
    coupled: CoupledTable
    gas: GasTable
    provenance: Mapping[str, object]
