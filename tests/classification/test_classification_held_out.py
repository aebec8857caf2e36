"""Real pixels that no rule was decided upon: what anybody sees in them, and the cloud cover that ESA gives for them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

from tasks.classification.classify import Surroundings, classify_tile
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.sweep import DigitalNumberScale
from tasks.common.bands import BANDS

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SCALE = DigitalNumberScale(dict.fromkeys(BANDS, 0), 10000.0)


def shares(numbers: dict[str, np.ndarray], pixel_m: float, sun: SunDirection) -> np.ndarray:
    """Return the share of each class among the pixels with data [%]."""
    around = Surroundings(pixel_m=pixel_m, sun=sun, snow_possible=False)
    parameters = ClassificationParameters(resolution=20 if pixel_m == 20 else 60)
    classes = classify_tile(numbers, SCALE, parameters, surroundings=around).classes
    counts = np.bincount(classes.ravel(), minlength=12)
    return 100.0 * counts / counts[1:].sum()


def test_green_fields_in_may_are_vegetation_and_soil() -> None:
    """3 km of Brandenburg (T33UUB, 27 May 2017) at 20 m: fields, a village, ponds. The file has no B10."""
    file = DATA / "l1c-fullres-chips" / "S2A_20170527_T33UUB.npz"
    if not file.is_file():
        pytest.skip("the real chip is not here")
    stored = np.load(file)
    bands = {
        str(name): band
        for grid in (10, 20, 60)
        for name, band in zip(stored[f"bands{grid}"], stored[f"im{grid}"], strict=True)
    }
    numbers = {
        name: cv2.resize(band, (150, 150), interpolation=cv2.INTER_AREA if band.shape[0] > 150 else cv2.INTER_LINEAR)
        for name, band in bands.items()
        if name != "B08"
    }
    numbers |= {"B08": bands["B08"], "B10": np.full((150, 150), 10, np.uint16)}
    found = shares(numbers, 20.0, SunDirection(58.0, 155.0))
    assert found[4] > 75.0
    assert 10.0 < found[5] < 25.0
    assert found[[2, 6, 7]].sum() < 2.0
    assert found[[3, 8, 9, 10, 11]].sum() == 0.0


def thinned(read: Callable[[str], np.ndarray]) -> dict[str, np.ndarray]:
    """Return the bands of an overview on the grid of its B11, without data where any band but B10 is 0."""
    bands = {band: read(band) for band in BANDS}
    size = bands["B11"].shape[::-1]
    numbers = {}
    for band, values in bands.items():
        how = cv2.INTER_AREA if values.shape[1] > size[0] else cv2.INTER_LINEAR
        numbers[band] = values if values.shape[::-1] == size else cv2.resize(values, size, interpolation=how)
    missing = np.any([values == 0 for band, values in numbers.items() if band != "B10"], axis=0)
    return {band: np.where(missing, 0, np.maximum(values, 1)).astype(np.uint16) for band, values in numbers.items()}


@pytest.mark.parametrize(
    ("name", "pixel_m", "sun", "cover"),
    [
        ("T56JMM", 500.0, SunDirection(33.0, 35.0), (0.0, 0.5)),
        ("T55JEJ", 1270.0, SunDirection(60.0, 70.0), (0.0, 0.5)),
        ("T48LWP", 5490.0, SunDirection(55.0, 40.0), (80.0, 100.0)),
    ],
)
def test_cloud_cover_of_thinned_products(
    name: str, pixel_m: float, sun: SunDirection, cover: tuple[float, float]
) -> None:
    """Winter forest in Queensland, dry New South Wales (ESA: 0 % cloud) and the Java Sea (98.9 %)."""
    folder = next(DATA.glob(f"l1c-lowres-eodatasets/*_{name}_*.SAFE"), None)
    archive = next(DATA.glob(f"l1c-wagl-172/*_{name}_*.zip"), None)
    if folder is not None:
        numbers = thinned(lambda band: rasterio.open(next(folder.rglob(f"IMG_DATA/*_{band}.jp2"))).read(1))
        metadata = (folder / "MTD_MSIL1C.xml").read_text(encoding="utf-8")
    elif archive is not None:
        with zipfile.ZipFile(archive) as packed:
            files = packed.namelist()

            def read(band: str) -> np.ndarray:
                image = packed.read(next(f for f in files if "IMG_DATA" in f and f.endswith(f"_{band}.jp2")))
                with MemoryFile(image) as memory, memory.open() as source:
                    return source.read(1)

            numbers = thinned(read)
            metadata = packed.read(next(f for f in files if f.endswith("MTD_MSIL1C.xml"))).decode()
    else:
        pytest.skip("the real product is not here")
    said = float(re.findall(r"Cloud_Coverage_Assessment>([\d.]+)<", metadata)[0])
    found = shares(numbers, pixel_m, sun)
    assert cover[0] <= said <= cover[1]
    assert cover[0] <= found[[8, 9, 10]].sum() <= cover[1]
    assert found[11] == 0.0
    assert found[3] < (0.5 if said == 0 else 5.0)
