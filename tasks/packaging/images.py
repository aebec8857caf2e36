"""Encodes the images of one granule into the folders of its Level-2A product."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import open_array
from tasks.common.bands import EXPORTED_BANDS
from tasks.common.grid import Grid
from tasks.common.jpeg2000 import write_jp2
from tasks.common.records import StageResult
from tasks.packaging.auxiliary import OFFSET
from tasks.packaging.classification_image import write_classification_cog
from tasks.packaging.naming import PREVIEW_RESOLUTION
from tasks.packaging.reflectance_statistics import negative_percentage
from tasks.packaging.true_colour import preview, true_colour
from tasks.surface_reflectance.aggregate import block_mode

QUALITY_IMAGES: Final = {
    "cloud_confidence": "MSK_CLDPRB",
    "snow_confidence": "MSK_SNWPRB",
    "valid": "MSK_VALPXL",
}
"""Maps of the classification in QI_DATA and what their file names begin with."""

PREVIEW_BANDS: Final = ("B04", "B03", "B02")
"""Red, green, blue."""


class ImageSources:
    """Where the arrays of one resolution are.

    Args:
        resolution: 10, 20 or 60 m.
        reflectance: the stage that holds ``<band>_<resolution>m``.
        maps: for ``aot``, ``wvp``, ``scl``, ``cloud_confidence``, ``snow_confidence`` and ``valid`` the stage that
            holds the array ``<name>_<resolution>m``; a map that is left out is not written.
    """

    def __init__(self, resolution: int, reflectance: StageResult, maps: dict[str, StageResult]) -> None:
        self.resolution = resolution
        self._reflectance = reflectance
        self._maps = maps

    def band(self, name: str) -> NDArray[Any]:
        """Return a memory map of a band's DN."""
        return open_array(self._reflectance, f"{name}_{self.resolution}m")

    def map(self, name: str) -> NDArray[Any] | None:
        """Return a memory map of a map, None where it is not to be written."""
        stage = self._maps.get(name)
        return None if stage is None else open_array(stage, f"{name}_{self.resolution}m")


def encode_resolution(
    granule: Path, prefix: str, grid: Grid, sources: ImageSources, *, with_tci: bool, sc_cog: bool = False
) -> dict[str, float]:
    """Write all images of one resolution: bands, AOT, WVP, SCL and TCI, and ``QUALITY_IMAGES``.

    Args:
        granule: folder that stands for the granule; ``IMG_DATA/R<resolution>m`` and ``QI_DATA`` are made in it.
        prefix: what image names begin with (``T<tile>_<datatake start>``).
        grid: the tile's grid at that resolution.
        with_tci: write the true-colour image.
        sc_cog: write SCL as Cloud Optimized GeoTIFF.

    Returns:
        For each band the percentage of negative reflectances among its valid pixels.

    Raises:
        InternalInconsistency: an array is missing or does not fit the grid or the image's bit depth.
        TransientIO: a file cannot be written.
    """
    resolution = sources.resolution
    folder, quality = granule / "IMG_DATA" / f"R{resolution}m", granule / "QI_DATA"
    folder.mkdir(parents=True, exist_ok=True)
    quality.mkdir(exist_ok=True)
    negative = {}
    for band in EXPORTED_BANDS[resolution]:
        numbers = sources.band(band)
        write_jp2(folder / f"{prefix}_{band}_{resolution}m.jp2", numbers, grid)
        negative[band] = negative_percentage(numbers)
    end = f"{resolution}m.jp2"
    classes = sources.map("scl")
    if sc_cog and classes is not None:
        write_classification_cog(folder / f"{prefix}_SCL_{resolution}m.tif", classes, grid)
    for kind in ("aot", "wvp") if sc_cog else ("aot", "wvp", "scl"):
        _write_map(folder / f"{prefix}_{kind.upper()}_{end}", sources.map(kind), grid)
    if with_tci:
        red, green, blue = (sources.band(band) for band in PREVIEW_BANDS)
        write_jp2(folder / f"{prefix}_TCI_{end}", true_colour(red, green, blue, OFFSET), grid)
    for kind, name in QUALITY_IMAGES.items():
        _write_map(quality / f"{name}_{end}", sources.map(kind), grid)
    return negative


def write_second_mask(granule: Path, tile: Grid, second_cloud_mask: StageResult | None) -> None:
    """Write probability and mask of the second cloud mask into ``QI_DATA``, nothing without that stage.

    Args:
        granule: folder that stands for the granule.
        tile: the tile's grid, at any resolution.
        second_cloud_mask: with ``probability_60m`` and ``mask_60m``.
    """
    if second_cloud_mask is not None:
        for kind, name in (("probability", "MSK_S2CPRB"), ("mask", "MSK_S2CCLD")):
            image = open_array(second_cloud_mask, f"{kind}_60m")
            write_jp2(granule / "QI_DATA" / f"{name}_60m.jp2", image, tile.at(60))


def write_dark_vegetation(folder: Path, tile: Grid, aot: StageResult, resolutions: Iterable[int]) -> None:
    """Write the mask of dark dense vegetation at 20 and 60 m; at 60 m the commonest code of 3 x 3 pixels.

    Args:
        folder: ``QI_DATA`` of the granule, which exists.
        tile: the tile's grid, at any resolution.
        aot: the stage that has selected the vegetation, at 20 m or at 60 m.
        resolutions: those of the product [m].
    """
    coarse_only = "dark_vegetation_60m" in aot.arrays
    codes = open_array(aot, f"dark_vegetation_{60 if coarse_only else 20}m")
    for resolution in {20, 60}.intersection(resolutions):
        image = codes if coarse_only or resolution == 20 else block_mode(codes)
        write_jp2(folder / f"MSK_DDVPXL_{resolution}m.jp2", image, tile.at(resolution))


def encode_uncertainty(folder: Path, grid: Grid, uncertainty: StageResult) -> None:
    """Write one standard deviation of the surface reflectance of each band, in 0.00001 (0 = no-data).

    Args:
        folder: ``QI_DATA`` of the granule, which exists.
        grid: the tile's grid at any resolution.
        uncertainty: the stage, with the resolution of each band in its statistics.
    """
    for band, resolution in uncertainty.statistics["layers"].items():
        layer = open_array(uncertainty, f"{band}_uncertainty_{resolution}m")
        write_jp2(folder / f"UNC_{band}_{resolution}m.jp2", layer, grid.at(resolution))


def _write_map(path: Path, image: NDArray[Any] | None, grid: Grid) -> None:
    if image is not None:
        write_jp2(path, image, grid)


def write_preview(path: Path, existing: Path | None, level_1c: StageResult, grid_20m: Grid) -> None:
    """Write the preview (PVI): a copy of the Level-1C's, or a new one of 320 m pixels from its reflectances.

    Args:
        existing: the Level-1C granule's preview, None where it has none.
        level_1c: stage ``l1c`` with the bands at 20 m.
        grid_20m: the tile's grid at 20 m.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if existing is not None:
        shutil.copyfile(existing, path)
        return
    red, green, blue = (open_array(level_1c, f"{band}_20m") for band in PREVIEW_BANDS)
    offset = int(level_1c.statistics["radio_add_offset"]["B04"])
    image = preview((red, green, blue), offset, PREVIEW_RESOLUTION // grid_20m.resolution)
    rows, cols = image.shape[1:]
    grid = grid_20m.model_copy(update={"resolution": PREVIEW_RESOLUTION, "rows": rows, "cols": cols})
    write_jp2(path, np.ascontiguousarray(image), grid)
