"""What errors of AOT and water vapour have in common with the calibration, against the retrievals themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake_atmosphere import fake_scene

from tasks.aot.inversion import Targets, invert_targets
from tasks.radiative_transfer.atmosphere import toa_reflectance
from tasks.surface_reflectance.scene import Scene
from tasks.uncertainty.column import column_answers
from tasks.uncertainty.covariance import RetrievalErrors, covariance_of
from tasks.water_vapour.apda import WindowBeyond, retrieve_columns

BLOCKS = (10, 10)
AOT, COLUMN_CM, SHARE = 0.25, 2.0, 0.1


def scene() -> Scene:
    return fake_scene(600.0, 600.0, height_km=0.2)


def seen(scene: Scene, band: str, rho: float, aot: float = AOT) -> np.ndarray:
    """Return the top-of-atmosphere reflectance of uniform ground on the 60 m blocks."""
    toa = toa_reflectance(scene.atmosphere(band).terms(aot, COLUMN_CM), rho)
    return scene.grid.upsample(toa, 60, slice(0, BLOCKS[0]), BLOCKS[1])


def retrieved_column(ground: tuple[float, float], changed: dict[str, float], aot: float = AOT) -> float:
    """Return the mean column retrieved from changed signals, at an assumed AOT."""
    at, (window, beyond) = scene(), ground
    rho = {"B8A": window, "B11": beyond, "B09": window + SHARE * max(beyond - window, 0.0)}
    toa = {band: seen(at, band, value) * np.float32(1.0 + changed.get(band, 0.0)) for band, value in rho.items()}
    nodes = np.full(at.grid.shape, aot, np.float32)
    column, valid = retrieve_columns(
        at, toa["B8A"], toa["B09"], np.ones(BLOCKS, np.bool_), nodes, 1.0, WindowBeyond(toa["B11"], SHARE)
    )
    assert valid.all()
    return float(column.mean())


@pytest.mark.parametrize("ground", [(0.35, 0.2), (0.25, 0.4), (0.12, 0.15)])
def test_column_answers_as_the_retrieval_does(ground: tuple[float, float]) -> None:
    at = scene()
    nodes = [np.full(at.grid.shape, value, np.float32) for value in (AOT, COLUMN_CM, *ground)]
    found = column_answers(at, *nodes, SHARE)
    for band, answer in found.signal.items():
        changes = [retrieved_column(ground, {band: step}) for step in (-0.01, 0.01)]
        assert answer.mean() == pytest.approx((changes[1] - changes[0]) / 0.02, rel=0.06, abs=0.02), band
    by_aot = (retrieved_column(ground, {}, AOT + 0.02) - retrieved_column(ground, {}, AOT - 0.02)) / 0.04
    assert found.aot550.mean() == pytest.approx(by_aot, rel=0.1, abs=0.03)


@pytest.mark.parametrize("aot", [0.1, 0.4])
def test_aot_answers_to_the_calibration_as_the_inversion_does(aot: float) -> None:
    at = scene()
    water = np.full(at.grid.shape, COLUMN_CM, np.float32)
    toa = {"B04": seen(at, "B04", 0.02, aot), "B12": seen(at, "B12", 0.04, aot)}
    around = {"B04": seen(at, "B04", 0.08, aot), "B12": seen(at, "B12", 0.2, aot)}
    targets = Targets(np.ones(BLOCKS, np.float32), toa, around)
    found = invert_targets(at, targets, 0.5, water)
    for band in ("B04", "B12"):
        means = []
        for factor in (0.99, 1.01):
            parts = [field | {band: field[band] * np.float32(factor)} for field in (toa, around)]
            means.append(invert_targets(at, replace(targets, toa=parts[0], toa_mean=parts[1]), 0.5, water).mean)
        assert found.per_gain[band] == pytest.approx((means[1] - means[0]) / 0.02, rel=0.05)
    assert found.per_gain["B04"] > 0 > found.per_gain["B12"]


def errors(**known) -> RetrievalErrors:
    one = np.ones((2, 2), np.float32)
    fields = {"water_cm": 0.03 * one, "aot550_of": {"B04": 2.0, "B12": -0.5}}
    fields |= {"water_cm_of": {"B8A": 2.5 * one, "B09": -2.4 * one}, "water_cm_of_aot": 0.2 * one}
    return RetrievalErrors(calibration=0.017, aot550=0.02, **(fields | known))


@pytest.mark.parametrize("band", ["B02", "B04", "B8A", "B09"])
def test_covariance_is_that_of_drawn_errors(band: str) -> None:
    random = np.random.default_rng(1)
    draws = random.standard_normal((6, 200_000))
    e = dict(zip(("B02", "B04", "B12", "B8A", "B09"), 0.017 * draws[:5], strict=True))
    aot = 0.02 * draws[5] + 2.0 * e["B04"] - 0.5 * e["B12"]
    column = 0.03 * random.standard_normal(200_000) + 0.2 * aot + 2.5 * e["B8A"] - 2.4 * e["B09"]
    expected = np.corrcoef([e[band], aot, column])
    found = covariance_of(errors(), band)
    assert found.aot550 == pytest.approx(aot.std(), rel=0.01)
    np.testing.assert_allclose(found.water_cm, column.std(), rtol=0.01)
    assert found.calibration_aot550 == pytest.approx(expected[0, 1], abs=0.01)
    np.testing.assert_allclose(found.calibration_water, expected[0, 2], atol=0.01)
    np.testing.assert_allclose(found.aot550_water, expected[1, 2], atol=0.01)


def test_what_nothing_was_retrieved_from_is_independent() -> None:
    found = covariance_of(errors(aot550_of={}, water_cm_of={}, water_cm_of_aot=None), "B04")
    assert found.aot550 == pytest.approx(0.02)
    assert found.calibration_aot550 == 0
    for field in (found.calibration_water, found.aot550_water):
        np.testing.assert_array_equal(field, 0)


def test_b09_is_corrected_with_a_mean_column() -> None:
    known = errors(mean_water_cm=np.zeros((2, 2), np.float32))
    shared, own = (covariance_of(known, band).water_cm.mean() for band in ("B09", "B8A"))
    assert own == pytest.approx(np.hypot(shared, 0.03), rel=1e-5)
