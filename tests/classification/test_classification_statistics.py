"""Class percentages of the product's metadata, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.classification.statistics import image_content_qi


def test_percentages_of_a_counted_map() -> None:
    counts = {0: 60, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 40, 7: 7, 8: 8, 9: 9, 10: 10, 11: 11}
    scl = np.repeat(list(counts), list(counts.values())).astype(np.uint8).reshape(8, 20)
    shares = image_content_qi(scl)
    assert list(shares) == [
        "CLOUDY_PIXEL_PERCENTAGE",
        "CLOUDY_PIXEL_OVER_LAND_PERCENTAGE",
        "NODATA_PIXEL_PERCENTAGE",
        "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE",
        "DARK_FEATURES_PERCENTAGE",
        "CLOUD_SHADOW_PERCENTAGE",
        "VEGETATION_PERCENTAGE",
        "NOT_VEGETATED_PERCENTAGE",
        "WATER_PERCENTAGE",
        "UNCLASSIFIED_PERCENTAGE",
        "MEDIUM_PROBA_CLOUDS_PERCENTAGE",
        "HIGH_PROBA_CLOUDS_PERCENTAGE",
        "THIN_CIRRUS_PERCENTAGE",
        "SNOW_ICE_PERCENTAGE",
    ]
    assert list(shares.values()) == pytest.approx(
        [27, 45, 37.5, 1, 2, 3, 4, 5, 40, 7, 8, 9, 10, 11], abs=1e-12
    )  # 100 valid pixels of 160, 60 of them not water


def test_a_map_without_data_divides_nothing_by_nothing() -> None:
    shares = image_content_qi(np.zeros((3, 4), np.uint8))
    assert shares.pop("NODATA_PIXEL_PERCENTAGE") == 100.0
    assert set(shares.values()) == {0.0}


def test_sea_only_has_no_land() -> None:
    shares = image_content_qi(np.full((3, 4), 6, np.uint8))
    assert shares["WATER_PERCENTAGE"] == 100.0
    assert shares["CLOUDY_PIXEL_OVER_LAND_PERCENTAGE"] == 0.0


def test_land_of_the_water_bodies_decides_on_cloud_over_land() -> None:
    scl = np.array([[8, 9, 4, 6, 10, 0]], np.uint8)
    water_bodies = np.array([[1, 2, 1, 1, 0, 1]], np.uint8)
    assert image_content_qi(scl, water_bodies)["CLOUDY_PIXEL_OVER_LAND_PERCENTAGE"] == pytest.approx(100 / 3)
    assert image_content_qi(scl)["CLOUDY_PIXEL_OVER_LAND_PERCENTAGE"] == pytest.approx(100 * 3 / 4)
