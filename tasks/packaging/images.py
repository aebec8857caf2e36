"""Encodes the images of one granule into the folders of its Level-2A product."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
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
from tasks.packaging.image_content import (
    CLASSES,
    CODES,
    DARK_VEGETATION,
    PICTURE,
    PROBABILITY,
    QUANTITY,
    ImageContent,
)
from tasks.packaging.image_formats import ImageWriter
from tasks.packaging.naming import PREVIEW_RESOLUTION
from tasks.packaging.reflectance_statistics import negative_percentage
from tasks.packaging.true_colour import preview, true_colour
from tasks.surface_reflectance.aggregate import block_mode

MAPS: Final[dict[str, tuple[str, ImageContent]]] = {
    "aot": ("AOT", QUANTITY),
    "wvp": ("WVP", QUANTITY),
    "scl": ("SCL", CLASSES),
}
"""Maps in IMG_DATA: their kind in file names, and what they hold."""

QUALITY_IMAGES: Final[dict[str, tuple[str, ImageContent]]] = {
    "cloud_confidence": ("MSK_CLDPRB", PROBABILITY),
    "snow_confidence": ("MSK_SNWPRB", PROBABILITY),
    "valid": ("MSK_VALPXL", CODES),
}
"""Maps of the classification in QI_DATA: what their file names begin with, and what they hold."""

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

    def __init__(self, resolution: int, reflectance: StageResult, maps: Mapping[str, StageResult]) -> None:
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


def image_sources(reflectance: Mapping[int, StageResult], maps: Mapping[str, StageResult]) -> list[ImageSources]:
    """Return where the arrays of each resolution are.

    At 10 m the stage of the reflectance holds AOT and water vapour too; at 60 m it holds all maps, unless 60 m is the
    only resolution: then they are where those of 20 m would be.

    Args:
        reflectance: the stages by resolution [m].
        maps: the stages that hold the maps at the resolution of the classification.
    """

    def maps_at(resolution: int, stage: StageResult) -> Mapping[str, StageResult]:
        if resolution == 10:
            return dict.fromkeys(("aot", "wvp"), stage)
        return dict.fromkeys(maps, stage) if resolution == 60 and 20 in reflectance else maps

    return [ImageSources(at, stage, maps_at(at, stage)) for at, stage in reflectance.items()]


def encode_resolution(
    granule: Path, prefix: str, grid: Grid, sources: ImageSources, writer: ImageWriter, *, with_tci: bool
) -> dict[str, float]:
    """Write all images of one resolution: bands, AOT, WVP, SCL and TCI, and ``QUALITY_IMAGES``.

    Args:
        granule: folder that stands for the granule; ``IMG_DATA/R<resolution>m`` and ``QI_DATA`` are made in it.
        prefix: what image names begin with (``T<tile>_<datatake start>``).
        grid: the tile's grid at that resolution.
        writer: writes each image in the product's format.
        with_tci: write the true-colour image.

    Returns:
        For each band the percentage of negative reflectances among its valid pixels.

    Raises:
        InternalInconsistency: an array is missing or does not fit the grid or the format.
        TransientIO: a file cannot be written.
    """
    resolution = sources.resolution
    folder, quality = granule / "IMG_DATA" / f"R{resolution}m", granule / "QI_DATA"
    folder.mkdir(parents=True, exist_ok=True)
    quality.mkdir(exist_ok=True)
    negative = {}
    for band in EXPORTED_BANDS[resolution]:
        numbers = sources.band(band)
        writer.write(folder / f"{prefix}_{band}_{resolution}m", numbers, grid, QUANTITY)
        negative[band] = negative_percentage(numbers)
    named = {kind: (folder / f"{prefix}_{name}", content) for kind, (name, content) in MAPS.items()}
    named |= {kind: (quality / name, content) for kind, (name, content) in QUALITY_IMAGES.items()}
    for kind, (path, content) in named.items():
        image = sources.map(kind)
        if image is not None:
            writer.write(path.with_name(f"{path.name}_{resolution}m"), image, grid, content)
    if with_tci:
        red, green, blue = (sources.band(band) for band in PREVIEW_BANDS)
        writer.write(folder / f"{prefix}_TCI_{resolution}m", true_colour(red, green, blue, OFFSET), grid, PICTURE)
    return negative


def write_second_mask(granule: Path, tile: Grid, second_cloud_mask: StageResult | None, writer: ImageWriter) -> None:
    """Write probability and mask of the second cloud mask into ``QI_DATA``, nothing without that stage.

    Args:
        granule: folder that stands for the granule.
        tile: the tile's grid, at any resolution.
        second_cloud_mask: with ``probability_60m`` and ``mask_60m``.
    """
    if second_cloud_mask is not None:
        kinds = (("probability", "MSK_S2CPRB", PROBABILITY), ("mask", "MSK_S2CCLD", CODES))
        for kind, name, content in kinds:
            image = open_array(second_cloud_mask, f"{kind}_60m")
            writer.write(granule / "QI_DATA" / f"{name}_60m", image, tile.at(60), content)


def write_dark_vegetation(
    folder: Path, tile: Grid, aot: StageResult, resolutions: Iterable[int], writer: ImageWriter
) -> None:
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
        writer.write(folder / f"MSK_DDVPXL_{resolution}m", image, tile.at(resolution), DARK_VEGETATION)


def encode_uncertainty(folder: Path, grid: Grid, uncertainty: StageResult, writer: ImageWriter) -> None:
    """Write one standard deviation of the surface reflectance of each band, in 0.00001 (0 = no-data).

    Args:
        folder: ``QI_DATA`` of the granule, which exists.
        grid: the tile's grid at any resolution.
        uncertainty: the stage, with the resolution of each band in its statistics.
    """
    for band, resolution in uncertainty.statistics["layers"].items():
        layer = open_array(uncertainty, f"{band}_uncertainty_{resolution}m")
        writer.write(folder / f"UNC_{band}_{resolution}m", layer, grid.at(resolution), QUANTITY)


def write_preview(path: Path, existing: Path | None, level_1c: StageResult, grid_20m: Grid) -> None:
    """Write the preview (PVI): a copy of the Level-1C's, or a new one of 320 m pixels from its reflectances.

    It is JPEG 2000 in every product: its name in the metadata must end so (PSD 14.8).

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
