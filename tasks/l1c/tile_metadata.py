"""Level-1C granule metadata: ``MTD_TL.xml`` and the older ``S2?_OPER_MTD_L1C_TL_*.xml`` (PSD 14.2 to 15)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.grid import RESOLUTIONS, Grid
from tasks.common.xml import Node
from tasks.l1c import patterns
from tasks.l1c.model import AngleGrid, MaskFile, TileMetadata
from tasks.l1c.product_metadata import expect_root
from tasks.l1c.radiometry import band_of

MAX_SIZE: Final = 10980
"""Rows and columns of a whole tile at 10 m; crops are smaller, nothing is larger."""

_ROOT: Final = "Level-1C_Tile_ID"
_MAX_NODES: Final = 200
_MAX_DETECTOR: Final = 12


def parse_tile_metadata(root: Node) -> TileMetadata:
    """Read the granule's metadata.

    Mask paths are returned as written. Angle grids keep their NaN; their node (0, 0) lies on the tile's
    upper left corner.

    Args:
        root: root element of the file.

    Raises:
        InvalidInput: not Level-1C, an element that is missing or has no valid value, sizes that disagree between
            resolutions or are not divisible, angle grids of different shapes or that do not cover the tile.
    """
    expect_root(root, _ROOT)
    general = root.child("General_Info")
    geometry = root.child("Geometric_Info")
    quality = root.child("Quality_Indicators_Info")
    tile_id = general.matching("TILE_ID", patterns.TILE_ID, "S2?_????_MSI_L1C_TL_..._A??????_T?????_N??.??")
    grid = _grid(geometry.child("Tile_Geocoding"), tile_id)
    angles = geometry.child("Tile_Angles")
    sun = _angle_grid(angles.child("Sun_Angles_Grid"), grid)
    mean_zenith, mean_azimuth = _angle_pair(angles.child("Mean_Sun_Angle"))
    if not 0 <= mean_zenith <= 180:
        raise angles.error("Mean_Sun_Angle/ZENITH_ANGLE", f"is {mean_zenith}, expected 0 to 180")
    mean_view = _mean_view(angles)
    centre = general.find("Archiving_Info/ARCHIVING_CENTRE")
    return TileMetadata(
        path=root.file,
        tile_id=tile_id,
        datastrip_id=general.matching("DATASTRIP_ID", patterns.FILE_NAME, "an identifier"),
        sensing_time=general.matching("SENSING_TIME", patterns.TIME, "an ISO time"),
        archiving_centre=centre.text() if centre is not None else "",
        grid=grid,
        sun=sun,
        mean_sun_zenith_deg=mean_zenith,
        mean_sun_azimuth_deg=mean_azimuth,
        view=_view_grids(angles, grid, sun),
        mean_view_zenith_deg={band: pair[0] for band, pair in mean_view.items()},
        mean_view_azimuth_deg={band: pair[1] for band, pair in mean_view.items()},
        masks=tuple(_masks(quality)),
        cloud_percentage=_percentage(quality, "CLOUDY_PIXEL_PERCENTAGE"),
        degraded_percentage=_percentage(quality, "DEGRADED_MSI_DATA_PERCENTAGE"),
    )


def _grid(geocoding: Node, tile_id: str) -> Grid:
    """Return the 10 m grid after checking that all three resolutions describe the same area."""
    grids: dict[int, Grid] = {}
    epsg = _epsg(geocoding, tile_id)
    sizes = {node.attribute("resolution"): node for node in geocoding.all("Size")}
    positions = {node.attribute("resolution"): node for node in geocoding.all("Geoposition")}
    for resolution in RESOLUTIONS:
        size, position = sizes.get(str(resolution)), positions.get(str(resolution))
        if size is None or position is None:
            raise geocoding.error("Size" if size is None else "Geoposition", f"is missing for {resolution} m")
        rows, cols = size.integer("NROWS"), size.integer("NCOLS")
        if not (0 < rows <= MAX_SIZE and 0 < cols <= MAX_SIZE):
            raise size.error("", f"{rows} x {cols} at {resolution} m, expected 1 to {MAX_SIZE} pixels a side")
        if position.number("XDIM") != resolution or position.number("YDIM") != -resolution:
            raise position.error("", f"XDIM and YDIM must be {resolution} and -{resolution}")
        ulx, uly = position.number("ULX"), position.number("ULY")
        grids[resolution] = Grid(epsg=epsg, ulx=ulx, uly=uly, resolution=resolution, rows=rows, cols=cols)
    fine = grids[10]
    if fine.rows % 6 or fine.cols % 6:
        raise geocoding.error("Size", f"{fine.rows} x {fine.cols} at 10 m, expected sides divisible by 6")
    for resolution in RESOLUTIONS:
        if grids[resolution] != fine.at(resolution):
            raise geocoding.error("Size/Geoposition", f"at {resolution} m is another area than at 10 m")
    return fine


def _epsg(geocoding: Node, tile_id: str) -> int:
    """Return the EPSG code after checking that it is the UTM zone and hemisphere of the tile's name."""
    text = geocoding.matching("HORIZONTAL_CS_CODE", patterns.UTM_EPSG, "EPSG:326zz or EPSG:327zz")
    tile = patterns.TILE_ID.fullmatch(tile_id)
    zone, band = (tile.group(2), tile.group(3)) if tile else ("", "")
    expected = f"EPSG:{'326' if band >= 'N' else '327'}{zone}"
    if text != expected:
        raise geocoding.error("HORIZONTAL_CS_CODE", f"is {text}, expected {expected} for tile {zone}{band}")
    return int(text.removeprefix("EPSG:"))


