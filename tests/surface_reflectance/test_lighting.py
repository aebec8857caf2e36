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
COS_SUN = 0.8
DOWN, UP, DIRECT_UP, DIRECT_UP_MOLECULES = 0.9, 0.92, 0.75, 0.85


def nodes(value: float) -> np.ndarray:
    return np.full(GRID.shape, value, np.float32)


def terms(direct: float) -> Terms:
    return Terms(nodes(0.05), nodes(DOWN), nodes(UP), nodes(direct), nodes(0.1), nodes(1.0))


def relief(cosine: float, shadow: int, sky: float, iterations: int = 0) -> BandRelief:
    terrain = open_relief(
        GRID, 20, nodes(np.degrees(np.arccos(COS_SUN))),
        np.full(SHAPE, round(10000 * cosine), np.int16), np.full(SHAPE, shadow, np.uint8),
        np.full(SHAPE, round(250 * sky), np.uint8), np.zeros((10, 10), np.bool_),
    )  # fmt: skip
    settings = TerrainSettings(start=0.1, range_km=0.5, iterations=iterations, cut_off=1.2)
    return band_relief(terrain, terms(DIRECT_UP), nodes(1.0), terms(DIRECT_UP_MOLECULES), settings)


def expected(cosine: float, shadow: int, sky: float, surroundings: float, returned: float, floor: bool) -> float:
    """Return ``e`` as the module's text has it."""
    direct = DIRECT_UP ** (1 / COS_SUN) / DOWN
    molecules, aerosol = -0.5 * np.log(DIRECT_UP_MOLECULES), 0.85 * np.log(DIRECT_UP_MOLECULES / DIRECT_UP)
    k = 0.95 * aerosol / (aerosol + molecules)

    def g(x: float) -> float:
        return (x + np.sqrt(x * x + 0.55**2)) / 2

    lit = 0.0 if shadow else max(cosine, 26 / 255) / COS_SUN
    aureole = k * g(min(cosine, 0.0) if shadow else cosine) / g(COS_SUN)
    seen = max(1 - 1.8 * (1 - sky), 0.0)
    terrain = (1 - sky) * surroundings
    if floor and sky < 1:
        terrain = max(terrain, 0.01 * direct)
    total = direct * lit + (1 - direct) * (aureole + (1 - k) * seen) + terrain + returned * sky
    return total / (1 + returned)


@pytest.mark.parametrize("cosine", [0.95, 0.5, 0.05, -0.3])
@pytest.mark.parametrize("shadow", [0, 1])
@pytest.mark.parametrize("sky", [1.0, 0.96, 0.6, 0.3])
def test_light_of_every_kind_of_slope(cosine: float, shadow: int, sky: float) -> None:
    """In sun and shadow, under an open sky, a hidden rim, and a sky of which the bright rim is more than all."""
    band = relief(cosine, shadow, sky)
    found = band.light().received(band.relief.strip(slice(0, 30)))
    start = expected(cosine, shadow, sky, 0.1, 0.0, floor=True)
    np.testing.assert_allclose(found, max(start, 0.02), rtol=2e-5)

    known = band.with_known_ground(np.full((10, 10), 0.3, np.float32), np.ones((10, 10), np.float32), nodes_60m(0.1))
    found = known.light().received(band.relief.strip(slice(0, 30)))
    surroundings, returned = 0.3 / (1 - 0.3 * (1 - sky)), 0.03 / 0.97
    np.testing.assert_allclose(found, expected(cosine, shadow, sky, surroundings, returned, floor=False), rtol=2e-5)


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
    strip = SlopeStrip(slice(0, 1), 1, np.array([[0.6 / 0.8, 0.0]], np.float32), field, field, field / np.float32(0.8))
    np.testing.assert_allclose(strip.tilt, [[1.0, 0.0]], rtol=1e-6)
