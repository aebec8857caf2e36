"""MTD_DS.xml of the Level-2A datastrip, from that of the Level-1C (PSD 14.8, Level-2A_DataStrip_ID)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lxml import etree

from tasks.packaging.auxiliary import add_gipp_list, add_gri_list, add_level_2a_data, add_scaling
from tasks.packaging.description import ProductDescription
from tasks.packaging.elements import add, add_copy, add_section, append_copy, find_or_empty, psd_root, text_at
from tasks.packaging.naming import datatake_id, iso_time

FILE: Final = "S2_PDI_Level-2A_Datastrip_Metadata.xsd"


def datastrip_metadata(
    level_1c: etree._Element,
    about: ProductDescription,
    centres: tuple[str, str],
    dem_type: str,
    tile_ids: Sequence[str],
) -> etree._Element:
    """Return the root of MTD_DS.xml.

    Orbit, attitude, sensor configuration and quality sections are the Level-1C's; processing, archiving, tiles,
    radiometric scaling and auxiliary data are new. What the Level-1C lacks is left out.

    Args:
        level_1c: root of the Level-1C datastrip's metadata, of any baseline.
        centres: processing and archiving centre.
        dem_type: PRODUCTION_DEM_TYPE.
        tile_ids: TILE_ID of the product's granules in this datastrip.
    """
    root = psd_root("Level-2A_DataStrip_ID", FILE)
    _add_general_info(add_section(root, "General_Info"), find_or_empty(level_1c, "General_Info"), about, centres)
    _add_image_data(add_section(root, "Image_Data_Info"), find_or_empty(level_1c, "Image_Data_Info"), tile_ids)
    for name in ("Satellite_Ancillary_Data_Info", "Quality_Indicators_Info"):
        source = find_or_empty(level_1c, name)
        section = add_section(root, name)
        for attribute, value in source.items():
            section.set(attribute, value)
        for child in source:
            append_copy(section, child)
    auxiliary = add_section(root, "Auxiliary_Data_Info", metadataLevel="Standard")
    _add_auxiliary_data(auxiliary, find_or_empty(level_1c, "Auxiliary_Data_Info"), about, dem_type)
    return root


def _add_general_info(
    target: etree._Element, source: etree._Element, about: ProductDescription, centres: tuple[str, str]
) -> None:
    datatake = add_copy(target, source, "Datatake_Info")
    if datatake is not None:
        identifier = datatake.get("datatakeIdentifier", "")
        datatake.set("datatakeIdentifier", datatake_id(identifier, about.processing_baseline))
    add_copy(target, source, "Datastrip_Time_Info")
    processing = add(target, "Processing_Info", metadataLevel="Expertise")
    add(processing, "PROCESSING_BASELINE", about.processing_baseline)
    add(processing, "PRODUCT_DOI", about.product_doi)
    add(processing, "PROCESSING_CENTER", centres[0])
    add(processing, "UTC_DATE_TIME", iso_time(about.generation_time))
    add_copy(target, source, "Downlink_Info")
    archiving = add(target, "Archiving_Info", metadataLevel="Expertise")
    add(archiving, "ARCHIVING_CENTRE", centres[1])
    add(archiving, "ARCHIVING_TIME", iso_time(about.generation_time))
    add_copy(target, source, "PROCESSING_SPECIFIC_PARAMETERS")


def _add_image_data(target: etree._Element, source: etree._Element, tile_ids: Sequence[str]) -> None:
    tiles = add(add(target, "Tiles_Information", metadataLevel="Standard"), "Tile_List")
    for tile_id in tile_ids:
        add(tiles, "Tile", tileId=tile_id)
    add_copy(target, source, "Sensor_Configuration")
    level_1c = find_or_empty(source, "Radiometric_Info")
    radiometry = add(target, "Radiometric_Info", metadataLevel="Standard")
    for name in (
        "SWIR_REARRANGEMENT_PROC",
        "SATURATED_PIXELS_PROC",
        "Spectral_Information_List",
        "Image_Display_Order",
    ):
        add_copy(radiometry, level_1c, name)
    add_scaling(radiometry)
    add_copy(radiometry, level_1c, "Reflectance_Conversion")
    add_copy(target, source, "Geometric_Info")
    add_copy(target, source, "Product_Compression")


def _add_auxiliary_data(
    target: etree._Element, source: etree._Element, about: ProductDescription, dem_type: str
) -> None:
    add_copy(target, source, "IERS_Bulletin")
    add_gipp_list(target, source, about)
    add_copy(target, source, "ECMWF_DATA_REF")
    add_copy(target, source, "CAMS_DATA_REF")
    add(target, "PRODUCTION_DEM_TYPE", dem_type)
    add(target, "IERS_BULLETIN_FILENAME", text_at(source, "IERS_BULLETIN_FILENAME", "None"))
    add_gri_list(target, source)
    add_level_2a_data(target, about)