def _angle_pair(node: Node) -> tuple[float, float]:
    return node.number("ZENITH_ANGLE"), node.number("AZIMUTH_ANGLE")


def _angle_grid(node: Node, grid: Grid) -> AngleGrid:
    zenith, step = _values(node.child("Zenith"))
    azimuth, azimuth_step = _values(node.child("Azimuth"))
    if zenith.shape != azimuth.shape or step != azimuth_step:
        raise node.error("Azimuth", "grid has another shape or step than the zenith grid")
    for name, values, low, high in (("Zenith", zenith, 0, 180), ("Azimuth", azimuth, -360, 360)):
        finite = values[np.isfinite(values)]
        if finite.size and (finite.min() < low or finite.max() > high):
            raise node.error(name, f"has angles from {finite.min()} to {finite.max()}, expected {low} to {high}")
    rows, cols = zenith.shape
    if rows * step < grid.rows * grid.resolution or cols * step < grid.cols * grid.resolution:
        raise node.error("Zenith", f"grid of {rows} x {cols} nodes every {step} m does not cover the tile")
    return AngleGrid(zenith_deg=zenith, azimuth_deg=azimuth, step_m=step)


def _values(node: Node) -> tuple[NDArray[np.float32], float]:
    step = node.number("COL_STEP")
    if step <= 0 or node.number("ROW_STEP") != step:
        raise node.error("COL_STEP", "and ROW_STEP must be equal and above 0")
    rows = [row.numbers() for row in node.all("Values_List/VALUES")]
    if not rows or len(rows) > _MAX_NODES or len(rows[0]) > _MAX_NODES:
        raise node.error("Values_List", f"has {len(rows)} rows, expected 1 to {_MAX_NODES} rows and columns")
    if len({len(row) for row in rows}) != 1:
        raise node.error("Values_List", "has rows of different lengths")
    return np.array(rows, dtype=np.float32), step


def _view_grids(angles: Node, grid: Grid, sun: AngleGrid) -> dict[str, dict[int, AngleGrid]]:
    view: dict[str, dict[int, AngleGrid]] = {}
    for path in (
        "Viewing_Incidence_Angles_Grids",
        "Viewing_Incidence_Angles_Grids_List/Viewing_Incidence_Angles_Grids",
    ):
        for node in angles.all(path):
            band = band_of(node)
            text = node.attribute("detectorId")
            if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_DETECTOR:
                raise node.error("", f"detectorId='{text[:20]}', expected 1 to {_MAX_DETECTOR}")
            values = _angle_grid(node, grid)
            if values.zenith_deg.shape != sun.zenith_deg.shape or values.step_m != sun.step_m:
                raise node.error("Zenith", "grid has another shape or step than the sun grid")
            if int(text) in view.setdefault(band, {}):
                raise node.error("", f"occurs twice for band {band}, detector {text}")
            view[band][int(text)] = values
    return view


def _mean_view(angles: Node) -> dict[str, tuple[float, float]]:
    means: dict[str, tuple[float, float]] = {}
    for node in angles.all("Mean_Viewing_Incidence_Angle_List/Mean_Viewing_Incidence_Angle"):
        zenith, azimuth = _angle_pair(node)
        if not 0 <= zenith <= 90:
            raise node.error("ZENITH_ANGLE", f"is {zenith}, expected 0 to 90")
        means[band_of(node)] = zenith, azimuth
    return means


def _masks(quality: Node) -> list[MaskFile]:
    masks: list[MaskFile] = []
    for node in quality.all("Pixel_Level_QI/MASK_FILENAME"):
        band = band_of(node) if node.element.get("bandId") is not None else None
        masks.append(MaskFile(type=node.attribute("type"), band=band, path=Path(node.text())))
    return masks


def _percentage(quality: Node, name: str) -> float:
    path = f"Image_Content_QI/{name}"
    value = quality.number(path)
    if not 0 <= value <= 100:
        raise quality.error(path, f"is {value}, expected 0 to 100")
    return value
