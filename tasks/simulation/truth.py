"""Writes the truth beside a simulated product: surface reflectance, AOT, water vapour and classes as GeoTIFFs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.errors import TransientIO
from tasks.common.grid import RESOLUTIONS, Grid
from tasks.simulation.scene import Scene, atmosphere_truth, scene_class_truth, surface_of_band


def write_truth(folder: Path, scene: Scene) -> Path:
    """Write the truth of a scene into ``folder``, complete or not at all, and return it.

    Files: ``<band>_<resolution>m.tif`` surface reflectance (float32, from the band's native resolution to 60 m),
    ``AOT_20m.tif`` (float32, at 550 nm), ``WVP_20m.tif`` (float32, cm), ``SCL_20m.tif`` (uint8, the ideal scene
    classification), ``cover_10m.tif`` (uint8, land cover of the simulation) and ``parameters.json``.

    Raises:
        TransientIO: a file cannot be written.
    """
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for band in BANDS:
            for resolution in (r for r in RESOLUTIONS if r >= NATIVE_RESOLUTION[band]):
                surface = surface_of_band(scene, band, resolution)
                _write(unfinished / f"{band}_{resolution}m.tif", surface, scene.grid.at(resolution))
        aot, vapour = atmosphere_truth(scene, 20)
        coarse = scene.grid.at(20)
        _write(unfinished / "AOT_20m.tif", aot, coarse)
        _write(unfinished / "WVP_20m.tif", vapour, coarse)
        _write(unfinished / "SCL_20m.tif", scene_class_truth(scene), coarse)
        _write(unfinished / "cover_10m.tif", scene.landscape.cover, scene.grid)
        (unfinished / "parameters.json").write_text(scene.parameters.model_dump_json(indent=1), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    except (OSError, RasterioError) as error:
        raise TransientIO(f"{folder}: the truth could not be written: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _write(path: Path, array: NDArray[Any], grid: Grid) -> None:
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "count": 1,
        "height": grid.rows,
        "width": grid.cols,
        "dtype": array.dtype,
        "crs": f"EPSG:{grid.epsg}",
        "transform": rasterio.Affine.from_gdal(*grid.geotransform),
        "tiled": True,
        "compress": "deflate",
        "predictor": 3 if array.dtype == np.float32 else 2,
        "zlevel": 1,
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(array, 1)
