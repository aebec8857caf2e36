"""From surface to Level-1C numbers: resampling, atmosphere's result, noise, offset and rounding."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS

LARGEST_DN: Final = 32767
"""Largest DN of a 15-bit image."""

_MIDDLE_CLOUD: Final[dict[str, float]] = dict(
    zip(BANDS, (0.66, 0.64, 0.62, 0.62, 0.61, 0.60, 0.60, 0.60, 0.60, 0.36, 0.012, 0.45, 0.32), strict=True)
)
SHADOW_LIGHT: Final = 0.35
"""Part of the ground's signal that is left in the middle of a cloud's shadow."""


def block_mean(fine: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the mean of ``factor`` x ``factor`` blocks; the shape must be divisible by ``factor``."""
    if factor == 1:
        return fine
    rows, cols = fine.shape
    mean: NDArray[np.float32] = cv2.resize(fine, (cols // factor, rows // factor), interpolation=cv2.INTER_AREA).astype(
        np.float32, copy=False
    )
    return mean


def on_pixels(
    nodes: NDArray[np.float32], step_m: float, rows: range, cols: int, resolution: int
) -> NDArray[np.float32]:
    """Return node values bilinearly on the centres of some rows of pixels.

    Args:
        nodes: ``[ny, nx]`` from the tile's upper left corner, spaced ``step_m``; they reach beyond the last pixel.
        step_m: node spacing [m].
        rows: the rows wanted.
        cols: number of columns.
        resolution: pixel size [m].
    """
    scale = resolution / step_m
    values = np.asarray(nodes, np.float32)
    for axis, positions in ((0, np.arange(rows.start, rows.stop)), (1, np.arange(cols))):
        at = (positions + 0.5) * scale
        lower = np.clip(at.astype(np.int64), 0, values.shape[axis] - 2)
        weight = (at - lower).astype(np.float32)
        weight = weight[:, np.newaxis] if axis == 0 else weight
        first = np.take(values, lower, axis=axis)
        values = first + weight * (np.take(values, lower + 1, axis=axis) - first)
    return values


def with_clouds(band: str, reflectance: NDArray[np.float32], opacity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the reflectance at the top of the atmosphere seen through clouds of an opacity 0..1 (a linear mixture)."""
    mixed: NDArray[np.float32] = reflectance + opacity * (np.float32(_MIDDLE_CLOUD[band]) - reflectance)
    return mixed


def to_dn(reflectance: NDArray[np.float32], offset_dn: int, quantification: float = 10000.0) -> NDArray[np.uint16]:
    """Return Level-1C numbers: floor(rho Q + 0.5) - offset, limited to 1..32767 (0 is no-data).

    Args:
        reflectance: at the top of the atmosphere.
        offset_dn: RADIO_ADD_OFFSET, 0 or -1000.
        quantification: DN per unit of reflectance.
    """
    dn = np.floor(reflectance.astype(np.float64) * quantification + 0.5) - offset_dn
    limited: NDArray[np.uint16] = np.clip(dn, 1, LARGEST_DN).astype(np.uint16)
    return limited
