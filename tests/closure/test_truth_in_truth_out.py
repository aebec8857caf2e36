"""Truth in, truth out: simulated products, made with the same table, must come back through the stages.

Three things differ between simulation and retrieval by construction and set the limits: counts are rounded to 1e-4, the
ground in the absorption band B09 does not lie exactly on the line from B8A to B11, and water vapour is taken from
neighbours where land meets water. Noise is off: instrument noise alone is 0.003 in B8A.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from tasks.aot.parameters import AotParameters
from tasks.aot.task import retrieve_aot
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.task import classify_scene
from tasks.common.artefacts import open_array
from tasks.common.bands import EXPORTED_BANDS
from tasks.common.records import StageResult
from tasks.dem.parameters import DemParameters
from tasks.dem.task import prepare_dem
from tasks.l1c.load import tile_reference
from tasks.l1c.parameters import L1CParameters
from tasks.l1c.task import import_l1c
from tasks.meteo.parameters import MeteoParameters
from tasks.meteo.task import read_meteo
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.simulate import simulate_product
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.surface_reflectance.task import correct_10m, correct_20m, correct_60m, derive_60m
from tasks.water_vapour.parameters import WaterVapourParameters
from tasks.water_vapour.task import retrieve_water_vapour

SIZE = {"rows": 420, "cols": 480}
LAND = (4, 5)


@dataclass(frozen=True)
class Outcome:
    """Results and truth of one scene."""

    truth: Path
    stages: dict[str, StageResult]

    def stored(self, stage: str, name: str) -> np.ndarray:
        return open_array(self.stages[stage], name)

    def true(self, name: str) -> np.ndarray:
        with rasterio.open(self.truth / f"{name}.tif") as source:
            return source.read(1)

    def land(self, resolution: int) -> np.ndarray:
        """Return the land that truth and classification agree upon, at 60, 20 or 10 m (60 m: pixels all of land)."""
        truth = np.isin(self.true("SCL_20m"), LAND)
        if resolution == 60:
            rows, cols = truth.shape[0] // 3, truth.shape[1] // 3
            whole = truth.reshape(rows, 3, cols, 3).all(axis=(1, 3))
            holder = "60m" if "scl_60m" in self.stages["60m"].arrays else "classification"
            return whole & np.isin(self.stored(holder, "scl_60m"), LAND)
        land = truth & np.isin(self.stored("classification", "scl_20m"), LAND)
        repeat = 20 // resolution
        return np.repeat(np.repeat(land, repeat, axis=0), repeat, axis=1)


def process(folder: Path, adj_km: float, **scene: Any) -> Outcome:
    """Simulate a product and run the stages from Level-1C to the 60 m images."""
    simulated = simulate_product(folder, SimulationParameters(noise=False, **SIZE, **scene))
    granule = next((simulated.product / "GRANULE").iterdir())
    tile = tile_reference(simulated.product, granule, folder / "work")
    l1c = import_l1c.fn(tile, L1CParameters(content_fingerprint="closure"))
    dem = prepare_dem.fn(tile, DemParameters(altitude=scene.get("height_m", 0.0) / 1000.0), l1c=l1c)
    meteo = read_meteo.fn(tile, MeteoParameters(), l1c=l1c)
    classification = classify_scene.fn(tile, ClassificationParameters(), l1c=l1c)
    inputs = {"l1c": l1c, "classification": classification, "dem": dem, "meteo": meteo}
    inputs["aot"] = retrieve_aot.fn(tile, AotParameters(adj_km=adj_km), **inputs)
    inputs["water_vapour"] = retrieve_water_vapour.fn(tile, WaterVapourParameters(), **inputs)
    parameters = SurfaceReflectanceParameters(adj_km=adj_km)
    stages = dict(inputs)
    stages["20m"] = correct_20m.fn(tile, parameters, **inputs)
    stages["10m"] = correct_10m.fn(tile, parameters, **inputs)
    stages["60m"] = derive_60m.fn(tile, parameters, **inputs, surface_reflectance_20m=stages["20m"])
    return Outcome(simulated.truth, stages)


def process_at_60m(folder: Path, **scene: Any) -> Outcome:
    """Simulate a product and run the stages of ``--resolution 60``."""
    simulated = simulate_product(folder, SimulationParameters(noise=False, **SIZE, **scene))
    granule = next((simulated.product / "GRANULE").iterdir())
    tile = tile_reference(simulated.product, granule, folder / "work")
    l1c = import_l1c.fn(tile, L1CParameters(content_fingerprint="closure", resolutions=(10, 20, 60)))
    dem = prepare_dem.fn(tile, DemParameters(), l1c=l1c)
    meteo = read_meteo.fn(tile, MeteoParameters(), l1c=l1c)
    classification = classify_scene.fn(tile, ClassificationParameters(resolution=60), l1c=l1c)
    stages = {"l1c": l1c, "classification": classification, "dem": dem, "meteo": meteo}
    stages["aot"] = retrieve_aot.fn(tile, AotParameters(map_resolution=60), **stages)
    stages["water_vapour"] = retrieve_water_vapour.fn(tile, WaterVapourParameters(map_resolution=60), **stages)
    stages["60m"] = correct_60m.fn(tile, SurfaceReflectanceParameters(map_resolution=60), **stages)
    return Outcome(simulated.truth, stages)


SCENES: dict[str, dict[str, Any]] = {
    "summer": {"aot550": 0.2, "water_vapour_cm": 2.0},
    "clean-winter": {"aot550": 0.05, "water_vapour_cm": 0.5, "sensing_time": "2025-12-15T10:20:31Z"},
    "hazy-humid": {"aot550": 0.7, "water_vapour_cm": 3.5, "platform": "S2B", "seed": 3},
    "high": {"aot550": 0.12, "water_vapour_cm": 0.8, "height_m": 1500.0, "platform": "S2C", "seed": 4},
}


@pytest.fixture(scope="module", params=SCENES)
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A scene whose every pixel lies in uniform surroundings, processed without neighbourhood effects."""
    return process(tmp_path_factory.mktemp(request.param), 0.0, **SCENES[request.param])


