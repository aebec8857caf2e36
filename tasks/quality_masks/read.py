"""Reads the quality report and the quality masks of a Level-1C granule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.transform import Affine
from rasterio.windows import Window

from tasks.common.errors import InvalidInput
from tasks.common.grid import Grid
from tasks.common.threads import decoder_threads
from tasks.common.xml import Node, parse_xml, shown
from tasks.l1c.model import TileMetadata
from tasks.quality_masks.codestream import Block, equal_blocks
from tasks.quality_masks.layers import RASTER_LAYERS, VECTOR_TYPES, bands_named

DATA_LOSS_CHECK: Final = "Data_Loss"
MAX_COORDINATES: Final = 2_000_000
"""Numbers accepted in all polygons of a GML mask."""

MAX_MASK_BYTES: Final = 64 << 20
"""Larger files are decoded without being looked at first; real ones have 15 to 500 kB."""

STRIP_ROWS: Final = 1536
"""Rows read at a time; even, and a multiple of common tile sizes."""

_OVERVIEW: Final = (
    ("MSK_CLASSI", None, ("l1c_opaque_cloud_percentage", "l1c_cirrus_percentage", "l1c_snow_percentage")),
    ("MSK_DETFOO", "B10", ("footprint_percentage",)),
)
"""Masks of 60 m (kind, band) and what their layers count."""

Ring = list[tuple[float, float]]
Layer = tuple[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class DataLoss:
    """What the tile's GENERAL_QUALITY report says: whether data were lost, and in which bands."""

    reported: bool
    bands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Polygon:
    """A polygon of a GML mask: the layer it belongs to, its outer ring and its holes [m, UTM]."""

    layer: str
    rings: tuple[Ring, ...]


def quality_report(granule_dir: Path) -> Path | None:
    """Return the tile's GENERAL_QUALITY report, None where there is none."""
    folder = granule_dir / "QI_DATA"
    found = sorted(folder.glob("*GENERAL_QUALITY*.xml")) if folder.is_dir() else []
    return found[0] if found else None


def read_data_loss(report: Path) -> DataLoss | None:
    """Return the answer of the check ``Data_Loss``, None when the report does not hold that check.

    Raises:
        InvalidInput: the report is broken.
        TransientIO: it cannot be read.
    """
    for check in parse_xml(report).descendants("check"):
        inspection = check.find("inspection")
        if inspection is None or inspection.element.get("id") != DATA_LOSS_CHECK:
            continue
        if inspection.attribute("status") == "PASSED":
            return DataLoss(reported=False)
        message = check.find("message")
        values = ((node.element.get("name") or "", node.element.text or "") for node in check.descendants("value"))
        return DataLoss(True, bands_named((message.element.text or "") if message is not None else "", values))
    return None


def _read_layers(path: Path, grid: Grid, names: Sequence[str], window: Window) -> list[Layer]:
    """Return name and mask of some layers inside a window.

    Raises:
        InvalidInput: the file is missing, damaged, or has another size or number of layers.
    """
    try:
        with _gdal(), rasterio.open(path, driver="GTiff" if path.suffix == ".tif" else "JP2OpenJPEG") as dataset:
            if dataset.shape != grid.shape or dataset.count != len(RASTER_LAYERS):
                raise InvalidInput(
                    f"{shown(path)}: {dataset.count} layers of {dataset.height} x {dataset.width} pixels, expected "
                    f"{len(RASTER_LAYERS)} of {grid.rows} x {grid.cols}"
                )
            indexes = [RASTER_LAYERS.index(name) + 1 for name in names]
            values = dataset.read(indexes, window=window)
    except RasterioError as error:
        raise InvalidInput(f"{shown(path)}: quality mask cannot be read ({shown(str(error))})") from error
    return [(name, layer != 0) for name, layer in zip(names, values, strict=True)]


def marked_blocks(path: Path, grid: Grid, names: Sequence[str]) -> Iterator[tuple[Block, list[Layer]]]:
    """Yield the parts of a raster mask in which any wanted layer is set.

    Of the tiles that are byte for byte equal one is decoded; an empty mask of 121 tiles costs four.

    Args:
        path: MSK_QUALIT of one band.
        grid: the band's own grid.
        names: layers wanted.

    Yields:
        A rectangle of the band's grid, and name and mask of those layers that are set somewhere in it. The rectangles
        do not overlap and fall on whole pixels of 20 m.

    Raises:
        InvalidInput: the file is missing, damaged, or has another size or number of layers.
    """
    for group in _groups(path, grid):
        first = group[0]
        window = Window(first.col, first.row, first.cols, first.rows)
        layers = [(name, mask) for name, mask in _read_layers(path, grid, names, window) if mask.any()]
        for block in group if layers else ():
            yield block, layers


