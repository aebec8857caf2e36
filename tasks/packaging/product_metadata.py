"""MTD_MSIL2A.xml, from the Level-1C product's metadata of any baseline (PSD 14.8, Level-2A_User_Product)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lxml import etree

from tasks.common.errors import InvalidInput
from tasks.common.records import Record
from tasks.packaging.auxiliary import add_gipp_list, add_gri_list, add_level_2a_data, add_scaling
from tasks.packaging.description import ProductDescription
from tasks.packaging.elements import add, add_copy, add_section, append_copy, find, find_or_empty, psd_root, text_at
from tasks.packaging.naming import datatake_id, iso_time
from tasks.packaging.quality import GranuleQuality, add_image_content, percentage

FILE: Final = "User_Product_Level-2A.xsd"

SCENE_CLASSES: Final = (
    "SC_NODATA", "SC_SATURATED_DEFECTIVE", "SC_DARK_FEATURE_SHADOW", "SC_CLOUD_SHADOW", "SC_VEGETATION",
    "SC_NOT_VEGETATED", "SC_WATER", "SC_UNCLASSIFIED", "SC_CLOUD_MEDIUM_PROBA", "SC_CLOUD_HIGH_PROBA",
    "SC_THIN_CIRRUS", "SC_SNOW_ICE",
)  # fmt: skip
"""Names of the classes 0..11 in the metadata."""

_CHECKS: Final = ("FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "RADIOMETRIC_QUALITY", "SENSOR_QUALITY")
_IMAGE: Final = re.compile(r"_(?P<kind>\w{3})_(?P<resolution>\d\d)m$")
_RESOLUTION_ORDER: Final = ("20", "60", "10")
_AFTER_BANDS: Final = ("SCL", "AOT", "WVP", "TCI")


class GranuleEntry(Record):
    """One granule in the product's list."""

    tile_id: str
    datastrip_id: str
    image_format: str = "JPEG2000"
    images: tuple[str, ...]
    """Paths of the images inside the product, without extension."""


def image_order(path: str) -> tuple[int, int, str]:
    """Sort key of an image: resolutions 20, 60, 10 m; each with its bands, SCL, AOT, WVP, TCI."""
    match = _IMAGE.search(path)
    if match is None:
        return len(_RESOLUTION_ORDER), 0, path
    kind = match["kind"]
    rank = 1 + _AFTER_BANDS.index(kind) if kind in _AFTER_BANDS else 0
    return _RESOLUTION_ORDER.index(match["resolution"]), rank, "B08A" if kind == "B8A" else kind


def product_metadata(
    level_1c: etree._Element,
    name: str,
    about: ProductDescription,
    dem_type: str,
    granules: Sequence[GranuleEntry],
    quality: GranuleQuality,
) -> etree._Element:
    """Return the root of MTD_MSIL2A.xml. What the Level-1C lacks of footprint and auxiliary data is left out.

    Args:
        level_1c: root of the Level-1C product's metadata.
        name: folder name of the product with ``.SAFE``.
        dem_type: PRODUCTION_DEM_TYPE.
        quality: the product's figures (means over its granules).

    Raises:
        InvalidInput: the Level-1C metadata lack an element that must be copied.
    """
    root = psd_root("Level-2A_User_Product", FILE)
    general = add_section(root, "General_Info")
    _add_product_info(general, level_1c, name, about, granules)
    _add_image_characteristics(general, level_1c)
    geometry = add_section(root, "Geometric_Info")
    for child in find_or_empty(level_1c, "Geometric_Info"):
        append_copy(geometry, child)
    _add_auxiliary_data(add_section(root, "Auxiliary_Data_Info"), level_1c, about, dem_type)
    _add_quality(add_section(root, "Quality_Indicators_Info"), level_1c, quality)
    return root


def _required(parent: etree._Element, path: str) -> etree._Element:
    found = find(parent, path)
    if found is None:
        raise InvalidInput(f"Level-1C product metadata: element {path} is missing")
    return found


