"""The scene classification as Cloud Optimized GeoTIFF, and the images of a product without reflectance."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from tasks.common.artefacts import open_array
from tasks.common.errors import TransientIO
from tasks.common.grid import Grid
from tasks.common.jpeg2000 import write_jp2
from tasks.common.records import StageResult

COLOURS: Final[dict[int, tuple[int, int, int]]] = {
    0: (0, 0, 0), 1: (255, 0, 0), 2: (47, 47, 47), 3: (100, 50, 0), 4: (0, 160, 0), 5: (255, 230, 90),
    6: (0, 0, 255), 7: (128, 128, 128), 8: (192, 192, 192), 9: (255, 255, 255), 10: (100, 200, 255),
    11: (255, 150, 255),
}  # fmt: skip
"""Colours of the classes, as the legend of Sen2Cor shows them."""


def write_classification_cog(path: Path, classes: NDArray[np.uint8], grid: Grid) -> None:
    """Write the class map as a Cloud Optimized GeoTIFF with a colour table; no-data is 0, overviews are nearest pixels.

    The file appears complete or not at all.

    Raises:
        TransientIO: the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished.tif")
    try:
        with rasterio.open(
            unfinished, "w", driver="COG", width=grid.cols, height=grid.rows, count=1, dtype="uint8",
            crs=f"EPSG:{grid.epsg}", transform=rasterio.Affine.from_gdal(*grid.geotransform), nodata=0,
            compress="DEFLATE", blocksize=512, overview_resampling="NEAREST",
        ) as image:  # fmt: skip
            image.write(np.asarray(classes), 1)
            image.write_colormap(1, COLOURS)
        os.replace(unfinished, path)
    except (RasterioError, OSError) as error:
        unfinished.unlink(missing_ok=True)
        raise TransientIO(f"{path}: cannot be written: {error}") from error


def encode_classification(
    granule: Path, prefix: str, grid: Grid, classification: StageResult, *, as_cog: bool, with_valid: bool = True
) -> None:
    """Write SCL, the two probabilities and the valid pixels of a product that holds nothing else.

    Args:
        granule: folder that stands for the granule.
        prefix: what image names begin with.
        grid: the tile's grid at the resolution of the classification.
        classification: stage ``classification``.
        as_cog: SCL as Cloud Optimized GeoTIFF instead of JP2.
        with_valid: write the mask of valid pixels.

    Raises:
        TransientIO: a file cannot be written.
    """
    end = f"{grid.resolution}m"
    images, quality = granule / "IMG_DATA" / f"R{end}", granule / "QI_DATA"
    images.mkdir(parents=True)
    quality.mkdir()
    classes = open_array(classification, f"scl_{end}")
    if as_cog:
        write_classification_cog(images / f"{prefix}_SCL_{end}.tif", classes, grid)
    else:
        write_jp2(images / f"{prefix}_SCL_{end}.jp2", classes, grid)
    write_jp2(quality / f"MSK_CLDPRB_{end}.jp2", open_array(classification, f"cloud_confidence_{end}"), grid)
    write_jp2(quality / f"MSK_SNWPRB_{end}.jp2", open_array(classification, f"snow_confidence_{end}"), grid)
    if with_valid:
        write_jp2(quality / f"MSK_VALPXL_{end}.jp2", open_array(classification, f"valid_{end}"), grid)
