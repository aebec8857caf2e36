"""Reads the facts of a finished Level-2A product: of this program, of Sen2Cor or of the ground segment."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

from tasks.common.bands import BANDS
from tasks.common.errors import InvalidInput, TransientIO
from tasks.common.grid import Grid
from tasks.common.records import Fallback
from tasks.common.xml import Node, parse_xml, shown
from tasks.l1c import patterns
from tasks.l1c.manifest import MANIFEST
from tasks.l1c.radiometry import band_of
from tasks.stac_item.facts import BandFacts, FileFacts, GranuleFacts, ProductFacts
from tasks.stac_item.footprint import ring_of
from tasks.stac_item.images import full_width

METADATA: Final = "MTD_MSIL2A.xml"
ROOT: Final = "Level-2A_User_Product"

MULTIHASH: Final = {"MD5": "d50110", "SHA3-256": "1620", "SHA-256": "1220"}
"""Code and length of the checksums of manifests, before their digits (multicodec table; varints)."""

_TILE_ID: Final = re.compile(
    r"S2[A-Z]_[A-Z0-9]{4}_MSI_L2A_TL_\w{4}_\d{8}T\d{6}_A(\d{6})_T(\w{5})_N\d\d\.\d\d", re.ASCII
)
_CODE: Final = re.compile(r"(?P<code>L2A(?:-[A-Z0-9]+)+): (?P<message>.+)", re.DOTALL)
_EPSG: Final = re.compile(r"EPSG:\d{4,5}", re.ASCII)
_CENTIMETRE: Final = "cm"
_ATMOSPHERE: Final = ("GRANULE_MEAN_AOT", "GRANULE_MEAN_WV", "OZONE_VALUE")
_WORDS: Final = ("AOT_RETRIEVAL_METHOD", "OZONE_SOURCE")
_FOOTPRINT: Final = "Geometric_Info/Product_Footprint/Product_Footprint/Global_Footprint/EXT_POS_LIST"


def read_product(product: Path) -> ProductFacts:
    """Return the facts of a product. No image is opened: grids and scaling are those of the metadata.

    Args:
        product: the SAFE folder, with its manifest.

    Raises:
        InvalidInput: no Level-2A product, an element that is missing or has no valid value, or a file of the manifest
            that is not there or has another size.
        TransientIO: a file cannot be read.
    """
    root = parse_xml(product / METADATA)
    if root.name != ROOT:
        raise root.error("", f"is the root, expected {ROOT}")
    info, datatake = root.child("General_Info/Product_Info"), root.child("General_Info/Product_Info/Datatake")
    image = root.child("General_Info/Product_Image_Characteristics")
    auxiliary = root.find("Auxiliary_Data_Info")
    granules = tuple(_granule(product, path) for path in sorted(product.glob("GRANULE/*/MTD_TL.xml")))
    if not granules:
        raise InvalidInput(f"{shown(product / 'GRANULE')}: no granule in the product")
    footprint = root.find(_FOOTPRINT)
    doi, conversion = info.find("PRODUCT_DOI"), image.find("Reflectance_Conversion/U")
    return ProductFacts(
        name=product.name,
        spacecraft=datatake.matching("SPACECRAFT_NAME", patterns.SPACECRAFT, "Sentinel-2A"),
        datatake_id=datatake.attribute("datatakeIdentifier"),
        datatake_type=datatake.text("DATATAKE_TYPE"),
        relative_orbit=datatake.integer("SENSING_ORBIT_NUMBER"),
        orbit_direction=datatake.text("SENSING_ORBIT_DIRECTION"),
        product_type=info.text("PRODUCT_TYPE"),
        baseline=info.matching("PROCESSING_BASELINE", patterns.BASELINE, "dd.dd"),
        doi=doi.text() if doi is not None else None,
        generation_time=_time(info, "GENERATION_TIME"),
        cloud_percentage=root.number("Quality_Indicators_Info/Cloud_Coverage_Assessment"),
        reflectance_conversion=conversion.number() if conversion is not None else None,
        quantification=_above_zero(image, "BOA"),
        aot_quantification=_above_zero(image, "AOT"),
        wvp_quantification=_above_zero(image, "WVP"),
        bands=_bands(image),
        dem_type=_text(auxiliary, "PRODUCTION_DEM_TYPE"),
        look_up_tables=tuple(n.text() for n in auxiliary.all("LUT_List/LUT_FILENAME")) if auxiliary is not None else (),
        software=_software(product),
        footprint=ring_of(footprint.numbers().tolist()) if footprint is not None else None,
        granules=granules,
        files=tuple(_files(product)),
        fallbacks=tuple(_fallbacks(product)),
    )


def _time(node: Node, path: str) -> datetime:
    found = datetime.fromisoformat(node.matching(path, patterns.TIME, "an ISO time"))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _text(node: Node | None, path: str) -> str | None:
    found = node.find(path) if node is not None else None
    return (found.element.text or "").strip() or None if found is not None else None


def _above_zero(image: Node, kind: str) -> float:
    path = f"QUANTIFICATION_VALUES_LIST/{kind}_QUANTIFICATION_VALUE"
    value = image.number(path)
    if value <= 0.0:
        raise image.error(path, f"is {value}, expected more than 0")
    if kind == "WVP" and image.child(path).attribute("unit") != _CENTIMETRE:
        raise image.error(path, f"is not in {_CENTIMETRE}")
    return value


def _bands(image: Node) -> dict[str, BandFacts]:
    """Return the facts of all bands; products before baseline 04.00 have no offsets."""
    quantification = _above_zero(image, "BOA")
    offsets = {
        band_of(node, "band_id"): node.number() / quantification
        for node in image.all("BOA_ADD_OFFSET_VALUES_LIST/BOA_ADD_OFFSET")
    }
    spectra = {band_of(node): node for node in image.all("Spectral_Information_List/Spectral_Information")}
    return {band: _band(offsets.get(band, 0.0), spectra.get(band)) for band in BANDS}


def _band(offset: float, spectrum: Node | None) -> BandFacts:
    """Return the facts of one band; wavelengths are given in nm."""
    if spectrum is None:
        return BandFacts(offset=offset)
    centre, response = spectrum.find("Wavelength/CENTRAL"), spectrum.find("Spectral_Response")
    width = full_width(response.number("STEP"), response.numbers("VALUES").tolist()) if response is not None else 0.0
    return BandFacts(
        offset=offset,
        centre_um=centre.number() / 1000.0 if centre is not None else None,
        width_um=width / 1000.0 if width > 0.0 else None,
    )


def _granule(product: Path, path: Path) -> GranuleFacts:
    root = parse_xml(path)
    general, geometry = root.child("General_Info"), root.child("Geometric_Info")
    tile_id = general.matching("TILE_ID", _TILE_ID, "S2?_????_MSI_L2A_TL_..._A??????_T?????_N??.??")
    match = _TILE_ID.fullmatch(tile_id)
    orbit, mgrs_tile = (int(match[1]), match[2]) if match is not None else (0, "")
    sun = geometry.child("Tile_Angles/Mean_Sun_Angle")
    content = root.child("Quality_Indicators_Info/Image_Content_QI")
    return GranuleFacts(
        folder=path.parent.relative_to(product).as_posix(),
        mgrs_tile=mgrs_tile,
        tile_id=tile_id,
        level_1c_tile_id=_text(general, "L1C_TILE_ID"),
        datastrip_id=general.text("DATASTRIP_ID"),
        absolute_orbit=orbit,
        sensing_time=_time(general, "SENSING_TIME"),
        grid=_grid(geometry.child("Tile_Geocoding")),
        sun_zenith_deg=sun.number("ZENITH_ANGLE"),
        sun_azimuth_deg=sun.number("AZIMUTH_ANGLE"),
        view_deg={
            band_of(node): (node.number("ZENITH_ANGLE"), node.number("AZIMUTH_ANGLE"))
            for node in geometry.all("Tile_Angles/Mean_Viewing_Incidence_Angle_List/Mean_Viewing_Incidence_Angle")
        },
        percentages={node.name: node.number() for node in content.all("*") if node.name.endswith("_PERCENTAGE")},
        atmosphere=_atmosphere(content),
    )


def _atmosphere(content: Node) -> dict[str, float | str]:
    """Return the atmosphere's figures; without a correction the format has zeros in their place."""
    figures: dict[str, float | str] = {name: content.number(name) for name in _ATMOSPHERE if content.find(name)}
    if not figures.get("GRANULE_MEAN_AOT"):
        return {}
    return figures | {name: text for name in _WORDS if (text := _text(content, name)) is not None}