def _add_product_info(
    general: etree._Element,
    level_1c: etree._Element,
    name: str,
    about: ProductDescription,
    granules: Sequence[GranuleEntry],
) -> None:
    source = _required(level_1c, "General_Info/Product_Info")
    info = add(general, "Product_Info")
    append_copy(info, _required(source, "PRODUCT_START_TIME"))
    append_copy(info, _required(source, "PRODUCT_STOP_TIME"))
    add(info, "PRODUCT_URI", name)
    add(info, "PROCESSING_LEVEL", "Level-2A")
    add(info, "PRODUCT_TYPE", "S2MSI2A")
    add(info, "PROCESSING_BASELINE", about.processing_baseline)
    add(info, "PRODUCT_DOI", about.product_doi)
    add(info, "GENERATION_TIME", iso_time(about.generation_time))
    add(info, "PREVIEW_IMAGE_URL", "Not applicable")
    add(info, "PREVIEW_GEO_INFO", "Not applicable")
    datatake = append_copy(info, _required(source, "Datatake"))
    datatake.set("datatakeIdentifier", datatake_id(datatake.get("datatakeIdentifier", ""), about.processing_baseline))
    add(add(info, "Query_Options", completeSingleTile="true"), "PRODUCT_FORMAT", "SAFE_COMPACT")
    granule_list = add(add(info, "Product_Organisation"), "Granule_List")
    for granule in granules:
        entry = add(
            granule_list,
            "Granule",
            datastripIdentifier=granule.datastrip_id,
            granuleIdentifier=granule.tile_id,
            imageFormat=granule.image_format,
        )
        for image in sorted(granule.images, key=image_order):
            add(entry, "IMAGE_FILE", image)


def _add_image_characteristics(general: etree._Element, level_1c: etree._Element) -> None:
    source = _required(level_1c, "General_Info/Product_Image_Characteristics")
    target = add(general, "Product_Image_Characteristics")
    for text, value in (("NODATA", "0"), ("SATURATED", "65535")):
        special = add(target, "Special_Values")
        add(special, "SPECIAL_VALUE_TEXT", text)
        add(special, "SPECIAL_VALUE_INDEX", value)
    order = add(target, "Image_Display_Order")
    for channel, band in (("RED", "3"), ("GREEN", "2"), ("BLUE", "1")):
        add(order, f"{channel}_CHANNEL", band)
    add_scaling(target)
    append_copy(target, _required(source, "Reflectance_Conversion"))
    add_copy(target, source, "Spectral_Information_List")
    for gain in source.iterfind("{*}PHYSICAL_GAINS"):
        append_copy(target, gain)
    add_copy(target, source, "REFERENCE_BAND")
    classes = add(target, "Scene_Classification_List")
    for index, text in enumerate(SCENE_CLASSES):
        entry = add(classes, "Scene_Classification_ID")
        add(entry, "SCENE_CLASSIFICATION_TEXT", text)
        add(entry, "SCENE_CLASSIFICATION_INDEX", str(index))


def _add_auxiliary_data(
    target: etree._Element, level_1c: etree._Element, about: ProductDescription, dem_type: str
) -> None:
    source = find_or_empty(level_1c, "Auxiliary_Data_Info")
    add_gipp_list(target, source, about)
    add(target, "PRODUCTION_DEM_TYPE", dem_type)
    add(target, "IERS_BULLETIN_FILENAME", text_at(source, "IERS_BULLETIN_FILENAME", "None"))
    add_gri_list(target, source)
    add_copy(target, source, "ECMWF_DATA_REF")
    add_copy(target, source, "CAMS_DATA_REF")
    add_level_2a_data(target, about)


def _add_quality(target: etree._Element, level_1c: etree._Element, quality: GranuleQuality) -> None:
    source = find_or_empty(level_1c, "Quality_Indicators_Info")
    add(target, "Cloud_Coverage_Assessment", percentage(quality.percentages["CLOUDY_PIXEL_PERCENTAGE"]))
    technical = add(target, "Technical_Quality_Assessment")
    for name in ("DEGRADED_ANC_DATA_PERCENTAGE", "DEGRADED_MSI_DATA_PERCENTAGE"):
        add(technical, name, text_at(source, f"Technical_Quality_Assessment/{name}", "0"))
    controls = add(target, "Quality_Control_Checks")
    inspections = add(controls, "Quality_Inspections")
    verdicts = _verdicts(source)
    for check in _CHECKS:
        add(inspections, "quality_check", verdicts.get(check, "PASSED"), checkType=check)
    if add_copy(controls, source, "Quality_Control_Checks/Failed_Inspections") is None:
        add(controls, "Failed_Inspections")
    add_image_content(target, quality, of_tile=False)


def _verdicts(source: etree._Element) -> dict[str, str]:
    """Return the Level-1C's verdicts; products before PSD 14.5 have one ``<check>_FLAG`` element each."""
    verdicts = {}
    for item in source.iterfind("{*}Quality_Control_Checks/{*}Quality_Inspections/*"):
        name = item.get("checkType") or etree.QName(item).localname.removesuffix("_FLAG")
        verdicts[name] = (item.text or "").strip()
    return verdicts
