"""Terrain layers of a tile at one resolution, written band by band."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.grid import Grid
from tasks.dem.cast_shadow import BLOCK_M, cast_shadow
from tasks.dem.parameters import SkyViewForm
from tasks.dem.sky_view import horizon_sky_view, simple_sky_view, sky_view_counts
from tasks.dem.surroundings import Surface
from tasks.dem.terrain import (
    ANGLE_SCALE,
    Floats,
    SunGrid,
    aspect_counts,
    illumination,
    illumination_counts,
    slope_counts,
)


class Rows(Protocol):
    """An array that takes whole rows."""

    def __setitem__(self, rows: slice, values: NDArray[Any], /) -> None: ...


Create = Callable[[str, tuple[int, int], Any], Rows]
"""Makes a named array that is filled row by row."""

Around = Callable[[slice], Surface]
"""Gives the heights of some rows of the tile with those around them; the rows are asked for from north to south."""

SMOOTHING_PIXELS: Final[dict[int, int]] = {10: 9, 20: 5}
"""Side of the box over which the illumination from a 30 m model is averaged, by pixel size [m]."""

_STRIP_ROWS: Final = 128
_MEDIAN: Final = 3
_CAST, _TURNED = np.uint8(1), np.uint8(2)
"""Flags of a pixel: in cast shadow, turned away from the sun."""


@dataclass(frozen=True)
class TerrainSettings:
    """What the layers depend on besides heights and sun.

    Attributes:
        sky_view: ``HORIZON``, or ``SIMPLE`` for (1 + cos slope) / 2.
        smooth_illumination: average the illumination over a box, as Sen2Cor does for the Copernicus 30 m model.
    """

    sky_view: SkyViewForm
    smooth_illumination: bool


def write_slopes(create: Create, surface: Surface) -> float:
    """Write ``slope_20m`` and ``aspect_20m``; return the mean slope [degree]."""
    grid = surface.grid
    slope, aspect = create("slope_20m", grid.shape, np.uint16), create("aspect_20m", grid.shape, np.uint16)
    total = 0
    for rows in _pieces(slice(0, grid.rows), _STRIP_ROWS):
        ground = surface.ground(rows)
        counts = slope_counts(ground)
        slope[rows], aspect[rows] = counts, aspect_counts(ground)
        total += int(counts.sum(dtype=np.int64))
    return total / (ANGLE_SCALE * grid.rows * grid.cols)


def write_light(create: Create, around: Around, grid: Grid, sun: SunGrid, settings: TerrainSettings) -> None:
    """Write ``illumination_*``, ``shadow_*`` and ``sky_view_*`` of one resolution.

    Args:
        create: makes the arrays.
        around: gives the heights.
        grid: the tile's grid at that resolution.
        sun: the tile's sun.
        settings: the options.
    """
    name = f"{grid.resolution}m"
    light = create(f"illumination_{name}", grid.shape, np.int16)
    sky = create(f"sky_view_{name}", grid.shape, np.uint8)
    flags = np.empty(grid.shape, np.uint8)
    for band in _pieces(slice(0, grid.rows), int(BLOCK_M / grid.resolution)):
        surface = around(band)
        flags[band] = cast_shadow(surface, band, sun)
        for rows in _pieces(band, _STRIP_ROWS):
            light[rows], turned = _light(surface, rows, sun, settings)
            flags[rows] |= turned
            sky[rows] = sky_view_counts(_sky(surface, rows, settings))
    shadow = create(f"shadow_{name}", grid.shape, np.uint8)
    for rows in _pieces(slice(0, grid.rows), _STRIP_ROWS):
        shadow[rows] = _without_specks(flags, rows)


def _light(
    surface: Surface, rows: slice, sun: SunGrid, settings: TerrainSettings
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Return the illumination counts of some rows, and the flag of those pixels that are turned away from the sun."""
    grid = surface.grid
    side = SMOOTHING_PIXELS[grid.resolution] if settings.smooth_illumination else 1
    first, last = max(rows.start - side // 2, 0), min(rows.stop + side // 2, grid.rows)
    cosine = illumination(surface.ground(slice(first, last)), sun.direction(grid, first, last))
    inner = slice(rows.start - first, rows.stop - first)
    turned = np.asarray(np.where(cosine[inner] <= 0.0, _TURNED, 0), np.uint8)
    if side > 1:
        cosine = np.asarray(cv2.blur(cosine, (side, side), borderType=cv2.BORDER_REPLICATE), np.float32)
    return illumination_counts(cosine[inner]), turned


def _sky(surface: Surface, rows: slice, settings: TerrainSettings) -> Floats:
    if settings.sky_view == "SIMPLE":
        return simple_sky_view(surface.ground(rows))
    return horizon_sky_view(surface.heights, surface.grid.resolution, *surface.place(rows))


def _without_specks(flags: NDArray[np.uint8], rows: slice) -> NDArray[np.uint8]:
    """Return the shadow of some rows: cast shadow without single pixels, as Sen2Cor does, and self shadow."""
    first, last = max(rows.start - 1, 0), min(rows.stop + 1, flags.shape[0])
    cast = np.asarray(cv2.medianBlur(flags[first:last] & _CAST, _MEDIAN), np.uint8)
    return np.asarray((cast[rows.start - first : rows.stop - first] | (flags[rows] & _TURNED)) != 0, np.uint8)


def _pieces(rows: slice, size: int) -> list[slice]:
    """Return rows in pieces of a size; the last may be smaller."""
    return [slice(top, min(top + size, rows.stop)) for top in range(rows.start, rows.stop, size)]


def height_figures(heights: Floats) -> dict[str, float]:
    """Return mean, lowest and highest height [m] under the names of the stage's statistics."""
    return {
        "mean_height_m": float(np.mean(heights, dtype=np.float64)),
        "min_height_m": float(heights.min()),
        "max_height_m": float(heights.max()),
    }


def level_figures(height_m: float) -> dict[str, float | bool]:
    """Return the statistics of level ground at a height [m]."""
    names = ("mean_height_m", "min_height_m", "max_height_m")
    return {"flat": True, "mean_slope_deg": 0.0, "void_percentage": 100.0, **dict.fromkeys(names, height_m)}
