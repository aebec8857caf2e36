"""Builds INSPIRE.xml, the discovery metadata of a product (ISO 19139 encoding of ISO 19115:2003)."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from lxml import etree

from tasks.simulation.model import ProductDescription, ProductNames
from tasks.simulation.xml_tools import XSI, document, utc

_SPACES: Final = {
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco",
    "gml": "http://www.opengis.net/gml",
    "xsi": XSI,
}
_CODES: Final = "http://www.isotc211.org/2005/resources/Codelist/gmxCodelists.xml"


def _node(path: str, *content: etree._Element | str) -> etree._Element:
    """Return nested elements ``prefix:Name/prefix:Name`` with the content in the innermost."""
    names = path.split("/")
    nodes = [etree.Element(f"{{{_SPACES[n.split(':')[0]]}}}{n.split(':')[1]}", nsmap=_SPACES) for n in names]
    for outer, inner in pairwise(nodes):
        outer.append(inner)
    for item in content:
        if isinstance(item, str):
            nodes[-1].text = item
        else:
            nodes[-1].append(item)
    return nodes[0]


def _text(path: str, value: str) -> etree._Element:
    return _node(f"{path}/gco:CharacterString", value)


def _code(path: str, name: str, value: str) -> etree._Element:
    made = _node(f"gmd:{name}", value)
    made.set("codeList", f"{_CODES}#{name}")
    made.set("codeListValue", value)
    return _node(path, made)


def _date(path: str, value: str, kind: str) -> etree._Element:
    return _node(
        f"{path}/gmd:CI_Date", _node("gmd:date/gco:Date", value), _code("gmd:dateType", "CI_DateTypeCode", kind)
    )


def _extent(about: ProductDescription) -> etree._Element:
    latitudes = [latitude for latitude, _ in about.footprint]
    longitudes = [longitude for _, longitude in about.footprint]
    box = _node(
        "gmd:geographicElement/gmd:EX_GeographicBoundingBox",
        _node("gmd:westBoundLongitude/gco:Decimal", f"{min(longitudes):.9f}"),
        _node("gmd:eastBoundLongitude/gco:Decimal", f"{max(longitudes):.9f}"),
        _node("gmd:southBoundLatitude/gco:Decimal", f"{min(latitudes):.9f}"),
        _node("gmd:northBoundLatitude/gco:Decimal", f"{max(latitudes):.9f}"),
    )
    period = _node(
        "gml:TimePeriod",
        _node("gml:beginPosition", utc(about.sensing_time)[:19]),
        _node("gml:endPosition", utc(about.sensing_time)[:19]),
    )
    period.set(f"{{{_SPACES['gml']}}}id", "sensing")
    return _node(
        "gmd:extent/gmd:EX_Extent",
        box,
        _node("gmd:temporalElement/gmd:EX_TemporalExtent/gmd:extent", period),
    )


def inspire_metadata(about: ProductDescription, names: ProductNames) -> bytes:
    """Return the file INSPIRE.xml; its lineage tells where the pixels come from."""
    day = f"{about.generation_time:%Y-%m-%d}"
    identification = _node(
        "gmd:identificationInfo/gmd:MD_DataIdentification",
        _node(
            "gmd:citation/gmd:CI_Citation",
            _text("gmd:title", names.product),
            _date("gmd:date", day, "creation"),
        ),
        _text("gmd:abstract", f"Sentinel-2 MSI Level-1C, tile {about.mgrs_tile}: {about.origin}"),
        _text("gmd:descriptiveKeywords/gmd:MD_Keywords/gmd:keyword", "Orthoimagery"),
        _code("gmd:language", "LanguageCode", "eng"),
        _node("gmd:topicCategory/gmd:MD_TopicCategoryCode", "imageryBaseMapsEarthCover"),
        _extent(about),
    )
    made = _node(
        "gmd:MD_Metadata",
        _text("gmd:fileIdentifier", names.product),
        _code("gmd:language", "LanguageCode", "eng"),
        _code("gmd:hierarchyLevel", "MD_ScopeCode", "dataset"),
        _node("gmd:dateStamp/gco:Date", day),
        _text("gmd:metadataStandardName", "ISO19115"),
        _text("gmd:metadataStandardVersion", "2003/Cor.1:2006"),
        identification,
        _text("gmd:dataQualityInfo/gmd:DQ_DataQuality/gmd:lineage/gmd:LI_Lineage/gmd:statement", about.origin),
    )
    return document(made)
