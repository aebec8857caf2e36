"""The coarse grid against direct evaluation of the bilinear formula and plain means."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.surface_reflectance.coarse import CoarseGrid, enlarge, shrink, strips
from tasks.surface_reflectance.geometry import interpolate_azimuth, interpolate_nodes, relative_azimuth_deg

RNG_SEED = 7


@pytest.mark.parametrize("resolution", [10, 20, 60])
def test_upsampling_equals_the_bilinear_formula_at_pixel_centres(resolution: int) -> None:
    grid = CoarseGrid(2400.0, 4200.0)
    field = np.random.default_rng(RNG_SEED).random(grid.shape, np.float32)
    rows, cols = 2400 // resolution, 4200 // resolution
    y, x = (np.arange(rows) + 0.5) * resolution / 600, (np.arange(cols) + 0.5) * resolution / 600
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    v, u = (y - i)[:, None], (x - j)[None, :]
    f = field.astype(np.float64)
    expected = (f[np.ix_(i, j)] * (1 - u) + f[np.ix_(i, j + 1)] * u) * (1 - v)
    expected += (f[np.ix_(i + 1, j)] * (1 - u) + f[np.ix_(i + 1, j + 1)] * u) * v
    parts = [grid.upsample(field, resolution, rows_, cols) for rows_ in (slice(0, 7), slice(7, rows))]
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=2e-6)


def test_tile_that_is_not_a_whole_number_of_steps_is_covered() -> None:
    grid = CoarseGrid(1380.0, 720.0)
    assert grid.shape == (4, 3)
    plane = np.add.outer(*grid.positions()).astype(np.float32)
    up = grid.upsample(plane, 20, slice(0, 69), 36)
    assert up[-1, -1] == pytest.approx(1370.0 + 710.0, abs=1e-2)
    assert up[0, 0] == pytest.approx(20.0, abs=1e-3)


def test_step_that_does_not_suit_the_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="do not suit"):
        CoarseGrid(600.0, 600.0, 100.0).upsample(np.zeros((7, 7), np.float32), 20, slice(0, 1), 30)


def test_area_mean_is_the_mean_within_half_a_step() -> None:
    grid = CoarseGrid(1320.0, 1200.0)
    rng = np.random.default_rng(RNG_SEED)
    values = rng.integers(1, 500, (66, 60)).astype(np.uint16)
    valid = rng.random((66, 60)) > 0.3
    valid[:16, :16] = False
    means = grid.area_mean(values, valid, 20)
    assert means.shape == grid.shape
    for node_y in range(grid.shape[0]):
        for node_x in range(grid.shape[1]):
            window = np.s_[max(node_y * 30 - 15, 0) : node_y * 30 + 15, max(node_x * 30 - 15, 0) : node_x * 30 + 15]
            inside = valid[window]
            expected = values[window][inside].mean() if inside.any() else values[valid].mean()
            assert means[node_y, node_x] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("factor", [1, 3, 6])
def test_enlarge_keeps_a_plane_between_the_outer_centres(factor: int) -> None:
    y, x = np.mgrid[0:8, 0:9].astype(np.float32)
    plane = 2 * y + 3 * x
    rows = 8 * factor
    fine = np.concatenate([enlarge(plane, factor, part, 9 * factor) for part in (slice(0, 5), slice(5, rows))])
    fy, fx = (np.arange(rows) + 0.5) / factor - 0.5, (np.arange(9 * factor) + 0.5) / factor - 0.5
    expected = 2 * np.clip(fy, 0, 7)[:, None] + 3 * np.clip(fx, 0, 8)[None, :]
    np.testing.assert_allclose(fine, expected, atol=1e-4)


def test_shrink_is_the_block_mean() -> None:
    values = np.random.default_rng(RNG_SEED).integers(0, 9000, (12, 18)).astype(np.uint16)
    expected = values.reshape(4, 3, 6, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(shrink(values, 3), expected, rtol=1e-6)


def test_strips_cover_every_row_once() -> None:
    parts = strips(1830)
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(1830))


def test_angle_nodes() -> None:
    grid = CoarseGrid(6000.0, 12000.0)
    y, x = np.mgrid[0:3, 0:4].astype(np.float32)
    result = interpolate_nodes(10 + y + 2 * x, 5000.0, grid)
    at_y, at_x = grid.positions()
    np.testing.assert_allclose(result, 10 + at_y[:, None] / 5000 + 2 * at_x[None, :] / 5000, rtol=1e-5)


def test_azimuth_is_interpolated_through_north() -> None:
    grid = CoarseGrid(600.0, 4800.0)
    nodes = np.array([[359.0, 1.0], [359.0, 1.0]], np.float32)
    result = interpolate_azimuth(nodes, 4800.0, grid)
    assert result.min() >= 0
    assert result.max() <= 360
    middle = (result[0, 4] + 180.0) % 360.0 - 180.0
    assert middle == pytest.approx(0.0, abs=1e-3)


def test_relative_azimuth() -> None:
    sun, view = np.array([10.0, 350.0, 100.0], np.float32), np.array([350.0, 10.0, 285.0], np.float32)
    np.testing.assert_allclose(relative_azimuth_deg(sun, view), [20.0, 20.0, 175.0], atol=1e-4)


def test_what_enlarge_returns_may_be_written_to() -> None:
    field = np.ones((4, 4), np.float32)
    for factor in (1, 3):
        part = enlarge(field, factor, slice(0, 4), 4)
        part += 1
    np.testing.assert_array_equal(field, 1.0)
