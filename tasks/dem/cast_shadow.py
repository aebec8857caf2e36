"""Cast shadow of terrain: rays from every pixel towards the sun over the height grid. Pure.

A pixel lies in cast shadow when the ground along its ray rises above the ray. The ray is looked at wherever it crosses
a line of pixel centres (rows for a sun in the north or south, columns for one in the east or west); there the height
is interpolated linearly between the two centres beside it. Following every ray would cost pixels times ray length, so
one pass over the lines carries an upper and a lower envelope of what lies towards the sun: it decides nearly all
pixels, and only the rest follow their rays. The result is the same as that of following all of them.

Source: Sen2Cor 2.10 and later mark cast shadow by a projection along the sun's azimuth after Corripio (2003),
doi:10.1080/713811744; the envelopes are this program's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.dem.surroundings import Surface
from tasks.dem.terrain import Floats, SunGrid

Flags = NDArray[np.bool_]

BLOCK_M: Final = 10_000.0
"""Side of the blocks inside which the sun's direction is taken as constant: it changes by a tenth of a degree."""

_PAD: Final = 2
_ROUNDING_M: Final = 0.01
"""Kept between the envelopes and a decision, for their rounding."""

_LOOK_AHEAD: Final = 4
"""Steps between two comparisons of a ray with what is still to come."""

_OVERHEAD_DEG: Final = 0.01


def cast_shadow(surface: Surface, rows: slice, sun: SunGrid) -> Flags:
    """Return where some rows of a tile are in cast shadow, ``[n, cols]``.

    The sun's direction is that at the centre of blocks of 10 km. Terrain outside the heights given casts no shadow.

    Args:
        surface: heights of the tile and around it.
        rows: the rows wanted; they begin at a block's first row, so that bands of rows make up the whole.
        sun: the tile's sun grid.
    """
    heights, grid = surface.heights, surface.grid
    shadow = np.zeros((rows.stop - rows.start, grid.cols), np.bool_)
    size = max(int(BLOCK_M / grid.resolution), 1)
    highest = float(heights.max())
    for top in range(rows.start, rows.stop, size):
        for left in range(0, grid.cols, size):
            bottom, right = min(top + size, rows.stop), min(left + size, grid.cols)
            zenith, azimuth = sun.at(grid, 0.5 * (top + bottom), 0.5 * (left + right))
            row, col = top - surface.row, left - surface.col
            block = _Block(row, row + bottom - top, col, col + right - left)
            drop = highest - float(heights[block.place].min())
            around = block.towards(azimuth, _reach(drop, zenith, grid.resolution), heights.shape)
            found = shadow_of_one_sun(heights[around.place], grid.resolution, zenith, azimuth)
            part = found[row - around.top : row - around.top + bottom - top, col - around.left :][:, : right - left]
            shadow[top - rows.start : bottom - rows.start, left:right] = part
    return shadow


