"""Slope, aspect and illumination of a height grid. Pure.

Gradients are Horn's weighted differences over 3 x 3 pixels; at the grid's edge the missing line is extrapolated
linearly from the two before it, as ``gdaldem -compute_edges`` does.

Source: Horn (1981), doi:10.1109/PROC.1981.11918; GDAL's ``gdaldem`` documentation (edges); Sen2Cor 2.8 sources
(illumination from sun zenith, slope and aspect).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.grid import Grid
from tasks.l1c.angles import interpolate_nodes

Floats = NDArray[np.float32]

ANGLE_SCALE: Final = 100.0
"""Counts per degree of slope and aspect."""

ILLUMINATION_SCALE: Final = 10000.0
"""Counts per unit of the cosine of the sun's angle to the surface normal."""


@dataclass(frozen=True, eq=False)
class Gradient:
    """Rise of the ground towards the east and the north [m per m], ``[rows, cols]`` float32."""

    east: Floats
    north: Floats


def gradient(heights: Floats, pixel_m: float, rows: slice) -> Gradient:
    """Return Horn's gradient of some rows of a height grid.

    Args:
        heights: ``[rows, cols]`` [m], at least 2 x 2, without NaN.
        pixel_m: pixel size [m].
        rows: the rows wanted (step 1); their neighbours in ``heights`` are used where they exist.
    """
    first, last, _ = rows.indices(heights.shape[0])
    window = _framed(heights, first, last)
    weight = np.float32(0.125 / pixel_m)
    smooth = window[:-2] + window[2:]
    smooth += 2.0 * window[1:-1]
    east = smooth[:, 2:] - smooth[:, :-2]
    rise = window[:-2] - window[2:]
    north = rise[:, :-2] + rise[:, 2:]
    north += 2.0 * rise[:, 1:-1]
    for row in {0, heights.shape[0] - 1} & set(range(first, last)):
        for col in (0, heights.shape[1] - 1):
            east[row - first, col], north[row - first, col] = _corner(heights, row, col)
    east *= weight
    north *= weight
    return Gradient(east, north)


def _framed(heights: Floats, first: int, last: int) -> Floats:
    """Return rows ``first - 1 .. last`` with one more column on each side, extrapolated beyond the grid."""
    rows, cols = heights.shape
    frame = np.empty((last - first + 2, cols + 2), np.float32)
    low, high = max(first - 1, 0), min(last + 1, rows)
    frame[low - first + 1 : high - first + 1, 1:-1] = heights[low:high]
    if first == 0:
        frame[0, 1:-1] = 2.0 * heights[0] - heights[1]
    if last == rows:
        frame[-1, 1:-1] = 2.0 * heights[-1] - heights[-2]
    frame[:, 0] = 2.0 * frame[:, 1] - frame[:, 2]
    frame[:, -1] = 2.0 * frame[:, -2] - frame[:, -3]
    return frame


def _corner(heights: Floats, row: int, col: int) -> tuple[float, float]:
    """Return the unscaled differences at a corner, whose outer column repeats the edge's."""
    row_step, col_step = 1 if row == 0 else -1, 1 if col == 0 else -1
    edge, inner = (heights[row, [col, col + col_step]], heights[row + row_step, [col, col + col_step]])
    lines = [2.0 * edge - inner, edge, inner]
    sums = lines[0] + 2.0 * lines[1] + lines[2]
    differences = lines[0] - lines[2]
    return float(sums[1] - sums[0]) * col_step, float(3.0 * differences[0] + differences[1]) * row_step


def slope_counts(ground: Gradient) -> NDArray[np.uint16]:
    """Return the slope in hundredths of a degree."""
    slope = np.hypot(ground.east, ground.north)
    np.arctan(slope, out=slope)
    slope *= np.float32(np.rad2deg(1.0) * ANGLE_SCALE)
    return np.rint(slope, out=slope).astype(np.uint16)


def aspect_counts(ground: Gradient) -> NDArray[np.uint16]:
    """Return the direction the ground falls to, clockwise from north, in hundredths of a degree; level ground 0."""
    aspect = np.arctan2(-ground.east, -ground.north)
    aspect *= np.float32(np.rad2deg(1.0) * ANGLE_SCALE)
    np.rint(aspect, out=aspect)
    aspect[aspect < 0] += np.float32(360.0 * ANGLE_SCALE)
    aspect[aspect >= 360.0 * ANGLE_SCALE] = 0.0
    aspect[(ground.east == 0) & (ground.north == 0)] = 0.0
    return aspect.astype(np.uint16)


@dataclass(frozen=True, eq=False)
class SunGrid:
    """Sun zenith and azimuth [degree] on nodes ``[ny, nx]``; node (0, 0) lies on the tile's upper left corner."""

    zenith_deg: Floats
    azimuth_deg: Floats
    step_m: float

    def direction(self, grid: Grid, first: int, last: int) -> tuple[Floats, Floats, Floats]:
        """Return the east, north and upward components of the unit vector to the sun for some rows of a grid."""
        zenith, azimuth = np.deg2rad(self.zenith_deg), np.deg2rad(self.azimuth_deg)
        ys = grid.resolution * (np.arange(first, last) + 0.5)
        xs = grid.resolution * (np.arange(grid.cols) + 0.5)
        east, north, up = (
            interpolate_nodes(component.astype(np.float32), self.step_m, ys, xs)
            for component in (np.sin(zenith) * np.sin(azimuth), np.sin(zenith) * np.cos(azimuth), np.cos(zenith))
        )
        return east, north, up

    def at(self, grid: Grid, row: float, col: float) -> tuple[float, float]:
        """Return sun zenith and azimuth [degree] at a place of a grid, given in pixels from its corner."""
        zenith, azimuth = np.deg2rad(self.zenith_deg), np.deg2rad(self.azimuth_deg)
        y, x = [row * grid.resolution], [col * grid.resolution]
        east, north, up = (
            float(interpolate_nodes(component.astype(np.float32), self.step_m, y, x)[0, 0])
            for component in (np.sin(zenith) * np.sin(azimuth), np.sin(zenith) * np.cos(azimuth), np.cos(zenith))
        )
        return float(np.rad2deg(np.arctan2(np.hypot(east, north), up))), float(np.rad2deg(np.arctan2(east, north)))


def illumination(ground: Gradient, sun: tuple[Floats, Floats, Floats]) -> Floats:
    """Return the cosine of the angle between the sun and the surface normal, ``[rows, cols]``; negative: turned away.

    Args:
        ground: the gradient.
        sun: components of the unit vector to the sun towards east, north and up, of the same shape.

    Source: Sen2Cor 2.8 sources, cos(beta) = cos(zenith) cos(slope) + sin(zenith) sin(slope) cos(azimuth - aspect),
    written with the normal's components.
    """
    east, north, up = sun
    cosine: Floats = up - ground.east * east
    cosine -= ground.north * north
    length = ground.east * ground.east
    length += ground.north * ground.north
    length += 1.0
    cosine /= np.sqrt(length, out=length)
    return cosine


def illumination_counts(cosine: Floats) -> NDArray[np.int16]:
    """Return the illumination in units of 1/10000."""
    scaled = cosine * np.float32(ILLUMINATION_SCALE)
    counts: NDArray[np.int16] = np.rint(scaled, out=scaled).astype(np.int16)
    return counts
