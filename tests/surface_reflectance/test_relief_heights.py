"""Evaluation for images on steep relief: the shortcut against the full interpolation at every 60 m pixel."""

from dataclasses import replace

import numpy as np
import pytest
from fake_atmosphere import fake_scene

from tasks.common.bands import band_id
from tasks.radiative_transfer.atmosphere import toa_reflectance
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.surface_reflectance.coefficients import at_pixels, band_coefficients
from tasks.surface_reflectance.geometry import relative_azimuth_deg

EXTENT = 6000.0
PIXELS = 100
BANDS = ("B01", "B02", "B04", "B05", "B8A", "B09", "B11", "B12")
WATER, OZONE = 1.2, 320.0


@pytest.fixture(scope="module")
def tables() -> BandTables:
    responses = default_responses("S2A")
    return integrate_bands(load_spectral_table(), {band: responses[band] for band in BANDS})


def _mountains() -> np.ndarray:
    """Crossing ridges of 800 and 560 m every 2.4 km on a rise to more than 2 km: slopes up to 45 degrees [km]."""
    y, x = (np.mgrid[0:PIXELS, 0:PIXELS] + 0.5) * 0.06

    def ridge(position: np.ndarray) -> np.ndarray:
        return 0.8 * np.abs((position / 2.4) % 1.0 - 0.5) * 2.0

    return (0.3 + 0.2 * x + 0.1 * y + ridge(x + 0.4 * y) + ridge(y - 0.2 * x) * 0.7).astype(np.float32)


def _errors(tables: BandTables, band: str, pixel_heights: bool) -> np.ndarray:
    heights = _mountains()
    flat = fake_scene(EXTENT, EXTENT, tables=tables)
    grid = flat.grid
    nodes = grid.area_mean(heights, np.ones_like(heights, bool), 60)
    scene = replace(flat, height_km=nodes, pixel_height_km=heights if pixel_heights else None)
    y, x = np.mgrid[0:PIXELS, 0:PIXELS] / PIXELS
    aot = (0.15 + 0.15 * x + 0.05 * y).astype(np.float32)
    aot_nodes = grid.area_mean(aot, np.ones_like(aot, bool), 60)
    coarse = band_coefficients(scene, band, aot_nodes, np.full(grid.shape, WATER, np.float32))
    c, _ = at_pixels(coarse, grid, 60, aot)

    def up(field: np.ndarray) -> np.ndarray:
        return grid.upsample(np.ascontiguousarray(field, np.float32), 60, slice(0, PIXELS), PIXELS)

    k = band_id(band)
    azimuth = relative_azimuth_deg(scene.sun_azimuth_deg, scene.view_azimuth_deg[k])
    exact = tables.collapse(band, up(scene.sun_zenith_deg), up(scene.view_zenith_deg[k]), up(azimuth))
    terms = exact.terms(aot, heights, WATER, OZONE)
    errors = []
    for rho in (0.02, 0.1, 0.3, 0.6):
        z = (toa_reflectance(terms, rho) - c.path) * c.inverse_transmittance
        errors.append(z / (1.0 + c.spherical_albedo * z) - rho)
    return np.stack(errors)


@pytest.mark.parametrize("band", BANDS)
def test_steep_relief(tables: BandTables, band: str) -> None:
    assert np.abs(_errors(tables, band, pixel_heights=True)).max() < 0.0005


def test_heights_of_the_nodes_alone_are_not_enough(tables: BandTables) -> None:
    assert np.abs(_errors(tables, "B01", pixel_heights=False)).max() > 0.002
