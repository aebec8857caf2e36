"""Files of the product's folder rep_info: the tops of the three schemas and the processing report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lxml import etree

from tasks.packaging.description import GranuleProduct, ProductDescription
from tasks.packaging.elements import PSD, add
from tasks.packaging.naming import iso_time

XS: Final = "http://www.w3.org/2001/XMLSchema"

_SCHEMAS: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "S2_User_Product_Level-2A_Metadata.xsd": (
        "User_Product_Level-2A.xsd",
        "Level-2A_User_Product",
        ("General_Info", "Geometric_Info", "Auxiliary_Data_Info", "Quality_Indicators_Info"),
    ),
    "S2_PDI_Level-2A_Tile_Metadata.xsd": (
        "S2_PDI_Level-2A_Tile_Metadata.xsd",
        "Level-2A_Tile_ID",
        ("General_Info", "Geometric_Info", "Quality_Indicators_Info"),
    ),
    "S2_PDI_Level-2A_Datastrip_Metadata.xsd": (
        "S2_PDI_Level-2A_Datastrip_Metadata.xsd",
        "Level-2A_DataStrip_ID",
        (
            "General_Info",
            "Image_Data_Info",
            "Satellite_Ancillary_Data_Info",
            "Quality_Indicators_Info",
            "Auxiliary_Data_Info",
        ),
    ),
}


def schema_tops() -> dict[str, etree._Element]:
    """Return, by file name, the schemas of the three metadata files down to their sections.

    They state root, namespace and order of the sections and leave the sections open, as a product's own copies do not
    bring along the dictionaries that describe those.
    """
    return {name: _schema_top(*parts) for name, parts in _SCHEMAS.items()}


def _schema_top(namespace_file: str, tag: str, sections: tuple[str, ...]) -> etree._Element:
    namespace = PSD + namespace_file
    root = etree.Element(
        f"{{{XS}}}schema",
        nsmap={"xs": XS, "n1": namespace},
        targetNamespace=namespace,
        elementFormDefault="qualified",
        version="14",
    )
    element = _xs(root, "element", name=tag)
    sequence = _xs(_xs(element, "complexType"), "sequence")
    for section in sections:
        _xs(sequence, "element", name=section, type="n1:Section")
    section_type = _xs(root, "complexType", name="Section")
    content = _xs(section_type, "sequence")
    _xs(content, "any", namespace="##any", processContents="skip", minOccurs="0", maxOccurs="unbounded")
    _xs(section_type, "attribute", name="metadataLevel", type="xs:string")
    return root


def _xs(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    return add(parent, f"{{{XS}}}{tag}", **attributes)


def processing_report(about: ProductDescription, product: str, granules: Sequence[GranuleProduct]) -> etree._Element:
    """Return the report: one ``check`` a message, in the layout of Sen2Cor's report files.

    It names processor and configuration, and for each granule its stages with their figures and every documented
    substitute (level WARNING). It holds no other time than the product's generation time.
    """
    root = etree.Element("Sen2Cor_Level-2A_Report_File")
    time = iso_time(about.generation_time)
    _message(root, time, "INFO", "processor", f"{about.processor_name} {about.processor_version}: {product}")
    for gipp in about.gipps:
        _message(root, time, "INFO", "configuration", gipp.path.name)
    for granule in granules:
        for setting in granule.settings:
            _message(root, time, "WARNING", setting.stage, f"{setting.code}: {setting.message}")
        for stage in granule.stages:
            words = [f"{granule.tile.key}: stage {stage.stage}, version {stage.version}, result {stage.fingerprint}"]
            words += [f"{name}={_shown(value)}" for name, value in sorted(stage.statistics.items())]
            _message(root, time, "INFO", stage.stage, "; ".join(words))
            for fallback in stage.fallbacks:
                _message(root, time, "WARNING", stage.stage, f"{fallback.code}: {fallback.message}")
    return root


def _message(root: etree._Element, time: str, level: str, module: str, text: str) -> None:
    check = add(root, "check")
    add(check, "inspection", execution=time, level=level, module=module)
    add(check, "message", text, contentType="Text")


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
