"""AOT from dark dense vegetation over made-up landscapes."""

from __future__ import annotations

import numpy as np
import pytest
from fake_atmosphere import fake_scene
from simple_scenes import CALIBRATION, illuminate, landscape

from tasks.aot.inversion import AOT_NODES, solve_crossing
from tasks.aot.mapping import fill_gaps, smooth_map, write_map
from tasks.aot.parameters import AotParameters
from tasks.aot.retrieval import Alternatives, AotCounts, retrieve
from tasks.aot.vegetation import far_from_clouds, vegetation_codes
from tasks.aot.visibility import aot_from_visibility, visibility_from_aot

SHAPE = (240, 300)
EXTENT = (4800.0, 6000.0)
HEIGHT_KM = 0.4


PLAIN = AotParameters(adj_km=0.0)  # the counts are made without neighbourhood effects


def counts_of(land) -> AotCounts:
    bands = ("B03", "B04", "B8A", "B12")
    return AotCounts({b: land.dn[b] for b in bands}, land.dn60, dict.fromkeys((*bands, "B09"), CALIBRATION))


def run(aot: float, parameters: AotParameters | None = None, noise: float = 0.0, change=None, **kwargs):
    scene = fake_scene(*EXTENT, height_km=HEIGHT_KM)
    land = illuminate(scene, landscape(SHAPE, **kwargs), aot, 2.2, noise)
    if change is not None:
        change(land)
    return retrieve(scene, counts_of(land), land.scl, parameters or PLAIN, 1.0)


@pytest.mark.parametrize("aot", [0.05, 0.12, 0.2, 0.35, 0.6, 0.8])
def test_uniform_aerosol_comes_back(aot: float) -> None:
    result = run(aot)
    assert result.method == "SEN2COR_DDV"
    assert np.abs(result.aot550 - aot).max() < 0.005
    assert result.statistics["ddv_percentage"] > 2


@pytest.mark.parametrize("aot", [0.05, 0.2, 0.6])
def test_noise_does_not_bias(aot: float) -> None:
    result = run(aot, noise=0.0015)
    assert abs(result.aot550.mean() - aot) < 0.01


def test_constant_mode_gives_one_value() -> None:
    result = run(0.3, AotParameters(adj_km=0.0, vis_update_mode=0), noise=0.002)
    assert np.ptp(result.aot550) == 0


def test_map_mode_follows_the_aerosol() -> None:
    west, east = run(0.15), run(0.35)
    scene = fake_scene(*EXTENT, height_km=HEIGHT_KM)
    lands = [illuminate(scene, landscape(SHAPE, lake=False), aot, 2.2) for aot in (0.15, 0.35)]
    mixed = lands[0]
    for band, dn in mixed.dn.items():
        dn[:, 150:] = lands[1].dn[band][:, 150:]
    result = retrieve(scene, counts_of(mixed), mixed.scl, PLAIN, 1.0)
    assert west.aot550[:, :30].mean() < result.aot550[:, :30].mean() < result.aot550[:, 70:].mean()
    assert result.aot550[:, 70:].mean() < east.aot550.max() + 0.01
    assert result.aot550[:, 70:].mean() - result.aot550[:, :30].mean() > 0.05


@pytest.mark.parametrize(("swir", "limit"), [(0.04, 0.05), (0.08, 0.10), (0.115, 0.12), (0.2, None), (0.006, None)])
def test_swir_limits(swir: float, limit: float | None) -> None:
    scene = fake_scene(*EXTENT, height_km=HEIGHT_KM)
    land = landscape(SHAPE, texture=0.02)
    for band in land.rho:
        land.rho[band] = np.full(SHAPE, {"B12": swir, "B04": swir / 2, "B8A": 0.3, "B09": 0.3}.get(band, 0.2))
    land.scl[:] = 4
    illuminate(scene, land, 0.2, 2.2)
    result = retrieve(scene, counts_of(land), land.scl, PLAIN, 1.0)
    assert result.statistics["ddv_reflectance_limit"] == limit
    assert result.method == ("DEFAULT" if limit is None else "SEN2COR_DDV")


