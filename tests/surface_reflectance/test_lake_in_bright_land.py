"""A dark lake in bright land, seen through the environment functions of 6S, over all land and not on coarse cells.

``F_R(r) = 1 - (0.930 exp(-0.08 r) + 0.070 exp(-1.10 r))``, ``F_A(r) = 1 - (0.448 exp(-0.27 r) + 0.552 exp(-2.83 r))``,
r in km: the share of the diffuse light that comes from nearer than r (Vermote et al. 1997, doi:10.1109/36.581987; 6S
user guide part 2, environment function).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from fake_atmosphere import fake_scene
from one_band import correct_band
from scipy.signal import fftconvolve

from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.surface_reflectance.coefficients import band_coefficients
from tasks.surface_reflectance.inversion import Calibration
from tasks.surface_reflectance.neighbourhood import describe_surroundings

SIZE, PIXEL_KM = 400, 0.06
"""24 km: most of the light that aerosol mixes in comes from within it."""
COVERS = {"B02": (0.03, 0.08), "B03": (0.03, 0.12), "B04": (0.02, 0.20), "B8A": (0.01, 0.35), "B12": (0.005, 0.30)}
"""Lake and land."""
MOLECULES, AEROSOL = ((0.930, 0.08), (0.070, 1.10)), ((0.448, 0.27), (0.552, 2.83))


@pytest.fixture(scope="module")
def tables() -> BandTables:
    responses = default_responses("S2A")
    return integrate_bands(load_spectral_table(), {band: responses[band] for band in COVERS})


@cache
def lake_in_view(half_m: float, terms: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Return the weight of the lake in the surroundings of each place, with an environment function."""
    distance = np.hypot(*(np.indices((2 * SIZE + 1, 2 * SIZE + 1)) - SIZE)) * PIXEL_KM
    kernel = sum(a * b * np.exp(-b * distance) for a, b in terms)
    kernel *= PIXEL_KM**2 / (2 * np.pi * np.maximum(distance, 1e-3))
    radius = PIXEL_KM / np.sqrt(np.pi)  # of the disc as large as a pixel
    kernel[SIZE, SIZE] = 1 - sum(a * np.exp(-b * radius) for a, b in terms)
    return fftconvolve(lake_of(half_m).astype(float), kernel, mode="same")


def lake_of(half_m: float) -> np.ndarray:
    """Return where the lake is."""
    place = np.abs((np.arange(SIZE) - SIZE / 2 + 0.5) * 60.0) < half_m
    return place[:, None] & place


def lake_error(tables: BandTables, band: str, aot: float, adj_km: float, half_m: float, kernel="ENVIRONMENT") -> float:
    """Return the mean error of the lake's reflectance."""
    scene = fake_scene(SIZE * 60.0, SIZE * 60.0, tables=tables)
    lake, (water, land) = lake_of(half_m), COVERS[band]
    rho = np.where(lake, water, land)
    terms, molecules = (scene.atmosphere(band).terms(a, 1.5) for a in (aot, 0.0))
    path, down, up, direct, albedo, gas = (
        float(np.mean(getattr(terms, name)))
        for name in ("path_reflectance", "transmittance_down", "transmittance_up", "direct_transmittance_up",
                     "spherical_albedo", "gas_transmittance")
    )  # fmt: skip
    share = float(np.mean(molecules.diffuse_ratio)) / (up / direct - 1)
    weight = share * lake_in_view(half_m, MOLECULES) + (1 - share) * lake_in_view(half_m, AEROSOL)
    background = land + (water - land) * weight
    toa = path + gas * down / (1 - albedo * background) * (direct * rho + (up - direct) * background)
    dn = np.kron(np.round(toa * 10000 + 1000).astype(np.uint16), np.ones((3, 3), np.uint16))
    scl = np.where(np.kron(lake, np.ones((3, 3))), 6, 5).astype(np.uint8)
    nodes, out = np.ones(scene.grid.shape, np.float32), np.zeros_like(dn)
    correct_band(
        dn, scl, np.full(scl.shape, 1500, np.uint16), np.full((SIZE, SIZE), aot, np.float32),
        band_coefficients(scene, band, nodes * np.float32(aot), nodes * np.float32(1.5)), scene.grid,
        Calibration(-1000.0, 10000.0), describe_surroundings(scl, adj_km, 20, kernel), out,
    )  # fmt: skip
    return float(((out[1::3, 1::3] - 1000.0) / 10000.0)[lake].mean() - water)


@pytest.mark.parametrize("aot", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("band", COVERS)
def test_lake_of_1_2_km(tables: BandTables, band: str, aot: float) -> None:
    assert abs(lake_error(tables, band, aot, 1.0, 600.0)) <= 0.0015
    assert lake_error(tables, band, aot, 0.0, 600.0) > 0.0015


def test_lake_of_400_m_under_much_aerosol(tables: BandTables) -> None:
    assert abs(lake_error(tables, "B8A", 0.5, 1.0, 200.0)) <= 0.0015
    assert lake_error(tables, "B8A", 0.5, 0.0, 200.0) > 0.05


def test_box_of_sen2cor_takes_too_much_from_the_lake(tables: BandTables) -> None:
    """It is wider than the aerosol's own range."""
    assert abs(lake_error(tables, "B8A", 0.1, 1.0, 600.0, "BOX")) <= 0.003
    assert lake_error(tables, "B8A", 0.3, 1.0, 600.0, "BOX") < -0.003
