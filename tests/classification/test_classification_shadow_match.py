"""Small clouds and their shadows, matched by shape: places counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from shadow_scene import shadow_scene

from tasks.classification.morphology import Blobs
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.shadow_match import matched_zone, split_by_size

SOUTH = SunDirection(45.0, 180.0)
"""The shadow of a cloud 1200 m high lies 20 pixels of 60 m to the north."""
SIZE = 80


def empty() -> np.ndarray:
    return np.zeros((SIZE, SIZE), np.bool_)


def one_cloud() -> np.ndarray:
    cloud = empty()
    cloud[60:64, 30:36] = True
    return cloud


def zone(cloud: np.ndarray, dark: np.ndarray, hidden: np.ndarray | None = None) -> np.ndarray:
    hidden = cloud if hidden is None else cloud | hidden
    return matched_zone(Blobs.of(cloud, 8), hidden, dark, SOUTH, 60.0)


def test_a_patch_of_the_clouds_shape_is_its_shadow() -> None:
    dark = empty()
    dark[40:44, 30:36] = True
    found = zone(one_cloud(), dark)
    assert found[40:44, 30:36].all()
    rows, cols = np.nonzero(found)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (38, 45, 28, 37)  # two pixels of margin


def test_a_large_dark_area_is_no_shadow() -> None:
    assert not zone(one_cloud(), ~empty()).any()


def test_a_dark_patch_aside_of_the_way_is_no_shadow() -> None:
    dark = empty()
    dark[40:44, 45:51] = True
    assert not zone(one_cloud(), dark).any()


def test_a_patch_nearer_than_any_cloud_or_farther_is_no_shadow() -> None:
    """The ladder of heights ends at 6 km; 70 m above the ground no cloud is looked for."""
    dark = empty()
    dark[59, 30:36] = True
    assert not zone(one_cloud(), dark).any()
    far = np.zeros((300, 80), np.bool_)
    far[290:294, 30:36] = True
    dark = np.zeros_like(far)
    dark[290 - 120 : 294 - 120, 30:36] = True  # 7200 m
    assert not zone(far, dark).any()


@pytest.mark.parametrize(("columns", "found"), [(1, False), (2, False), (3, True), (6, True)])
def test_a_third_of_the_shape_is_enough(columns: int, found: bool) -> None:
    """Of six columns two are 0.33, three 0.5; the ring round them is light."""
    dark = empty()
    dark[40:44, 30 : 30 + columns] = True
    assert zone(one_cloud(), dark).any() == found


def test_water_and_clouds_hide_the_shadow_and_do_not_count_as_light() -> None:
    """Where three of six columns are water the other three decide; where five are, too little is seen."""
    dark, water = empty(), empty()
    water[:, 33:] = True
    assert not zone(one_cloud(), ~water, water).any()
    dark[40:44, 30:33] = True
    assert zone(one_cloud(), dark, water).any()
    water[:, 31:] = True
    assert not zone(one_cloud(), dark & ~water, water).any()


def test_every_cloud_finds_its_own_height() -> None:
    cloud, dark = one_cloud(), empty()
    cloud[50:53, 5:8] = True
    dark[40:44, 30:36] = True  # 1200 m
    dark[10:13, 5:8] = True  # 2400 m
    found = zone(cloud, dark)
    assert found[11, 6]
    assert found[41, 33]
    assert found.sum() == 8 * 10 - 12 + 7 * 7 - 12  # each grown by a diamond of radius 2, without its corners


def test_clouds_are_parted_by_their_area() -> None:
    """At 60 m a square kilometre is 278 pixels."""
    cloud = empty()
    cloud[0:16, 0:17] = True  # 272
    cloud[30:47, 30:47] = True  # 289
    core = cloud.copy()
    core[0] = False
    large, small = split_by_size(cloud, core, 60.0)
    assert large[40, 40]
    assert not large[:20].any()
    assert small.number == 2
    assert small.sizes[1] == 15 * 17


@pytest.mark.parametrize(("elevation", "azimuth", "radii"), [(55.0, 140.0, (5, 20)), (24.0, 200.0, (4, 10))])
def test_shadows_of_small_clouds(elevation: float, azimuth: float, radii: tuple[int, int]) -> None:
    figures = shadow_scene(SunDirection(elevation, azimuth), 11, size=360, clouds=14, radii=radii).figures()
    assert figures["shadow_recall"] > 75.0
    assert figures["shadow_precision"] > 90.0
