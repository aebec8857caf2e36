"""Stage ``l1c``: the granule's bands and angles in the artefact store."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import StageWriter
from tasks.common.bands import BANDS, BANDS_20M, NATIVE_RESOLUTION
from tasks.common.errors import InvalidInput, NotProcessable
from tasks.common.records import TileRef
from tasks.common.stage import stage_task
from tasks.common.xml import shown
from tasks.l1c.angles import clean_sun_grid, mean_view, merge_view_grids
from tasks.l1c.decode import decode_image
from tasks.l1c.load import load_source
from tasks.l1c.manifest import check_unchanged, manifest_checksums
from tasks.l1c.model import GranuleSource
from tasks.l1c.parameters import L1CParameters
from tasks.l1c.resample import NODATA, to_resolution
from tasks.l1c.window import Window, window_at, window_with_most_data


@stage_task("l1c", version="1")
def import_l1c(out: StageWriter, tile: TileRef, parameters: L1CParameters) -> None:
    """Decode the bands and store them with the angle grids.

    Arrays: ``<band>_<native>m`` of every band and the twelve bands at 20 m (60 m), uint16 digital numbers as in the
    product (0 no-data, 65535 saturated, offset not applied); ``sun_zenith``, ``sun_azimuth`` ``[ny, nx]`` and
    ``view_zenith``, ``view_azimuth`` ``[13, ny, nx]``, float32 degrees without gaps, node (0, 0) on the upper
    left corner.

    Outside the window of the GIPP, if it has one, all is no-data.

    The images are compared with the checksums of ``manifest.safe`` first; ``L2A-L1C-MANIFEST`` is recorded where that
    file is broken.

    Raises:
        InvalidInput: broken product.
        InvalidConfiguration: the window's midpoint lies outside the tile.
        NotProcessable: no pixel, or none of the window, has data in all bands.
        TransientIO: a file cannot be read.
    """
    source = load_source(tile)
    verified = _verify_images(out, source)
    window = _window(source, parameters)
    valid = _store_bands(out, source, parameters.resolutions, window)
    if not valid.any():
        place = "no pixel" if window is None else "no pixel of the window (row0, col0 of L2A_GIPP)"
        raise NotProcessable(f"{shown(tile.granule_dir)}: {place} has data in all bands")
    _store_angles(out, source)
    out.statistics.update(_statistics(source), nodata_percentage=round(100 * (1 - float(valid.mean())), 4))
    out.statistics["images_verified"] = verified
    if window is not None:
        out.statistics["window_60m"] = asdict(window)


def _window(source: GranuleSource, parameters: L1CParameters) -> Window | None:
    """Return the part of the tile that is wanted; None for all of it."""
    size, grid = (parameters.nrow_win, parameters.ncol_win), source.tile.grid.at(60)
    if not parameters.has_window:
        return None
    if isinstance(parameters.row0, int) and isinstance(parameters.col0, int):
        return window_at((parameters.row0, parameters.col0), size, grid.shape)
    return window_with_most_data(decode_image(source.band_files["B01"], grid) != NODATA, size)


def _verify_images(out: StageWriter, source: GranuleSource) -> int:
    """Compare the band images with the checksums of the product's manifest; return how many it has of them."""
    try:
        checksums = manifest_checksums(source.product.path.parent)
    except InvalidInput as error:
        out.fall_back("L2A-L1C-MANIFEST", f"the images are not verified: {error}")
        return 0
    files = [file for file in source.band_files.values() if file.resolve() in checksums]
    for file in files:
        check_unchanged(file, checksums[file.resolve()])
    return len(files)


def _store_bands(
    out: StageWriter, source: GranuleSource, resolutions: tuple[int, ...], window: Window | None
) -> NDArray[np.bool_]:
    """Store the bands one after the other; return where all of them have data at 20 m."""
    valid = np.ones(source.tile.grid.at(20).shape, dtype=np.bool_)
    for band in BANDS:
        native = NATIVE_RESOLUTION[band]
        image = decode_image(source.band_files[band], source.tile.grid.at(native))
        if window is not None:
            window.clear_outside(image, native)
        out.save(f"{band}_{native}m", image)
        at_20m = to_resolution(image, band, native, 20)
        valid &= at_20m != NODATA
        for resolution in (20, 60):
            if resolution in resolutions and resolution != native and band in BANDS_20M:
                out.save(
                    f"{band}_{resolution}m", at_20m if resolution == 20 else to_resolution(image, band, native, 60)
                )
    return valid


def _store_angles(out: StageWriter, source: GranuleSource) -> None:
    tile = source.tile
    zenith, azimuth = clean_sun_grid(tile.sun, tile.mean_sun_zenith_deg, tile.mean_sun_azimuth_deg)
    out.save("sun_zenith", zenith)
    out.save("sun_azimuth", azimuth)
    without_grid = [band for band in BANDS if not tile.view.get(band)]
    if without_grid:
        out.fall_back("L2A-L1C-VIEW-ANGLES", f"no view angle grid of {', '.join(without_grid)}: mean angles used")
    merged = []
    for band in BANDS:
        mean_zenith, mean_azimuth = mean_view(tile, band)
        grids = tile.view.get(band, {}).values()
        merged.append(merge_view_grids(grids, zenith.shape, mean_zenith, mean_azimuth))
    out.save("view_zenith", np.stack([pair[0] for pair in merged]))
    out.save("view_azimuth", np.stack([pair[1] for pair in merged]))


def _statistics(source: GranuleSource) -> dict[str, object]:
    product, tile = source.product, source.tile
    return {
        "grid": tile.grid.model_dump(),
        "radio_add_offset": product.radio_add_offset,
        "quantification_value": product.quantification_value,
        "angle_step_m": tile.sun.step_m,
        "mean_sun_zenith_deg": tile.mean_sun_zenith_deg,
        "mean_sun_azimuth_deg": tile.mean_sun_azimuth_deg,
        "spacecraft": product.spacecraft,
        "sensing_time": tile.sensing_time,
        "earth_sun_correction": product.earth_sun_correction,
        "mgrs_tile": source.mgrs_tile,
        "processing_baseline": product.processing_baseline,
    }
