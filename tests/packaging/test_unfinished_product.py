"""A product appears complete or not at all, also when the process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.common.errors import InvalidConfiguration, TransientIO
from tasks.packaging.unfinished import unfinished_product

STEM = "S2A_MSIL2A_20210713T032051_N9999_R032_T48LWP"
NAME = f"{STEM}_20260102T030405.SAFE"


def test_folder_is_renamed_at_the_end(tmp_path: Path) -> None:
    with unfinished_product(tmp_path / "new" / NAME, STEM) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("x")
        assert folder.name.startswith(".")
        assert not (tmp_path / "new" / NAME).exists()
    assert (tmp_path / "new" / NAME / "sub" / "file").read_text() == "x"
    assert [p.name for p in (tmp_path / "new").iterdir()] == [NAME]


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with unfinished_product(tmp_path / NAME, STEM) as folder:
            (folder / "file").write_text("x")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert not list(tmp_path.iterdir())


def test_disk_errors_can_be_retried(tmp_path: Path) -> None:
    with pytest.raises(TransientIO, match="No space left"), unfinished_product(tmp_path / NAME, STEM) as folder:
        raise OSError(28, "No space left on device", str(folder / "file"))
    assert not list(tmp_path.iterdir())


def test_existing_product_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(InvalidConfiguration, match="exists already"), unfinished_product(tmp_path / NAME, STEM):
        pytest.fail("entered")
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


def test_product_that_appears_meanwhile_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="meanwhile"), unfinished_product(tmp_path / NAME, STEM):
        (tmp_path / NAME).mkdir()
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


def start_writer(folder: Path, name: str) -> subprocess.Popen[str]:
    """Start a process that is in the middle of writing a product."""
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom tasks.packaging.unfinished import unfinished_product\n"
        f"with unfinished_product(Path({str(folder / name)!r}), {STEM!r}) as part:\n"
        "    (part / 'half').write_text('x')\n    print('writing', flush=True)\n    time.sleep(60)\n"
    )
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def test_killed_run_leaves_no_product_and_the_next_run_cleans_up(tmp_path: Path) -> None:
    killed = start_writer(tmp_path, NAME)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / NAME).exists()
    assert len(list(tmp_path.iterdir())) == 1, "the hidden folder of the killed run"
    other = tmp_path / f".S2A_MSIL2A_OTHER_{killed.pid}.SAFE.{killed.pid}.part"
    other.mkdir()
    later = f"{STEM}_20260102T040000.SAFE"
    with unfinished_product(tmp_path / later, STEM):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([later, other.name])


def test_folder_of_a_living_run_stays(tmp_path: Path) -> None:
    alive = start_writer(tmp_path, NAME)
    try:
        with unfinished_product(tmp_path / f"{STEM}_20260102T040000.SAFE", STEM):
            pass
        assert (tmp_path / f".{NAME}.{alive.pid}.part" / "half").exists()
    finally:
        alive.kill()
        alive.wait()


def test_locked_folder_of_another_machine_stays(tmp_path: Path) -> None:
    """Its process number means nothing here; the lock does."""
    alive = start_writer(tmp_path, NAME)
    try:
        dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
        foreign = tmp_path / f".{NAME}.{int(dead.stdout)}.part"
        (tmp_path / f".{NAME}.{alive.pid}.part").rename(foreign)
        with unfinished_product(tmp_path / f"{STEM}_20260102T040000.SAFE", STEM):
            pass
        assert (foreign / "half").exists()
        alive.kill()
        alive.wait()
        time.sleep(0.05)
        with unfinished_product(tmp_path / f"{STEM}_20260102T050000.SAFE", STEM):
            pass
        assert not foreign.exists()
    finally:
        alive.kill()
        alive.wait()
