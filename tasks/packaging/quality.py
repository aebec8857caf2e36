"""Quality indicators: Image_Content_QI of the metadata files and the report L2A_QUALITY.xml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from lxml import etree

from tasks.common.bands import BANDS
from tasks.common.records import Fallback, Record
from tasks.packaging.description import GranuleProduct
from tasks.packaging.elements import XSI, add
from tasks.packaging.sources import auxiliary_sources

REPORT_NAMESPACE: Final = "http://gs2.esa.int/DATA_STRUCTURE/l2aqiReport"

TILE_PERCENTAGES: Final = (
    "CLOUDY_PIXEL_PERCENTAGE",
    "CLOUDY_PIXEL_OVER_LAND_PERCENTAGE",
    "DEGRADED_MSI_DATA_PERCENTAGE",
)
"""The first percentages of the tile, in their order; the product's list has the second of them only."""

CLASS_PERCENTAGES: Final = (
    "NODATA_PIXEL_PERCENTAGE", "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE", "DARK_FEATURES_PERCENTAGE",
    "CLOUD_SHADOW_PERCENTAGE", "VEGETATION_PERCENTAGE", "NOT_VEGETATED_PERCENTAGE", "WATER_PERCENTAGE",
    "UNCLASSIFIED_PERCENTAGE", "MEDIUM_PROBA_CLOUDS_PERCENTAGE", "HIGH_PROBA_CLOUDS_PERCENTAGE",
    "THIN_CIRRUS_PERCENTAGE", "SNOW_ICE_PERCENTAGE",
)  # fmt: skip
"""The class percentages in the order of the metadata."""

_ACCURACIES: Final = ("RADIATIVE_TRANSFER_ACCURACY", "WATER_VAPOUR_RETRIEVAL_ACCURACY", "AOT_RETRIEVAL_ACCURACY")
_METHODS_OF_SCHEMA: Final = {"SEN2COR_DDV": "SEN2COR_DDV", "CAMS": "CAMS"}
"""The format knows these and DEFAULT; the quality report says the method in full."""
_STEEPEST_SUN_DEG: Final = 70.0
_NO_DDV_KM: Final = 0.0


class GranuleQuality(Record):
    """The figures of one granule that metadata and report hold."""

    corrected: bool = True
    """Whether the atmosphere was corrected; otherwise the product holds the scene classification only."""
    percentages: dict[str, float]
    """0..100 by element name; those of ``TILE_PERCENTAGES`` and ``CLASS_PERCENTAGES``."""
    aot_retrieval_method: str
    """``SEN2COR_DDV`` | ``SEN2FLOW_MULTIBAND`` | ``CAMS`` | ``DEFAULT``."""
    valid_percentage: float | None = None
    """Of the pixels with data; None where the classification does not say."""
    second_mask: dict[str, str] = {}
    """Program, and agreement with the scene classification [%], by name; empty without a second cloud mask."""
    mean_aot: float
    mean_water_vapour_cm: float
    ozone_source: str
    """``AUX_ECMWFT`` | ``CONFIG`` | ``OTHER``."""
    ozone_du: float
    negative_percentages: dict[str, float]
    """By band, among the pixels with data."""
    start_visibility_km: float = 0.0
    visibility_km: float = 0.0
    ddv_percentage: float = 0.0
    ddv_reflectance_limit: float = 0.0
    mean_sun_zenith_deg: float = 0.0
    dem_type: str = "NONE"
    mean_height_km: float = 0.0
    mean_slope_deg: float = 0.0
    auxiliary_files: tuple[str, ...] = ()
    auxiliary_sources: tuple[tuple[str, str], ...] = ()
    """Names and texts: where the auxiliary data came from, and the files with their hashes."""
    fallbacks: tuple[Fallback, ...] = ()


