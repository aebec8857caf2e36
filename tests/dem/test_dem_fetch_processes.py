"""Several processes, killed processes, archives with traps, countries and seas without cells: on a real HTTP server."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dem_cells import served, write_cell
from misbehaving_server import FileServer

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.locks import locked
from tasks.dem.cells import Box
from tasks.dem.download import PROBES, cell_address, coarser_address, download_cell, fetch_cells
from tasks.dem.mosaic import build_mosaic
from tasks.dem.parameters import DemKind, DemParameters
from tasks.dem.transfer import Limits

ROOT = Path(__file__).resolve().parents[2]
FAST = Limits(connect_s=10.0, read_s=20.0, total_s=60.0, attempts=3, first_pause_s=0.01)
EIGHT = Box(9.1, 46.1, 12.9, 47.9)

FETCH = """
import sys
from tasks.dem.cells import Box
from tasks.dem.download import fetch_cells
from tasks.dem.parameters import DemKind, DemParameters
survey = fetch_cells(Box(9.1, 46.1, 12.9, 47.9), DemParameters(dem_directory=sys.argv[1], dem_reference=sys.argv[2]))
print(survey.kind, len(survey.files), survey.missing, survey.problem)
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = FileServer(tmp_path / "www")
    yield running
    running.close()


def eight_cells(www: Path) -> list[str]:
    names = []
    for south in (46, 47):
        for west in (9, 10, 11, 12):
            names.append(f"N{south}_00_E{west:03d}_00")
            write_cell(served(www, "COPERNICUS_30", names[-1]), west, south)
    return names


def start(target: Path, address: str) -> subprocess.Popen[str]:
    variables = dict(os.environ, PYTHONPATH=str(ROOT), NO_PROXY="127.0.0.1")
    words = [sys.executable, "-c", FETCH, str(target), address]
    return subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, text=True)


def test_two_processes_download_each_of_eight_cells_once(server: FileServer, tmp_path: Path) -> None:
    names = eight_cells(tmp_path / "www")
    server.pause_s = 0.02
    running = [start(tmp_path / "dem", server.address) for _ in range(2)]
    for process in running:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert output.strip() == "COPERNICUS_30 8 ()"
    assert len(server.asked) == 8
    assert len({path for path, _ in server.asked}) == 8
    expected = sorted(Path(cell_address("", "COPERNICUS_30", name)[0]).name for name in names)
    assert sorted(path.name for path in (tmp_path / "dem").iterdir()) == expected


