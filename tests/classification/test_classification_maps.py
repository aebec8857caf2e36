"""Steps that need a map or figures of the whole tile, by hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tasks.classification import map_recoveries as recover
from tasks.classification.background import Moments, cirrus_limits, recovery_limit
from tasks.classification.finish import grow_masks, valid_pixels
from tasks.classification.ground import Ground, snow_condition_holds
from tasks.classification.morphology import blobs_clear_of, grow
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Background, Scene, TileFacts
from tasks.classification.snow_climatology import lowest_snow_height_m
from tasks.classification.sweep import DigitalNumberScale, TileState
from tasks.classification.whole_tile import recover_built_and_bare

P = ClassificationParameters()
SHAPE = (2, 3)


def scene_of(code: int, spectrum: dict[str, float] | None = None, **maps: float) -> Scene:
    kinds = {"height": np.float32, "slope": np.uint16, "illumination": np.int16}
    bands = {name: np.full(SHAPE, value, np.float32) for name, value in (spectrum or {}).items()}
    scene = Scene.unclassified(bands, np.zeros(SHAPE, bool))
    scene.classes[...] = code
    scene.ground = Ground(**{name: np.full(SHAPE, value, kinds.get(name, np.uint8)) for name, value in maps.items()})
    return scene


def after(step, scene: Scene) -> int:
    step(scene, P)
    (code,) = np.unique(scene.classes)
    return int(code)


def test_hill_shade_is_coded_1_to_255_and_0_on_the_sea() -> None:
    ground = Ground(
        height=np.array([0, 10, 10, 10], np.float32),
        slope=np.array([0, 0, 500, 500], np.uint16),
        illumination=np.array([5000, 5000, -300, 10000], np.int16),
    )
    assert ground.hill_shade().tolist() == [0, 128, 1, 255]


@pytest.mark.parametrize(("code", "expected"), [(2, 6), (3, 6), (7, 6), (100, 6), (4, 4), (9, 9), (0, 0)])
def test_water_bodies_claim_dark_pixels(code: int, expected: int) -> None:
    assert after(recover.recover_water_bodies, scene_of(code, water_bodies=2)) == expected
    assert after(recover.recover_water_bodies, scene_of(code, water_bodies=0)) == code
    assert after(recover.recover_water_bodies, scene_of(code)) == code


@pytest.mark.parametrize(("cosine", "slope", "expected"), [(4900, 1501, 2), (4900, 1500, 6), (5100, 3000, 6)])
def test_water_does_not_lie_on_dark_slopes(cosine: int, slope: int, expected: int) -> None:
    scene = scene_of(6, illumination=cosine, slope=slope, height=50)
    assert after(recover.clean_water_on_slopes, scene) == expected


@pytest.mark.parametrize(("cosine", "expected"), [(-100, 2), (1100, 2), (1300, 3)])
def test_terrain_explains_a_cloud_shadow(cosine: int, expected: int) -> None:
    """Hill shade 32 is a cosine of (32 - 1)/254 = 0.122."""
    scene = scene_of(3, illumination=cosine, slope=2000, height=50)
    assert after(recover.clean_cloud_shadow, scene) == expected


def test_snow_in_the_terrain_shadow_is_class_2() -> None:
    blue = {"B02": 0.25, "B04": 0.21, "B8A": 0.15}
    maps = {"illumination": 1000, "slope": 3000, "height": 2000, "water_bodies": 1}
    for code, expected in ((7, 2), (8, 2), (100, 2), (9, 9), (5, 5)):
        assert after(recover.recover_shadow_on_snow, scene_of(code, blue, **maps)) == expected
    assert after(recover.recover_shadow_on_snow, scene_of(7, blue, **maps | {"water_bodies": 2})) == 7
    assert after(recover.recover_shadow_on_snow, scene_of(7, blue | {"B02": 0.24}, **maps)) == 7
    assert after(recover.recover_shadow_on_snow, scene_of(7, blue, **maps | {"illumination": 6000})) == 7


def test_snow_on_water_is_cloud_only_when_hardly_any_snow_is_known() -> None:
    scene = scene_of(11, snow_condition=254)
    scene.tile = TileFacts(snow_condition_holds=True)
    assert after(recover.snow_on_water_is_cloud, scene) == 8
    assert after(recover.snow_on_water_is_cloud, scene_of(11, snow_condition=254)) == 11


@pytest.mark.parametrize(
    ("values", "holds"),
    [([254, 254, 0, 0], False), ([254, 5, 7, 255], True), ([254, 9, 11, 11], False), ([254, 254], False)],
)
def test_snow_condition(values: list[int], holds: bool) -> None:
    assert snow_condition_holds(np.array([values], np.uint8)) is holds
    assert snow_condition_holds(None) is False


def test_cirrus_recovery_uses_the_background() -> None:
    limits = Background(cirrus_limit_land=0.004, cirrus_limit_water=0.002)
    for code, b10, height, expected in (
        (5, 0.0041, 100, 10), (4, 0.0041, 100, 10), (4, 0.0039, 100, 4), (6, 0.0021, 100, 10), (6, 0.0019, 0, 6),
        (5, 0.0041, 1600, 5), (9, 0.1, 100, 9),
    ):  # fmt: skip
        scene = scene_of(code, {"B10": b10}, land_cover=10, height=height)
        scene.background = limits
        assert after(recover.recover_cirrus, scene) == expected


def test_land_recovery() -> None:
    for code, b10, b09, cover, expected in (
        (8, 0.0010, 0.10, 190, 5), (9, 0.0010, 0.10, 190, 5), (8, 0.0016, 0.10, 190, 8), (8, 0.0010, 0.15, 190, 8),
        (8, 0.0010, 0.10, 210, 8), (7, 0.0010, 0.10, 190, 7),
    ):  # fmt: skip
        scene = scene_of(code, {"B10": b10, "B09": b09, "B8A": 0.3}, land_cover=cover)
        scene.background = Background(recovered_b10=0.0015, recovered_ratio=0.4)
        assert after(recover.recover_land, scene) == expected


def moments(*values: float, repeat: int = 1) -> Moments:
    found = Moments()
    row = np.array([values * repeat], np.float32)
    found.add(row, np.ones(row.shape, bool))
    return found


def test_cirrus_limits_by_hand() -> None:
    """Mean 0.004, sigma 0.001: 0.007 over land; water 0.002 + 0.0005."""
    land, water = cirrus_limits(moments(0.003, 0.005), moments(0.0015, 0.0025))
    assert (land, water) == pytest.approx((0.007, 0.0025), rel=1e-5)
    assert cirrus_limits(Moments(), Moments()) == (0.003, 0.002)


@pytest.mark.parametrize(
    ("high", "valid", "expected"),
    [
        (moments(0.02, 0.04, repeat=200_000), 1_000_000, 0.0020),  # 40 %: min(mean, 0.03 - 2 * 0.01) = 0.002
        (moments(0.002, 0.0022, repeat=200_000), 1_000_000, 0.0019),  # mean - 2 sigma of class 9 is 0.0019
        (moments(0.001, 0.0012, repeat=200_000), 1_000_000, 0.0015),  # never below 0.0015
        (moments(0.03, repeat=10_000), 1_000_000, 0.0020),  # 1 %: the mean of land
        (moments(0.03, repeat=100_000), 1_000_000, 0.0015),  # 10 %
        (moments(0.03, repeat=100_000), 20_000_000, 0.0),  # land is 2 % of the tile
    ],
)
def test_limit_of_the_land_recovery(high: Moments, valid: int, expected: float) -> None:
    land = moments(0.0020, repeat=400_000)  # 160 km2
    assert recovery_limit(land, high, valid, 20.0) == pytest.approx(expected, rel=1e-4)


def test_no_land_recovery_below_121_km2() -> None:
    assert recovery_limit(moments(0.002, repeat=300_000), Moments(), 1_000_000, 20.0) == 0.0


def test_blobs_keep_their_class_where_clouds_surround_them() -> None:
    """A 2 x 2 blob has a ring of 12 pixels: 4 cloud pixels are 33 %, 5 are 42 %."""
    candidates = np.zeros((9, 20), bool)
    candidates[3:5, 3:5] = candidates[3:5, 12:14] = True
    around = np.zeros_like(candidates)
    around[2, 2:6] = True
    around[2, 11:15] = around[3, 11] = True
    expected = np.zeros_like(candidates)
    expected[3:5, 3:5] = True
    np.testing.assert_array_equal(blobs_clear_of(candidates, around), expected)


def test_built_and_bare_land_keep_only_clouds_among_clouds() -> None:
    """Three blobs of 2 x 2 with rings of 12: alone, beside 5 cloud pixels of its own ring, and off the map's towns."""
    classes = np.full((9, 30), 4, np.uint8)
    classes[3:5, 3:5] = 8
    classes[3:5, 12:14] = 7
    classes[2, 11:15], classes[3, 11] = 9, 3
    classes[3:5, 22:24] = 8
    classes[7, :] = 100
    cover = np.full(classes.shape, 190, np.uint8)
    cover[:, 10:18] = 200
    cover[:, 20:] = 10
    numbers = {"B02": np.ones(classes.shape, np.uint16)}
    state = TileState(
        numbers=numbers, scale=DigitalNumberScale({}, 1e4), parameters=P, ground=Ground(land_cover=cover),
        tile=TileFacts(), classes=classes.copy(), cloud=classes, snow=classes,
    )  # fmt: skip
    recover_built_and_bare(state)
    assert (state.classes[3:5, 3:5] == 5).all()
    assert (state.classes[3:5, 12:14] == 7).all()
    assert (state.classes[3:5, 22:24] == 8).all()
    assert (state.classes[7, :20] == 5).all()
    assert (state.classes[7, 20:] == 100).all()


