"""``sen2flow inspect`` on what one archive run read and wrote."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from archive_runs import environment, run_sen2flow
from many_products import copies, smallest_product
from typer.testing import CliRunner

from flows.cli.sen2flow import app


class Run(NamedTuple):
    level_1c: Path
    out: Path
    work: Path

    def inspect(self, path: Path, *words: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["inspect", str(path), *words])
        return done.exit_code, done.stdout, done.stderr

    def document(self, path: Path) -> tuple[int, Any]:
        code, out, _ = self.inspect(path, "--json")
        return code, json.loads(out)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("inspect")
    (product,) = copies(smallest_product(folder / "smallest"), folder / "l1c", 1)
    made = Run(product, folder / "out", folder / "work")
    words = ("--output-dir", made.out, "--work-dir", made.work, "--memory-mb", "0", "--disk-mb", "0")
    done = run_sen2flow("archive", product, *words, env=environment(folder))
    assert done.returncode == 0, done.stderr
    return made


def test_level_1c_folder_and_archive(run: Run, tmp_path: Path) -> None:
    code, found = run.document(run.level_1c)
    assert (code, found["kind"]) == (0, "Level-1C")
    assert found["figures"]["platform"] == "Sentinel-2A"
    (granule,) = found["granules"]
    assert (granule["figures"]["tile"], granule["figures"]["rows (10 m)"], granule["figures"]["bands"]) == (
        "32TMQ", 120, 13,
    )  # fmt: skip
    archive = shutil.make_archive(str(tmp_path / "one"), "zip", run.level_1c.parent, run.level_1c.name)
    assert run.document(Path(archive))[1]["granules"] == found["granules"]


def test_level_2a(run: Run, tmp_path: Path) -> None:
    (product,) = run.out.glob("*.SAFE")
    code, found = run.document(product)
    assert (code, found["kind"], found["complete"]) == (0, "Level-2A", True)
    (granule,) = found["granules"]
    assert granule["figures"]["VEGETATION_PERCENTAGE"] >= 0
    assert "L2A-DEM-FLAT" in {fallback["code"] for fallback in granule["fallbacks"]}
    part = shutil.copytree(product, tmp_path / "part.SAFE", copy_function=lambda a, b: shutil.copyfile(a, b))
    (part / "manifest.safe").unlink()
    code, out, _ = run.inspect(part)
    assert code == 1
    assert "not complete" in out


def test_work_folder_with_a_damaged_stage(run: Run, tmp_path: Path) -> None:
    code, found = run.document(run.work)
    assert (code, found["kind"]) == (0, "work folder")
    (tile,) = found["tiles"]
    assert len(tile["stages"]) == 12
    assert tile["stages"][0]["stage"] == "l1c"
    assert all(stage["sound"] for stage in tile["stages"])
    assert tile["stages"][0]["bytes"] > 13 * 2 * 60 * 60
    copy = shutil.copytree(run.work, tmp_path / "work")
    array = next(copy.glob("*/aot/*/aot_20m.npy"))
    array.write_bytes(array.read_bytes()[:-7])
    code, out, _ = run.inspect(copy)
    assert code == 1
    assert out.count("DAMAGED") == 1
    code, found = run.document(next(copy.iterdir()))
    assert [stage["stage"] for tile in found["tiles"] for stage in tile["stages"] if not stage["sound"]] == ["aot"]


def test_ledger(run: Run, tmp_path: Path) -> None:
    code, found = run.document(run.out)
    assert (code, found["kind"], found["counts"]) == (0, "archive", {"done": 1})
    shutil.copytree(run.out / ".sen2flow", tmp_path / ".sen2flow")
    (entry,) = (tmp_path / ".sen2flow" / "ledger").iterdir()
    entry.write_text(entry.read_text().replace('"status": "done"', '"status": "failed"'))
    code, out, _ = run.inspect(tmp_path)
    assert code == 1
    assert "1 failed" in out


def test_nothing_known(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        code, out, error = run.inspect(path)
        assert (code, out) == (1, "")
        assert error.startswith("sen2flow inspect: ")
        assert len(error.splitlines()) == 1