def granule_quality(
    granule: GranuleProduct, degraded_percentage: float, auxiliary_files: Sequence[str]
) -> GranuleQuality:
    """Collect the figures from the statistics of the granule's stages.

    Args:
        granule: with the stages ``l1c``, ``classification``, ``meteo`` and ``images``, and ``aot`` and ``water_vapour``
            where the atmosphere was corrected: without them their figures are 0.
        degraded_percentage: DEGRADED_MSI_DATA_PERCENTAGE of the Level-1C granule.
        auxiliary_files: names of the files in AUX_DATA.

    Raises:
        InternalInconsistency: one of the stages is missing.
    """
    aot, vapour = granule.statistics("aot"), granule.statistics("water_vapour")
    meteo = granule.stage("meteo").statistics
    dem = granule.statistics("dem")
    shares: Mapping[str, float] = granule.stage("classification").statistics["image_content_qi"]
    return GranuleQuality(
        percentages={**shares, "DEGRADED_MSI_DATA_PERCENTAGE": degraded_percentage},
        corrected=bool(aot),
        valid_percentage=granule.statistics("classification").get("valid_percentage"),
        second_mask=_second_mask(granule.statistics("second_cloud_mask")),
        aot_retrieval_method=aot.get("retrieval_method", "DEFAULT"),
        mean_aot=aot.get("mean_aot", 0.0),
        mean_water_vapour_cm=vapour.get("mean_water_vapour_cm", 0.0),
        ozone_source=meteo["ozone_source"],
        ozone_du=meteo["ozone_value"],
        start_visibility_km=aot.get("start_visibility_km") or 0.0,
        visibility_km=aot.get("visibility_km") or 0.0,
        ddv_percentage=aot.get("ddv_percentage") or 0.0,
        ddv_reflectance_limit=aot.get("ddv_reflectance_limit") or 0.0,
        mean_sun_zenith_deg=granule.stage("l1c").statistics["mean_sun_zenith_deg"],
        negative_percentages=granule.stage("images").statistics.get("negative_reflectance_percentage", {}),
        dem_type=dem_type(granule),
        mean_height_km=(dem.get("mean_height_m") or 0.0) / 1000.0,
        mean_slope_deg=dem.get("mean_slope_deg") or 0.0,
        auxiliary_files=tuple(auxiliary_files),
        auxiliary_sources=auxiliary_sources(granule),
        fallbacks=granule.fallbacks,
    )


def no_quality(degraded_percentage: float) -> GranuleQuality:
    """Return the figures of a granule that was not processed: 0, as the metadata must hold them (PSD 14.8)."""
    percentages = dict.fromkeys((*TILE_PERCENTAGES, *CLASS_PERCENTAGES), 0.0)
    return GranuleQuality(
        corrected=False,
        percentages={**percentages, "DEGRADED_MSI_DATA_PERCENTAGE": degraded_percentage},
        aot_retrieval_method="DEFAULT",
        mean_aot=0.0,
        mean_water_vapour_cm=0.0,
        ozone_source="OTHER",
        ozone_du=0.0,
        negative_percentages={},
    )


def _second_mask(found: Mapping[str, Any]) -> dict[str, str]:
    """Return what the report says of a second cloud mask."""
    if not found:
        return {}
    names = ("cloud_percentage", "agreement_percentage", "only_second_percentage", "only_scl_percentage")
    values = {"PROGRAM": str(found["program"])} | {name.upper(): percentage(found[name]) for name in names}
    by_class = {f"CLOUD_IN_CLASS_{code}": percentage(row["cloud"]) for code, row in found["cloud_by_class"].items()}
    return values | by_class


def dem_type(granule: GranuleProduct) -> str:
    """Return PRODUCTION_DEM_TYPE: the source of the heights, NONE where no elevation model was used."""
    return str(granule.statistics("dem").get("source") or "NONE")


def merged(qualities: Sequence[GranuleQuality]) -> GranuleQuality:
    """Return the product's figures: means over its granules; words are those of the first granule."""
    number = len(qualities)
    first = qualities[0]
    return first.model_copy(
        update={
            "percentages": {k: sum(q.percentages[k] for q in qualities) / number for k in first.percentages},
            "mean_aot": sum(q.mean_aot for q in qualities) / number,
            "mean_water_vapour_cm": sum(q.mean_water_vapour_cm for q in qualities) / number,
            "ozone_du": sum(q.ozone_du for q in qualities) / number,
        }
    )


def percentage(value: float) -> str:
    """Return six decimals of a percentage, kept within 0 and 100."""
    return f"{min(max(value, 0.0), 100.0):.6f}"


