"""Weights against scipy's own spline, and cases that must be exact."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from tasks.radiative_transfer.interpolation import CosineAxis, SplineAxis, contract, log_log_lines, log_log_pchip

NODES = np.array([0.0, 0.05, 0.12, 0.22, 0.35, 0.55, 0.8, 1.1, 1.5])


def test_spline_weights_equal_scipy_spline() -> None:
    values = np.exp(-2.0 * NODES)
    points = np.linspace(0.0, 1.5, 77)
    expected = CubicSpline(NODES, values)(points)
    np.testing.assert_allclose(SplineAxis(NODES).weights(points) @ values, expected, atol=2e-7)


def test_spline_weights_are_exact_at_nodes_and_for_cubics() -> None:
    axis = SplineAxis(NODES)
    np.testing.assert_allclose(axis.weights(NODES), np.eye(NODES.size), atol=1e-7)
    points = np.array([[0.01, 0.3], [0.77, 1.49]])
    cubic = axis.weights(points) @ (NODES**3 - NODES + 2.0)
    np.testing.assert_allclose(cubic, points**3 - points + 2.0, atol=2e-6)


def test_spline_weights_of_scalars_and_arrays_agree_and_repeat() -> None:
    axis = SplineAxis(NODES)
    first = axis.weights(0.3)
    for _ in range(3):
        np.testing.assert_array_equal(axis.weights(0.3), first)
    np.testing.assert_array_equal(axis.weights(np.array([0.3, 0.9]))[0], first)
    assert first.dtype == np.float32


def test_spline_clamps_outside() -> None:
    axis = SplineAxis(NODES)
    np.testing.assert_array_equal(axis.weights([-3.0, 9.0]), axis.weights([0.0, 1.5]))


def test_cosine_axis_is_exact_for_its_terms() -> None:
    nodes = np.array([0.0, 45.0, 90.0, 135.0, 180.0])

    def series(degrees: np.ndarray) -> np.ndarray:
        f = np.radians(degrees)
        return 0.3 + 0.2 * np.cos(f) - 0.1 * np.cos(2 * f) + 0.05 * np.cos(3 * f) - 0.02 * np.cos(4 * f)

    points = np.array([10.0, 77.7, 350.0, -10.0, 200.0])
    result = CosineAxis(nodes).weights(points) @ series(nodes)
    np.testing.assert_allclose(result, series(points), atol=1e-6)
    assert result[0] == pytest.approx(result[2], abs=1e-6)


@pytest.mark.parametrize("interpolate", [log_log_pchip, log_log_lines])
def test_log_log_interpolation_is_exact_for_power_laws(interpolate: Callable[..., np.ndarray]) -> None:
    nodes = np.array([400.0, 500.0, 700.0, 1000.0])
    values = np.stack([nodes**-4.0, 3.0 * nodes**0.5], axis=1)
    targets = np.array([450.0, 650.0, 990.0])
    result = interpolate(nodes, values * 1e9, targets)
    np.testing.assert_allclose(result[:, 0], 1e9 * targets**-4.0, rtol=1e-9)
    np.testing.assert_allclose(result[:, 1], 3e9 * targets**0.5, rtol=1e-9)


def test_log_log_lines_bend_at_the_nodes() -> None:
    """4 at 200, 2 at 400, 2 at 800: a power of -1, then constant; geometric means in between."""
    result = log_log_lines(np.array([200.0, 400.0, 800.0]), np.array([4.0, 2.0, 2.0]), np.array([282.8427125, 500.0]))
    np.testing.assert_allclose(result, [8.0**0.5, 2.0], rtol=1e-9)


@pytest.mark.parametrize(("table", "weights"), [((3,), (5, 3)), ((4, 5, 3), (3,)), ((4, 1, 3), (5, 3)), ((3,), (3,))])
def test_contract_broadcasts(table: tuple[int, ...], weights: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    a, b = random.random(table).astype(np.float32), random.random(weights).astype(np.float32)
    np.testing.assert_allclose(contract(a, b), (a * b).sum(axis=-1), rtol=1e-5)
