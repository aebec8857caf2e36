"""``sen2flow config``: what is in force, what differs, and which files can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli.sen2flow import app
from tasks.common.gipp.defaults import GIPP_FILES, default_gipp_folder


@pytest.fixture
def sen2flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SEN2COR_HOME", str(tmp_path / "home"))
    return lambda *words: CliRunner().invoke(app, ["config", *map(str, words)])


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    text = (default_gipp_folder() / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = folder / f"my_{name}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_everything_in_force(sen2flow: Any, tmp_path: Path) -> None:
    document = json.loads(sen2flow("show", "--json").stdout)
    assert {setting["file"] for setting in document["settings"]} == set(GIPP_FILES)
    assert all(setting["is_default"] for setting in document["settings"])
    ozone = next(setting for setting in document["settings"] if setting["name"] == "Ozone_Content")
    assert ozone["allowed"]
    assert ozone["meaning"]
    assert document["files"]["l2a"] == str(tmp_path / "home" / "cfg" / "L2A_GIPP.xml")
    shown = sen2flow("show").stdout
    assert "Common_Section/Log_Level" in shown
    assert "  * " not in shown


def test_differences_of_a_file(sen2flow: Any, tmp_path: Path) -> None:
    mine = changed(tmp_path, "L2A_GIPP.xml", "<Visibility>40.0<", "<Visibility>23.0<")
    found = json.loads(sen2flow("show", "--gip-l2a", mine, "--differences", "--json").stdout)
    assert [(s["name"], s["value"], s["default"]) for s in found["settings"]] == [("Visibility", 23.0, 40.0)]
    line = next(x for x in sen2flow("show", "--gip-l2a", mine).stdout.splitlines() if "/Visibility " in x)
    assert line.startswith("  * ")
    assert "(shipped: 40.0)" in line


@pytest.mark.parametrize("name", GIPP_FILES.values())
def test_shipped_files_can_be_used(sen2flow: Any, name: str) -> None:
    done = sen2flow("check", default_gipp_folder() / name)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1].endswith(f"{name}: can be used")


def test_wrong_files_are_refused_in_one_line(sen2flow: Any, tmp_path: Path) -> None:
    wrong = changed(tmp_path, "L2A_GIPP.xml", "<Visibility>40.0<", "<Visibility>400<")
    other = tmp_path / "other.xml"
    other.write_text("<Something/>")
    for path, words in ((wrong, "<Visibility> is '400', expected"), (other, "root element is <Something>"),
                        (tmp_path / "none.xml", "no such file")):  # fmt: skip
        done = sen2flow("check", path)
        assert done.exit_code == 1
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_unknown_element_is_a_note(sen2flow: Any, tmp_path: Path) -> None:
    mine = changed(tmp_path, "L2A_GIPP.xml", "<Visibility>", "<Visibilty>1</Visibilty><Visibility>")
    done = sen2flow("check", mine)
    assert done.exit_code == 0
    assert "note: my_L2A_GIPP.xml, line" in done.stdout
    assert "did you mean <Visibility>" in done.stdout
