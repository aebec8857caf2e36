"""Writes manifest.safe: every file of a product with its true size and checksum (SAFE 1.1, XFDU)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from lxml import etree

from tasks.simulation.model import ProductDescription
from tasks.simulation.xml_tools import document, element, utc

XFDU_NAMESPACE: Final = "urn:ccsds:schema:xfdu:1"
SAFE_NAMESPACE: Final = "http://www.esa.int/safe/sentinel/1.1"
GML_NAMESPACE: Final = "http://www.opengis.net/gml"
_SPACES: Final = {"xfdu": XFDU_NAMESPACE, "safe": SAFE_NAMESPACE, "gml": GML_NAMESPACE}
_NSSDC: Final = {"S2A": "2015-000A", "S2B": "2017-013A", "S2C": "2024-157A"}
_CHUNK_BYTES: Final = 4 << 20


def manifest(folder: Path, about: ProductDescription) -> bytes:
    """Return the file manifest.safe of the product that lies in ``folder``.

    Sizes are in bytes; the checksum is SHA3-256 from baseline 04.00 and MD5 before, as in ESA's products.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "manifest.safe"]
    made = etree.Element(f"{{{XFDU_NAMESPACE}}}XFDU", nsmap=_SPACES)
    made.set("version", "esa/safe/sentinel/1.1/sentinel-2/msi/archive_l1c_user_product")
    unit = _in("xfdu", "contentUnit", textInfo="SENTINEL-2 MSI Level-1C User Product", unitType="Product_Level-1C")
    algorithm = "SHA3-256" if about.has_raster_masks else "MD5"
    objects = element("dataObjectSection")
    for path in files:
        name = path.relative_to(folder).as_posix()
        identifier = "S2_" + "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
        pointer = element("dataObjectPointer", dataObjectID=identifier)
        inner = _in("xfdu", "contentUnit", unitType="Metadata Unit" if name.endswith(".xml") else "Data Unit")
        inner.append(pointer)
        unit.append(inner)
        objects.append(_data_object(path, name, identifier, algorithm))
    made.append(element("informationPackageMap", unit))
    made.append(_metadata_section(about))
    made.append(objects)
    return document(made)


def _in(prefix: str, tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    made = etree.Element(f"{{{_SPACES[prefix]}}}{tag}", attributes, nsmap=_SPACES)
    made.text = text
    return made


def _data_object(path: Path, name: str, identifier: str, algorithm: str) -> etree._Element:
    digest = hashlib.new("sha3_256" if algorithm == "SHA3-256" else "md5", usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    kind = "text/xml" if name.endswith(".xml") else "application/octet-stream"
    stream_element = element(
        "byteStream",
        element("fileLocation", href=f"./{name}", locatorType="URL"),
        element("checksum", digest.hexdigest(), checksumName=algorithm),
        mimeType=kind,
        size=path.stat().st_size,
    )
    return element("dataObject", stream_element, ID=identifier)


def _metadata_object(identifier: str, content: etree._Element) -> etree._Element:
    wrap = element("metadataWrap", element("xmlData", content), mimeType="text/xml", vocabularyName="Sentinel-SAFE")
    return element("metadataObject", wrap, ID=identifier, category="DMD", classification="DESCRIPTION")


def _nested(tag: str, *children: etree._Element, **attributes: str) -> etree._Element:
    made = _in("safe", tag, **attributes)
    made.extend(children)
    return made


def _metadata_section(about: ProductDescription) -> etree._Element:
    period = _nested("acquisitionPeriod", _in("safe", "startTime", utc(about.datatake_start)))
    orbit = _nested(
        "orbitReference",
        _in("safe", "orbitNumber", f"{about.absolute_orbit:06d}", type="start"),
        _in("safe", "relativeOrbitNumber", f"{about.relative_orbit:03d}", type="start"),
    )
    orbit[0].set("groundTrackDirection", about.orbit_direction.lower())
    platform = _nested(
        "platform",
        _in("safe", "nssdcIdentifier", _NSSDC[about.spacecraft]),
        _in("safe", "familyName", "SENTINEL"),
        _in("safe", "number", about.spacecraft[1:]),
        _nested("instrument", _in("safe", "familyName", "Multi-Spectral Instrument", abbreviation="MSI")),
    )
    processing = _in("safe", "processing", name="Generation of Level-1C User Product", start=utc(about.generation_time))
    corners = " ".join(f"{latitude:.12g} {longitude:.12g}" for latitude, longitude in about.footprint)
    footprint = _in("safe", "footPrint", srsName="http://www.opengis.net/gml/srs/epsg.xml#4326")
    footprint.append(_in("gml", "coordinates", corners))
    return element(
        "metadataSection",
        _metadata_object("acquisitionPeriod", period),
        _metadata_object("measurementOrbitReference", orbit),
        _metadata_object("platform", platform),
        _metadata_object("processing", processing),
        _metadata_object("measurementFrameSet", _nested("frameSet", footprint)),
    )
