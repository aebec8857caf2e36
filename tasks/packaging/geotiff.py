"""Writes images as GeoTIFF: tiled and deflated, with overviews inside, or as Cloud Optimized GeoTIFF.

GDAL makes the file in memory, where it is at most as large as the pixels, and Python writes it to the disk: of a disk
that is full GDAL speaks in its log only, and leaves a file behind that cannot be read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.windows import Window

from tasks.common.aside import written_aside
from tasks.common.errors import TransientIO
from tasks.common.grid import Grid
from tasks.common.threads import encoder_threads
from tasks.packaging.image_content import ImageContent

TILE_SIZE: Final = 512
"""Tile edge [pixels]; overviews go on until one fits into a tile."""

_DIFFERENCES: Final = 2
"""Predictor: differences of neighbours in a row are deflated (TIFF 6.0, section 14)."""


def write_geotiff(path: Path, image: NDArray[Any], grid: Grid, content: ImageContent) -> None:
    """Write an image as tiled, deflated GeoTIFF, strip by strip; the same input always gives the same bytes.

    Three bands are red, green and blue. The file appears complete or not at all.

    Args:
        path: the file to write; replaced when it exists. Its folder must exist.
        image: ``[y, x]`` or ``[3, y, x]`` uint8 or uint16; may be a memory map.
        grid: georeference; its shape is that of the image.
        content: decides the no-data value, the overviews' resampling and the colour table.

    Raises:
        TransientIO: the file cannot be written.
    """
    bands = image[np.newaxis] if image.ndim == 2 else image
    kind = "RGB" if len(bands) == 3 else "MINISBLACK" if content.colours is None else "PALETTE"
    with _made_in_memory(path) as memory:
        with memory.open(
            driver="GTiff", count=len(bands), dtype=bands.dtype, **_georeference(grid, content), tiled=True,
            blockxsize=TILE_SIZE, blockysize=TILE_SIZE, compress="DEFLATE", predictor=_DIFFERENCES, interleave="PIXEL",
            photometric=kind, bigtiff="IF_SAFER",
        ) as target:  # fmt: skip
            if content.colours is not None:
                target.write_colormap(1, dict(content.colours))
            for top in range(0, grid.rows, TILE_SIZE):
                strip = np.ascontiguousarray(bands[:, top : top + TILE_SIZE])
                target.write(strip, window=Window(0, top, grid.cols, strip.shape[1]))
        factors = overview_factors(grid)
        if factors:
            with rasterio.open(memory.name, "r+", driver="GTiff") as target:
                target.build_overviews(factors, Resampling[content.overviews])


def write_cog(path: Path, image: NDArray[Any], grid: Grid, content: ImageContent) -> None:
    """Write an image of one band as Cloud Optimized GeoTIFF; the file appears complete or not at all.

    Args:
        path, image, grid, content: as in :func:`write_geotiff`.

    Raises:
        TransientIO: the file cannot be written.
    """
    with (
        _made_in_memory(path) as memory,
        memory.open(
            driver="COG", count=1, dtype=image.dtype, **_georeference(grid, content), compress="DEFLATE",
            blocksize=TILE_SIZE, overview_resampling=content.overviews.upper(),
        ) as target,
    ):  # fmt: skip
        target.write(np.asarray(image), 1)
        if content.colours is not None:
            target.write_colormap(1, dict(content.colours))


def overview_factors(grid: Grid) -> list[int]:
    """Return 2, 4, 8, ... until an overview fits into a tile; none where the image itself does."""
    factors: list[int] = []
    size = max(grid.shape)
    while size > TILE_SIZE:
        factors.append(2 ** (len(factors) + 1))
        size = math.ceil(size / 2)
    return factors


def _georeference(grid: Grid, content: ImageContent) -> dict[str, Any]:
    return {
        "width": grid.cols,
        "height": grid.rows,
        "crs": f"EPSG:{grid.epsg}",
        "transform": rasterio.Affine.from_gdal(*grid.geotransform),
        "nodata": content.no_data,
    }


@contextmanager
def _made_in_memory(path: Path) -> Iterator[MemoryFile]:
    """Give a file in memory to be filled; at the end it is written aside and renamed to ``path``."""
    with rasterio.Env(GDAL_NUM_THREADS=encoder_threads(), GDAL_PAM_ENABLED="NO"), MemoryFile(ext=".tif") as memory:
        yield memory
        try:
            with written_aside(path) as unfinished:
                unfinished.write_bytes(memory.getbuffer())
        except OSError as error:
            raise TransientIO(f"{path}: the GeoTIFF could not be written: {error.strerror or error}") from error
