"""Asks a STAC API for Level-1C items (STAC API 1.0, Item Search; filters that every server knows).

The cloud filter is applied here and not by the server, since not every server has the query or filter extension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import unquote, urljoin, urlsplit

import requests

from flows.archive.request import ArchiveSource, Candidate
from tasks.common.errors import TransientIO

_PAGE: Final = 100
_MOST_PAGES: Final = 10_000
_TIMEOUT_S: Final = (10, 60)
_PRODUCT_ASSETS: Final = ("product", "Product", "PRODUCT", "safe", "safe-archive", "archive", "downloadLink")
_METADATA_ASSETS: Final = ("product_metadata", "metadata", "safe_manifest", "safe-manifest")


class NameReader(Protocol):
    """Makes a candidate of a product's name."""

    def __call__(self, name: str, location: str, cloud: float | None = None) -> Candidate: ...


def search_items(source: ArchiveSource, of_name: NameReader) -> Iterator[Candidate]:
    """Yield the products of a STAC API's items; items without a usable asset are left out.

    Raises:
        TransientIO: the API does not answer, or not with items.
    """
    address = source.source.rstrip("/")
    address = address if address.endswith("/search") else f"{address}/search"
    query: dict[str, Any] | None = {"collections": source.collection, "limit": _PAGE}
    if source.date_from is not None or source.date_to is not None:
        first = f"{source.date_from}T00:00:00Z" if source.date_from else ".."
        last = f"{source.date_to}T23:59:59Z" if source.date_to else ".."
        query = {**(query or {}), "datetime": f"{first}/{last}"}
    session = requests.Session()
    ask: Callable[[], requests.Response] = lambda: session.get(address, params=query, timeout=_TIMEOUT_S)  # noqa: E731
    for _ in range(_MOST_PAGES):
        page = _answer(address, ask)
        for item in page["features"]:
            candidate = _candidate(item, of_name)
            if candidate is not None:
                yield candidate
        following = next((link for link in page.get("links", []) if link.get("rel") == "next"), None)
        if following is None or not page["features"]:
            return
        ask = _follow(session, address, following)
    raise TransientIO(f"{address}: more than {_MOST_PAGES} pages of items")


def _follow(session: requests.Session, address: str, link: Mapping[str, Any]) -> Callable[[], requests.Response]:
    target = urljoin(address, str(link["href"]))
    if str(link.get("method", "GET")).upper() == "POST":
        return lambda: session.post(target, json=link.get("body", {}), timeout=_TIMEOUT_S)
    return lambda: session.get(target, timeout=_TIMEOUT_S)


def _answer(address: str, ask: Callable[[], requests.Response]) -> dict[str, Any]:
    try:
        response = ask()
        response.raise_for_status()
        page = response.json()
    except requests.RequestException as error:
        raise TransientIO(f"{address}: the STAC API does not answer ({error})") from error
    if not isinstance(page, dict) or not isinstance(page.get("features"), list):
        raise TransientIO(f"{address}: no STAC item collection in the answer")
    return page


def _candidate(item: Mapping[str, Any], of_name: NameReader) -> Candidate | None:
    assets: Mapping[str, Any] = item.get("assets") or {}
    location = _location(item, assets)
    if location is None:
        return None
    properties = item.get("properties") or {}
    cloud = properties.get("eo:cloud_cover")
    name = str(item.get("id") or urlsplit(location).path.rstrip("/").rsplit("/", 1)[-1])
    return of_name(name, location, float(cloud) if isinstance(cloud, (int, float)) else None)


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
