"""Which mask files of a Level-1C granule belong to a band. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tasks.l1c.model import MaskFile, TileMetadata

RASTER: Final = "MSK_QUALIT"
VECTOR: Final = ("MSK_TECQUA", "MSK_DEFECT", "MSK_NODATA", "MSK_SATURA")


def masks_of(tile: TileMetadata, band: str) -> list[MaskFile]:
    """Return a band's raster mask, or its polygon masks where it has none."""
    own = [mask for mask in tile.masks if mask.band == band and mask.type in (RASTER, *VECTOR)]
    raster = [mask for mask in own if mask.type == RASTER][:1]
    return raster or own


def source_of(tile: TileMetadata, bands: Iterable[str]) -> tuple[str, tuple[Path, ...]]:
    """Return the kind of masks that bands have, ``MSK_QUALIT``, ``GML`` or ``NONE``, and their files once each."""
    masks = [mask for band in bands for mask in masks_of(tile, band)]
    kinds = sorted({RASTER if mask.type == RASTER else "GML" for mask in masks}, reverse=True)
    return " ".join(kinds) or "NONE", tuple(dict.fromkeys(mask.path for mask in masks))
