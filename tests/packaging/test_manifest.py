"""manifest.safe: object names of the ground segment, checksums, pointers."""

from __future__ import annotations

import re
from pathlib import Path

from lxml import etree

from tasks.packaging.elements import document
from tasks.packaging.manifest import ManifestDescription, ManifestFile, manifest, object_id

ABOUT = ManifestDescription(
    start_time="2022-10-05T11:54:11.024Z",
    absolute_orbit=38058,
    relative_orbit=23,
    orbit_direction="DESCENDING",
    spacecraft="Sentinel-2A",
    generation_time="2026-01-01T12:00:00.123456Z",
    footprint="53.2 -7.7 52.2 -8.2 53.2 -7.7",
)


def test_object_names_are_those_of_a_real_product(shared_data: Path) -> None:
    text = next((shared_data / "l2a-T29UNU-PB0400").glob("*.SAFE/manifest.safe")).read_text(encoding="utf-8")
    found = re.findall(r'<dataObject ID="([^"]*)">.*?href="\./([^"]*)"', text, re.DOTALL)
    assert len(found) == 86
    expected = {path: name for name, path in found if not path.startswith("HTML/")}
    assert {path: object_id(path, 1, 1) for path in expected} == expected


def make_manifest() -> etree._Element:
    granules = ("L2A_T29UNU_A038058_20221005T115407", "L2A_T29UNV_A038058_20221005T115407")
    paths = ["DATASTRIP/DS_A/MTD_DS.xml", "DATASTRIP/DS_A/QI_DATA/FORMAT_CORRECTNESS.xml"]
    for granule in granules:
        paths += [
            f"GRANULE/{granule}/AUX_DATA/AUX_ECMWFT",
            f"GRANULE/{granule}/IMG_DATA/R10m/T29UNU_20221005T115411_B02_10m.jp2",
            f"GRANULE/{granule}/MTD_TL.xml",
            f"GRANULE/{granule}/QI_DATA/MSK_CLOUDS_B00.gml",
            f"GRANULE/{granule}/QI_DATA/odd name.txt",
        ]
    paths += ["INSPIRE.xml", "MTD_MSIL2A.xml", "rep_info/L2A_GIPP.xml", "rep_info/L2A_GIPP_xml"]
    files = [ManifestFile(path=path, size=number, checksum=f"{number:064x}") for number, path in enumerate(paths)]
    return manifest(files, ABOUT, "SHA3-256")


def test_every_file_is_listed_once_and_every_pointer_hits() -> None:
    root = etree.fromstring(document(make_manifest()))
    objects = {o.get("ID"): o for o in root.iter("dataObject")}
    assert len(objects) == 16
    identifiers = [e.get("ID") for e in root.iter() if e.get("ID")]
    assert len(identifiers) == len(set(identifiers)), "identifiers of an XML document are unique"
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", identifier) for identifier in identifiers)
    assert {p.get("dataObjectID") for p in root.iter("dataObjectPointer")} == set(objects)
    second = objects["S2_Level-2A_Tile2_Metadata"].find("byteStream")
    assert second.find("fileLocation").get("href") == "./GRANULE/L2A_T29UNV_A038058_20221005T115407/MTD_TL.xml"
    assert second.find("checksum").get("checksumName") == "SHA3-256"


def test_metadata_section() -> None:
    root = make_manifest()
    text = {etree.QName(e).localname: e.text for e in root.iter() if e.text and e.text.strip()}
    assert text["startTime"] == "2022-10-05T11:54:11.024Z"
    assert (text["orbitNumber"], text["relativeOrbitNumber"], text["number"]) == ("038058", "023", "2A")
    assert text["coordinates"] == ABOUT.footprint
    names = [e.get("ID") for e in root.iter("metadataObject")]
    assert names[:5] == [
        "acquisitionPeriod",
        "measurementOrbitReference",
        "platform",
        "processing",
        "measurementFrameSet",
    ]
    assert "S2_Level-2A_Datastrip1_Metadata_Information" in names
