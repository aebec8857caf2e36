"""AOT from several bands: the relations by hand, and noisy scenes with and without dark dense vegetation."""

from __future__ import annotations

import numpy as np
import pytest
import simple_scenes
from fake_atmosphere import fake_scene
from simple_scenes import CALIBRATION, FOREST, GRASS, LAKE, SOIL, illuminate

from tasks.aot.multiband import land_residuals, water_residuals
from tasks.aot.parameters import AotParameters
from tasks.aot.retrieval import AotCounts, AotResult, retrieve
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table

BANDS = ("B02", "B03", "B04", "B8A", "B09", "B11", "B12")
CROP = {"B02": 0.055, "B03": 0.09, "B04": 0.085, "B8A": 0.32, "B09": 0.32, "B11": 0.29, "B12": 0.20}
FIELD = {"B02": 0.075, "B03": 0.105, "B04": 0.135, "B8A": 0.205, "B09": 0.21, "B11": 0.27, "B12": 0.23}
DARK_FIELD = {"B02": 0.04, "B03": 0.06, "B04": 0.075, "B8A": 0.14, "B09": 0.14, "B11": 0.16, "B12": 0.125}
SCENES = {
    "vegetation": ((FOREST, GRASS, SOIL, LAKE), (4, 4, 5, 6)),
    "crops": ((CROP, FIELD, SOIL, LAKE), (4, 5, 5, 6)),
    "bare": ((FIELD, DARK_FIELD, SOIL, SOIL), (5, 5, 5, 5)),
    "water": ((LAKE, LAKE, LAKE, SOIL), (6, 6, 6, 5)),
}
"""Typical spectra, not those of the relations; only the first scene has dark dense vegetation."""


@pytest.fixture(scope="module")
def tables() -> BandTables:
    responses = default_responses("S2A")
    return integrate_bands(load_spectral_table(), {band: responses[band] for band in BANDS})


def run(monkeypatch: pytest.MonkeyPatch, tables: BandTables, name: str, aot: float, mode: str) -> AotResult:
    covers, classes = SCENES[name]
    monkeypatch.setattr(simple_scenes, "COVERS", covers)
    monkeypatch.setattr(simple_scenes, "CLASSES", classes)
    monkeypatch.setattr(simple_scenes, "BANDS", BANDS)
    land = simple_scenes.landscape((120, 150))
    scene = fake_scene(2400.0, 3000.0, height_km=0.4, tables=tables)
    illuminate(scene, land, aot, 2.0, noise=0.0015)
    counts = AotCounts({b: land.dn[b] for b in BANDS if b != "B09"}, land.dn60, dict.fromkeys(BANDS, CALIBRATION))
    return retrieve(scene, counts, land.scl, AotParameters(adj_km=0.0, aot_inversion=mode), 1.0)


def test_relations_by_hand() -> None:
    """Dense vegetation: (0.36 - 0.04) / 0.4 = 0.8 > 0.6, so 0.5 and 0.5 within 5 %; bare soil: 0.6 and 0.55."""
    rho = {"B02": [0.012, 0.11], "B04": [0.022, 0.19], "B8A": [0.36, 0.3], "B12": [0.04, 0.3]}
    (red, red_sigma), (blue, blue_sigma) = land_residuals({b: np.array(v, np.float32) for b, v in rho.items()})
    np.testing.assert_allclose(red, [0.022 - 0.02, 0.19 - 0.18], atol=1e-6)
    np.testing.assert_allclose(red_sigma, np.hypot([0.002, 0.03], 0.004), rtol=1e-5)
    np.testing.assert_allclose(blue, [0.012 - 0.011, 0.11 - 0.1045], atol=1e-6)
    np.testing.assert_allclose(blue_sigma, np.hypot([0.0011, 0.0152], 0.004), rtol=1e-5)


def test_water_relations_by_hand() -> None:
    rho = {"B8A": [0.012], "B11": [0.006], "B12": [0.005]}
    pairs = water_residuals({b: np.array(v, np.float32) for b, v in rho.items()})
    np.testing.assert_allclose([float(pair[0][0]) for pair in pairs], [0.007, 0.001], atol=1e-7)
    assert [float(pair[1][0]) for pair in pairs] == pytest.approx([0.004, 0.002])


@pytest.mark.parametrize("aot", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("name", SCENES)
def test_scenes_come_back_within_their_uncertainty(monkeypatch, tables: BandTables, name: str, aot: float) -> None:
    result = run(monkeypatch, tables, name, aot, "MULTIBAND")
    assert result.method == "SEN2FLOW_MULTIBAND"
    error = abs(float(result.aot550.mean()) - aot)
    assert error <= 0.1
    assert error <= 1.5 * result.statistics["aot_uncertainty"]
    assert result.statistics["aot_uncertainty"] <= 0.15


@pytest.mark.parametrize("name", ["crops", "bare", "water"])
def test_vegetation_alone_has_no_answer_there(monkeypatch, tables: BandTables, name: str) -> None:
    assert run(monkeypatch, tables, name, 0.5, "DDV").method == "DEFAULT"
