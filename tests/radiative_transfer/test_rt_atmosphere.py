"""Equation of transfer by hand, limits that physics fixes, and the round trip."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.radiative_transfer.atmosphere import Terms, pressure_from_height, surface_reflectance, toa_reflectance
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table


@pytest.fixture(scope="module")
def rural() -> BandTables:
    return integrate_bands(load_spectral_table(), default_responses("S2A"), "rural")


def _terms(*values: float) -> Terms:
    return Terms(*(np.float32(value) for value in values))


def test_forward_and_inverse_by_hand() -> None:
    terms = _terms(0.05, 0.8, 0.9, 0.7, 0.2, 0.95)
    # 0.05 + 0.95 * 0.8 * 0.9 * 0.3 / (1 - 0.2 * 0.3) = 0.05 + 0.2052 / 0.94
    assert float(toa_reflectance(terms, 0.3)) == pytest.approx(0.268298, abs=1e-6)
    assert float(surface_reflectance(terms, 0.268298)) == pytest.approx(0.3, abs=2e-6)
    assert float(terms.diffuse_ratio) == pytest.approx(0.2 / 0.7, abs=1e-6)


def test_no_atmosphere_is_the_identity() -> None:
    assert float(surface_reflectance(_terms(0, 1, 1, 1, 0, 1), 0.37)) == pytest.approx(0.37, abs=1e-7)


@pytest.mark.parametrize(("height", "pressure"), [(0.0, 1.0), (1.0, 0.88699), (3.0, 0.69199), (5.0, 0.53313)])
def test_pressure_of_the_standard_atmosphere(height: float, pressure: float) -> None:
    # ICAO Doc 7488: 1013.25, 898.75, 701.09, 540.20 hPa
    assert float(pressure_from_height(height)) == pytest.approx(pressure, abs=3e-4)


@settings(max_examples=60, deadline=None)
@given(
    band=st.sampled_from(["B01", "B02", "B04", "B8A", "B11", "B12"]),
    sza=st.floats(0, 80),
    vza=st.floats(0, 15),
    raa=st.floats(0, 180),
    aot=st.floats(0, 2.6),
    height=st.floats(-0.4, 6),
    water=st.floats(0, 7),
    ozone=st.floats(100, 500),
    rho=st.floats(0, 1),
)
def test_round_trip_and_physical_ranges(
    rural: BandTables, band: str, sza: float, vza: float, raa: float, aot: float, height: float, water: float,
    ozone: float, rho: float,
) -> None:  # fmt: skip
    terms = rural.collapse(band, sza, vza, raa).terms(aot, height, water, ozone)
    back = surface_reflectance(terms, toa_reflectance(terms, rho))
    assert float(back) == pytest.approx(rho, abs=2e-5)
    assert 0.0 < float(terms.path_reflectance) < 1.0
    assert 0.0 < float(terms.direct_transmittance_up) <= float(terms.transmittance_up) * 1.0005 <= 1.001
    assert 0.0 < float(terms.transmittance_down) <= 1.0005
    assert 0.0 <= float(terms.spherical_albedo) < 0.5
    assert 0.0 < float(terms.gas_transmittance) <= 1.0


def test_thin_rayleigh_path_is_single_scattering(rural: BandTables) -> None:
    """B12 without aerosol: rho = tau P(angle) / (4 mu_s mu_v), tau = 0.00037 (0.008569 l^-4 at 2.2 um)."""
    sun, view, azimuth = np.radians([50.0, 10.0, 90.0])
    cosine = -np.cos(sun) * np.cos(view) - np.sin(sun) * np.sin(view) * np.cos(azimuth)
    d = (1 - 0.0279) / (1 + 0.0279 / 2)
    phase = 1.0 + d / 2.0 * (3.0 * cosine**2 - 1.0) / 2.0
    tau = rural.bands["B12"].rayleigh_optical_depth
    assert tau == pytest.approx(0.008569 / 2.2024**4 * 1.0023, rel=0.02)  # the band is 180 nm wide
    expected = tau * phase / (4.0 * np.cos(sun) * np.cos(view))
    terms = rural.collapse("B12", 50.0, 10.0, 90.0).terms(0.0, 0.0, 0.0, 0.0)
    assert float(terms.path_reflectance / terms.gas_transmittance) == pytest.approx(expected, rel=0.01)


def test_rayleigh_limits(rural: BandTables) -> None:
    """Conservative thin atmosphere: half of what is scattered reaches the ground, S is about 3/4 of it averaged."""
    terms = rural.collapse("B11", 60.0, 0.0, 0.0).terms(0.0, 0.0, 0.0, 0.0)
    tau = rural.bands["B11"].rayleigh_optical_depth
    assert float(terms.transmittance_down) == pytest.approx(1.0 - tau, abs=1e-4)  # exp(-2 tau) + half of 2 tau
    assert float(terms.spherical_albedo) == pytest.approx(tau, rel=0.05)  # integral of 2 mu (tau / 2 mu)
    assert float(terms.direct_transmittance_up) == pytest.approx(np.exp(-tau), abs=1e-6)


def test_transmittances_are_reciprocal(rural: BandTables) -> None:
    down = rural.collapse("B02", 12.0, 0.0, 0.0).terms(0.3, 0.5, 1.0, 300.0).transmittance_down
    up = rural.collapse("B02", 40.0, 12.0, 0.0).terms(0.3, 0.5, 1.0, 300.0).transmittance_up
    assert float(up) == pytest.approx(float(down), abs=1e-6)


def test_direct_transmittance_by_hand(rural: BandTables) -> None:
    table = rural.bands["B03"]
    terms = rural.collapse("B03", 40.0, 10.0, 0.0).terms(0.4, 0.0, 1.0, 300.0)
    depth = table.rayleigh_optical_depth + 0.4 * table.aerosol_extinction
    assert float(terms.direct_transmittance_up) == pytest.approx(np.exp(-depth / np.cos(np.radians(10.0))), abs=1e-6)


def test_more_aerosol_water_or_ozone_darkens_bright_ground(rural: BandTables) -> None:
    def toa(band: str, *state: float) -> float:
        return float(toa_reflectance(rural.collapse(band, 40.0, 5.0, 90.0).terms(*state), 0.8))

    assert toa("B8A", 0.4, 0.0, 2.0, 300.0) < toa("B8A", 0.1, 0.0, 2.0, 300.0)
    assert toa("B09", 0.1, 0.0, 3.0, 300.0) < toa("B09", 0.1, 0.0, 1.0, 300.0)
    assert toa("B03", 0.1, 0.0, 2.0, 450.0) < toa("B03", 0.1, 0.0, 2.0, 250.0)


def test_shapes_broadcast_and_stay_float32(rural: BandTables) -> None:
    sun = np.linspace(20.0, 60.0, 6).reshape(2, 3)
    geometry = rural.collapse("B09", sun, 5.0, 100.0)
    terms = geometry.terms(0.2, 0.4, 2.0, 330.0)
    assert terms.path_reflectance.shape == terms.spherical_albedo.shape == terms.gas_transmittance.shape == (2, 3)
    nodes = rural.collapse("B09", sun[..., None, None], 5.0, 100.0)
    grid = nodes.terms(np.array([0.0, 0.2, 0.5, 1.0])[:, None], np.array([0.0, 0.4, 1.0]), 2.0, 330.0)
    assert all(getattr(grid, name).shape == (2, 3, 4, 3) for name in vars(grid))
    assert all(getattr(grid, name).dtype == np.float32 for name in vars(grid))
    np.testing.assert_allclose(grid.path_reflectance[:, :, 1, 1], terms.path_reflectance, rtol=1e-5)
    pixels = rural.collapse("B09", 40.0, 5.0, 100.0).terms(np.full((4, 5), 0.2), np.full((4, 5), 0.4), 2.0, 330.0)
    assert pixels.transmittance_down.shape == (4, 5)


def test_inputs_outside_are_clamped(rural: BandTables) -> None:
    inside = rural.collapse("B04", 80.0, 15.0, 30.0).terms(2.6, 6.08, 7.0, 1000.0)
    outside = rural.collapse("B04", 88.0, 20.0, 330.0).terms(9.0, 9.0, 20.0, 5000.0)
    assert float(outside.path_reflectance) == pytest.approx(float(inside.path_reflectance), rel=1e-3)
    assert float(outside.gas_transmittance) == pytest.approx(float(inside.gas_transmittance), rel=1e-3)


def test_nan_stays_nan(rural: BandTables) -> None:
    terms = rural.collapse("B04", 40.0, 5.0, 30.0).terms(np.array([0.2, np.nan]), 0.0, 2.0, 300.0)
    assert np.isfinite(terms.path_reflectance).tolist() == [True, False]
