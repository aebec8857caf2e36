"""Archives without a server: what is done is left alone, faults cost one product, two runs never do one twice."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_runs import endings, environment, run_sen2flow, start_sen2flow
from l1c_damage import DAMAGES
from l1c_factory import write_safe
from many_products import copies, smallest_product
from whole_runs import digests

STAGES = (
    "l1c", "dem", "esa_cci", "quality_masks", "meteo", "classification", "aot", "water_vapour",
    "surface_reflectance_20m", "surface_reflectance_10m", "surface_reflectance_60m", "images",
)  # fmt: skip
ROOM = ("--memory-mb", "0", "--disk-mb", "0")


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return smallest_product(tmp_path_factory.mktemp("smallest"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the home: one for all runs, since its auxiliary folders are part of what is compared."""
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def twelve(smallest: Path, place: Path) -> Path:
    """An archive with as many products as there are stages."""
    copies(smallest, place / "l1c", len(STAGES))
    return place / "l1c"


@pytest.fixture(scope="module")
def undisturbed(twelve: Path, place: Path) -> dict[str, dict[str, str]]:
    """The products of a run that nothing disturbs, by name."""
    done = run_sen2flow(
        "archive", twelve, "--output-dir", place / "plain", "--in-flight", "2", *ROOM, env=environment(place)
    )
    assert done.returncode == 0, done.stderr
    return contents(place / "plain")


@pytest.fixture(scope="module")
def four(twelve: Path) -> Path:
    """A list of four of them."""
    path = twelve.parent / "four.txt"
    names = sorted(product.name for product in twelve.iterdir())[:4]
    path.write_text("# four of twelve\n" + "\n".join(f"l1c/{name}" for name in names) + "\n", encoding="utf-8")
    return path


def first_four(products: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return dict(sorted(products.items())[:4])


def contents(folder: Path) -> dict[str, dict[str, str]]:
    return {path.name: digests(path) for path in sorted(folder.glob("*.SAFE"))}


def ledger_times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / ".sen2flow" / "ledger").iterdir()}


