"""Fills holes in an elevation model from their rim. Pure."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

from tasks.dem.terrain import Floats

SEA_RIM_M: Final = 10.0
"""A hole whose rim comes down to this height, or lower, is sea: elevation models leave the sea out as they do voids."""

MAX_SAMPLES: Final = 250_000
"""Larger holes are whole missing cells or seas, not voids."""

_RIM_POINTS: Final = 4000


def fill_land_voids(heights: Floats) -> int:
    """Interpolate the holes of land linearly between the heights around them, in place.

    Holes at sea level, holes that reach the edge of the array and very large ones stay NaN.

    Args:
        heights: ``[rows, cols]`` float32 [m], NaN where there is none.

    Returns:
        Number of samples filled.
    """
    hole = np.isnan(heights)
    if not hole.any():
        return 0
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8), connectivity=8)
    filled = 0
    for label in range(1, count):
        left, top, width, height, size = (int(figure) for figure in boxes[label])
        reaches_edge = top == 0 or left == 0 or top + height == heights.shape[0] or left + width == heights.shape[1]
        if reaches_edge or size > MAX_SAMPLES:
            continue
        window = slice(top - 1, top + height + 1), slice(left - 1, left + width + 1)
        filled += _fill_one(heights[window], np.asarray(labels[window] == label))
    return filled


def _fill_one(heights: Floats, inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    """Fill one hole in a window with a margin of one sample."""
    around = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_) & ~inside
    rows, cols = np.nonzero(around & np.isfinite(heights))
    if rows.size < 3:
        return 0
    values = heights[rows, cols].astype(np.float64)
    if values.min() <= SEA_RIM_M:
        return 0
    every = -(-rows.size // _RIM_POINTS)
    points = np.column_stack((rows, cols))[::every].astype(np.float64)
    wanted = np.column_stack(np.nonzero(inside)).astype(np.float64)
    found = LinearNDInterpolator(points, values[::every])(wanted)
    outside = np.isnan(found)
    if outside.any():
        found[outside] = NearestNDInterpolator(points, values[::every])(wanted[outside])
    heights[inside] = found
    return int(inside.sum())
