"""Water vapour retrieval on scenes made with the radiative-transfer equation, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from fake_atmosphere import fake_scene
from scipy.ndimage import gaussian_filter

from tasks.water_vapour.apda import WindowBeyond, retrieve_columns
from tasks.water_vapour.mapping import (
    ALL_CLASSES,
    LAND_CLASSES,
    fill_from_neighbourhood,
    retrieved_classes,
    smooth_columns,
    usable_blocks,
    write_map,
)
from tasks.water_vapour.parameters import WaterVapourParameters

SHAPE_60M = (60, 80)
EXTENT = (3600.0, 4800.0)


def toa(scene, band: str, rho: np.ndarray, aot: float, column: np.ndarray) -> np.ndarray:
    """Return top-of-atmosphere reflectance at 60 m pixels whose geometry is interpolated from the nodes."""
    geometry = scene.atmosphere(band)
    result = np.empty(SHAPE_60M, np.float32)
    fields = {}
    columns = np.linspace(column.min(), column.max(), 41) if np.ptp(column) else np.array([column.flat[0]])
    rows = slice(0, SHAPE_60M[0])
    for value in columns:
        terms = geometry.terms(aot, float(value))
        ground = terms.transmittance_down * terms.transmittance_up * terms.gas_transmittance
        fields[value] = [
            scene.grid.upsample(np.ascontiguousarray(f), 60, rows, SHAPE_60M[1])
            for f in (terms.path_reflectance, ground, terms.spherical_albedo)
        ]
    stack = np.stack([path + g * rho / (1 - s * rho) for path, g, s in fields.values()])
    for i, j in np.ndindex(SHAPE_60M):
        result[i, j] = np.interp(column[i, j], columns, stack[:, i, j])
    return result


def field(low: float, high: float, sigma: float, seed: int) -> np.ndarray:
    values = gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE_60M), sigma)
    return (low + (values - values.min()) / np.ptp(values) * (high - low)).astype(np.float32)


@pytest.mark.parametrize("start_cm", [0.4, 1.0, 5.0])
@pytest.mark.parametrize(("low", "high"), [(0.15, 0.6), (1.0, 3.0), (3.5, 5.5)])
@pytest.mark.parametrize("aot", [0.05, 0.6])
def test_columns_come_back(low: float, high: float, aot: float, start_cm: float) -> None:
    scene = fake_scene(*EXTENT, height_km=0.8)
    column, rho = field(low, high, 8.0, 1), field(0.08, 0.5, 1.0, 2)
    window, absorption = toa(scene, "B8A", rho, aot, column), toa(scene, "B09", rho, aot, column)
    nodes = np.full(scene.grid.shape, aot, np.float32)
    usable = np.ones(SHAPE_60M, np.bool_)
    retrieved, valid = retrieve_columns(scene, window, absorption, usable, nodes, start_cm)
    bright = rho > 0.15  # over darker ground under AOT 0.6 most of the signal of B09 is path
    assert valid[bright].mean() > 0.99
    assert valid.mean() > 0.97
    assert np.sqrt(np.mean((retrieved - column)[bright & valid] ** 2)) < 0.015
    assert np.sqrt(np.mean((retrieved - column)[valid] ** 2)) < 0.02


def test_slope_of_the_ground_is_taken_from_the_window_beyond() -> None:
    """Ground on a rising line from B8A to B11 comes back with its own column; taken as level it looks too dry."""
    scene = fake_scene(*EXTENT)
    column, rho, share = field(1.0, 3.0, 8.0, 1), field(0.15, 0.4, 1.0, 2), 0.1
    swir = np.float32(1.3) * rho
    window = toa(scene, "B8A", rho, 0.2, column)
    absorption = toa(scene, "B09", rho + share * (swir - rho), 0.2, column)
    beyond = WindowBeyond(toa(scene, "B11", swir, 0.2, column), share)
    nodes, usable = np.full(scene.grid.shape, 0.2, np.float32), np.ones(SHAPE_60M, np.bool_)
    level, _ = retrieve_columns(scene, window, absorption, usable, nodes, 1.0)
    sloped, _ = retrieve_columns(scene, window, absorption, usable, nodes, 1.0, beyond)
    assert np.mean((level - column) / column) < -0.03
    assert np.sqrt(np.mean((sloped - column) ** 2)) < 0.02


def test_vegetation_falling_to_the_window_beyond_counts_as_level() -> None:
    scene = fake_scene(*EXTENT)
    column, rho = field(1.0, 3.0, 8.0, 1), field(0.2, 0.5, 1.0, 2)
    window, absorption = toa(scene, "B8A", rho, 0.2, column), toa(scene, "B09", rho, 0.2, column)
    beyond = WindowBeyond(toa(scene, "B11", np.float32(0.5) * rho, 0.2, column), 0.1)
    nodes, usable = np.full(scene.grid.shape, 0.2, np.float32), np.ones(SHAPE_60M, np.bool_)
    level, _ = retrieve_columns(scene, window, absorption, usable, nodes, 1.0)
    sloped, _ = retrieve_columns(scene, window, absorption, usable, nodes, 1.0, beyond)
    np.testing.assert_array_equal(sloped, level)


def test_place_of_b09_between_the_windows() -> None:
    assert WaterVapourParameters().share_of_b09 == pytest.approx(80 / 745)


def test_ground_that_does_not_show_the_column_is_refused() -> None:
    """Dark patches under thick aerosol: a path that is 3 % too bright would leave errors of half a centimetre there."""
    scene = fake_scene(*EXTENT)
    column, rho = np.full(SHAPE_60M, 3.0, np.float32), np.full(SHAPE_60M, 0.3, np.float32)
    rho[20:30, 20:30] = 0.015
    window, absorption = toa(scene, "B8A", rho, 0.6, column), toa(scene, "B09", rho, 0.6, column)
    nodes = np.full(scene.grid.shape, 0.6, np.float32)
    retrieved, valid = retrieve_columns(scene, window, absorption, np.ones(SHAPE_60M, np.bool_), nodes, 1.0)
    assert not valid[20:30, 20:30].any()
    assert valid.sum() == valid.size - 100
    filled = fill_from_neighbourhood(retrieved, valid, np.ones(SHAPE_60M, np.bool_), 1.0, None)
    np.testing.assert_allclose(filled, 3.0, atol=0.1)


def test_gaps_follow_the_neighbourhood_and_the_height() -> None:
    y, x = np.mgrid[0:60, 0:80].astype(np.float32)
    height, at_sea_level = x / 80.0, 2.0 + 0.5 * y / 60.0
    column = (at_sea_level * np.exp(-height / 1.95)).astype(np.float32)
    retrieved = np.ones(SHAPE_60M, np.bool_)
    retrieved[25:35, 30:50] = False
    found = fill_from_neighbourhood(np.where(retrieved, column, 9.0), retrieved, ~retrieved | (x < 9), 1.0, height)
    np.testing.assert_array_equal(found[retrieved], column[retrieved])
    np.testing.assert_allclose(found[~retrieved], column[~retrieved], rtol=0.03)


def test_outliers_are_not_valid_and_keep_the_start_column() -> None:
    scene = fake_scene(*EXTENT)
    nodes = np.full(scene.grid.shape, 0.2, np.float32)
    window, absorption = np.full(SHAPE_60M, 0.3, np.float32), np.full(SHAPE_60M, 0.12, np.float32)
    absorption[0, 0], absorption[0, 1], window[0, 2] = 0.4, 0.0, 0.001
    usable = np.ones(SHAPE_60M, np.bool_)
    usable[0, 3] = False
    retrieved, valid = retrieve_columns(scene, window, absorption, usable, nodes, 1.5)
    assert not valid[0, :4].any()
    assert valid[1:].all()
    np.testing.assert_array_equal(retrieved[0, :4], np.float32(1.5))


def test_classes_of_the_watermask_modes() -> None:
    assert retrieved_classes(0) == ALL_CLASSES
    assert retrieved_classes(1) == retrieved_classes(2) == LAND_CLASSES == (4, 5, 11)


def test_usable_blocks_need_land_and_complete_data() -> None:
    scl = np.full((6, 9), 4, np.uint8)
    scl[0, 0:2] = 6  # seven of nine pixels are land: enough
    scl[0:2, 3:5] = 6  # five of nine: not enough
    scl[3, 0] = 0  # no-data
    dn = np.full((2, 3), 1500, np.uint16)
    dn[1, 2] = 0
    expected = [[True, False, True], [False, True, False]]
    np.testing.assert_array_equal(usable_blocks(scl, LAND_CLASSES, dn), expected)


def test_map_takes_own_columns_on_land_the_mean_elsewhere_and_zero_without_data() -> None:
    scl = np.full((9, 9), 4, np.uint8)
    scl[:, 6:] = 6
    scl[8, :] = 0
    column = np.full((3, 3), 2.0, np.float32)
    valid = np.ones((3, 3), np.bool_)
    valid[:, 2] = False
    column[:, 2] = 99.0
    out = np.zeros((9, 9), np.uint16)
    write_map(column, valid, 1.4567, scl, LAND_CLASSES, out)
    assert set(np.unique(out[:8, :6])) == {2000}
    assert set(np.unique(out[:8, 6:])) == {1457}
    assert not out[8].any()


def test_land_pixel_in_a_block_without_a_column_takes_its_neighbours() -> None:
    scl = np.full((9, 9), 6, np.uint8)
    scl[:, :4] = 5  # the fourth column lies in a block that is mostly water
    column, valid = np.full((3, 3), 2.5, np.float32), np.zeros((3, 3), np.bool_)
    valid[:, 0] = True
    out = np.zeros((9, 9), np.uint16)
    write_map(column, valid, 1.0, scl, LAND_CLASSES, out)
    assert set(np.unique(out[:, :4])) == {2500}
    assert set(np.unique(out[:, 4:])) == {1000}


def test_median_removes_a_spike_and_can_be_switched_off() -> None:
    column, valid = np.full((5, 5), 2.0, np.float32), np.ones((5, 5), np.bool_)
    column[2, 2] = 6.0
    valid[0, 0] = False
    assert smooth_columns(column, valid, 2.0, 100.0).max() == 2.0
    plain = smooth_columns(column, valid, 1.0, 0.0)
    assert plain[2, 2] == 6.0
    assert plain[0, 0] == 1.0


def test_limits_of_the_map() -> None:
    scl = np.full((3, 3), 4, np.uint8)
    out = np.zeros((3, 3), np.uint16)
    write_map(np.full((1, 1), 20.0, np.float32), np.ones((1, 1), np.bool_), 1.0, scl, LAND_CLASSES, out)
    assert np.all(out == 7000)


def test_line_mean_and_long_median() -> None:
    column = np.repeat(np.array([[1.0], [2.0], [3.0], [4.0]], np.float32), 4, axis=1)
    valid = np.ones((4, 4), np.bool_)
    valid[3] = False
    scl = np.full((12, 12), 6, np.uint8)
    out = np.zeros((12, 12), np.uint16)
    write_map(column, valid, 2.5, scl, LAND_CLASSES, out, by_line=True)
    np.testing.assert_array_equal(out[::3, 0], [1000, 2000, 3000, 2500])
    noisy = np.random.default_rng(1).uniform(1, 2, (9, 9)).astype(np.float32)
    whole = np.ones((9, 9), np.bool_)
    short, long = (smooth_columns(noisy, whole, 1.0, metres) for metres in (100.0, 300.0))
    assert short[4, 4] == np.median(noisy[3:6, 3:6])
    assert long[4, 4] == np.median(noisy[2:7, 2:7])
    np.testing.assert_array_equal(smooth_columns(noisy, whole, 1.0, 0.0), noisy)
