"""Sky view factor: the share of the diffuse light of an even sky that a piece of ground receives. Pure.

Source: Dozier and Frei (1990), doi:10.1109/36.58986, equation for the sky view factor of an inclined surface with a
horizon; the simple form (1 + cos slope) / 2 is that of Sen2Cor 2.8.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.dem.terrain import Floats, Gradient, gradient

SKY_VIEW_SCALE: Final = 250.0
"""Counts per unit of the sky view factor."""

DIRECTIONS: Final = 16

RINGS_M: Final[tuple[tuple[float, tuple[float, ...]], ...]] = (
    (20.0, (40.0, 60.0, 100.0)),
    (100.0, (160.0, 260.0, 400.0)),
    (260.0, (640.0, 1000.0, 1600.0)),
    (820.0, (2600.0, 4000.0)),
)
"""Box width [m] of the averaged heights, and distances [m] at which the horizon is looked for in them."""

REACH_M: Final = RINGS_M[-1][1][-1] + 0.5 * RINGS_M[-1][0]
"""Terrain further away does not count."""

_LEVEL_ROWS: Final = 256
_STRIP_ROWS: Final = 64


def simple_sky_view(ground: Gradient) -> Floats:
    """Return (1 + cos slope) / 2, ``[rows, cols]`` float32 in 0.5..1: level surroundings, Sen2Cor's form."""
    square = ground.east * ground.east
    square += ground.north * ground.north
    square += 1.0
    cosine: Floats = np.reciprocal(np.sqrt(square, out=square), out=square)
    cosine *= 0.5
    cosine += 0.5
    return cosine


def horizon_sky_view(heights: Floats, pixel_m: float, rows: slice, cols: slice = slice(None)) -> Floats:
    """Return the sky view factor of a part of a height grid from its horizon in 16 directions.

    In each direction the horizon is the highest of the horizontal, the ground's own slope, and the heights at growing
    distances up to 4 km; far heights are means over boxes that grow with the distance. Beyond the grid there is no
    obstacle.

    Args:
        heights: ``[rows, cols]`` [m] without NaN.
        pixel_m: pixel size [m].
        rows, cols: the part wanted (step 1).

    Returns:
        ``[n, m]`` float32 in 0..1.
    """
    first, last, _ = rows.indices(heights.shape[0])
    left, right, _ = cols.indices(heights.shape[1])
    result = np.empty((last - first, right - left), np.float32)
    for top in range(first, last, _LEVEL_ROWS):
        bottom = min(top + _LEVEL_ROWS, last)
        levels = [_level(heights, pixel_m, ring, top, bottom) for ring in RINGS_M]
        for start in range(top, bottom, _STRIP_ROWS):
            part = slice(start, min(start + _STRIP_ROWS, bottom)), slice(left, right)
            result[part[0].start - first : part[0].stop - first] = _factor(heights, levels, pixel_m, part)
    return result


def sky_view_counts(factor: Floats) -> NDArray[np.uint8]:
    """Return the sky view factor in units of 1/250."""
    counts: NDArray[np.uint8] = np.rint(factor * np.float32(SKY_VIEW_SCALE)).astype(np.uint8)
    return counts


@dataclass(frozen=True, eq=False)
class _Level:
    """Averaged heights from row ``first`` of the grid on, and the distances [pixels] at which they are looked at."""

    heights: Floats
    first: int
    distances: tuple[float, ...]


def _level(heights: Floats, pixel_m: float, ring: tuple[float, tuple[float, ...]], top: int, bottom: int) -> _Level:
    """Return the averaged heights that the rows ``top .. bottom - 1`` need of one ring."""
    half = int((ring[0] / pixel_m - 1.0) / 2.0)
    distances = tuple(distance / pixel_m for distance in ring[1])
    reach = math.ceil(distances[-1]) + half
    first, last = max(top - reach, 0), min(bottom + reach, heights.shape[0])
    around = heights[first:last]
    if half:
        around = np.asarray(cv2.blur(around, (2 * half + 1, 2 * half + 1)), np.float32)
    return _Level(around, first, distances)


def _factor(heights: Floats, levels: list[_Level], pixel_m: float, part: tuple[slice, slice]) -> Floats:
    """Return the factor of a part of the grid."""
    rows, cols = part
    left, right = max(cols.start - 1, 0), min(cols.stop + 1, heights.shape[1])
    ground = gradient(heights[:, left:right], pixel_m, rows)
    inner = slice(cols.start - left, cols.stop - left)
    east, north = (np.ascontiguousarray(rise[:, inner]) for rise in (ground.east, ground.north))
    own = np.ascontiguousarray(heights[part])
    total, work = np.zeros_like(own), np.empty_like(own)
    for direction in range(DIRECTIONS):
        azimuth = 2.0 * math.pi * direction / DIRECTIONS
        uphill = east * np.float32(math.sin(azimuth))
        uphill += north * np.float32(math.cos(azimuth))
        horizon = np.maximum(uphill, np.float32(0.0))
        for level in levels:
            for distance in level.distances:
                shift = round(-distance * math.cos(azimuth)), round(distance * math.sin(azimuth))
                _raise_horizon(horizon, level, own, part, shift, pixel_m, work)
        total += _light_of_direction(horizon, uphill)
    length = east * east
    length += north * north
    length += 1.0
    total /= np.sqrt(length, out=length)
    total *= np.float32(1.0 / DIRECTIONS)
    return np.clip(total, 0.0, 1.0, out=total)


def _raise_horizon(
    horizon: Floats,
    level: _Level,
    own: Floats,
    part: tuple[slice, slice],
    shift: tuple[int, int],
    pixel_m: float,
    work: Floats,
) -> None:
    """Raise the horizon [tangent] of a part of the grid by the heights at one offset in rows and columns."""
    down, right = shift
    row, col = part[0].start - level.first + down, part[1].start + right
    rows, cols = own.shape
    top, bottom = max(0, -row), min(rows, level.heights.shape[0] - row)
    left, end = max(0, -col), min(cols, level.heights.shape[1] - col)
    if top >= bottom or left >= end:
        return
    here = slice(top, bottom), slice(left, end)
    there = slice(top + row, bottom + row), slice(left + col, end + col)
    # OpenCV's sum with weights is a pass less than NumPy's difference and product.
    weight = 1.0 / (pixel_m * math.hypot(down, right))
    cv2.addWeighted(level.heights[there], weight, own[here], -weight, 0.0, dst=work[here])
    cv2.max(horizon[here], work[here], dst=horizon[here])


def _light_of_direction(horizon: Floats, uphill: Floats) -> Floats:
    """Return one direction's term of the integral, times the length of the normal.

    With the horizon's elevation e = 90 - H: sin^2 H - uphill (H - sin H cos H), tan e given.
    """
    square = horizon * horizon
    square += 1.0
    np.reciprocal(square, out=square)
    # OpenCV's arc tangent is good to 0.0002 and 20 times as fast as NumPy's.
    lit = np.asarray(cv2.phase(_ones(horizon.shape), horizon), np.float32)
    horizon *= square
    lit += horizon
    lit -= np.float32(0.5 * math.pi)
    lit *= uphill
    lit += square
    return lit


@functools.lru_cache(maxsize=2)
def _ones(shape: tuple[int, int]) -> Floats:
    return np.ones(shape, np.float32)
