"""The budget of one pixel against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.common.noise import noise_deviation
from tasks.surface_reflectance.coefficients import BandCoefficients
from tasks.uncertainty.budget import (
    Instrument,
    LightVariance,
    correlated,
    independent,
    to_counts,
    uncertainty_of_strip,
)
from tasks.uncertainty.sensitivity import (
    Response,
    adjacency_error,
    central,
    echo,
    gain,
    response,
    top_of_atmosphere,
    two_thirds,
)
from tasks.uncertainty.task import layers


def field(value: float, shape: tuple[int, int] = (1, 1)) -> np.ndarray:
    return np.full(shape, value, np.float32)


def coefficients(path: float = 0.05, inverse: float = 1.25, albedo: float = 0.1, adjacency: float = 0.25):
    return BandCoefficients(*(field(v) for v in (path, inverse, albedo, adjacency)))


def test_noise_meets_the_specified_ratio_at_the_reference_radiance() -> None:
    """B04: 108 W m-2 sr-1 um-1 at a ratio of 142; with E0 = 1512.06 and the sun in the zenith that is 0.2244."""
    reference = 108.0 * np.pi / 1512.06
    assert reference == pytest.approx(0.2244, abs=1e-4)
    assert noise_deviation("B04", field(reference), 1512.06, 0.0)[0, 0] == pytest.approx(reference / 142, rel=1e-5)
    dark = noise_deviation("B04", field(0.0), 1512.06, 0.0)[0, 0]
    assert dark == pytest.approx(np.sqrt(0.4) * reference / 142, rel=1e-5)


@pytest.mark.parametrize("signal", [0.0, 0.05, 0.3])
def test_variance_of_the_signal(signal: float) -> None:
    """Four averaged pixels halve the noise; rounding is 1e-4 / sqrt(12); a straight line in the signal."""
    constant, slope = Instrument("B04", 1512.06, 0.0, 4).variance()
    noise = float(noise_deviation("B04", field(signal), 1512.06, 0.0)[0, 0])
    assert constant + slope * signal == pytest.approx(noise**2 / 4 + (1e-4) ** 2 / 12, rel=1e-5)


def test_forward_equation_by_hand() -> None:
    """L = 0.3, y_b = 0.2: y = (0.3 * 1.02 + 0.25 * 0.2) / 1.25 = 0.2848; toa = 0.05 + 0.2848 / 1.25."""
    assert top_of_atmosphere(coefficients(), field(0.3), field(0.2))[0, 0] == pytest.approx(0.27784, abs=1e-6)
    assert gain(coefficients(), field(0.2))[0, 0] == pytest.approx(1.25 * 1.25 / 1.02, rel=1e-6)
    assert echo(field(0.2), field(0.1))[0, 0] == pytest.approx(0.2 / 0.98, rel=1e-6)


def test_answer_to_a_shift_of_the_path() -> None:
    """A path 0.01 too bright lowers y and y_b by 0.0125; worked out with the inversion's formula for L = 0 and 1."""
    found = response(coefficients(), coefficients(path=0.06), field(0.2))

    def inverted(light: float) -> float:
        y = (light * 1.02 + 0.05) / 1.25 - 0.0125
        around = 0.2 - 0.0125
        return (y + 0.25 * (y - around)) / (1 + 0.1 * around) - light

    assert found.dark[0, 0] == pytest.approx(inverted(0.0), abs=1e-6)
    assert (found.dark + found.slope)[0, 0] == pytest.approx(inverted(1.0), abs=1e-6)


def test_calibration_is_wrong_in_the_surroundings_too() -> None:
    """Over uniform ground 2 % more signal adds 0.02 toa 1.25 to y = y_b, and rho = y / (1 + S y)."""
    y = 0.3 / (1 - 0.1 * 0.3)
    brighter = (0.05 + y / 1.25) * 1.02
    wrong = (brighter - 0.05) * 1.25
    found = response(coefficients(), coefficients(), field(y), 0.02)
    assert (found.dark + 0.3 * found.slope)[0, 0] == pytest.approx(wrong / (1 + 0.1 * wrong) - 0.3, abs=1e-6)


def test_central_difference_is_half_of_both_sides() -> None:
    both = central(coefficients(), coefficients(path=0.04), coefficients(path=0.06), field(0.0))
    assert both.dark[0, 0] == pytest.approx(-0.0125, abs=1e-6)
    assert both.slope[0, 0] == pytest.approx(0.0, abs=2e-3)


def test_adjacency_matters_where_the_surroundings_change_with_distance() -> None:
    even = [field(0.2)] * 3
    assert adjacency_error(coefficients(), *even)[0, 0] == 0
    found = adjacency_error(coefficients(), field(0.2), field(0.1), field(0.23))[0, 0]
    assert found == pytest.approx(0.25 * np.sqrt(0.1 * 0.03) / 1.02, rel=1e-5)


