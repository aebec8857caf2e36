"""Sky view factor: the share of the diffuse light of an even sky that a piece of ground receives. Pure.

Source: Dozier and Frei (1990), doi:10.1109/36.58986, equation for the sky view factor of an inclined surface with a
horizon; the simple form (1 + cos slope) / 2 is that of Sen2Cor 2.8.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.dem.terrain import Floats, Gradient, gradient

SKY_VIEW_SCALE: Final = 250.0
"""Counts per unit of the sky view factor."""

DIRECTIONS: Final = 16

RINGS: Final[tuple[tuple[int, tuple[int, ...]], ...]] = (
    (1, (2, 3, 5)),
    (5, (8, 13, 20)),
    (13, (32, 50, 80)),
    (41, (130, 200)),
)
"""Box width [pixels] of the averaged heights, and distances [pixels] at which the horizon is looked for in them."""

_STRIP_ROWS: Final = 128


def simple_sky_view(ground: Gradient) -> Floats:
    """Return (1 + cos slope) / 2, ``[rows, cols]`` float32 in 0.5..1: level surroundings, Sen2Cor's form."""
    square = ground.east * ground.east
    square += ground.north * ground.north
    square += 1.0
    cosine: Floats = np.reciprocal(np.sqrt(square, out=square), out=square)
    cosine *= 0.5
    cosine += 0.5
    return cosine


def horizon_sky_view(heights: Floats, pixel_m: float, rows: slice) -> Floats:
    """Return the sky view factor of some rows from their horizon in 16 directions.

    In each direction the horizon is the highest of the horizontal, the ground's own slope, and the heights at growing
    distances up to 200 pixels; far heights are means over boxes that grow with the distance. Beyond the grid there is
    no obstacle.

    Args:
        heights: ``[rows, cols]`` [m] without NaN.
        pixel_m: pixel size [m].
        rows: the rows wanted (step 1).

    Returns:
        ``[n, cols]`` float32 in 0..1.
    """
    first, last, _ = rows.indices(heights.shape[0])
    parts = [_strip(heights, pixel_m, top, min(top + _STRIP_ROWS, last)) for top in range(first, last, _STRIP_ROWS)]
    return np.concatenate(parts)


def sky_view_counts(factor: Floats) -> NDArray[np.uint8]:
    """Return the sky view factor in units of 1/250."""
    counts: NDArray[np.uint8] = np.rint(factor * np.float32(SKY_VIEW_SCALE)).astype(np.uint8)
    return counts


def _strip(heights: Floats, pixel_m: float, top: int, bottom: int) -> Floats:
    """Return the factor of the rows ``top .. bottom - 1``."""
    reach = RINGS[-1][1][-1] + RINGS[-1][0] // 2
    low, high = max(top - reach, 0), min(bottom + reach, heights.shape[0])
    around = np.ascontiguousarray(heights[low:high])
    levels = [around if width == 1 else _averaged(around, width) for width, _ in RINGS]
    ground = gradient(heights, pixel_m, slice(top, bottom))
    own = np.ascontiguousarray(heights[top:bottom])
    total = np.zeros_like(own)
    slope = np.empty_like(own)
    for direction in range(DIRECTIONS):
        azimuth = 2.0 * math.pi * direction / DIRECTIONS
        uphill = ground.east * np.float32(math.sin(azimuth))
        uphill += ground.north * np.float32(math.cos(azimuth))
        horizon = np.maximum(uphill, np.float32(0.0))
        for level, (_, distances) in zip(levels, RINGS, strict=True):
            for distance in distances:
                down, right = round(-distance * math.cos(azimuth)), round(distance * math.sin(azimuth))
                _raise_horizon(horizon, level, own, top - low, (down, right), pixel_m, slope)
        total += _light_of_direction(horizon, uphill)
    length = ground.east * ground.east
    length += ground.north * ground.north
    length += 1.0
    total /= np.sqrt(length, out=length)
    total *= np.float32(1.0 / DIRECTIONS)
    return np.clip(total, 0.0, 1.0, out=total)


def _averaged(heights: Floats, width: int) -> Floats:
    return np.asarray(cv2.blur(heights, (width, width)), np.float32)


def _raise_horizon(
    horizon: Floats, level: Floats, own: Floats, row: int, shift: tuple[int, int], pixel_m: float, work: Floats
) -> None:
    """Raise the horizon [tangent] of a strip by the heights at one offset in rows and columns."""
    down, right = shift
    rows, cols = own.shape
    top, bottom = max(0, -(row + down)), min(rows, level.shape[0] - row - down)
    left, end = max(0, -right), min(cols, cols - right)
    if top >= bottom or left >= end:
        return
    here = slice(top, bottom), slice(left, end)
    there = slice(top + row + down, bottom + row + down), slice(left + right, end + right)
    rise = np.subtract(level[there], own[here], out=work[here])
    rise *= np.float32(1.0 / (pixel_m * math.hypot(down, right)))
    np.maximum(horizon[here], rise, out=horizon[here])


def _light_of_direction(horizon: Floats, uphill: Floats) -> Floats:
    """Return one direction's term of the integral, times the length of the normal.

    With the horizon's elevation e = 90 - H: sin^2 H - uphill (H - sin H cos H), tan e given.
    """
    square = horizon * horizon
    square += 1.0
    np.reciprocal(square, out=square)
    lit = np.arctan(horizon)
    horizon *= square
    lit += horizon
    lit -= np.float32(0.5 * math.pi)
    lit *= uphill
    lit += square
    return lit
