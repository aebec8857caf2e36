"""Opens one side of a comparison: a Level-2A product, or the truth beside a simulated Level-1C product."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from tasks.common.bands import BANDS, band_id
from tasks.common.errors import InvalidInput
from tasks.common.xml import parse_xml, shown

_TRUTH_IMAGE = re.compile(r"(B\d\d|B8A|AOT|WVP|SCL)_(10|20|60)m\.tif")
_PRODUCT_IMAGE = re.compile(r".*_(B\d\d|B8A|AOT|WVP|SCL)_(10|20|60)m\.(?:jp2|tif|rawl)")


@dataclass(frozen=True)
class Side:
    """Images of one side by name and resolution, and how their numbers become physical values."""

    path: Path
    images: dict[tuple[str, int], Path]
    scale: dict[str, tuple[float, float]]
    """Offset and divisor by name: value = (number + offset) / divisor. Empty for truth, which is physical."""

    def window(self, name: str, resolution: int, rows: slice, cols: int) -> NDArray[Any]:
        """Return a row strip: classes as stored, everything else as float32 in physical units, NaN without data.

        Raises:
            InvalidInput: the image cannot be read.
        """
        path = self.images[name, resolution]
        try:
            with rasterio.open(path) as source:
                numbers = source.read(1, window=Window(0, rows.start, cols, rows.stop - rows.start))
        except RasterioError as error:
            raise InvalidInput(f"{shown(path)}: the image cannot be read ({shown(str(error))})") from error
        if name == "SCL":
            return np.asarray(numbers)
        values: NDArray[Any] = numbers.astype(np.float32)
        if self.scale:
            offset, divisor = self.scale[name]
            values = (values + np.float32(offset)) / np.float32(divisor)
            values[numbers == 0] = np.nan
        return values

    def grid(self, name: str, resolution: int) -> tuple[int, int, tuple[float, ...]]:
        """Return rows, columns and geotransform of an image."""
        path = self.images[name, resolution]
        try:
            with rasterio.open(path) as source:
                return source.height, source.width, tuple(source.transform)[:6]
        except RasterioError as error:
            raise InvalidInput(f"{shown(path)}: the image cannot be opened ({shown(str(error))})") from error


def open_side(path: Path) -> Side:
    """Return a side of a comparison.

    Args:
        path: a Level-2A SAFE folder with one granule (of any baseline), or a truth folder of the simulator.

    Raises:
        InvalidInput: it is neither.
    """
    metadata = path / "MTD_MSIL2A.xml"
    if metadata.is_file():
        files = sorted(path.glob("GRANULE/*/IMG_DATA/R*m/*"))
        return Side(path, _named(files, _PRODUCT_IMAGE), _scales(metadata))
    images = _named(sorted(path.glob("*.tif")) if path.is_dir() else [], _TRUTH_IMAGE)
    if not images:
        raise InvalidInput(f"{shown(path)}: neither a Level-2A product (MTD_MSIL2A.xml) nor a folder of truth images")
    return Side(path, images, {})


def _named(files: list[Path], pattern: re.Pattern[str]) -> dict[tuple[str, int], Path]:
    found = ((pattern.fullmatch(file.name), file) for file in files)
    return {(match[1], int(match[2])): file for match, file in found if match}


def _scales(metadata: Path) -> dict[str, tuple[float, float]]:
    """Return offset and divisor of every image; products before baseline 04.00 have no offsets."""
    root = parse_xml(metadata)
    divisor = {
        name: next(iter(root.descendants(f"{name}_QUANTIFICATION_VALUE"))).number() for name in ("BOA", "AOT", "WVP")
    }
    offsets = {int(node.attribute("band_id")): node.number() for node in root.descendants("BOA_ADD_OFFSET")}
    scales = {band: (offsets.get(band_id(band), 0.0), divisor["BOA"]) for band in BANDS}
    return scales | {name: (0.0, divisor[name]) for name in ("AOT", "WVP")}