def layer_shares(path: Path, grid: Grid, layers: int) -> tuple[float, ...]:
    """Return the share of pixels above 0 in each layer of a raster mask [%].

    For the small masks of 60 m: MSK_CLASSI_B00 (opaque cloud, cirrus, snow) and MSK_DETFOO (detector number, 0 outside
    the swath).

    Args:
        path: the mask.
        grid: its grid.
        layers: how many layers it must have.

    Raises:
        InvalidInput: the file is missing, damaged, or has another size or number of layers.
    """
    try:
        with _gdal(), rasterio.open(path, driver="GTiff" if path.suffix == ".tif" else "JP2OpenJPEG") as dataset:
            if dataset.shape != grid.shape or dataset.count != layers:
                raise InvalidInput(
                    f"{shown(path)}: {dataset.count} layers of {dataset.height} x {dataset.width} pixels, expected "
                    f"{layers} of {grid.rows} x {grid.cols}"
                )
            return tuple(100.0 * float((dataset.read(index) != 0).mean()) for index in dataset.indexes)
    except RasterioError as error:
        raise InvalidInput(f"{shown(path)}: quality mask cannot be read ({shown(str(error))})") from error


def overview(tile: TileMetadata) -> dict[str, float]:
    """Return what the raster masks of 60 m say about the whole tile [%], as far as they are there and sound."""
    figures: dict[str, float] = {}
    for kind, band, names in _OVERVIEW:
        mask = next((m for m in tile.masks if m.type == kind and m.band == band and m.path.suffix != ".gml"), None)
        with suppress(InvalidInput):
            shares = layer_shares(mask.path, tile.grid.at(60), len(names)) if mask is not None else ()
            figures |= dict(zip(names, shares, strict=False))
    return figures


def _groups(path: Path, grid: Grid) -> tuple[tuple[Block, ...], ...]:
    """Return the tiles of a mask in groups of equal ones; strips of the whole width where that cannot be told."""
    try:
        if path.suffix == ".jp2" and path.stat().st_size <= MAX_MASK_BYTES:
            groups = equal_blocks(path.read_bytes())
            if groups and all(_is_even(block, grid) for group in groups for block in group):
                return groups
    except OSError as error:
        raise InvalidInput(f"{shown(path)}: quality mask cannot be read ({error.strerror})") from error
    tops = range(0, grid.rows, STRIP_ROWS)
    return tuple((Block(top, 0, min(STRIP_ROWS, grid.rows - top), grid.cols),) for top in tops)


def _is_even(block: Block, grid: Grid) -> bool:
    """Tell whether a block falls on whole pixels of 20 m and lies inside the grid."""
    inside = block.row + block.rows <= grid.rows and block.col + block.cols <= grid.cols
    return inside and (grid.resolution != 10 or not (block.row | block.col | block.rows | block.cols) & 1)


def read_polygons(path: Path, epsg: int) -> tuple[Polygon, ...]:
    """Read the polygons of a GML mask (MSK_TECQUA, MSK_DEFECT, MSK_NODATA, MSK_SATURA).

    Args:
        path: the file.
        epsg: the tile's coordinate reference system, which the file must share.

    Returns:
        The polygons of the types this processor knows; empty for a mask without polygons.

    Raises:
        InvalidInput: the file is missing, broken, in another reference system, or has too many coordinates.
        TransientIO: it cannot be read.
    """
    root = parse_xml(path)
    for envelope in root.descendants("Envelope"):
        name = envelope.element.get("srsName") or ""
        if name.rpartition(":")[2] not in ("", str(epsg)):
            raise envelope.error("", f"srsName is '{shown(name)}', expected EPSG {epsg}")
    polygons: list[Polygon] = []
    numbers = 0
    for feature in root.descendants("MaskFeature"):
        layer = VECTOR_TYPES.get(feature.text("maskType"))
        for polygon in feature.descendants("Polygon") if layer is not None else ():
            rings = tuple(_ring(node) for node in polygon.descendants("posList"))
            numbers += sum(len(ring) for ring in rings)
            if numbers > MAX_COORDINATES:
                raise polygon.error("posList", f"more than {MAX_COORDINATES} points")
            if rings and layer is not None:
                polygons.append(Polygon(layer, rings))
    return tuple(polygons)


def rasterised(polygons: Sequence[Polygon], grid: Grid, rows: tuple[int, int]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Draw polygons on rows of a grid: a pixel is set when its centre lies inside.

    Returns:
        Layer and ``[rows, cols]`` mask, one entry a layer.
    """
    left, dx, _, top, _, dy = grid.geotransform
    transform = Affine(dx, 0.0, left, 0.0, dy, top + dy * rows[0])
    drawn = []
    for layer in sorted({polygon.layer for polygon in polygons}):
        shapes = [
            {"type": "Polygon", "coordinates": [list(ring) for ring in polygon.rings]}
            for polygon in polygons
            if polygon.layer == layer
        ]
        mask = rasterize(shapes, out_shape=(rows[1] - rows[0], grid.cols), transform=transform, dtype=np.uint8)
        drawn.append((layer, mask != 0))
    return drawn


def _ring(node: Node) -> Ring:
    """Return the points of a posList; heights are dropped."""
    dimension = int(node.element.get("srsDimension") or 2)
    values = node.numbers()
    if dimension not in (2, 3) or values.size % dimension or values.size < 4 * dimension:
        raise node.error("", f"{values.size} numbers are no closed ring of {dimension}-dimensional points")
    points = values.reshape(-1, dimension)[:, :2]
    if not np.isfinite(points).all():
        raise node.error("", "has a coordinate that is not finite")
    return [(float(x), float(y)) for x, y in points]


@contextmanager
def _gdal() -> Iterator[None]:
    """Read the named file only: no side-car files and no folder listing."""
    with rasterio.Env(
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO", GDAL_NUM_THREADS=decoder_threads()
    ):
        yield
