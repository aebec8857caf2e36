"""Thin cirrus over bright ground and over cloud, by spectra written down by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene
from tasks.classification.thin_cirrus import cirrus_over_terrain, without_cirrus

P = ClassificationParameters()
MEADOW = {"B01": 0.12, "B02": 0.09, "B03": 0.09, "B04": 0.06, "B05": 0.11, "B8A": 0.40, "B09": 0.15, "B10": 0.001,
          "B11": 0.20, "B12": 0.10}  # fmt: skip
SOIL = {"B01": 0.15, "B02": 0.15, "B03": 0.17, "B04": 0.20, "B05": 0.22, "B8A": 0.27, "B09": 0.10, "B10": 0.001,
        "B11": 0.30, "B12": 0.28}  # fmt: skip
GREY_CLOUD = {"B01": 0.45, "B02": 0.44, "B03": 0.43, "B04": 0.43, "B05": 0.44, "B8A": 0.46, "B09": 0.28, "B10": 0.003,
              "B11": 0.38, "B12": 0.30}  # fmt: skip


def under(spectrum: dict[str, float], b10: float) -> dict[str, float]:
    """Return a spectrum under cirrus that adds as much to each band as to B10, beyond 1.5 um 0.6 of it."""
    return {band: value + b10 * (0.6 if band in ("B11", "B12") else 1.0) for band, value in spectrum.items()}


def scene_of(spectrum: dict[str, float], code: int, cloud: float) -> Scene:
    bands = {name: np.full((2, 3), value, np.float32) for name, value in spectrum.items()}
    scene = Scene.unclassified(bands, np.zeros((2, 3), bool))
    scene.classes[...] = code
    scene.cloud[...] = cloud
    return scene


@pytest.mark.parametrize(
    ("spectrum", "b10", "code", "cloud", "expected", "left"),
    [
        (MEADOW, 0.020, 4, 0.0, 10, 0.0),
        (SOIL, 0.020, 9, 0.85, 10, 0.0),  # without cirrus B02/B11 = 0.15/0.31: soil
        (GREY_CLOUD, 0.020, 9, 1.0, 9, 1.0),  # still a cloud below it
        (SOIL, 0.040, 8, 0.5, 8, 0.5),  # too thick to be thin
        (SOIL, 0.005, 9, 0.85, 9, 0.85),  # below T1_B10
        (SOIL, 0.020, 11, 0.0, 11, 0.0),
        (SOIL, 0.020, 0, 0.0, 0, 0.0),
    ],
)
def test_what_lies_below_decides(
    spectrum: dict[str, float], b10: float, code: int, cloud: float, expected: int, left: float
) -> None:
    scene = scene_of(under(spectrum, b10), code, cloud)
    cirrus_over_terrain(scene, P)
    assert np.unique(scene.classes).tolist() == [expected]
    np.testing.assert_allclose(scene.cloud, left)


def test_brightness_without_cirrus_is_that_of_the_ground() -> None:
    """Without 0.02 of cirrus (0.01 in B11) B04 is 0.22, which gives (0.16/0.19)^2; of that B02/B11 = 0.15/0.21 leaves a
    share in step 5.1."""
    spectrum = {"B01": 0.19, "B02": 0.17, "B03": 0.25, "B04": 0.24, "B05": 0.25, "B8A": 0.33, "B09": 0.10, "B10": 0.02,
                "B11": 0.22, "B12": 0.20}  # fmt: skip
    scene = scene_of(spectrum, 9, 1.0)
    opaque, cloud = without_cirrus(scene, np.ones((2, 3), bool), P)
    assert opaque.shape == cloud.shape == (6,)
    assert not opaque.any()
    np.testing.assert_allclose(cloud, (0.16 / 0.19) ** 2 * (0.15 / 0.21 - 0.7) / 0.3, rtol=1e-4)


def test_only_the_pixels_asked_for_change() -> None:
    scene = scene_of(under(SOIL, 0.02), 9, 0.85)
    scene.reflectance["B10"][0, 0] = 0.002
    cirrus_over_terrain(scene, P)
    assert scene.classes.ravel().tolist() == [9, 10, 10, 10, 10, 10]
    assert scene.cloud[0, 0] == np.float32(0.85)
