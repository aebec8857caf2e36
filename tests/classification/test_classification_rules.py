"""All steps together against the rules written out a second time for a single pixel, and on typical spectra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tasks.classification.classify import classify_reflectance
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.recoveries import median_classes
from tasks.classification.snow import dilate_diamond

USED_BANDS = ("B02", "B03", "B04", "B05", "B8A", "B10", "B11", "B12")
P = ClassificationParameters()
SPACING = 8
"""Pixels without data between two test pixels, so that no neighbourhood reaches from one to the next."""


def rise(x: float, a: float, b: float) -> float:
    return min(max((x - a) / (b - a), 0.0), 1.0)


def class_of_a_lone_pixel(b: dict[str, float]) -> tuple[int, float, float]:  # noqa: C901 (in one piece on purpose)
    """The classic rules in plain words for one pixel without neighbours: class, cloud and snow confidence."""
    b2, b3, b4, b5, b8, b10, b11, b12 = (b[n] for n in USED_BANDS)
    state: int | None = None
    cmc = rise(b4, 0.06, 0.25) ** 2
    if b4 < 0.10 and 0.04 < b8 < 0.15:
        state, cmc = 2, 0.0
    ndsi = (b3 - b11) / (b3 + b11)
    if ndsi <= -0.24:
        state = None
    cmc *= rise(ndsi, -0.24, -0.16)

    cms = rise(ndsi, 0.35, 0.50) * rise(b8, 0.15, 0.35) * rise(b2, 0.18, 0.22) * rise(b2 / b4, 0.85, 0.95)
    if cmc == 0 or b5 / b8 < 0.85:
        cms = 0.0
    if cms > 0.12:
        state, cmc = 11, 0.0

    ndvi = (b8 - b4) / (b8 + b4)
    if ndvi >= 0.42 and b2 < 0.15 and state is None:
        state = 4
    if 0.36 < ndvi < 0.42:
        cmc *= 1 - rise(ndvi, 0.36, 0.42)

    r = min(b2 / b11, 100)
    limit = min(max(0.46 - 0.40 * r, 0.15), 0.32)
    if b2 < limit and state is None:
        if r < 0.70:
            state, cmc = 5, 0.0
        elif r < 1.0:
            cmc *= rise(r, 0.70, 1.0)
    guard = b12 < min(max(0.1 * r - 0.09, 0.07), 0.21) and b8 < b4 and b2 < 0.20
    if guard and r > 4 and state is None:
        state, cmc = 6, 0.0
    if guard and 2 <= r < 4:
        cmc *= 2 - r / 2
    if b2 - b4 > 0.034 and b8 < b4 and b2 < 0.20 and state is None:
        state, cmc = 6, 0.0
    r = b8 / b11
    limit = min(max(0.475 - 0.25 * r, 0.16), 0.35)
    if b2 < limit and state is None:
        if r < 0.90 and b2 < 0.8 * b11:
            state, cmc = 5, 0.0
        elif 0.90 < r < 1.10:
            cmc *= rise(r, 0.90, 1.10)
    r = b4 / b11
    if r < 6:
        cmc *= 1 - rise(r, 3, 6)
    elif state is None:
        cmc = 0.0

    if state is None and cmc > 0:
        state = 7 if cmc < 0.20 else 8 if cmc < 0.80 else 9
    if 0.012 < b10 < 0.035 and b2 < 0.50 and cmc < 0.20:
        state = 10
    if b10 >= 0.035 and cmc < 0.80:
        state = 8

    if state in (2, None) and (ndvi > 0.42 or b8 / b3 > 2.5):
        state = 4
    if b2 / b11 > 4 and b8 < b4 and (state == 2 or (state is None and b8 < 0.30)):
        state = 6
    if state == 2 and b2 / b11 < 0.65:
        state = 5
    return (7 if state is None else state), cmc, cms


def spectra(count: int, seed: int) -> np.ndarray:
    """Random spectra [count, 8] whose bands hang together, so that every class occurs."""
    rng = np.random.default_rng(seed)
    level = rng.choice([0.04, 0.08, 0.15, 0.3, 0.7], (count, 1)) * rng.uniform(0.5, 1.5, (count, 1))
    colour = np.exp(rng.normal(0, rng.choice([0.05, 0.25, 0.7], (count, 1)), (count, 8)))
    values = level * colour
    values[:, 6:] *= rng.choice([0.1, 0.4, 1.0, 2.0], (count, 1))
    values[:, 5] = rng.choice([0.001, 0.02, 0.05], count, p=[0.8, 0.1, 0.1]) * rng.uniform(0.8, 1.2, count)
    return values.clip(1e-4, 1.5).astype(np.float32)


def spread_out(values: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    row = np.full((1, len(values) * SPACING, 8), 0.1, np.float32)
    row[0, ::SPACING] = values
    no_data = np.ones(row.shape[:2], bool)
    no_data[0, ::SPACING] = False
    return {name: np.ascontiguousarray(row[..., i]) for i, name in enumerate(USED_BANDS)}, no_data


def test_every_step_in_its_order_on_random_spectra() -> None:
    values = spectra(20_000, seed=7)
    expected = [class_of_a_lone_pixel(dict(zip(USED_BANDS, map(float, spectrum), strict=True))) for spectrum in values]
    result = classify_reflectance(*spread_out(values), P)
    classes = np.array([e[0] for e in expected])
    assert set(classes) == set(range(2, 12)) - {3}
    assert np.bincount(classes)[[2, 4, 5, 6, 7, 8, 9, 10, 11]].min() > 100
    np.testing.assert_array_equal(result.classes[0, ::SPACING], classes)
    np.testing.assert_allclose(result.cloud[0, ::SPACING], [e[1] for e in expected], atol=2e-5)
    np.testing.assert_allclose(result.snow[0, ::SPACING], [e[2] for e in expected], atol=2e-5)


TYPICAL = {
    # B02, B03, B04, B05, B8A, B10, B11, B12 at the top of the atmosphere
    "meadow": ([0.09, 0.09, 0.06, 0.11, 0.40, 0.001, 0.20, 0.10], 4),
    "pine forest": ([0.08, 0.06, 0.04, 0.06, 0.20, 0.001, 0.09, 0.04], 4),
    "brown field": ([0.10, 0.11, 0.13, 0.15, 0.22, 0.001, 0.30, 0.24], 5),
    "desert sand": ([0.19, 0.26, 0.36, 0.39, 0.47, 0.001, 0.58, 0.52], 5),
    "clear sea": ([0.09, 0.06, 0.035, 0.03, 0.018, 0.001, 0.008, 0.005], 6),
    "turbid lagoon": ([0.12, 0.11, 0.09, 0.085, 0.05, 0.001, 0.02, 0.012], 6),
    "fresh snow": ([0.85, 0.84, 0.85, 0.85, 0.83, 0.002, 0.12, 0.10], 11),
    "low water cloud": ([0.70, 0.69, 0.70, 0.71, 0.74, 0.004, 0.55, 0.45], 9),
    "grey cloud edge": ([0.24, 0.22, 0.21, 0.22, 0.27, 0.003, 0.20, 0.15], 8),
    "high ice cloud": ([0.70, 0.69, 0.70, 0.71, 0.72, 0.150, 0.25, 0.20], 8),
    "cirrus over meadow": ([0.12, 0.11, 0.09, 0.13, 0.40, 0.020, 0.21, 0.11], 10),
    "cirrus over sea": ([0.12, 0.09, 0.065, 0.06, 0.05, 0.020, 0.03, 0.02], 10),
    "shaded rock": ([0.09, 0.07, 0.06, 0.06, 0.06, 0.001, 0.06, 0.05], 2),
}


@pytest.mark.parametrize("name", TYPICAL)
def test_typical_spectra(name: str) -> None:
    values, expected = TYPICAL[name]
    result = classify_reflectance(*spread_out(np.array([values], np.float32)), P)
    assert result.classes[0, 0] == expected


def test_a_tropical_cloud_deck_is_not_snow() -> None:
    """Without a climatology the snow block runs everywhere: warm water cloud and cold ice cloud must survive it."""
    rng = np.random.default_rng(3)
    level = rng.uniform(0.35, 0.9, 2000)
    water = np.stack([level] * 5 + [np.full(2000, 0.003), 0.75 * level, 0.6 * level], axis=1)
    ice = np.stack([level] * 5 + [0.2 * level, 0.35 * level, 0.25 * level], axis=1)
    for deck in (water, ice):
        result = classify_reflectance(*spread_out(deck.astype(np.float32)), P)
        assert np.isin(result.classes[0, ::SPACING], (8, 9)).all()


def test_cold_cloud_below_the_cirrus_band_is_taken_for_snow() -> None:
    """The weakness that the stage records as a fall-back: only the climatology could tell it apart."""
    deck = np.array([[0.7, 0.7, 0.7, 0.7, 0.7, 0.008, 0.25, 0.2]], np.float32)
    assert classify_reflectance(*spread_out(deck), P).classes[0, 0] == 11


def test_dilation_agrees_with_scipy() -> None:
    mask = np.random.default_rng(1).random((41, 67)) < 0.02
    structure = ndimage.iterate_structure(ndimage.generate_binary_structure(2, 1), 3)
    np.testing.assert_array_equal(dilate_diamond(mask), ndimage.binary_dilation(mask, structure))


@pytest.mark.parametrize("size", range(11))
def test_median_agrees_with_scipy(size: int) -> None:
    classes = np.random.default_rng(size).integers(2, 12, (53, 38)).astype(np.uint8)
    expected = ndimage.median_filter(classes, size) if size else classes
    np.testing.assert_array_equal(median_classes(classes, size), expected)


def test_median_neither_spreads_nor_fills_no_data() -> None:
    classes = np.full((20, 20), 6, np.uint8)
    classes[:, :10] = 0
    classes[5, 15] = 0
    classes[10, 9] = 4
    filtered = median_classes(classes, 3)
    np.testing.assert_array_equal(filtered == 0, classes == 0)
    assert filtered[10, 9] == 4
