"""The heights of the elevation model as images of the product (``Generate_DEM_Output``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import StageWriter, open_array
from tasks.common.grid import Grid
from tasks.common.records import StageResult
from tasks.packaging.image_content import HEIGHTS
from tasks.packaging.image_formats import ImageWriter
from tasks.surface_reflectance.coarse import enlarge, shrink, strips

HEIGHT_OFFSET_M: Final = 10000
"""Added to the heights, as Sen2Cor does: none is negative then."""

CODE: Final = "L2A-PKG-DEM"


def height_counts(heights_m: NDArray[Any]) -> NDArray[np.uint16]:
    """Return heights [m above sea level] as whole metres above -10000 m."""
    return np.asarray(np.rint(heights_m) + HEIGHT_OFFSET_M, np.uint16)


def heights_at(heights_20m: NDArray[np.float32], resolution: int) -> NDArray[np.uint16]:
    """Return the counts at 10, 20 or 60 m of heights at 20 m, strip by strip.

    At 10 m bilinear between the pixel centres, at 60 m the means of 3 x 3 pixels.

    Args:
        heights_20m: ``[rows, cols]`` [m above sea level], size divisible by 3.
        resolution: pixel size of the result [m].
    """
    rows, cols = (20 * size // resolution for size in heights_20m.shape)
    counts = np.empty((rows, cols), np.uint16)
    for strip in strips(rows):
        if resolution == 60:
            part = shrink(heights_20m[3 * strip.start : 3 * strip.stop], 3)
        else:
            part = enlarge(heights_20m, 20 // resolution, strip, cols)
        counts[strip] = height_counts(part)
    return counts


def write_heights(
    out: StageWriter,
    prefix: str,
    tile: Grid,
    dem: StageResult | None,
    resolutions: Iterable[int],
    writer: ImageWriter,
) -> None:
    """Write ``AUX_DATA/<prefix>_DEM_<resolution>m``, uint16: height [m above sea level] + 10000.

    The sea is at height 0. Without an elevation model there is no image, and ``L2A-PKG-DEM`` is recorded.

    Args:
        out: of the stage; its folder stands for the granule.
        prefix: what image names begin with.
        tile: the tile's grid, at any resolution.
        dem: the stage; None where no image is asked for.
        resolutions: those of the product [m].
    """
    if dem is None:
        return
    if dem.statistics["source"] == "NONE":
        out.fall_back(CODE, "there is no elevation model: the product has no image of it (Generate_DEM_Output)")
        return
    folder = out.folder / "AUX_DATA"
    folder.mkdir()
    for resolution in resolutions:
        grid = tile.at(resolution)
        if "height_20m" in dem.arrays:
            counts = heights_at(open_array(dem, "height_20m"), resolution)
        else:
            counts = height_counts(np.full(grid.shape, dem.statistics["mean_height_m"], np.float32))
        writer.write(folder / f"{prefix}_DEM_{resolution}m", counts, grid, HEIGHTS)
