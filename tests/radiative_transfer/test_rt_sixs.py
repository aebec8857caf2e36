"""The table against direct 6SV runs at random points (``build.reference``, frozen): 6S continental aerosol and gases.

SZA 15-75, VZA 0-12, AOT 0.02-1 (uniform), water 0.3-5 cm, ozone 250-450 DU, 0-3 km, reflectance 0-0.8. Files:
``s2a_150`` (seed 2026) and ``s2b_60`` (seed 2027) of version 2.1; ``s2a`` (60) and ``s2b`` (20 points, seed 1) of both
versions.

6SV mixes molecules and aerosol on 30 levels, which hold too many molecules where aerosol is more than ten times as
thick (up to 33 % too many in version 2.1), and lets the thin molecules of the short-wave infrared absorb
(``build.sixs_levels``). What that adds is part of the files (``levels_*``). With it all limits hold in all bands;
without it in B04-B8A up to an AOT of 0.5, in the others everywhere (B12 but for 0.4e-4).
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
SURFACE_AS_IT_IS = SURFACE | {"B12": 2.5e-4}
LITTLE_AFFECTED = ("B01", "B02", "B03", "B11", "B12")
SURFACE_OF_OLDER_POINTS = SURFACE | {"B05": 7.3e-4}
SURFACE_MARITIME = _limits("9 6.5 7 5 5 5 5.5 5.5 5.5 4 2.7")
TOA_MARITIME = _limits("8 6 6 5 5 5 5 5 5 4 2.5")
LARGEST = 0.004


@pytest.fixture(scope="module", params=["sixs_s2a_150", "sixs_s2b_60", "sixs_s2a", "sixs_s2b"])
def as_it_is(request: pytest.FixtureRequest) -> Comparison:
    """Version 2.1 against the table as it is."""
    return compare(DATA / f"{request.param}.csv", "continental")


@pytest.fixture(scope="module", params=["sixs_s2a_150", "sixs_s2b_60"])
def on_its_levels(request: pytest.FixtureRequest) -> Comparison:
    """Version 2.1 against the table on the levels of 6SV."""
    return compare(DATA / f"{request.param}.csv", "continental", levels=True)


@pytest.mark.parametrize("band", CORRECTED)
def test_on_the_levels_of_6sv_all_points_and_bands(on_its_levels: Comparison, band: str) -> None:
    assert on_its_levels.rms("surface", band) <= SURFACE[band]
    assert on_its_levels.rms("toa", band) <= TOA[band]


@pytest.mark.parametrize("name", ["sixs_s2a", "sixs_s2b", "sixs_s2a_v11", "sixs_s2b_v11"])
def test_on_the_levels_of_6sv_older_points_both_versions(name: str) -> None:
    found = compare(DATA / f"{name}.csv", "continental", levels=True)
    for band in CORRECTED:
        assert found.rms("surface", band) <= SURFACE_OF_OLDER_POINTS[band], band
        assert found.rms("toa", band) <= TOA[band], band


@pytest.mark.parametrize("band", CORRECTED)
def test_aot_up_to_one_half(as_it_is: Comparison, band: str) -> None:
    thin = as_it_is.state["aot550"] <= 0.5
    assert as_it_is.rms("surface", band, thin) <= SURFACE_AS_IT_IS[band]
    assert as_it_is.rms("toa", band, thin) <= TOA[band]


@pytest.mark.parametrize("band", LITTLE_AFFECTED)
def test_all_points_of_the_bands_little_affected(as_it_is: Comparison, band: str) -> None:
    assert as_it_is.rms("surface", band) <= SURFACE_AS_IT_IS[band]
    assert as_it_is.rms("toa", band) <= TOA[band]


@pytest.mark.parametrize("band", CORRECTED[1:])
def test_no_point_is_far_off(as_it_is: Comparison, on_its_levels: Comparison, band: str) -> None:
    for found in (as_it_is, on_its_levels):
        inside = (found.band == band) & (found.state["sza_deg"] < 70.0)
        assert np.abs(found.difference["surface"][inside]).max() <= LARGEST


@pytest.mark.parametrize("band", CORRECTED)
def test_maritime_aerosol_of_6s(band: str) -> None:
    """30 points with the optical properties of 6S's own maritime model, all AOTs, version 2.1."""
    found = compare(DATA / "sixs_maritime.csv", "maritime_6s")
    assert found.rms("surface", band) <= SURFACE_MARITIME[band]
    assert found.rms("toa", band) <= TOA_MARITIME[band]


@pytest.mark.parametrize("band", BANDS)
def test_gas_transmittance(as_it_is: Comparison, band: str) -> None:
    assert as_it_is.rms("gas_transmittance", band) <= 6e-4


def test_top_of_atmosphere_in_the_absorption_bands(as_it_is: Comparison) -> None:
    assert as_it_is.rms("toa", "B09") <= 5e-4
    assert as_it_is.rms("toa", "B10") <= 4e-4


def test_polarisation_is_what_brings_the_blue_bands_there() -> None:
    scalar = compare(DATA / "sixs_s2a.csv", "continental", polarisation=False)
    assert scalar.rms("surface", "B01") > 20e-4
