"""Asks a STAC API, or a static STAC catalogue, for Level-1C items, through pystac-client.

Days are asked of the server where it can search; everything is filtered here again, since not every server has the
query or filter extension and a static catalogue filters nothing.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, Protocol
from urllib.parse import unquote, urljoin, urlsplit

import pystac
import requests
from pystac_client import Client, ConformanceClasses
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import PystacClientWarning
from urllib3.util.retry import Retry

from flows.archive.request import ArchiveSource, Candidate
from tasks.common.errors import TransientIO

_PAGE: Final = 100
_MOST_PAGES: Final = 10_000
_TIMEOUT_S: Final = (10.0, 60.0)
_RETRIES: Final = Retry(3, backoff_factor=0.5, status_forcelist=(429, 502, 503, 504), allowed_methods=None)
_PRODUCT_ASSETS: Final = ("product", "Product", "PRODUCT", "safe", "safe-archive", "archive", "downloadLink")
_METADATA_ASSETS: Final = ("product_metadata", "metadata", "safe_manifest", "safe-manifest")
_MALFORMED: Final = (pystac.STACError, ClientTypeError, ValueError, KeyError, TypeError, AttributeError)
"""What pystac raises for an answer that is no STAC."""


class NameReader(Protocol):
    """Makes a candidate of a product's name."""

    def __call__(self, name: str, location: str, cloud: float | None = None) -> Candidate: ...


def search_items(source: ArchiveSource, of_name: NameReader) -> Iterator[Candidate]:
    """Yield the products of the items; items without a usable asset are left out.

    Raises:
        TransientIO: the API or catalogue does not answer, or not with items.
    """
    address = source.source.rstrip("/").removesuffix("/search")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PystacClientWarning)  # a static catalogue claims no conformance
            client = Client.open(address, stac_io=StacApiIO(timeout=_TIMEOUT_S, max_retries=_RETRIES))
            searches = client.conforms_to(ConformanceClasses.ITEM_SEARCH)
            for item in _searched(client, source) if searches else _walked(client, source):
                candidate = _candidate(item, of_name)
                if candidate is not None:
                    yield candidate
    except (APIError, requests.RequestException, OSError) as error:
        raise TransientIO(f"{address}: the STAC API does not answer ({_first_line(error)})") from error
    except _MALFORMED as error:
        raise TransientIO(f"{address}: no STAC API or catalogue ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _searched(client: Client, source: ArchiveSource) -> Iterator[Mapping[str, Any]]:
    """Yield the items of an API's search, page by page."""
    days = (source.date_from, source.date_to)
    first, last = (day.isoformat() if day is not None else ".." for day in days)
    found = client.search(
        method="GET",  # what every API has; POST is an extra
        collections=[source.collection],
        datetime=f"{first}/{last}" if any(days) else None,
        limit=_PAGE,
    )
    for number, page in enumerate(found.pages_as_dicts()):
        if number >= _MOST_PAGES:
            raise TransientIO(f"{source.source}: more than {_MOST_PAGES} pages of items")
        yield from page["features"]


def _walked(client: Client, source: ArchiveSource) -> Iterator[Mapping[str, Any]]:
    """Yield the items of a static catalogue, its children included."""
    for item in client.get_items(recursive=True):
        if item.collection_id in (None, source.collection):
            yield item.to_dict(transform_hrefs=False)


def _candidate(item: Mapping[str, Any], of_name: NameReader) -> Candidate | None:
    assets: Mapping[str, Any] = item.get("assets") or {}
    location = _location(item, assets)
    if location is None:
        return None
    properties: Mapping[str, Any] = item.get("properties") or {}
    cloud = properties.get("eo:cloud_cover")
    name = str(properties.get("s2:product_uri") or item.get("id") or urlsplit(location).path.rsplit("/", 1)[-1])
    found = of_name(name, location, float(cloud) if isinstance(cloud, (int, float)) else None)
    told = {key: value for key, value in _told(properties).items() if getattr(found, key) is None}
    return found.model_copy(update=told)


def _told(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an item's properties say of its product, for items that are not named like products."""
    told: dict[str, Any] = {}
    grid = str(properties.get("grid:code") or properties.get("s2:mgrs_tile") or "")
    if tile := re.fullmatch(r"(?:MGRS-|T)?(\d{1,2}[A-Z]{3})", grid):
        told["tile"] = tile[1].zfill(5)
    moment = str(properties.get("datetime") or properties.get("start_datetime") or "")
    if day := re.match(r"\d{4}-\d\d-\d\d", moment):
        told["sensed"] = date.fromisoformat(day[0])
    version = str(properties.get("processing:version") or properties.get("s2:processing_baseline") or "")
    if re.fullmatch(r"\d\d\.\d\d", version):
        told["baseline"] = version
    return told


def _location(item: Mapping[str, Any], assets: Mapping[str, Any]) -> str | None:
    """Return the product's path or address: an archive or SAFE asset, else the folder of a local metadata file."""
    ordered = [assets[key] for key in _PRODUCT_ASSETS if key in assets]
    ordered += [a for a in assets.values() if str(a.get("href", "")).rstrip("/").endswith((".SAFE", ".zip"))]
    ordered += [a for a in assets.values() if a.get("type") == "application/zip"]
    for asset in ordered:
        return _local_path(_absolute(item, str(asset["href"])))
    for key in _METADATA_ASSETS:
        if key in assets:
            path = _local_path(_absolute(item, str(assets[key]["href"])))
            if not path.startswith(("http", "s3:")):
                return path.rsplit("/", 1)[0]
    return None


def _absolute(item: Mapping[str, Any], href: str) -> str:
    own = next((str(link["href"]) for link in item.get("links", []) if link.get("rel") == "self"), "")
    return urljoin(own, href)


def _local_path(href: str) -> str:
    return unquote(urlsplit(href).path).rstrip("/") if href.startswith("file:") else href
