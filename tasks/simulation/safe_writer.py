"""Writes a complete Level-1C SAFE product from arrays and a typed description."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.errors import InvalidInput, TransientIO
from tasks.common.grid import Grid
from tasks.common.jpeg2000 import write_jp2
from tasks.simulation.datastrip_xml import datastrip_metadata
from tasks.simulation.inspire_xml import inspire_metadata
from tasks.simulation.manifest import manifest
from tasks.simulation.model import ProductDescription, ProductImages, ProductNames
from tasks.simulation.natural_colour import natural_colour
from tasks.simulation.product_xml import product_metadata
from tasks.simulation.report_xml import (
    DATASTRIP_REPORTS,
    TILE_REPORTS,
    datastrip_report,
    empty_vector_mask,
    tile_report,
)
from tasks.simulation.tile_xml import mask_files, tile_metadata

PREVIEW_METRES: Final = 320
"""Pixel size of the PVI."""

QUALITY_LAYERS: Final = 8
NODATA_LAYER: Final = 5
"""Index of the no-data flag among the layers of MSK_QUALIT (PSD 14.8)."""


def write_safe(
    folder: Path,
    about: ProductDescription,
    images: ProductImages,
    *,
    auxiliary: dict[str, bytes] | None = None,
    threads: int = 2,
) -> Path:
    """Write the product into ``folder`` and return the path of its SAFE folder.

    It is written under a temporary name and renamed, so it is complete or absent; an older product of the same name
    is replaced.

    Args:
        folder: where the product goes; made when missing.
        about: everything the metadata say.
        images: the rasters; their shapes must be those of the grid.
        auxiliary: files of the granule's AUX_DATA by name, such as ``AUX_ECMWFT``.
        threads: of the JPEG 2000 encoder.

    Raises:
        InvalidInput: a band is missing or its shape does not fit the grid.
        TransientIO: the product cannot be written.
    """
    _check_images(about.grid, images)
    names = ProductNames.of(about)
    final = folder / names.product
    unfinished = folder / f".{names.product}.{os.getpid()}.part"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        granule = unfinished / names.granule_path
        for part in ("IMG_DATA", "QI_DATA", "AUX_DATA"):
            (granule / part).mkdir(parents=True)
        for name, content in (auxiliary or {}).items():
            (granule / "AUX_DATA" / name).write_bytes(content)
        _write_images(granule / "IMG_DATA", about, images, names, threads)
        _write_quality(granule / "QI_DATA", about, images, names, threads)
        (granule / "MTD_TL.xml").write_bytes(tile_metadata(about, names))
        _write_datastrip(unfinished / names.datastrip_path, about, names)
        (unfinished / "MTD_MSIL1C.xml").write_bytes(product_metadata(about, names))
        (unfinished / "INSPIRE.xml").write_bytes(inspire_metadata(about, names))
        (unfinished / "manifest.safe").write_bytes(manifest(unfinished, about))
        if final.exists():
            shutil.rmtree(final)
        unfinished.rename(final)
    except (OSError, RasterioError) as error:
        raise TransientIO(f"{final}: the product could not be written: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return final


def _check_images(grid: Grid, images: ProductImages) -> None:
    for band in BANDS:
        expected = grid.at(NATIVE_RESOLUTION[band]).shape
        for kind, arrays in (("image", images.bands), ("detector footprint", images.detectors)):
            array = arrays.get(band)
            if array is None or array.shape != expected:
                found = "missing" if array is None else f"of {array.shape} pixels"
                raise InvalidInput(f"{kind} of band {band} is {found}: expected {expected}")


def _write_images(
    folder: Path, about: ProductDescription, images: ProductImages, names: ProductNames, threads: int
) -> None:
    for band in BANDS:
        grid = about.grid.at(NATIVE_RESOLUTION[band])
        write_jp2(folder / f"{names.image_stem}_{band}.jp2", images.bands[band], grid, bits=15, threads=threads)
    write_jp2(folder / f"{names.image_stem}_TCI.jp2", _colours(about, images), about.grid, bits=8, threads=threads)


def _colours(about: ProductDescription, images: ProductImages) -> NDArray[np.uint8]:
    return natural_colour(*(images.bands[band] for band in ("B04", "B03", "B02")), offset_dn=about.offset_dn)


def _write_quality(
    folder: Path, about: ProductDescription, images: ProductImages, names: ProductNames, threads: int
) -> None:
    for kind, band, file in mask_files(about):
        if kind == "MSK_DETFOO" and about.has_raster_masks and band is not None:
            grid = about.grid.at(NATIVE_RESOLUTION[band])
            write_jp2(folder / file, images.detectors[band], grid, bits=8, threads=threads)
        elif kind == "MSK_QUALIT" and band is not None:
            _write_layers(folder / file, _quality_layers(images.bands[band]), about.grid.at(NATIVE_RESOLUTION[band]))
        elif kind == "MSK_CLASSI":
            _write_layers(folder / file, _class_layers(about.grid, images), about.grid.at(60))
        else:
            (folder / file).write_bytes(empty_vector_mask(kind, band, about))
    for report in TILE_REPORTS:
        (folder / f"{report}.xml").write_bytes(tile_report(report, about, names))
    preview, grid = _preview(about, images)
    write_jp2(folder / f"{names.image_stem}_PVI.jp2", preview, grid, bits=8, threads=threads)


def _quality_layers(dn: NDArray[np.uint16]) -> NDArray[np.uint8]:
    layers = np.zeros((QUALITY_LAYERS, *dn.shape), np.uint8)
    layers[NODATA_LAYER] = dn == 0
    return layers


def _class_layers(grid: Grid, images: ProductImages) -> NDArray[np.uint8]:
    empty = np.zeros(grid.at(60).shape, np.uint8)
    return np.stack([empty if layer is None else layer for layer in (images.opaque_cloud, images.cirrus, images.snow)])


def _write_layers(path: Path, layers: NDArray[np.uint8], grid: Grid) -> None:
    """Write binary layers as the components of one lossless JP2 file."""
    profile: dict[str, Any] = {
        "driver": "MEM",
        "count": len(layers),
        "height": grid.rows,
        "width": grid.cols,
        "dtype": "uint8",
        "crs": f"EPSG:{grid.epsg}",
        "transform": rasterio.Affine.from_gdal(*grid.geotransform),
    }
    options = {"QUALITY": "100", "REVERSIBLE": "YES", "YCBCR420": "NO", "GeoJP2": "NO", "GMLJP2": "YES"}
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), rasterio.open("layers", "w", **profile) as memory:
        memory.write(layers)
        rasterio.shutil.copy(memory, path, driver="JP2OpenJPEG", **options)


def _preview(about: ProductDescription, images: ProductImages) -> tuple[NDArray[np.uint8], Grid]:
    """Return the natural-colour preview of 320 m pixels and its grid."""
    grid = about.grid
    rows = max(1, grid.rows * grid.resolution // PREVIEW_METRES)
    cols = max(1, grid.cols * grid.resolution // PREVIEW_METRES)
    ys = ((np.arange(rows) + 0.5) * grid.rows / rows).astype(np.int64)
    xs = ((np.arange(cols) + 0.5) * grid.cols / cols).astype(np.int64)
    small = [images.bands[band][np.ix_(ys, xs)] for band in ("B04", "B03", "B02")]
    preview_grid = grid.model_copy(update={"resolution": PREVIEW_METRES, "rows": rows, "cols": cols})
    return natural_colour(*small, offset_dn=about.offset_dn), preview_grid


def _write_datastrip(folder: Path, about: ProductDescription, names: ProductNames) -> None:
    (folder / "QI_DATA").mkdir(parents=True)
    (folder / "MTD_DS.xml").write_bytes(datastrip_metadata(about, names))
    for report in DATASTRIP_REPORTS:
        (folder / "QI_DATA" / f"{report}.xml").write_bytes(datastrip_report(report, about, names))
