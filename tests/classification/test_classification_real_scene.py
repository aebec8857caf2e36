"""Real Level-1C: the cloud-free coast of Virginia (T18SVG, 2016-01-12), and an Alpine lake with ESA's own class map."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio

from tasks.classification.classify import Classification, Surroundings, classify_tile
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.statistics import image_content_qi
from tasks.classification.sweep import DigitalNumberScale
from tasks.common.bands import BANDS, BANDS_20M, NATIVE_RESOLUTION

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SCALE = DigitalNumberScale(dict.fromkeys(BANDS, 0), 10000.0)


def block_mean(values: np.ndarray) -> np.ndarray:
    rows, cols = values.shape
    return (values.reshape(rows // 2, 2, cols // 2, 2).mean(axis=(1, 3)) + 0.5).astype(np.uint16)


def at_20m(band: str, values: np.ndarray) -> np.ndarray:
    if NATIVE_RESOLUTION[band] == 10:
        return block_mean(values)
    if NATIVE_RESOLUTION[band] == 60:
        size = (values.shape[1] * 3, values.shape[0] * 3)
        return np.round(cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)).astype(np.uint16)
    return values


@pytest.fixture(scope="module", params=[False, True], ids=["default", "classic"])
def coast(request: pytest.FixtureRequest) -> Classification:
    folder = DATA / "l1c-18SVG-crop"
    if not folder.is_dir():
        pytest.skip("the real scene is not here")
    numbers = {}
    for band in BANDS_20M:
        with rasterio.open(folder / f"T18SVG_20160112_{band}.jp2") as image:
            numbers[band] = at_20m(band, image.read(1))
    with rasterio.open(folder / "T18SVG_20160112_B08.jp2") as image:
        numbers["B08"] = image.read(1)
    around = Surroundings(sun=SunDirection(28.0, 160.0), snow_height_m=-900.0)
    return classify_tile(numbers, SCALE, ClassificationParameters(sc_classic=request.param), surroundings=around)


def test_cloud_free_coast_is_vegetation_soil_and_water(coast: Classification) -> None:
    shares = image_content_qi(coast.classes)
    clear = sum(shares[f"{name}_PERCENTAGE"] for name in ("VEGETATION", "NOT_VEGETATED", "WATER"))
    assert clear > 80.0
    assert shares["VEGETATION_PERCENTAGE"] > 35.0
    assert shares["NOT_VEGETATED_PERCENTAGE"] > 10.0
    assert shares["WATER_PERCENTAGE"] > 25.0


def test_cloud_free_coast_has_no_cloud_and_no_snow(coast: Classification) -> None:
    """Beach and surf may not make more than 1 % of what is not water, not even together."""
    land = ((coast.classes != 0) & (coast.classes != 6)).sum()
    assert (coast.classes >= 8).sum() / land < 0.01
    assert (coast.classes == 10).sum() == 0


@pytest.mark.parametrize("coast", [False], indirect=True, ids=["default"])
def test_cloud_free_coast_has_no_cloud_shadow(coast: Classification) -> None:
    """Dark marsh lies where roofs and foam, taken for small clouds, could throw shadows; classic mode calls 3 % so."""
    assert (coast.classes == 3).mean() < 0.0005


def test_places_of_the_coast(coast: Classification) -> None:
    """Pixels picked from the picture: open ocean, lagoon, forest, ploughed field."""
    places = {
        "ocean": (slice(300, 590), slice(555, 595), 6),
        "lagoon": (slice(60, 120), slice(540, 570), 6),
        "forest": (slice(400, 440), slice(180, 210), 4),
        "field": (slice(38, 62), slice(475, 499), 5),
    }
    for name, (rows, cols, code) in places.items():
        assert (coast.classes[rows, cols] == code).mean() > 0.95, name


def test_alpine_lake_agrees_with_the_class_map_of_esa() -> None:
    """Sen2Cor's map of 2017 of the same pixels. The file has B08 in place of B8A, and the map was made with a DEM."""
    folder = DATA / "l1c-l2a-pair-barbellino"
    if not folder.is_dir():
        pytest.skip("the real pair is not here")
    names = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B10", "B11", "B12")
    with rasterio.open(folder / "S2A1C_20170703_022_Barbellino_TOA_10.tif") as image:
        numbers = {name: block_mean(values) for name, values in zip(names, image.read(), strict=True)}
    with rasterio.open(folder / "S2A2A_20170703_022_Barbellino_SCL_10.tif") as image:
        expected = image.read(1)
    classes = classify_tile(numbers, SCALE, ClassificationParameters(sc_classic=True)).classes
    assert (classes == expected).mean() > 0.90
    water, cloud = expected == 6, np.isin(expected, (8, 9))
    assert np.isin(classes[water], (2, 6)).all()
    assert np.isin(classes[cloud], (8, 9)).mean() > 0.9
