"""Combining quality masks, against maps drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.common.bands import BANDS
from tasks.quality_masks.layers import bands_named, coarsen_any, mark


@pytest.mark.parametrize(
    ("message", "values", "bands"),
    [
        ("Loss in band B04 and B8A.", [], ("B04", "B8A")),
        ("Loss in b12", [], ("B12",)),
        ("Loss.", [("LOST_BANDS", "1, 10")], ("B02", "B10")),
        ("Loss.", [("AFFECTED", "B01 B02 B03")], ("B01", "B02", "B03")),
        ("Loss.", [("EXPECTED", "3")], BANDS),
        ("Loss in AB04, B13, B8AX and B001", [], BANDS),
        ("", [("BAND_INDEX", "13")], BANDS),
    ],
)
def test_bands_named(message: str, values: list[tuple[str, str]], bands: tuple[str, ...]) -> None:
    assert bands_named(message, values) == bands


def test_a_coarse_pixel_is_set_by_any_fine_one() -> None:
    fine = np.zeros((4, 6), np.bool_)
    fine[3, 0] = fine[0, 5] = True
    np.testing.assert_array_equal(coarsen_any(fine, 10), [[False, False, True], [True, False, False]])
    coarse = np.array([[True, False]])
    np.testing.assert_array_equal(coarsen_any(coarse, 60), [[True] * 3 + [False] * 3] * 3)
    np.testing.assert_array_equal(coarsen_any(coarse, 20), coarse)


def test_lost_outranks_defective_in_any_order() -> None:
    invalid = np.array([[2, 1, 0, 0, 0]], np.uint8)
    layers = [
        ("MSI_LOST", np.array([[False, True, True, False, True]])),
        ("DEFECTIVE", np.array([[True, False, True, True, False]])),
    ]
    mark(invalid, layers, ("MSI_LOST",))
    np.testing.assert_array_equal(invalid, [[2, 2, 2, 1, 2]])
