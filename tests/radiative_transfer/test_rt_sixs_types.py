"""Which aerosol types are solved as by 6SV, and what that is: cases by hand on the shipped table."""

import numpy as np
import pytest

from tasks.common.spectral import SpectralResponse
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import load_spectral_table

AS_6SV = ("continental", "maritime_6s")
PRODUCTION = ("rural", "maritime", "urban", "desert")
SUN = 4


@pytest.mark.parametrize("kind", AS_6SV)
def test_thin_molecules_absorb_in_the_types_of_6s(kind: str) -> None:
    """6SV prints an optical depth of 0.00034 at 2250 nm; T = exp(-depth / mu), sun at 45 degrees."""
    table = load_spectral_table()
    node = table.scattering_6sv.aerosols.index(kind), list(table.scattering_6sv.wavelength_nm).index(2250.0)
    assert table.axes.sun_zenith_deg[SUN] == 45.0
    found = table.scattering_6sv.transmittance[node][0, :, SUN]
    np.testing.assert_allclose(found, np.exp(-0.00034 * table.axes.pressure / np.cos(np.radians(45.0))), atol=1e-6)
    assert (table.scattering_6sv.spherical_albedo[node][0] == 0.0).all()


@pytest.mark.parametrize("kind", PRODUCTION)
def test_thin_molecules_scatter_in_the_types_of_production(kind: str) -> None:
    """Half of what thin molecules scatter goes on to the ground; their optical depth at 2200 nm is 0.00037."""
    table = load_spectral_table()
    node = table.scattering.aerosols.index(kind), list(table.scattering.wavelength_nm).index(2200.0)
    expected = 1.0 - 0.00037 * table.axes.pressure / 2.0 / np.cos(np.radians(45.0))
    np.testing.assert_allclose(table.scattering.transmittance[node][0, :, SUN], expected, atol=1e-5)
    assert (table.scattering.spherical_albedo[node][0] > 1e-4).all()


def test_power_of_the_wavelength_between_those_of_6sv() -> None:
    """Continental, AOT 0.55 at sea level, sun at 45 degrees: what 6SV itself prints at 2200 nm."""
    response = SpectralResponse(np.array([2197.5, 2200.0, 2202.5]), np.array([0.0, 1.0, 0.0]))
    tables = integrate_bands(load_spectral_table(), {"B12": response}, "continental", "6s")
    terms = tables.collapse("B12", 45.0, 5.0, 60.0).terms(0.55, 0.0, 0.0, 0.0)
    assert float(terms.transmittance_down) == pytest.approx(0.94079, abs=1e-4)
    assert float(terms.spherical_albedo) == pytest.approx(0.01892, abs=2e-4)
    assert float(terms.path_reflectance / terms.gas_transmittance) == pytest.approx(0.00373, abs=1e-4)


def test_provenance_names_the_types_solved_as_by_6sv() -> None:
    provenance = load_spectral_table().provenance
    assert tuple(provenance["as_6sv"]["aerosols"]) == AS_6SV
    assert provenance["as_6sv"]["levels"] == 30
