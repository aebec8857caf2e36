"""Block means and modes against a plain loop."""

from __future__ import annotations

import numpy as np

from tasks.surface_reflectance.aggregate import block_all, block_mean, block_mode


def test_mean_and_mode_against_a_loop() -> None:
    rng = np.random.default_rng(3)
    scl = rng.choice([0, 0, 4, 4, 5, 6], (12, 15)).astype(np.uint8)
    values = np.where(scl > 0, rng.integers(1, 32767, scl.shape), 0).astype(np.uint16)
    mode = block_mode(scl)
    mean = block_mean(values, scl, mode)
    for i in range(4):
        for j in range(5):
            classes = scl[3 * i : 3 * i + 3, 3 * j : 3 * j + 3]
            counts = np.bincount(classes.ravel(), minlength=12)
            assert counts[mode[i, j]] == counts.max()
            if counts[classes[1, 1]] == counts.max():
                assert mode[i, j] == classes[1, 1]
            inside = values[3 * i : 3 * i + 3, 3 * j : 3 * j + 3][classes > 0]
            expected = int(np.floor(inside.mean() + 0.5)) if mode[i, j] > 0 else 0
            assert mean[i, j] == expected


def test_half_is_rounded_up_and_type_is_kept() -> None:
    scl = np.full((3, 3), 4, np.uint8)
    scl[0, 0] = 0
    values = np.full((3, 3), 10, np.uint16)
    values[0, 0], values[2, 2] = 0, 14
    assert block_mean(values, scl, block_mode(scl))[0, 0] == 11
    confidence = np.full((3, 3), 100, np.uint8)
    assert block_mean(confidence, np.full((3, 3), 9, np.uint8), np.full((1, 1), 9, np.uint8)).dtype == np.uint8


def test_block_without_data_is_no_data() -> None:
    scl = np.zeros((3, 3), np.uint8)
    scl[0, 0] = 4
    mode = block_mode(scl)
    assert mode[0, 0] == 0
    assert block_mean(np.full((3, 3), 1200, np.uint16), scl, mode)[0, 0] == 0


def test_a_block_is_valid_where_all_nine_pixels_are() -> None:
    mask = np.ones((6, 9), np.uint8)
    mask[1, 4], mask[3, 0] = 0, 0
    assert block_all(mask).tolist() == [[1, 0, 1], [0, 1, 1]]
