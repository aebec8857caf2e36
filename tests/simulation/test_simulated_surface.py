"""Spectra and land-cover patterns of the simulation."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.common.bands import BANDS
from tasks.simulation.landscape import cloud_opacity, cloud_shadow, correlated_noise, lay_out
from tasks.simulation.spectra import (
    DARK_VEGETATION,
    SPECTRA,
    Cover,
    scene_class_table,
    surface_reflectance_of,
)


def spectrum(cover: Cover) -> dict[str, float]:
    return dict(zip(BANDS, SPECTRA[cover].reflectance, strict=True))


def test_every_cover_has_thirteen_reflectances() -> None:
    assert set(SPECTRA) == set(Cover)
    for entry in SPECTRA.values():
        assert len(entry.reflectance) == len(BANDS)
        assert all(0.0 < value <= 1.0 for value in entry.reflectance)


@pytest.mark.parametrize("cover", DARK_VEGETATION)
def test_dark_vegetation_keeps_the_relation_of_blue_red_and_swir_in_every_pixel(cover: Cover) -> None:
    generator = np.random.default_rng(3)
    brightness, slope = generator.standard_normal((2, 40, 50)).astype(np.float32)
    covers = np.full((40, 50), cover, np.uint8)
    blue, red, swir = (surface_reflectance_of(band, covers, brightness, slope) for band in ("B02", "B04", "B12"))
    np.testing.assert_allclose(red, 0.5 * swir, rtol=2e-6)
    np.testing.assert_allclose(blue, 0.5 * red, rtol=2e-6)
    assert red.std() > 0.001


@pytest.mark.parametrize("cover", list(Cover))
def test_spectra_look_like_their_class(cover: Cover) -> None:
    rho = spectrum(cover)
    index = (rho["B08"] - rho["B04"]) / (rho["B08"] + rho["B04"])
    kind = SPECTRA[cover].scene_class
    assert scene_class_table()[cover] == kind
    if kind == 4:
        assert index > 0.5
        assert rho["B03"] > rho["B02"]
    elif kind == 5:
        assert index < 0.35
        assert rho["B11"] >= rho["B8A"]
    elif kind == 6:
        assert rho["B8A"] < 0.02
        assert rho["B11"] < 0.01
    else:
        assert (rho["B03"] - rho["B11"]) / (rho["B03"] + rho["B11"]) > 0.5


def test_reflectance_by_hand() -> None:
    # Dark soil, one deviation brighter (10 %), one deviation steeper (8 % of the position -0.5 of B01).
    covers = np.full((1, 1), Cover.SOIL_DARK, np.uint8)
    one = np.ones((1, 1), np.float32)
    found = surface_reflectance_of("B01", covers, one, one)
    assert found[0, 0] == pytest.approx(0.060 * 1.10 * (1 - 0.08 * 0.5), rel=1e-6)
    assert found.dtype == np.float32


def test_the_same_seed_gives_the_same_landscape_and_another_seed_another() -> None:
    first, again, other = lay_out((240, 300), 5), lay_out((240, 300), 5), lay_out((240, 300), 6)
    assert np.array_equal(first.cover, again.cover)
    assert np.array_equal(first.brightness, again.brightness)
    assert np.array_equal(first.slope, again.slope)
    assert not np.array_equal(first.cover, other.cover)


@pytest.mark.parametrize("seed", [1, 2, 3, 7])
def test_a_landscape_has_land_forest_and_sea(seed: int) -> None:
    cover = lay_out((1200, 1200), seed).cover
    share = np.bincount(cover.ravel(), minlength=max(Cover) + 1) / cover.size
    assert share[0] == 0
    assert share[[Cover.CONIFER, Cover.DECIDUOUS]].sum() > 0.1
    assert share[[Cover.WATER_CLEAR, Cover.WATER_TURBID]].sum() > 0.1
    assert share[Cover.CROP_DENSE : Cover.URBAN].sum() > 0.1
    assert share[Cover.SNOW] == 0


def test_snow_covers_the_part_that_was_asked_for() -> None:
    cover = lay_out((600, 600), 1, snow_fraction=0.3).cover
    assert 0.1 < np.mean(cover == Cover.SNOW) < 0.35


def test_noise_is_about_standard_normal_and_smooth() -> None:
    noise = correlated_noise((400, 500), 20.0, 11)
    assert abs(float(noise.mean())) < 0.3
    assert 0.6 < float(noise.std()) < 1.4
    assert float(np.abs(np.diff(noise, axis=1)).mean()) < 0.4


def test_clouds_cover_the_part_that_was_asked_for() -> None:
    opacity = cloud_opacity((600, 500), 0.2, 3)
    assert np.mean(opacity > 0.5) == pytest.approx(0.2, abs=0.02)
    assert opacity.min() == 0.0
    assert opacity.max() <= 1.0
    assert not cloud_opacity((60, 60), 0.0, 3).any()


def test_shadow_falls_away_from_the_sun() -> None:
    opacity = np.zeros((40, 40), np.float32)
    opacity[20, 20] = 1.0
    # Sun in the south-east at 45 deg, cloud at 100 m: ten pixels to the north-west, seven in each direction.
    shadow = cloud_shadow(opacity, 45.0, 135.0, 100.0)
    assert np.argwhere(shadow == 1.0).tolist() == [[13, 13]]
