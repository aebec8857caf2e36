"""Read the shipped table and the default spectral responses (package data)."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS
from tasks.common.errors import InternalInconsistency, InvalidInput
from tasks.common.spectral import SpectralResponse
from tasks.radiative_transfer.table import Axes, CoupledTable, GasTable, ScatteringTable, SpectralTable

DATA: Final = Path(__file__).parent / "data"
TABLE_FILE: Final = DATA / "spectral_table.npz"
RESPONSES_FILE: Final = DATA / "spectral_responses.npz"

_SHAPES: Final[dict[str, str]] = {
    "path_reflectance": "twapsvf",
    "polarisation": "wdpsvf",
    "path_reflectance_6sv": "yxapsvf",
    "polarisation_6sv": "xdpsvf",
    "transmittance_6sv": "yxaps",
    "spherical_albedo_6sv": "yxap",
    "rayleigh_optical_depth_6sv": "x",
    "aerosol_extinction_6sv": "yx",
    "coupled_path_ratio": "jcbhzvfg",
    "coupled_transmittance": "jcbhzg",
    "coupled_transmittance_up": "jcbhvg",
    "coupled_albedo": "jcbhg",
    "transmittance": "twaps",
    "spherical_albedo": "twap",
    "rayleigh_optical_depth": "w",
    "aerosol_extinction": "tw",
    "water_absorption": "n",
    "ozone_absorption": "n",
    "solar_irradiance": "m",
    "ozone_absorption_6s": "m",
    "water_transmittance_6s": "qukm",
    "other_transmittance": "qkm",
}
_AXES: Final[dict[str, str]] = {
    "t": "aerosols",
    "w": "wavelength_nm",
    "y": "aerosols_6sv",
    "x": "wavelength_6sv_nm",
    "j": "coupled_aerosols",
    "p": "pressure",
    "a": "aot550",
    "s": "sun_zenith_deg",
    "v": "view_zenith_deg",
    "f": "relative_azimuth_deg",
    "d": "polarisation_aerosol",
    "c": "coupled_wavelength_nm",
    "b": "coupled_aot550",
    "h": "coupled_pressure",
    "z": "coupled_sun_zenith_deg",
    "g": "coupled_depth",
    "n": "fine_wavelength_nm",
    "m": "coarse_wavelength_nm",
    "k": "gas_airmass",
    "u": "gas_water_cm",
    "q": "gas_pressure",
}


@cache
def load_spectral_table(path: Path = TABLE_FILE) -> SpectralTable:
    """Return the spectral table; the second call returns the same object.

    ``provenance["sha256"]`` is the checksum of the file, for fingerprints and metadata.

    Raises:
        InternalInconsistency: the file is missing, damaged, or its arrays do not fit together.
    """
    arrays = _read(path)
    provenance = json.loads(str(arrays["provenance"][()]))
    provenance["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    _check(arrays, path)

    def pick(names: str) -> dict[str, NDArray[Any]]:
        return {name: arrays[name].astype(np.float32) for name in names.split()}

    def nodes(names: str) -> dict[str, NDArray[np.float64]]:
        return {
            name.removeprefix("gas_").removeprefix("coupled_"): arrays[name].astype(np.float64)
            for name in names.split()
        }

    gas_nodes = nodes("fine_wavelength_nm coarse_wavelength_nm gas_airmass gas_water_cm gas_pressure")
    coupled = pick("coupled_path_ratio coupled_transmittance coupled_transmittance_up coupled_albedo")
    coupled_nodes = nodes("coupled_wavelength_nm coupled_depth coupled_aot550 coupled_pressure coupled_sun_zenith_deg")
    gas = pick("water_absorption ozone_absorption solar_irradiance ozone_absorption_6s")
    tables = pick("water_transmittance_6s other_transmittance")
    return SpectralTable(
        axes=Axes(**nodes("pressure aot550 sun_zenith_deg view_zenith_deg relative_azimuth_deg")),
        scattering=_scattering(arrays, "aerosols", "wavelength_nm", "", powers=False),
        scattering_6sv=_scattering(arrays, "aerosols_6sv", "wavelength_6sv_nm", "_6sv", powers=True),
        coupled=CoupledTable(
            aerosols=_names(arrays["coupled_aerosols"]),
            **coupled_nodes,  # type: ignore[arg-type]
            **{name.removeprefix("coupled_"): values for name, values in coupled.items()},
        ),
        gas=GasTable(**gas_nodes, **gas, **tables),  # type: ignore[arg-type]
        provenance=provenance,
    )


def _scattering(
    arrays: dict[str, NDArray[Any]], aerosols: str, wavelength: str, suffix: str, powers: bool
) -> ScatteringTable:
    names = "path_reflectance polarisation transmittance spherical_albedo rayleigh_optical_depth aerosol_extinction"
    return ScatteringTable(
        aerosols=_names(arrays[aerosols]),
        wavelength_nm=arrays[wavelength].astype(np.float64),
        powers=powers,
        polarisation_aerosol=arrays["polarisation_aerosol"].astype(np.float64),
        **{name: arrays[name + suffix].astype(np.float32) for name in names.split()},
    )


def _names(values: NDArray[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


@cache
def default_responses(platform: str) -> dict[str, SpectralResponse]:
    """Return the published spectral responses of a platform, for products that carry none.

    ESA, Sentinel-2 Spectral Response Functions, COPE-GSEG-EOPG-TN-15-0007.

    Args:
        platform: ``S2A``, ``S2B`` or ``S2C``, or the long form ``Sentinel-2A``.

    Raises:
        InvalidInput: no responses are known for the platform.
    """
    short = platform.strip().upper().replace("SENTINEL-2", "S2")
    arrays = _read(RESPONSES_FILE)
    known = sorted({name.split("_")[0] for name in arrays if "_" in name})
    if short not in known:
        raise InvalidInput(f"no default spectral responses for platform {platform}: known are {', '.join(known)}")
    return {band: SpectralResponse(*(row.astype(np.float64) for row in arrays[f"{short}_{band}"])) for band in BANDS}


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise InternalInconsistency(f"{path}: cannot be read as radiative-transfer data ({error})") from error


def _check(arrays: dict[str, NDArray[Any]], path: Path) -> None:
    """Raise when an array is missing, is not finite or does not have the shape of its axes."""
    missing = [name for name in (*_AXES.values(), *_SHAPES) if name not in arrays]
    if missing:
        raise InternalInconsistency(f"{path}: arrays are missing: {', '.join(missing)}")
    for name, letters in _SHAPES.items():
        expected = tuple(arrays[_AXES[letter]].size for letter in letters)
        if arrays[name].shape != expected:
            raise InternalInconsistency(f"{path}: {name} has shape {arrays[name].shape}, expected {expected}")
        if not np.isfinite(arrays[name]).all():
            raise InternalInconsistency(f"{path}: {name} holds values that are not finite")
