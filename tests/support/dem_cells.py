"""Elevation cells as a download server has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from tasks.dem.download import cell_address
from tasks.dem.parameters import DemKind


def write_cell(path: Path, west: int, south: int, value: float = 500.0, side: int = 360, degrees: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(abs(west * 100 + south)).normal(value, 5, (1, side, side)).astype(np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, dtype="float32", width=side, height=side, crs="EPSG:4326",
        transform=from_origin(west, south + degrees, degrees / side, degrees / side),
    ) as dataset:  # fmt: skip
        dataset.write(noise)


def served(folder: Path, kind: DemKind, cell: str) -> Path:
    """Where a file server must have a cell."""
    return folder / cell_address("", kind, cell)[0].lstrip("/")
