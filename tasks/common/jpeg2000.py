"""Writes the product's JPEG 2000 images: lossless, tiled, with the box layout of Sentinel-2 products.

The codestream comes from OpenJPEG through GDAL; the JP2 boxes around it (image header, colour, one GMLJP2 box with the
georeference, no GeoJP2 box) are written here, so that files do not change with the GDAL version.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # what rasterio.shutil.copy raises; it has no public name
from rasterio.errors import RasterioError
from rasterio.windows import Window

from tasks.common.aside import written_aside
from tasks.common.errors import InternalInconsistency, TransientIO
from tasks.common.grid import Grid
from tasks.common.threads import encoder_threads

TILE_SIZE: Final[dict[int, int]] = {10: 1024, 20: 640, 60: 192}
"""Tile edge [pixels] by resolution [m], as in Sentinel-2 products; 192 for any other resolution."""

PRECINCT: Final[dict[int, int]] = {10: 256, 20: 128, 60: 64}
"""Precinct edge [samples] by resolution [m]; 64 for any other resolution."""

_DECOMPOSITIONS: Final = 4
_CODE_BLOCK: Final = 64
_STRIP_ROWS: Final = 1024
_COPY_BYTES: Final = 4 << 20
_GREY, _SRGB = 17, 16

_GML: Final = """<?xml version='1.0' encoding='UTF-8' standalone='no'?>
<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\
 xsi:schemaLocation="http://www.opengeospatial.net/gml\
 http://schemas.opengis.net/gml/3.1.1/profiles/gmlJP2Profile/1.0.0/gmlJP2Profile.xsd">
  <gml:boundedBy>
    <gml:Null>withheld</gml:Null>
  </gml:boundedBy>
  <gml:featureMember>
    <gml:FeatureCollection>
      <gml:featureMember>
        <gml:RectifiedGridCoverage dimension="2" gml:id="RGC0001">
          <gml:rectifiedGridDomain>
            <gml:RectifiedGrid dimension="2">
              <gml:limits>
                <gml:GridEnvelope>
                  <gml:low>1 1</gml:low>
                  <gml:high>{cols} {rows}</gml:high>
                </gml:GridEnvelope>
              </gml:limits>
              <gml:axisName>x</gml:axisName>
              <gml:axisName>y</gml:axisName>
              <gml:origin>
                <gml:Point gml:id="P0001" srsName="{crs}">
                  <gml:pos>{x:.10g} {y:.10g}</gml:pos>
                </gml:Point>
              </gml:origin>
              <gml:offsetVector srsName="{crs}">{step} 0</gml:offsetVector>
              <gml:offsetVector srsName="{crs}">0 -{step}</gml:offsetVector>
            </gml:RectifiedGrid>
          </gml:rectifiedGridDomain>
          <gml:rangeSet>
            <gml:File>
              <gml:rangeParameters/>
              <gml:fileName>gmljp2://codestream/0</gml:fileName>
              <gml:fileStructure>Record Interleaved</gml:fileStructure>
            </gml:File>
          </gml:rangeSet>
        </gml:RectifiedGridCoverage>
      </gml:featureMember>
    </gml:FeatureCollection>
  </gml:featureMember>
