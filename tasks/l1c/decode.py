"""JPEG 2000 images of a Level-1C granule: header check and decoding, through GDAL's OpenJPEG driver and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader

from tasks.common.errors import InvalidInput
from tasks.common.grid import Grid
from tasks.common.threads import decoder_threads
from tasks.common.xml import shown

_SIGNATURE: Final = bytes.fromhex("0000000c6a5020200d0a870a")
_END_OF_CODESTREAM: Final = b"\xff\xd9"
_MAX_BOXES: Final = 1000


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    """Open a JP2 by itself: no side-car files, no network, no other driver."""
    options = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_PAM_ENABLED": "NO",
        "GDAL_NUM_THREADS": decoder_threads(),
    }
    try:
        with rasterio.Env(**options), rasterio.open(path, driver="JP2OpenJPEG") as dataset:
            yield dataset
    except RasterioError as error:
        lines = str(error.__cause__ or error).replace(str(path), path.name).splitlines() or ["no reason given"]
        reason = shown(lines[0])
        raise InvalidInput(f"{shown(path)}: JPEG 2000 image cannot be decoded ({reason})") from error


def check_image(path: Path, grid: Grid) -> None:
    """Check that an image is whole, and that its header agrees with the metadata; nothing is decoded.

    Args:
        path: JP2 file.
        grid: the band's grid of the granule's metadata.

    Raises:
        InvalidInput: no JPEG 2000, cut off, more than one band, not 16 bit unsigned, or another size, pixel size,
            origin or coordinate system than the metadata say.
    """
    check_complete(path)
    with _opened(path) as dataset:
        if dataset.count != 1 or dataset.dtypes[0] != "uint16":
            raise InvalidInput(
                f"{shown(path)}: {dataset.count} band(s) of {dataset.dtypes[0]}, expected one band of uint16"
            )
        if dataset.shape != grid.shape:
            raise InvalidInput(
                f"{shown(path)}: image of {dataset.height} x {dataset.width} pixels, the granule's metadata say "
                f"{grid.rows} x {grid.cols} at {grid.resolution} m"
            )
        _check_position(dataset, path, grid)


def _check_position(dataset: DatasetReader, path: Path, grid: Grid) -> None:
    """Compare the image's own georeference, where it has one, with the metadata."""
    transform = dataset.transform
    if not transform.is_identity:
        found = (transform.c, transform.a, transform.b, transform.f, transform.d, transform.e)
        if not np.allclose(found, grid.geotransform, rtol=0, atol=1e-3):
            raise InvalidInput(
                f"{shown(path)}: image starts at {transform.c:.2f} {transform.f:.2f} with pixels of "
                f"{transform.a:g} x {transform.e:g} m, the granule's metadata say {grid.ulx:.2f} {grid.uly:.2f} and "
                f"{grid.resolution} m"
            )
    try:
        epsg = dataset.crs.to_epsg() if dataset.crs else None
    except CRSError:
        epsg = None
    if epsg is not None and epsg != grid.epsg:
        raise InvalidInput(f"{shown(path)}: image is in EPSG:{epsg}, the granule's metadata say EPSG:{grid.epsg}")


def check_complete(path: Path) -> None:
    """Check that a file is a JP2 whose boxes fit the file and whose codestream ends as it must.

    Source: ISO/IEC 15444-1, annexes A (end of codestream marker) and I (boxes).

    Raises:
        InvalidInput: it is not.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            if stream.read(len(_SIGNATURE)) != _SIGNATURE:
                what = "empty file" if size == 0 else "no JPEG 2000 file"
                raise InvalidInput(f"{shown(path)}: {what}, expected a JP2 image")
            position = len(_SIGNATURE)
            for _ in range(_MAX_BOXES):
                stream.seek(position)
                header = stream.read(16)
                length = int.from_bytes(header[:4], "big")
                if length == 1:
                    length = int.from_bytes(header[8:16], "big")
                elif length == 0:
                    length = size - position
                if len(header) < 8 or length < 8 or position + length > size:
                    break
                if header[4:8] == b"jp2c":
                    stream.seek(position + length - 2)
                    if stream.read(2) == _END_OF_CODESTREAM:
                        return
                    break
                position += length
    except OSError as error:
        raise InvalidInput(f"{shown(path)}: cannot be read ({error.strerror})") from error
    raise InvalidInput(f"{shown(path)}: JPEG 2000 image is cut off or damaged, fetch the product again")


def decode_image(path: Path, grid: Grid) -> NDArray[np.uint16]:
    """Decode a whole band.

    Args:
        path: JP2 file that passed :func:`check_image`.
        grid: the band's grid.

    Returns:
        ``[rows, cols]`` digital numbers.

    Raises:
        InvalidInput: the codestream is damaged.
    """
    with _opened(path) as dataset:
        if dataset.shape != grid.shape:
            raise InvalidInput(f"{shown(path)}: image changed while it was processed")
        values: NDArray[np.uint16] = dataset.read(1)
    return values
