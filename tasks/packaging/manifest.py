"""manifest.safe: the XFDU package map with size and checksum of every file (SAFE 1.1, Sentinel-2 user product)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from lxml import etree

from tasks.common.records import Record
from tasks.packaging.elements import add
from tasks.packaging.image_formats import PIXEL_SUFFIXES

XFDU: Final = "urn:ccsds:schema:xfdu:1"
SAFE: Final = "http://www.esa.int/safe/sentinel/1.1"
GML: Final = "http://www.opengis.net/gml"

CHECKSUMS: Final = ("SHA3-256", "MD5")
"""Checksum algorithms of Sentinel-2 manifests; the first is that of products since baseline 03.01."""

_BAND_WORDS: Final[dict[str, str]] = {
    "B00": "00m_0", "B01": "60m_1", "B02": "10m_1_1", "B03": "10m_2_2", "B04": "10m_3_3", "B05": "20m_1_4",
    "B06": "20m_2_5", "B07": "20m_3_6", "B08": "10m_4_7", "B8A": "20m_4_12", "B09": "60m_2_8", "B10": "60m_3_9",
    "B11": "20m_5_10", "B12": "20m_6_11",
}  # fmt: skip
_MASK_WORDS: Final[dict[str, str]] = {
    "CLASSI": "ClassiPixelsMask", "DETFOO": "DetectorFootprintMask", "QUALIT": "QualitPixelsMask",
    "DEFECT": "DefectivePixelsMask", "NODATA": "NodataPixelsMask", "SATURA": "SaturatedPixelsMask",
    "TECQUA": "TechQualityMask", "CLOUDS": "CloudsMask",
}  # fmt: skip
_REPORT_WORDS: Final[dict[str, str]] = {
    "FORMAT_CORRECTNESS.xml": "Format", "GENERAL_QUALITY.xml": "General", "GEOMETRIC_QUALITY.xml": "Geometric",
    "RADIOMETRIC_QUALITY.xml": "Radiometric", "SENSOR_QUALITY.xml": "Sensor", "L2A_QUALITY.xml": "L2A_QUALITY",
}  # fmt: skip
_FIXED: Final[dict[str, str]] = {
    "MTD_MSIL2A.xml": "S2_Level-2A_Product_Metadata",
    "INSPIRE.xml": "INSPIRE_Metadata",
}
_PROBABILITY_WORDS: Final[dict[str, str]] = {
    "MSK_CLDPRB_20m": "CloudPrbMask", "MSK_CLDPRB_60m": "CloudPrbMask_1",
    "MSK_VALPXL_20m": "ValidPixelMask", "MSK_VALPXL_60m": "ValidPixelMask_1",
    "MSK_SNWPRB_20m": "SnowPrbMask", "MSK_SNWPRB_60m": "SnowPrbMask_1",
}  # fmt: skip
_MIME_TYPES: Final[dict[str, str]] = {
    ".xml": "application/xml", ".gml": "application/xml", ".xsd": "application/xml", ".tif": "image/tiff",
    ".hdr": "text/plain",
}  # fmt: skip
"""By ending of the name; JPEG 2000 images are bare octets in the ground segment's manifests too."""

_IMAGE: Final = re.compile(r"_(\w{3}_\d\dm)\.(?:jp2|tif|rawl)$")
_MASK: Final = re.compile(r"MSK_(\w{6})_(B\w\w)\.")


class ManifestFile(Record):
    """One file of the product."""

    path: str
    """Relative to the product's folder, with slashes."""
    size: int
    checksum: str


class ManifestDescription(Record):
    """What the metadata section says."""

    start_time: str
    absolute_orbit: int
    relative_orbit: int
    orbit_direction: str
    spacecraft: str
    generation_time: str
    footprint: str


def object_id(path: str, tile: int, datastrip: int) -> str:
    """Return the identifier of a file's data object, as the ground segment names it.

    Args:
        path: relative to the product's folder.
        tile: number of the granule, from 1; used when the file is in a granule.
        datastrip: number of the datastrip, from 1; used when the file is in a datastrip.
    """
    name = PurePosixPath(path).name
    if path in _FIXED:
        return _FIXED[path]
    if path.startswith("GRANULE/"):
        return f"{_granule_word(path, name, tile)}"
    if path.startswith("DATASTRIP/"):
        if name in _REPORT_WORDS:
            return f"{_REPORT_WORDS[name]}_OLQC_Report_Datastrip{datastrip}_InformationData"
        return f"S2_Level-2A_Datastrip{datastrip}_Metadata"
    return re.sub(r"\W", "_", path)


