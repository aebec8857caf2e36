"""Land statistics of a band, gathered from strips, against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.surface_reflectance.statistics import LandStatistics


def test_figures_of_two_strips() -> None:
    """Land: 900, 1200, 1300, 3000; of the others one is water and one no-data."""
    gathered = LandStatistics()
    gathered.add(np.array([[900, 1200, 5000]], np.uint16), np.array([[True, True, False]]))
    gathered.add(np.array([[1300, 0, 3000]], np.uint16), np.array([[True, True, True]]))
    assert gathered.figures() == pytest.approx(
        {"land_mean": 0.06, "land_median": 0.02, "land_negative_percentage": 25.0}
    )


def test_upper_left_pixel_stands_for_four_at_10m() -> None:
    gathered = LandStatistics()
    gathered.add(np.array([[1500, 9000], [9000, 9000]], np.uint16), np.array([[True]]))
    assert gathered.figures()["land_mean"] == pytest.approx(0.05)


def test_no_land_has_no_figures() -> None:
    gathered = LandStatistics()
    gathered.add(np.array([[1500]], np.uint16), np.array([[False]]))
    assert gathered.figures() == {}