def test_kill_during_a_download(server: FileServer, tmp_path: Path) -> None:
    eight_cells(tmp_path / "www")
    server.pause_s, server.chunk = 0.1, 1 << 15
    process = start(tmp_path / "dem", server.address)
    deadline = time.monotonic() + 30
    while not any(p.stat().st_size > 1 << 16 for p in tmp_path.glob("dem/.*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [p.name for p in tmp_path.glob("dem/*.tif") if not p.name.startswith(".")] == []
    server.pause_s = 0.0
    first = len(server.asked)
    survey = fetch_cells(EIGHT, DemParameters(dem_directory=str(tmp_path / "dem"), dem_reference=server.address), FAST)
    assert (len(survey.files), survey.missing, survey.problem) == (8, (), "")
    assert int(server.asked[first][1].removeprefix("bytes=").rstrip("-")) > 1 << 16, "the file was not continued"
    for path in (tmp_path / "dem").glob("*.tif"):
        twin = next((tmp_path / "www").rglob(path.name))
        assert path.read_bytes() == twin.read_bytes()
    assert not [p for p in (tmp_path / "dem").iterdir() if p.name.startswith(".")]


def test_what_changed_on_the_server_is_not_continued(server: FileServer, tmp_path: Path) -> None:
    cell = "N47_00_E011_00"
    source = served(tmp_path / "www", "COPERNICUS_30", cell)
    write_cell(source, 11, 47)
    name = source.name
    (tmp_path / "dem").mkdir()
    (tmp_path / "dem" / f".{name}.{os.uname().nodename}.part").write_bytes(b"old" * 1000)
    note = tmp_path / "dem" / f".{name}.{os.uname().nodename}.part.note"
    url = cell_address(server.address, "COPERNICUS_30", cell)[0]
    note.write_text(f'{{"url": "{url}", "validator": "\\"old\\""}}')
    assert download_cell(tmp_path / "dem", server.address, "COPERNICUS_30", cell, FAST)
    assert server.asked[0][1] == "bytes=3000-"
    assert (tmp_path / "dem" / name).read_bytes() == source.read_bytes()
    assert [p.name for p in (tmp_path / "dem").iterdir()] == [name]


def run_with(prelude: str, target: Path, address: str) -> str:
    """Fetch eight cells in a process whose rights or limits are changed first."""
    code = FETCH.replace("survey =", f"{prelude}\nsurvey =", 1)
    variables = dict(os.environ, PYTHONPATH=str(ROOT), NO_PROXY="127.0.0.1")
    words = [sys.executable, "-c", code, str(target), address]
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_full_disk_is_said_and_nothing_is_left_on_it(server: FileServer, tmp_path: Path) -> None:
    """The system refuses to let a file grow beyond 100 kB; a cell has 500 kB."""
    eight_cells(tmp_path / "www")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    output = run_with(limit, tmp_path / "dem", server.address)
    assert "cannot be stored" in output
    assert output.startswith("None 0 ")
    assert list((tmp_path / "dem").iterdir()) == []
    assert len(server.asked) == 1


def test_a_read_only_folder_gives_what_it_has(server: FileServer, tmp_path: Path) -> None:
    eight_cells(tmp_path / "www")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "dem"
        write_cell(folder / "Copernicus_DSM_10_N46_00_E009_00_DEM.tif", 9, 46)
        Path(name).chmod(0o755)
        folder.chmod(0o555)
        output = run_with("import os; os.geteuid() or os.setuid(65534)", folder, server.address)
        folder.chmod(0o755)
        assert output.startswith("COPERNICUS_30 1 ")
        assert "make it writable" in output
        assert len(list(folder.iterdir())) == 1


def test_the_proxy_of_the_environment_is_used(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy gets the whole address; the test's server keeps the files under it."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.address)
    cell = "N47_00_E011_00"
    write_cell(served(tmp_path / "www" / "http:" / "dem.example", "COPERNICUS_30", cell), 11, 47)
    assert download_cell(tmp_path / "dem", "http://dem.example", "COPERNICUS_30", cell, FAST)
    assert server.asked[0][0].startswith("http://dem.example/Copernicus_DSM_COG_10_N47")


def test_files_that_another_machine_left_long_ago_are_removed(server: FileServer, tmp_path: Path) -> None:
    cell = "N47_00_E011_00"
    source = served(tmp_path / "www", "COPERNICUS_30", cell)
    write_cell(source, 11, 47)
    (tmp_path / "dem").mkdir()
    old, young = (tmp_path / "dem" / f".{source.name}.{host}.part" for host in ("gone", "busy"))
    for path in (old, young):
        path.write_bytes(b"part")
    os.utime(old, (time.time() - 100_000, time.time() - 100_000))
    assert download_cell(tmp_path / "dem", server.address, "COPERNICUS_30", cell, FAST)
    assert sorted(p.name for p in (tmp_path / "dem").iterdir()) == sorted([source.name, young.name])


@pytest.mark.parametrize(
    ("kind", "cells", "address", "reference_words"),
    [
        ("COPERNICUS_90", ("N47_00_E010_00", "N47_00_E011_00"), "/COP-DEM_GLO-90-DGED__2021_1", "90 m tar"),
        ("COPERNICUS_30", ("N47_00_E010_00", "N47_00_E011_00"), "/copernicus-dem-30m", "cloud-optimised"),
        ("SRTM_90", ("srtm_39_03",), "/srtm_5x5", "zip"),
    ],
)
def test_every_source_from_nothing_to_heights(
    server: FileServer, tmp_path: Path, kind: DemKind, cells: tuple[str, ...], address: str, reference_words: str
) -> None:
    """Each of the three layouts a server may have: the first request is answered 503, the cells arrive, are read."""
    for cell in cells:
        place = tmp_path / "www" / cell_address(address, kind, cell)[0].lstrip("/")
        plain = tmp_path / "plain" / f"{cell}.tif"
        west, south = (10, 45) if kind == "SRTM_90" else (int(cell[8:11]), 47)
        write_cell(plain, west, south, side=600, degrees=5 if kind == "SRTM_90" else 1)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".tar":
            place.write_bytes(tar_of({f"x/DEM/Copernicus_DSM_30_{cell}_DEM.tif": plain.read_bytes()}))
        elif place.suffix == ".zip":
            with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as stream:
                stream.write(plain, f"{cell}.tif")
        else:
            place.write_bytes(plain.read_bytes())
    server.refuse_first = 1
    parameters = DemParameters(dem_directory=str(tmp_path / "dem"), dem_reference=server.address + address)
    box = Box(10.6, 47.4, 11.4, 47.6)
    survey = fetch_cells(box, parameters, FAST)
    assert (survey.kind, survey.missing, survey.problem) == (kind, (), ""), reference_words
    assert [file.cell for file in survey.files] == list(cells)
    assert len(server.asked) == len(cells) + 1
    mosaic = build_mosaic(survey.files, box)
    assert 450 < mosaic.heights.mean() < 550
    assert mosaic.void_percentage == 0.0


def test_a_lock_is_freed_by_a_kill_and_waited_for_no_longer_than_said(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom tasks.common.locks import locked\n"
        "with locked(Path(sys.argv[1]), 1.0):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    path = tmp_path / ".lock"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], env=dict(os.environ, PYTHONPATH=str(ROOT)), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    started = time.monotonic()
    with pytest.raises(TimeoutError), locked(path, 0.3):
        pass
    assert time.monotonic() - started < 2.0
    process.kill()
    process.communicate()
    with locked(path, 5.0) as held:
        assert held
    assert not path.exists()


def test_a_country_without_30_m_cells_gets_90_m(server: FileServer, tmp_path: Path) -> None:
    write_cell(served(tmp_path / "www", "COPERNICUS_30", "N40_00_E044_00"), 44, 40)
    write_cell(served(tmp_path / "www", "COPERNICUS_90", "N40_00_E045_00"), 45, 40, side=120)
    parameters = DemParameters(dem_directory=str(tmp_path / "dem"), dem_reference=server.address)
    survey = fetch_cells(Box(44.5, 40.2, 45.5, 40.8), parameters, FAST)
    assert survey.kind == "COPERNICUS_30"
    assert survey.coarser == ("N40_00_E045_00",)
    assert (survey.missing, survey.sea, survey.problem) == ((), (), "")
    inside = fetch_cells(Box(45.2, 40.2, 45.5, 40.8), parameters, FAST)
    assert (inside.kind, inside.coarser) == ("COPERNICUS_90", ("N40_00_E045_00",))


def test_cells_around_a_tile_come_last_and_their_failure_is_no_error(server: FileServer, tmp_path: Path) -> None:
    """The tile lies in one cell; the margin reaches three more: one on the server, one sea, one that is no cell."""
    www = tmp_path / "www"
    write_cell(served(www, "COPERNICUS_30", "N47_00_E011_00"), 11, 47)
    write_cell(served(www, "COPERNICUS_30", "N47_00_E012_00"), 12, 47)
    broken = served(www, "COPERNICUS_30", "N46_00_E012_00")
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"<html>")
    parameters = DemParameters(dem_directory=str(tmp_path / "dem"), dem_reference=server.address)
    box, around = Box(11.4, 47.1, 11.9, 47.5), Box(11.4, 46.9, 12.1, 47.5)
    survey = fetch_cells(box, parameters, FAST, around)
    assert "E011" in server.asked[0][0]
    assert ([f.cell for f in survey.files], survey.missing, survey.problem) == (["N47_00_E011_00"], (), "")
    assert survey.outer == ()
    assert set(survey.outer_missing) == {"N46_00_E012_00", "N47_00_E012_00"}
    assert "no DEM cell" in survey.outer_problem
    broken.unlink()
    again = fetch_cells(box, parameters, FAST, around)
    assert [f.cell for f in again.outer] == ["N47_00_E012_00"]
    assert (again.outer_missing, again.outer_problem) == ((), "")
    asked = len(server.asked)
    assert fetch_cells(box, parameters, FAST, around) == again
    assert len(server.asked) == asked


def test_address_of_the_coarser_model() -> None:
    assert coarser_address("https://copernicus-dem-30m.example/") == "https://copernicus-dem-90m.example/"
    prism = "https://prism.example/download/COP-DEM_GLO-30-DGED__2021_1"
    assert coarser_address(prism) == "https://prism.example/download/COP-DEM_GLO-90-DGED__2021_1"
    assert coarser_address("https://mirror.example/30/dem") == "https://mirror.example/30/dem"


def test_open_ocean_is_sea_when_the_address_is_right(server: FileServer, tmp_path: Path) -> None:
    parameters = DemParameters(dem_directory=str(tmp_path / "dem"), dem_reference=server.address)
    ocean = Box(-30.8, 10.1, -29.2, 10.9)
    wrong = fetch_cells(ocean, parameters, FAST)
    assert wrong.kind is None
    assert "has none of the cells" in wrong.problem
    write_cell(served(tmp_path / "www", "COPERNICUS_30", PROBES["COPERNICUS_30"]), 11, 47)
    right = fetch_cells(ocean, parameters, FAST)
    assert (right.kind, right.files, right.missing, right.problem) == ("COPERNICUS_30", (), (), "")
    assert right.sea == ("N10_00_W031_00", "N10_00_W030_00")
    asked = len(server.asked)
    assert fetch_cells(ocean, parameters, FAST) == right
    assert len(server.asked) == asked


def tar_of(members: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return memory.getvalue()


def test_archives_with_traps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tar with ``../`` and a zip bomb: refused, nothing unpacked anywhere, nothing left."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    cell, www, target = "N47_00_E011_00", tmp_path / "www", tmp_path / "deep" / "dem"
    write_cell(tmp_path / "cell.tif", 11, 47)
    member = f"Copernicus_DSM_10_{cell}_DEM.tif"
    archive = www / "dged" / f"Copernicus_DSM_10_{cell}.tar"
    archive.parent.mkdir(parents=True)
    server = FileServer(www)
    content = (tmp_path / "cell.tif").read_bytes()
    try:
        for members in ({f"../../{member}": content}, {f"/{member}": content}, {"readme": b"nothing"}):
            archive.write_bytes(tar_of(members))
            with pytest.raises(AuxiliaryUnavailable, match="holds no"):
                download_cell(target, f"{server.address}/dged", "COPERNICUS_30", cell, FAST)
        archive.write_bytes(tar_of({f"DEM/{member}": content})[: len(content) // 2])
        with pytest.raises(AuxiliaryUnavailable, match=r"damaged archive|no DEM cell"):
            download_cell(target, f"{server.address}/dged", "COPERNICUS_30", cell, FAST)
        bomb = www / "srtm" / "srtm_39_03.zip"
        bomb.parent.mkdir()
        with (
            zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as stream,
            stream.open("srtm_39_03.tif", "w", force_zip64=True) as output,
        ):
            for _ in range(17):
                output.write(b"\0" * (64 << 20))
        assert bomb.stat().st_size < 4 << 20
        started = time.monotonic()
        with pytest.raises(AuxiliaryUnavailable, match="holds no"):
            download_cell(target, f"{server.address}/srtm", "SRTM_90", "srtm_39_03", FAST)
        assert time.monotonic() - started < 5.0
        archive.write_bytes(tar_of({f"DEM/{member}": content}))
        assert download_cell(target, f"{server.address}/dged", "COPERNICUS_30", cell, FAST)
    finally:
        server.close()
    assert [p.name for p in target.iterdir()] == [archive.name]
    written = {p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*") if p.is_file()}
    assert written == {"www", "deep", "cell.tif"}


def test_redirects_without_end_and_bodies_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FileServer(tmp_path)

    def loop(handler: object, _path: Path) -> None:
        handler.send_response(302)  # type: ignore[attr-defined]
        handler.send_header("Location", "/again.tif")  # type: ignore[attr-defined]
        handler.send_header("Content-Length", "0")  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]

    def endless(handler: object, _path: Path) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        try:
            while True:
                handler.wfile.write(b"\0" * 65536)  # type: ignore[attr-defined]
        except OSError:
            handler.close_connection = True  # type: ignore[attr-defined]

    try:
        monkeypatch.setattr(server, "answer", loop)
        with pytest.raises(AuxiliaryUnavailable, match="redirects"):
            download_cell(tmp_path / "dem", server.address, "COPERNICUS_30", "N47_00_E011_00", FAST)
        assert len(server.asked) <= 7
        monkeypatch.setattr(server, "answer", endless)
        small = Limits(2.0, 2.0, 20.0, attempts=2, first_pause_s=0.01, max_bytes=1 << 20)
        with pytest.raises(AuxiliaryUnavailable, match="more than 1048576 bytes"):
            download_cell(tmp_path / "dem", server.address, "COPERNICUS_30", "N47_00_E011_00", small)
    finally:
        server.close()
    assert list((tmp_path / "dem").iterdir()) == []