@pytest.fixture(scope="module")
def surrounded(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A scene whose surroundings shine into each pixel's path, processed with the adjacency correction."""
    scene = {"aot550": 0.2, "water_vapour_cm": 1.5, "adjacency_km": 1.0}
    return process(tmp_path_factory.mktemp("surrounded"), 1.0, **scene)


def check_aot(outcome: Outcome, largest_bias: float) -> None:
    land = outcome.land(20)
    error = outcome.stored("aot", "aot_20m")[land] / 1000.0 - outcome.true("AOT_20m")[land]
    assert outcome.stages["aot"].statistics["retrieval_method"] == "SEN2COR_DDV"
    assert abs(error.mean()) < largest_bias
    assert np.sqrt(np.mean(error**2)) < 0.02


def check_water_vapour(outcome: Outcome) -> None:
    land = outcome.land(20)
    error = outcome.stored("water_vapour", "wvp_20m")[land] / 1000.0 - outcome.true("WVP_20m")[land]
    assert abs(error.mean()) < 0.05
    vegetation = outcome.true("SCL_20m")[land] == 4
    assert abs(error[vegetation].mean()) < 0.03


def root_mean_square(outcome: Outcome, resolution: int, band: str) -> float:
    land = outcome.land(resolution)
    stored = outcome.stored(f"{resolution}m", f"{band}_{resolution}m")
    error = (stored.astype(np.float64) - 1000.0) / 10000.0 - outcome.true(f"{band}_{resolution}m")
    return float(np.sqrt(np.mean(error[land] ** 2)))


def test_aot(plain: Outcome) -> None:
    check_aot(plain, 0.01)


def test_water_vapour(plain: Outcome) -> None:
    check_water_vapour(plain)


def test_surface_reflectance(plain: Outcome) -> None:
    errors = {band: root_mean_square(plain, 10, band) for band in EXPORTED_BANDS[10]}
    errors |= {f"{b} 20 m": root_mean_square(plain, 20, b) for b in EXPORTED_BANDS[20] if b != "B01"}
    assert {name: error for name, error in errors.items() if error >= 0.002} == {}


def test_surface_reflectance_at_60m(plain: Outcome) -> None:
    errors = {band: root_mean_square(plain, 60, band) for band in EXPORTED_BANDS[60]}
    assert {name: error for name, error in errors.items() if error >= 0.002} == {}


def test_coastal_band_has_no_bias(plain: Outcome) -> None:
    """At 20 m B01 is compared on the mean only: its 60 m pixels are interpolated."""
    land = plain.land(20)
    stored = plain.stored("20m", "B01_20m")[land].mean() / 10000.0 - 0.1
    truth = np.repeat(np.repeat(plain.true("B01_60m"), 3, axis=0), 3, axis=1)[land].mean()
    assert stored == pytest.approx(truth, abs=0.0015)


def test_60m_images(plain: Outcome) -> None:
    scl = plain.stored("60m", "scl_60m")
    for band in EXPORTED_BANDS[60]:
        assert plain.stored("60m", f"{band}_60m").shape == scl.shape
    homogeneous = np.isin(scl, LAND)
    for name in ("aot", "wvp"):
        fine = plain.stored({"aot": "aot", "wvp": "water_vapour"}[name], f"{name}_20m").astype(np.float64)
        blocks = fine.reshape(scl.shape[0], 3, scl.shape[1], 3).mean(axis=(1, 3))
        difference = plain.stored("60m", f"{name}_60m") - blocks
        assert np.abs(difference[homogeneous]).max() <= 0.5
    red = (plain.stored("60m", "B04_60m") - 1000.0) / 10000.0 - plain.true("B04_60m")
    assert np.sqrt(np.mean(red[homogeneous] ** 2)) < 0.002


def test_maps_at_10m_repeat_those_at_20m(plain: Outcome) -> None:
    for name, stage in (("aot", "aot"), ("wvp", "water_vapour")):
        coarse = plain.stored(stage, f"{name}_20m")
        np.testing.assert_array_equal(
            plain.stored("10m", f"{name}_10m"), np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)
        )


