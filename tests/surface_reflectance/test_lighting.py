"""The light on slopes at the pixels against the equations of ``terrain``, evaluated one pixel at a time."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.radiative_transfer.atmosphere import Terms
from tasks.surface_reflectance.coarse import CoarseGrid
from tasks.surface_reflectance.lighting import SlopeStrip
from tasks.surface_reflectance.terrain import BandRelief, TerrainSettings, band_relief, open_relief

GRID = CoarseGrid(600.0, 600.0)
SHAPE = (30, 30)
COS_SUN, UPRIGHT = 0.8, float(np.cos(np.radians(25.0)))
DOWN, UP, DIRECT_UP, DIRECT_UP_MOLECULES = 0.9, 0.92, 0.75, 0.85


def nodes(value: float) -> np.ndarray:
    return np.full(GRID.shape, value, np.float32)


def terms(direct: float) -> Terms:
    return Terms(nodes(0.05), nodes(DOWN), nodes(UP), nodes(direct), nodes(0.1), nodes(1.0))


def relief(cosine: float, shadow: int, sky: float, iterations: int = 0) -> BandRelief:
    terrain = open_relief(
        GRID, 20, nodes(np.degrees(np.arccos(COS_SUN))),
        np.full(SHAPE, round(10000 * cosine), np.int16), np.full(SHAPE, shadow, np.uint8),
        np.full(SHAPE, round(250 * sky), np.uint8), np.full(SHAPE, 2500, np.uint16), np.zeros((10, 10), np.bool_),
        np.zeros((10, 10), np.float32), 0.5,
    )  # fmt: skip
    settings = TerrainSettings(start=0.1, range_km=0.5, iterations=iterations, cut_off=1.2)
    return band_relief(terrain, terms(DIRECT_UP), nodes(1.0), terms(DIRECT_UP_MOLECULES), settings, 0.665)


def expected(band: BandRelief, cosine: float, shadow: int, sky: float, light: tuple[float, float, bool]) -> float:
    """Return ``e`` as the module's text has it; ``light`` holds ``G``, ``s`` and whether there is a floor."""
    surroundings, returned, floor = light
    direct = DIRECT_UP ** (1 / COS_SUN) / DOWN
    lit = 0.0 if shadow else max(cosine, 26 / 255) / COS_SUN
    x, z, h = cosine, UPRIGHT, (1 + UPRIGHT) / 2 - sky
    c = [float(value) for value in band.sky.coefficients]
    seen = c[0] + c[1] * x + c[2] * z + c[3] * x**2 + c[4] * x * z + c[5] * z**2
    seen -= (c[6] + c[7] * x + c[8] * x**2 + c[9] * x**3 + c[10] * z) * h
    terrain = (1 - sky) * surroundings
    if floor and sky < 1:
        terrain = max(terrain, 0.01 * direct)
    return (direct * lit + (1 - direct) * max(seen, 0.02) + terrain + returned * sky) / (1 + returned)


@pytest.mark.parametrize("cosine", [0.95, 0.5, 0.05, -0.3])
@pytest.mark.parametrize("shadow", [0, 1])
@pytest.mark.parametrize("sky", [0.952, 0.6, 0.3])
def test_light_of_every_kind_of_slope(cosine: float, shadow: int, sky: float) -> None:
    """In sun and shadow, under an open sky, a hidden rim, and a sky of which little is left."""
    band = relief(cosine, shadow, sky)
    found = band.light().received(band.relief.strip(slice(0, 30)))
    start = expected(band, cosine, shadow, sky, (0.1, 0.0, True))
    np.testing.assert_allclose(found, max(start, 0.02), rtol=2e-5)

    known = band.with_known_ground(np.full((10, 10), 0.3, np.float32), np.ones((10, 10), np.float32), nodes_60m(0.1))
    found = known.light().received(band.relief.strip(slice(0, 30)))
    light = 0.3 / (1 - 0.3 * (1 - sky)), 0.03 / 0.97, False
    np.testing.assert_allclose(found, max(expected(band, cosine, shadow, sky, light), 0.02), rtol=2e-5)


def nodes_60m(value: float) -> np.ndarray:
    return np.full((10, 10), value, np.float32)


def test_light_at_60m_can_be_asked_for_twice() -> None:
    band = relief(0.7, 0, 0.9)
    averaged = band.relief.averaged()
    light = band.with_known_ground(nodes_60m(0.3), nodes_60m(1.0), nodes_60m(0.1)).light()
    first, second = (light.received(averaged.strip(slice(0, 10))) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_tilt_is_the_derivative_of_the_light_by_the_angle() -> None:
    """lit = cos(beta) / cos(theta): a radian more of beta takes sin(beta) / cos(theta); nothing in shadow."""
    field = np.ones((1, 2), np.float32)
    lit = np.array([[0.6 / 0.8, 0.0]], np.float32)
    strip = SlopeStrip(slice(0, 1), 1, lit, field, field, field, field / np.float32(0.8))
    np.testing.assert_allclose(strip.tilt, [[1.0, 0.0]], rtol=1e-6)
