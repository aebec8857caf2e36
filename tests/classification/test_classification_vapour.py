"""Bright ground told from cloud by the water vapour above it."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.classification.classify import Surroundings, classify_tile
from tasks.classification.ground import Ground
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Background, Scene, TileFacts
from tasks.classification.sweep import DigitalNumberScale, TileState
from tasks.classification.vapour import ground_below, ground_limit, ratio_at_sea_level, recover_ground
from tasks.common.bands import BANDS
from tasks.radiative_transfer.atmosphere import toa_reflectance
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table

P = ClassificationParameters()
SCALE = DigitalNumberScale(dict.fromkeys(BANDS, 0), 10000.0)
SALT = {"B01": 0.31, "B02": 0.32, "B03": 0.36, "B04": 0.38, "B05": 0.39, "B06": 0.39, "B07": 0.39, "B08": 0.39,
        "B8A": 0.38, "B09": 0.114, "B10": 0.001, "B11": 0.31, "B12": 0.24}  # fmt: skip
MEADOW = {"B01": 0.12, "B02": 0.09, "B03": 0.09, "B04": 0.06, "B05": 0.11, "B06": 0.30, "B07": 0.35, "B08": 0.38,
          "B8A": 0.40, "B09": 0.12, "B10": 0.001, "B11": 0.20, "B12": 0.10}  # fmt: skip


def scene_of(spectrum: dict[str, float], limit: float, pixel_m: float = 20.0) -> Scene:
    bands = {name: np.full((5, 5), value, np.float32) for name, value in spectrum.items()}
    scene = Scene.unclassified(bands, np.zeros((5, 5), bool))
    scene.classes[...] = 9
    scene.background, scene.tile = Background(ground_ratio=limit), TileFacts(pixel_m=pixel_m)
    return scene


@pytest.mark.parametrize(
    ("change", "limit", "expected"),
    [
        ({}, 0.301, 5),  # 0.114/0.38 = 0.300
        ({}, 0.299, 9),
        ({"B11": 0.295}, 0.301, 9),  # NDBI -0.126
        ({"B10": 0.013}, 0.301, 9),
        ({}, 0.0, 9),
    ],
)
def test_cloud_under_as_much_vapour_as_land_is_ground(change: dict[str, float], limit: float, expected: int) -> None:
    scene = scene_of(SALT | change, limit)
    ground_below(scene, P)
    assert np.unique(scene.classes).tolist() == [expected]


@pytest.mark.parametrize(("pixel_m", "expected"), [(20.0, [9, 5, 9]), (60.0, [5, 5, 5])])
def test_b8a_is_as_wide_as_a_pixel_of_b09(pixel_m: float, expected: list[int]) -> None:
    """At 20 m dark neighbours count: 0.114 / ((0.38 + 0.38 + 0.20) / 3) = 0.36."""
    scene = scene_of(SALT, 0.301, pixel_m)
    scene.reflectance["B8A"][:, [0, 4]] = 0.20
    ground_below(scene, P)
    assert scene.classes[2, 1:4].tolist() == expected


def test_other_classes_stay() -> None:
    scene = scene_of(SALT, 0.301)
    scene.classes.ravel()[:12] = range(12)
    ground_below(scene, P)
    assert scene.classes.ravel()[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 5, 5, 10, 11]


def state_of(land: np.ndarray, heights: np.ndarray | None = None) -> TileState:
    """Return a tile of vegetation with that B09/B8A."""
    shape = land.shape
    numbers = {"B8A": np.full(shape, 4000, np.uint16), "B09": np.round(4000 * land).astype(np.uint16)}
    return TileState(
        numbers, SCALE, P, Ground(height=heights), TileFacts(),
        np.full(shape, 4, np.uint8), np.zeros(shape, np.uint8), np.zeros(shape, np.uint8),
    )  # fmt: skip


def test_limit_is_a_twentieth_above_the_median_of_land() -> None:
    land = np.full((90, 90), 0.30, np.float32)
    land[:40] = 0.28
    assert ground_limit(state_of(land)) == pytest.approx(1.05 * 0.30, abs=1e-5)


@pytest.mark.parametrize("reason", ["dry", "spread", "few", "overcast"])
def test_no_limit_where_land_cannot_tell(reason: str) -> None:
    land = np.full((90, 90), 0.56 if reason == "dry" else 0.40, np.float32)
    if reason == "spread":
        land[:18] = 0.33  # a fifth of it, 17 % below
    state = state_of(land)
    if reason == "few":
        state.classes[33:] = 0  # 11 x 30 samples
    if reason == "overcast":
        state = state_of(np.full((300, 300), 0.40, np.float32))
        state.classes[12:] = 9  # 4 % land, 400 samples
    assert ground_limit(state) == 0.0


def test_height_makes_no_difference_to_the_ratio_at_sea_level() -> None:
    """The forward model over ground at 0 to 3 km under vapour that falls to 1/e over 2 km, sun at 50 degrees."""
    tables = integrate_bands(load_spectral_table(), default_responses("S2A"))
    heights = np.array([[0.0, 0.5, 1.0, 2.0, 3.0]], np.float32)
    bands = {}
    for band in ("B8A", "B09"):
        geometry = tables.collapse(band, 50.0, 5.0, 100.0)
        bands[band] = np.array([[
            float(toa_reflectance(geometry.terms(0.08, km, 1.5 * np.exp(-km / 2.0), 320.0), np.float32(0.35)))
            for km in heights[0]
        ]], np.float32)  # fmt: skip
    scene = Scene.unclassified(bands, np.zeros(heights.shape, bool))
    everywhere = np.ones(heights.shape, bool)
    raw = ratio_at_sea_level(scene, bands["B8A"], everywhere)
    assert raw[-1] > 1.9 * raw[0]
    scene.ground = Ground(height=1000 * heights)
    same = ratio_at_sea_level(scene, bands["B8A"], everywhere)
    np.testing.assert_allclose(same, same[0], rtol=0.03)


def test_cloud_of_the_valley_stays_under_land_of_the_mountains() -> None:
    """Most land lies at 2 km (ratio 0.5), the cloud 500 m above a valley at 0 km: 0.31, where land has 0.268."""
    heights = np.full((90, 90), 2000, np.float32)
    heights[:, :10] = 0
    land = np.where(heights > 0, 0.50, 0.50 ** np.exp(2 / 3.1)).astype(np.float32)
    assert land[0, 0] == pytest.approx(0.2668, abs=1e-3)
    limit = ground_limit(state_of(land, heights))
    assert limit == pytest.approx(1.05 * 0.2668, abs=1e-3)
    scene = scene_of(SALT | {"B09": 0.31 * 0.38}, limit)
    scene.ground = Ground(height=np.zeros((5, 5), np.float32))
    ground_below(scene, P)
    assert (scene.classes == 9).all()
    assert ground_limit(state_of(land)) > 0.31  # what would be without heights


def salt_in_a_meadow() -> dict[str, np.ndarray]:
    """Return a tile of 70 x 97 pixels: a meadow, a salt pan of 50 pixels and a cloud with the pan's colours, noise."""
    rng = np.random.default_rng(3)
    place = np.zeros((70, 97), np.intp)
    place[10:60, 5:45] = 1
    place[10:60, 55:90] = 2
    spectra = [MEADOW, SALT, SALT | {"B09": 0.19}]
    return {
        band: np.round(10000 * np.array([s[band] for s in spectra])[place] * rng.normal(1, 0.005, place.shape)).astype(
            np.uint16
        )
        for band in BANDS
    }


