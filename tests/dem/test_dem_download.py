"""Downloading cells from a real HTTP server that misbehaves."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from tasks.common.errors import AuxiliaryUnavailable
from tasks.dem.cells import Box
from tasks.dem.download import cell_address, download_cell, fetch_cells
from tasks.dem.parameters import DemParameters
from tasks.dem.transfer import Limits

FAST = Limits(connect_s=2.0, read_s=0.5, total_s=2.0, attempts=3, first_pause_s=0.01)
CALM = Limits(connect_s=10.0, read_s=20.0, total_s=60.0, attempts=3, first_pause_s=0.01)
"""For tests that count requests: no time-out on a busy machine."""

CELL = "N47_00_E011_00"
NAME = f"Copernicus_DSM_COG_10_{CELL}_DEM"
BOX = Box(11.4, 47.4, 11.5, 47.5)


def cell_bytes() -> bytes:
    memory = io.BytesIO()
    with rasterio.MemoryFile() as file:
        with file.open(
            driver="GTiff", count=1, dtype="float32", width=360, height=360, crs="EPSG:4326",
            transform=from_origin(11, 48, 1 / 360, 1 / 360),
        ) as dataset:  # fmt: skip
            dataset.write(np.full((1, 360, 360), 812.0, np.float32))
        memory.write(bytes(file.getbuffer()))
    return memory.getvalue()


class Server:
    """Answers each request with the next action of a list; the last one is repeated."""

    def __init__(self) -> None:
        self.actions: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                outer.actions[min(len(outer.paths), len(outer.actions)) - 1](self)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test's output clean."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}/dem"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def state(code: int, location: str = "") -> Callable[[BaseHTTPRequestHandler], None]:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        if location:
            handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return act


def body(content: bytes, sent: int | None = None, pause_s: float = 0.0) -> Callable[[BaseHTTPRequestHandler], None]:
    """Announce the whole content and send a part of it, at once or byte by byte."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        part = content[:sent]
        try:
            if pause_s:
                for i in range(len(part)):
                    handler.wfile.write(part[i : i + 1])
                    handler.wfile.flush()
                    time.sleep(pause_s)
            else:
                handler.wfile.write(part)
        except OSError:
            return
        handler.close_connection = True

    return act


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Begin to answer, then break the connection with a TCP reset."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"II*\0")
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_addresses() -> None:
    prism = "https://prism.example/prismDownload/COP-DEM_GLO-90-DGED__2023_1/"
    assert cell_address(prism, "COPERNICUS_90", CELL) == (
        f"{prism}Copernicus_DSM_30_{CELL}.tar",
        f"Copernicus_DSM_30_{CELL}.tar",
    )
    bucket = "https://copernicus-dem-30m.example"
    assert cell_address(bucket, "COPERNICUS_30", CELL) == (f"{bucket}/{NAME}/{NAME}.tif", f"{NAME}.tif")
    srtm = "https://srtm.example/srtm_5x5/TIFF/"
    assert cell_address(srtm, "SRTM_90", "srtm_39_03") == (f"{srtm}srtm_39_03.zip", "srtm_39_03.zip")


def test_download_once_then_local(server: Server, tmp_path: Path) -> None:
    server.actions = [body(cell_bytes())]
    parameters = DemParameters(dem_directory="dem/cop", home=str(tmp_path), dem_reference=server.address)
    survey = fetch_cells(BOX, parameters, CALM)
    assert (survey.kind, survey.problem, survey.missing) == ("COPERNICUS_30", "", ())
    assert [file.cell for file in survey.files] == [CELL]
    assert names_in(tmp_path / "dem" / "cop") == [f"{NAME}.tif"]
    assert fetch_cells(BOX, parameters, CALM) == survey
    assert server.paths == [f"/dem/{NAME}/{NAME}.tif"]


