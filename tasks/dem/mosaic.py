"""Reads elevation-model cells, joins them and warps them to the tile's grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.common.xml import shown
from tasks.dem.blend import Lattice, Piece, join
from tasks.dem.cells import Box
from tasks.dem.parameters import DemFile
from tasks.dem.voids import fill_land_voids

LOWEST_HEIGHT_M: Final = -1000.0
HIGHEST_HEIGHT_M: Final = 9500.0
"""No land lies outside: such values are voids (-32768 SRTM, -32767 DTED, -20000 Copernicus)."""

MAX_SIDE: Final = 20_000
"""Samples along a cell's side; the largest real one has 6001."""

_MARGIN_SAMPLES: Final = 4


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Heights around a tile.

    Attributes:
        lattice: where the samples lie; longitudes exceed 180 across the date line.
        heights: ``[rows, cols]`` float32 [m above sea level], without NaN.
        void_percentage: share of the samples inside the tile's box that no cell gives (sea or void) [%].
        filled_percentage: share of the samples that were interpolated over voids of land [%].
        unread: one line for each damaged cell beyond the tile's edge; its heights are 0.
    """

    lattice: Lattice
    heights: NDArray[np.float32]
    void_percentage: float
    filled_percentage: float = 0.0
    unread: tuple[str, ...] = ()


def build_mosaic(
    files: Sequence[DemFile], box: Box, around: Box | None = None, outer: Sequence[DemFile] = ()
) -> Mosaic:
    """Read all cells of a tile, and of the ground around it, and join them.

    Voids in land are interpolated from their rim; voids at sea, and everything outside the cells, become 0 m. (Sen2Cor
    sets all of them to 0 m, which makes cliffs of holes in mountains.)

    Args:
        files: cells of the tile.
        box: the tile.
        around: the tile with the ground around it; None for the tile alone.
        outer: cells that lie in ``around`` only.

    Raises:
        AuxiliaryUnavailable: a file of the tile is damaged, has no geographic coordinates or lies elsewhere, or none
            reaches into the box.
    """
    wide = around or box
    box = box.beside(wide)
    pieces = [piece for file in files if (piece := read_cell(file, wide)) is not None]
    if not any(_reaches(piece.lattice, box) for piece in pieces):
        raise AuxiliaryUnavailable(f"{shown(files[0].path)}: no DEM cell reaches into the tile")
    unread = []
    for file in outer:
        try:
            beyond = read_cell(file, wide)
        except AuxiliaryUnavailable as error:
            unread.append(str(error))
        else:
            pieces += [] if beyond is None else [beyond]
    finest = min((piece.lattice for piece in pieces), key=lambda lattice: (lattice.dx, lattice.dy))
    grown = wide.grown(_MARGIN_SAMPLES * finest.dy)
    lattice = Lattice.covering(grown.west, grown.south, grown.east, grown.north, finest)
    heights = join(pieces, lattice)
    inner = np.isnan(heights[_part_of(lattice, box)])
    void_percentage = 100.0 * float(inner.mean())
    filled = fill_land_voids(heights)
    heights[np.isnan(heights)] = 0.0
    return Mosaic(lattice, heights, void_percentage, 100.0 * filled / heights.size, tuple(unread))


def _reaches(lattice: Lattice, box: Box) -> bool:
    """Tell whether a lattice has a sample in a box or within the resampling's kernel of it."""
    grown = box.grown(_MARGIN_SAMPLES * max(lattice.dx, lattice.dy))
    south, east = lattice.north - (lattice.rows - 1) * lattice.dy, lattice.west + (lattice.cols - 1) * lattice.dx
    return lattice.west <= grown.east and east >= grown.west and south <= grown.north and lattice.north >= grown.south


def _part_of(lattice: Lattice, box: Box) -> tuple[slice, slice]:
    """Return the rows and columns of a lattice's samples that enclose a box inside it."""
    inner = Lattice.covering(box.west, box.south, box.east, box.north, lattice)
    row, col = (round(shift) for shift in lattice.offset_of(inner))
    return slice(row, row + inner.rows), slice(col, col + inner.cols)


