"""Classes against truth: labelled spectra, shadows of clouds of known height, and ESA's own map of a real scene."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import esa_half
import numpy as np
import pytest
from labelled_spectra import (
    BRIGHT,
    CLOUDS,
    HELD_OUT,
    TUNED,
    Labelled,
    bright_as_cloud,
    classified,
    cloud_accuracy,
    labelled_spectra,
    matrix,
    producers_accuracy,
    users_accuracy,
)
from shadow_scene import every_surface, shadow_scene

from tasks.classification.classify import Surroundings, classify_tile
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.snow_climatology import lowest_snow_height_m
from tasks.classification.sweep import DigitalNumberScale
from tasks.common.bands import BANDS


@pytest.fixture(scope="module")
def labelled() -> Labelled:
    return labelled_spectra()


@pytest.fixture(scope="module")
def found(labelled: Labelled) -> np.ndarray:
    return classified(labelled, classic=False)


def below(limit: float, shares: dict[Any, float]) -> dict[Any, float]:
    return {name: share for name, share in shares.items() if not share >= limit}


def test_every_class_is_found(labelled: Labelled, found: np.ndarray) -> None:
    """Vegetation 4, not vegetated 5, water 6, opaque cloud 8 and 9, thin cirrus 10, snow 11: each as itself alone."""
    right = producers_accuracy(matrix(labelled, found))
    assert set(right) == {4, 5, 6, 8, 10, 11}
    assert below(0.85, right) == {}


def test_every_kind_of_cloud_is_found(labelled: Labelled, found: np.ndarray) -> None:
    clouds = cloud_accuracy(labelled, found)
    assert set(clouds) == set(CLOUDS)
    assert below(0.85, clouds) == {}
    assert below(0.95, {cloud: share for cloud, share in clouds.items() if cloud.startswith(("thick", "grey"))}) == {}


def test_what_is_called_a_class_is_of_that_class(labelled: Labelled, found: np.ndarray) -> None:
    """User's accuracy, each true class with the same weight: the set has no natural composition."""
    assert below(0.85, users_accuracy(matrix(labelled, found))) == {}


def test_snow_and_cloud_are_not_confused(labelled: Labelled, found: np.ndarray) -> None:
    shares = matrix(labelled, found)
    assert shares[8][11] < 0.03
    assert shares[11][[8, 9, 10]].sum() < 0.03


def test_bright_ground_is_not_cloud(labelled: Labelled, found: np.ndarray) -> None:
    assert bright_as_cloud(labelled, found) < 0.03
    for name in BRIGHT:
        assert np.isin(found[np.array(labelled.names) == name], (8, 9, 10)).mean() < 0.03, name


def test_cirrus_under_thicker_vapour_is_still_cirrus() -> None:
    """Vapour above the cirrus takes 30 % of what B10 would show; the rule takes none away for it."""
    labelled = labelled_spectra(replace(TUNED, suns=(50.0,), aots=(0.08,), above_cirrus=0.7))
    right = producers_accuracy(matrix(labelled, classified(labelled, classic=False)))
    assert right[10] >= 0.85


def test_classic_mode_finds_vegetation_cloud_and_snow(labelled: Labelled) -> None:
    """Its rules are Sen2Cor's and not ours to better: soil, water and cirrus stay below 85 %."""
    right = producers_accuracy(matrix(labelled, classified(labelled, classic=True)))
    assert set(below(0.85, right)) == {5, 6, 10}
    assert below(0.50, right) == {}


def test_spectra_that_no_rule_was_decided_upon() -> None:
    """Other platform, suns, aerosol, water vapour and heights, and every spectrum bent at random."""
    held_out = labelled_spectra(HELD_OUT)
    found = classified(held_out, classic=False, seed=HELD_OUT.seed)
    shares = matrix(held_out, found)
    assert below(0.85, producers_accuracy(shares)) == {}
    assert below(0.85, users_accuracy(shares)) == {}
    assert shares[8][11] < 0.03
    assert shares[11][[8, 9, 10]].sum() < 0.03
    assert bright_as_cloud(held_out, found) < 0.03


@pytest.mark.parametrize("rugged", [False, True], ids=["flat", "rugged"])
@pytest.mark.parametrize(("elevation", "azimuth"), [(60.0, 140.0), (35.0, 165.0), (22.0, 200.0)])
def test_shadows_of_clouds_of_known_height(elevation: float, azimuth: float, rugged: bool) -> None:
    figures = shadow_scene(SunDirection(elevation, azimuth), 3, rugged=rugged, size=600).figures()
    assert figures["shadow_recall"] > 75.0
    assert figures["shadow_precision"] > 75.0
    assert figures["cloud_recall"] > 95.0
    assert not figures["terrain_recall"] < 75.0


@pytest.mark.parametrize(("elevation", "azimuth"), [(60.0, 140.0), (35.0, 165.0)])
def test_shadows_over_every_surface(elevation: float, azimuth: float) -> None:
    """Towns, roofs, salt, peat and dark soil too, which the sky's light alone makes as blue as water."""
    scene = every_surface(SunDirection(elevation, azimuth), size=900)
    recall = scene.shadow_recall_of_covers()
    assert len(recall) >= 15
    assert below(75.0, recall) == {}
    assert scene.figures()["shadow_precision"] > 75.0
    assert scene.water_as_shadow() < 1.0


@pytest.fixture(scope="module")
def half() -> esa_half.EsaHalf:
    if not esa_half.FILE.is_file():
        pytest.skip("the real Level-2A product is not here")
    return esa_half.load_esa_half()


def agreement(half: esa_half.EsaHalf, *, classic: bool, snow: bool) -> tuple[float, float]:
    sun = SunDirection(90.0 - esa_half.SUN_ZENITH, esa_half.SUN_AZIMUTH)
    around = Surroundings(pixel_m=60.0, sun=sun, snow_possible=snow)
    scale = DigitalNumberScale(dict.fromkeys(BANDS, -1000), 10000.0)
    parameters = ClassificationParameters(sc_classic=classic, resolution=60)
    result = classify_tile(half.numbers, scale, parameters, surroundings=around)
    return esa_half.agreement(half.scl, result.classes)


def test_real_scene_agrees_with_esa_without_any_auxiliary_map(half: esa_half.EsaHalf) -> None:
    """At least 90 % in the same group and 80 % in the same class, among the pixels that ESA does not call cirrus."""
    lowest = lowest_snow_height_m(esa_half.LATITUDE, esa_half.LONGITUDE, esa_half.MONTH, 5)
    group, same = agreement(half, classic=False, snow=lowest <= esa_half.HEIGHT_KM * 1000.0)
    assert group >= 90.0
    assert same >= 80.0


def test_default_mode_is_nearer_to_esa_than_the_classic_one(half: esa_half.EsaHalf) -> None:
    classic = agreement(half, classic=True, snow=False)
    default = agreement(half, classic=False, snow=False)
    assert default[0] > classic[0] + 10.0
    assert default[1] > classic[1] + 10.0
