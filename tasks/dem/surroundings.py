"""The ground around a tile that shades it and hides its sky. Pure.

A mountain beyond the tile's edge shades the tile as one inside does. How far it can lie follows from the sun: terrain
that rises by h above the tile reaches it from h tan(sun zenith) away. The horizon that hides the sky is looked for up
to a fixed distance on all sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.common.grid import Grid
from tasks.dem.sky_view import REACH_M
from tasks.dem.terrain import Floats, Gradient, SunGrid, gradient

RELIEF_M: Final = 3000.0
"""Height above the tile up to which terrain beyond its edge is looked for; more within 20 km is found in the Himalaya
only, and there for the lowest ground of a tile."""

FARTHEST_M: Final = 20_000.0
"""Terrain further beyond the edge is left out, however low the sun."""

_COARSEST_M: Final = 20
_SPARE_M: Final = 40.0
_LOWEST_SUN_DEG: Final = 89.9


@dataclass(frozen=True)
class Margin:
    """Width of the ground around a tile on its four sides [m], multiples of 20 m."""

    north: int
    east: int
    south: int
    west: int


def _whole(metres: float) -> int:
    return math.ceil((metres + _SPARE_M) / _COARSEST_M) * _COARSEST_M


WIDEST: Final = Margin(*(_whole(max(FARTHEST_M, REACH_M)),) * 4)
"""The margin for a sun that is not known."""


def margin_of(sun: SunGrid, relief_m: float = RELIEF_M, farthest_m: float = FARTHEST_M) -> Margin:
    """Return how far terrain around a tile matters: the horizon's reach everywhere, the shadow's towards the sun.

    Args:
        sun: the tile's sun.
        relief_m: how far the terrain rises above the ground it shades [m].
        farthest_m: limit of the shadow's reach [m].
    """
    zenith, azimuth = np.deg2rad(np.minimum(sun.zenith_deg, _LOWEST_SUN_DEG)), np.deg2rad(sun.azimuth_deg)
    reach = np.minimum(relief_m * np.tan(zenith), farthest_m)
    north, east = reach * np.cos(azimuth), reach * np.sin(azimuth)
    sides = (north.max(), east.max(), -north.min(), -east.min())
    return Margin(*(_whole(max(float(side), REACH_M)) for side in sides))


def with_margin(grid: Grid, margin: Margin) -> Grid:
    """Return a grid and the ground around it as one grid of the same pixels."""
    north, east, south, west = (
        side // grid.resolution for side in (margin.north, margin.east, margin.south, margin.west)
    )
    return grid.model_copy(
        update={
            "ulx": grid.ulx - west * grid.resolution,
            "uly": grid.uly + north * grid.resolution,
            "rows": grid.rows + north + south,
            "cols": grid.cols + west + east,
        }
    )


@dataclass(frozen=True, eq=False)
class Surface:
    """Heights of a tile, or of a band of its rows, together with those around it.

    Attributes:
        heights: ``[rows, cols]`` float32 [m] without NaN.
        grid: the tile's grid, of the same pixel size.
        row, col: where the first height lies in the tile's grid; negative beyond its edge.
    """

    heights: Floats
    grid: Grid
    row: int = 0
    col: int = 0

    def place(self, rows: slice) -> tuple[slice, slice]:
        """Return where some rows of the tile, in all its columns, lie in ``heights``."""
        return slice(rows.start - self.row, rows.stop - self.row), slice(-self.col, self.grid.cols - self.col)

    def ground(self, rows: slice) -> Gradient:
        """Return the gradient of some rows of the tile; beyond the heights it is extrapolated."""
        place, cols = self.place(rows)
        left, right = max(cols.start - 1, 0), min(cols.stop + 1, self.heights.shape[1])
        found = gradient(self.heights[:, left:right], self.grid.resolution, place)
        inner = slice(cols.start - left, cols.stop - left)
        return Gradient(found.east[:, inner], found.north[:, inner])