def no_vegetation(land) -> None:
    land.scl[land.scl == 4] = 5


def test_start_visibility_without_vegetation() -> None:
    result = run(0.2, change=no_vegetation)
    assert result.method == "DEFAULT"
    assert result.statistics["visibility_km"] == 40.0
    np.testing.assert_allclose(result.aot550, aot_from_visibility(40.0, HEIGHT_KM), rtol=1e-5)


def test_start_visibility_is_raised_when_it_leaves_negative_reflectances() -> None:
    result = run(0.05, AotParameters(adj_km=0.0, visibility=10.0, ac_dbv_ndvi_th=1.0), change=no_vegetation)
    assert result.method == "DEFAULT"
    assert 23.0 <= result.statistics["visibility_km"] <= 120.0
    assert result.statistics["visibility_before_checks_km"] == 10.0
    assert result.aot550.mean() < aot_from_visibility(20.0, HEIGHT_KM)


def test_missing_green_peak_lowers_the_map() -> None:
    def no_peak(land) -> None:
        land.dn["B03"] = (land.dn["B03"] - 250).astype(np.uint16)

    plain, lowered = run(0.35), run(0.35, change=no_peak)
    assert lowered.statistics["visibility_km"] > plain.statistics["visibility_km"]
    assert lowered.aot550.mean() < plain.aot550.mean() - 0.02


def test_vegetation_near_clouds_is_left_out() -> None:
    scl = np.full((150, 150), 4, np.uint8)
    scl[72:81, 72:81] = 9  # 3 x 3 blocks are 3 % of the 17 x 17 blocks of a box, 2 x 3 blocks are 2.08 %
    far = far_from_clouds(scl)
    assert far.shape == (50, 50)
    near = np.zeros((50, 50), np.bool_)
    near[17:34, 18:33] = near[18:33, 17:34] = True
    np.testing.assert_array_equal(far, ~near)


def test_area_rule() -> None:
    result = run(0.2, AotParameters(adj_km=0.0, ac_min_ddv_area=90.0))
    assert result.method == "DEFAULT"
    assert result.statistics["ddv_reflectance_limit"] is None


def test_crossing_is_found_exactly_for_a_parabola() -> None:
    nodes = np.asarray(AOT_NODES)
    truth = np.array([0.02, 0.13, 0.31, 0.9, 1.4])
    excess = 0.1 * (truth - nodes[:, None]) - 0.01 * (truth**2 - nodes[:, None] ** 2)
    solution, found = solve_crossing(excess.astype(np.float32))
    assert found.all()
    np.testing.assert_allclose(solution, truth, atol=1.5e-3)


def test_targets_without_a_crossing_are_not_solved() -> None:
    excess = np.tile(np.linspace(0.05, 0.01, len(AOT_NODES))[:, None], (1, 3)).astype(np.float32)
    excess[:, 1] -= 0.5  # far too dark at any aerosol
    excess[:, 2] -= 0.051  # a little too dark in clean air
    solution, found = solve_crossing(excess)
    np.testing.assert_array_equal(found, [False, False, True])
    assert -0.05 < solution[2] < 0


def test_gaps_follow_their_neighbours_not_the_far_mean() -> None:
    aot = np.full((120, 1200), 0.1, np.float32)
    aot[:, 600:] = 0.4
    solved = np.zeros(aot.shape, np.bool_)
    solved[::4, ::7] = True
    solved[40:60, 100:140] = False
    filled = fill_gaps(aot, solved, 0.25)
    np.testing.assert_array_equal(filled[solved], aot[solved])
    assert filled[50, 120] == pytest.approx(0.1, abs=0.01)
    assert filled[50, 1100] == pytest.approx(0.4, abs=0.01)
    solved[:] = False
    solved[:, 1195:] = True
    assert fill_gaps(aot, solved, 0.25)[60, 20] == pytest.approx(0.25, abs=1e-3)


