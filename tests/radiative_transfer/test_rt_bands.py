"""Band integration with odd, fine and broken responses."""

from typing import get_args

import numpy as np
import pytest

from tasks.common.errors import InternalInconsistency, InvalidInput
from tasks.common.spectral import SpectralResponse
from tasks.radiative_transfer.bands import integrate_bands, response_weights
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.radiative_transfer.table import AerosolType

COARSE = np.arange(400.0, 2401.0, 2.5)
RAYLEIGH_6S = {
    "B01": 0.2358, "B02": 0.1551, "B03": 0.0914, "B04": 0.0456, "B05": 0.0358, "B06": 0.0293, "B07": 0.0232,
    "B08": 0.0187, "B8A": 0.0156, "B09": 0.0109, "B10": 0.0024, "B11": 0.00128, "B12": 0.00037,
}  # fmt: skip


def test_rayleigh_optical_depths_agree_with_6sv() -> None:
    tables = integrate_bands(load_spectral_table(), default_responses("S2A"))
    for band, expected in RAYLEIGH_6S.items():
        assert tables.bands[band].rayleigh_optical_depth == pytest.approx(expected, rel=0.013)


def test_aerosol_extinction_is_one_at_550_nm() -> None:
    narrow = SpectralResponse(np.array([547.5, 550.0, 552.5]), np.array([0.0, 1.0, 0.0]))
    for aerosol in get_args(AerosolType):
        table = integrate_bands(load_spectral_table(), {"X": narrow}, aerosol).bands["X"]
        assert table.aerosol_extinction == pytest.approx(1.0, abs=0.006)


def test_weights_keep_sum_and_centroid() -> None:
    response = SpectralResponse(np.arange(601.0, 640.0, 1.0), np.hanning(39))
    weights = response_weights(COARSE, np.ones(COARSE.size), "B04", response)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights @ COARSE) == pytest.approx(response.centre_nm, abs=1e-9)


def test_step_of_the_response_does_not_matter() -> None:
    table = load_spectral_table()
    coarse = default_responses("S2A")
    fine = {}
    for band, response in coarse.items():
        wavelength = np.arange(np.ceil(response.wavelength_nm[0]), response.wavelength_nm[-1], 1.0)
        fine[band] = SpectralResponse(wavelength, np.interp(wavelength, response.wavelength_nm, response.values))
    first, second = integrate_bands(table, coarse), integrate_bands(table, fine)
    for band in ("B01", "B02", "B04", "B05", "B8A", "B11", "B12"):
        a, b = (t.collapse(band, 40.0, 5.0, 90.0).terms(0.3, 0.0, 2.0, 330.0) for t in (first, second))
        assert float(a.path_reflectance) == pytest.approx(float(b.path_reflectance), abs=5e-4)
        assert float(a.gas_transmittance) == pytest.approx(float(b.gas_transmittance), abs=3e-3)


def test_polarisation_switch_changes_the_path_only() -> None:
    table, responses = load_spectral_table(), default_responses("S2A")
    vector = integrate_bands(table, responses).collapse("B01", 45.0, 5.0, 0.0).terms(0.1, 0.0, 1.0, 300.0)
    scalar = integrate_bands(table, responses, polarisation=False)
    plain = scalar.collapse("B01", 45.0, 5.0, 0.0).terms(0.1, 0.0, 1.0, 300.0)
    assert 0.001 < abs(float(vector.path_reflectance - plain.path_reflectance)) < 0.01
    assert vector.transmittance_down == plain.transmittance_down


@pytest.mark.parametrize(
    ("wavelength", "values", "message"),
    [
        ([390.0, 391.0, 392.0], [1.0, 1.0, 1.0], "400-2400"),
        ([2390.0, 2400.0, 2410.0], [1.0, 1.0, 1.0], "400-2400"),
        ([500.0, 501.0], [0.0, 0.0], "not all zero"),
        ([500.0, 501.0], [1.0, -1.0], ">= 0"),
        ([501.0, 500.0], [1.0, 1.0], "ascend"),
        ([500.0, np.nan], [1.0, 1.0], "ascend|finite"),
        ([500.0], [1.0], "at least two"),
        ([500.0, 501.0, 502.0], [1.0, 1.0], "equal lists"),
    ],
)
def test_bad_responses_are_refused(wavelength: list[float], values: list[float], message: str) -> None:
    response = SpectralResponse(np.array(wavelength), np.array(values))
    with pytest.raises(InvalidInput, match=message) as caught:
        integrate_bands(load_spectral_table(), {"B02": response})
    assert "B02" in str(caught.value)


def test_unknown_names_are_refused() -> None:
    table, responses = load_spectral_table(), {"B02": default_responses("S2A")["B02"]}
    with pytest.raises(InvalidInput, match="aerosol type volcanic"):
        integrate_bands(table, responses, "volcanic")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="gas model modtran"):
        integrate_bands(table, responses, gas="modtran")  # type: ignore[arg-type]
    with pytest.raises(InternalInconsistency, match="B03"):
        integrate_bands(table, responses).collapse("B03", 40.0, 5.0, 90.0)


def test_same_response_is_integrated_once() -> None:
    table, responses = load_spectral_table(), default_responses("S2A")
    first = integrate_bands(table, {"B04": responses["B04"]}).bands["B04"]
    copied = SpectralResponse(responses["B04"].wavelength_nm.copy(), responses["B04"].values.copy())
    assert integrate_bands(table, {"B04": copied}).bands["B04"] is first
    changed = SpectralResponse(copied.wavelength_nm + 1.0, copied.values)
    assert integrate_bands(table, {"B04": changed}).bands["B04"] is not first
    assert integrate_bands(table, {"B04": copied}, "urban").bands["B04"] is not first


def test_sun_limit_of_sen2cor_is_an_option() -> None:
    table, responses = load_spectral_table(), {"B02": default_responses("S2A")["B02"]}
    limited = integrate_bands(table, responses, sun_zenith_limit_deg=70.0)
    low, at_limit = (limited.collapse("B02", sun, 5.0, 60.0).terms(0.2, 0.0, 2.0, 300.0) for sun in (76.0, 70.0))
    assert low.path_reflectance == at_limit.path_reflectance
    free = integrate_bands(table, responses).collapse("B02", 76.0, 5.0, 60.0).terms(0.2, 0.0, 2.0, 300.0)
    assert abs(float(free.path_reflectance - low.path_reflectance)) > 0.001
