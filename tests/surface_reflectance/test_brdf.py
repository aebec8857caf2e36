"""The empirical damping of faintly lit slopes, against hand values."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.surface_reflectance.brdf import damping_of, mostly_snow, threshold_angle_deg, vegetation_of


@pytest.mark.parametrize(
    ("sun", "threshold"),
    [(20.0, 45.0), (35.0, 55.0), (44.0, 64.0), (47.0, 62.0), (55.0, 65.0), (62.0, 70.0), (70.0, 75.0)],
)
def test_threshold(sun: float, threshold: float) -> None:
    assert threshold_angle_deg(sun) == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("mode", "wavelength", "soil", "vegetation"),
    [
        (1, 0.6, 1.0, 1.0), (2, 0.9, 0.5, 0.5), (11, 0.66, 1.0, 0.75), (11, 0.87, 1.0, 1 / 3), (12, 0.66, 1.0, 0.75),
        (12, 0.87, 1.0, 1.0), (21, 0.49, 0.5, 0.75), (21, 2.2, 0.5, 1 / 3), (22, 0.71, 0.5, 0.75), (22, 0.74, 0.5, 1.0),
    ],
)  # fmt: skip
def test_exponents(mode: int, wavelength: float, soil: float, vegetation: float) -> None:
    damping = damping_of(mode, wavelength, 30.0, 0.22)
    cosine = np.full(2, 0.5 * np.cos(np.radians(55.0)), np.float32)
    found = damping.factor(cosine, np.array([False, True]))
    np.testing.assert_allclose(found, [max(0.5**soil, 0.22), max(0.5**vegetation, 0.22)], rtol=1e-5)


def test_lower_bound_and_bright_slopes() -> None:
    damping = damping_of(1, 0.6, 30.0, 0.22)
    np.testing.assert_allclose(damping.factor(np.array([0.01, 0.9], np.float32), None), [0.22, 1.0])


def test_snow() -> None:
    scl = np.array([[11, 11, 11, 4, 4, 0]], np.uint8)
    assert mostly_snow(scl)
    assert not mostly_snow(np.array([[11, 4]], np.uint8))


def test_vegetation() -> None:
    red, nir = np.array([1300, 1300, 1100], np.uint16), np.array([2001, 1800, 1900], np.uint16)
    np.testing.assert_array_equal(vegetation_of(red, nir, 3.0), [True, False, False])