@pytest.mark.parametrize("radius", [1.0, 2.5, 8.0])
def test_growing_is_exact_and_independent_of_pieces(radius: float, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(4).random((90, 41)) < 0.004
    expected = ndimage.distance_transform_edt(~mask) <= radius
    for rows in (7, 512):
        monkeypatch.setattr("tasks.classification.morphology.GROW_ROWS", rows)
        np.testing.assert_array_equal(grow(mask, radius), expected)


def test_masks_grow_over_clear_ground_only() -> None:
    classes = np.full((9, 40), 4, np.uint8)
    classes[4, 5], classes[4, 15], classes[4, 25], classes[4, 35] = 9, 3, 10, 11
    classes[4, 6], classes[4, 16] = 11, 6
    grown = grow_masks(classes, ClassificationParameters(cloud_dilation=20, cloud_shadow_dilation=20), 20.0)
    assert grown[4, 4:7].tolist() == [8, 9, 11]
    assert grown[4, 14:17].tolist() == [3, 3, 6]
    assert grown[4, 24:27].tolist() == [4, 10, 4]
    same = grow_masks(classes, ClassificationParameters(cloud_dilation=0, cloud_shadow_dilation=0), 20.0)
    np.testing.assert_array_equal(same, classes)


def test_snow_grows_over_bare_ground_when_asked() -> None:
    classes = np.array([[5, 5, 11, 5, 5, 4, 11, 6, 5]], np.uint8)
    grown = grow_masks(
        classes, ClassificationParameters(snow_dilation=20, cloud_dilation=0, cloud_shadow_dilation=0), 20.0
    )
    assert grown.tolist() == [[5, 11, 11, 11, 5, 4, 11, 6, 5]]


def test_valid_pixels_keep_their_distance() -> None:
    classes = np.full((1, 12), 4, np.uint8)
    classes[0, :3] = 9, 6, 5
    classes[0, 8:] = 7, 2, 11, 0
    assert valid_pixels(classes, 3.0).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("place", "lowest", "highest"),
    [
        ((53.0, -8.0, 10), 300, 1500),  # Irish lowlands in October: no; the hills in the north can
        ((46.5, 10.0, 7), 2000, 3500),  # Alps in July: from the high peaks
        ((46.5, 10.0, 1), -9999, 0),  # and in January everywhere
        ((37.5, -76.0, 1), -9999, 0),  # Virginia in January: can
        ((52.0, 104.0, 10), -9999, 500),  # Lake Baikal in October: can
        ((5.0, 20.0, 1), 2000, 4500),  # tropics
        ((-33.0, -70.0, 1), 2000, 4000),  # Andes in summer
        ((-75.0, 0.0, 1), -9999, 0),  # Antarctica always
        ((65.0, 25.0, 7), 0, 2000),  # Lapland in July: not in the lowlands
    ],
)
def test_snow_climatology(place: tuple[float, float, int], lowest: float, highest: float) -> None:
    assert lowest <= lowest_snow_height_m(*place) <= highest


def test_snow_line_moves_without_a_jump() -> None:
    year = [lowest_snow_height_m(50.0, 30.0, month, day) for month in range(1, 13) for day in range(1, 29)]
    assert max(abs(np.diff([*year, year[0]]))) < 250
