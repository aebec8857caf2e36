"""The files of a product as assets: which image is what, on which grid, and how its numbers become values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pystac

from tasks.common.grid import Grid
from tasks.packaging.height_images import HEIGHT_OFFSET_M
from tasks.packaging.image_content import CLASS_COLOURS
from tasks.packaging.product_metadata import SCENE_CLASSES
from tasks.stac_item.facts import BandFacts, FileFacts, GranuleFacts, ProductFacts

COMMON_NAMES: Final[dict[str, str]] = {
    "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge071", "B06": "rededge075",
    "B07": "rededge078", "B08": "nir", "B8A": "nir08", "B09": "nir09", "B11": "swir16", "B12": "swir22",
}  # fmt: skip
"""Names of the bands in the eo extension 2.0."""

UNCERTAINTY_SCALE: Final = 0.00001
"""Reflectance of one digital number of the uncertainty images."""

COG: Final = str(pystac.MediaType.COG)
MEDIA_TYPES: Final = {
    "jp2": str(pystac.MediaType.JPEG2000),
    "tif": str(pystac.MediaType.GEOTIFF),
    "rawl": "application/octet-stream",
}
"""By the ending of an image; ENVI has no registered type."""
XML: Final = str(pystac.MediaType.XML)

_IMAGE: Final = re.compile(
    r"(?:IMG_DATA/(?:R\d\dm/)?\w+_(?P<image>B\d\d|B8A|AOT|WVP|SCL|TCI)|QI_DATA/MSK_(?P<mask>\w{6})|"
    r"QI_DATA/UNC_(?P<uncertain>B\d\d|B8A)|AUX_DATA/\w+_(?P<height>DEM))_(?P<resolution>10|20|60)m\.(?P<ending>jp2|tif|rawl)"
)
_PREVIEW: Final = re.compile(r"QI_DATA/\w+_PVI\.(?P<ending>jp2|tif|rawl)")
_MASKS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "CLDPRB": ("Cloud confidence", {"unit": "%"}),
    "SNWPRB": ("Snow confidence", {"unit": "%"}),
    "VALPXL": ("Valid pixels: 1 on clear land and water away from clouds", {}),
    "DDVPXL": ("Dark dense vegetation", {"nodata": 0}),
    "S2CPRB": ("Cloud probability of the second cloud mask", {"unit": "%"}),
    "S2CCLD": ("Cloud mask of the second cloud mask", {}),
}
"""Masks of this program and of Sen2Cor: title, and what their numbers are."""

_ROLES_OF_MASKS: Final = {"CLDPRB": ["cloud"], "SNWPRB": ["snow-ice"], "S2CPRB": ["cloud"], "S2CCLD": ["cloud"]}
_TRUE_COLOUR: Final = ("B04", "B03", "B02")
_DEGREES: Final = 4
_GRANULE_FILES: Final = {
    "MTD_TL.xml": ("granule_metadata", "Granule metadata"),
    "QI_DATA/L2A_QUALITY.xml": ("quality_report", "Quality report"),
}
_PRODUCT_FILES: Final = {
    "MTD_MSIL2A.xml": ("product_metadata", "Product metadata"),
    "INSPIRE.xml": ("inspire_metadata", "INSPIRE metadata"),
    "manifest.safe": ("safe_manifest", "SAFE manifest"),
}


def assets(product: ProductFacts) -> dict[str, pystac.Asset]:
    """Return the assets by key: images with their resolution (``B02_10m``), then the metadata files.

    Keys of a product with more than one granule begin with the tile. Hrefs are relative to the folder that holds the
    product. Masks copied from the Level-1C product are left out; the granule's metadata list them.
    """
    several = len(product.granules) > 1
    found: dict[str, pystac.Asset] = {}
    for granule in product.granules:
        prefix = f"{granule.mgrs_tile}_" if several else ""
        inside = f"{granule.folder}/"
        for file in product.files:
            if file.path.startswith(inside):
                entry = _in_granule(file, file.path.removeprefix(inside), granule, product)
                if entry is not None:
                    found[prefix + entry[0]] = entry[1]
    images = {key: found[key] for key in sorted(found, key=lambda key: found[key].media_type == XML)}
    return images | _metadata_files(product)


def _in_granule(
    file: FileFacts, inside: str, granule: GranuleFacts, product: ProductFacts
) -> tuple[str, pystac.Asset] | None:
    """Return key and asset of a granule's file, None where it is none of those that are listed."""
    if inside in _GRANULE_FILES:
        key, title = _GRANULE_FILES[inside]
        return key, _asset(product, file, title, XML, ["metadata"], {})
    preview = _PREVIEW.fullmatch(inside)
    if preview is not None:
        return "preview", _asset(product, file, "Preview", MEDIA_TYPES[preview["ending"]], ["overview"], {})
    match = _IMAGE.fullmatch(inside)
    if match is None:
        return None
    resolution = int(match["resolution"])
    described = _described(match, granule, product)
    if described is None:
        return None
    kind, title, roles, fields = described
    fields = {"gsd": resolution, **fields, **_on_grid(granule.grid.at(resolution), len(product.granules) > 1)}
    # Of products in JPEG 2000 the scene classification may be a Cloud Optimized GeoTIFF (--sc_cog).
    lone = match["ending"] == "tif" and any(other.path.endswith(f"_{resolution}m.jp2") for other in product.files)
    media_type = COG if lone else MEDIA_TYPES[match["ending"]]
    return f"{kind}_{resolution}m", _asset(product, file, f"{title}, {resolution} m", media_type, roles, fields)


