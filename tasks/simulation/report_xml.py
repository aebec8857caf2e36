"""Builds the quality reports and the empty vector masks of a Level-1C product."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from lxml import etree

from tasks.simulation.model import ProductDescription, ProductNames
from tasks.simulation.tile_xml import mean_direction
from tasks.simulation.xml_tools import document, element, utc

OLQC_NAMESPACE: Final = "http://gs2.esa.int/DATA_STRUCTURE/olqcReport"
EOP_NAMESPACE: Final = "http://www.opengis.net/eop/2.0"
GML_NAMESPACE: Final = "http://www.opengis.net/gml/3.2"

DATASTRIP_REPORTS: Final = (
    "FORMAT_CORRECTNESS",
    "GENERAL_QUALITY",
    "GEOMETRIC_QUALITY",
    "RADIOMETRIC_QUALITY",
    "SENSOR_QUALITY",
)
TILE_REPORTS: Final = tuple(name for name in DATASTRIP_REPORTS if name != "RADIOMETRIC_QUALITY")
_SUN_LIMIT_DEG: Final = 82.0


@dataclass(frozen=True)
class _Check:
    """One inspection of a report: id, title, result text and values."""

    id: str
    title: str
    message: str
    values: tuple[tuple[str, str], ...] = ()


def tile_report(name: str, about: ProductDescription, names: ProductNames) -> bytes:
    """Return one quality report of the granule, all checks passed."""
    checks = [_Check("checkMetadata", "Metadata file check.", "Metadata file is present.")]
    if name == "GENERAL_QUALITY":
        zenith = f"{mean_direction([about.sun])[0]:.6f}"
        checks += [
            _Check(
                "Solar_Angle_Zenith",
                "Check the zenith solar angle.",
                f"Zenith solar angle ({zenith}) is within the threshold limit ({_SUN_LIMIT_DEG})",
                (("EXPECTED", str(_SUN_LIMIT_DEG)), ("SOLAR_ZENITH_ANGLE", zenith)),
            ),
            _Check("Data_Loss", "Check TECQUA for data loss", "No data loss in this tile."),
        ]
    return _report(name, checks, about, names.tile_id, "tile")


def datastrip_report(name: str, about: ProductDescription, names: ProductNames) -> bytes:
    """Return one quality report of the datastrip, all checks passed."""
    checks = [_Check("checkMetadata", "Metadata file check.", "Metadata file is present.")]
    if name == "GENERAL_QUALITY":
        checks.append(
            _Check(
                "Lost_Packets",
                "Check the number of lost packets",
                "NUMBER_OF_LOST_PACKETS value 0 does not exceed the threshold (0)",
                (("NUMBER_OF_LOST_PACKETS", "0"),),
            )
        )
    return _report(name, checks, about, names.datastrip_id, "datastrip")


def _report(name: str, checks: list[_Check], about: ProductDescription, item: str, kind: str) -> bytes:
    time = utc(about.generation_time)
    creation = f"UTC={about.generation_time:%Y-%m-%dT%H:%M:%S}"
    header = element(
        "Fixed_Header",
        element("File_Name", f"{name}.xml"),
        element("File_Description", "Report of the product simulation"),
        element("Notes"),
        element("Mission", about.spacecraft),
        element("File_Class", "OPER"),
        element("File_Type", "REP_OLQCPA"),
        element(
            "Validity_Period",
            element("Validity_Start", f"UTC={about.generation_time - timedelta(days=1):%Y-%m-%dT%H:%M:%S}"),
            element("Validity_Stop", "UTC=2100-01-01T00:00:00"),
        ),
        element("File_Version", 2),
        element(
            "Source",
            element("System", "OLQC-SC"),
            element("Creator", "OLQC-SC"),
            element("Creator_Version", "01.00.00"),
            element("Creation_Date", creation),
        ),
    )
    check_list = element(
        "checkList",
        element("parentID", f"{about.spacecraft}_OPER_GIP_OLQCPA_MPC__20150622T000000_V20150622T000000"),
        element("name", name),
        element("version", "1.0"),
        element(
            "item",
            **{"class": f"http://www.esa.int/s2#pdi_level_1c_{kind}_container"},
            className=f"PDI Level 1C {kind.capitalize()} Folder",
            name=item,
            url=item,
        ),
        *(_check(check, item, time) for check in checks),
    )
    report = element("report", check_list, gippVersion="1.0", globalStatus="PASSED", date=time)
    content = element(
        "Earth_Explorer_File",
        element("Earth_Explorer_Header", header),
        element("Data_Block", report, type="xml"),
    )
    return document(_in_default_namespace(content, OLQC_NAMESPACE))


def _check(check: _Check, item: str, time: str) -> etree._Element:
    extra = element("extraValues", *(element("value", value, name=key) for key, value in check.values))
    return element(
        "check",
        element(
            "inspection",
            creation=time,
            duration=1,
            execution=time,
            id=check.id,
            item=item,
            itemURL=item,
            name=check.title,
            priority=5,
            processingStatus="done",
            status="PASSED",
        ),
        element("message", check.message, contentType="text/plain"),
        extra if check.values else None,
    )


def _in_default_namespace(content: etree._Element, namespace: str) -> etree._Element:
    """Return a copy of the tree whose elements are all in one default namespace."""
    prefixes: dict[Any, str] = {None: namespace}
    made = etree.Element(
        f"{{{namespace}}}{content.tag}", {str(k): str(v) for k, v in content.attrib.items()}, nsmap=prefixes
    )
    made.text = content.text
    for child in content:
        made.append(_in_default_namespace(child, namespace))
    return made


def empty_vector_mask(kind: str, band: str | None, about: ProductDescription) -> bytes:
    """Return a GML mask without members, as products before baseline 04.00 carry where there is nothing to mark."""
    generation = f"{about.generation_time:%Y%m%dT%H%M%S}"
    name = f"{about.spacecraft}_OPER_{kind}_{about.centre}_{generation}_A{about.absolute_orbit:06d}"
    name += f"_T{about.mgrs_tile}_{band or 'B00'}_MSIL1C"
    made = etree.Element(f"{{{EOP_NAMESPACE}}}Mask", nsmap={"eop": EOP_NAMESPACE, "gml": GML_NAMESPACE})
    made.set(f"{{{GML_NAMESPACE}}}id", name)
    etree.SubElement(made, f"{{{GML_NAMESPACE}}}name").text = f"{kind} pixels mask from data-strip {name}"
    etree.SubElement(made, f"{{{EOP_NAMESPACE}}}maskMembers")
    return document(made)
