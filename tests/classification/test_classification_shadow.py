"""Cloud shadow: the height ladder, the throw against a brute-force oracle, and the radiometric decision."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.classification.classes import CLOUD_SHADOWS, NOT_CLASSIFIED, THIN_CIRRUS, WATER
from tasks.classification.ground import Ground
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Background, Scene
from tasks.classification.shadow_geometry import (
    SunDirection,
    cloud_indicator,
    distance_weights,
    height_weights,
    shadow_probability,
    thrown,
)
from tasks.classification.shadows import (
    REFERENCE,
    classic_cloud_shadow,
    dark_against_land,
    settle_dark_features,
    terrain_shadow,
)

P = ClassificationParameters()


def test_height_ladder_has_its_plateau_between_600_and_4200_m() -> None:
    ladder = height_weights()
    assert ladder.size == 201
    assert ladder[20] == pytest.approx(0.5)  # i = 30 of the rising part: 600 m
    assert ladder[50] == ladder[51] == 1.0
    assert ladder[51 + 90] == pytest.approx(0.5)  # i = 90 of the falling part: 4230 m
    assert ladder[30:100].min() > 0.98
    assert ladder[0] < 0.01
    assert ladder[-1] < 0.01


@pytest.mark.parametrize(("elevation", "pixel", "count"), [(45.0, 20.0, 302), (45.0, 60.0, 101), (30.0, 20.0, 522)])
def test_ladder_is_stretched_by_the_sun(elevation: float, pixel: float, count: int) -> None:
    """201 rungs of 30 m are 6030 m of height, over tan(elevation) of distance."""
    assert distance_weights(height_weights(), SunDirection(elevation, 0.0), pixel).size == count


@pytest.mark.parametrize("azimuth", [0.0, 37.0, 90.0, 172.0, 250.0, 331.0])
def test_throw_agrees_with_adding_pixel_by_pixel(azimuth: float) -> None:
    rng = np.random.default_rng(int(azimuth))
    cloud = rng.random((31, 44)) < 0.03
    weights = rng.uniform(0.1, 0.6, 70).astype(np.float32)
    expected = np.zeros(cloud.shape)
    line: dict[tuple[int, int], float] = {}
    for step, weight in enumerate(weights):
        shift = (round(step * np.cos(np.radians(azimuth))), round(-step * np.sin(np.radians(azimuth))))
        line[shift] = max(line.get(shift, 0.0), float(weight))
    for (down, right), weight in line.items():
        for row, col in np.argwhere(cloud):
            if 0 <= row + down < cloud.shape[0] and 0 <= col + right < cloud.shape[1]:
                expected[row + down, col + right] += weight
    np.testing.assert_allclose(thrown(cloud, weights, azimuth), np.clip(expected, 0, 1), atol=2e-6)


def test_shadow_lies_away_from_the_sun() -> None:
    """Sun in the south-east: the shadow of a cloud lies to its north-west, from 600 m / tan(45 deg) on."""
    cloud = np.zeros((400, 400), bool)
    cloud[300:310, 300:310] = True
    zone = shadow_probability(cloud, np.zeros(cloud.shape, bool), SunDirection(45.0, 135.0), 20.0)
    rows, cols = np.nonzero(zone > 0.5)
    assert rows.max() < 300
    assert cols.max() < 300
    assert zone[300 - 80, 300 - 80] > 0.9
    assert not zone[330:].any()


def test_indicator_drops_single_pixels() -> None:
    confidence = np.zeros((20, 20), np.float32)
    confidence[3, 3] = 1.0
    confidence[10:14, 10:14] = 0.5
    indicator = cloud_indicator(confidence)
    assert not indicator[:8].any()
    assert indicator[9, 11]  # grown by the cross
    assert not indicator[9, 9]


def scene_of(spectrum: dict[str, float], code: int, zone: float = 1.0, **maps: np.ndarray) -> Scene:
    shape = (7, 7)
    bands = {name: np.full(shape, value, np.float32) for name, value in spectrum.items()}
    scene = Scene.unclassified(bands, np.zeros(shape, bool))
    scene.classes[...] = code
    scene.shadow_zone = np.full(shape, zone, np.float32)
    scene.ground = Ground(**maps)
    return scene


def of(scene: Scene) -> int:
    (code,) = np.unique(scene.classes)
    return int(code)


def test_reference_spectrum_is_shadow_only_where_a_cloud_can_throw_one() -> None:
    for zone, expected in ((1.0, CLOUD_SHADOWS), (0.06, CLOUD_SHADOWS), (0.05, 4), (0.0, 4)):
        scene = scene_of(REFERENCE, 4, zone)
        classic_cloud_shadow(scene, P)
        assert of(scene) == expected, zone


@pytest.mark.parametrize(("distance", "expected"), [(0.0179, 3), (0.0181, 4)])
def test_mean_distance_to_the_reference_decides(distance: float, expected: int) -> None:
    scene = scene_of({band: value + distance for band, value in REFERENCE.items()}, 4)
    classic_cloud_shadow(scene, P)
    assert of(scene) == expected


def test_darker_than_the_reference_in_every_band_is_shadow_but_water_and_cirrus_are_not() -> None:
    dark = {band: 0.5 * value for band, value in REFERENCE.items()}
    for spectrum, code, expected in (
        (dark, 4, CLOUD_SHADOWS),
        (dark, THIN_CIRRUS, THIN_CIRRUS),
        (dark | {"B11": 0.0099}, WATER, WATER),
        (dark | {"B12": 0.03}, 4, 4),
    ):
        scene = scene_of(spectrum, code)
        classic_cloud_shadow(scene, P)
        assert of(scene) == expected


SHADED_MEADOW = {"B02": 0.09, "B03": 0.06, "B04": 0.04, "B8A": 0.12, "B11": 0.03, "B12": 0.015}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 3),
        ({"B8A": 0.31}, 4),  # as bright as the land in the near infrared
        ({"B11": 0.081}, 4),  # or in the short-wave infrared
        ({"B02": 0.047}, 4),  # no sky light: B02 < 1.6 B11
        ({"B8A": 0.02, "B11": 0.01}, 4),  # water
        ({"B8A": 0.0355, "B11": 0.02}, 4),  # turbid water: (0.06 - 0.0355)/0.0955 = 0.26
        ({"B8A": 0.0385, "B11": 0.02}, 3),  # soil in shadow: 0.22
    ],
)
def test_default_shadow_is_dark_against_the_land(change: dict[str, float], expected: int) -> None:
    scene = scene_of(SHADED_MEADOW | change, 4)
    scene.background = Background(shadow_nir=0.30, shadow_swir=0.08)
    dark_against_land(scene, P)
    assert of(scene) == expected


def test_terrain_shadow_is_class_2_on_dark_pixels() -> None:
    ones = np.ones((7, 7), np.uint8)
    for code, spectrum, maps, expected in (
        (5, SHADED_MEADOW, {"shadow": ones}, 2),
        (5, SHADED_MEADOW, {"shadow": 0 * ones}, 5),
        (5, SHADED_MEADOW | {"B8A": 0.2}, {"shadow": ones}, 5),
        (6, SHADED_MEADOW, {"shadow": ones}, 2),
        (6, SHADED_MEADOW, {"shadow": ones, "water_bodies": 2 * ones}, 6),
        (4, SHADED_MEADOW, {"shadow": ones}, 4),
    ):
        scene = scene_of(spectrum, code, **maps)
        terrain_shadow(scene, P)
        assert of(scene) == expected


def test_dark_features_stay_only_where_the_terrain_takes_light() -> None:
    ones = np.ones((7, 7), np.uint8)
    for shadow, cosine, expected in ((1, -500, 2), (0, 4000, 2), (0, 8000, 7)):
        light = np.full((7, 7), cosine, np.int16)
        scene = scene_of(SHADED_MEADOW, 2, shadow=shadow * ones, illumination=light)
        settle_dark_features(scene, P)
        assert of(scene) == expected
    scene = scene_of(SHADED_MEADOW, 2)
    settle_dark_features(scene, P)
    assert of(scene) == 2
    assert NOT_CLASSIFIED not in scene.classes
