"""The formats of the product's images: JPEG 2000, GeoTIFF, Cloud Optimized GeoTIFF and ENVI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from tasks.common.grid import Grid
from tasks.common.jpeg2000 import write_jp2
from tasks.packaging.envi import write_envi
from tasks.packaging.geotiff import write_cog, write_geotiff
from tasks.packaging.image_content import CLASSES, ImageContent
from tasks.packaging.parameters import FormatName, PackagingParameters


@dataclass(frozen=True)
class ImageFormat:
    """One format."""

    suffix: str
    """Ending of the file that holds the pixels."""
    metadata_name: str
    """``imageFormat`` in the product's metadata: ``JPEG2000`` or ``BINARY`` (PSD 14.8)."""
    write: Callable[[Path, NDArray[Any], Grid, ImageContent], None]
    """Writes ``[y, x]`` or ``[3, y, x]`` uint8 or uint16 to a path with that ending; complete or not at all."""


def _write_jp2(path: Path, image: NDArray[Any], grid: Grid, _content: ImageContent) -> None:
    write_jp2(path, image, grid)


IMAGE_FORMATS: Final[dict[FormatName, ImageFormat]] = {
    "JP2": ImageFormat(".jp2", "JPEG2000", _write_jp2),
    "GTiff": ImageFormat(".tif", "BINARY", write_geotiff),
    "ENVI": ImageFormat(".rawl", "BINARY", write_envi),
}
CLOUD_OPTIMIZED: Final = ImageFormat(".tif", "BINARY", write_cog)

PIXEL_SUFFIXES: Final = frozenset(image_format.suffix for image_format in IMAGE_FORMATS.values())
"""Endings of the files that hold pixels; other files of an image stand beside them."""


class ImageWriter:
    """Writes each image in the format that was asked for.

    Args:
        parameters: ``image_format``, and ``sc_cog`` for the scene classification.
    """

    def __init__(self, parameters: PackagingParameters) -> None:
        self._images = IMAGE_FORMATS[parameters.image_format]
        self._classes = CLOUD_OPTIMIZED if parameters.sc_cog else self._images

    def write(self, name: Path, image: NDArray[Any], grid: Grid, content: ImageContent) -> None:
        """Write an image.

        Args:
            name: path of the image without an ending.
            image: ``[y, x]`` uint8 or uint16, or ``[3, y, x]`` uint8; may be a memory map.
            grid: its shape is that of the image.

        Raises:
            InternalInconsistency: the format cannot hold the numbers.
            TransientIO: a file cannot be written.
        """
        image_format = self._classes if content is CLASSES else self._images
        image_format.write(name.with_name(name.name + image_format.suffix), image, grid, content)
