"""The STAC 1.1 item of a product, from its facts."""

from __future__ import annotations

import re
from typing import Any, Final

import pystac
from pystac.utils import datetime_to_str

from tasks.packaging.naming import centre_of
from tasks.packaging.quality import CLASS_PERCENTAGES
from tasks.stac_item.facts import ProductFacts
from tasks.stac_item.footprint import bounding_box, geometry, outline
from tasks.stac_item.images import assets, mean_view

PREFIX: Final = "sen2flow:"
"""Begins the names of what no published extension has a name for."""

EXTENSIONS: Final[dict[str, str]] = {
    "eo": "eo/v2.0.0", "raster": "raster/v2.0.0", "proj": "projection/v2.0.0", "view": "view/v1.0.0",
    "sat": "sat/v1.0.0", "grid": "grid/v1.1.0", "processing": "processing/v1.2.0", "file": "file/v2.1.0",
    "classification": "classification/v2.0.0", "sci": "scientific/v1.0.0", "s2": "sentinel-2/v1.0.0",
}  # fmt: skip
"""Extension by the prefix of its fields."""

DESIGNATORS: Final = {"Sentinel-2A": "2015-028A", "Sentinel-2B": "2017-013A", "Sentinel-2C": "2024-157A"}
"""International designators of the platforms (COSPAR)."""

LICENCE: Final = "https://sentinel.esa.int/documents/247904/690755/Sentinel_Data_Legal_Notice"
"""Legal notice on the use of Copernicus Sentinel data."""

_DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.[0-9a-zA-Z]{4,}/\S+)", re.ASCII)
_PERCENTAGES: Final = ("DEGRADED_MSI_DATA_PERCENTAGE", *CLASS_PERCENTAGES)
_ATMOSPHERE: Final = {
    "AOT_RETRIEVAL_METHOD": "aot_retrieval_method",
    "GRANULE_MEAN_AOT": "mean_aot",
    "GRANULE_MEAN_WV": "mean_water_vapour_cm",
    "OZONE_SOURCE": "ozone_source",
    "OZONE_VALUE": "ozone_du",
}
_FINEST_M: Final = 10
_DECIMALS: Final = 6


def build_item(product: ProductFacts) -> pystac.Item:
    """Return the item of a product; its id is the product's name without ``.SAFE``.

    Hrefs are relative to the folder that holds the product, where the item belongs. Time is that of sensing, of the
    first granule where there are several; ``created`` is the product's generation time, so that the same product
    always gives the same item. Figures of several granules are their means.
    """
    shape = geometry([product.footprint] if product.footprint else [outline(g.grid) for g in product.granules])
    times = [granule.sensing_time for granule in product.granules]
    doi = _doi(product)
    item = pystac.Item(
        id=product.name.removesuffix(".SAFE"),
        geometry=shape,
        bbox=bounding_box(shape),
        datetime=min(times),
        properties=_properties(product) | ({"sci:doi": doi} if doi else {}),
        start_datetime=min(times) if len(times) > 1 else None,
        end_datetime=max(times) if len(times) > 1 else None,
        assets=assets(product),
    )
    item.stac_extensions = _extensions(item)
    if doi:
        item.add_link(pystac.Link("cite-as", f"https://doi.org/{doi}"))
    item.add_link(pystac.Link(pystac.RelType.LICENSE, LICENCE, media_type="application/pdf"))
    return item


def _extensions(item: pystac.Item) -> list[str]:
    """Return the schemas of the extensions whose fields an item has."""
    fields = [item.properties, *(asset.extra_fields for asset in item.assets.values())]
    fields += [band for part in fields for band in part.get("bands", [])]
    used = {key.partition(":")[0] for part in fields for key in part}
    known = [path for prefix, path in EXTENSIONS.items() if prefix in used]
    return [f"https://stac-extensions.github.io/{path}/schema.json" for path in known]


def _properties(product: ProductFacts) -> dict[str, Any]:
    gsd = min((g for g in (10, 20, 60) if _has_resolution(product, g)), default=_FINEST_M)
    properties: dict[str, Any] = {
        "created": datetime_to_str(product.generation_time),
        "platform": product.spacecraft.lower(),
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "gsd": gsd,
        "license": "other",
        "providers": _providers(product),
        "eo:cloud_cover": round(product.cloud_percentage, _DECIMALS),
        "eo:snow_cover": _mean(product, "SNOW_ICE_PERCENTAGE"),
    }
    for part in (_projection, _orbit, _view, _processing, _sentinel_2, _own):
        properties |= part(product)
    return properties


def _has_resolution(product: ProductFacts, metres: int) -> bool:
    return any("/IMG_DATA/" in file.path and f"_{metres}m." in file.path for file in product.files)


