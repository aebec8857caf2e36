"""The weights of the surroundings after 6S, and the slopes that a slope has in view."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import fftconvolve

from tasks.radiative_transfer.atmosphere import Terms
from tasks.radiative_transfer.environment import AEROSOL, MOLECULES, density, molecular_share, share_within
from tasks.surface_reflectance.coarse import enlarge
from tasks.surface_reflectance.environment import environment_of
from tasks.surface_reflectance.facing import facing_of
from tasks.surface_reflectance.sky import sky_shape, terms_of_sky
from tasks.surface_reflectance.sky_radiance import Layer

SHAPE = (151, 130)


PIXELS = 3
"""Pixels of 20 m along a block: there the mean is wanted."""


def at_pixels(field: np.ndarray) -> np.ndarray:
    return np.kron(field, np.ones((PIXELS, PIXELS)))


def brute_force(values: np.ndarray, weight: np.ndarray, terms, scale: float) -> np.ndarray:
    """Return the weighted mean by a convolution with the whole function on pixels of 20 m."""
    step = 0.06 / PIXELS / scale
    rows, cols = (np.arange(1 - size, size) * step for size in values.shape)
    distance = np.hypot(rows[:, None], cols)
    kernel = sum(a * b * np.exp(-b * distance) for a, b in terms) / (2 * np.pi * np.maximum(distance, 1e-9))
    kernel *= step**2
    kernel[distance == 0] = 1 - sum(a * np.exp(-b * step / np.sqrt(np.pi)) for a, b in terms)
    sums, weights = (fftconvolve(field, kernel, mode="same") for field in (values * weight, weight))
    return sums / weights


def interpolated(field: np.ndarray) -> np.ndarray:
    """Return a field of the blocks at the pixels, as the correction takes it."""
    return enlarge(np.ascontiguousarray(field), PIXELS, slice(0, PIXELS * field.shape[0]), PIXELS * field.shape[1])


def test_functions_by_hand() -> None:
    assert float(share_within(np.array(0.0), MOLECULES)) == pytest.approx(0.0, abs=1e-12)
    assert float(share_within(np.array(0.5), AEROSOL)) == pytest.approx(1 - 0.448 * 0.87372 - 0.552 * 0.24293, abs=1e-5)
    radius = (np.arange(20000) + 0.5) * 1e-4  # the density over the disc of 2 km
    disc = np.sum(density(radius, MOLECULES) * 2 * np.pi * radius) * 1e-4
    assert disc == pytest.approx(float(share_within(np.array(2.0), MOLECULES)), rel=1e-5)


def test_share_of_molecules() -> None:
    def terms(up: float, direct: float) -> Terms:
        return Terms(*(np.array(v, np.float32) for v in (0.1, 0.9, up, direct, 0.1, 1.0)))

    # Molecules 0.96 - 0.92 = 0.04; aerosol 0.912 / 0.96 - 0.782 / 0.92 = 0.95 - 0.85 = 0.10.
    assert molecular_share(terms(0.912, 0.782), terms(0.96, 0.92)) == pytest.approx(0.04 / 0.14, rel=1e-4)
    assert molecular_share(terms(0.96, 0.92), terms(0.96, 0.92)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize(("share", "terms"), [(0.0, AEROSOL), (1.0, MOLECULES)])
def test_mean_against_brute_force(share: float, terms, scale: float) -> None:
    """A lake, land that grows brighter, a corner without data."""
    values = np.broadcast_to(np.linspace(0.1, 0.4, SHAPE[1]), SHAPE).astype(np.float32).copy()
    values[60:80, 40:70] = 0.02
    weight = np.ones(SHAPE, np.float32)
    weight[:30, 90:] = 0
    environment = environment_of(weight, scale)
    means = environment.mean(values * weight, np.full(SHAPE, share, np.float32), 0.0)
    found, wide = (interpolated(mean) for mean in means)
    values, weight = at_pixels(values), at_pixels(weight)
    error = wide - brute_force(values, weight, MOLECULES, 2 * scale)
    assert np.sqrt(np.mean(error**2)) < 1.2e-3
    assert np.abs(error[30:-30, 30:-30]).max() < 6e-3  # on the shore of a lake of two cells of 600 m
    error = found - brute_force(values, weight, terms, scale)
    assert np.sqrt(np.mean(error**2)) < 6e-4
    assert np.abs(error).max() < 8e-3  # on the shore, where cells of 120 m are too coarse


@pytest.mark.parametrize(("share", "terms"), [(0.0, AEROSOL), (1.0, MOLECULES)])
def test_waves_of_500_m_to_2_km_keep_their_size(share: float, terms) -> None:
    """Ridges: of each wave the transform of the function is left, ``(1 + (k / b)^2)^(-1/2)``, also at the pixels.

    Only the scene of 24 km has a weight: the mean is larger by one over its share of the function.
    """
    size, middle = 400, slice(500, 700)
    angle = (np.arange(256) + 0.5) / 256 * np.pi / 4
    known = float(np.mean(share_within(0.03 * size / np.cos(angle), terms)))
    environment = environment_of(np.ones((size, size), np.float32), 1.0)
    for length_km in (0.5, 0.8, 1.0, 2.0):
        wave = np.cos(2 * np.pi / length_km * (np.arange(size * PIXELS) + 0.5) * 0.06 / PIXELS)
        field = np.broadcast_to(wave.reshape(-1, PIXELS).mean(axis=1), (size, size)).astype(np.float32)
        found = interpolated(environment.mean(field, np.full((size, size), share, np.float32), 0.0)[0])[600, middle]
        left = known * float(found @ wave[middle] / (wave[middle] @ wave[middle]))
        true = sum(a / np.hypot(1.0, 2 * np.pi / length_km / b) for a, b in terms)
        assert left == pytest.approx(true, rel=0.06), length_km


def test_uniform_ground_stays_and_nothing_known_gives_the_substitute() -> None:
    weight = np.zeros(SHAPE, np.float32)
    share = np.full(SHAPE, 0.3, np.float32)
    assert np.all(environment_of(weight, 1.0).mean(weight, share, 0.17)[0] == np.float32(0.17))
    weight[5:9, 5:9] = 1
    near = environment_of(weight, 1.0).mean(0.2 * weight, share, 0.0)[0][:20, :20]
    np.testing.assert_allclose(near, 0.2, rtol=2e-3)


def test_valley_sees_the_other_side() -> None:
    """Two slopes of 30 degrees: what lies on the one has the other in view; beyond the ridges is other light."""
    x = (np.arange(100) - 49.5) * 0.06
    height = np.broadcast_to(np.minimum(np.abs(x), 1.0) * np.tan(np.radians(30.0)), (80, 100)).astype(np.float32)
    light = np.broadcast_to(np.where(x > 0, 0.4, 0.1), (80, 100)).astype(np.float32)
    found = facing_of(height, 0.5).mean(light, np.ones_like(light))
    assert found[40, 42] > 0.35  # 450 m left of the bottom
    assert found[40, 57] < 0.15
    known = np.where(light > 0.2, 0, 1).astype(np.float32)  # the right side under cloud: what is known stands in
    assert facing_of(height, 0.5).mean(light, known)[40, 42] == pytest.approx(0.1, abs=1e-3)


def test_plain_has_the_mean_of_the_box() -> None:
    light = np.random.default_rng(1).random((40, 41)).astype(np.float32)
    found = facing_of(np.zeros((40, 41), np.float32), 0.5).mean(light, np.ones_like(light))
    assert np.abs(found - light.mean()).max() < 0.1
    assert found.shape == (40, 41)


def test_sky_by_hand() -> None:
    """Level ground under the open sky receives 1; with the sun overhead only slope and horizon count."""
    shape = sky_shape(Layer(aerosol=0.1, molecules=0.05, cos_sun=0.6, wavelength_um=0.665))
    one = np.ones(1, np.float32)

    def light(x: float, z: float, view: float) -> float:
        return float(shape.light(terms_of_sky(x * one, z * one, view * one))[0])

    assert light(0.6, 1.0, 1.0) == pytest.approx(1.0, abs=2e-3)
    assert light(0.88, 0.906, 0.953) > 1.2
    assert light(0.21, 0.906, 0.953) < 0.7
    assert 0.04 < light(0.6, 1.0, 1.0) - light(0.6, 1.0, 0.95) < 0.15  # the rim is brighter than the mean of the sky
