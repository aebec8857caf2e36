"""The default mode: its own steps by hand values, and the whole tile for any strip height and number of threads."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tasks.classification import evolution, thin_cirrus
from tasks.classification.classify import Classification, Surroundings, classify_tile
from tasks.classification.ground import Ground
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene, TileFacts
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.sweep import DigitalNumberScale
from tasks.common.bands import BANDS

P = ClassificationParameters()
SCALE = DigitalNumberScale(dict.fromkeys(BANDS, 0), 10000.0)
ROOF = {"B01": 0.25, "B02": 0.26, "B03": 0.27, "B04": 0.28, "B05": 0.28, "B07": 0.29, "B08": 0.29, "B8A": 0.30,
        "B09": 0.10, "B10": 0.001, "B11": 0.32, "B12": 0.30}  # fmt: skip
CLOUD = {"B01": 0.70, "B02": 0.70, "B03": 0.69, "B04": 0.70, "B05": 0.71, "B07": 0.73, "B08": 0.73, "B8A": 0.74,
         "B09": 0.40, "B10": 0.004, "B11": 0.55, "B12": 0.45}  # fmt: skip
MEADOW = {"B01": 0.12, "B02": 0.09, "B03": 0.09, "B04": 0.06, "B05": 0.11, "B07": 0.35, "B08": 0.38, "B8A": 0.40,
          "B09": 0.15, "B10": 0.001, "B11": 0.20, "B12": 0.10}  # fmt: skip
SNOW = {"B01": 0.85, "B02": 0.85, "B03": 0.84, "B04": 0.85, "B05": 0.85, "B07": 0.84, "B08": 0.83, "B8A": 0.83,
        "B09": 0.40, "B10": 0.002, "B11": 0.12, "B12": 0.10}  # fmt: skip


def scene_of(spectrum: dict[str, float], code: int, **facts: object) -> Scene:
    shape = (9, 9)
    bands = {name: np.full(shape, value, np.float32) for name, value in spectrum.items()}
    scene = Scene.unclassified(bands, np.zeros(shape, bool))
    scene.classes[...] = code
    scene.tile = TileFacts(**facts)
    return scene


def of(scene: Scene) -> int:
    (code,) = np.unique(scene.classes)
    return int(code)


@pytest.mark.parametrize(
    ("height", "b10", "dryness", "expected"),
    [
        (0, 0.0121, 0.4, 10), (0, 0.0119, 0.4, 4), (2500, 0.0159, 0.4, 4), (2500, 0.0161, 0.4, 10),
        (0, 0.0121, 0.6, 4), (0, 0.0160, 0.6, 10),
    ],
)  # fmt: skip
def test_cirrus_limit_rises_with_height_and_dryness(height: float, b10: float, dryness: float, expected: int) -> None:
    """0.004 a km above 1500 m; at B09/B8A = 0.6 ground of 0.20 in B11 shows 0.20 * 0.017 = 0.0034."""
    scene = scene_of(MEADOW | {"B10": b10, "B09": dryness * 0.40}, 4)
    scene.ground = Ground(height=np.full((9, 9), height, np.float32))
    thin_cirrus.cirrus_over_terrain(scene, P)
    assert of(scene) == expected


@pytest.mark.parametrize(
    ("change", "code", "expected"),
    [
        ({}, 9, 5),  # NDBI 0.03 and no displacement
        ({"B11": 0.25, "B12": 0.2}, 9, 9),  # NDBI -0.09, haze 0.12: nothing speaks against a cloud
        ({"B11": 0.25, "B12": 0.2, "B10": 0.02}, 9, 9),
        ({"B10": 0.02}, 9, 9),  # high cloud
        ({"B11": 0.41}, 8, 5),  # rock: B8A/B11 = 0.73
        ({}, 4, 4),
    ],
)
def test_bright_ground(change: dict[str, float], code: int, expected: int) -> None:
    scene = scene_of(ROOF | change, code, has_b08=True)
    evolution.bright_ground(scene, P)
    assert of(scene) == expected


def test_bright_ground_is_no_matter_of_parallax_at_60_m() -> None:
    scene = scene_of(ROOF, 9, has_b08=True, pixel_m=60.0)
    evolution.bright_ground(scene, P)
    assert of(scene) == 9


def test_displacement_index_is_negative_where_b08_sees_the_edge_elsewhere() -> None:
    rng = np.random.default_rng(2)
    cloud = rng.random((40, 40)).astype(np.float32)
    bands = {"B07": 0.3 + 0.3 * cloud, "B8A": 0.31 + 0.3 * cloud, "B08": 0.3 + 0.3 * np.roll(cloud, 2, axis=0)}
    scene = Scene.unclassified({name: v.astype(np.float32) for name, v in bands.items()}, np.zeros((40, 40), bool))
    assert np.median(evolution.cloud_displacement(scene)) < -0.9
    ground = {"B07": 0.3 + 0.1 * cloud + 0.05 * rng.random((40, 40)), "B8A": 0.3 + 0.1 * cloud, "B08": bands["B07"]}
    scene = Scene.unclassified({name: v.astype(np.float32) for name, v in ground.items()}, np.zeros((40, 40), bool))
    scene.reflectance["B08"][...] = 0.3 + 0.1 * cloud
    assert np.median(evolution.cloud_displacement(scene)) > 0.9


def test_ice_cloud_is_no_snow() -> None:
    for b10, expected in ((0.012 + 0.39 * 0.0046, 1.0), (0.02, 0.0)):
        scene = scene_of(SNOW | {"B10": b10, "B09": 0.45 * 0.83}, 100)
        scene.snow[...] = 1.0
        evolution.step_2_ice_cloud(scene, P)
        assert (scene.snow == expected).all() or b10 < 0.0138


@pytest.mark.parametrize(("height", "expected"), [(999, 0.0), (1001, 1.0)])
def test_no_snow_500_m_below_the_line(height: float, expected: float) -> None:
    scene = scene_of(SNOW, 100, snow_height_m=1500.0)
    scene.ground = Ground(height=np.full((9, 9), height, np.float32))
    scene.snow[...] = 1.0
    evolution.step_2_height(scene, P)
    assert (scene.snow == expected).all()


@pytest.mark.parametrize(
    ("change", "snow_block", "expected"),
    [({}, False, 8), ({}, True, 7), ({"B11": 0.20}, True, 8), ({"B10": 0.02}, True, 8), ({"B12": 0.02}, False, 7)],
)
def test_bright_white_pixels_are_cloud_unless_they_can_be_snow(
    change: dict[str, float], snow_block: bool, expected: int
) -> None:
    scene = scene_of(SNOW | change, 7, snow_block=snow_block)
    evolution.bright_clouds(scene, P)
    assert of(scene) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 6),
        ({"B8A": 0.0819}, 2),  # (0.100 - 0.0819)/(0.100 + 0.0819) = 0.0995
        ({"B8A": 0.0817}, 6),  # 0.1007
        ({"B11": 0.029, "B12": 0.028}, 2),
        ({"B11": 0.0592}, 2),  # 0.080/0.0592 = 1.351
        ({"B11": 0.0593}, 6),  # 1.349
        ({"B12": 0.0524}, 2),  # 0.75 times 0.070 is 0.0525
        ({"B02": 0.099}, 2),
        ({"B04": 0.101}, 2),
    ],
)
def test_glint_is_flat_under_a_blue_atmosphere(change: dict[str, float], expected: int) -> None:
    grey = {"B02": 0.12, "B03": 0.10, "B04": 0.09, "B8A": 0.08, "B11": 0.07, "B12": 0.065}
    scene = scene_of(grey | change, 2)
    evolution.recover_glint(scene, P)
    assert of(scene) == expected
    other = scene_of(grey | change, 5)
    evolution.recover_glint(other, P)
    assert of(other) == 5


def test_borders_of_snow_go_to_snow_or_soil() -> None:
    for swir, expected in ((0.25, 11), (0.35, 5)):
        scene = scene_of(ROOF | {"B03": 0.30, "B11": swir}, 8)
        scene.classes[4, 4] = 11
        evolution.snow_soil_borders(scene, P)
        assert scene.classes[4, 6] == expected
        assert scene.classes[4, 7] == 8


def field(kinds: list[dict[str, float]], noise: float, seed: int, side: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, len(kinds), (8, 7))
    which = np.repeat(np.repeat(patches, side, axis=0), side, axis=1)
    numbers = {}
    for band in BANDS:
        table = np.array([kind.get(band, kind["B05"]) for kind in kinds])
        values = table[which] * (1 + noise * rng.standard_normal(which.shape))
        fine = np.repeat(np.repeat(values, 2, axis=0), 2, axis=1) if band == "B08" else values
        numbers[band] = np.clip(np.round(fine * 10000), 1, 65534).astype(np.uint16)
    numbers["B09"][:20, :30] = 0
    return numbers


def ground_of(shape: tuple[int, int]) -> Ground:
    rng = np.random.default_rng(8)
    return Ground(
        height=rng.uniform(0, 3000, shape).astype(np.float32),
        slope=rng.integers(0, 4000, shape).astype(np.uint16),
        illumination=rng.integers(-3000, 10000, shape).astype(np.int16),
        shadow=(rng.random(shape) < 0.2).astype(np.uint8),
        water_bodies=rng.integers(0, 3, shape).astype(np.uint8),
        land_cover=rng.choice([10, 190, 200, 210], shape).astype(np.uint8),
        snow_condition=rng.choice([0, 5, 254], shape).astype(np.uint8),
    )


def same(first: Classification, second: Classification) -> None:
    for name in ("classes", "cloud_confidence", "snow_confidence", "valid"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("mapped", [False, True])
def test_strips_threads_and_repetition_change_nothing(classic: bool, mapped: bool) -> None:
    numbers = field([CLOUD, MEADOW, ROOF, SNOW, MEADOW], 0.15, 5)
    shape = numbers["B02"].shape
    around = Surroundings(
        sun=SunDirection(33.0, 160.0), ground=ground_of(shape) if mapped else Ground(), snow_height_m=1000.0
    )
    parameters = ClassificationParameters(sc_classic=classic)
    expected = classify_tile(numbers, SCALE, parameters, strip_rows=shape[0], surroundings=around)
    assert len(np.unique(expected.classes)) > 6
    threads = cv2.getNumThreads()
    try:
        for rows, number in ((1, 1), (13, 2), (128, 4)):
            cv2.setNumThreads(number)
            same(classify_tile(numbers, SCALE, parameters, strip_rows=rows, surroundings=around), expected)
    finally:
        cv2.setNumThreads(threads)


def test_roofs_go_and_clouds_stay() -> None:
    """40 x 40 pixels of cloud, and three roofs of 5 x 5 that classic rules call cloud, on a meadow."""
    numbers = field([MEADOW], 0.01, 1)
    for band, value in numbers.items():
        scale = 2 if band == "B08" else 1
        value[100 * scale : 140 * scale, 60 * scale : 100 * scale] = round(CLOUD.get(band, 0.7) * 10000)
        for row in (40, 160, 200):
            # As bright as grey roofs under haze: NDBI below -0.05.
            roof = 0.24 if band in ("B11", "B12") else 0.30
            value[row * scale : (row + 5) * scale, 150 * scale : 155 * scale] = round(roof * 10000)
    numbers["B10"][:] = 10
    found = classify_tile(numbers, SCALE, P).classes
    classic = classify_tile(numbers, SCALE, ClassificationParameters(sc_classic=True)).classes
    assert np.isin(classic[160:165, 150:155], (7, 8, 9)).all()
    assert np.isin(found[105:135, 65:95], (8, 9)).all()
    for row in (40, 160, 200):
        assert not np.isin(found[row - 3 : row + 8, 147:158], (7, 8, 9)).any()


def test_surf_on_a_shore_is_no_snow() -> None:
    water = dict.fromkeys(BANDS, 0.02) | {"B02": 0.09, "B03": 0.06, "B04": 0.035, "B11": 0.008, "B12": 0.005}
    foam = dict.fromkeys(BANDS, 0.23) | {"B10": 0.001, "B8A": 0.21, "B09": 0.07, "B11": 0.06, "B12": 0.03}
    for level, expected in ((1.0, (5, 6)), (2.2, (11,))):
        numbers = field([MEADOW], 0.0, 1)
        for band, value in numbers.items():
            scale = 2 if band == "B08" else 1
            value[:, 100 * scale :] = round(water[band] * 10000)
            value[50 * scale : 200 * scale, 100 * scale : 104 * scale] = round(level * foam[band] * 10000)
        numbers["B10"][:] = 10
        found = classify_tile(numbers, SCALE, P).classes
        assert np.isin(found[60:190, 101:103], expected).all()