@dataclass(frozen=True)
class _Block:
    """A rectangle of a height grid; ``bottom`` and ``right`` lie outside."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def place(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def towards(self, azimuth_deg: float, reach: float, shape: tuple[int, ...]) -> _Block:
        """Return the block grown by a number of pixels towards an azimuth, inside the grid."""
        up, right = reach * math.cos(math.radians(azimuth_deg)), reach * math.sin(math.radians(azimuth_deg))
        return _Block(
            max(int(self.top - max(up, 0.0)), 0),
            min(math.ceil(self.bottom - min(up, 0.0)), shape[0]),
            max(int(self.left + min(right, 0.0)), 0),
            min(math.ceil(self.right + max(right, 0.0)), shape[1]),
        )


def _reach(drop_m: float, zenith_deg: float, pixel_m: float) -> float:
    """Return the length [pixels] of the longest shadow."""
    return drop_m * math.tan(math.radians(min(zenith_deg, 89.9))) / pixel_m + 2.0


def shadow_of_one_sun(heights: Floats, pixel_m: float, zenith_deg: float, azimuth_deg: float) -> Flags:
    """Return where a height grid is in cast shadow under a sun that has the same direction everywhere.

    Args:
        heights: ``[rows, cols]`` [m], north up, without NaN.
        pixel_m: pixel size [m].
        zenith_deg: sun zenith [degree]; at the horizon or below everything is in shadow.
        azimuth_deg: sun azimuth [degree], clockwise from north.
    """
    if zenith_deg >= 90.0:
        return np.ones(heights.shape, np.bool_)
    if zenith_deg < _OVERHEAD_DEG:
        return np.zeros(heights.shape, np.bool_)
    down, right = -math.cos(math.radians(azimuth_deg)), math.sin(math.radians(azimuth_deg))
    across = abs(right) > abs(down)
    lines = heights.T if across else heights
    main, side = (right, down) if across else (down, right)
    lines = np.ascontiguousarray(lines[::-1] if main > 0 else lines)
    # Rounded, so that a sun due south (sine of 180 degrees: 1e-16) does not lead out of the last column.
    slant = round(side / abs(main), 12)
    rise = pixel_m * math.hypot(1.0, slant) / math.tan(math.radians(zenith_deg))
    shadow = _towards_first_line(_Rays(lines, slant, rise))
    shadow = shadow[::-1] if main > 0 else shadow
    return shadow.T if across else shadow


@dataclass(frozen=True, eq=False)
class _Rays:
    """Heights with the sun beyond the first line; a ray moves by ``slant`` columns and rises by ``rise`` a line."""

    heights: Floats
    slant: float
    rise: float


def _towards_first_line(rays: _Rays) -> Flags:
    shadow, undecided, above = _decide_by_envelopes(rays)
    places = np.flatnonzero(undecided)
    if places.size:
        shadow.ravel()[_follow(rays, places, above)] = True
    return shadow


def _decide_by_envelopes(rays: _Rays) -> tuple[Flags, Flags, Floats]:
    """Return which pixels are surely in shadow, which are open, and the upper envelope [m] at each pixel.

    From line to line an envelope moves by whole columns; that is less than one column away from every ray through
    the pixel. The highest and the lowest of three neighbours therefore bound every height that a ray meets.
    """
    lines, cols = rays.heights.shape
    shadow, undecided = np.zeros((lines, cols), np.bool_), np.zeros((lines, cols), np.bool_)
    above = np.full((lines, cols), -np.inf, np.float32)
    upper = np.full(cols + 2 * _PAD, -np.inf)
    lower = upper.copy()
    inner = slice(_PAD, _PAD + cols)
    for line in range(1, lines):
        _take_line(upper, rays.heights[line - 1], highest=True)
        _take_line(lower, rays.heights[line - 1], highest=False)
        shift = math.floor(rays.slant * line) - math.floor(rays.slant * (line - 1))
        upper, lower = _shifted(upper, shift), _shifted(lower, shift)
        upper -= rays.rise
        lower -= rays.rise
        own = rays.heights[line]
        np.add(upper[inner], _ROUNDING_M, out=above[line], casting="same_kind")
        np.greater(lower[inner], own + np.float32(_ROUNDING_M), out=shadow[line])
        np.greater(above[line], own, out=undecided[line])
    undecided &= ~shadow
    return shadow, undecided, above


def _take_line(envelope: NDArray[np.float64], line: Floats, highest: bool) -> None:
    """Raise an envelope to the highest, or the lowest, of three neighbours of a line."""
    cols = line.size
    if not highest:
        if cols >= 3:
            lowest = np.minimum(np.minimum(line[:-2], line[2:]), line[1:-1])
            target = envelope[_PAD + 1 : _PAD + cols - 1]
            np.maximum(target, lowest, out=target)
        return
    for shift in (-1, 0, 1):
        target = envelope[_PAD + shift : _PAD + shift + cols]
        np.maximum(target, line, out=target)


def _shifted(envelope: NDArray[np.float64], shift: int) -> NDArray[np.float64]:
    """Return the envelope whose column c is the old one's column c + shift."""
    if shift == 0:
        return envelope
    moved = np.full_like(envelope, -np.inf)
    if shift > 0:
        moved[:-shift] = envelope[shift:]
    else:
        moved[-shift:] = envelope[:shift]
    return moved


def _follow(rays: _Rays, places: NDArray[np.intp], above: Floats) -> NDArray[np.intp]:
    """Follow the rays of some pixels and return those, by their place in the raveled grid, that hit the ground."""
    lines, cols = rays.heights.shape
    heights, envelope = rays.heights.ravel(), above.ravel()
    line, col = np.divmod(places, cols)
    start = heights[places].astype(np.float64)
    hits = []
    for step in range(1, lines):
        offset = step * rays.slant
        whole = math.floor(offset)
        inside = (line >= step) & (col + offset >= 0.0) & (col + offset <= cols - 1.0)
        places, line, col, start = (values[inside] for values in (places, line, col, start))
        if not places.size:
            break
        here = places - step * cols + whole
        right = np.minimum(here + 1, heights.size - 1)
        share = offset - whole
        ray = start + step * rays.rise
        hit = (1.0 - share) * heights[here] + share * heights[right] > ray
        hits.append(places[hit])
        open_still = ~hit
        if step % _LOOK_AHEAD == 0:
            open_still &= np.maximum(envelope[here], envelope[right]) > ray
        places, line, col, start = (values[open_still] for values in (places, line, col, start))
    return np.concatenate(hits) if hits else np.empty(0, np.intp)