def add_image_content(parent: etree._Element, quality: GranuleQuality, *, of_tile: bool) -> None:
    """Append Image_Content_QI, in the tile's or the product's form (PSD 14.8)."""
    content = add(parent, "Image_Content_QI")
    names = TILE_PERCENTAGES if of_tile else TILE_PERCENTAGES[1:2]
    for name in (*names, *CLASS_PERCENTAGES):
        add(content, name, percentage(quality.percentages[name]))
    for name in _ACCURACIES:
        add(content, name, "0.0")
    add(content, "AOT_RETRIEVAL_METHOD", _METHODS_OF_SCHEMA.get(quality.aot_retrieval_method, "DEFAULT"))
    add(content, "GRANULE_MEAN_AOT", f"{quality.mean_aot:.6f}")
    add(content, "GRANULE_MEAN_WV", f"{quality.mean_water_vapour_cm:.6f}")
    add(content, "OZONE_SOURCE", quality.ozone_source)
    add(content, "OZONE_VALUE", f"{quality.ozone_du:.6f}")


def quality_report(
    quality: GranuleQuality,
    granule: str,
    platform: str,
    processor: tuple[str, str],
    created: datetime,
    tables: Sequence[str],
) -> etree._Element:
    """Return L2A_QUALITY.xml: three check lists on classification, atmospheric correction and auxiliary data.

    Args:
        granule: name of the granule's folder.
        platform: ``S2A``, ``S2B``, ...
        processor: its name and version.
        created: the product's generation time.
        tables: names of the look-up tables.
    """
    root = etree.fromstring(f'<L2A_Quality_File xmlns="{REPORT_NAMESPACE}" xmlns:xsi="{XSI}"/>')
    root.set(f"{{{XSI}}}schemaLocation", f"{REPORT_NAMESPACE} L2A_QUALITY.xsd")
    stamp = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    _add_header(root, platform, processor, stamp)
    report = add(
        add(root, "Data_Block", type="xml"), "report", gippVersion=processor[1], globalStatus="PASSED", date=f"{stamp}Z"
    )
    for code, name, checks in (
        ("L2A_SC", "SCENE_CLASS_QUALITY", _classification_checks(quality)),
        ("L2A_AC", "ATMOSPHERIC_CORRECTION_QUALITY", _correction_checks(quality, tables)),
        ("L2A_AUX", "AUX_DATA_QUALITY", _auxiliary_checks(quality)),
    ):
        if code == "L2A_AC" and not quality.corrected:
            continue
        items = add(report, "checkList")
        add(items, "parentID", code)
        add(items, "name", name)
        add(items, "version", processor[1])
        add(
            items,
            "item",
            **{"class": "http://www.esa.int/s2#pdi_level_2a_tile_container", "className": "PDI Level 2A Tile Folder"},
            name=granule,
            url=f"GRANULE/{granule}",
        )
        for message, values in checks:
            _add_check(items, message, values)
    for element in root.iter(etree.Element):
        element.tag = f"{{{REPORT_NAMESPACE}}}{etree.QName(element).localname}"
    return root


def _add_header(root: etree._Element, platform: str, processor: tuple[str, str], stamp: str) -> None:
    header = add(add(root, "L2A_Quality_Header"), "Fixed_Header")
    add(header, "File_Name", "L2A_QUALITY")
    add(header, "File_Description", f"Quality information obtained from {processor[0]}")
    add(header, "Notes")
    add(header, "Mission", platform if platform in ("S2A", "S2B") else "S2_")
    add(header, "File_Class", "USER")
    add(header, "File_Type", "L2A_QLINFO")
    period = add(header, "Validity_Period")
    add(period, "Validity_Start", "UTC=2015-06-22T00:00:00")
    add(period, "Validity_Stop", "UTC=2100-01-01T00:00:00")
    add(header, "File_Version", "1")
    source = add(header, "Source")
    add(source, "System", processor[0])
    add(source, "Creator", processor[0])
    add(source, "Creator_Version", processor[1])
    add(source, "Creation_Date", f"UTC={stamp}")