def _grid(geocoding: Node) -> Grid:
    """Return the 10 m grid."""
    found = {
        name: next((node for node in geocoding.all(name) if node.attribute("resolution") == "10"), None)
        for name in ("Size", "Geoposition")
    }
    size, position = found["Size"], found["Geoposition"]
    if size is None or position is None:
        raise geocoding.error("Size/Geoposition", "is missing for 10 m")
    return Grid(
        epsg=int(geocoding.matching("HORIZONTAL_CS_CODE", _EPSG, "EPSG:326zz or EPSG:327zz").removeprefix("EPSG:")),
        ulx=position.number("ULX"),
        uly=position.number("ULY"),
        resolution=10,
        rows=size.integer("NROWS"),
        cols=size.integer("NCOLS"),
    )


def _files(product: Path) -> Iterator[FileFacts]:
    """Yield the files of the manifest in its order, and the manifest itself at the end."""
    manifest = product / MANIFEST
    for stream in parse_xml(manifest).descendants("byteStream"):
        path = PurePosixPath(stream.child("fileLocation").attribute("href"))
        checksum = stream.child("checksum")
        algorithm = checksum.attribute("checksumName").upper()
        if path.is_absolute() or ".." in path.parts:
            raise stream.error("fileLocation", f"{shown(str(path))} lies outside the product")
        if algorithm not in MULTIHASH:
            raise checksum.error("", f"checksumName is {shown(algorithm)}, expected {', '.join(MULTIHASH)}")
        size = _size(product / path)
        if str(size) != stream.attribute("size"):
            raise InvalidInput(f"{shown(product / path)}: {size} bytes, {MANIFEST} says {stream.attribute('size')}")
        yield FileFacts(path=str(path), size=size, multihash=MULTIHASH[algorithm] + checksum.text().lower())
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    yield FileFacts(path=MANIFEST, size=_size(manifest), multihash=MULTIHASH["SHA-256"] + digest)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise InvalidInput(f"{shown(path)}: is named in {MANIFEST} and not there") from error
    except OSError as error:
        raise TransientIO(f"{shown(path)}: cannot be read ({error.strerror})") from error


def _software(product: Path) -> tuple[str, str] | None:
    """Return name and version of the processor, from the quality report of the first granule."""
    for report in sorted(product.glob("GRANULE/*/QI_DATA/L2A_QUALITY.xml")):
        for source in parse_xml(report).descendants("Source"):
            name, version = _text(source, "Creator"), _text(source, "Creator_Version")
            if name and version:
                return name, version
    return None


def _fallbacks(product: Path) -> Iterator[Fallback]:
    """Yield the documented substitutes in this program's processing report, once each; other reports have none."""
    seen: set[tuple[str, str]] = set()
    for report in sorted(product.glob("rep_info/*_report.xml")):
        for check in parse_xml(report).descendants("check"):
            inspection, message = check.find("inspection"), _text(check, "message")
            match = _CODE.fullmatch(message or "")
            if inspection is None or match is None or inspection.element.get("level") != "WARNING":
                continue
            if (match["code"], match["message"]) not in seen:
                seen.add((match["code"], match["message"]))
                stage = inspection.element.get("module") or ""
                yield Fallback(code=match["code"], stage=stage, message=match["message"])
