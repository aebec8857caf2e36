"""Aerosol type and path scaling from the blue band over dark vegetation."""

from __future__ import annotations

import numpy as np
import pytest
from fake_atmosphere import fake_scene
from simple_scenes import CALIBRATION, COVERS, illuminate, landscape

from tasks.aot.blue import BluePath, better_type, blue_scaling
from tasks.aot.parameters import AotParameters
from tasks.aot.retrieval import AotCounts, retrieve
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table

SHAPE, EXTENT = (240, 300), (4800.0, 6000.0)
BANDS = ("B02", "B03", "B04", "B8A", "B09", "B12")


@pytest.fixture(scope="module")
def scenes():
    responses = {band: default_responses("S2A")[band] for band in BANDS}
    spectral = load_spectral_table()
    return {
        name: fake_scene(*EXTENT, height_km=0.2, tables=integrate_bands(spectral, responses, aerosol=name))
        for name in ("rural", "maritime")
    }


def vegetation_only():
    """Return a landscape of vegetation that keeps the assumed ratios exactly."""
    land = landscape(SHAPE, texture=0.05, lake=False)
    land.rho = {band: land.rho[band] for band in BANDS}
    land.rho["B04"] = 0.5 * land.rho["B12"]
    land.rho["B02"] = 0.5 * land.rho["B04"] + 0.005
    return land


def retrieve_with(scene, land, parameters=None):
    counts = AotCounts({b: land.dn[b] for b in BANDS if b != "B09"}, land.dn60, dict.fromkeys(BANDS, CALIBRATION))
    return retrieve(scene, counts, land.scl, parameters or AotParameters(adj_km=0.0), 1.0)


@pytest.mark.parametrize("truth", ["rural", "maritime"])
@pytest.mark.parametrize("aot", [0.25, 0.5])
def test_the_true_type_has_the_double_ratio_nearest_to_one(scenes, truth: str, aot: float) -> None:
    land = illuminate(scenes[truth], vegetation_only(), aot, 2.0)
    found = {name: retrieve_with(scene, land).blue for name, scene in scenes.items()}
    assert found[truth].double_ratio == pytest.approx(1.0, abs=0.01)
    assert better_type(found, 0.0) == truth
    assert better_type(found, 1.0) == "rural"  # no difference is large enough


def test_too_blue_a_path_gives_a_scaling_within_its_limits(scenes) -> None:
    land = illuminate(scenes["rural"], vegetation_only(), 0.2, 2.0)
    land.dn["B02"] = (land.dn["B02"] + 0.06 * (land.dn["B02"] - 1000.0)).astype(np.uint16)
    on = AotParameters(adj_km=0.0, scaling_disabler=False)
    factor = retrieve_with(scenes["rural"], land, on).statistics["path_scaling_blue"]
    assert 1.05 < factor <= 1.1
    assert retrieve_with(scenes["rural"], land).statistics["path_scaling_blue"] == 1.0
    assert COVERS  # the landscape's covers are those of the support module


def test_scaling_rules() -> None:
    on = AotParameters(scaling_disabler=False)
    assert blue_scaling(1.3, 5.0, 0.0, on) == 1.1
    assert blue_scaling(0.6, 5.0, 0.0, on) == 0.9
    assert blue_scaling(1.3, 5.0, 0.0, on.model_copy(update={"scaling_limiter": False})) == 1.3
    assert blue_scaling(1.3, 5.0, 0.0, on.model_copy(update={"max_sc_blu": 1.2})) == 1.2
    assert blue_scaling(0.6, 5.0, 0.0, on.model_copy(update={"min_sc_blu": 0.8})) == 0.8
    assert blue_scaling(1.04, 5.0, 0.0, on) == 1.0
    assert blue_scaling(1.04, 5.0, 0.0, on.model_copy(update={"ac_aerosol_type_ratio_th": 0.01})) == 1.04
    assert blue_scaling(1.3, 0.1, 0.0, on) == 1.0
    assert blue_scaling(1.3, 0.1, 0.4, on) == 1.1
    assert blue_scaling(1.3, 0.1, 0.4, on.model_copy(update={"ac_spr_refl_promille": 0.5})) == 1.0
    assert blue_scaling(1.3, 0.3, 0.0, on.model_copy(update={"ac_spr_refl_percentage": 0.5})) == 1.0
    assert blue_scaling(1.3, 5.0, 0.0, on.model_copy(update={"ac_limit_area_path_rad_scale": 10.0})) == 1.0
    assert blue_scaling(1.3, 5.0, 0.0, AotParameters()) == 1.0


def test_no_decision_without_vegetation() -> None:
    assert better_type({"RURAL": None, "MARITIME": None}, 0.05) == "RURAL"
    assert better_type({"RURAL": BluePath(1.2, 1.0), "MARITIME": None}, 0.05) == "RURAL"
