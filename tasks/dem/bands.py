"""Heights of a tile and its surroundings from the mosaic, whole or in a band of rows that moves from north to south."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tasks.common.errors import InternalInconsistency
from tasks.common.grid import Grid
from tasks.dem.mosaic import Mosaic, warp_to_grid
from tasks.dem.surroundings import Margin, Surface, margin_of, with_margin
from tasks.dem.terrain import Floats, SunGrid


def whole_surface(mosaic: Mosaic, grid: Grid, margin: Margin) -> Surface:
    """Return the heights of a tile and of the ground around it."""
    return _surface(warp_to_grid(mosaic, with_margin(grid, margin)), grid, margin, 0)


def always(surface: Surface) -> Callable[[slice], Surface]:
    """Return a function that gives the same surface for all rows."""
    return lambda _rows: surface


def _surface(heights: Floats, grid: Grid, margin: Margin, row: int) -> Surface:
    """Return heights that begin at a row of the grid with its margin."""
    return Surface(heights, grid, row - margin.north // grid.resolution, -(margin.west // grid.resolution))


class MovingBand:
    """Gives some rows of a tile with what shades them; every row is warped once and dropped when it is behind.

    At 10 m the heights of a whole tile would take half a gigabyte.
    """

    def __init__(self, mosaic: Mosaic, grid: Grid, margin: Margin, sun: SunGrid) -> None:
        """Prepare to give the rows of ``grid`` in bands.

        Args:
            mosaic: the heights.
            grid: the tile's grid.
            margin: ground around the tile that the mosaic covers.
            sun: tells how far to the north and south a band's shadows come from.
        """
        self._mosaic, self._grid, self._margin = mosaic, grid, margin
        self._wide = with_margin(grid, margin)
        relief = float(mosaic.heights.max()) - float(mosaic.heights.min())
        reach = margin_of(sun, relief, math.inf)
        self._before, self._after = reach.north // grid.resolution, reach.south // grid.resolution
        self._heights = np.empty((0, self._wide.cols), np.float32)
        self._first = self._last = 0
        """Rows of the wide grid that are held."""

    def __call__(self, rows: slice) -> Surface:
        """Return the heights around some rows of the tile.

        Raises:
            InternalInconsistency: rows before those of the last call are wanted.
        """
        shift = self._margin.north // self._grid.resolution
        first = max(rows.start + shift - self._before, 0)
        last = min(rows.stop + shift + self._after, self._wide.rows)
        if first < self._first:
            raise InternalInconsistency("the bands of a tile are wanted from north to south")
        self._move(first, last)
        return _surface(self._heights[: last - first], self._grid, self._margin, first)

    def _move(self, first: int, last: int) -> None:
        """Hold the rows ``first .. last - 1``: move up those that stay and warp those that are new."""
        if last - first > self._heights.shape[0]:
            kept = self._heights[: self._last - self._first]
            self._heights = np.empty((last - first, self._wide.cols), np.float32)
            self._heights[: kept.shape[0]] = kept
        stays, step = max(self._last - first, 0), first - self._first
        if step:
            # In steps of what moves, so that source and target never overlap and nothing is copied twice.
            for row in range(0, stays, step):
                end = min(row + step, stays)
                self._heights[row:end] = self._heights[row + step : end + step]
        top = first + stays
        if top < last:
            part = self._wide.model_copy(
                update={"uly": self._wide.uly - top * self._wide.resolution, "rows": last - top}
            )
            self._heights[stays : last - first] = warp_to_grid(self._mosaic, part)
        self._first, self._last = first, max(last, self._last)