def _granule_word(path: str, name: str, tile: int) -> str:
    if name == "MTD_TL.xml":
        return f"S2_Level-2A_Tile{tile}_Metadata"
    if name in _REPORT_WORDS:
        return f"{_REPORT_WORDS[name]}_OLQC_Report_Tile{tile}_InformationData"
    stem, _, ending = name.partition(".")
    if stem in _PROBABILITY_WORDS and f".{ending}" in PIXEL_SUFFIXES:
        return f"{_PROBABILITY_WORDS[stem]}_Tile{tile}_Data"
    image, mask = _IMAGE.search(name), _MASK.search(name)
    if "/IMG_DATA/" in path and image:
        return f"IMG_DATA_Band_{image[1]}_Tile{tile}_Data"
    if mask and mask[1] in _MASK_WORDS and mask[2] in _BAND_WORDS:
        return f"{_MASK_WORDS[mask[1]]}_Band_{_BAND_WORDS[mask[2]]}_Tile{tile}_Data"
    if name.endswith("_PVI.jp2"):
        return f"Preview_0_Tile{tile}_Data"
    if name in ("AUX_ECMWFT", "AUX_CAMSFO"):
        return f"{'ECMWF' if name == 'AUX_ECMWFT' else 'CAMS'}_Tile{tile}_Data"
    return re.sub(r"\W", "_", f"{name}_Tile{tile}_Data")


def manifest(files: Sequence[ManifestFile], about: ManifestDescription, algorithm: str) -> etree._Element:
    """Return the root of manifest.safe.

    Args:
        files: every file of the product but the manifest itself.
        algorithm: name of the checksums, one of ``CHECKSUMS``.
    """
    identifiers = _identifiers(files)
    root = etree.Element(f"{{{XFDU}}}XFDU", nsmap={"gml": GML, "safe": SAFE, "xfdu": XFDU})
    root.set("version", "esa/safe/sentinel/1.1/sentinel-2/msi/archive_l2a_user_product")
    _add_package_map(root, identifiers)
    section = add(root, "metadataSection")
    _add_general_metadata(section, about)
    for identifier in identifiers.values():
        if identifier.endswith("_Metadata"):
            pointed = add(
                section, "metadataObject", ID=f"{identifier}_Information", category="DMD", classification="DESCRIPTION"
            )
            add(pointed, "dataObjectPointer", dataObjectID=identifier)
    objects = add(root, "dataObjectSection")
    for file in files:
        entry = add(objects, "dataObject", ID=identifiers[file.path])
        stream = add(entry, "byteStream", mimeType=_mime_type(file.path), size=str(file.size))
        add(stream, "fileLocation", locatorType="URL", href=f"./{file.path}")
        add(stream, "checksum", file.checksum, checksumName=algorithm)
    return root


def _mime_type(path: str) -> str:
    return _MIME_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")


def _identifiers(files: Sequence[ManifestFile]) -> dict[str, str]:
    """Return a unique identifier for every path."""
    folders: dict[str, list[str]] = {"GRANULE": [], "DATASTRIP": []}
    identifiers: dict[str, str] = {}
    used: set[str] = set()
    for file in files:
        parts = file.path.split("/")
        numbers = folders.get(parts[0], [])
        if len(parts) > 1 and parts[1] not in numbers:
            numbers.append(parts[1])
        number = 1 + numbers.index(parts[1]) if len(parts) > 1 and parts[1] in numbers else 1
        identifier = object_id(file.path, number, number)
        while identifier in used:
            identifier += "_"
        used.add(identifier)
        identifiers[file.path] = identifier
    return identifiers


def _unit(parent: etree._Element, identifier: str, words: str) -> None:
    is_metadata = identifier.endswith("_Metadata")
    suffix = "_Unit" if is_metadata else ""
    name = f"{identifier}{suffix}" if is_metadata else re.sub(r"Data$", "Unit", identifier)
    name = name if name != identifier else f"{identifier}_Unit"
    unit = add(
        parent,
        f"{{{XFDU}}}contentUnit",
        ID=name,
        textInfo=words,
        unitType="Metadata Unit" if is_metadata else "Measurement Data Unit",
    )
    add(unit, "dataObjectPointer", dataObjectID=identifier)


def _container(parent: etree._Element, identifier: str, words: str) -> etree._Element:
    return add(parent, f"{{{XFDU}}}contentUnit", ID=identifier, textInfo=words)


