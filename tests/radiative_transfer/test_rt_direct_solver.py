"""Interpolation error: the table against direct solver runs between its nodes (``build.direct``, frozen).

Aerosol spectra have kinks at their own nodes that the table's wavelengths do not follow, so that single wavelengths
around 1.6 and 2.2 micrometres differ by up to 2e-3 in transmittance; band means differ less.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from tasks.common.spectral import SpectralResponse
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import load_spectral_table

QUANTITIES = ("path_reflectance", "transmittance_down", "transmittance_up", "spherical_albedo")


def _differences() -> tuple[np.ndarray, np.ndarray]:
    """Return wavelengths and ``[n, 4]`` table minus direct."""
    with (Path(__file__).parent / "data" / "direct_solver.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    spectral = load_spectral_table()
    tables = {}
    for aerosol in sorted({row["aerosol"] for row in rows}):
        nodes = sorted({float(row["wavelength_nm"]) for row in rows if row["aerosol"] == aerosol})
        narrow = {
            str(node): SpectralResponse(np.array([node - 2.5, node, node + 2.5]), np.array([0.0, 1.0, 0.0]))
            for node in nodes
        }
        tables[aerosol] = integrate_bands(spectral, narrow, aerosol, polarisation=False)  # type: ignore[arg-type]
    differences = []
    for row in rows:
        geometry = tables[row["aerosol"]].collapse(
            row["wavelength_nm"], float(row["sza_deg"]), float(row["vza_deg"]), float(row["raa_deg"])
        )
        terms = geometry.terms(float(row["aot550"]), float(row["height_km"]), 0.0, 0.0)
        found = (
            float(terms.path_reflectance / terms.gas_transmittance),
            float(terms.transmittance_down),
            float(terms.transmittance_up),
            float(terms.spherical_albedo),
        )
        differences.append([value - float(row[name]) for value, name in zip(found, QUANTITIES, strict=True)])
    return np.array([float(row["wavelength_nm"]) for row in rows]), np.array(differences)


@pytest.fixture(scope="module")
def differences() -> tuple[np.ndarray, np.ndarray]:
    return _differences()


def test_root_mean_square(differences: tuple[np.ndarray, np.ndarray]) -> None:
    rms = np.sqrt((differences[1] ** 2).mean(axis=0))
    assert (rms < [1.0e-4, 3.5e-4, 3.0e-4, 2.0e-4]).all(), rms


def test_largest_in_the_visible_and_near_infrared(differences: tuple[np.ndarray, np.ndarray]) -> None:
    wavelength, difference = differences
    largest = np.abs(difference[wavelength < 1000.0]).max(axis=0)
    assert (largest < [2e-4, 4e-4, 4e-4, 4e-4]).all(), largest


def test_largest_anywhere(differences: tuple[np.ndarray, np.ndarray]) -> None:
    largest = np.abs(differences[1]).max(axis=0)
    assert (largest < [5e-4, 2.5e-3, 2.0e-3, 1.0e-3]).all(), largest
