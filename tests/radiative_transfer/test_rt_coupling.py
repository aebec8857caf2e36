"""Water vapour and scattering solved together in B09 and B10.

``direct_coupled.csv``: one solver run per wavelength of the absorption spectrum (``build.direct_coupled``, frozen).
"""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.radiative_transfer.atmosphere import toa_reflectance
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table


@pytest.fixture(scope="module")
def scalar() -> BandTables:
    responses = {band: default_responses("S2A")[band] for band in ("B8A", "B09", "B10", "B12")}
    table = load_spectral_table()
    even = replace(table.gas, solar_irradiance=np.ones_like(table.gas.solar_irradiance))  # as in the reference
    return integrate_bands(replace(table, gas=even), responses, "rural", polarisation=False)


@pytest.fixture(scope="module")
def product_form(scalar: BandTables) -> BandTables:
    return replace(scalar, bands={band: replace(table, coupling=None) for band, table in scalar.bands.items()})


def _rows() -> list[dict[str, str]]:
    with (Path(__file__).parent / "data" / "direct_coupled.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def _evaluate(tables: BandTables, row: dict[str, str]) -> tuple[float, float]:
    n = {name: float(value) for name, value in row.items() if name != "band"}
    terms = tables.collapse(row["band"], n["sza_deg"], n["vza_deg"], n["raa_deg"]).terms(
        n["aot550"], n["height_km"], n["water_vapour_cm"], 0.0
    )
    return float(terms.path_reflectance), float(toa_reflectance(terms, n["rho_surface"]))


def test_against_a_run_per_wavelength(scalar: BandTables) -> None:
    for row in _rows():
        path, toa = _evaluate(scalar, row)
        assert path == pytest.approx(float(row["path_reflectance"]), abs=3e-4), row
        assert toa == pytest.approx(float(row["toa_reflectance"]), abs=5e-4), row


def test_product_form_is_too_bright(product_form: BandTables) -> None:
    """The reason for the coupled solution: without it the same points are off by several per cent."""
    rows = [row for row in _rows() if row["band"] == "B09"]
    excess = np.array([_evaluate(product_form, row)[1] - float(row["toa_reflectance"]) for row in rows])
    assert excess.min() > -5e-4
    assert np.median(excess) > 1e-3


@pytest.mark.parametrize(
    ("sza", "aot", "water", "path", "toa"),
    [
        (30.0, 0.1, 2.0, 0.00383, 0.0775),
        (30.0, 0.5, 2.0, 0.00778, 0.0735),
        (60.0, 0.3, 0.5, 0.0139, 0.1395),
        (60.0, 0.3, 3.0, 0.0076, 0.0390),
    ],
)
def test_published_cases(scalar: BandTables, sza: float, aot: float, water: float, path: float, toa: float) -> None:
    """DISORT with 24 k-terms, rural aerosol, view zenith 5, relative azimuth 90, reflectance 0.3."""
    terms = scalar.collapse("B09", sza, 5.0, 90.0).terms(aot, 0.0, water, 0.0)
    assert float(terms.path_reflectance) == pytest.approx(path, abs=2e-4)
    assert float(toa_reflectance(terms, 0.3)) == pytest.approx(toa, abs=5e-4)


def test_without_water_it_is_the_product_form(scalar: BandTables, product_form: BandTables) -> None:
    for band in ("B09", "B10"):
        one, other = (t.collapse(band, 50.0, 5.0, 90.0).terms(0.3, 0.5, 0.0, 300.0) for t in (scalar, product_form))
        for name in vars(one):
            assert float(getattr(one, name)) == pytest.approx(float(getattr(other, name)), rel=2e-4), name


def test_more_water_is_always_darker(scalar: BandTables) -> None:
    water = np.linspace(0.0, 7.0, 141)
    for band in ("B09", "B10"):
        for sza, aot, height in ((10.0, 0.0, 0.0), (45.0, 0.3, 1.0), (72.0, 1.2, 3.0)):
            terms = scalar.collapse(band, sza, 8.0, 120.0).terms(aot, height, water, 300.0)
            assert (np.diff(toa_reflectance(terms, 0.4)) < 1e-5).all()


def test_other_bands_and_the_gases_of_6s_keep_the_product_form(scalar: BandTables) -> None:
    assert [band for band, table in scalar.bands.items() if table.coupling is not None] == ["B09", "B10"]
    for_comparison = integrate_bands(load_spectral_table(), default_responses("S2A"), "rural", gas="6s")
    assert all(table.coupling is None for table in for_comparison.bands.values())
