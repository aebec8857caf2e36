"""Products of a STAC API and of a static STAC catalogue, with local and http hrefs, on real servers."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from archive_runs import endings, environment, run_sen2flow
from many_products import copies, smallest_product
from misbehaving_server import FileServer
from stac import COLLECTION, StacApi, item, static_catalogue

from flows.archive import stac_search
from flows.archive.discovery import discover
from flows.archive.request import ArchiveSource
from tasks.common.errors import TransientIO

NAMES = (
    "S2A_MSIL1C_20230105T102031_N0509_R108_T32TMQ_20230105T122031",
    "S2B_MSIL1C_20230110T102031_N0509_R108_T32TMQ_20230110T122031",
    "S2B_MSIL1C_20230110T102031_N0510_R108_T32TNQ_20240110T122031",
)


def items(address: str) -> list[Any]:
    """One product as an archive at an address, one in a local folder, one with nothing but a picture."""
    metadata = f"file:///data/l%201c/{NAMES[1]}.SAFE/MTD_MSIL1C.xml"
    return [
        item(NAMES[0], f"{address}/one.zip", **{"eo:cloud_cover": 0}),
        item(NAMES[1], metadata, "product_metadata", **{"eo:cloud_cover": 30}),
        item(NAMES[2], "file:///data/three.SAFE", "product", **{"eo:cloud_cover": 60}),
        item(NAMES[2].replace("T32TNQ", "T32TPQ"), "picture.png", "thumbnail"),
    ]  # fmt: skip


@pytest.fixture(params=["static", "api"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    server = FileServer(tmp_path / "www")
    if request.param == "static":
        yield static_catalogue(tmp_path / "www", items(server.address), server.address)
    else:
        if not StacApi.is_there():
            pytest.skip("no STAC server: make clients")
        api = StacApi(tmp_path / "api", items(server.address))
        yield api.address
        api.close()
    server.close()


def found(address: str, **filters: Any) -> list[int]:
    return [NAMES.index(c.key) for c in discover(ArchiveSource(source=address, **filters))]


def test_items_hrefs_and_filters(address: str) -> None:
    one, two, three = discover(ArchiveSource(source=address))
    assert one.location.endswith("/one.zip")
    assert two.location == f"/data/l 1c/{NAMES[1]}.SAFE"
    assert (three.location, three.tile, three.sensed, three.cloud) == (
        "/data/three.SAFE",
        "32TNQ",
        date(2023, 1, 10),
        60,
    )
    assert found(address, tiles=("T32TMQ",)) == [0, 1]
    assert found(address, date_from="2023-01-06", date_to="2023-01-10") == [1, 2]
    assert found(address, date_to="2023-01-05") == [0]
    assert found(address, max_cloud=30) == [0, 1]
    assert found(address, baselines=("05.10",)) == [2]
    assert found(address, collection="sentinel-2-l2a") == []


class Pages(BaseHTTPRequestHandler):
    """A STAC API of one item a page, whose pages never end; rustac gives all items on one."""

    endless = False

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        root = f"http://127.0.0.1:{self.server.server_address[1]}"
        if parts.path == "/":
            classes = [f"https://api.stacspec.org/v1.0.0/{name}" for name in ("core", "item-search")]
            search = {"rel": "search", "href": f"{root}/search", "type": "application/geo+json", "method": "GET"}
            links = [search, {"rel": "root", "href": root}]
            body = {"type": "Catalog", "id": "a", "description": "a", "stac_version": "1.0.0", "links": links}
            body["conformsTo"] = classes
        else:
            query = parse_qs(parts.query)
            assert query["collections"] == [COLLECTION]
            number = int(query.get("page", ["0"])[0])
            more = f"{root}/search?collections={COLLECTION}&page={number + 1}"
            links = [{"rel": "next", "href": more}] if self.endless or number < 2 else []
            body = {"type": "FeatureCollection", "features": [items(root)[number % 3].to_dict()], "links": links}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


def test_pages_to_the_last_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    assert found(address) == [0, 1, 2]
    assert found(f"{address}/search") == [0, 1, 2]
    monkeypatch.setattr(Pages, "endless", True)
    monkeypatch.setattr(stac_search, "_MOST_PAGES", 5)
    with pytest.raises(TransientIO, match="more than 5 pages"):
        found(address)
    server.shutdown()


def test_items_not_named_like_products(tmp_path: Path) -> None:
    """What the name does not tell is taken from the properties, so that filters act."""
    one = item(NAMES[0], "/data/one.zip", **{"grid:code": "MGRS-32TMQ", "processing:version": "05.09"})
    two = item(NAMES[1], "/data/two.zip", **{"s2:product_uri": f"{NAMES[1]}.SAFE"})
    one.id, two.id = "scene_a", "scene_b"
    server = FileServer(tmp_path / "www")
    address = static_catalogue(tmp_path / "www", [one, two], server.address)
    first, second = discover(ArchiveSource(source=address, collection=COLLECTION))
    assert (first.key, first.tile, first.sensed, first.baseline) == ("scene_a", "32TMQ", date(2023, 1, 5), "05.09")
    assert second.key == NAMES[1]
    server.close()


def test_no_catalogue(tmp_path: Path) -> None:
    server = FileServer(tmp_path)
    (tmp_path / "page.json").write_text('{"type": "FeatureCollection"}')
    (tmp_path / "page.html").write_text("<html>")
    for name, message in (("page.json", "no STAC"), ("page.html", "no STAC"), ("nothing", "does not answer")):
        with pytest.raises(TransientIO, match=message):
            discover(ArchiveSource(source=f"{server.address}/{name}"))
    server.close()
    with pytest.raises(TransientIO, match="does not answer"):
        discover(ArchiveSource(source=server.address))


@pytest.mark.slow
def test_archive_run_of_a_catalogue(tmp_path: Path) -> None:
    """One product is fetched as an archive, the other is read where it lies."""
    fetched, local = copies(smallest_product(tmp_path / "smallest"), tmp_path / "l1c", 2)
    server = FileServer(tmp_path / "www")
    shutil.make_archive(str(tmp_path / "www" / "one"), "zip", fetched.parent, fetched.name)
    shutil.rmtree(fetched)
    listed = [item(fetched.stem, f"{server.address}/one.zip"), item(local.stem, local.as_uri())]
    address = static_catalogue(tmp_path / "www", listed, server.address)
    words = ("--output-dir", tmp_path / "out", "--work-dir", tmp_path / "work", "--memory-mb", "0", "--disk-mb", "0")
    done = run_sen2flow("archive", address, *words, env=environment(tmp_path))
    assert set(endings(done).values()) == {"degraded"}, done.stdout + done.stderr
    assert len(list((tmp_path / "out").glob("*.SAFE"))) == 2
    again = run_sen2flow("archive", address, *words, env=environment(tmp_path))
    assert set(endings(again).values()) == {"unchanged"}
    server.close()
