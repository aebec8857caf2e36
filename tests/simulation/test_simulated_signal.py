"""The forward model of the simulation against hand-computed values and the retrieval's inverse."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.common.grid import Grid
from tasks.common.noise import noise_deviation
from tasks.radiative_transfer.atmosphere import Terms, surface_reflectance, toa_reflectance
from tasks.simulation.atmosphere_nodes import gradients, node_coordinates, signal, surroundings_mean, terms_on_pixels
from tasks.simulation.forward_model import block_mean, on_pixels, to_dn, with_clouds
from tasks.simulation.natural_colour import natural_colour
from tasks.simulation.parameters import SimulationParameters


def terms(**values: float) -> Terms:
    typical = {
        "path_reflectance": 0.08,
        "transmittance_down": 0.85,
        "transmittance_up": 0.90,
        "direct_transmittance_up": 0.75,
        "spherical_albedo": 0.15,
        "gas_transmittance": 0.97,
    }
    return Terms(**{name: np.full((2, 2), value, np.float32) for name, value in {**typical, **values}.items()})


def test_signal_by_hand() -> None:
    rho = np.full((2, 2), 0.2, np.float32)
    # 0.08 + 0.97 * 0.85 * 0.90 * 0.2 / (1 - 0.15 * 0.2)
    assert signal(terms(), rho, rho)[0, 0] == pytest.approx(0.08 + 0.14841 / 0.97, abs=1e-6)
    # Dark surroundings: only the direct part sees the pixel: 0.97 * 0.85 * (0.75 * 0.2 + 0.15 * 0.1) / 0.985
    around = np.full((2, 2), 0.1, np.float32)
    assert signal(terms(), rho, around)[0, 0] == pytest.approx(0.08 + 0.8245 * 0.165 / 0.985, abs=1e-6)


def test_signal_over_uniform_ground_is_the_forward_model_of_the_table_and_its_inverse_returns_the_ground() -> None:
    rho = np.array([[0.01, 0.1], [0.3, 0.8]], np.float32)
    toa = signal(terms(), rho, rho)
    np.testing.assert_allclose(toa, toa_reflectance(terms(), rho), rtol=1e-6)
    np.testing.assert_allclose(surface_reflectance(terms(), toa), rho, atol=1e-6)


@pytest.mark.parametrize(
    ("reflectance", "offset", "dn"),
    [
        (0.1234, 0, 1234),
        (0.1234, -1000, 2234),
        (0.12345, 0, 1235),
        (0.123449, 0, 1234),
        (-0.05, -1000, 500),
        (-0.05, 0, 1),
        (-0.2, -1000, 1),
        (5.0, 0, 32767),
    ],
)
def test_numbers_are_rounded_half_up_shifted_and_limited(reflectance: float, offset: int, dn: int) -> None:
    assert to_dn(np.array([[reflectance]], np.float64), offset)[0, 0] == dn  # type: ignore[arg-type]


def test_all_whole_numbers_survive_the_round_trip() -> None:
    dn = np.arange(1, 20000, dtype=np.int64)
    reflectance = (dn / 10000.0).astype(np.float32)
    assert np.array_equal(to_dn(reflectance, 0), dn)
    assert np.array_equal(to_dn(reflectance, -1000), dn + 1000)


def test_block_mean_against_numpy() -> None:
    fine = np.random.default_rng(1).random((12, 18), dtype=np.float32)
    for factor in (1, 2, 6):
        expected = fine.reshape(12 // factor, factor, 18 // factor, factor).mean(axis=(1, 3))
        np.testing.assert_allclose(block_mean(fine, factor), expected, atol=1e-6)


def test_nodes_are_interpolated_exactly_for_a_plane() -> None:
    easting, northing = node_coordinates(Grid(epsg=32632, ulx=0, uly=0, resolution=10, rows=420, cols=300), 1200.0)
    assert easting.shape == (5, 4)
    plane = (1.0 + easting / 1000.0 - 2.0 * northing / 1000.0).astype(np.float32)
    found = on_pixels(plane, 1200.0, range(60, 70), 150, 20)
    x = (np.arange(150) + 0.5) * 0.02
    y = (np.arange(60, 70) + 0.5) * 0.02
    np.testing.assert_allclose(found, 1.0 + x[np.newaxis, :] + 2.0 * y[:, np.newaxis], atol=1e-4)


def test_terms_of_a_constant_atmosphere_stay_constant() -> None:
    found = terms_on_pixels(terms(), 1200.0, range(3), 7, 60)
    assert found.path_reflectance.shape == (3, 7)
    np.testing.assert_allclose(found.gas_transmittance, 0.97, rtol=1e-6)


def test_gradients_have_their_mean_in_the_centre_and_the_change_between_the_edges() -> None:
    parameters = SimulationParameters(rows=600, cols=1200, aot550=0.2, aot_change=0.5, water_vapour_change=-0.2)
    x = np.array([[0.0, 6000.0, 12000.0]]) + parameters.ulx
    y = parameters.uly - np.array([[0.0, 3000.0, 6000.0]])
    aot, vapour = gradients(parameters, x, y)
    np.testing.assert_allclose(aot, [[0.15, 0.2, 0.25]], rtol=1e-5)
    np.testing.assert_allclose(vapour, [[2.2, 2.0, 1.8]], rtol=1e-5)


def test_noise_meets_the_specified_ratio_at_the_reference_radiance() -> None:
    # B8A: 52.5 W m-2 sr-1 um-1 at a ratio of 72; sun in the zenith, E0 = 955.32.
    reflectance = np.array([[np.pi * 52.5 / 955.32]], np.float32)
    deviation = noise_deviation("B8A", reflectance, 955.32, 0.0)
    assert reflectance[0, 0] / deviation[0, 0] == pytest.approx(72.0, rel=1e-4)
    assert noise_deviation("B8A", reflectance * 4, 955.32, 0.0)[0, 0] < 2 * deviation[0, 0]


def test_clouds_mix_linearly() -> None:
    ground = np.full((1, 3), 0.1, np.float32)
    seen = with_clouds("B02", ground, np.array([[0.0, 0.5, 1.0]], np.float32))
    np.testing.assert_allclose(seen, [[0.1, 0.37, 0.64]], atol=1e-6)


def test_surroundings_after_6s() -> None:
    """Bright ground from x > 0 on, by the integral over the half-plane: 1/pi of the arc cosine of x / r, dF(r)."""
    cols = np.arange(-200, 200) + 0.5
    field = np.broadcast_to(np.where(cols > 0, 1.0, 0.0), (300, 400)).astype(np.float32)
    for share, terms in ((0.0, ((0.448, 0.27), (0.552, 2.83))), (1.0, ((0.930, 0.08), (0.070, 1.10)))):
        found = surroundings_mean(field, np.full(field.shape, share, np.float32), 0.1, 60)[150]
        for pixel in (190, 203, 210, 250):
            x = cols[pixel] * 0.06 / 0.1  # a tenth of 6S's lengths: the scene is wide enough
            r = (np.arange(400000) + 0.5) * 5e-4
            density = sum(a * b * np.exp(-b * r) for a, b in terms)
            seen = np.arccos(np.clip(-x / r, -1, 1)) / np.pi
            assert found[pixel] == pytest.approx(float(np.sum(density * seen) * 5e-4), abs=0.01)


def test_surroundings_are_normalised_over_the_scene() -> None:
    share = np.full((20, 30), 0.4, np.float32)
    for resolution, shape in ((60, (20, 30)), (10, (120, 180))):
        uniform = np.full(shape, 0.3, np.float32)
        np.testing.assert_allclose(surroundings_mean(uniform, share, 1.0, resolution), 0.3, rtol=1e-5)


def test_natural_colour_by_hand() -> None:
    # Reflectance 0 -> 0, 0.0001 -> 1, 0.125 -> 1 + floor(127), 0.25 -> 255, more -> 255; no-data -> 0.
    dn = np.array([[0, 900, 1000, 1001, 2250, 3500, 9000]], np.uint16)
    assert natural_colour(dn, dn, dn, offset_dn=-1000)[0].tolist() == [[0, 0, 0, 1, 128, 255, 255]]
