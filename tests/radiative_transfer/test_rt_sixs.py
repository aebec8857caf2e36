"""The table against direct 6SV runs at random points (``build.reference``, frozen): 6S continental aerosol and gases.

SZA 15-75, VZA 0-12, AOT 0.02-1 (uniform), water 0.3-5 cm, ozone 250-450 DU, 0-3 km, reflectance 0-0.8, version 2.1.
Files: ``s2a_150`` (seed 2026), ``s2b_60`` (seed 2027), ``s2a`` (60) and ``s2b`` (20 points, seed 1).

The types of 6S are solved on the levels and wavelengths of 6SV 2.1 (``build.sixs_scattering``). What its levels add is
part of the files too (``levels_*``), so that exponential profiles can be compared with them.
"""

from pathlib import Path

import numpy as np
import pytest

from tasks.common.bands import BANDS
from tasks.radiative_transfer.build.compare import Comparison, compare

DATA = Path(__file__).parent / "data"
CORRECTED = tuple(band for band in BANDS if band not in ("B09", "B10"))


def _limits(values: str) -> dict[str, float]:
    return {band: float(value) * 1e-4 for band, value in zip(CORRECTED, values.split(), strict=True)}


# B01 B02 B03 B04 B05 B06 B07 B08 B8A B11 B12, in 1e-4 of reflectance
SURFACE = _limits("14 6 7 7 7 7 7 7 7 4 2")
TOA = _limits("7 5 5 5 5 5 5 5 5 5 5")
SURFACE_MARITIME = _limits("9 7 7 6 6 6 5.5 5 5 3 1.5")
TOA_MARITIME = _limits("7 6.5 6 5.5 6 5.5 5 5 5 3 1.5")
LARGEST = 0.004
NEAR_INFRARED = ("B05", "B06", "B07", "B08", "B8A")


@pytest.fixture(scope="module", params=["sixs_s2a_150", "sixs_s2b_60", "sixs_s2a", "sixs_s2b"])
def found(request: pytest.FixtureRequest) -> Comparison:
    return compare(DATA / f"{request.param}.csv", "continental")


@pytest.mark.parametrize("band", CORRECTED)
def test_root_mean_squares(found: Comparison, band: str) -> None:
    assert found.rms("surface", band) <= SURFACE[band]
    assert found.rms("toa", band) <= TOA[band]


@pytest.mark.parametrize("band", CORRECTED[1:])
def test_no_point_is_far_off(found: Comparison, band: str) -> None:
    inside = (found.band == band) & (found.state["sza_deg"] < 70.0)
    assert np.abs(found.difference["surface"][inside]).max() <= LARGEST


@pytest.mark.parametrize("name", ["sixs_s2a_150", "sixs_s2b_60"])
def test_exponential_profiles_differ_under_thick_aerosol(name: str) -> None:
    """The near infrared without the levels of 6SV: the limits hold up to an AOT of 0.5 and nowhere over all AOTs."""
    smooth = compare(DATA / f"{name}.csv", "continental", levels=False)
    thin = smooth.state["aot550"] <= 0.5
    for band in NEAR_INFRARED:
        assert smooth.rms("surface", band, thin) <= SURFACE[band]
        assert smooth.rms("surface", band) > SURFACE[band]


@pytest.mark.parametrize("band", CORRECTED)
def test_maritime_aerosol_of_6s(band: str) -> None:
    """30 points with the optical properties of 6S's own maritime model, all AOTs, version 2.1."""
    found = compare(DATA / "sixs_maritime.csv", "maritime_6s")
    assert found.rms("surface", band) <= SURFACE_MARITIME[band]
    assert found.rms("toa", band) <= TOA_MARITIME[band]


@pytest.mark.parametrize("band", BANDS)
def test_gas_transmittance(found: Comparison, band: str) -> None:
    assert found.rms("gas_transmittance", band) <= 6e-4


def test_top_of_atmosphere_in_the_absorption_bands(found: Comparison) -> None:
    assert found.rms("toa", "B09") <= 5e-4
    assert found.rms("toa", "B10") <= 4e-4


def test_polarisation_is_what_brings_the_blue_bands_there() -> None:
    scalar = compare(DATA / "sixs_s2a.csv", "continental", polarisation=False)
    assert scalar.rms("surface", "B01") > 20e-4
