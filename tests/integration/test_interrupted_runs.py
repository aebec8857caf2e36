"""A run that is killed leaves no product; the next one takes up what was finished and gives the same bytes."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from whole_runs import FIXED_TIME, digests, product_of, run_program

STAGES = (
    "l1c", "dem", "esa_cci", "quality_masks", "meteo", "classification", "aot", "water_vapour",
    "surface_reflectance_20m", "surface_reflectance_10m", "surface_reflectance_60m", "images",
)  # fmt: skip

KILL_INSIDE = """
import os, signal
from tasks.common import artefacts
finish = artefacts.StageWriter.finish
def killed(self, *args, **kwargs):
    if self.stage == {stage!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    return finish(self, *args, **kwargs)
artefacts.StageWriter.finish = killed
"""
"""Kills the process when a stage has written its arrays and its result is not yet in place."""

KILL_WHILE_PACKAGING = """
import os, signal
from tasks.packaging import product
def killed(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
product.manifest = killed
"""
"""Kills the process when the product's folder has all its images but no manifest yet."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all runs: its folders of auxiliary data are part of the stages' fingerprints."""
    return tmp_path_factory.mktemp("user") / "home"


@pytest.fixture(scope="module")
def undisturbed(small_product: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    return product_of(run_program(small_product, "--output_dir", folder / "out", home=home, before=FIXED_TIME))


def test_killed_in_every_stage_and_taken_up(small_product: Path, undisturbed: Path, home: Path, tmp_path: Path) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    words = (small_product, "--output_dir", out, "--work_dir", work)
    for number, stage in enumerate(STAGES):
        done = run_program(*words, home=home, before=FIXED_TIME + KILL_INSIDE.format(stage=stage))
        assert done.returncode == -signal.SIGKILL, (stage, done.stderr)
        assert not out.exists() or list(out.glob("*.SAFE")) == []
        finished = {path.parent.parent.name for path in work.glob("*/*/*/result.json")}
        assert finished == set(STAGES[:number])
    done = run_program(*words, home=home, before=FIXED_TIME + KILL_WHILE_PACKAGING)
    assert done.returncode == -signal.SIGKILL
    assert list(out.glob("*.SAFE")) == []

    written = {path: path.stat().st_mtime_ns for path in work.glob("*/*/*/result.json")}
    assert len(written) == len(STAGES)
    product = product_of(run_program(*words, home=home, before=FIXED_TIME))
    assert {path: path.stat().st_mtime_ns for path in work.glob("*/*/*/result.json")} == written
    assert product.name == undisturbed.name
    assert digests(product) == digests(undisturbed)
    assert [path.name for path in out.iterdir()] == [product.name]
    assert not list(work.rglob("*.part"))


def test_damaged_artefact_is_made_again(small_product: Path, undisturbed: Path, home: Path, tmp_path: Path) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    words = (small_product, "--work_dir", work)
    product_of(run_program(*words, "--output_dir", tmp_path / "first", home=home, before=FIXED_TIME))
    array = next(work.glob("*/aot/*/aot_20m.npy"))
    array.write_bytes(array.read_bytes()[:-7])
    product = product_of(run_program(*words, "--output_dir", out, home=home, before=FIXED_TIME))
    assert digests(product) == digests(undisturbed)
