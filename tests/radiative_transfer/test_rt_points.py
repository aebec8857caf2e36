"""Point evaluation: columns in, columns out."""

import dataclasses

import numpy as np
import pytest

from tasks.common.errors import InvalidInput
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.radiative_transfer.points import OUTPUT_COLUMNS, Points, evaluate_points


@pytest.fixture(scope="module")
def tables() -> dict[str, BandTables]:
    names = ("S2A", "S2C")
    return {name: integrate_bands(load_spectral_table(), default_responses(name)) for name in names}


@pytest.fixture
def points() -> Points:
    def column(*values: float) -> np.ndarray:
        return np.array(values)

    return Points(
        platform=("S2A", "S2C", "S2A", "S2A"),
        band=("B02", "B02", "B8A", "B02"),
        sza_deg=column(30, 30, 50, 60),
        vza_deg=column(5, 5, 2, 8),
        raa_deg=column(100, 100, 20, 150),
        aot550=column(0.2, 0.2, 0.1, 0.5),
        water_vapour_cm=column(2, 2, 1, 3),
        ozone_du=column(330, 330, 300, 280),
        elevation_km=column(0.1, 0.1, 1.2, 0),
        rho_surface=column(0.1, 0.1, 0.4, np.nan),
        rho_toa=column(np.nan, np.nan, np.nan, 0.15),
    )


def test_rows_keep_their_order_and_agree_with_single_evaluations(points: Points, tables: dict[str, BandTables]) -> None:
    result = evaluate_points(points, tables)
    assert tuple(result) == OUTPUT_COLUMNS
    terms = tables["S2A"].collapse("B8A", 50.0, 2.0, 20.0).terms(0.1, 1.2, 1.0, 300.0)
    assert result["path_reflectance"][2] == pytest.approx(float(terms.path_reflectance), rel=1e-5)
    assert result["path_reflectance"][0] != result["path_reflectance"][1]  # the platforms' B02 differ
    assert np.isnan(result["rho_surface_retrieved"]).tolist() == [True, True, True, False]
    assert result["rho_toa"][3] == pytest.approx(0.15)


def test_retrieval_returns_the_surface(points: Points, tables: dict[str, BandTables]) -> None:
    forward = evaluate_points(points, tables)
    back = evaluate_points(dataclasses.replace(points, rho_toa=forward["rho_toa"].astype(float)), tables)
    np.testing.assert_allclose(back["rho_surface_retrieved"][:3], points.rho_surface[:3], atol=2e-6)


def test_unknown_band_or_platform(points: Points, tables: dict[str, BandTables]) -> None:
    with pytest.raises(InvalidInput, match="B99 of platform S2A"):
        evaluate_points(dataclasses.replace(points, band=("B02", "B02", "B99", "B02")), tables)
    with pytest.raises(InvalidInput, match="S2B"):
        evaluate_points(dataclasses.replace(points, platform=("S2B",) * 4), tables)
