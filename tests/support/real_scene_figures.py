"""Figures of the processed real scene (tile T18SVG, 12 January 2016) at places picked by eye on its picture.

Usage: python tests/support/real_scene_figures.py PRODUCT.SAFE
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window, from_bounds

PLACES: dict[str, tuple[float, float, float, float]] = {
    "pine forest": (438200, 4169740, 438480, 4169960),
    "winter crop": (438720, 4169700, 438940, 4169920),
    "bare field": (437920, 4169320, 438160, 4169620),
    "beach": (447820, 4170060, 447920, 4170480),
    "ocean": (452500, 4164000, 454500, 4168000),
}
"""West, south, east, north in UTM zone 18 N [m]."""

FINEST = {"B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20, "B08": 10, "B8A": 20, "B09": 60}
FINEST |= {"B11": 20, "B12": 20}
LAND_CLASSES = (4, 5)


def image(product: Path, name: str, resolution: int) -> Path:
    """Return the path of an image of the product."""
    return next(product.glob(f"GRANULE/*/IMG_DATA/R{resolution}m/*_{name}_{resolution}m.jp2"))


def reflectance(path: Path, box: tuple[float, float, float, float] | None = None) -> NDArray[Any]:
    """Return the surface reflectance of an image or of a box of it; NaN where there is no data."""
    with rasterio.open(path) as source:
        window = from_bounds(*box, source.transform).round_offsets().round_lengths() if box else None
        dn = source.read(1, window=window or Window(0, 0, source.width, source.height)).astype(np.float32)
    return np.where(dn == 0, np.nan, (dn - 1000.0) / 10000.0)


def medians(product: Path) -> dict[str, dict[str, float]]:
    """Return the median surface reflectance per place and band, each band at its finest resolution.

    Places without data in the product are left out.
    """
    found = {}
    for place, box in PLACES.items():
        if not np.isnan(reflectance(image(product, "B12", 20), box)).all():
            found[place] = {b: float(np.nanmedian(reflectance(image(product, b, r), box))) for b, r in FINEST.items()}
    return found


def classes(product: Path) -> NDArray[np.uint8]:
    """Return the scene classification at 20 m."""
    with rasterio.open(image(product, "SCL", 20)) as source:
        scl: NDArray[np.uint8] = source.read(1)
    return scl


def shares_of_land(product: Path) -> dict[int, float]:
    """Return the share [%] of each class 8..11 in the pixels with data that are not water."""
    scl = classes(product)
    land = np.count_nonzero((scl != 0) & (scl != 6))
    return {value: 100.0 * np.count_nonzero(scl == value) / land for value in (8, 9, 10, 11)}


def negative_on_land(product: Path) -> dict[str, float]:
    """Return the share [%] of negative reflectance on land (classes 4 and 5) per band."""
    land = np.isin(classes(product), LAND_CLASSES)
    found = {}
    for band, resolution in FINEST.items():
        values = reflectance(image(product, band, resolution))
        if resolution == 10:
            mask = np.repeat(np.repeat(land, 2, axis=0), 2, axis=1)
        elif resolution == 60:
            mask = land.reshape(land.shape[0] // 3, 3, -1, 3).all(axis=(1, 3))
        else:
            mask = land
        found[band] = 100.0 * float(np.mean(values[mask] < 0))
    return found


def main() -> None:
    """Print the tables in Markdown."""
    product = Path(sys.argv[1])
    print("| place | " + " | ".join(FINEST) + " |\n|" + " --- |" * (len(FINEST) + 1))
    for place, values in medians(product).items():
        print(f"| {place} | " + " | ".join(f"{values[band]:.3f}" for band in FINEST) + " |")
    print("negative on land [%]:", {band: round(share, 3) for band, share in negative_on_land(product).items()})
    print("share of land [%]:", {value: round(share, 3) for value, share in shares_of_land(product).items()})


if __name__ == "__main__":
    main()
