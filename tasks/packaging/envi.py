"""Writes images as ENVI files: bare numbers (``.rawl``), their header (``.hdr``), and the georeference box (``.gml``).

The header is written here and not by GDAL, whose driver puts the path of the file on this machine into it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from tasks.common.aside import written_aside
from tasks.common.errors import InternalInconsistency, TransientIO
from tasks.common.grid import Grid
from tasks.common.jpeg2000 import georeference_gml
from tasks.packaging.image_content import ImageContent

_STRIP_ROWS: Final = 512
_DATA_TYPES: Final[dict[str, tuple[int, np.dtype[Any]]]] = {
    "uint8": (1, np.dtype("u1")),
    "uint16": (12, np.dtype("<u2")),
}
"""Number of the data type in the header, and how the file holds it: little endian."""

_HEADER: Final = """ENVI
description = {{{name}}}
samples = {cols}
lines = {rows}
bands = {bands}
header offset = 0
file type = ENVI Standard
data type = {data_type}
interleave = bsq
byte order = 0
map info = {{UTM, 1, 1, {x:.10g}, {y:.10g}, {step}, {step}, {zone}, {half}, WGS-84, units=Meters}}
coordinate system string = {{{wkt}}}
"""


def write_envi(path: Path, image: NDArray[Any], grid: Grid, content: ImageContent) -> None:
    """Write ``<name>.rawl`` with ``<name>.hdr`` and ``<name>.gml`` beside it, strip by strip.

    Band sequential, little endian. The header's georeference is the corner, that of the GML the centre of the upper
    left pixel. The numbers' file appears last, complete or not at all.

    Args:
        path: the ``.rawl`` file; replaced when it exists. Its folder must exist.
        image: ``[y, x]`` or ``[3, y, x]`` uint8 or uint16; may be a memory map.
        grid: georeference in a UTM zone; its shape is that of the image.
        content: decides the no-data value (``data ignore value``).

    Raises:
        InternalInconsistency: another data type.
        TransientIO: a file cannot be written.
    """
    bands = image[np.newaxis] if image.ndim == 2 else image
    if str(bands.dtype) not in _DATA_TYPES:
        raise InternalInconsistency(f"{path.name}: {bands.dtype} cannot be written: expected uint8 or uint16")
    data_type, stored = _DATA_TYPES[str(bands.dtype)]
    try:
        path.with_suffix(".hdr").write_text(_header(path.stem, len(bands), data_type, grid, content), encoding="ascii")
        path.with_suffix(".gml").write_text(georeference_gml(grid), encoding="utf-8")
        with written_aside(path) as unfinished, unfinished.open("wb") as target:
            for band in bands:
                for top in range(0, grid.rows, _STRIP_ROWS):
                    target.write(np.ascontiguousarray(band[top : top + _STRIP_ROWS], stored).data)
    except OSError as error:
        raise TransientIO(f"{path}: the ENVI image could not be written: {error.strerror or error}") from error


def _header(name: str, bands: int, data_type: int, grid: Grid, content: ImageContent) -> str:
    """Return the header as ENVI and GDAL read it."""
    text = _HEADER.format(
        name=name,
        cols=grid.cols,
        rows=grid.rows,
        bands=bands,
        data_type=data_type,
        x=grid.ulx,
        y=grid.uly,
        step=grid.resolution,
        zone=grid.epsg % 100,
        half="North" if grid.epsg // 100 == 326 else "South",
        wkt=CRS.from_epsg(grid.epsg).to_wkt(version="WKT1_ESRI"),
    )
    return text if content.no_data is None else f"{text}data ignore value = {content.no_data}\n"
