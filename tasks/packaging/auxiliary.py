"""The lists of configuration and auxiliary data that product and datastrip metadata share."""

from __future__ import annotations

from typing import Final

from lxml import etree

from tasks.packaging.description import ProductDescription
from tasks.packaging.elements import add, append_copy, find

OFFSET: Final = -1000
"""BOA_ADD_OFFSET of every band: reflectance = (DN + offset) / 10000."""


def add_gipp_list(parent: etree._Element, level_1c: etree._Element, about: ProductDescription) -> None:
    """Append GIPP_List: that of the Level-1C, then the Level-2A files that were in force."""
    gipps = add(parent, "GIPP_List")
    found = find(level_1c, "GIPP_List")
    for gipp in () if found is None else found:
        append_copy(gipps, gipp)
    for file in about.gipps:
        if file.type is not None:
            add(gipps, "GIPP_FILENAME", file.path.stem, type=file.type, version=file.version)


def add_gri_list(parent: etree._Element, level_1c: etree._Element) -> None:
    """Append GRI_List; old products name a single GRI_FILENAME outside of a list."""
    gris = add(parent, "GRI_List")
    for name in level_1c.iterfind(".//{*}GRI_FILENAME"):
        append_copy(gris, name)


def add_level_2a_data(parent: etree._Element, about: ProductDescription) -> None:
    """Append the names of the look-up tables and of the maps used by the classification."""
    tables = add(parent, "LUT_List")
    for name in about.look_up_tables or ("None",):
        add(tables, "LUT_FILENAME", name)
    add(parent, "SNOW_CLIMATOLOGY_MAP", about.snow_climatology_map)
    add(parent, "ESACCI_WaterBodies_Map", about.esacci_water_bodies_map)
    add(parent, "ESACCI_LandCover_Map", about.esacci_land_cover_map)
    add(parent, "ESACCI_SnowCondition_Map_Dir", about.esacci_snow_condition_map_dir)


def add_scaling(parent: etree._Element) -> None:
    """Append the quantification values and the offsets of the thirteen bands."""
    values = add(parent, "QUANTIFICATION_VALUES_LIST")
    add(values, "BOA_QUANTIFICATION_VALUE", "10000", unit="none")
    add(values, "AOT_QUANTIFICATION_VALUE", "1000.0", unit="none")
    add(values, "WVP_QUANTIFICATION_VALUE", "1000.0", unit="cm")
    offsets = add(parent, "BOA_ADD_OFFSET_VALUES_LIST")
    for band in range(13):
        add(offsets, "BOA_ADD_OFFSET", str(OFFSET), band_id=str(band))
