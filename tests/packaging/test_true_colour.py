"""True colour and preview: hand values, and a real product pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tasks.packaging.reflectance_statistics import negative_percentage
from tasks.packaging.true_colour import block_mean, grey_levels, preview, true_colour


@pytest.mark.parametrize(
    ("dn", "level"),
    [
        (0, 0),  # no-data
        (1, 0),  # reflectance -0.0999
        (1000, 0),  # reflectance 0
        (1001, 1),  # 1 + floor(254 / 2500)
        (1009, 1),  # 1 + floor(0.914)
        (1010, 2),  # 1 + floor(1.016)
        (2250, 128),  # 1 + floor(127.0)
        (3490, 253),  # 1 + floor(252.98)
        (3491, 254),  # 1 + floor(253.08)
        (3500, 255),  # reflectance 0.25
        (20133, 255),
        (65535, 255),
    ],
)
def test_level_of_a_digital_number(dn: int, level: int) -> None:
    assert grey_levels(-1000)[dn] == level


def test_without_an_offset_the_number_is_the_reflectance() -> None:
    assert [int(grey_levels(0)[dn]) for dn in (0, 1, 10, 2500)] == [0, 1, 2, 255]


def test_real_product_is_reproduced_exactly(shared_data: Path) -> None:
    folder = shared_data / "l2a-T29UNU-PB0400"
    bands = np.load(folder / "north-half-60m.npz")
    rows = bands["B04"].shape[0]
    with rasterio.open(next(folder.glob("*.SAFE/GRANULE/*/IMG_DATA/R60m/*_TCI_60m.jp2"))) as dataset:
        expected = dataset.read()[:, :rows]
    assert np.array_equal(true_colour(bands["B04"], bands["B03"], bands["B02"]), expected)


def test_block_mean_leaves_nodata_out_and_cuts_the_rest() -> None:
    band = np.arange(1, 36, dtype=np.uint16).reshape(5, 7)
    band[0, :2] = 0
    band[2:4, 2:4] = 0
    expected = np.zeros((2, 3), np.uint16)
    for row in range(2):
        for col in range(3):
            block = band[2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
            values = block[block > 0]
            expected[row, col] = int(values.sum() / values.size + 0.5) if values.size else 0
    assert np.array_equal(block_mean(band, 2), expected)


def test_preview_of_a_full_tile_has_343_pixels() -> None:
    band = np.full((5490, 5490), 3000, np.uint16)
    image = preview((band, band, band), -1000, 16)
    assert image.shape == (3, 343, 343)
    assert (image == 1 + 2000 * 254 // 2500).all()


def test_preview_of_a_tiny_scene_has_one_pixel() -> None:
    band = np.full((6, 9), 1500, np.uint16)
    assert preview((band, band, band), 0, 16).shape == (3, 1, 1)


def test_negative_reflectances_among_pixels_with_data() -> None:
    numbers = np.array([[0, 0, 999, 1000], [1001, 1, 5000, 0]], np.uint16)
    assert negative_percentage(numbers) == pytest.approx(40.0)
    assert negative_percentage(np.zeros((2, 2), np.uint16)) == 0.0