def read_cell(file: DemFile, box: Box) -> Piece | None:
    """Read the part of a cell that lies near a box; None when it does not reach there.

    Raises:
        AuxiliaryUnavailable: the file is damaged or is no elevation raster in geographic coordinates.
    """
    name = shown(file.path)
    try:
        with _gdal(), rasterio.open(_address(file), driver=_driver(file)) as dataset:
            if dataset.count != 1 or max(dataset.shape) > MAX_SIDE or min(dataset.shape) < 2:
                raise AuxiliaryUnavailable(
                    f"{name}: {dataset.count} bands of {dataset.height} x {dataset.width}, expected one DEM cell"
                )
            whole = _lattice(dataset, name)
            centre = whole.west + 0.5 * whole.cols * whole.dx
            turns = round((0.5 * (box.west + box.east) - centre) / 360.0)
            whole = replace(whole, west=whole.west + 360.0 * turns)
            margin = (_MARGIN_SAMPLES + 2) * max(whole.dx, whole.dy)
            grown = box.grown(margin)
            part = Lattice.covering(grown.west, grown.south, grown.east, grown.north, whole)
            row, col = (round(shift) for shift in whole.offset_of(part))
            rows = max(row, 0), min(row + part.rows, whole.rows)
            cols = max(col, 0), min(col + part.cols, whole.cols)
            if rows[0] >= rows[1] or cols[0] >= cols[1]:
                return None
            values = dataset.read(1, window=Window.from_slices(rows, cols)).astype(np.float32, copy=False)
            nodata = dataset.nodata
    except (RasterioError, ValueError, MemoryError) as error:
        raise AuxiliaryUnavailable(f"{name}: DEM cell cannot be read ({shown(str(error))})") from error
    if nodata is not None and nodata != 0:
        values[values == np.float32(nodata)] = np.nan
    with np.errstate(invalid="ignore"):
        values[(values < LOWEST_HEIGHT_M) | (values > HIGHEST_HEIGHT_M)] = np.nan
    lattice = replace(
        whole,
        west=whole.west + cols[0] * whole.dx,
        north=whole.north - rows[0] * whole.dy,
        rows=values.shape[0],
        cols=values.shape[1],
    )
    return Piece(lattice, values)


def warp_to_grid(mosaic: Mosaic, grid: Grid) -> NDArray[np.float32]:
    """Return the heights at a grid's pixel centres by cubic-spline resampling, as Sen2Cor does.

    GDAL interpolates the map projection along each line of the grid to an eighth of a sample (its default, which
    Sen2Cor has too): up to some metres of height where the ground is steeper than 45 degrees. Rows may be warped in
    strips without a difference.

    Returns:
        ``[rows, cols]`` float32 [m above sea level].
    """
    lattice = mosaic.lattice
    # A tile across the date line is warped from longitudes counted from 180 degrees, where nothing wraps.
    meridian = 180.0 if lattice.west + lattice.cols * lattice.dx > 180.0 else 0.0
    source = Affine(
        lattice.dx,
        0.0,
        lattice.west - 0.5 * lattice.dx - meridian,
        0.0,
        -lattice.dy,
        lattice.north + 0.5 * lattice.dy,
    )
    heights = np.zeros(grid.shape, np.float32)
    reproject(
        mosaic.heights,
        heights,
        src_transform=source,
        src_crs=f"+proj=longlat +datum=WGS84 +pm={meridian:g} +no_defs",
        dst_transform=Affine.from_gdal(*grid.geotransform),
        dst_crs=f"EPSG:{grid.epsg}",
        resampling=Resampling.cubic_spline,
        # GDAL widens the kernel where a pixel is a little larger than a sample, which shifts heights by up to 0.3
        # samples; at a fixed scale the spline is exact.
        XSCALE=1,
        YSCALE=1,
    )
    return heights


def _lattice(dataset: rasterio.DatasetReader, name: str) -> Lattice:
    """Return the positions of a cell's samples."""
    a, b, west, d, e, north = tuple(dataset.transform)[:6]
    geographic = dataset.crs is None or dataset.crs.is_geographic
    if not geographic or b or d or a <= 0.0 or e >= 0.0 or a > 0.1 or -e > 0.1:
        raise AuxiliaryUnavailable(f"{name}: expected a north-up DEM in longitude and latitude")
    return Lattice(west + 0.5 * a, north + 0.5 * e, a, -e, dataset.height, dataset.width)


def _address(file: DemFile) -> str:
    if file.member is None:
        return file.path
    system = "/vsitar/" if file.path.endswith(".tar") else "/vsizip/"
    return f"{system}{{{file.path}}}/{file.member}"


def _driver(file: DemFile) -> str:
    return "DTED" if file.path.endswith((".dt1", ".dt2")) else "GTiff"


@contextmanager
def _gdal() -> Iterator[None]:
    """Read the named file only: no side-car files and no folder listing."""
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO", DTED_VERIFY_CHECKSUM="NO"):
        yield
