"""Calibrated: about 68 % of the true values lie within one standard deviation, whatever the band.

Errors of AOT, water vapour and calibration are drawn from what the budget says about them, stratified (Latin
hypercube), so that few scenes tell the share well; noise is drawn pixel by pixel.
"""

from __future__ import annotations

import numpy as np
import pytest
from fake_atmosphere import fake_scene
from scipy.stats import norm, qmc

from tasks.common.noise import noise_deviation
from tasks.radiative_transfer.atmosphere import toa_reflectance
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.simulation.model import SOLAR_IRRADIANCE
from tasks.surface_reflectance.coefficients import band_coefficients
from tasks.surface_reflectance.inversion import Calibration, correct_band
from tasks.surface_reflectance.neighbourhood import describe_surroundings
from tasks.surface_reflectance.scene import Scene
from tasks.uncertainty.atmosphere import AtmosphereErrors, budget_of_band
from tasks.uncertainty.budget import Instrument, light_variance, uncertainty_of_strip

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12", "B09")
SCENES = 120
SIZE = (30, 30)
BLOCKS = (10, 10)
CALIBRATION, AOT_ERROR, COLUMN_ERROR_CM = 0.017, 0.03, 0.05
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
def test_one_standard_deviation_holds_two_thirds(tables: BandTables, band: str) -> None:
    scene = fake_scene(*DOWN, tables=tables)
    draws = (np.argsort(np.argsort(qmc.LatinHypercube(6, rng=3).random(SCENES), axis=0), axis=0) + 0.5) / SCENES
    rng = np.random.default_rng(11)
    scl = np.full(SIZE, 5, np.uint8)
    around = describe_surroundings(scl, 0.3)
    inside = 0
    for place, thickness, brightness, *errors in draws:
        gain, aot_error, column_error = norm.ppf(errors)
        aot, column = 0.1 + 0.4 * thickness, 0.5 + 3.5 * place
        rho = (0.02 + 0.35 * brightness + np.zeros(SIZE)).astype(np.float32)
        dn = seen(scene, band, rho, aot, column, CALIBRATION * gain, rng)
        nodes = np.ones(scene.grid.shape, np.float32)
        found_aot, found_column = aot + AOT_ERROR * aot_error, column + COLUMN_ERROR_CM * column_error
        out = np.zeros(SIZE, np.uint16)
        correct_band(
            dn, scl, np.full(SIZE, round(found_column * 1000), np.uint16),
            np.full(BLOCKS, found_aot, np.float32),
            band_coefficients(scene, band, nodes * np.float32(found_aot), nodes * np.float32(found_column)),
            scene.grid, Calibration(-1000.0, 10000.0), around, out,
        )  # fmt: skip
        found = ((out - 1000.0) / 10000.0).astype(np.float32)
        errors_of = AtmosphereErrors(
            np.full(BLOCKS, found_aot, np.float32), nodes * np.float32(found_aot), AOT_ERROR,
            nodes * np.float32(found_column), nodes * np.float32(COLUMN_ERROR_CM),
            CALIBRATION, around, around,
        )  # fmt: skip
        budget = budget_of_band(scene, band, errors_of, found.reshape(10, 3, 10, 3).mean(axis=(1, 3)))
        instrument = Instrument(band, SOLAR_IRRADIANCE["S2A"][band], 42.0, 1)
        sigma = uncertainty_of_strip(found, light_variance(budget, instrument), slice(0, SIZE[0]), 20)
        inside += int((np.abs(found - rho) < sigma).sum())
    assert inside / (SCENES * SIZE[0] * SIZE[1]) == pytest.approx(0.683, abs=0.04)
