"""The images of a product without reflectance."""

from __future__ import annotations

from pathlib import Path

from tasks.common.artefacts import open_array
from tasks.common.grid import Grid
from tasks.common.records import StageResult
from tasks.packaging.image_content import CLASSES
from tasks.packaging.image_formats import ImageWriter
from tasks.packaging.images import QUALITY_IMAGES


def encode_classification(
    granule: Path, prefix: str, grid: Grid, classification: StageResult, writer: ImageWriter, *, with_valid: bool
) -> None:
    """Write SCL, the two probabilities and the valid pixels of a product that holds nothing else.

    Args:
        granule: folder that stands for the granule.
        prefix: what image names begin with.
        grid: the tile's grid at the resolution of the classification.
        classification: stage ``classification``.
        writer: writes each image in the product's format.
        with_valid: write the mask of valid pixels.

    Raises:
        TransientIO: a file cannot be written.
    """
    end = f"{grid.resolution}m"
    images, quality = granule / "IMG_DATA" / f"R{end}", granule / "QI_DATA"
    images.mkdir(parents=True)
    quality.mkdir()
    writer.write(images / f"{prefix}_SCL_{end}", open_array(classification, f"scl_{end}"), grid, CLASSES)
    for kind, (name, content) in QUALITY_IMAGES.items():
        if kind != "valid" or with_valid:
            writer.write(quality / f"{name}_{end}", open_array(classification, f"{kind}_{end}"), grid, content)
