"""Level-1C user product metadata: ``MTD_MSIL1C.xml`` and the older ``S2?_OPER_MTD_SAFL1C_*.xml`` (PSD 14.2 to 15)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from tasks.common.xml import Node
from tasks.l1c import patterns, radiometry
from tasks.l1c.model import ProductMetadata

_ROOT: Final = "Level-1C_User_Product"
_MAX_GRANULES: Final = 1000


def psd_host(root: Node) -> str:
    """Return the first label of the namespace's host, such as ``psd-14``; empty for an unknown namespace."""
    label = (urlsplit(root.namespace).hostname or "").split(".")[0]
    return label if label.startswith("psd-") else ""


def expect_root(root: Node, name: str) -> None:
    """Check the root element and say what was given instead.

    Raises:
        InvalidInput: another root element; another processing level is named as such.
    """
    if root.name == name:
        return
    level = root.name.split("_")[0]
    what = f"a {level} product" if level.startswith("Level-") and level != "Level-1C" else "no Level-1C metadata"
    raise root.error("", f"is {what}, expected {name}")


def parse_product_metadata(root: Node) -> ProductMetadata:
    """Read the user product's metadata.

    Args:
        root: root element of the file.

    Returns:
        Everything the processor needs of the product.

    Raises:
        InvalidInput: not Level-1C, or an element that is missing or has no valid value.
    """
    expect_root(root, _ROOT)
    info = root.child("General_Info/Product_Info")
    take = info.child("Datatake")
    image = root.child("General_Info/Product_Image_Characteristics")
    level = info.text("PROCESSING_LEVEL")
    if level != "Level-1C":
        raise info.error("PROCESSING_LEVEL", f"is '{level}', expected Level-1C")
    baseline = info.matching("PROCESSING_BASELINE", patterns.BASELINE, "dd.dd")
    granules = _granules(info)
    special = _special_values(image)
    return ProductMetadata(
        path=root.file,
        product_uri=info.matching("PRODUCT_URI", patterns.FILE_NAME, "a product name"),
        processing_baseline=baseline,
        psd_host=psd_host(root),
        spacecraft=take.matching("SPACECRAFT_NAME", patterns.SPACECRAFT, "Sentinel-2 and a letter"),
        start_time=info.matching("PRODUCT_START_TIME", patterns.TIME, "an ISO time"),
        stop_time=info.matching("PRODUCT_STOP_TIME", patterns.TIME, "an ISO time"),
        generation_time=info.matching("GENERATION_TIME", patterns.TIME, "an ISO time"),
        datatake_id=_identifier(take, "datatakeIdentifier"),
        datatake_sensing_start=take.matching("DATATAKE_SENSING_START", patterns.TIME, "an ISO time"),
        relative_orbit=_relative_orbit(take),
        orbit_direction=take.text("SENSING_ORBIT_DIRECTION"),
        quantification_value=radiometry.quantification_value(image),
        radio_add_offset=radiometry.radiometric_offsets(image, baseline),
        nodata=special.get("NODATA", 0),
        saturated=special.get("SATURATED", 65535),
        earth_sun_correction=_earth_sun_correction(image),
        solar_irradiance=radiometry.solar_irradiance(image),
        spectral_responses=radiometry.spectral_responses(image),
        physical_gains=radiometry.physical_gains(image),
        granule_ids=tuple(_identifier(granule, "granuleIdentifier") for granule in granules),
        datastrip_ids=tuple(dict.fromkeys(_identifier(granule, "datastripIdentifier") for granule in granules)),
    )


def image_references(root: Node) -> dict[str, tuple[str, ...]]:
    """Return the image files as written, per granule identifier.

    ``IMAGE_FILE`` holds a path from the product's folder without extension, the older ``IMAGE_ID`` a bare name.

    Raises:
        InvalidInput: no granule list, a granule without identifier, or one listed twice.
    """
    references: dict[str, tuple[str, ...]] = {}
    for granule in _granules(root.child("General_Info/Product_Info")):
        names = [n.text() for tag in ("IMAGE_FILE", "IMAGE_ID") for n in granule.all(tag)]
        references[_identifier(granule, "granuleIdentifier")] = tuple(names)
    return references


def _granules(info: Node) -> list[Node]:
    lists = list(info.all("Product_Organisation/Granule_List"))
    granules = [g for parent in lists for tag in ("Granule", "Granules") for g in parent.all(tag)]
    if not granules:
        raise info.error("Product_Organisation/Granule_List", "lists no granule")
    if len(granules) > _MAX_GRANULES:
        raise info.error("Product_Organisation/Granule_List", f"lists more than {_MAX_GRANULES} granules")
    seen: set[str] = set()
    for granule in granules:
        identifier = _identifier(granule, "granuleIdentifier")
        if identifier in seen:
            raise granule.error("", f"{identifier} is listed twice")
        seen.add(identifier)
    return granules


def _identifier(node: Node, attribute: str) -> str:
    value = node.attribute(attribute)
    if not patterns.FILE_NAME.fullmatch(value):
        raise node.error("", f"attribute {attribute} is no identifier")
    return value


def _relative_orbit(take: Node) -> int:
    orbit = take.integer("SENSING_ORBIT_NUMBER")
    if not 1 <= orbit <= 143:
        raise take.error("SENSING_ORBIT_NUMBER", f"is {orbit}, expected 1 to 143")
    return orbit


def _special_values(image: Node) -> dict[str, int]:
    values: dict[str, int] = {}
    for node in image.all("Special_Values"):
        value = node.integer("SPECIAL_VALUE_INDEX")
        if not 0 <= value <= 65535:
            raise node.error("SPECIAL_VALUE_INDEX", f"is {value}, expected 0 to 65535")
        values[node.text("SPECIAL_VALUE_TEXT")] = value
    if values.get("NODATA", 0) != 0 or values.get("SATURATED", 65535) != 65535:
        raise image.error("Special_Values", "must be NODATA 0 and SATURATED 65535")
    return values


def _earth_sun_correction(image: Node) -> float:
    value = image.number("Reflectance_Conversion/U")
    if not 0.9 <= value <= 1.1:
        raise image.error("Reflectance_Conversion/U", f"is {value}, expected 0.9 to 1.1")
    return value
