"""Water that is land in shadow: blobs drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.classification.ground import Ground
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Background, TileFacts
from tasks.classification.shaded_land import recover_shaded_land, water_swir
from tasks.classification.sweep import DigitalNumberScale, TileState
from tasks.common.bands import BANDS

SCALE = DigitalNumberScale(dict.fromkeys(BANDS, 0), 10000.0)
SHADED_TOWN = {"B02": 860, "B8A": 280, "B11": 140}
SIZE = 60


def state_of(classes: np.ndarray, zone: np.ndarray, strip_rows: int = 128, factor: int = 1, **bands: int) -> TileState:
    """Return a tile with the colours of a town in shadow everywhere; the zone on a grid ``factor`` times coarser."""
    numbers = {band: np.full(classes.shape, value, np.uint16) for band, value in (SHADED_TOWN | bands).items()}
    state = TileState(
        numbers, SCALE, ClassificationParameters(), Ground(), TileFacts(),
        classes, np.zeros(classes.shape, np.uint8), np.zeros(classes.shape, np.uint8), strip_rows=strip_rows,
    )  # fmt: skip
    state.background = Background(shadow_nir=0.24, shadow_swir=0.10)
    state.zone, state.zone_factor = zone.astype(np.float32), factor
    return state


def land_with_a_patch() -> tuple[np.ndarray, np.ndarray]:
    """Return classes, a patch of "water" in land, and a zone of shadow that covers the patch."""
    classes = np.full((SIZE, SIZE), 5, np.uint8)
    classes[20:30, 20:30] = 6
    zone = np.zeros((SIZE, SIZE))
    zone[15:35, 15:35] = 1
    return classes, zone


@pytest.mark.parametrize("strip_rows", [1, 7, 128])
def test_bright_water_in_the_zone_enclosed_by_land_is_shadow(strip_rows: int) -> None:
    classes, zone = land_with_a_patch()
    state = state_of(classes.copy(), zone, strip_rows)
    recover_shaded_land(state)
    assert (state.classes[20:30, 20:30] == 3).all()
    assert np.count_nonzero(state.classes == 3) == 100


def test_zone_on_a_coarser_grid() -> None:
    classes, zone = land_with_a_patch()
    state = state_of(classes, zone[1::3, 1::3], factor=3)
    recover_shaded_land(state)
    assert (state.classes[20:30, 20:30] == 3).all()


@pytest.mark.parametrize(
    ("bands", "why"),
    [
        ({"B11": 120}, "no brighter than water"),
        ({"B8A": 2500}, "too bright for a shadow"),
        ({"B02": 200}, "not blue"),
    ],
)
def test_other_colours_stay_water(bands: dict[str, int], why: str) -> None:
    classes, zone = land_with_a_patch()
    state = state_of(classes, zone, **bands)
    recover_shaded_land(state)
    assert (state.classes[20:30, 20:30] == 6).all(), why


def test_a_lake_that_reaches_out_of_the_zone_stays() -> None:
    classes, zone = land_with_a_patch()
    zone[:, 28:] = 0  # 80 % of the patch inside
    state = state_of(classes, zone)
    recover_shaded_land(state)
    assert (state.classes[20:30, 20:30] == 6).all()


def test_a_gap_between_clouds_over_the_sea_stays() -> None:
    classes, zone = land_with_a_patch()
    classes[classes == 5] = 9
    state = state_of(classes, zone)
    recover_shaded_land(state)
    assert (state.classes[20:30, 20:30] == 6).all()


def test_as_bright_as_the_open_water_of_the_tile_stays() -> None:
    """Outside the zone 2000 x 20 pixels of water, of which 6 % have B11 0.015 and the rest 0.005."""
    classes = np.full((SIZE, 2000), 6, np.uint8)
    classes[:40] = 5
    classes[10:20, 20:30] = 6
    zone = np.zeros(classes.shape)
    zone[:35] = 1
    state = state_of(classes, zone)
    swir = state.numbers["B11"]
    swir[40:] = 50
    assert water_swir(state) == pytest.approx(0.012)
    recover_shaded_land(state)
    assert (state.classes[10:20, 20:30] == 3).all()
    state.classes[10:20, 20:30] = 6
    swir[40:, :120] = 150
    assert water_swir(state) == pytest.approx(0.015)
    recover_shaded_land(state)
    assert (state.classes[10:20, 20:30] == 6).all()


def test_nothing_without_a_zone() -> None:
    classes, zone = land_with_a_patch()
    state = state_of(classes, zone)
    state.zone = None
    recover_shaded_land(state)
    assert (state.classes[20:30, 20:30] == 6).all()