def _providers(product: ProductFacts) -> list[dict[str, Any]]:
    """Return ESA for the Level-1C, and who made the Level-2A as far as the product tells."""
    esa = {"name": "ESA", "roles": ["producer", "licensor"], "url": "https://sentinels.copernicus.eu"}
    if product.software is None:
        return [esa]
    name, version = product.software
    text = f"Level-2A processing with {name} {version}"
    return [esa, {"name": _facility(product) or name, "description": text, "roles": ["processor"]}]


def _facility(product: ProductFacts) -> str | None:
    """Return the processing centre of the Level-2A; None where it was copied from the Level-1C's identifiers."""
    first = product.granules[0]
    centre = centre_of(first.tile_id)
    copied = first.level_1c_tile_id is not None and centre == centre_of(first.level_1c_tile_id)
    return None if copied else centre


def _projection(product: ProductFacts) -> dict[str, Any]:
    codes = {granule.grid.epsg for granule in product.granules}
    return {"proj:code": f"EPSG:{codes.pop()}"} if len(codes) == 1 else {"proj:code": None}


def _orbit(product: ProductFacts) -> dict[str, Any]:
    found: dict[str, Any] = {
        "sat:orbit_state": product.orbit_direction.lower(),
        "sat:relative_orbit": product.relative_orbit,
        "sat:absolute_orbit": product.granules[0].absolute_orbit,
    }
    if product.spacecraft in DESIGNATORS:
        found["sat:platform_international_designator"] = DESIGNATORS[product.spacecraft]
    return found


def _view(product: ProductFacts) -> dict[str, Any]:
    first = product.granules[0]
    found = {
        "view:sun_azimuth": round(first.sun_azimuth_deg % 360.0, _DECIMALS),
        "view:sun_elevation": round(90.0 - first.sun_zenith_deg, _DECIMALS),
    }
    mean = mean_view(first.view_deg)
    if mean is not None:
        found |= {"view:incidence_angle": round(mean[0], _DECIMALS), "view:azimuth": round(mean[1], _DECIMALS)}
    return found


def _processing(product: ProductFacts) -> dict[str, Any]:
    found: dict[str, Any] = {
        "processing:level": "L2A",
        "processing:datetime": datetime_to_str(product.generation_time),
    }
    facility = _facility(product)
    if facility is not None:
        found["processing:facility"] = facility
    origins = [granule.level_1c_tile_id for granule in product.granules if granule.level_1c_tile_id]
    if origins:
        found["processing:lineage"] = f"Level-1C {', '.join(origins)}"
    if product.software is not None:
        name, version = product.software
        found |= {"processing:software": {name: version}, "processing:version": version}
    return found


def _sentinel_2(product: ProductFacts) -> dict[str, Any]:
    """Return the fields of the sentinel-2 extension, and grid:code, which a product of several tiles has not."""
    first = product.granules[0]
    found: dict[str, Any] = {
        "s2:product_uri": product.name,
        "s2:product_type": product.product_type,
        "s2:datatake_id": product.datatake_id,
        "s2:datatake_type": product.datatake_type,
        "s2:generation_time": datetime_to_str(product.generation_time),
        "s2:processing_baseline": product.baseline,
        "s2:datastrip_id": first.datastrip_id,
    }
    if product.reflectance_conversion is not None:
        found["s2:reflectance_conversion_factor"] = product.reflectance_conversion
    if len(product.granules) == 1:
        found |= {"grid:code": f"MGRS-{first.mgrs_tile}", "s2:mgrs_tile": first.mgrs_tile}
        found["s2:granule_id"] = first.tile_id
    known = [name for name in _PERCENTAGES if all(name in granule.percentages for granule in product.granules)]
    return found | {f"s2:{name.lower()}": _mean(product, name) for name in known}


def _own(product: ProductFacts) -> dict[str, Any]:
    """Return what the product was made with, and every documented substitute that was used."""
    codes = list(dict.fromkeys(fallback.code for fallback in product.fallbacks))
    found: dict[str, Any] = {
        "degraded": bool(product.fallbacks),
        "fallback_codes": codes,
        "fallbacks": [fallback.model_dump() for fallback in product.fallbacks],
    }
    if product.dem_type:
        found["dem_type"] = product.dem_type
    if product.look_up_tables:
        found["look_up_tables"] = list(product.look_up_tables)
    for element, name in _ATMOSPHERE.items():
        values = [granule.atmosphere[element] for granule in product.granules if element in granule.atmosphere]
        if values:
            found[name] = _merged(values)
    return {f"{PREFIX}{name}": value for name, value in found.items()}


def _merged(values: list[float | str]) -> float | str:
    """Return the mean of numbers, the first of words."""
    numbers = [value for value in values if isinstance(value, float)]
    return round(sum(numbers) / len(numbers), _DECIMALS) if numbers else values[0]


def _mean(product: ProductFacts, name: str) -> float:
    values = [granule.percentages.get(name, 0.0) for granule in product.granules]
    return round(sum(values) / len(values), _DECIMALS)


def _doi(product: ProductFacts) -> str | None:
    match = _DOI.fullmatch(product.doi or "")
    return match[1] if match else None
