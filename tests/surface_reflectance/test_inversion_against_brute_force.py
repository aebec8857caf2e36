"""Band correction against the radiative-transfer equation evaluated for every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from fake_atmosphere import FakeTables, angle_nodes, fake_scene
from one_band import correct_band
from scipy.ndimage import gaussian_filter

from tasks.common.bands import BANDS, band_id
from tasks.surface_reflectance.coarse import CoarseGrid
from tasks.surface_reflectance.coefficients import band_coefficients
from tasks.surface_reflectance.geometry import interpolate_azimuth, interpolate_nodes
from tasks.surface_reflectance.inversion import Calibration
from tasks.surface_reflectance.neighbourhood import block_means, describe_surroundings

CALIBRATION = Calibration(-1000.0, 10000.0)
SHAPE_20M = (210, 240)
EXTENT = (4200.0, 4800.0)


def smooth_field(shape: tuple[int, int], sigma: float, low: float, high: float, seed: int) -> np.ndarray:
    """Return a smooth random field between two values."""
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), sigma, mode="reflect")
    return low + (field - field.min()) / np.ptp(field) * (high - low)


def pixel_terms(band: str, resolution: int, aot: np.ndarray, water: np.ndarray, height_km: float):
    """Return the terms with the angles of every pixel (finest nodes: one per pixel centre, no coarse grid)."""
    angles = angle_nodes(max(EXTENT))
    step = float(resolution)
    fine = CoarseGrid(EXTENT[0] - step, EXTENT[1] - step, step)  # nodes = pixels, shifted by half a pixel

    def linear(nodes):
        at = interpolate_nodes(nodes, 5000.0, fine)
        slope_y, slope_x = (nodes[1, 0] - nodes[0, 0]) / 5000.0, (nodes[0, 1] - nodes[0, 0]) / 5000.0
        return at + (slope_y + slope_x) * step / 2

    number = band_id(band)
    azimuth = np.abs(
        interpolate_azimuth(angles["sun_azimuth"], 5000.0, fine)
        - interpolate_azimuth(angles["view_azimuth"][number], 5000.0, fine)
    )
    table = FakeTables().collapse(
        band, linear(angles["sun_zenith"]), linear(angles["view_zenith"][number]), np.minimum(azimuth, 360 - azimuth)
    )
    return table.terms(aot, height_km, water, 320.0)


def forward(terms, rho: np.ndarray) -> np.ndarray:
    """Return top-of-atmosphere reflectance over uniform ground."""
    ground = terms.transmittance_down * terms.transmittance_up * rho / (1 - terms.spherical_albedo * rho)
    return terms.path_reflectance + terms.gas_transmittance * ground


def to_counts(toa: np.ndarray) -> np.ndarray:
    return np.floor(toa * 10000 + 1000 + 0.5).astype(np.uint16)


def repeat(values: np.ndarray, times: int) -> np.ndarray:
    return np.repeat(np.repeat(values, times, axis=0), times, axis=1)


def correct(band, resolution, dn, scl, aot, water, adj_km, height_km=0.3):
    """Run the correction as the stage does."""
    scene = fake_scene(*EXTENT, height_km=height_km)
    valid = scl > 0
    aot_map = np.where(valid, np.floor(aot * 1000 + 0.5), 0).astype(np.uint16)
    aot_nodes = scene.grid.area_mean(aot_map, valid, 20) / np.float32(1000)
    aot_60m = block_means(aot_map, valid, 20) / np.float32(1000)
    stored = np.where(valid, np.floor(water * 1000 + 0.5), 0).astype(np.uint16)
    water_nodes = scene.grid.area_mean(stored, valid, 20) / np.float32(1000)
    coefficients = band_coefficients(scene, band, aot_nodes, water_nodes)
    out = np.zeros(dn.shape, np.uint16)
    surroundings = describe_surroundings(scl, adj_km)
    correct_band(dn, scl, stored, aot_60m, coefficients, scene.grid, CALIBRATION, surroundings, out)
    return out


@pytest.mark.parametrize("band", [b for b in BANDS if b not in ("B08", "B10")])
def test_shortcut_error_is_below_half_a_thousandth_at_20m(band: str) -> None:
    aot = smooth_field(SHAPE_20M, 20.0, 0.12, 0.30, 1)  # changes over some 400 m, as a smoothed map does
    water = smooth_field(SHAPE_20M, 12.0, 1.2, 2.6, 2)
    rho = smooth_field(SHAPE_20M, 2.0, 0.02, 0.45, 3)
    terms = pixel_terms(band, 20, aot, water, 0.3)
    toa = forward(terms, rho)
    out = correct(band, 20, to_counts(toa), np.full(SHAPE_20M, 5, np.uint8), aot, water, adj_km=0.0)
    error = (out.astype(np.float64) - 1000) / 10000 - rho
    counting = 0.6e-4 / float((terms.gas_transmittance * terms.transmittance_down * terms.transmittance_up).min())
    assert np.sqrt(np.mean(error**2)) < (3e-4 if band == "B09" else 1e-4) + counting
    if band != "B09":
        assert np.abs(error).max() < 5e-4 + counting


@pytest.mark.parametrize("band", ["B02", "B08"])
def test_shortcut_error_at_10m(band: str) -> None:
    aot = smooth_field(SHAPE_20M, 20.0, 0.12, 0.30, 1)
    water = np.full(SHAPE_20M, 2.0)
    rho = smooth_field((2 * SHAPE_20M[0], 2 * SHAPE_20M[1]), 2.0, 0.02, 0.45, 3)
    toa = forward(pixel_terms(band, 10, repeat(aot, 2), 2.0, 0.3), rho)
    out = correct(band, 10, to_counts(toa), np.full(SHAPE_20M, 5, np.uint8), aot, water, adj_km=0.0)
    error = (out.astype(np.float64) - 1000) / 10000 - rho
    assert np.sqrt(np.mean(error**2)) < 1e-4
    assert np.abs(error).max() < 5e-4


@pytest.mark.parametrize("adj_km", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("band", ["B02", "B8A", "B09"])
def test_uniform_ground_comes_back_uniform_with_and_without_adjacency(band: str, adj_km: float) -> None:
    constant = np.full(SHAPE_20M, 1.0)
    terms = pixel_terms(band, 20, 0.25 * constant, 1.8 * constant, 0.3)
    dn = to_counts(forward(terms, 0.2 * constant))
    out = correct(band, 20, dn, np.full(SHAPE_20M, 4, np.uint8), 0.25 * constant, 1.8 * constant, adj_km)
    assert np.abs((out - 1000.0) / 10000 - 0.2).max() < (5e-4 if band == "B09" else 2e-4)


@pytest.mark.parametrize("resolution", [10, 20])
def test_adjacency_inverts_the_forward_model_with_surroundings(resolution: int) -> None:
    """A lake in bright land, seen through the forward model with the box mean of the surroundings."""
    shape = (int(EXTENT[0]) // resolution, int(EXTENT[1]) // resolution)
    rho = np.full(shape, 0.35)
    metres_y, metres_x = (np.arange(n) * resolution + resolution / 2 for n in shape)
    lake = (np.abs(metres_y - 2100)[:, None] < 300) & (np.abs(metres_x - 2400)[None, :] < 420)
    rho[lake] = 0.03
    aot = np.full(SHAPE_20M, 0.3)
    terms = pixel_terms("B03", resolution, 0.3, 2.0, 0.3)
    q = terms.transmittance_up / terms.direct_transmittance_up - 1
    surroundings = box_mean_of_blocks(rho, 60 // resolution, half_width=17)
    total = terms.gas_transmittance * terms.transmittance_down * terms.transmittance_up
    albedo = 1 - terms.spherical_albedo * surroundings
    toa = terms.path_reflectance + total / (1 + q) * (rho + q * surroundings) / albedo
    scl = np.full(SHAPE_20M, 5, np.uint8)
    out = correct("B03", resolution, to_counts(toa), scl, aot, np.full(SHAPE_20M, 2.0), adj_km=1.0)
    error = (out - 1000.0) / 10000 - rho
    assert np.abs(error).max() < 4e-3  # a box mean of y instead of rho, at the lake's shore
    assert abs(error[lake].mean()) < 1e-3
    ignoring = correct("B03", resolution, to_counts(toa), scl, aot, np.full(SHAPE_20M, 2.0), adj_km=0.0)
    assert ((ignoring - 1000.0) / 10000 - rho)[lake].mean() > 0.02


def box_mean_of_blocks(rho: np.ndarray, factor: int, half_width: int) -> np.ndarray:
    """Return the mean over the box round each 60 m block by a double loop over the blocks, at the pixels."""
    blocks = rho.reshape(rho.shape[0] // factor, factor, rho.shape[1] // factor, factor).mean(axis=(1, 3))
    means = np.empty_like(blocks)
    for i in range(blocks.shape[0]):
        for j in range(blocks.shape[1]):
            window = np.s_[
                max(i - half_width, 0) : i + half_width + 1,
                max(j - half_width, 0) : j + half_width + 1,
            ]
            means[i, j] = blocks[window].mean()
    return repeat(means, factor)


def test_no_data_limits_and_saturation() -> None:
    scl = np.full(SHAPE_20M, 4, np.uint8)
    scl[:60] = 0
    dn = np.full(SHAPE_20M, 2500, np.uint16)
    dn[100, 5], dn[101, 5], dn[102, 5], dn[:60] = 1, 65535, 0, 0
    water = np.where(scl > 0, 2.0, 0.0)
    for adj_km in (0.0, 1.0):
        out = correct("B02", 20, dn, scl, np.full(SHAPE_20M, 0.2), water, adj_km)
        assert not out[:60].any()
        assert out[100, 5] == 1
        assert out[101, 5] == 32767
        assert out[102, 5] == 0
        assert out[60:].astype(int)[scl[60:] > 0].min() == 0
        assert (out[60:] > 0).sum() == out[60:].size - 1


def test_adjacency_changes_only_what_it_should() -> None:
    """Uniform valid ground beside no-data: the box has no weight there, so the edge is not darkened."""
    constant = np.full(SHAPE_20M, 1.0)
    terms = pixel_terms("B03", 20, 0.25 * constant, 1.8 * constant, 0.3)
    dn = to_counts(forward(terms, 0.2 * constant))
    scl = np.full(SHAPE_20M, 4, np.uint8)
    scl[:, 100:] = 0
    dn[:, 100:] = 0
    out = correct("B03", 20, dn, scl, 0.25 * constant, 1.8 * constant, 1.0)
    assert np.abs((out[:, :100] - 1000.0) / 10000 - 0.2).max() < 2e-4


def test_height_reaches_the_result() -> None:
    constant = np.full(SHAPE_20M, 1.0)
    dn = to_counts(forward(pixel_terms("B02", 20, 0.2 * constant, 2.0 * constant, 1.5), 0.1 * constant))
    scl = np.full(SHAPE_20M, 4, np.uint8)
    at_height = correct("B02", 20, dn, scl, 0.2 * constant, 2.0 * constant, 0.0, height_km=1.5)
    assert np.abs((at_height - 1000.0) / 10000 - 0.1).max() < 2e-4
    at_sea_level = correct("B02", 20, dn, scl, 0.2 * constant, 2.0 * constant, 0.0, height_km=0.0)
    assert ((at_sea_level - 1000.0) / 10000).mean() < 0.095
