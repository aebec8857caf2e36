"""Stage ``quality_masks``: which pixels the Level-1C product itself calls lost or defective."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tasks.common.artefacts import StageWriter
from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.errors import InvalidInput
from tasks.common.grid import Grid
from tasks.common.provenance import describe
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.common.xml import shown
from tasks.l1c.load import load_source
from tasks.l1c.model import GranuleSource, TileMetadata
from tasks.quality_masks.choice import RASTER, masks_of, source_of
from tasks.quality_masks.layers import coarsen_any, mark, percentages
from tasks.quality_masks.parameters import QualityMaskParameters
from tasks.quality_masks.read import (
    DataLoss,
    Polygon,
    marked_blocks,
    overview,
    quality_report,
    rasterised,
    read_data_loss,
    read_polygons,
)

CODE: Final = "L2A-QLT-MASKS"

_STRIP_ROWS: Final = 768
"""Rows of the 20 m grid at a time; a multiple of 3, so that strips fall on whole rows at 60 m too."""


@stage_task("quality_masks", version="3")
def read_quality_masks(out: StageWriter, tile: TileRef, parameters: QualityMaskParameters, l1c: StageResult) -> None:
    """Write the map of pixels that must not be trusted.

    ``invalid_20m`` ``[rows, cols]`` uint8: 0 usable, 1 saturated, defective or degraded (class 1, reflectance
    kept), 2 lost (class 0: no-data). The masks are opened only when the tile's GENERAL_QUALITY report says that data
    were lost (check ``Data_Loss``), and then those of the bands it names; without a report, those of all bands. Real
    products flag interpolated detector lines in every image, which are no loss.

    Statistics: ``source`` ``MSK_QUALIT`` | ``GML`` | ``NONE``; ``files``, report and masks that were opened (name and
    SHA-256); ``used``, ``data_loss`` (None without a report), ``bands``, ``defective_percentage`` and
    ``lost_percentage`` of the tile; from the raster masks of 60 m, where they are there,
    ``l1c_opaque_cloud_percentage``, ``l1c_cirrus_percentage``, ``l1c_snow_percentage`` and ``footprint_percentage``.

    Fall-back ``L2A-QLT-MASKS``: the report or a mask that is needed is missing or damaged.

    Raises:
        TransientIO: a file cannot be read.

    Source: Sen2Cor 2.11 configuration guide (use of the Level-1C quality masks); PSD 14.8 (layers); which layers
    count is not published: lost and degraded packets, defective and saturated pixels are taken.
    """
    grid = Grid.model_validate(l1c.statistics["grid"])
    invalid = out.create("invalid_20m", grid.at(20).shape, np.uint8)
    out.statistics.update(used=False, data_loss=None, bands=[], defective_percentage=0.0, lost_percentage=0.0)
    out.statistics.update(source="NONE", files=[])
    if not parameters.handle_l1c_qlt_mask:
        return
    source = load_source(tile)
    out.statistics.update(overview(source.tile))
    problems: list[str] = []
    loss = _data_loss(tile, problems)
    out.statistics["files"] = describe([report] if (report := quality_report(tile.granule_dir)) else [])
    if loss is not None:
        out.statistics["data_loss"] = loss.reported
        if not loss.reported:
            return
    bands = loss.bands if loss is not None else BANDS
    unread = []
    for band in bands:
        try:
            _mark_band(invalid, source, band, parameters)
        except InvalidInput as error:
            unread.append(band)
            problems += [str(error)] if len(unread) == 1 else []
    invalid.flush()
    read = [band for band in bands if band not in unread]
    out.statistics["source"], files = source_of(source.tile, read)
    out.statistics["files"] += describe(files)
    out.statistics.update(used=True, bands=read, **percentages(invalid))
    if problems:
        without = f"no quality mask of {', '.join(unread)}" if unread else "quality masks of all bands read"
        out.fall_back(CODE, f"{without}: {'; '.join(problems)}")


def _data_loss(tile: TileRef, problems: list[str]) -> DataLoss | None:
    """Return what the report says; None, and the reason in ``problems``, when all masks have to be read instead."""
    report = quality_report(tile.granule_dir)
    if report is None:
        problems.append(f"{shown(tile.granule_dir / 'QI_DATA')}: no GENERAL_QUALITY.xml")
        return None
    try:
        loss = read_data_loss(report)
    except InvalidInput as error:
        problems.append(str(error))
        return None
    if loss is None:
        problems.append(f"{shown(report)}: no check Data_Loss")
    return loss


def _mark_band(
    invalid: np.memmap[Any, Any], source: GranuleSource, band: str, parameters: QualityMaskParameters
) -> None:
    """Enter the masks of one band, strip by strip.

    Raises:
        InvalidInput: the band has no mask, or one that is damaged.
    """
    resolution = NATIVE_RESOLUTION[band]
    grid = source.tile.grid.at(resolution)
    wanted = (*parameters.lost_layers, *parameters.defective_layers)
    raster = next((mask for mask in masks_of(source.tile, band) if mask.type == RASTER), None)
    polygons = _polygons(source.tile, band, wanted) if raster is None else ()
    if raster is not None:
        for block, layers in marked_blocks(raster.path, grid, wanted):
            coarse = [(name, coarsen_any(mask, resolution)) for name, mask in layers]
            row, col = block.row * resolution // 20, block.col * resolution // 20
            rows, cols = coarse[0][1].shape
            mark(invalid[row : row + rows, col : col + cols], coarse, parameters.lost_layers)
        return
    for start in range(0, invalid.shape[0] if polygons else 0, _STRIP_ROWS):
        stop = min(start + _STRIP_ROWS, invalid.shape[0])
        found = rasterised(polygons, grid, (start * 20 // resolution, stop * 20 // resolution))
        coarse = [(name, coarsen_any(mask, resolution)) for name, mask in found if mask.any()]
        mark(invalid[start:stop], coarse, parameters.lost_layers)


def _polygons(tile: TileMetadata, band: str, wanted: tuple[str, ...]) -> tuple[Polygon, ...]:
    """Return the polygons of the wanted layers in the GML masks of one band.

    Raises:
        InvalidInput: the band has no mask of those kinds, or one is damaged.
    """
    files = [mask.path for mask in masks_of(tile, band)]
    if not files:
        raise InvalidInput(f"{shown(tile.path)}: lists no quality mask of {band}")
    return tuple(
        polygon for path in files for polygon in read_polygons(path, tile.grid.epsg) if polygon.layer in wanted
    )
