"""Terrain layers of a tile at 20 m and at 10 m, written strip by strip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.grid import Grid
from tasks.dem.cast_shadow import cast_shadow
from tasks.dem.mosaic import Mosaic, warp_to_grid
from tasks.dem.parameters import SkyViewForm
from tasks.dem.sky_view import horizon_sky_view, simple_sky_view, sky_view_counts
from tasks.dem.terrain import (
    ANGLE_SCALE,
    Floats,
    Gradient,
    SunGrid,
    aspect_counts,
    gradient,
    illumination,
    illumination_counts,
    slope_counts,
)

Create = Callable[[str, tuple[int, ...], Any], NDArray[Any]]
"""Makes a named array that is filled row by row."""

SMOOTHING_PIXELS: Final[dict[int, int]] = {10: 9, 20: 5}
"""Side of the box over which the illumination from a 30 m model is averaged, by pixel size [m]."""

_STRIP_ROWS: Final = {10: 512, 20: 128}
_MEDIAN: Final = 3


@dataclass(frozen=True)
class TerrainSettings:
    """What the layers depend on besides heights and sun.

    Attributes:
        sky_view: ``HORIZON``, or ``SIMPLE`` for (1 + cos slope) / 2.
        smooth_illumination: average the illumination over a box, as Sen2Cor does for the Copernicus 30 m model.
    """

    sky_view: SkyViewForm
    smooth_illumination: bool


def write_layers(
    create: Create, mosaic: Mosaic, heights: Floats, grid: Grid, sun: SunGrid, settings: TerrainSettings
) -> float:
    """Write the layers of both resolutions and return the mean slope [degree].

    At 20 m from the heights given: ``slope_20m``, ``aspect_20m``, ``illumination_20m``, ``shadow_20m``,
    ``sky_view_20m``. At 10 m from the mosaic again: ``illumination_10m``, ``shadow_10m``, ``sky_view_10m``; the cast
    shadow and what the horizon takes from the sky are those of 20 m, finer than the models' samples.

    Args:
        create: makes the arrays.
        mosaic: heights around the tile.
        heights: ``[rows, cols]`` float32 [m] at 20 m.
        grid: the grid of ``heights``.
        sun: the tile's sun.
        settings: the options.
    """
    mean_slope = _write_20m(create, heights, grid, sun, settings)
    cast = cast_shadow(heights, grid, sun).view(np.uint8)
    # A median of 3 x 3 pixels removes single pixels, as Sen2Cor does.
    cast = np.asarray(cv2.medianBlur(cast, _MEDIAN), np.uint8)
    shadow = create("shadow_20m", grid.shape, np.uint8)
    sky = create("sky_view_20m", grid.shape, np.uint8)
    share = np.empty(grid.shape, np.uint8)
    for rows in _strips(grid):
        ground = gradient(heights, grid.resolution, rows)
        shadow[rows] = cast[rows] | (illumination(ground, sun.direction(grid, rows.start, rows.stop)) <= 0.0)
        simple = simple_sky_view(ground)
        factor = horizon_sky_view(heights, grid.resolution, rows) if settings.sky_view == "HORIZON" else simple
        sky[rows] = sky_view_counts(factor)
        share[rows] = np.rint(np.clip(factor / simple, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    _write_10m(create, mosaic, grid.at(10), sun, settings, cast, share)
    return mean_slope


def _write_20m(create: Create, heights: Floats, grid: Grid, sun: SunGrid, settings: TerrainSettings) -> float:
    """Write slope, aspect and illumination; return the mean slope [degree]."""
    slope, aspect = create("slope_20m", grid.shape, np.uint16), create("aspect_20m", grid.shape, np.uint16)
    light = create("illumination_20m", grid.shape, np.int16)
    total = 0
    for rows in _strips(grid):
        ground = gradient(heights, grid.resolution, rows)
        slope[rows], aspect[rows] = slope_counts(ground), aspect_counts(ground)
        total += int(slope[rows].sum(dtype=np.int64))
        light[rows] = _illumination(heights, 0, grid, rows, sun, settings)
    return total / (ANGLE_SCALE * grid.rows * grid.cols)


def _write_10m(
    create: Create,
    mosaic: Mosaic,
    grid: Grid,
    sun: SunGrid,
    settings: TerrainSettings,
    cast: NDArray[np.uint8],
    share: NDArray[np.uint8],
) -> None:
    light = create("illumination_10m", grid.shape, np.int16)
    shadow = create("shadow_10m", grid.shape, np.uint8)
    sky = create("sky_view_10m", grid.shape, np.uint8)
    margin = _margin(grid, settings) + 1
    for rows in _strips(grid):
        top, bottom = max(rows.start - margin, 0), min(rows.stop + margin, grid.rows)
        part = grid.model_copy(update={"uly": grid.uly - top * grid.resolution, "rows": bottom - top})
        heights = warp_to_grid(mosaic, part)
        light[rows] = _illumination(heights, top, grid, rows, sun, settings)
        for inner in _strips(grid.model_copy(update={"rows": rows.stop - rows.start, "resolution": 20})):
            here = slice(rows.start + inner.start, rows.start + inner.stop)
            ground = _gradient(heights, top, grid, here)
            coarse = slice(here.start // 2, (here.stop + 1) // 2)
            turned = illumination(ground, sun.direction(grid, here.start, here.stop)) <= 0.0
            shadow[here] = _doubled(cast[coarse]) | turned
            factor = simple_sky_view(ground)
            factor *= _doubled(share[coarse]) * np.float32(1.0 / 255.0)
            sky[here] = sky_view_counts(factor)


def _illumination(
    heights: Floats, top: int, grid: Grid, rows: slice, sun: SunGrid, settings: TerrainSettings
) -> NDArray[np.int16]:
    """Return the illumination counts of some rows of a grid; ``heights`` begins at the grid's row ``top``."""
    margin = _margin(grid, settings)
    first, last = max(rows.start - margin, 0), min(rows.stop + margin, grid.rows)
    ground = _gradient(heights, top, grid, slice(first, last))
    cosine = illumination(ground, sun.direction(grid, first, last))
    if settings.smooth_illumination:
        side = SMOOTHING_PIXELS[grid.resolution]
        cosine = np.asarray(cv2.blur(cosine, (side, side), borderType=cv2.BORDER_REPLICATE), np.float32)
    return illumination_counts(cosine[rows.start - first : rows.stop - first])


def _gradient(heights: Floats, top: int, grid: Grid, rows: slice) -> Gradient:
    return gradient(heights, grid.resolution, slice(rows.start - top, rows.stop - top))


def _margin(grid: Grid, settings: TerrainSettings) -> int:
    return SMOOTHING_PIXELS[grid.resolution] // 2 if settings.smooth_illumination else 0


def _doubled(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return every pixel as 2 x 2 pixels."""
    return np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)


def _strips(grid: Grid) -> list[slice]:
    """Return the grid's rows in strips; an even number of rows each, so that 20 m pixels are not divided."""
    size = _STRIP_ROWS[grid.resolution]
    return [slice(top, min(top + size, grid.rows)) for top in range(0, grid.rows, size)]


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
