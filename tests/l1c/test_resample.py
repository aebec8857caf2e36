"""Resampling against scipy's splines, brute force and hand values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates, median_filter

from tasks.l1c.resample import (
    block_mean,
    block_median,
    repeat_nearest,
    to_resolution,
    upsample_cubic_spline,
    upsample_linear,
)


def random_image(shape: tuple[int, int], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 9000, shape).astype(np.uint16)


def brute_force_mean(image: np.ndarray, factor: int) -> np.ndarray:
    rows, cols = image.shape[0] // factor, image.shape[1] // factor
    result = np.zeros((rows, cols), np.uint16)
    for y in range(rows):
        for x in range(cols):
            block = image[y * factor : (y + 1) * factor, x * factor : (x + 1) * factor].astype(float)
            if (block == 0).any():
                result[y, x] = 0
            elif (block == 65535).any():
                result[y, x] = 65535
            else:
                result[y, x] = int(block.mean() + 0.5)
    return result


@pytest.mark.parametrize("factor", [2, 3, 6])
def test_block_mean_is_the_rounded_mean_of_each_block(factor: int) -> None:
    image = random_image((60, 42))
    image[7, 9], image[20:30, 12:14], image[40, 3], image[41, 3] = 0, 0, 65535, 0
    image[50, 40] = 65535
    np.testing.assert_array_equal(block_mean(image, factor), brute_force_mean(image, factor))


@given(st.lists(st.integers(0, 65535), min_size=4, max_size=4))
def test_block_mean_of_any_four_numbers(values: list[int]) -> None:
    image = np.array(values, np.uint16).reshape(2, 2)
    np.testing.assert_array_equal(block_mean(image, 2), brute_force_mean(image, 2))


def test_block_mean_by_hand() -> None:
    image = np.array([[1, 2, 0, 9], [2, 1, 9, 9], [5, 6, 65535, 9], [6, 5, 9, 9]], np.uint16)
    np.testing.assert_array_equal(block_mean(image, 2), [[2, 0], [6, 65535]])


def test_block_mean_of_confidences_counts_zeros() -> None:
    image = np.array([[0, 0, 0], [0, 100, 100], [0, 0, 255]], np.uint8)
    result = block_mean(image, 3, nodata=None, saturated=None)
    assert result.dtype == np.uint8
    assert result.item() == int(455 / 9 + 0.5)


def test_block_mean_is_the_same_in_strips() -> None:
    image = random_image((1302, 48))
    np.testing.assert_array_equal(block_mean(image, 2)[640:], block_mean(image[1280:], 2))


def oracle(image: np.ndarray, order: int, mode: str) -> np.ndarray:
    at = np.meshgrid(*[(np.arange(3 * n) + 0.5) / 3 - 0.5 for n in image.shape], indexing="ij")
    values = map_coordinates(image.astype(float), at, order=order, mode=mode)
    return np.clip(np.floor(values + 0.5), 1, 65534)


@pytest.mark.parametrize("shape", [(31, 47), (300, 9), (2, 3)])
def test_linear_agrees_with_scipy(shape: tuple[int, int]) -> None:
    image = random_image(shape)
    np.testing.assert_allclose(upsample_linear(image).astype(float), oracle(image, 1, "nearest"), atol=1)
    assert np.mean(upsample_linear(image) != oracle(image, 1, "nearest")) < 1e-3


@pytest.mark.parametrize("shape", [(31, 47), (300, 9), (2, 3)])
def test_cubic_spline_agrees_with_scipy(shape: tuple[int, int]) -> None:
    image = random_image(shape)
    expected = oracle(image, 3, "reflect")
    np.testing.assert_allclose(upsample_cubic_spline(image).astype(float), expected, atol=1)
    assert np.mean(upsample_cubic_spline(image) != expected) < 2e-3


@pytest.mark.parametrize("upsample", [upsample_linear, upsample_cubic_spline])
def test_centre_pixels_keep_their_value(upsample: object) -> None:
    image = random_image((8, 11)) + np.uint16(5000)
    np.testing.assert_array_equal(upsample(image)[1::3, 1::3], image)  # type: ignore[operator]


@pytest.mark.parametrize("upsample", [upsample_linear, upsample_cubic_spline])
@pytest.mark.parametrize("flag", [0, 65535])
def test_flagged_pixels_stay_exact_and_do_not_bleed(upsample: object, flag: int) -> None:
    image = np.full((9, 12), 2000, np.uint16)
    image[:, :4], image[6, 9] = flag, flag
    fine = upsample(image)  # type: ignore[operator]
    flagged = repeat_nearest(image == flag, 3)
    assert np.all(fine[flagged] == flag)
    assert np.all(fine[~flagged] == 2000)


@pytest.mark.parametrize("upsample", [upsample_linear, upsample_cubic_spline])
@pytest.mark.parametrize("flag", [0, 65535])
def test_image_of_nothing_but_flags(upsample: object, flag: int) -> None:
    assert np.all(upsample(np.full((4, 5), flag, np.uint16)) == flag)  # type: ignore[operator]


def test_overshoot_of_the_spline_never_becomes_a_flag() -> None:
    image = np.ones((6, 6), np.uint16)
    image[:, 3:] = 65534
    fine = upsample_cubic_spline(image)
    assert fine.min() >= 1
    assert fine.max() <= 65534


def test_single_row_is_refined() -> None:
    np.testing.assert_array_equal(upsample_cubic_spline(np.array([[30, 60]], np.uint16))[1], [30, 30, 40, 50, 60, 60])


def test_nearest_and_median() -> None:
    classes = np.random.default_rng(2).integers(0, 12, (9, 15)).astype(np.uint8)
    np.testing.assert_array_equal(block_median(classes), median_filter(classes, 3)[1::3, 1::3])
    assert block_median(classes).dtype == np.uint8
    np.testing.assert_array_equal(repeat_nearest(np.array([[1, 2]], np.uint8)), [[1, 1, 2, 2], [1, 1, 2, 2]])


def test_rule_for_each_band() -> None:
    image = random_image((10, 12))
    np.testing.assert_array_equal(to_resolution(image, "B01", 60, 20), upsample_cubic_spline(image))
    np.testing.assert_array_equal(to_resolution(image, "B09", 60, 20), upsample_linear(image))
    np.testing.assert_array_equal(to_resolution(image, "B10", 60, 20), upsample_linear(image))
    np.testing.assert_array_equal(to_resolution(image, "B02", 10, 20), block_mean(image, 2))
    assert to_resolution(image, "B05", 20, 20) is image