def _add_check(parent: etree._Element, message: str, values: Sequence[tuple[str, str]]) -> None:
    check = add(parent, "check")
    add(check, "message", message, contentType="text/plain")
    extra = add(check, "extraValues")
    for name, text in values:
        add(extra, "value", text, name=name)


_Checks = list[tuple[str, list[tuple[str, str]]]]


def _classification_checks(quality: GranuleQuality) -> _Checks:
    names = (*TILE_PERCENTAGES, *CLASS_PERCENTAGES)
    checks = [("Percentage of classified pixels", [(n, percentage(quality.percentages[n])) for n in names])]
    if quality.valid_percentage is not None:
        checks.append(("Valid pixels", [("VALID_PIXEL_PERCENTAGE", percentage(quality.valid_percentage))]))
    if quality.second_mask:
        checks.append(("Second cloud mask", list(quality.second_mask.items())))
    return checks


def _correction_checks(quality: GranuleQuality, tables: Sequence[str]) -> _Checks:
    from_ddv = quality.visibility_km if quality.aot_retrieval_method == "SEN2COR_DDV" else _NO_DDV_KM
    values = {
        "AOT_RETRIEVAL_ACCURACY": 0.0,
        "GRANULE_MEAN_AOT": quality.mean_aot,
        "WV_RETRIEVAL_ACCURACY": 0.0,
        "GRANULE_MEAN_WV": quality.mean_water_vapour_cm,
        "OZONE_VALUE": quality.ozone_du,
        "START_VISIBILITY_KM": quality.start_visibility_km,
        "VISIBILITY_FROM_DDV_KM": from_ddv,
        "FINAL_VISIBILITY_KM": quality.visibility_km,
        "AVERAGE_SOLAR_ZENITH_ANGLE": quality.mean_sun_zenith_deg,
        "DDV_PIXEL_PERCENTAGE": quality.ddv_percentage,
        "DDV_REFLECTANCE_RANGE": quality.ddv_reflectance_limit,
        "BLUE_PATH_RADIANCE_RESCALING_FACTOR": 1.0,
    }
    limits = [
        ("WV_RETRIEVAL_METHOD", "SEN2COR_APDA"),
        ("AOT_RETRIEVAL_METHOD", quality.aot_retrieval_method),
        ("VISIBILITY_LESS_THAN_5_KM", str(quality.visibility_km < 5.0)),
        ("AOT_ABOVE_1", str(quality.mean_aot > 1.0)),
        ("GRANULE_WV_ABOVE_5_CM", str(quality.mean_water_vapour_cm > 5.0)),
    ]
    negative = [
        (band, percentage(quality.negative_percentages[band])) for band in BANDS if band in quality.negative_percentages
    ]
    return [
        ("Atmospheric correction quality values", [(name, f"{value:.6f}") for name, value in values.items()]),
        ("Atmospheric correction quality control", limits),
        ("Percentage of negative BOA pixels", negative),
        ("Look up table file list", [("LUT_DATA_FILES", str(list(tables)))]),
    ]


def _auxiliary_checks(quality: GranuleQuality) -> _Checks:
    parameters = [
        ("DEM_TYPE", quality.dem_type),
        ("DEM_MEAN_ALTITUDE_KM", f"{quality.mean_height_km:.6f}"),
        ("DEM_MEAN_SLOPE", f"{quality.mean_slope_deg:.6f}"),
        ("GROUND_ELEVATION_ABOVE_3_KM", str(quality.mean_height_km > 3.0)),
        ("SOLAR_ZENITH_ANGLE_ABOVE_70_DEG", str(quality.mean_sun_zenith_deg > _STEEPEST_SUN_DEG)),
        ("OZONE_SOURCE", quality.ozone_source),
    ]
    checks: _Checks = [
        ("AUX related parameters", parameters),
        ("AUX data file list", [("AUX_DATA_FILES", str(list(quality.auxiliary_files)))]),
    ]
    if quality.auxiliary_sources:
        checks.append(("Auxiliary data used", list(quality.auxiliary_sources)))
    if quality.fallbacks:
        checks.append(("Documented substitutes", [(f.code, f.message) for f in quality.fallbacks]))
    return checks