</gml:FeatureCollection>
"""


def write_jp2(
    path: Path,
    array: NDArray[Any],
    grid: Grid,
    *,
    bits: int | None = None,
    tile_size: int | None = None,
    threads: int | None = None,
) -> None:
    """Write one image as a georeferenced, lossless JP2 file; the same input always gives the same bytes.

    Reversible 5-3 wavelet, one quality layer, LRCP, code blocks of 64 x 64, TLM and PLT markers, 4 decompositions
    (fewer where the image is smaller than 32 pixels). The file appears complete or not at all. Source: ISO/IEC 15444-1
    (codestream and boxes), OGC 05-047r3 (GMLJP2 1.0).

    Args:
        path: the file to write; replaced when it exists. Its folder must exist.
        array: ``[y, x]`` uint16 or uint8, or ``[3, y, x]`` uint8; may be a memory map.
        grid: georeference; its shape is that of the image.
        bits: bit depth stored in the file; default 15 for uint16 and 8 for uint8.
        tile_size: tile edge [pixels], at least 32; default by resolution (``TILE_SIZE``). Clipped to the image.
        threads: encoder threads; default that of the configuration (``threads.encoder_threads``).

    Raises:
        InternalInconsistency: dtype or shape is not one of those above, or a value needs more than ``bits`` bits.
        TransientIO: the file cannot be written.
    """
    bands = array[np.newaxis] if array.ndim == 2 else array
    depth = _checked_depth(path, bands, grid, bits)
    edge = tile_size or TILE_SIZE.get(grid.resolution, 192)
    codestream = path.with_name(f".{path.stem}.{os.getpid()}.j2k")
    try:
        _encode(codestream, bands, grid, depth, edge, encoder_threads() if threads is None else str(threads))
        with written_aside(path) as unfinished, codestream.open("rb") as source, unfinished.open("wb") as target:
            _write_boxes(target, grid, len(bands), depth, codestream.stat().st_size)
            shutil.copyfileobj(source, target, _COPY_BYTES)
    except (OSError, RasterioError, CPLE_BaseError) as error:
        raise TransientIO(f"{path}: the JPEG 2000 image could not be written: {error}") from error
    finally:
        codestream.unlink(missing_ok=True)


def _checked_depth(path: Path, bands: NDArray[Any], grid: Grid, bits: int | None) -> int:
    """Return the bit depth after checking type, shape and range."""
    if (len(bands), str(bands.dtype)) not in {(1, "uint8"), (1, "uint16"), (3, "uint8")} or bands.ndim != 3:
        raise InternalInconsistency(
            f"{path.name}: {bands.dtype} of shape {bands.shape} cannot be written as JP2: expected [y, x] uint16 or "
            "uint8, or [3, y, x] uint8"
        )
    if bands.shape[1:] != grid.shape:
        raise InternalInconsistency(f"{path.name}: image of {bands.shape[1:]} pixels on a grid of {grid.shape}")
    depth = bits or (15 if bands.dtype == np.uint16 else 8)
    if depth < 8 * bands.dtype.itemsize:
        largest = max(int(strip.max()) for _, strip in _strips(bands))
        if largest >= 1 << depth:
            raise InternalInconsistency(f"{path.name}: value {largest} does not fit into {depth} bits")
    return depth


def _strips(bands: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    for top in range(0, bands.shape[1], _STRIP_ROWS):
        yield top, np.ascontiguousarray(bands[:, top : top + _STRIP_ROWS])


def _coding_options(grid: Grid, edge: int) -> dict[str, str]:
    """Return GDAL's creation options for the tile edge and the grid's resolution."""
    levels = max(0, min(_DECOMPOSITIONS, min(edge, grid.cols, grid.rows).bit_length() - 2))  # GDAL accepts no more
    precinct = PRECINCT.get(grid.resolution, 64)
    return {
        "CODEC": "J2K",
        "QUALITY": "100",
        "REVERSIBLE": "YES",
        "YCBCR420": "NO",
        "RESOLUTIONS": str(levels + 1),
        "PROGRESSION": "LRCP",
        "PRECINCTS": ",".join([f"{{{precinct},{precinct}}}"] * (levels + 1)),
        "CODEBLOCK_WIDTH": str(_CODE_BLOCK),
        "CODEBLOCK_HEIGHT": str(_CODE_BLOCK),
        "BLOCKXSIZE": str(edge),
        "BLOCKYSIZE": str(edge),
        "PLT": "YES",
        "TLM": "YES",
        "GeoJP2": "NO",
        "GMLJP2": "NO",
    }


def _encode(target: Path, bands: NDArray[Any], grid: Grid, depth: int, edge: int, threads: str) -> None:
    """Write the bare codestream.

    A MEM dataset and a driver copy, because the rasterio writer encodes in ``close()`` while it holds the
    interpreter's lock.
    """
    count, rows, cols = bands.shape
    with (
        rasterio.Env(GDAL_NUM_THREADS=threads, GDAL_PAM_ENABLED="NO"),
        rasterio.open(
            "memory",
            "w",
            driver="MEM",
            height=rows,
            width=cols,
            count=count,
            dtype=bands.dtype,
            transform=Affine.from_gdal(*grid.geotransform),
        ) as memory,
    ):
        for top, strip in _strips(bands):
            memory.write(strip, window=Window(0, top, cols, strip.shape[1]))
        rasterio.shutil.copy(memory, target, driver="JP2OpenJPEG", NBITS=str(depth), **_coding_options(grid, edge))


def georeference_gml(grid: Grid) -> str:
    """Return the content of the georeference box: one RectifiedGridCoverage (OGC 05-047r3, GMLJP2 1.0)."""
    return _GML.format(
        crs=f"urn:ogc:def:crs:EPSG::{grid.epsg}",
        rows=grid.rows,
        cols=grid.cols,
        x=grid.ulx + grid.resolution / 2,
        y=grid.uly - grid.resolution / 2,
        step=grid.resolution,
    )


def _write_boxes(target: BinaryIO, grid: Grid, components: int, depth: int, codestream_size: int) -> None:
    """Write everything that precedes the codestream, and the header of its box."""
    header = _box(b"ihdr", struct.pack(">IIHBBBB", grid.rows, grid.cols, components, depth - 1, 7, 1, 0))
    colour = _box(b"colr", struct.pack(">BBBI", 1, 0, 0, _SRGB if components == 3 else _GREY))
    root = _box(b"asoc", _box(b"lbl ", b"gml.root-instance") + _box(b"xml ", georeference_gml(grid).encode()))
    target.write(_box(b"jP  ", b"\r\n\x87\n"))
    target.write(_box(b"ftyp", b"jp2 \x00\x00\x00\x00jp2 "))
    target.write(_box(b"jp2h", header + colour))
    target.write(_box(b"asoc", _box(b"lbl ", b"gml.data") + root))
    if codestream_size + 8 < 1 << 32:
        target.write(struct.pack(">I4s", codestream_size + 8, b"jp2c"))
    else:
        target.write(struct.pack(">I4sQ", 1, b"jp2c", codestream_size + 16))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content
