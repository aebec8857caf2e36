"""The radiance of the sky against direct DISORT runs, and in limits known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from direct_sky import AZIMUTHS_DEG, COSINES, HEIGHTS_KM, USUAL, VIEW_ZENITH_DEG
from mountains import Sky

from tasks.surface_reflectance.sky_radiance import Layer, levels, sky_radiance

COS_SUN = float(np.cos(np.radians(USUAL.sun_zenith_deg)))


@pytest.mark.parametrize("height_km", HEIGHTS_KM)
@pytest.mark.parametrize("band", ["B02", "B04", "B8A"])
def test_sky_of_direct_runs(band: str, height_km: float) -> None:
    """Every direction within 4 %, level ground within 0.3 %."""
    sky, height = Sky(band), np.array(1000.0 * height_km)
    depth, molecules = (float(sky.at(name, height)) for name in ("optical_depth", "molecular_depth"))
    layer = Layer(depth - molecules, molecules, COS_SUN, sky.wavelength_nm / 1000)
    found = sky_radiance(layer, COSINES.size, np.radians(AZIMUTHS_DEG))
    true = np.array([[float(sky.radiance(level, 150.0 + a, height)) for a in AZIMUTHS_DEG] for level in range(12)])
    np.testing.assert_allclose(found, true, rtol=0.04)
    cosine, weight = levels(COSINES.size)
    diffuse = float(sky.at("transmittance_down", height)) - np.exp(-depth / COS_SUN)
    assert float(2 * (cosine * weight) @ found.mean(axis=1)) == pytest.approx(diffuse, rel=3e-3)


def test_thin_molecules_scatter_once() -> None:
    """Radiance ``tau P / (4 mu)`` over the level irradiance ``pi`` of the sun, with P = 3/4 (1 + cos^2)."""
    cosine, _ = levels(8)
    found = sky_radiance(Layer(0.0, 1e-3, 0.5, 0.5), 8, np.array([np.pi / 2]))[:, 0]
    steep = cosine > 0.2  # none of it is lost on the way
    expected = 1e-3 / (4 * 0.5 * cosine) * 0.75 * (1 + (0.5 * cosine) ** 2)
    np.testing.assert_allclose(found[steep], expected[steep], rtol=0.02)


@pytest.mark.parametrize("band", ["B02", "B04", "B8A"])
def test_molecules_alone_let_through_what_direct_runs_say(band: str) -> None:
    """Down from a sun where the satellite stands as much as up to it."""
    sky, cosine_view = Sky(band), float(np.cos(np.radians(VIEW_ZENITH_DEG)))
    depth, true = (float(sky.at(name, np.array(1100.0))) for name in ("molecular_depth", "molecular_transmittance_up"))
    cosine, weight = levels(16)
    azimuth = (np.arange(24) + 0.5) * (2 * np.pi / 24)
    found = sky_radiance(Layer(0.0, depth, cosine_view, 0.5), 16, azimuth).mean(axis=1)
    assert np.exp(-depth / cosine_view) + float(2 * (cosine * weight) @ found) == pytest.approx(true, abs=4e-4)
