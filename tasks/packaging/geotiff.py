"""Writes images as GeoTIFF: tiled and deflated, with overviews inside, or as Cloud Optimized GeoTIFF."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # what GDAL's own errors are raised as; it has no public name
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window

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
    with _written_aside(path) as unfinished:
        with _new(unfinished, bands, grid, content) as target:
            for top in range(0, grid.rows, TILE_SIZE):
                strip = np.ascontiguousarray(bands[:, top : top + TILE_SIZE])
                target.write(strip, window=Window(0, top, grid.cols, strip.shape[1]))
        with rasterio.open(unfinished, "r+", driver="GTiff") as target:
            factors = overview_factors(grid)
            if factors:
                target.build_overviews(factors, Resampling[content.overviews])
        with rasterio.open(unfinished, driver="GTiff") as written:
            _check_whole(written, unfinished)


def write_cog(path: Path, image: NDArray[Any], grid: Grid, content: ImageContent) -> None:
    """Write an image of one band as Cloud Optimized GeoTIFF; the file appears complete or not at all.

    Args:
        path, image, grid, content: as in :func:`write_geotiff`.

    Raises:
        TransientIO: the file cannot be written.
    """
    with (
        _written_aside(path) as unfinished,
        rasterio.open(
            unfinished, "w", driver="COG", width=grid.cols, height=grid.rows, count=1, dtype=image.dtype,
            crs=f"EPSG:{grid.epsg}", transform=rasterio.Affine.from_gdal(*grid.geotransform), nodata=content.no_data,
            compress="DEFLATE", blocksize=TILE_SIZE, overview_resampling=content.overviews.upper(),
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


@contextmanager
def _written_aside(path: Path) -> Iterator[Path]:
    """Give another name to write to; at the end the file is renamed to ``path``."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part.tif")
    try:
        with rasterio.Env(GDAL_NUM_THREADS=encoder_threads(), GDAL_PAM_ENABLED="NO"):
            yield unfinished
        os.replace(unfinished, path)
    except (RasterioError, CPLE_BaseError, OSError) as error:
        raise TransientIO(f"{path}: the GeoTIFF could not be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _new(path: Path, bands: NDArray[Any], grid: Grid, content: ImageContent) -> Iterator[DatasetWriter]:
    kind = "RGB" if len(bands) == 3 else "MINISBLACK" if content.colours is None else "PALETTE"
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.cols, height=grid.rows, count=len(bands), dtype=bands.dtype,
        crs=f"EPSG:{grid.epsg}", transform=rasterio.Affine.from_gdal(*grid.geotransform), nodata=content.no_data,
        tiled=True, blockxsize=TILE_SIZE, blockysize=TILE_SIZE, compress="DEFLATE", predictor=_DIFFERENCES,
        interleave="PIXEL", photometric=kind, bigtiff="IF_SAFER",
    ) as target:  # fmt: skip
        if content.colours is not None:
            target.write_colormap(1, dict(content.colours))
        yield target


def _check_whole(image: DatasetReader, path: Path) -> None:
    """Check that every tile lies inside the file: GDAL reports a full disk on closing only in its log."""
    size = path.stat().st_size
    for level in (None, *range(len(image.overviews(1)))):
        factor = 1 if level is None else image.overviews(1)[level]
        rows, cols = (math.ceil(math.ceil(edge / factor) / TILE_SIZE) for edge in image.shape)
        for x, y in np.ndindex(cols, rows):
            offset, length = (
                image.get_tag_item(f"BLOCK_{what}_{x}_{y}", "TIFF", bidx=1, ovr=level) for what in ("OFFSET", "SIZE")
            )
            if offset is None or int(offset) + int(length) > size:
                raise OSError(f"tile {x} {y} of overview {factor} is not whole; is the disk full?")
