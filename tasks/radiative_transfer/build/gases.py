"""Gas absorption spectra: GRSprocessor (H2O, O3) and 6SV (H2O, O3, the other gases), and the solar spectrum of 6SV."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import xarray
from numpy.typing import NDArray

from tasks.radiative_transfer.build import sixs

Float = NDArray[np.float64]

AIRMASS: Float = np.array([2.0, 2.3, 2.7, 3.2, 3.9, 4.8, 5.8, 7.0])
WATER_CM: Float = np.array([0.0, 0.15, 0.4, 0.8, 1.4, 2.2, 3.4, 5.0, 7.0])
HEIGHT_KM: Float = np.array(sorted(sixs.WATER_SHARE_ABOVE, reverse=True))
"""Descending, so that the pressure ascends."""

_SPECTRUM = "-2\n0.4 2.4"
_OZONE_PROBE_CM_ATM = 2.0
_OZONE_KG_M2_PER_CM_ATM = 2.1415e-2


def grs_file() -> Path:
    """Return the path of the absorption table inside the installed package GRSprocessor."""
    spec = importlib.util.find_spec("grs")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("package GRSprocessor is not installed: pip install --no-deps GRSprocessor")
    return Path(spec.submodule_search_locations[0]) / "data/lut/gases/lut_abs_opt_thickness_normalized.nc"


def grs_absorption() -> dict[str, Float]:
    """Return wavelengths [nm] and optical depths per 1 g cm-2 of H2O and per cm-atm of O3, 400-2400 nm."""
    with xarray.open_dataset(grs_file()) as data:
        wavelength = data["wl"].to_numpy()
        keep = (wavelength >= 399.0) & (wavelength <= 2401.0)
        return {
            "fine_wavelength_nm": wavelength[keep],
            "water_absorption": data["h2o"].to_numpy()[keep] * 10.0,  # 1 g cm-2 = 10 kg m-2
            "ozone_absorption": data["o3"].to_numpy()[keep] * _OZONE_KG_M2_PER_CM_ATM,
        }


def _gas_run(airmass: float, water: float, ozone: float, height_km: float) -> Float:
    zenith = float(np.degrees(np.arccos(2.0 / airmass)))
    scene = sixs.Scene(zenith, zenith, 90.0, water, ozone, sixs.NO_AEROSOL, _SPECTRUM, height_km)
    return sixs.spectral_table(sixs.run(scene))


def spectrum_6s() -> dict[str, Float]:
    """Return wavelengths [nm] every 2.5 nm, solar irradiance [W m-2 um-1] and ozone absorption per cm-atm."""
    table = _gas_run(2.0, 0.0, _OZONE_PROBE_CM_ATM, 0.0)
    others = _gas_run(2.0, 0.0, 0.0, 0.0)
    ozone = -np.log(np.maximum(table[:, 1], 1e-4) / others[:, 1]) / (2.0 * _OZONE_PROBE_CM_ATM)
    return {
        "coarse_wavelength_nm": np.round(table[:, 0] * 1000.0, 1),
        "solar_irradiance": table[:, 6],
        "ozone_absorption_6s": np.maximum(ozone, 0.0),
    }


def transmittance_6s(height_km: float) -> tuple[Float, Float]:
    """Return T of H2O ``[water, airmass, wavelength]`` and T of the other gases ``[airmass, wavelength]`` at a height.

    Water is the column above the ground; the other gases are O2, CO2, CH4, N2O and CO.
    """
    share = sixs.WATER_SHARE_ABOVE[height_km]
    others = np.array([_gas_run(float(m), 0.0, 0.0, height_km)[:, 1] for m in AIRMASS])
    water = np.ones((WATER_CM.size, *others.shape))
    for i, column in enumerate(WATER_CM[1:], start=1):
        for j, airmass in enumerate(AIRMASS):
            total = _gas_run(float(airmass), float(column) / share, 0.0, height_km)[:, 1]
            water[i, j] = np.clip(total / np.maximum(others[j], 1e-4), 0.0, 1.0)
    return water, others