def _add_package_map(root: etree._Element, identifiers: Mapping[str, str]) -> None:
    top = add(
        add(root, "informationPackageMap"),
        f"{{{XFDU}}}contentUnit",
        unitType="Product_Level-2A",
        textInfo="SENTINEL-2 MSI Level-2A User Product",
        dmdID="acquisitionPeriod platform",
        pdiID="processing",
    )
    for path, identifier in identifiers.items():
        if "/" not in path:
            _unit(top, identifier, "Product Metadata")
    for folder, group, word in (("DATASTRIP", "Datastrips", "Datastrip"), ("GRANULE", "Tiles", "Tile")):
        names = list(dict.fromkeys(p.split("/")[1] for p in identifiers if p.startswith(f"{folder}/")))
        if names:
            container = _container(top, group, f"{group} Container")
            for number, name in enumerate(names, 1):
                inside = {p: i for p, i in identifiers.items() if p.startswith(f"{folder}/{name}/")}
                _add_folder(_container(container, f"{word}{number}", f"{word} Container"), inside, f"{word}{number}")
    others = [i for p, i in identifiers.items() if "/" in p and not p.startswith(("DATASTRIP/", "GRANULE/"))]
    if others:
        container = _container(top, "rep_info", "Representation Information Container")
        for identifier in others:
            _unit(container, identifier, "Representation Information")


def _add_folder(parent: etree._Element, inside: Mapping[str, str], suffix: str) -> None:
    """Append the units of one granule or datastrip, grouped by its sub-folders."""
    groups = {
        "AUX_DATA": ("AUX_DATA_Granule", "Auxiliary Container"),
        "IMG_DATA": ("IMG_Data_", "Image Data Container"),
        "QI_DATA": ("QI_DATA_", "Quality Control Container"),
    }
    for path, identifier in inside.items():
        if path.count("/") == 2:
            _unit(parent, identifier, "Metadata")
    for folder, (name, words) in groups.items():
        members = [identifier for path, identifier in inside.items() if path.split("/")[2] == folder]
        if members:
            container = _container(parent, f"{name}{suffix}", words)
            for identifier in members:
                _unit(container, identifier, words)


def _add_general_metadata(section: etree._Element, about: ManifestDescription) -> None:
    period = _wrap(section, "acquisitionPeriod", "DMD", "DESCRIPTION", "Acquisition Period")
    add(add(period, f"{{{SAFE}}}acquisitionPeriod"), f"{{{SAFE}}}startTime", about.start_time)

    orbit = add(
        _wrap(section, "measurementOrbitReference", "DMD", "DESCRIPTION", "Orbit Reference"),
        f"{{{SAFE}}}orbitReference",
    )
    add(
        orbit,
        f"{{{SAFE}}}orbitNumber",
        f"{about.absolute_orbit:06d}",
        groundTrackDirection=about.orbit_direction.lower(),
        type="start",
    )
    add(orbit, f"{{{SAFE}}}relativeOrbitNumber", f"{about.relative_orbit:03d}", type="start")

    platform = add(_wrap(section, "platform", "DMD", "DESCRIPTION", "Platform Description"), f"{{{SAFE}}}platform")
    add(platform, f"{{{SAFE}}}nssdcIdentifier", "2015-000A")
    add(platform, f"{{{SAFE}}}familyName", "SENTINEL")
    add(platform, f"{{{SAFE}}}number", about.spacecraft.removeprefix("Sentinel-"))
    instrument = add(platform, f"{{{SAFE}}}instrument")
    add(instrument, f"{{{SAFE}}}familyName", "Multi-Spectral Instrument", abbreviation="MSI")

    add(
        _wrap(section, "processing", "PDI", "PROVENANCE", "Processing"),
        f"{{{SAFE}}}processing",
        name="Generation of Level-2A User Product",
        start=about.generation_time,
    )
    frame = add(_wrap(section, "measurementFrameSet", "DMD", "DESCRIPTION", "Frame Set"), f"{{{SAFE}}}frameSet")
    footprint = add(frame, f"{{{SAFE}}}footPrint", srsName="http://www.opengis.net/gml/srs/epsg.xml#4326")
    add(footprint, f"{{{GML}}}coordinates", about.footprint)


def _wrap(section: etree._Element, identifier: str, category: str, classification: str, words: str) -> etree._Element:
    entry = add(section, "metadataObject", ID=identifier, category=category, classification=classification)
    wrap = add(entry, "metadataWrap", mimeType="text/xml", textInfo=words, vocabularyName="Sentinel-SAFE")
    return add(wrap, "xmlData")
