"""Builds MTD_MSIL1C.xml, the metadata of the user product (PSD 14.8, Level-1C User Product)."""

from __future__ import annotations

from typing import Final

import numpy as np
from lxml import etree

from tasks.common.bands import BANDS, NATIVE_RESOLUTION, band_id
from tasks.common.spectral import SpectralResponse
from tasks.simulation.model import QUANTIFICATION, ProductDescription, ProductNames
from tasks.simulation.xml_tools import document, element, number, root, utc

PRODUCT_DOI: Final = "https://doi.org/10.5270/S2_-742ikth"
SPACECRAFT_NAME: Final = {"S2A": "Sentinel-2A", "S2B": "Sentinel-2B", "S2C": "Sentinel-2C"}
QUALITY_CHECKS: Final = (
    "FORMAT_CORRECTNESS",
    "GENERAL_QUALITY",
    "GEOMETRIC_QUALITY",
    "RADIOMETRIC_QUALITY",
    "SENSOR_QUALITY",
)
_PRESENT_ABOVE: Final = 1e-4
_MISSING: Final = "NONE"


def product_metadata(about: ProductDescription, names: ProductNames) -> bytes:
    """Return the file MTD_MSIL1C.xml."""
    sections = [
        element("General_Info", _product_info(about, names), image_characteristics(about)),
        _geometric_info(about),
        element(
            "Auxiliary_Data_Info",
            gipp_list(about),
            element("PRODUCTION_DEM_TYPE", _MISSING),
            element("IERS_BULLETIN_FILENAME", _MISSING),
            element("GRI_List"),
        ),
        _quality_info(about),
    ]
    namespace = f"https://{about.psd_host}.sentinel2.eo.esa.int/PSD/User_Product_Level-1C.xsd"
    return document(root("Level-1C_User_Product", namespace, sections))


def datatake(tag: str, about: ProductDescription, names: ProductNames) -> etree._Element:
    """Return the datatake's identification, which product and datastrip share."""
    return element(
        tag,
        element("SPACECRAFT_NAME", SPACECRAFT_NAME[about.spacecraft]),
        element("DATATAKE_TYPE", "INS-NOBS"),
        element("DATATAKE_SENSING_START", utc(about.datatake_start)),
        element("SENSING_ORBIT_NUMBER", about.relative_orbit),
        element("SENSING_ORBIT_DIRECTION", about.orbit_direction),
        datatakeIdentifier=names.datatake_id,
    )


def _product_info(about: ProductDescription, names: ProductNames) -> etree._Element:
    images = f"{names.granule_path}/IMG_DATA/{names.image_stem}"
    granule = element(
        "Granule",
        *(element("IMAGE_FILE", f"{images}_{image}") for image in (*BANDS, "TCI")),
        datastripIdentifier=names.datastrip_id,
        granuleIdentifier=names.tile_id,
        imageFormat="JPEG2000",
    )
    return element(
        "Product_Info",
        element("PRODUCT_START_TIME", utc(about.datatake_start)),
        element("PRODUCT_STOP_TIME", utc(about.datatake_start)),
        element("PRODUCT_URI", names.product),
        element("PROCESSING_LEVEL", "Level-1C"),
        element("PRODUCT_TYPE", "S2MSI1C"),
        element("PROCESSING_BASELINE", about.baseline),
        element("PRODUCT_DOI", PRODUCT_DOI) if about.has_raster_masks else None,
        element("GENERATION_TIME", utc(about.generation_time)),
        element("PREVIEW_IMAGE_URL", "Not applicable"),
        element("PREVIEW_GEO_INFO", "Not applicable"),
        datatake("Datatake", about, names),
        element("Query_Options", element("PRODUCT_FORMAT", "SAFE_COMPACT"), completeSingleTile="true"),
        element("Product_Organisation", element("Granule_List", granule)),
    )


def image_characteristics(about: ProductDescription) -> etree._Element:
    """Return Product_Image_Characteristics: special values, scaling, solar irradiance and spectral responses."""
    special = (
        element(
            "Special_Values",
            element("SPECIAL_VALUE_TEXT", text),
            element("SPECIAL_VALUE_INDEX", index),
        )
        for text, index in (("NODATA", 0), ("SATURATED", 65535))
    )
    return element(
        "Product_Image_Characteristics",
        *special,
        display_order(),
        element("QUANTIFICATION_VALUE", QUANTIFICATION, unit="none"),
        radiometric_offsets(about),
        reflectance_conversion(about),
        spectral_information(about),
        *(element("PHYSICAL_GAINS", number(about.physical_gains[b]), bandId=band_id(b)) for b in BANDS),
        element("REFERENCE_BAND", band_id("B04")),
    )