@pytest.mark.parametrize(
    "bad",
    [
        state(503),
        state(429),
        body(cell_bytes(), sent=1000),
        body(cell_bytes(), sent=0),
        reset,
        silent,
    ],
    ids=["503", "429", "truncated", "closed", "reset", "silent"],
)
def test_second_attempt_succeeds(server: Server, tmp_path: Path, bad: Callable[[BaseHTTPRequestHandler], None]) -> None:
    server.actions = [bad, body(cell_bytes())]
    assert download_cell(tmp_path, server.address, "COPERNICUS_30", CELL, FAST)
    assert names_in(tmp_path) == [f"{NAME}.tif"]
    assert len(server.paths) == 2


@pytest.mark.parametrize(
    ("action", "message", "requests"),
    [
        (state(503), "after 3 attempts", 3),
        (body(cell_bytes(), sent=500), "after 3 attempts", 3),
        (state(403), "HTTP state 403", 1),
        (body(b"<html>please log in</html>"), "no DEM cell", 1),
    ],
    ids=["503", "truncated", "forbidden", "page"],
)
def test_gives_up_and_leaves_nothing(
    server: Server, tmp_path: Path, action: Callable[[BaseHTTPRequestHandler], None], message: str, requests: int
) -> None:
    server.actions = [action]
    with pytest.raises(AuxiliaryUnavailable, match=message):
        download_cell(tmp_path, server.address, "COPERNICUS_30", CELL, FAST)
    assert names_in(tmp_path) == []
    assert len(server.paths) == requests


def test_a_trickling_server_is_cut_off(server: Server, tmp_path: Path) -> None:
    server.actions = [body(cell_bytes(), pause_s=0.1)]
    started = time.monotonic()
    with pytest.raises(AuxiliaryUnavailable, match="too slow"):
        download_cell(
            tmp_path, server.address, "COPERNICUS_30", CELL, Limits(2.0, 0.5, 0.5, attempts=2, first_pause_s=0.01)
        )
    assert time.monotonic() - started < 5.0
    assert names_in(tmp_path) == []


def test_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    server.actions = [state(302, "/elsewhere.tif"), body(cell_bytes())]
    assert download_cell(tmp_path, server.address, "COPERNICUS_30", CELL, CALM)
    assert server.paths[1] == "/elsewhere.tif"


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(AuxiliaryUnavailable, match="after 3 attempts"):
        download_cell(tmp_path, "http://127.0.0.1:9/dem", "COPERNICUS_30", CELL, FAST)


def test_a_cell_the_server_lacks_is_sea_and_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.actions = [body(cell_bytes()), state(404)]
    parameters = DemParameters(dem_directory=str(tmp_path), dem_reference=server.address)
    coast = Box(11.9, 47.4, 12.1, 47.5)
    survey = fetch_cells(coast, parameters, CALM)
    assert [file.cell for file in survey.files] == [CELL]
    assert survey.sea == ("N47_00_E012_00",)
    assert (survey.missing, survey.problem) == ((), "")
    # Asked for once in the 30 m model and once in the 90 m one, which has the cells of a few more countries.
    asked = list(server.paths)
    assert [("_30_" in path, "E012" in path) for path in asked] == [(False, False), (False, True), (True, True)]
    assert fetch_cells(coast, parameters, CALM) == survey
    assert server.paths == asked


def test_an_address_without_any_cell_is_a_problem_not_a_sea(server: Server, tmp_path: Path) -> None:
    server.actions = [state(404)]
    survey = fetch_cells(BOX, DemParameters(dem_directory=str(tmp_path), dem_reference=server.address), CALM)
    assert survey.kind is None
    assert CELL in survey.problem
    assert names_in(tmp_path) == []


def test_a_label_is_no_address(tmp_path: Path) -> None:
    survey = fetch_cells(BOX, DemParameters(dem_directory=str(tmp_path), dem_reference="CopernicusDEM90"), FAST)
    assert survey.kind is None
    assert survey.problem == ""