_Described = tuple[str, str, list[str], dict[str, Any]]
"""Beginning of the key, title, roles and fields."""


def _described(match: re.Match[str], granule: GranuleFacts, product: ProductFacts) -> _Described | None:
    image, mask, uncertain = match["image"], match["mask"], match["uncertain"]
    if mask is not None:
        return _of_mask(mask)
    if uncertain is not None:
        fields = {"bands": [_band(uncertain, product.bands)], **_numbers("uint16", UNCERTAINTY_SCALE, 0.0, "1")}
        return f"UNC_{uncertain}", f"Uncertainty of {uncertain} (1 standard deviation)", ["data", "uncertainty"], fields
    if match["height"] is not None:
        fields = {"data_type": "uint16", "raster:scale": 1.0, "raster:offset": -float(HEIGHT_OFFSET_M), "unit": "m"}
        return "DEM", "Height above sea level", ["data", "elevation"], fields
    if image in COMMON_NAMES:
        return _of_band(image, granule, product)
    return _of_map(image, product)


def _of_band(band: str, granule: GranuleFacts, product: ProductFacts) -> _Described:
    offset = product.bands.get(band, BandFacts()).offset
    fields: dict[str, Any] = {"bands": [_band(band, product.bands)]}
    fields |= _numbers("uint16", 1.0 / product.quantification, offset, "1")
    if band in granule.view_deg:
        zenith, azimuth = granule.view_deg[band]
        fields |= {"view:incidence_angle": round(zenith, _DEGREES), "view:azimuth": round(azimuth % 360.0, _DEGREES)}
    return band, f"Surface reflectance {band}", ["data", "reflectance"], fields


def _of_map(kind: str, product: ProductFacts) -> _Described | None:
    if kind == "AOT":
        scale = 1.0 / product.aot_quantification
        return kind, "Aerosol optical thickness at 550 nm", ["data"], _numbers("uint16", scale, 0.0, "1")
    if kind == "WVP":
        return kind, "Water vapour", ["data"], _numbers("uint16", 1.0 / product.wvp_quantification, 0.0, "cm")
    if kind == "SCL":
        fields = {"data_type": "uint8", "nodata": 0, "classification:classes": scene_classes()}
        return kind, "Scene classification", ["data"], fields
    if kind == "TCI":
        bands = [_band(band, product.bands) for band in _TRUE_COLOUR]
        return kind, "True colour", ["visual"], {"bands": bands, "data_type": "uint8"}
    return None


def _of_mask(name: str) -> _Described | None:
    if name not in _MASKS:
        return None
    title, fields = _MASKS[name]
    return name, title, ["data", *_ROLES_OF_MASKS.get(name, [])], {"data_type": "uint8", **fields}