def display_order() -> etree._Element:
    """Return the bands of a natural-colour display."""
    return element(
        "Image_Display_Order",
        element("RED_CHANNEL", band_id("B04")),
        element("GREEN_CHANNEL", band_id("B03")),
        element("BLUE_CHANNEL", band_id("B02")),
    )


def radiometric_offsets(about: ProductDescription) -> etree._Element | None:
    """Return the offset list; None before baseline 04.00."""
    if not about.has_raster_masks:
        return None
    return element(
        "Radiometric_Offset_List",
        *(element("RADIO_ADD_OFFSET", about.offset_dn, band_id=band_id(band)) for band in BANDS),
    )


def reflectance_conversion(about: ProductDescription) -> etree._Element:
    """Return U and the solar irradiance per band."""
    irradiance = (
        element("SOLAR_IRRADIANCE", number(about.solar_irradiance[band]), bandId=band_id(band), unit="W/m²/µm")
        for band in BANDS
    )
    return element(
        "Reflectance_Conversion",
        element("U", f"{about.earth_sun_correction:.15g}"),
        element("Solar_Irradiance_List", *irradiance),
    )


def spectral_information(about: ProductDescription) -> etree._Element:
    """Return the spectral responses, sampled at 1 nm."""
    return element("Spectral_Information_List", *(_spectral_information(band, about.responses[band]) for band in BANDS))


def _spectral_information(band: str, response: SpectralResponse) -> etree._Element:
    start, values = at_one_nanometre(response)
    physical = band if band == "B8A" else f"B{int(band[1:])}"
    return element(
        "Spectral_Information",
        element("RESOLUTION", NATIVE_RESOLUTION[band]),
        element(
            "Wavelength",
            element("MIN", start, unit="nm"),
            element("MAX", start + len(values) - 1, unit="nm"),
            element("CENTRAL", f"{response.centre_nm:.1f}", unit="nm"),
        ),
        element(
            "Spectral_Response",
            element("STEP", 1, unit="nm"),
            element("VALUES", " ".join(number(value) for value in values)),
        ),
        bandId=band_id(band),
        physicalBand=physical,
    )


def at_one_nanometre(response: SpectralResponse) -> tuple[int, list[float]]:
    """Return the first whole nanometre and the response from there in 1 nm steps, 1 at its maximum.

    Linear interpolation; samples below 1e-4 of the maximum at either end are left out.
    """
    wavelengths = np.arange(np.ceil(response.wavelength_nm[0]), np.floor(response.wavelength_nm[-1]) + 1.0)
    values = np.interp(wavelengths, response.wavelength_nm, response.values)
    values = np.round(values / values.max(), 8)
    present = np.flatnonzero(values > _PRESENT_ABOVE)
    inside = slice(int(present[0]), int(present[-1]) + 1)
    return int(wavelengths[inside][0]), [float(value) for value in values[inside]]


def _geometric_info(about: ProductDescription) -> etree._Element:
    corners = " ".join(f"{latitude:.12g} {longitude:.12g}" for latitude, longitude in about.footprint)
    footprint = element("Product_Footprint", element("Global_Footprint", element("EXT_POS_LIST", corners)))
    return element(
        "Geometric_Info",
        element(
            "Product_Footprint",
            footprint,
            element("RASTER_CS_TYPE", "POINT"),
            element("PIXEL_ORIGIN", 1),
        ),
        element(
            "Coordinate_Reference_System",
            element("GEO_TABLES", "EPSG", version=1),
            element("HORIZONTAL_CS_TYPE", "GEOGRAPHIC"),
        ),
    )


def gipp_list(about: ProductDescription) -> etree._Element:
    """Return the list of parameter files; one entry, the processing baseline's, as the schema demands at least one."""
    number_only = about.baseline.replace(".", "")
    name = f"{about.spacecraft}_OPER_GIP_PROBAS_MPC__{about.generation_time:%Y%m%dT%H%M%S}"
    name += "_V20150622T000000_21000101T000000_B00"
    return element("GIPP_List", element("GIPP_FILENAME", name, type="GIP_PROBAS", version=number_only))


def _quality_info(about: ProductDescription) -> etree._Element:
    checks = (element("quality_check", "PASSED", checkType=check) for check in QUALITY_CHECKS)
    snow = element("Snow_Coverage_Assessment", number(about.snow_percentage)) if about.has_raster_masks else None
    return element(
        "Quality_Indicators_Info",
        element("Cloud_Coverage_Assessment", number(about.cloud_percentage)),
        snow,
        element(
            "Technical_Quality_Assessment",
            element("DEGRADED_ANC_DATA_PERCENTAGE", "0.0"),
            element("DEGRADED_MSI_DATA_PERCENTAGE", 0),
        ),
        element(
            "Quality_Control_Checks",
            element("Quality_Inspections", *checks),
            element("Failed_Inspections"),
        ),
    )
