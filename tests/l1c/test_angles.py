"""Angle grids: merging, filling and interpolation against planes, hand values and real products."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from tasks.common.xml import parse_xml_bytes
from tasks.l1c.angles import (
    clean_sun_grid,
    interpolate_azimuth_nodes,
    interpolate_nodes,
    merge_view_grids,
)
from tasks.l1c.model import AngleGrid
from tasks.l1c.tile_metadata import parse_tile_metadata

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "xml-l1c"
REAL = sorted(DATA.glob("*.SAFE/GRANULE/*/MTD_TL.xml.gz"))


def grid(zenith: object, azimuth: object) -> AngleGrid:
    return AngleGrid(np.asarray(zenith, np.float32), np.asarray(azimuth, np.float32), 5000.0)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs((a - b + 180) % 360 - 180)


def test_node_seen_by_two_detectors_gets_the_mean_also_across_north() -> None:
    one = grid([[4.0, np.nan]], [[350.0, np.nan]])
    two = grid([[6.0, 8.0]], [[20.0, 100.0]])
    zenith, azimuth = merge_view_grids([one, two], (1, 2), 0, 0)
    np.testing.assert_allclose(zenith, [[5, 8]], atol=1e-6)
    np.testing.assert_allclose(azimuth, [[5, 100]], atol=1e-4)


def test_zenith_without_azimuth_does_not_count_as_seen() -> None:
    zenith, azimuth = merge_view_grids([grid([[4, 5]], [[np.nan, 90]])], (1, 2), 0, 0)
    np.testing.assert_allclose(zenith, [[5, 5]])
    np.testing.assert_allclose(azimuth, [[90, 90]])


def test_band_that_nobody_sees_gets_the_mean_angles() -> None:
    zenith, azimuth = merge_view_grids([], (2, 3), 7.5, -80.0)
    assert np.all(zenith == 7.5)
    assert np.all(azimuth == 280)
    assert zenith.shape == azimuth.shape == (2, 3)


def test_outside_the_swath_the_geometry_continues_as_seen_from_orbit() -> None:
    """A satellite at 786 km over column 3: tan(zenith) is a plane in position, azimuth flips at nadir."""
    y, x = np.indices((9, 12)).astype(float)
    east = (3 - x) * 5 / 786
    north = 0.002 * y + 0.01
    zenith = np.degrees(np.arctan(np.hypot(east, north)))
    azimuth = np.degrees(np.arctan2(east, north)) % 360
    seen = x < 9
    got = merge_view_grids([grid(np.where(seen, zenith, np.nan), np.where(seen, azimuth, np.nan))], (9, 12), 0, 0)
    np.testing.assert_allclose(got[0][seen], zenith[seen], rtol=1e-6)
    beyond = np.minimum(zenith, zenith[seen].max() + 1)
    np.testing.assert_allclose(got[0], beyond, atol=1e-4)
    assert angle_between(got[1], azimuth).max() < 1e-3


def test_few_nodes_are_continued_by_the_nearest() -> None:
    zenith, azimuth = merge_view_grids([grid([[np.nan, 3, 4, np.nan]], [[np.nan, 90, 100, np.nan]])], (1, 4), 0, 0)
    np.testing.assert_allclose(zenith, [[3, 3, 4, 4]], rtol=1e-5)
    np.testing.assert_allclose(azimuth, [[90, 90, 100, 100]], rtol=1e-5)


def test_sun_grid_gaps_are_filled_and_the_rest_is_untouched() -> None:
    y, x = np.indices((23, 23)).astype(np.float32)
    zenith, azimuth = 40 + 0.04 * y - 0.03 * x, 150 + 0.1 * x
    broken_zenith, broken_azimuth = zenith.copy(), azimuth.copy()
    broken_zenith[0, :3], broken_azimuth[0, :3] = np.nan, np.nan
    broken_zenith[10, 10] = 0
    got = clean_sun_grid(grid(broken_zenith, broken_azimuth), 40, 150)
    known = np.isfinite(broken_zenith) & (broken_zenith > 0)
    np.testing.assert_array_equal(got[0][known], zenith[known])
    np.testing.assert_allclose(got[0], zenith, atol=0.02)
    np.testing.assert_allclose(got[1], azimuth, atol=0.05)


def test_sun_grid_that_is_all_missing_becomes_the_mean() -> None:
    zenith, azimuth = clean_sun_grid(grid(np.full((3, 4), np.nan), np.full((3, 4), np.nan)), 33.0, 170.0)
    assert np.all(zenith == 33)
    assert np.all(azimuth == 170)
    assert zenith.dtype == azimuth.dtype == np.float32


def test_interpolation_agrees_with_scipy() -> None:
    nodes = np.random.default_rng(3).uniform(20, 40, (5, 7)).astype(np.float32)
    ys, xs = np.linspace(0, 20000, 31), np.linspace(0, 30000, 17)
    oracle = RegularGridInterpolator((np.arange(5) * 5000, np.arange(7) * 5000), nodes)
    expected = oracle(np.stack(np.meshgrid(ys, xs, indexing="ij"), axis=-1))
    np.testing.assert_allclose(interpolate_nodes(nodes, 5000, ys, xs), expected, rtol=1e-5)


def test_interpolation_continues_a_plane_past_the_last_node_and_hits_the_corner() -> None:
    y, x = np.indices((3, 4))
    nodes = (10 + 2 * y + 3 * x).astype(np.float32)
    got = interpolate_nodes(nodes, 100, [0, 50, 250], [0, 350])
    np.testing.assert_allclose(got, [[10, 20.5], [11, 21.5], [15, 25.5]], rtol=1e-6)


def test_single_node_is_a_constant() -> None:
    np.testing.assert_array_equal(interpolate_nodes(np.array([[7]], np.float32), 5000, [0, 600], [5, 9, 1190]), 7)


def test_azimuth_is_interpolated_through_north() -> None:
    nodes = np.array([[350, 10], [350, 10]], np.float32)
    got = interpolate_azimuth_nodes(nodes, 100, [50], [0, 50, 100])
    assert angle_between(got, np.array([[350, 0, 10]])).max() < 1e-4
    assert np.all((got >= 0) & (got < 360))


@pytest.mark.skipif(not REAL, reason="the real products are not here")
@pytest.mark.parametrize("path", REAL, ids=lambda p: p.parent.name)
def test_hidden_nodes_of_real_products_are_recovered(path: Path) -> None:
    """The two outermost columns of the swath, hidden: recovered within the parallax between detectors."""
    tile = parse_tile_metadata(parse_xml_bytes(gzip.decompress(path.read_bytes()), path))
    for band in ("B02", "B8A", "B12"):
        grids = list(tile.view[band].values())
        seen = np.any([np.isfinite(g.zenith_deg) for g in grids], axis=0)
        if seen[:, 20].sum() < 3:
            continue
        truth = merge_view_grids(grids, seen.shape, 0, 0)
        hidden = []
        for g in grids:
            zenith, azimuth = g.zenith_deg.copy(), g.azimuth_deg.copy()
            zenith[:, 21:], azimuth[:, 21:] = np.nan, np.nan
            hidden.append(grid(zenith, azimuth))
        got = merge_view_grids(hidden, seen.shape, 0, 0)
        check = seen & (np.arange(23) >= 21)
        assert np.isfinite(truth[0]).all()
        assert np.abs(got[0] - truth[0])[check].max() < 0.5
        assert truth[0].max() < 13


@pytest.mark.skipif(not REAL, reason="the real products are not here")
@pytest.mark.parametrize("path", REAL, ids=lambda p: p.parent.name)
def test_mean_of_the_merged_grid_is_the_mean_of_the_metadata(path: Path) -> None:
    tile = parse_tile_metadata(parse_xml_bytes(gzip.decompress(path.read_bytes()), path))
    zenith, _ = clean_sun_grid(tile.sun, 0, 0)
    assert zenith.mean() == pytest.approx(tile.mean_sun_zenith_deg, abs=0.05)
    for band in ("B02", "B11"):
        seen = np.any([np.isfinite(g.zenith_deg) for g in tile.view[band].values()], axis=0)
        merged, _ = merge_view_grids(tile.view[band].values(), seen.shape, 0, 0)
        assert merged[seen].mean() == pytest.approx(tile.mean_view_zenith_deg[band], abs=0.25)