@pytest.mark.parametrize("above", [1.0, 0.7, 0.4, 0.2, 0.05, 0.0])
def test_two_thirds_of_lopsided_errors(above: float) -> None:
    """Counted: errors as wide as 1 below and as ``above`` above."""
    z = np.random.default_rng(3).standard_normal(400_000)
    inside = np.abs(np.where(z < 0, z, above * z)) <= two_thirds(field(1.0), field(above))[0, 0]
    assert inside.mean() == pytest.approx(0.683, abs=0.015)


CALIBRATION, AOT, WATER = (0.001, 0.02), (-0.003, 0.01), (0.0, 0.002)
INSTRUMENT = Instrument("B04", 1512.06, 0.0, 1)


def variance(correlations=None) -> LightVariance:
    shape = (2, 2)
    responses = tuple(Response(field(dark, shape), field(slope, shape)) for dark, slope in (CALIBRATION, AOT, WATER))
    own = independent(field(0.04, shape), field(1.6, shape), field(0.001, shape), INSTRUMENT)
    return correlated(responses, correlations or {}) + own


def signal_variance(light: float) -> float:
    noise = float(noise_deviation("B04", field(0.04 + light / 1.6), 1512.06, 0.0)[0, 0])
    return (noise**2 + (1e-4) ** 2 / 12) * 1.6**2


def answers(light: float) -> list[float]:
    return [dark + slope * light for dark, slope in (CALIBRATION, AOT, WATER)]


def test_shares_add_in_squares() -> None:
    found = uncertainty_of_strip(field(0.25, (6, 6)), variance(), slice(0, 6), 20)
    others = sum(answer**2 for answer in answers(0.25)) + 0.001**2
    np.testing.assert_allclose(found, np.sqrt(signal_variance(0.25) + others), rtol=1e-5)


@pytest.mark.parametrize("light", [0.0, 0.04, 0.3])
def test_correlated_shares_add_as_the_law_of_propagation_says(light: float) -> None:
    matrix = np.array([[1.0, 0.6, -0.2], [0.6, 1.0, 0.3], [-0.2, 0.3, 1.0]])
    pairs = {(i, j): matrix[i, j] for i, j in ((0, 1), (0, 2), (1, 2))}
    found = uncertainty_of_strip(field(light, (6, 6)), variance(pairs), slice(0, 6), 20)
    together = np.array(answers(light)) @ matrix @ np.array(answers(light))
    np.testing.assert_allclose(found, np.sqrt(signal_variance(light) + together + 0.001**2), rtol=1e-4)


def test_errors_of_one_source_that_cancel_leave_nothing() -> None:
    one = Response(field(0.002), field(0.03))
    other = Response(-one.dark, -one.slope)
    found = correlated((one, other), {(0, 1): 1.0})
    assert max(float(np.abs(f).max()) for f in (found.constant, found.linear, found.square)) < 1e-10


def test_slopes_divide_by_the_light_and_add_their_own_share() -> None:
    rho, received = field(0.25, (6, 6)), field(0.5, (6, 6))
    found = uncertainty_of_strip(rho, variance(), slice(0, 6), 20, received, field(0.1, (6, 6)))
    others = sum(answer**2 for answer in answers(0.125)) + 0.001**2
    np.testing.assert_allclose(found, np.sqrt((signal_variance(0.125) + others) / 0.25 + 0.025**2), rtol=1e-5)


def test_layers_are_counts_of_a_hundred_thousandth() -> None:
    values = np.array([[0.00234, 0.0, 0.5, 0.01]], np.float32)
    counts = to_counts(values, np.array([[False, False, False, True]]))
    np.testing.assert_array_equal(counts, [[234, 1, 32767, 0]])
    assert counts.dtype == np.uint16


@pytest.mark.parametrize(
    ("available", "expected"),
    [((10, 20, 60), {"B02": 10, "B08": 10, "B05": 20, "B12": 20, "B01": 60, "B09": 60}),
     ((20, 60), {"B02": 20, "B05": 20, "B09": 60, "B01": 60}),
     ((20,), {"B04": 20, "B01": 20}),
     ((60,), {"B04": 60, "B01": 60, "B09": 60})],
)  # fmt: skip
def test_each_band_has_one_layer_at_its_finest_image(available: tuple[int, ...], expected: dict[str, int]) -> None:
    found = layers(available)
    assert {band: found.get(band) for band in expected} == expected
    if 10 not in available:
        assert "B08" not in found


@pytest.mark.parametrize(
    ("band", "resolution", "pixels"), [("B02", 10, 1), ("B02", 20, 4), ("B05", 60, 9), ("B01", 20, 1)]
)
def test_pixels_of_the_instrument_in_one_of_the_image(band: str, resolution: int, pixels: int) -> None:
    assert Instrument.of_image(band, 1500.0, 40.0, resolution).averaged == pixels
