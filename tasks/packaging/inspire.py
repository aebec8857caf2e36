"""INSPIRE.xml: the product's ISO 19115 record, the Level-1C's with our name, or a short one of our own."""

from __future__ import annotations

import copy
import re
from typing import Final

from lxml import etree

from tasks.packaging.elements import add, find

GMD: Final = "http://www.isotc211.org/2005/gmd"
GCO: Final = "http://www.isotc211.org/2005/gco"

_LEVEL_1C_NAME: Final = re.compile(r"S2[A-Z]_\w*MSIL1C\w*(?:\.SAFE)?")
_LISTS: Final = "http://standards.iso.org/ittf/PubliclyAvailableStandards/ISO_19139_Schemas/resources/Codelist/"


def inspire_from_level_1c(level_1c: etree._Element, name: str) -> etree._Element:
    """Return a copy of the Level-1C product's record in which every name of a Level-1C product is ``name``."""
    root = copy.deepcopy(level_1c)
    for element in root.iter(etree.Element):
        if element.text and "MSIL1C" in element.text:
            element.text = _LEVEL_1C_NAME.sub(name, element.text)
    return root


def minimal_inspire(name: str, footprint: str, start: str, generated: str) -> etree._Element:
    """Return a record for products whose Level-1C has none: title, footprint, bounding box and dates.

    Args:
        footprint: ``lat lon lat lon ...`` of the product's footprint, degrees.
        start: sensing start, ISO time.
        generated: generation time, ISO time.
    """
    root = etree.Element(f"{{{GMD}}}MD_Metadata", nsmap={"gmd": GMD, "gco": GCO})
    _text(root, "fileIdentifier", name)
    _code(root, "hierarchyLevel", "MD_ScopeCode", "dataset")
    contact = add(_add(root, "contact"), f"{{{GMD}}}CI_ResponsibleParty")
    _text(contact, "organisationName", "user")
    _code(contact, "role", "CI_RoleCode", "processor")
    _date(_add(root, "dateStamp"), generated)
    _text(root, "metadataStandardName", "ISO19115")
    _text(root, "metadataStandardVersion", "2003/Cor.1:2006")
    data = add(_add(root, "identificationInfo"), f"{{{GMD}}}MD_DataIdentification")
    citation = add(_add(data, "citation"), f"{{{GMD}}}CI_Citation")
    _text(citation, "title", name)
    date = add(_add(citation, "date"), f"{{{GMD}}}CI_Date")
    _date(_add(date, "date"), start)
    _code(date, "dateType", "CI_DateTypeCode", "creation")
    _text(data, "abstract", footprint)
    add(_add(data, "language"), f"{{{GCO}}}CharacterString", "eng")
    add(_add(data, "topicCategory"), f"{{{GMD}}}MD_TopicCategoryCode", "imageryBaseMapsEarthCover")
    box = add(
        _add(add(_add(data, "extent"), f"{{{GMD}}}EX_Extent"), "geographicElement"),
        f"{{{GMD}}}EX_GeographicBoundingBox",
    )
    for side, degrees in _bounds(footprint).items():
        add(_add(box, side), f"{{{GCO}}}Decimal", f"{degrees:.6f}")
    return root


def footprint_of(level_1c_product: etree._Element) -> str:
    """Return ``lat lon lat lon ...`` of a product's metadata, empty where there is none."""
    found = find(level_1c_product, "Geometric_Info/Product_Footprint/Product_Footprint/Global_Footprint/EXT_POS_LIST")
    return "" if found is None else " ".join((found.text or "").split())


def _bounds(footprint: str) -> dict[str, float]:
    numbers = [float(word) for word in footprint.split()] or [0.0, 0.0]
    latitudes, longitudes = numbers[0::2], numbers[1::2]
    return {
        "westBoundLongitude": min(longitudes),
        "eastBoundLongitude": max(longitudes),
        "southBoundLatitude": min(latitudes),
        "northBoundLatitude": max(latitudes),
    }


def _add(parent: etree._Element, tag: str) -> etree._Element:
    return add(parent, f"{{{GMD}}}{tag}")


def _text(parent: etree._Element, tag: str, text: str) -> None:
    add(_add(parent, tag), f"{{{GCO}}}CharacterString", text)


def _date(parent: etree._Element, iso_time: str) -> None:
    add(parent, f"{{{GCO}}}Date", iso_time[:10])


def _code(parent: etree._Element, tag: str, kind: str, value: str) -> None:
    add(
        _add(parent, tag),
        f"{{{GMD}}}{kind}",
        value,
        codeList=f"{_LISTS}ML_gmxCodelists.xml#{kind}",
        codeListValue=value,
    )