def scene_classes() -> list[dict[str, Any]]:
    """Return the classes of SCL as the classification extension 2.0 has them."""
    classes: list[dict[str, Any]] = []
    for value, name in enumerate(SCENE_CLASSES):
        entry = {"value": value, "name": name.removeprefix("SC_").lower()}
        entry |= {"color_hint": "".join(f"{level:02X}" for level in CLASS_COLOURS[value])}
        classes.append(entry | ({"nodata": True} if value == 0 else {}))
    return classes


def mean_view(view_deg: Mapping[str, tuple[float, float]]) -> tuple[float, float] | None:
    """Return zenith and azimuth of the mean direction of the bands' views [degrees], None without any."""
    if not view_deg:
        return None
    angles = [(math.radians(zenith), math.radians(azimuth)) for zenith, azimuth in view_deg.values()]
    east = sum(math.sin(zenith) * math.sin(azimuth) for zenith, azimuth in angles)
    north = sum(math.sin(zenith) * math.cos(azimuth) for zenith, azimuth in angles)
    up = sum(math.cos(zenith) for zenith, _ in angles)
    return math.degrees(math.atan2(math.hypot(east, north), up)), math.degrees(math.atan2(east, north)) % 360.0


def full_width(step: float, response: Sequence[float]) -> float:
    """Return the full width at half maximum of a spectral response, between straight lines through its samples.

    Args:
        step: distance of the samples.
        response: samples of the response, 0 outside of them.

    Returns:
        The width in the unit of ``step``, from the first to the last crossing of half the maximum; 0 for no response.
    """
    half = max(response, default=0.0) / 2.0
    if half <= 0.0:
        return 0.0
    samples = [0.0, *response, 0.0]
    above = [number for number, value in enumerate(samples) if value >= half]
    first, last = above[0], above[-1]
    rise = (samples[first] - half) / (samples[first] - samples[first - 1])
    fall = (samples[last] - half) / (samples[last] - samples[last + 1])
    return step * (last - first + rise + fall)


def _band(name: str, bands: Mapping[str, BandFacts]) -> dict[str, Any]:
    facts = bands.get(name, BandFacts())
    fields = {"eo:center_wavelength": facts.centre_um, "eo:full_width_half_max": facts.width_um}
    known = {key: round(value, 4) for key, value in fields.items() if value}
    return {"name": name, "eo:common_name": COMMON_NAMES[name], **known}


def _numbers(data_type: str, scale: float, offset: float, unit: str) -> dict[str, Any]:
    """Return how digital numbers become values: value = scale x number + offset; 0 is no-data."""
    scaling = {"raster:scale": scale, "raster:offset": offset}
    return {"data_type": data_type, "nodata": 0, "unit": unit, **scaling}


def _on_grid(grid: Grid, with_code: bool) -> dict[str, Any]:
    west, width, turn, north, tilt, height = grid.geotransform
    fields: dict[str, Any] = {"proj:code": f"EPSG:{grid.epsg}"} if with_code else {}
    return fields | {"proj:shape": list(grid.shape), "proj:transform": [width, turn, west, tilt, height, north]}


def _metadata_files(product: ProductFacts) -> dict[str, pystac.Asset]:
    found: dict[str, pystac.Asset] = {}
    for file in product.files:
        key, title = _PRODUCT_FILES.get(file.path, ("", ""))
        if file.path.startswith("DATASTRIP/") and file.path.endswith("/MTD_DS.xml"):
            key, title = "datastrip_metadata", "Datastrip metadata"
            key += f"_{len(found)}" if key in found else ""
        elif file.path.startswith("rep_info/") and file.path.endswith("_report.xml"):
            key, title = "processing_report", "Processing report"
        if key:
            found[key] = _asset(product, file, title, XML, ["metadata"], {})
    return found


def _asset(
    product: ProductFacts, file: FileFacts, title: str, media_type: str, roles: list[str], fields: dict[str, Any]
) -> pystac.Asset:
    about = {**fields, "file:size": file.size, "file:checksum": file.multihash}
    href = f"./{product.name}/{file.path}"
    return pystac.Asset(href, title=title, media_type=media_type, roles=roles, extra_fields=about)
