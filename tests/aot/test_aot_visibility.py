"""Visibility, its index and AOT: values worked out by hand from the published law."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.aot.visibility import (
    aot_from_visibility,
    index_from_visibility,
    next_visibility_km,
    visibility_from_aot,
    visibility_from_index,
)


@pytest.mark.parametrize(("visibility_km", "aot"), [(23.0, 0.3226), (40.0, 0.2011), (5.0, 1.188)])
def test_sea_level_values(visibility_km: float, aot: float) -> None:
    assert aot_from_visibility(visibility_km) == pytest.approx(aot, abs=6e-4)


@pytest.mark.parametrize(
    ("height_km", "a", "b"), [(0.0, 1.54641, -0.854022), (0.7, 1.40593, -0.844382), (2.5, 0.926640, -0.805663)]
)
def test_law_passes_through_the_tabulated_heights(height_km: float, a: float, b: float) -> None:
    for visibility_km in (5.0, 23.0, 120.0):
        expected = np.exp(a + b * np.log(visibility_km))
        assert aot_from_visibility(visibility_km, height_km) == pytest.approx(expected, rel=1e-4)


def test_inverse_law() -> None:
    visibility = np.array([5.0, 11.0, 40.0, 119.0])
    np.testing.assert_allclose(visibility_from_aot(aot_from_visibility(visibility, 1.2), 1.2), visibility, rtol=1e-10)
    assert visibility_from_aot(1e-6) == 650.0


@pytest.mark.parametrize(
    ("visibility_km", "depth"),
    [(120, 0.207020), (80, 0.239582), (40, 0.329422), (23, 0.450916), (15, 0.593042), (10, 0.785337), (7, 1.01929)],
)
def test_index_is_uniform_in_the_reference_depth(visibility_km: float, depth: float) -> None:
    assert 0.182 + 0.006 * index_from_visibility(visibility_km) == pytest.approx(depth, abs=3e-5)
    assert visibility_from_index(index_from_visibility(visibility_km)) == pytest.approx(visibility_km, rel=1e-9)


def test_index_limits() -> None:
    assert index_from_visibility(3.0) == 182
    assert index_from_visibility(500.0) == 0
    assert visibility_from_index(0.0) == pytest.approx(190.0, rel=0.03)


def test_ladder_of_the_checks() -> None:
    ladder = [10.0]
    while ladder[-1] < 120.0:
        ladder.append(next_visibility_km(ladder[-1]))
    assert ladder == [10, 23, 26, 30, 35, 40, 50, 60, 70, 80, 90, 100, 120]