def test_surroundings_in_and_out(surrounded: Outcome) -> None:
    check_aot(surrounded, 0.02)
    check_water_vapour(surrounded)
    errors = {band: root_mean_square(surrounded, 10, band) for band in EXPORTED_BANDS[10]}
    errors |= {f"{b} 20 m": root_mean_square(surrounded, 20, b) for b in EXPORTED_BANDS[20] if b != "B01"}
    errors |= {f"{b} 60 m": root_mean_square(surrounded, 60, b) for b in EXPORTED_BANDS[60]}
    assert {name: error for name, error in errors.items() if error >= 0.002} == {}


def test_60m_alone(tmp_path: Path) -> None:
    outcome = process_at_60m(tmp_path, aot550=0.2, water_vapour_cm=2.0, adjacency_km=1.0)
    land = outcome.land(60)
    assert outcome.stages["aot"].statistics["retrieval_method"] == "SEN2COR_DDV"
    for stage, name, truth, limit in (("aot", "aot", 0.2, 0.02), ("water_vapour", "wvp", 2.0, 0.05)):
        assert np.sqrt(np.mean((outcome.stored(stage, f"{name}_60m")[land] / 1000.0 - truth) ** 2)) < limit
    errors = {band: root_mean_square(outcome, 60, band) for band in EXPORTED_BANDS[60]}
    assert {name: error for name, error in errors.items() if error >= 0.002} == {}