def test_smoothing_ignores_no_data() -> None:
    aot, valid = np.full((60, 60), 0.2, np.float32), np.ones((60, 60), np.bool_)
    aot[:, 30:], valid[:, 30:] = 9.0, False
    np.testing.assert_allclose(smooth_map(aot, valid, 1.0)[:, :30], 0.2, rtol=1e-5)
    np.testing.assert_array_equal(smooth_map(aot, valid, 0.0), aot)


def test_map_counts_and_limits() -> None:
    scl = np.full((6, 6), 4, np.uint8)
    scl[0, 0] = 0
    out = np.zeros((6, 6), np.uint16)
    write_map(np.array([[0.1234, 0.1234], [-0.2, 3.0]], np.float32), scl, out)
    assert out[0, 0] == 0
    assert out[0, 1] == 123
    assert out[5, 0] == 10
    assert out[5, 5] == 1500


def test_cams_stands_in_for_dark_vegetation() -> None:
    scene = fake_scene(*EXTENT, height_km=HEIGHT_KM)
    land = illuminate(scene, landscape(SHAPE), 0.2, 2.2)
    no_vegetation(land)
    sea_level = Alternatives(cams_aot550=0.25, cams_height_km=0.0)
    result = retrieve(scene, counts_of(land), land.scl, PLAIN, 1.0, sea_level)
    assert result.method == "CAMS"
    expected = aot_from_visibility(float(visibility_from_aot(0.25)), HEIGHT_KM)
    np.testing.assert_allclose(result.aot550, expected, rtol=1e-4)
    assert result.aot550.max() < 0.24  # higher ground lies above part of the aerosol


def test_too_much_aerosol_from_cams_is_cleared_by_the_checks() -> None:
    scene = fake_scene(*EXTENT, height_km=HEIGHT_KM)
    land = illuminate(scene, landscape(SHAPE), 0.05, 2.2)
    no_vegetation(land)
    result = retrieve(scene, counts_of(land), land.scl, PLAIN, 1.0, Alternatives(1.2, HEIGHT_KM))
    assert result.method == "CAMS"
    assert result.statistics["visibility_km"] >= 23.0
    assert result.aot550.max() < 0.4


def test_bright_vegetation_raises_the_start_visibility() -> None:
    """Red reflectance 0.02 of bright vegetation is what the method assumes: the aerosol must come back."""
    scene = fake_scene(*EXTENT, height_km=HEIGHT_KM)
    land = landscape(SHAPE, texture=0.0, lake=False)
    for band, value in {"B04": 0.02, "B8A": 0.45, "B09": 0.45, "B03": 0.06, "B12": 0.2}.items():
        land.rho[band] = np.full(SHAPE, value)
    land.scl[:] = 4
    illuminate(scene, land, 0.15, 2.2)
    result = retrieve(scene, counts_of(land), land.scl, PLAIN, 1.0)
    assert result.method == "DEFAULT"
    assert result.statistics["bright_vegetation"]
    assert result.aot550.mean() == pytest.approx(0.15, abs=0.01)
    for name, value in {
        "ac_dbv_nir_refl_th": 0.6, "ac_dbv_ndvi_th": 0.95, "ac_dbv_red_veget_tst_ndvi_th": 0.95,
        "ac_dbv_red_veget_refl_th": 0.001,
    }.items():  # fmt: skip
        without = retrieve(scene, counts_of(land), land.scl, PLAIN.model_copy(update={name: value}), 1.0)
        assert not without.statistics["bright_vegetation"], name
    slopes = Alternatives(level=np.zeros((SHAPE[0] // 3, SHAPE[1] // 3), np.bool_))
    assert not retrieve(scene, counts_of(land), land.scl, PLAIN, 1.0, slopes).statistics["bright_vegetation"]


def test_codes_of_the_mask_of_dark_vegetation() -> None:
    scl = np.array([[0, 4, 4], [5, 6, 9]], np.uint8)
    selected = np.array([[False, True, False], [False, False, False]])
    assert vegetation_codes(selected, scl).tolist() == [[0, 1, 5], [5, 6, 5]]
