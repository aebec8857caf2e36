"""Terrain layers of a full tile from synthetic GLO-30 cells: CPU seconds by step, and peak memory.

Usage: python tests/benchmarks/terrain.py FOLDER [stage]        (1 GB in FOLDER)

With the word ``stage`` everything that the stage makes is made as it does it, at 20 m and at 10 m, and written.

The cells have the names, spacing and compression of the real ones; the heights are mountains of 3000 m made of random
ridges, so that shadows are long. The tile is 32TPS-like: 47 N, 11 E, sun 62 degrees from the zenith.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import rasterio
from rasterio.transform import from_origin

from tasks.common.artefacts import StageWriter
from tasks.common.grid import Grid
from tasks.dem.bands import MovingBand, always, whole_surface
from tasks.dem.cast_shadow import cast_shadow
from tasks.dem.footprint import geographic_box
from tasks.dem.layers import TerrainSettings, write_light, write_slopes
from tasks.dem.mosaic import build_mosaic
from tasks.dem.parameters import DemParameters
from tasks.dem.sky_view import horizon_sky_view
from tasks.dem.sources import survey_cells
from tasks.dem.surroundings import margin_of, with_margin
from tasks.dem.terrain import SunGrid, aspect_counts, illumination, illumination_counts, slope_counts

GRID = Grid(epsg=32632, ulx=600000, uly=5300040, resolution=10, rows=10980, cols=10980)


def mountains(rows: int, cols: int, south: int, west: int) -> np.ndarray:
    """Heights of a cell [m]: waves of falling length, the same function of the place for every cell."""
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    y, x = south + 1 - y / rows, west + x / cols
    heights = np.full((rows, cols), 1500, np.float32)
    rng = np.random.default_rng(7)
    for wave in range(1, 9):
        fx, fy, phase = *rng.normal(0, 18 * 1.6**wave, 2), float(rng.uniform(0, 6.28))
        heights += (1.0 - np.abs(np.sin(fx * x + fy * y + phase))) * (1400 / 1.5**wave) - 350 / 1.5**wave
    return heights


def write_cells(folder: Path) -> None:
    """Write the cells that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for south in (46, 47):
        for west in (9, 10, 11, 12):
            path = folder / f"Copernicus_DSM_10_N{south}_00_E{west:03d}_00_DEM.tif"
            if path.exists():
                continue
            with rasterio.open(
                path, "w", driver="GTiff", dtype="float32", width=3600, height=3600, count=1, crs="EPSG:4326",
                transform=from_origin(west - 0.5 / 3600, south + 1 + 0.5 / 3600, 1 / 3600, 1 / 3600),
                tiled=True, compress="deflate", predictor=3,
            ) as dataset:  # fmt: skip
                dataset.write(mountains(3600, 3600, south, west), 1)


class Clock:
    """Prints the CPU seconds since the last call and the peak memory so far."""

    def __init__(self) -> None:
        self.last = time.process_time()
        self.total = 0.0

    def __call__(self, step: str) -> None:
        now = time.process_time()
        self.total += now - self.last
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{step:<40} {now - self.last:6.1f} CPU s   (sum {self.total:5.1f})   peak {peak:.2f} GB", flush=True)
        self.last = time.process_time()


def a_sun() -> SunGrid:
    """A low sun in the south."""
    step = np.arange(23, dtype=np.float32)
    zenith = 62.0 + 0.03 * step[:, None] - 0.02 * step[None]
    return SunGrid(zenith, 165.0 + 0.06 * step[None] + 0 * zenith, 5000.0)


def main() -> None:
    """Time the steps of 20 m one by one."""
    cv2.setNumThreads(1)
    folder = Path(sys.argv[1]).absolute()
    write_cells(folder)
    sun = a_sun()
    grid = GRID.at(20)
    clock = Clock()
    margin = margin_of(sun)
    box, around = geographic_box(grid), geographic_box(with_margin(grid, margin))
    survey = survey_cells(box, DemParameters(dem_directory=str(folder)), around)
    mosaic = build_mosaic(survey.files, box, around, survey.outer)
    clock(f"mosaic of {len(survey.files)} + {len(survey.outer)} cells")
    surface = whole_surface(mosaic, grid, margin)
    clock("warp to 20 m")
    place = surface.place(slice(0, grid.rows))
    slope, aspect = np.empty(grid.shape, np.uint16), np.empty(grid.shape, np.uint16)
    light = np.empty(grid.shape, np.int16)
    for top in range(0, grid.rows, 128):
        rows = slice(top, min(top + 128, grid.rows))
        ground = surface.ground(rows)
        slope[rows], aspect[rows] = slope_counts(ground), aspect_counts(ground)
        light[rows] = illumination_counts(illumination(ground, sun.direction(grid, rows.start, rows.stop)))
    clock("slope, aspect, illumination")
    shadow = cast_shadow(surface, slice(0, grid.rows), sun)
    clock(f"cast shadow ({100 * shadow.mean():.1f} % of the tile)")
    sky = horizon_sky_view(surface.heights, 20, *place)
    clock(f"sky view of the horizon (mean {sky.mean():.3f})")
    heights = surface.heights[place]
    print(f"heights {heights.min():.0f} .. {heights.max():.0f} m")
    del slope, aspect, light, shadow, sky, surface, heights


def stage() -> None:
    """The same as the stage does it, all layers written to files."""
    folder = Path(sys.argv[1]).absolute()
    clock = Clock()
    grid = GRID.at(20)
    sun, settings = a_sun(), TerrainSettings("HORIZON", smooth_illumination=True)
    margin = margin_of(sun)
    box, around = geographic_box(grid), geographic_box(with_margin(grid, margin))
    survey = survey_cells(box, DemParameters(dem_directory=str(folder)), around)
    mosaic = build_mosaic(survey.files, box, around, survey.outer)
    surface = whole_surface(mosaic, grid, margin)
    out = StageWriter("dem", folder)
    write_slopes(out.create_rows, surface)
    write_light(out.create_rows, always(surface), grid, sun, settings)
    clock("all layers of 20 m, written")
    del surface
    fine = GRID.at(10)
    write_light(out.create_rows, MovingBand(mosaic, fine, margin, sun), fine, sun, settings)
    clock("all layers of 10 m, written")


if __name__ == "__main__":
    main() if sys.argv[2:] != ["stage"] else stage()