def test_salt_and_cloud_of_the_same_colours_in_one_tile() -> None:
    result = classify_tile(salt_in_a_meadow(), SCALE, P, surroundings=Surroundings(snow_possible=False))
    assert (result.classes[14:56, 9:41] == 5).mean() > 0.99
    assert (result.classes[14:56, 59:86] >= 8).mean() > 0.99
    assert result.cloud_confidence[14:56, 9:41].mean() < 1.0
    assert result.cloud_confidence[14:56, 59:86].min() > 50


@pytest.mark.parametrize("rows", [1, 3, 16, 70])
def test_strip_height_does_not_matter(rows: int) -> None:
    numbers = salt_in_a_meadow()
    heights = np.linspace(0, 300, 70 * 97, dtype=np.float32).reshape(70, 97)
    around = Surroundings(snow_possible=False, ground=Ground(height=heights))
    expected = classify_tile(numbers, SCALE, P, surroundings=around)
    result = classify_tile(numbers, SCALE, P, strip_rows=rows, surroundings=around)
    np.testing.assert_array_equal(result.classes, expected.classes)
    np.testing.assert_array_equal(result.cloud_confidence, expected.cloud_confidence)


def test_classic_mode_knows_nothing_of_it() -> None:
    around = Surroundings(snow_possible=False)
    classic = ClassificationParameters(sc_classic=True)
    assert (classify_tile(salt_in_a_meadow(), SCALE, classic, surroundings=around).classes[14:56, 9:41] >= 8).all()


def test_confidence_of_what_stays_cloud_is_kept() -> None:
    state = state_of(np.full((90, 90), 0.30, np.float32))
    for band, value in SALT.items():
        if band not in state.numbers:
            state.numbers[band] = np.full((90, 90), round(10000 * value), np.uint16)
    state.numbers["B11"][...] = 3900
    state.numbers["B09"][50:] = 2000
    state.classes[40:] = 9
    state.cloud[40:] = 90
    recover_ground(state)
    assert (state.classes[40:49] == 5).all()
    assert (state.cloud[40:49] == 0).all()
    assert (state.classes[50:] == 9).all()
    assert (state.cloud[50:] == 90).all()
