"""A whole tile from digital numbers: scaling, special values, quality masks, strips."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from shadow_scene import made_scene

from tasks.classification.classify import Surroundings, classify_tile
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.sweep import DigitalNumberScale
from tasks.common.bands import BANDS, BANDS_20M

USED_BANDS = ("B02", "B03", "B04", "B05", "B8A", "B10", "B11", "B12")
P = ClassificationParameters(sc_classic=True)
OFFSET = -1000
SCALE = DigitalNumberScale(dict.fromkeys(BANDS_20M, OFFSET), 10000.0)
SURFACES = {
    # reflectance of B02, B03, B04, B05, B8A, B10, B11, B12 and the class
    4: [0.09, 0.09, 0.06, 0.11, 0.40, 0.001, 0.20, 0.10],
    5: [0.10, 0.11, 0.13, 0.15, 0.22, 0.001, 0.30, 0.24],
    6: [0.09, 0.06, 0.035, 0.03, 0.018, 0.001, 0.008, 0.005],
    8: [0.24, 0.22, 0.21, 0.22, 0.27, 0.003, 0.20, 0.15],
    9: [0.70, 0.69, 0.70, 0.71, 0.74, 0.004, 0.55, 0.45],
    10: [0.12, 0.11, 0.09, 0.13, 0.40, 0.020, 0.21, 0.11],
    11: [0.85, 0.84, 0.85, 0.85, 0.83, 0.002, 0.12, 0.10],
}


def tile_of(classes: np.ndarray, noise: float = 0.0) -> dict[str, np.ndarray]:
    """Return digital numbers of a class map, with multiplicative noise."""
    rng = np.random.default_rng(5)
    numbers = {}
    for band in BANDS_20M:
        reflectance = np.full(classes.shape, 0.1)
        if band in USED_BANDS:
            table = np.zeros(12)
            table[list(SURFACES)] = [spectrum[USED_BANDS.index(band)] for spectrum in SURFACES.values()]
            reflectance = table[classes] * (1 + noise * rng.standard_normal(classes.shape))
        numbers[band] = np.round(reflectance * 10000 - OFFSET).clip(1, 65534).astype(np.uint16)
    return numbers


def patches() -> np.ndarray:
    """Return a map of 40 x 30 pixel patches, one column of each surface, not square."""
    return np.repeat(np.repeat(np.array([list(SURFACES), list(SURFACES)[::-1]]), 40, axis=0), 30, axis=1)


def test_patches_get_their_class() -> None:
    expected = patches()
    result = classify_tile(tile_of(expected, noise=0.01), SCALE, P)
    inside = np.ones(expected.shape, bool)
    for axis in (0, 1):
        for shift in range(-4, 5):  # snow reaches three pixels into its neighbours
            inside &= np.roll(expected, shift, axis) == expected
    for code in SURFACES:
        assert (result.classes[inside & (expected == code)] == code).mean() > 0.995, code
    assert result.cloud_confidence[expected == 9].min() >= 80
    assert result.snow_confidence[inside & (expected == 11)].min() > 12
    assert result.cloud_confidence[inside & (expected == 11)].max() == 0
    assert {a.dtype for a in (result.classes, result.cloud_confidence, result.snow_confidence)} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("median", [0, 3, 4])
def test_strip_height_does_not_matter(rows: int, median: int) -> None:
    rng = np.random.default_rng(11)
    numbers = tile_of(rng.choice(list(SURFACES), (90, 61)), noise=0.3)
    numbers["B09"][rng.random((90, 61)) < 0.05] = 0
    parameters = ClassificationParameters(median_filter=median, sc_classic=True)
    expected = classify_tile(numbers, SCALE, parameters, strip_rows=90)
    result = classify_tile(numbers, SCALE, parameters, strip_rows=rows)
    for name in ("classes", "cloud_confidence", "snow_confidence"):
        np.testing.assert_array_equal(getattr(result, name), getattr(expected, name))


def test_median_filter_and_buffer_act() -> None:
    numbers = tile_of(patches(), noise=0.01)
    plain = classify_tile(numbers, SCALE, ClassificationParameters())
    filtered = classify_tile(numbers, SCALE, ClassificationParameters(median_filter=5))
    assert not np.array_equal(plain.classes, filtered.classes)
    wide = classify_tile(numbers, SCALE, ClassificationParameters(valid_pixel_buffer=400.0))
    np.testing.assert_array_equal(plain.classes, wide.classes)
    assert plain.valid.sum() > wide.valid.sum() > 0


@pytest.mark.parametrize("band", BANDS_20M)
def test_special_values_count_in_every_band(band: str) -> None:
    numbers = tile_of(np.full((12, 9), 9))
    numbers[band][2, 3] = 0
    numbers[band][8, 1] = 65535
    result = classify_tile(numbers, SCALE, P)
    expected = np.full((12, 9), 9)
    expected[2, 3], expected[8, 1] = 0, 1
    np.testing.assert_array_equal(result.classes, expected)
    assert result.cloud_confidence[2, 3] == result.snow_confidence[2, 3] == 0


def test_no_data_wins_over_saturation() -> None:
    numbers = tile_of(np.full((6, 6), 4))
    numbers["B01"][1, 1] = 65535
    numbers["B12"][1, 1] = 0
    assert classify_tile(numbers, SCALE, P).classes[1, 1] == 0


def test_quality_masks_give_classes_0_and_1() -> None:
    invalid = np.zeros((12, 9), np.uint8)
    invalid[0, :3], invalid[11, 4:] = 1, 2
    result = classify_tile(
        tile_of(np.full((12, 9), 4)), SCALE, ClassificationParameters(median_filter=5, sc_classic=True), invalid
    )
    expected = np.full((12, 9), 4)
    expected[0, :3], expected[11, 4:] = 1, 0
    np.testing.assert_array_equal(result.classes, expected)


def test_offset_belongs_to_the_band_and_negative_reflectance_is_floored() -> None:
    scale = DigitalNumberScale({"B02": -1000, "B03": 0}, 10000.0)
    numbers = np.array([1, 1000, 1500, 65534], np.uint16)
    assert scale.reflectance("B02", numbers).tolist() == pytest.approx([1e-6, 1e-6, 0.05, 6.4534])
    assert scale.reflectance("B03", numbers).tolist() == pytest.approx([1e-4, 0.1, 0.15, 6.5534])
    assert scale.reflectance("B02", numbers).dtype == np.float32


def test_offset_does_not_change_the_classes() -> None:
    numbers = tile_of(patches(), noise=0.1)
    without = {band: (dn.astype(int) + OFFSET).clip(1).astype(np.uint16) for band, dn in numbers.items()}
    same = np.all([numbers[b] > -OFFSET for b in BANDS_20M], axis=0)
    first = classify_tile(numbers, SCALE, P).classes
    second = classify_tile(without, DigitalNumberScale(dict.fromkeys(BANDS_20M, 0), 10000.0), P).classes
    np.testing.assert_array_equal(first[same], second[same])
    assert same.mean() > 0.9


def test_a_tile_without_data_is_class_0_everywhere() -> None:
    numbers = {band: np.zeros((5, 7), np.uint16) for band in BANDS_20M}
    result = classify_tile(numbers, SCALE, P)
    assert not result.classes.any()
    assert not result.cloud_confidence.any()
    assert not result.snow_confidence.any()


@pytest.fixture(scope="module")
def mountains_under_clouds() -> tuple[dict[str, np.ndarray], Surroundings]:
    """Made-up clouds large and small over rugged ground, with their shadows, and land cover and water bodies."""
    scene = made_scene(SunDirection(24.0, 200.0), 5, rugged=True, size=300, clouds=16, radii=(4, 34))
    rng = np.random.default_rng(8)
    cover = np.repeat(np.repeat(rng.choice([10, 190, 200, 210], (30, 30)), 10, axis=0), 10, axis=1).astype(np.uint8)
    ground = replace(scene.ground, land_cover=cover, water_bodies=np.where(cover == 210, 2, 1).astype(np.uint8))
    return scene.numbers, Surroundings(sun=scene.sun, ground=ground, snow_possible=True, snow_height_m=300.0)


@pytest.mark.parametrize("classic", [False, True], ids=["default", "classic"])
@pytest.mark.parametrize("with_cover", [False, True], ids=["no map", "land cover"])
def test_neither_strips_nor_threads_change_a_byte(
    mountains_under_clouds: tuple[dict[str, np.ndarray], Surroundings], classic: bool, with_cover: bool
) -> None:
    numbers, around = mountains_under_clouds
    if not with_cover:
        around = replace(around, ground=replace(around.ground, land_cover=None))
    parameters = ClassificationParameters(sc_classic=classic, median_filter=3 if classic else 0)
    scale = DigitalNumberScale(dict.fromkeys(BANDS, OFFSET), 10000.0)
    before = cv2.getNumThreads()
    made = {}
    try:
        for threads, rows in ((1, 300), (1, 17), (2, 128), (5, 64), (8, 300), (8, 1)):
            cv2.setNumThreads(threads)
            made[threads, rows] = classify_tile(numbers, scale, parameters, strip_rows=rows, surroundings=around)
    finally:
        cv2.setNumThreads(before)
    first = made.pop((1, 300))
    present = set(np.unique(first.classes))
    assert {2, 3, 4, 5, 6, 9} <= present
    for run, other in made.items():
        for name in ("classes", "cloud_confidence", "snow_confidence", "valid"):
            np.testing.assert_array_equal(getattr(other, name), getattr(first, name), err_msg=f"{name}, {run}")
