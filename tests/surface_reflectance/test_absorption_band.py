"""The water vapour that B09 is corrected with."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.surface_reflectance.absorption_band import surrounding_columns

SHAPE = (60, 80)
VALID = np.ones(SHAPE, np.bool_)


def test_what_differs_from_pixel_to_pixel_is_averaged_away() -> None:
    """Materials in stripes of two pixels: the retrieval errs by 5 % up and down on them."""
    stripes = np.where(np.arange(SHAPE[1]) // 2 % 2, 1900, 2100).astype(np.uint16)
    columns = surrounding_columns(np.tile(stripes, (SHAPE[0], 1)), VALID, None)
    error = np.abs(columns.astype(int) - 2000)
    assert error[:, 25:-25].max() <= 1
    assert error.max() <= 10  # at the border half of the stripes are the image's mirrored ones


def test_what_changes_over_many_kilometres_stays() -> None:
    slope = np.linspace(1000, 1400, SHAPE[1]).astype(np.uint16)
    columns = surrounding_columns(np.tile(slope, (SHAPE[0], 1)), VALID, None)
    assert np.abs(columns[:, 25:-25].astype(int) - slope[25:-25]).max() <= 2


def test_mountains_keep_their_columns() -> None:
    """Moisture of one scale height: dry peaks beside moist valleys come back as they are."""
    height = (1.0 + np.sin(np.arange(SHAPE[1]) / 3.0)).astype(np.float32)
    height = np.tile(height, (SHAPE[0], 1))
    true = 2500.0 * np.exp(-height / 1.95)
    columns = surrounding_columns(np.rint(true).astype(np.uint16), VALID, height)
    assert np.abs(columns - true).max() < 2.0


def test_no_data_has_no_weight_and_no_column() -> None:
    stored = np.full(SHAPE, 2000, np.uint16)
    stored[:, :30] = 0
    valid = VALID.copy()
    valid[:, 50:] = False
    columns = surrounding_columns(stored, valid, None)
    assert columns[:, :30].max() == 0
    assert columns[:, 50:].max() == 0
    assert columns[:, 30:50] == pytest.approx(2000)
