"""``sen2flow aux`` as a user runs it, with cells from a real HTTP server and a package of small maps."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from misbehaving_server import FileServer
from rasterio.transform import from_origin
from typer.testing import CliRunner, Result

from flows.cli.sen2flow import app
from tasks.common.errors import InvalidConfiguration
from tasks.dem.download import cell_address
from tasks.dem.footprint import geographic_box
from tasks.dem.mgrs import tile_grid
from tasks.simulation.place import mgrs_tile

SNOW = "ESACCI-LC-L4-Snow-Cond-500m-MONTHLY-2000-2012-v2.4"
MAPS = (
    "GlobalSnowMap.tiff",
    "ESACCI-LC-L4-WB-Map-150m-P13Y-2000-v4.0.tif",
    "ESACCI-LC-L4-LCCS-Map-300m-P1Y-2015-v2.0.7.tif",
)


def raster(dtype: str, west: float, north: float, step: float) -> bytes:
    with rasterio.MemoryFile() as file:
        with file.open(
            driver="GTiff", count=1, dtype=dtype, width=120, height=120, crs="EPSG:4326",
            transform=from_origin(west, north, step, step),
        ) as dataset:  # fmt: skip
            dataset.write(np.ones((1, 120, 120), dtype))
        return bytes(file.getbuffer())


class User:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = folder / "home"
        monkeypatch.setenv("SEN2COR_HOME", str(self.home))
        monkeypatch.delenv("SEN2COR_AUX", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def configure(self, address: str) -> None:
        self.run("verify")
        gipp = self.home / "cfg" / "L2A_GIPP.xml"
        text = gipp.read_text(encoding="utf-8")
        text = text.replace("<DEM_Directory>NONE<", "<DEM_Directory>dem/cop30<")
        text = text.replace("<DEM_Reference>NONE<", f"<DEM_Reference>{address}<")
        gipp.write_text(text, encoding="utf-8")

    def run(self, *words: str | Path) -> Result:
        return CliRunner().invoke(app, ["aux", *map(str, words)])


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    return User(tmp_path, monkeypatch)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    running = FileServer(tmp_path / "www")
    yield running
    running.close()


@pytest.mark.parametrize(
    ("name", "epsg", "ulx", "uly"),
    [
        ("29UNU", 32629, 499980, 5900040),
        ("T01UBT", 32601, 199980, 5800020),
        ("33XWJ", 32633, 499980, 8900040),
        ("56JMM", 32756, 399960, 6700000),
    ],
)
def test_real_tiles_lie_inside_the_grid_of_their_name(name: str, epsg: int, ulx: float, uly: float) -> None:
    """Corners of real products."""
    grid = tile_grid(name)
    assert grid.epsg == epsg
    assert 0 <= ulx - grid.ulx <= 120
    assert 0 <= grid.uly - uly <= 120
    assert grid.ulx + 10 * grid.cols >= ulx + 109800
    assert grid.uly - 10 * grid.rows <= uly - 109800


@pytest.mark.parametrize("name", ["33XVH", "60KXB", "19FDV", "31NAA", "31MBV", "05WNM", "24CWE"])
def test_names_and_places_are_inverse(name: str) -> None:
    grid = tile_grid(name)
    inner = grid.model_copy(update={"ulx": grid.ulx + 60, "uly": grid.uly - 60, "rows": 10000, "cols": 10000})
    assert mgrs_tile(inner)[-2:] == name[-2:]
    assert mgrs_tile(inner)[:2] == name[:2]


@pytest.mark.parametrize("name", ["", "32TPX", "61TPS", "32IPS", "32TAA", "nonsense"])
def test_no_such_tile(name: str) -> None:
    with pytest.raises(InvalidConfiguration):
        tile_grid(name)


def test_verify_with_nothing(user: User) -> None:
    done = user.run("verify")
    assert done.exit_code == 0, done.output
    assert "elevation       off" in done.output
    assert done.output.count("missing -> ") == 4


def test_verify_tells_damaged_cells_what_a_tile_lacks_and_what_that_disables(user: User) -> None:
    user.configure("NONE")
    assert "dem/cop30: missing" in user.run("verify").output
    folder = user.home / "dem" / "cop30"
    folder.mkdir(parents=True)
    empty = user.run("verify")
    assert "0 cells; source: nothing is downloaded (DEM_Reference is NONE)" in empty.output
    assert "-> flat terrain" in empty.output
    for cell in ("N46_00_E009_00", "N46_00_E010_00"):
        content = raster("float32", int(cell[8:11]), int(cell[1:3]) + 1, 1 / 120)
        (folder / f"Copernicus_DSM_10_{cell}_DEM.tif").write_bytes(content)
    (folder / "CopernicusDEM_30_TIFF_missing_tiles.list").write_text("Copernicus_DSM_10_N47_00_E009_00_DEM.tif\n")
    sound = user.run("verify", "--tiles", "32TNS")
    assert sound.exit_code == 1, sound.output
    line = next(line for line in sound.output.splitlines() if line.startswith("32TNS"))
    assert "COPERNICUS_30 2 of 6 cells" in line
    assert "missing: N45_00_E008_00, N45_00_E009_00" in line
    assert "-> taken for sea" in line
    assert "missing around it: " in line
    assert "-> terrain there shades nothing" in line
    (folder / "Copernicus_DSM_10_N46_00_E010_00_DEM.tif").write_bytes(b"II*\0 no raster")
    (folder / "Copernicus_DSM_10_N45_00_E009_00.tar").write_bytes(b"no archive")
    damaged = user.run("verify")
    assert damaged.exit_code == 1
    assert damaged.output.count("-> tiles on it get flat terrain") == 2
    assert "damaged archive" in damaged.output


def test_verify_tells_what_the_folder_of_aerosol_holds(user: User) -> None:
    assert "CAMS files      off" in user.run("verify").output
    gipp = user.home / "cfg" / "L2A_GIPP.xml"
    gipp.write_text(re.sub("<CAMS_Directory>[^<]*<", "<CAMS_Directory>cams<", gipp.read_text(encoding="utf-8")))
    assert "cams: missing -> AOT without CAMS" in user.run("verify").output
    (user.home / "cams").mkdir()
    assert "no field of aod550 -> AOT without CAMS" in user.run("verify").output
    for step in (9, 12):
        (user.home / "cams" / f"z_cams_c_ecmf_20250615000000_prod_fc_sfc_{step:03d}_aod550.nc").touch()
    there = user.run("verify")
    assert "2 fields of aod550, 2025-06-15 09:00 to 2025-06-15 12:00" in there.output
    assert there.exit_code == 0
    (user.home / "cams" / "download.nc").write_bytes(b"CDF\x01")
    assert user.run("verify").exit_code == 1


def test_unpack_then_verify_and_list(user: User, tmp_path: Path) -> None:
    archive = tmp_path / "ESACCI-LC-L4-ALL-FOR-SEN2COR-2.10.tar.gz"
    members = {f"package/{name}": raster("uint8", 10, 50, 0.05) for name in MAPS}
    for month in range(1, 13):
        name = f"ESACCI-LC-L4-Snow-Cond-AggOcc-500m-MONTHLY-2000-2012-2000{month:02d}-2.4.tif"
        members[f"package/{SNOW}/{name}"] = raster("uint8", 10, 50, 0.005)
    members |= {f"../../{MAPS[1]}": raster("uint8", 10, 50, 0.05), "../../evil.tif": b"evil", "/evil": b"evil"}
    with tarfile.open(archive, "w:gz") as stream:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            stream.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo(f"package/{SNOW}/link.tif")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        stream.addfile(link)
    done = user.run("unpack", archive)
    assert done.exit_code == 0, done.output
    aux = user.home / "aux_data"
    assert sorted(path.name for path in aux.iterdir()) == sorted([*MAPS, SNOW])
    assert len(list((aux / SNOW).iterdir())) == 12
    assert not list(tmp_path.rglob("*evil*"))
    assert user.run("verify").output.count(": there") == 4
    assert "no elevation cell" not in user.run("list").output
    assert len(user.run("list").output.splitlines()) == 15
    (aux / MAPS[0]).write_bytes(b"II*\0 no raster")
    damaged = user.run("verify")
    assert damaged.exit_code == 1
    assert "cannot be read" in damaged.output


def test_unpack_of_something_else(user: User, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"no archive")
    done = user.run("unpack", tmp_path / "a.tar.gz")
    assert done.exit_code == 1
    assert "no tar archive" in done.output
    assert "no such file" in user.run("unpack", tmp_path / "absent.tar.gz").output


def test_prefetch_fills_the_cache_once(user: User, server: FileServer, tmp_path: Path) -> None:
    user.configure(server.address)
    for cell in ("N46_00_E009_00", "N46_00_E010_00", "N47_00_E009_00"):
        path = tmp_path / "www" / cell_address("", "COPERNICUS_30", cell)[0].lstrip("/")
        path.parent.mkdir(parents=True)
        west, south = int(cell[8:11]), int(cell[1:3])
        path.write_bytes(raster("float32", west, south + 1, 1 / 120))
    done = user.run("prefetch", "--tiles", "32TNT")
    assert done.exit_code == 0, done.output
    box = geographic_box(tile_grid("32TNT"))
    assert 8.9 < box.west < 9.1
    assert "T32TNT" in done.output or "32TNT COPERNICUS_30" in done.output
    asked = len(server.asked)
    again = user.run("prefetch", "--tiles", "32TNT")
    assert again.exit_code == 0
    assert len(server.asked) == asked
    assert " cells; source:" in user.run("verify").output


def test_prefetch_says_what_is_wrong(user: User, server: FileServer) -> None:
    assert "no DEM is configured" in user.run("prefetch", "--tiles", "32TNT").output
    user.configure(server.address)
    assert "nothing to fetch" in user.run("prefetch").output
    missing = user.run("prefetch", "--tiles", "32TNT")
    assert missing.exit_code == 1
    assert "has none of the cells" in missing.output