def test_second_run_does_nothing(undisturbed: dict[str, dict[str, str]], twelve: Path, place: Path) -> None:
    out = place / "plain"
    before = ledger_times(out)
    started = time.monotonic()
    done = run_sen2flow("archive", twelve, "--output-dir", out, *ROOM, env=environment(place))
    assert done.returncode == 0
    assert set(endings(done).values()) == {"unchanged"}
    assert time.monotonic() - started < 30
    assert ledger_times(out) == before
    assert contents(out) == undisturbed
    table = next(line for line in done.stdout.splitlines() if line.startswith("Summary: ")).removeprefix("Summary: ")
    rows = list(csv.DictReader(Path(table).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(STAGES)
    assert {row["ending"] for row in rows} == {"unchanged"}


@pytest.mark.slow
def test_what_a_result_depends_on_makes_it_anew(smallest: Path, tmp_path: Path) -> None:
    (product,) = copies(smallest, tmp_path / "l1c", 1)
    out, env = tmp_path / "out", environment(tmp_path)
    words = ("archive", tmp_path / "l1c", "--output-dir", out, *ROOM)

    def ending(*more: str) -> str:
        (found,) = endings(run_sen2flow(*words, *more, env=env)).values()
        return found

    assert ending() == "degraded"
    os.utime(product / "MTD_MSIL1C.xml")
    assert ending() == "unchanged", "the same bytes, only touched"
    assert len(contents(out)) == 1
    shutil.rmtree(next(out.glob("*.SAFE")))
    assert ending() == "degraded", "its product is gone"
    shutil.rmtree(next(out.glob("*.SAFE")))  # the clock stands still: the next product has the same name
    assert ending("--resolution", "20") == "degraded"
    assert ending("--resolution", "20") == "unchanged"
    shutil.rmtree(next(out.glob("*.SAFE")))
    maps = tmp_path / "home" / "aux_data"
    maps.mkdir()
    (maps / "GlobalSnowMap.tiff").write_bytes(b"no map")
    assert ending("--resolution", "20") == "degraded", "another edition of a global map"


@pytest.mark.slow
def test_killed_in_every_stage_and_retried(
    undisturbed: dict[str, dict[str, str]], twelve: Path, place: Path, tmp_path: Path
) -> None:
    kills, out, work = tmp_path / "kills", tmp_path / "out", tmp_path / "work"
    kills.mkdir()
    days = sorted(name.split("_")[2][:8] for name in undisturbed)
    for stage, day in zip(STAGES, days, strict=True):
        (kills / f"{stage}_{day}").touch()
    words = ("--output-dir", out, "--in-flight", "2", *ROOM)
    env = environment(place, TEST_KILLS=str(kills))
    done = run_sen2flow("archive", twelve, "--work-dir", work, *words, env=env)
    assert done.returncode == 1
    assert set(endings(done).values()) == {"crashed"}
    assert "killed by SIGKILL" in done.stdout
    assert contents(out) == {}
    images_made = {path.parent.name for path in work.glob("*/l1c/*") if not path.name.startswith(".")}
    assert images_made == {"l1c"}
    done = run_sen2flow("retry", *words, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(out) == undisturbed
    assert not list(work.rglob("*.part"))
    assert not list((out / ".sen2flow" / "claims").iterdir())
    again = run_sen2flow("retry", *words, env=env)
    assert (again.returncode, endings(again)) == (0, {})


def test_the_archive_run_itself_is_killed(
    undisturbed: dict[str, dict[str, str]], four: Path, place: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    env = environment(place, TEST_SLOW_STAGE="aot", TEST_SLOW_SECONDS="3")
    words = ("archive", four, "--output-dir", out, "--in-flight", "2", *ROOM)
    first = start_sen2flow(*words, env=env)
    wait_for(lambda: (out / ".sen2flow" / "claims").is_dir() and len(list(out.glob(".sen2flow/claims/*.claim"))) == 2)
    first.kill()
    first.communicate()
    done = run_sen2flow(*words, env=environment(place))
    assert set(endings(done).values()) <= {"degraded", "busy", "unchanged"}
    wait_for(lambda: not list(out.glob(".sen2flow/claims/*.claim")))
    done = run_sen2flow(*words, env=environment(place))
    assert set(endings(done).values()) == {"unchanged"}
    assert contents(out) == first_four(undisturbed)


def test_two_archive_runs_at_once_do_nothing_twice(
    undisturbed: dict[str, dict[str, str]], four: Path, place: Path, tmp_path: Path
) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    words = ("archive", four, "--output-dir", out, "--work-dir", work, "--in-flight", "2", *ROOM)
    runs = [start_sen2flow(*words, env=environment(place)) for _ in range(2)]
    ended = [run.communicate(timeout=300)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    text = "\n".join(ended)
    made = [line for line in text.splitlines() if line.startswith("degraded")]
    assert len(made) == 4, text
    assert contents(out) == first_four(undisturbed)


def test_damaged_products_among_good_ones(smallest: Path, tmp_path: Path) -> None:
    copies(smallest, tmp_path / "l1c", 2)
    sound = write_safe(tmp_path / "sound")
    for number, name in enumerate(("image_cut_off", "product_without_data")):
        given = DAMAGES[name](shutil.copytree(sound, tmp_path / name / sound.name))
        given.rename(tmp_path / "l1c" / given.name.replace("20240101T105439", f"2024010{number + 1}T105439"))
    out, env = tmp_path / "out", environment(tmp_path)
    words = ("archive", tmp_path / "l1c", "--output-dir", out, *ROOM)
    done = run_sen2flow(*words, env=env)
    assert done.returncode == 1
    found = endings(done)
    assert sorted(found.values()) == ["degraded", "degraded", "failed", "skipped"]
    assert found["20240102"] == "skipped"
    assert "Traceback" not in done.stderr
    again = endings(run_sen2flow(*words, env=env))
    assert sorted(again.values()) == ["refused", "skipped", "unchanged", "unchanged"]
    retried = run_sen2flow("retry", "--output-dir", out, *ROOM, env=env)
    assert endings(retried) == {"20240101": "refused"}, "the same bytes give the same error"


def test_a_product_that_hangs_is_ended(smallest: Path, tmp_path: Path) -> None:
    copies(smallest, tmp_path / "l1c", 1)
    env = environment(tmp_path, TEST_SLOW_STAGE="meteo", TEST_SLOW_SECONDS="300")
    done = run_sen2flow(
        "archive", tmp_path / "l1c", "--output-dir", tmp_path / "out", "--time-out-min", "0.15", *ROOM, env=env
    )
    assert done.returncode == 1
    assert list(endings(done).values()) == ["crashed"]
    assert "time-out" in done.stdout
    done = run_sen2flow("retry", "--output-dir", tmp_path / "out", *ROOM, env=environment(tmp_path))
    assert list(endings(done).values()) == ["degraded"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk(smallest: Path, small_disk: Path, tmp_path: Path) -> None:
    """The stages, then the products, do not fit: each time one line, nothing partial, and taken up with room."""
    copies(smallest, tmp_path / "l1c", 1)
    env, work = environment(tmp_path), small_disk / "work"
    words = ("--output-dir", tmp_path / "out", "--memory-mb", "0")
    archive = ("archive", tmp_path / "l1c", "--work-dir", work)
    before = run_sen2flow(*archive, *words, "--disk-mb", "10", env=env)
    assert list(endings(before).values()) == ["not-started"]
    assert "MB free, 10 MB wanted" in before.stdout
    done = run_sen2flow(*archive, *words, "--disk-mb", "0", env=env)
    assert list(endings(done).values()) == ["failed"], done.stdout + done.stderr
    assert "No space left on device" in done.stdout
    assert contents(tmp_path / "out") == {}
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    done = run_sen2flow("retry", *words, "--disk-mb", "0", env=env)
    assert list(endings(done).values()) == ["degraded"], done.stdout + done.stderr
    plain = run_sen2flow(
        "archive", tmp_path / "l1c", "--output-dir", tmp_path / "plain", *ROOM, env=environment(tmp_path)
    )
    assert plain.returncode == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")


def test_stopped_by_the_user(four: Path, place: Path, tmp_path: Path) -> None:
    env = environment(place, TEST_SLOW_STAGE="meteo", TEST_SLOW_SECONDS="60")
    run = start_sen2flow("archive", four, "--output-dir", tmp_path / "out", "--in-flight", "2", *ROOM, env=env)
    wait_for(lambda: len(list(tmp_path.glob("out/.sen2flow/claims/*.claim"))) == 2)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=180)
    assert run.returncode == 130
    assert "Traceback" not in errors
    wait_for(lambda: not alive_children(tmp_path / "out"))


def alive_children(out: Path) -> list[str]:
    """Return the processes that still work on an output folder."""
    from flows.archive.claims import is_claimed

    folder = out / ".sen2flow" / "claims"
    return [p.name for p in folder.glob("*.claim") if is_claimed(folder, p.name.rsplit(".", 2)[0])]


def wait_for(true, seconds: float = 60.0) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)
