"""A STAC API (rustac's server) and a static STAC catalogue, both of the same items, for tests."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pystac
from service import free_port, wait_for

BOX = [8.9, 45.9, 10.1, 46.9]
COLLECTION = "sentinel-2-l1c"
_PROGRAM = Path(__file__).resolve().parents[2] / ".venv-clients" / "bin" / "rustac"


def item(name: str, href: str, asset: str = "product", **properties: Any) -> pystac.Item:
    """Return an item with one asset."""
    west, south, east, north = BOX
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    day = datetime.strptime(name.split("_")[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    made = pystac.Item(name, {"type": "Polygon", "coordinates": [ring]}, BOX, day, properties, collection=COLLECTION)
    made.add_asset(asset, pystac.Asset(href))
    return made


def collection(items: list[pystac.Item]) -> pystac.Collection:
    extent = pystac.Extent(
        pystac.SpatialExtent([BOX]), pystac.TemporalExtent([[datetime(2015, 6, 1, tzinfo=UTC), None]])
    )
    made = pystac.Collection(COLLECTION, "Level-1C products", extent, license="proprietary")
    made.add_items(items)
    return made


def static_catalogue(folder: Path, items: list[pystac.Item], address: str) -> str:
    """Write a catalogue that a file server of ``folder`` serves at ``address``; return its entry's address."""
    catalogue = pystac.Catalog("archive", "a static catalogue")
    catalogue.add_child(collection([one.clone() for one in items]))
    catalogue.normalize_hrefs(f"{address}/stac")
    catalogue.save(pystac.CatalogType.ABSOLUTE_PUBLISHED, dest_href=str(folder / "stac"))
    return f"{address}/stac/catalog.json"


class StacApi:
    """rustac's STAC API in a process of its own, with the items in memory."""

    def __init__(self, folder: Path, items: list[pystac.Item]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for one in [collection([]), *items]:
            path = folder / f"{one.id}.json"
            pystac.StacIO.default().save_json(str(path), one.to_dict(include_self_link=False))
            files.append(str(path))
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._log = (folder / "log").open("wb")
        command = [str(_PROGRAM), "serve", "--addr", f"127.0.0.1:{port}", *files]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL)
        wait_for(self._is_up, 30, 0.1)

    @staticmethod
    def is_there() -> bool:
        return _PROGRAM.is_file()

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "the STAC server ended"
        try:
            return httpx.get(self.address).status_code == 200
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()
