"""Builds MTD_DS.xml, the metadata of the datastrip (PSD 14.8, Level-1C Datastrip)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import numpy as np
from lxml import etree

from tasks.common.bands import BANDS, band_id
from tasks.simulation.model import QUANTIFICATION, ProductDescription, ProductNames
from tasks.simulation.product_xml import (
    PRODUCT_DOI,
    datatake,
    display_order,
    gipp_list,
    radiometric_offsets,
    reflectance_conversion,
    spectral_information,
)
from tasks.simulation.push_broom import DETECTORS, EARTH_RADIUS_KM, ORBIT_HEIGHT_KM, descending_heading
from tasks.simulation.xml_tools import document, element, number, root, utc

_STRIP_S: Final = 60
_LINE_PERIOD_MS: Final = 1.565
_SPEED_M_S: Final = 7440.0
_GPS_MINUS_UTC_S: Final = 18

NOISE_MODEL: Final[dict[str, tuple[float, float]]] = dict(
    zip(
        BANDS,
        (
            (0.560, 0.00054), (0.567, 0.04696), (0.488, 0.03482), (0.489, 0.04047), (0.578, 0.03123), (0.576, 0.04388),
            (0.576, 0.04220), (0.571, 0.04447), (0.574, 0.08714), (0.563, 0.10258), (1.067, 0.00961), (0.683, 0.09292),
            (0.704, 0.08259),
        ),
        strict=True,
    )
)  # fmt: skip
"""ALPHA and BETA of the radiometric noise model [LSB], as a Sentinel-2B datastrip of baseline 04.00 gives them."""


def datastrip_metadata(about: ProductDescription, names: ProductNames) -> bytes:
    """Return the file MTD_DS.xml."""
    sections = [
        _general_info(about, names),
        _image_data_info(about, names),
        _ancillary_data_info(about),
        _quality_info(about),
        _auxiliary_info(about),
    ]
    namespace = f"https://{about.psd_host}.sentinel2.eo.esa.int/PSD/S2_PDI_Level-1C_Datastrip_Metadata.xsd"
    return document(root("Level-1C_DataStrip_ID", namespace, sections))


def _general_info(about: ProductDescription, names: ProductNames) -> etree._Element:
    take = datatake("Datatake_Info", about, names)
    take.set("metadataLevel", "Brief")
    stop = about.datastrip_start + timedelta(seconds=_STRIP_S)
    return element(
        "General_Info",
        take,
        element(
            "Datastrip_Time_Info",
            element("DATASTRIP_SENSING_START", utc(about.datastrip_start)),
            element("DATASTRIP_SENSING_STOP", utc(stop)),
            metadataLevel="Brief",
        ),
        element(
            "Processing_Info",
            element("PROCESSING_BASELINE", about.baseline),
            element("PRODUCT_DOI", PRODUCT_DOI) if about.has_raster_masks else None,
            element("PROCESSING_CENTER", about.centre),
            element("UTC_DATE_TIME", utc(about.generation_time)),
            metadataLevel="Expertise",
        ),
        element(
            "Downlink_Info",
            element("RECEPTION_STATION", about.centre),
            element("DOWNLINK_ORBIT_NUMBER", about.absolute_orbit),
            metadataLevel="Standard",
        ),
        element(
            "Archiving_Info",
            element("ARCHIVING_CENTRE", about.centre),
            element("ARCHIVING_TIME", utc(about.generation_time)),
            metadataLevel="Expertise",
        ),
    )


def _image_data_info(about: ProductDescription, names: ProductNames) -> etree._Element:
    tiles = element("Tile_List", element("Tile", tileId=names.tile_id))
    return element(
        "Image_Data_Info",
        element("Tiles_Information", tiles, metadataLevel="Standard"),
        _sensor_configuration(about),
        element(
            "Radiometric_Info",
            element("SWIR_REARRANGEMENT_PROC", "false"),
            element("SATURATED_PIXELS_PROC", "true"),
            spectral_information(about),
            display_order(),
            element("QUANTIFICATION_VALUE", QUANTIFICATION, unit="none"),
            radiometric_offsets(about),
            reflectance_conversion(about),
            metadataLevel="Standard",
        ),
        element(
            "Geometric_Info",
            element("RGM", "COMPUTED"),
            element("Image_Refining", flag="NOT_REFINED"),
            metadataLevel="Standard",
        ),
    )


def _sensor_configuration(about: ProductDescription) -> etree._Element:
    detectors = [f"{detector:02d}" for detector in range(1, DETECTORS + 1)]
    spectral = (
        element(
            "Spectral_Band_Information",
            element(
                "PHYSICAL_GAINS",
                number(about.physical_gains[band]),
                geometry="FULL_RESOLUTION",
                metadataLevel="Standard",
            ),
            element("COMPRESSION_RATE", "2.655", metadataLevel="Expertise"),
            element("INTEGRATION_TIME", "1.3", metadataLevel="Expertise", unit="ms"),
            bandId=band_id(band),
        )
        for band in BANDS
    )
    acquisition = element(
        "Acquisition_Configuration",
        element("COMPRESS_MODE", "true", metadataLevel="Expertise"),
        element("EQUALIZATION_MODE", "true", metadataLevel="Expertise"),
        element("NUC_TABLE_ID", 2, metadataLevel="Expertise"),
        element(
            "Active_Detectors_List",
            *(element("ACTIVE_DETECTOR", detector) for detector in detectors),
            metadataLevel="Expertise",
        ),
        element(
            "TDI_Configuration_List",
            *(element("TDI_CONFIGURATION", "APPLIED", bandId=band_id(b)) for b in ("B03", "B04", "B11", "B12")),
            metadataLevel="Standard",
        ),
        element("Spectral_Band_Info", *spectral),
    )
    return element("Sensor_Configuration", acquisition, _source_packets(detectors), _time_stamps(about, detectors))


def _source_packets(detectors: list[str]) -> etree._Element:
    packets = (
        element(
            "Detector",
            element(
                "Band_List",
                *(
                    element(
                        "Band",
                        element("DATA_STRIP_START", 1),
                        element("SCENE_POSITION", 1),
                        element("NB_OF_SOURCE_PACKETS", 384),
                        bandId=band_id(band),
                    )
                    for band in BANDS
                ),
            ),
            detectorId=detector,
        )
        for detector in detectors
    )
    return element(
        "Source_Packet_Description",
        element("Source_Packet_Counters_List", element("Detector_List", *packets)),
        element(
            "Degradation_Summary",
            element("NUMBER_OF_LOST_PACKETS", 0),
            element("NUMBER_OF_TOO_DEGRADED_PACKETS", 0),
            element("NUMBER_OF_KEPT_DEGRADED_PACKETS", 0),
            degradationPercentage=0,
        ),
    )


def _time_stamps(about: ProductDescription, detectors: list[str]) -> etree._Element:
    start = _gps(about.datastrip_start)
    bands = (
        element(
            "Band_Time_Stamp",
            *(
                element("Detector", element("REFERENCE_LINE", 1), element("GPS_TIME", start), detectorId=detector)
                for detector in detectors
            ),
            bandId=band_id(band),
        )
        for band in BANDS
    )
    return element(
        "Time_Stamp",
        element("LINE_PERIOD", _LINE_PERIOD_MS, unit="ms"),
        *bands,
        element("GPS_SYNC", "true"),
        metadataLevel="Standard",
        usedModel="EXOGENEOUS",
    )


def _gps(time: datetime) -> str:
    """Return the GPS time of a UTC time (18 leap seconds, the value since 2017)."""
    return f"{time + timedelta(seconds=_GPS_MINUS_UTC_S):%Y-%m-%dT%H:%M:%S.%f}"


def _orbit_point(about: ProductDescription) -> tuple[str, str]:
    """Return position [mm] and velocity [mm/s] of the satellite above the first corner, on a circular orbit."""
    latitude, longitude = np.radians(about.footprint[0])
    heading = np.radians(descending_heading(about.footprint[0][0]))
    up = np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    along = np.sin(heading) * east + np.cos(heading) * np.cross(up, east)
    position = up * (EARTH_RADIUS_KM + ORBIT_HEIGHT_KM) * 1e6
    velocity = along * _SPEED_M_S * 1e3
    return " ".join(f"{x:.0f}" for x in position), " ".join(f"{v:.0f}" for v in velocity)


def _ancillary_data_info(about: ProductDescription) -> etree._Element:
    start, stop = _gps(about.datastrip_start), _gps(about.datastrip_start + timedelta(seconds=_STRIP_S))
    position, velocity = _orbit_point(about)
    point = element(
        "GPS_Point",
        element("POSITION_VALUES", position, unit="mm"),
        element("POSITION_ERRORS", "2000 3000 2000", unit="mm"),
        element("VELOCITY_VALUES", velocity, unit="mm/s"),
        element("VELOCITY_ERRORS", "20 30 20", unit="mm/s"),
        element("GPS_TIME", start),
        element("NSM", "KALMAN_FILTER"),
        element("QUALITY_INDEX", 6),
        element("GDOP", 2),
        element("PDOP", 2),
        element("TDOP", 1),
        element("NOF_SV", 8),
        element("TIME_ERROR", 9, unit="ns"),
    )
    receiver = element("Gps_Number", element("GPS_TIME_START", start), element("GPS_TIME_END", stop), id="GPS-A")
    return element(
        "Satellite_Ancillary_Data_Info",
        element(
            "Ephemeris",
            element("GPS_Number_List", receiver),
            element("GPS_Points_List", point),
            element("AOCS_Ephemeris_List", _navigation_solution(start, position, velocity)),
            metadataLevel="Standard",
        ),
        element("Attitudes", element("Corrected_Attitudes", _attitude(start), metadataLevel="Standard")),
    )


def _navigation_solution(time: str, position_mm: str, velocity_mm_s: str) -> etree._Element:
    """Return the on-board orbit solution; the simulation has it equal to the GPS point."""
    metres, metres_per_s = (
        " ".join(number(float(value) / 1000.0) for value in text.split()) for text in (position_mm, velocity_mm_s)
    )
    return element(
        "AOCS_Ephemeris",
        element("VALID_FLAG", "true"),
        element("OPSOL_QUALITY", 2),
        element("POSITION_VALUES", metres, unit="m"),
        element("VELOCITY_VALUES", metres_per_s, unit="m/s"),
        element("GPS_TIME", time),
        element("ORBIT_ANGLE", "0", unit="rad"),
    )


def _attitude(time: str) -> etree._Element:
    """Return one attitude sample; the simulated platform does not turn."""
    return element(
        "Values",
        element("QUATERNION_VALUES", "0 0 0 1"),
        element("QUATERNION_VALIDITY", "true"),
        element("GPS_TIME", time),
        element("INUSE_FLAGS", "true true false true false false false true true true true"),
        element("AOCS_MODE", 2),
        element("AOCS_SUBMODE", 3),
        element("INNOVATION_STR1", "0 0 0"),
        element("INNOVATION_STR2", "0 0 0"),
        element("ATTITUDE_QUALITY_INDICATOR", "TWO_VALID_STR"),
    )


def _quality_info(about: ProductDescription) -> etree._Element:
    measured = f"{about.datastrip_start:%Y-%m-%dT00:00:00}"
    geometric = element(
        "Geometric_QI",
        element("Absolute_Location", element("VALUE", 20, unit="m"), element("MEASUREMENT_DATE", measured)),
        element("Planimetric_Stability", element("VALUE", 3), element("MEASUREMENT_DATE", measured)),
        element("EPHEMERIS_QUALITY", 3),
        element("ANCILLARY_QUALITY", 2),
    )
    updated = element("Update_Absolute_Location", element("VALUE", 20, unit="m"), element("MEASUREMENT_DATE", measured))
    radiometric = (
        element(
            "Radiometric_Quality",
            element(
                "Noise_Model",
                element("ALPHA", NOISE_MODEL[band][0]),
                element("BETA", NOISE_MODEL[band][1]),
            ),
            element("ABSOLUTE_CALIBRATION_ACCURACY", 5),
            element("CROSS_BAND_CALIBRATION_ACCURACY", 3),
            element("MULTI_TEMPORAL_CALIBRATION_ACCURACY", 1),
            bandId=band_id(band),
        )
        for band in BANDS
    )
    return element(
        "Quality_Indicators_Info",
        element("Geometric_Info", geometric, element("Geometric_Refining_Quality"), updated),
        element("Radiometric_Info", element("Radiometric_Quality_List", *radiometric)),
        element("DEGRADED_ANC_DATA_PERCENTAGE", 0),
        metadataLevel="Brief",
    )


def _auxiliary_info(about: ProductDescription) -> etree._Element:
    bulletin = element(
        "IERS_Bulletin",
        element("UT1_UTC", 0, unit="s"),
        element("GPS_TIME_UTC", _GPS_MINUS_UTC_S, unit="s"),
        element("GPS_TIME_TAI", -19, unit="s"),
        element("POLE_U_ANGLE", 0, unit="arcsec"),
        element("POLE_V_ANGLE", 0, unit="arcsec"),
    )
    return element(
        "Auxiliary_Data_Info",
        bulletin,
        gipp_list(about),
        element("PRODUCTION_DEM_TYPE", "NONE"),
        element("IERS_BULLETIN_FILENAME", "NONE"),
        element("GRI_List"),
        metadataLevel="Standard",
    )
