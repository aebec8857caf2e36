"""Gas transmittances: analytic absorbers and brute-force means."""

import numpy as np
import pytest

from tasks.radiative_transfer.gas import GrowthCurve, ScaledWater, TabulatedGas, TabulatedWater


def test_grey_absorber_follows_beer() -> None:
    curve = GrowthCurve.from_spectrum(np.full(5, 0.3), np.ones(5), 60.0)
    path = np.array([0.0, 0.01, 1.0, 10.0, 60.0])
    np.testing.assert_allclose(curve(path), np.exp(-0.3 * path), atol=3e-6)


def test_two_lines_are_averaged_by_weight() -> None:
    curve = GrowthCurve.from_spectrum(np.array([0.0, 5.0, 99.0]), np.array([3.0, 1.0, 0.0]), 60.0)
    assert float(curve(0.2)) == pytest.approx(0.75 + 0.25 * np.exp(-1.0), abs=3e-6)


def test_longer_paths_are_clamped() -> None:
    curve = GrowthCurve.from_spectrum(np.array([0.01]), np.ones(1), 8.0)
    assert curve(100.0) == curve(8.0)


def test_scaled_water_by_hand() -> None:
    water = ScaledWater(GrowthCurve.from_spectrum(np.array([0.05]), np.ones(1), 60.0))
    # 2 cm, m = 2.5, P = 0.5: F = 0.78 * 0.5^0.55 = 0.53274, path 2.66369, T = exp(-0.133184)
    assert float(water(2.0, 2.5, 0.5)) == pytest.approx(0.87530, abs=2e-5)
    assert float(water(0.0, 2.5, 0.5)) == 1.0


def test_tabulated_gas_at_nodes_and_between() -> None:
    pressure, airmass = np.array([0.4, 0.6, 0.8, 1.0]), np.array([2.0, 3.0, 4.5, 7.0])
    exact = np.exp(-0.02 * pressure[:, None] * np.sqrt(airmass)).astype(np.float32)
    gas = TabulatedGas(pressure, airmass, exact)
    np.testing.assert_allclose(gas(airmass[None, :], pressure[:, None]), exact, atol=1e-6)
    assert float(gas(2.5, 0.7)) == pytest.approx(np.exp(-0.02 * 0.7 * np.sqrt(2.5)), abs=1e-5)
    assert gas(np.full((3, 1), 2.5), np.full(4, 0.7)).shape == (3, 4)


def test_tabulated_water_broadcasts() -> None:
    pressure, water, airmass = (
        np.array([0.4, 0.6, 0.8, 1.0]),
        np.array([0.0, 1.0, 3.0, 5.0, 7.0]),
        np.array([2.0, 3, 4, 7]),
    )
    exact = np.exp(-0.2 * pressure[:, None, None] * np.sqrt(water)[:, None] * np.sqrt(airmass)).astype(np.float32)
    gas = TabulatedWater(pressure, water, airmass, exact)
    result = gas(np.array([0.0, 3.0]), np.full((3, 1), 4.0), 0.8)
    assert result.shape == (3, 2)
    np.testing.assert_allclose(result[0], [1.0, np.exp(-0.2 * 0.8 * np.sqrt(3.0) * 2.0)], atol=1e-5)
    assert gas(3.0, 4.0, np.array([0.8, 1.0, 0.6])).shape == (3,)
