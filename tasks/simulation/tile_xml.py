"""Builds MTD_TL.xml, the metadata of the granule (PSD 14.8, Level-1C Tile)."""

from __future__ import annotations

from typing import Final

import numpy as np
from lxml import etree

from tasks.common.bands import BANDS, band_id
from tasks.common.grid import RESOLUTIONS, Grid
from tasks.l1c.model import AngleGrid
from tasks.simulation.model import ProductDescription, ProductNames
from tasks.simulation.xml_tools import angle_values, document, element, number, root, utc

RASTER_MASKS: Final = ("MSK_DETFOO", "MSK_QUALIT")
"""Per band since baseline 04.00."""

VECTOR_MASKS: Final = ("MSK_DEFECT", "MSK_DETFOO", "MSK_NODATA", "MSK_SATURA", "MSK_TECQUA")
"""Per band before baseline 04.00."""


def tile_metadata(about: ProductDescription, names: ProductNames) -> bytes:
    """Return the file MTD_TL.xml."""
    sections = [_general_info(about, names), _geometric_info(about), _quality_info(about, names)]
    namespace = f"https://{about.psd_host}.sentinel2.eo.esa.int/PSD/S2_PDI_Level-1C_Tile_Metadata.xsd"
    return document(root("Level-1C_Tile_ID", namespace, sections))


def mask_files(about: ProductDescription) -> list[tuple[str, str | None, str]]:
    """Return type, band (None for the whole tile) and file name of every mask of the granule."""
    types, suffix = (RASTER_MASKS, "jp2") if about.has_raster_masks else (VECTOR_MASKS, "gml")
    per_tile = "MSK_CLASSI" if about.has_raster_masks else "MSK_CLOUDS"
    masks: list[tuple[str, str | None, str]] = [
        (kind, band, f"{kind}_{band}.{suffix}") for band in BANDS for kind in types
    ]
    return [*masks, (per_tile, None, f"{per_tile}_B00.{suffix}")]


def _general_info(about: ProductDescription, names: ProductNames) -> etree._Element:
    return element(
        "General_Info",
        element("TILE_ID", names.tile_id, metadataLevel="Brief"),
        element("DATASTRIP_ID", names.datastrip_id, metadataLevel="Standard"),
        element("DOWNLINK_PRIORITY", "NOMINAL", metadataLevel="Standard"),
        element("SENSING_TIME", utc(about.sensing_time), metadataLevel="Standard"),
        element(
            "Archiving_Info",
            element("ARCHIVING_CENTRE", about.centre),
            element("ARCHIVING_TIME", utc(about.generation_time)),
            metadataLevel="Expertise",
        ),
    )


def _geocoding(grid: Grid) -> etree._Element:
    zone, hemisphere = grid.epsg % 100, "N" if grid.epsg < 32700 else "S"
    grids = [grid.at(resolution) for resolution in RESOLUTIONS]
    sizes = (
        element("Size", element("NROWS", g.rows), element("NCOLS", g.cols), resolution=g.resolution) for g in grids
    )
    positions = (
        element(
            "Geoposition",
            element("ULX", f"{g.ulx:.0f}"),
            element("ULY", f"{g.uly:.0f}"),
            element("XDIM", g.resolution),
            element("YDIM", -g.resolution),
            resolution=g.resolution,
        )
        for g in grids
    )
    return element(
        "Tile_Geocoding",
        element("HORIZONTAL_CS_NAME", f"WGS84 / UTM zone {zone:02d}{hemisphere}"),
        element("HORIZONTAL_CS_CODE", f"EPSG:{grid.epsg}"),
        *sizes,
        *positions,
        metadataLevel="Brief",
    )


def _angle_grid(tag: str, grid: AngleGrid, **attributes: object) -> etree._Element:
    return element(
        tag,
        angle_values("Zenith", grid.zenith_deg, grid.step_m),
        angle_values("Azimuth", grid.azimuth_deg, grid.step_m),
        **attributes,
    )


def _mean_angles(tag: str, zenith: float, azimuth: float, **attributes: object) -> etree._Element:
    return element(
        tag,
        element("ZENITH_ANGLE", number(zenith), unit="deg"),
        element("AZIMUTH_ANGLE", number(azimuth), unit="deg"),
        **attributes,
    )


def mean_direction(grids: list[AngleGrid]) -> tuple[float, float]:
    """Return mean zenith and mean azimuth [deg] over the nodes with values; the azimuth as a mean direction."""
    zenith = np.concatenate([grid.zenith_deg.ravel() for grid in grids]).astype(np.float64)
    azimuth = np.concatenate([grid.azimuth_deg.ravel() for grid in grids]).astype(np.float64)
    seen = np.isfinite(zenith)
    angle = np.radians(azimuth[seen])
    direction = np.degrees(np.arctan2(np.sin(angle).mean(), np.cos(angle).mean()))
    return float(zenith[seen].mean()), float(np.mod(direction, 360.0))


def _geometric_info(about: ProductDescription) -> etree._Element:
    views = (
        _angle_grid("Viewing_Incidence_Angles_Grids", grid, bandId=band_id(band), detectorId=detector)
        for band in BANDS
        for detector, grid in about.view[band].items()
    )
    means = (
        _mean_angles(
            "Mean_Viewing_Incidence_Angle", *mean_direction(list(about.view[band].values())), bandId=band_id(band)
        )
        for band in BANDS
    )
    angles = element(
        "Tile_Angles",
        _angle_grid("Sun_Angles_Grid", about.sun),
        _mean_angles("Mean_Sun_Angle", *mean_direction([about.sun])),
        *views,
        element("Mean_Viewing_Incidence_Angle_List", *means),
        metadataLevel="Standard",
    )
    return element("Geometric_Info", _geocoding(about.grid), angles)


def _quality_info(about: ProductDescription, names: ProductNames) -> etree._Element:
    folder = f"{names.granule_path}/QI_DATA"
    snow = element("SNOW_PIXEL_PERCENTAGE", number(about.snow_percentage)) if about.has_raster_masks else None
    masks = (
        element("MASK_FILENAME", f"{folder}/{file}", **({"bandId": band_id(band)} if band else {}), type=kind)
        for kind, band, file in mask_files(about)
    )
    return element(
        "Quality_Indicators_Info",
        element(
            "Image_Content_QI",
            element("CLOUDY_PIXEL_PERCENTAGE", number(about.cloud_percentage)),
            element("DEGRADED_MSI_DATA_PERCENTAGE", 0),
            snow,
        ),
        element("Pixel_Level_QI", *masks, geometry="FULL_RESOLUTION"),
        element("PVI_FILENAME", f"{folder}/{names.image_stem}_PVI.jp2"),
        metadataLevel="Standard",
    )
