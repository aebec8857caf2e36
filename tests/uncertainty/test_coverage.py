"""Calibrated: about 68 % of the true values lie within one standard deviation, whatever the band.

Errors of calibration, and what else is uncertain in AOT and water vapour, are drawn from what the budget says about
them, stratified (Latin hypercube), so that few scenes tell the share well; AOT and water vapour answer to the
calibration of some bands as the retrievals do. Noise is drawn pixel by pixel.
"""

from __future__ import annotations

import numpy as np
import pytest
from fake_atmosphere import fake_scene
from one_band import correct_band
from scipy.stats import norm, qmc

from tasks.common.noise import noise_deviation
from tasks.radiative_transfer.atmosphere import toa_reflectance
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.simulation.model import SOLAR_IRRADIANCE
from tasks.surface_reflectance.coefficients import band_coefficients
from tasks.surface_reflectance.inversion import Calibration
from tasks.surface_reflectance.neighbourhood import describe_surroundings
from tasks.surface_reflectance.scene import Scene
from tasks.uncertainty.atmosphere import AtmosphereErrors, budget_of_band
from tasks.uncertainty.budget import Instrument, uncertainty_of_strip
from tasks.uncertainty.covariance import RetrievalErrors

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12", "B09")
SCENES = 120
SIZE = (30, 30)
BLOCKS = (10, 10)
CALIBRATION, AOT_ERROR, COLUMN_ERROR_CM = 0.017, 0.025, 0.03
AOT_OF = {"B04": 0.9, "B12": -0.4}
COLUMN_CM_OF = {"B8A": 2.2, "B09": -2.3}
COLUMN_CM_OF_AOT = 0.2
DOWN = (600.0, 600.0)


@pytest.fixture(scope="module")
def tables() -> BandTables:
    responses = default_responses("S2A")
    return integrate_bands(load_spectral_table(), {band: responses[band] for band in BANDS})


def seen(scene: Scene, band: str, rho: np.ndarray, aot: float, column: float, gain: float, rng) -> np.ndarray:
    """Return noisy counts of ground in uniform surroundings of its own mean."""
    terms = scene.atmosphere(band).terms(aot, column)
    middle = type(terms)(*(np.float32(np.mean(getattr(terms, name))) for name in terms.__dataclass_fields__))
    toa = toa_reflectance(middle, rho)
    noise = noise_deviation(band, toa, SOLAR_IRRADIANCE["S2A"][band], 42.0) * rng.standard_normal(SIZE)
    return np.round(((toa + noise) * (1 + gain)) * 10000 + 1000).clip(1, 32767).astype(np.uint16)


@pytest.mark.parametrize("band", BANDS)
def test_one_standard_deviation_holds_two_thirds(
    tables: BandTables, band: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = fake_scene(*DOWN, tables=tables)
    atmosphere = scene.atmosphere(band)
    monkeypatch.setattr(Scene, "atmosphere", lambda _scene, _band: atmosphere)  # the costly step, the same every time
    sources = tuple(dict.fromkeys((band, *AOT_OF, *COLUMN_CM_OF)))
    draws = qmc.LatinHypercube(5 + len(sources), rng=3).random(SCENES)
    draws = (np.argsort(np.argsort(draws, axis=0), axis=0) + 0.5) / SCENES
    rng = np.random.default_rng(11)
    around = (describe_surroundings(np.full(SIZE, 5, np.uint8), 0.3),) * 3
    nodes = np.ones(scene.grid.shape, np.float32)
    column_of = {b: nodes * np.float32(answer) for b, answer in COLUMN_CM_OF.items()}
    retrievals = RetrievalErrors(
        CALIBRATION, AOT_ERROR, nodes * np.float32(COLUMN_ERROR_CM), AOT_OF, column_of, nodes * COLUMN_CM_OF_AOT
    )
    instrument = Instrument(band, SOLAR_IRRADIANCE["S2A"][band], 42.0, 1)
    inside = 0
    for place, thickness, brightness, *errors in draws:
        aot_error, column_error, *gains = norm.ppf(errors)
        gain = {b: CALIBRATION * z for b, z in zip(sources, gains, strict=True)}
        aot, column = 0.15 + 0.35 * thickness, 0.8 + 3.2 * place
        rho = (0.02 + 0.35 * brightness + np.zeros(SIZE)).astype(np.float32)
        dn = seen(scene, band, rho, aot, column, gain[band], rng)
        aot_error = AOT_ERROR * aot_error + sum(answer * gain[b] for b, answer in AOT_OF.items())
        column_error = COLUMN_ERROR_CM * column_error + COLUMN_CM_OF_AOT * aot_error
        column_error += sum(answer * gain[b] for b, answer in COLUMN_CM_OF.items())
        found_aot, found_column = np.float32(aot + aot_error), np.float32(column + column_error)
        out = np.zeros(SIZE, np.uint16)
        correct_band(
            dn, np.full(SIZE, 5, np.uint8), np.full(SIZE, round(float(found_column) * 1000), np.uint16),
            np.full(BLOCKS, found_aot, np.float32),
            band_coefficients(scene, band, nodes * found_aot, nodes * found_column),
            scene.grid, Calibration(-1000.0, 10000.0), around[0], out,
        )  # fmt: skip
        found = ((out - 1000.0) / 10000.0).astype(np.float32)
        known = AtmosphereErrors(
            np.full(BLOCKS, found_aot, np.float32), nodes * found_aot, nodes * found_column, retrievals, around
        )
        budget = budget_of_band(scene, band, known, found.reshape(10, 3, 10, 3).mean(axis=(1, 3)), instrument)
        sigma = uncertainty_of_strip(found, budget.light, slice(0, SIZE[0]), 20)
        inside += int((np.abs(found - rho) < sigma).sum())
    assert inside / (SCENES * SIZE[0] * SIZE[1]) == pytest.approx(0.683, abs=0.04)
