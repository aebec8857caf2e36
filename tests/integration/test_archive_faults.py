"""Faults of an archive run that a retry makes good: elevation server away, stored stage cut off, work folder shared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from archive_runs import ROOT, endings, environment, run_sen2flow
from dem_cells import served, write_cell
from many_products import copies, smallest_product
from misbehaving_server import FileServer
from service import free_port
from whole_runs import FIXED_TIME, digests

from tasks.common.gipp.defaults import default_gipp_folder
from tasks.dem.cells import cells_covering
from tasks.dem.footprint import geographic_box
from tasks.l1c.archive import open_input
from tasks.l1c.load import load_source, tile_references

pytestmark = pytest.mark.slow
ROOM = ("--memory-mb", "0", "--disk-mb", "0")


def contents(folder: Path) -> dict[str, dict[str, str]]:
    return {path.name: digests(path) for path in sorted(folder.glob("*.SAFE"))}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only product of its folder."""
    folder = tmp_path_factory.mktemp("faults")
    return copies(smallest_product(folder / "smallest"), folder / "l1c", 1)[0]


def serve_cells(product: Path, folder: Path) -> None:
    """Put the product's elevation cells where a file server of ``folder`` has them."""
    (tile,) = tile_references(open_input(product, folder), folder)
    for cell in cells_covering(geographic_box(load_source(tile).tile.grid), "COPERNICUS_30"):
        west, south = int(cell[8:11]) * (1 if cell[7] == "E" else -1), int(cell[1:3]) * (1 if cell[0] == "N" else -1)
        write_cell(served(folder, "COPERNICUS_30", cell), west, south)


def configured(folder: Path, port: int, *, force_exit: bool) -> Path:
    """Write a GIPP that fetches its elevation from a port of this machine."""
    text = (default_gipp_folder() / "L2A_GIPP.xml").read_text(encoding="utf-8")
    words = {
        "<DEM_Directory>NONE<": f"<DEM_Directory>{folder / 'dem'}<",
        "<DEM_Reference>NONE<": f"<DEM_Reference>http://127.0.0.1:{port}<",
    }
    if force_exit:
        words["<Force_Exit_On_DEM_Error>FALSE<"] = "<Force_Exit_On_DEM_Error>TRUE<"
    for old, new in words.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = folder / "L2A_GIPP.xml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("force_exit", [False, True])
def test_elevation_server_down_then_up(product: Path, tmp_path: Path, force_exit: bool) -> None:
    serve_cells(product, tmp_path / "www")
    port, env = free_port(), environment(tmp_path, NO_PROXY="127.0.0.1")
    gipp, out = configured(tmp_path, port, force_exit=force_exit), tmp_path / "out"
    words = ("--work-dir", tmp_path / "work", "--gip-l2a", gipp, *ROOM)
    done = run_sen2flow("archive", product, "--output-dir", out, *words, env=env)
    if force_exit:
        assert list(endings(done).values()) == ["failed"], done.stdout
        assert f"127.0.0.1:{port}" in done.stdout, "the message names the server"
        assert contents(out) == {}
        again = ("retry",)
    else:
        assert list(endings(done).values()) == ["degraded"], done.stdout
        (flat,) = out.glob("*.SAFE")
        report = next(flat.glob("GRANULE/*/QI_DATA/L2A_QUALITY.xml")).read_text()
        assert "L2A-DEM-DOWNLOAD" in report
        assert "L2A-DEM-FLAT" in report
        flat.rename(tmp_path / "flat.SAFE")  # the clock stands still: the next product has the same name
        again = ("retry", "--state", "degraded", "--code", "L2A-DEM")
    server = FileServer(tmp_path / "www", port=port)
    retried = run_sen2flow(*again, "--output-dir", out, *ROOM, env=env)
    assert list(endings(retried).values()) == ["degraded"], retried.stdout + retried.stderr  # the maps still lack
    server.close()
    (made,) = out.glob("*.SAFE")
    assert "L2A-DEM" not in next(made.glob("GRANULE/*/QI_DATA/L2A_QUALITY.xml")).read_text()

    plain = run_sen2flow(
        "archive", product, "--output-dir", tmp_path / "plain", "--gip-l2a", gipp, *ROOM, env=env
    )  # its cells lie in the folder by now
    assert plain.returncode == 0, plain.stdout
    assert contents(out) == contents(tmp_path / "plain")


def test_stored_stage_cut_off_and_retried(product: Path, tmp_path: Path) -> None:
    """Killed while it encodes; then a finished stage is cut off; the retry makes that one again and uses the others."""
    kills, out, work = tmp_path / "kills", tmp_path / "out", tmp_path / "work"
    kills.mkdir()
    (kills / f"images_{product.name.split('_')[2][:8]}").touch()
    env = environment(tmp_path, TEST_KILLS=str(kills))
    done = run_sen2flow("archive", product, "--output-dir", out, "--work-dir", work, *ROOM, env=env)
    assert list(endings(done).values()) == ["crashed"]
    assert contents(out) == {}
    array = next(work.glob("*/aot/*/aot_20m.npy"))
    array.write_bytes(array.read_bytes()[:-7])
    before = {path: path.stat().st_mtime_ns for path in work.glob("*/*/*/result.json")}
    retried = run_sen2flow("retry", "--output-dir", out, *ROOM, env=env)
    assert list(endings(retried).values()) == ["degraded"], retried.stdout
    again = [path.parent.parent.name for path, moment in before.items() if path.stat().st_mtime_ns != moment]
    assert again == ["aot"]
    plain = run_sen2flow("archive", product, "--output-dir", tmp_path / "plain", *ROOM, env=env)
    assert plain.returncode == 0
    assert contents(out) == contents(tmp_path / "plain")


def test_two_runs_of_one_product_without_a_work_folder(product: Path, tmp_path: Path) -> None:
    """Neither takes the other's stages away, and nothing is left below the home."""
    program = f"{FIXED_TIME}\nfrom flows.cli.l2a_process import main; main()"
    env = environment(tmp_path) | {"PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(product), "--output_dir", str(tmp_path / name)],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in ("one", "two")
    ]  # fmt: skip
    for run in runs:
        _, errors = run.communicate(timeout=600)
        assert run.returncode == 0, errors
    (one,), (two,) = (list((tmp_path / name).glob("*.SAFE")) for name in ("one", "two"))
    assert digests(one) == digests(two)
    assert [path.name for path in (tmp_path / "home" / "work").iterdir()] == [".claims"]
    assert not list((tmp_path / "home" / "work" / ".claims").iterdir())
