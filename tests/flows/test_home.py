"""The Sen2Cor home: first use, later use, use by several at once, and homes that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import home as home_module
from flows.cli.home import Home, find_gipp, home_folder, prepare_home, resolve_gipp
from flows.cli.options import L2AProcessOptions
from tasks.common.errors import InvalidConfiguration
from tasks.common.gipp.defaults import GIPP_FILES, default_gipp_files

REPOSITORY = Path(__file__).parents[2]


def prepare(folder: Path) -> tuple[Home, list[str]]:
    said: list[str] = []
    return prepare_home({"SEN2COR_HOME": str(folder)}, said.append), said


def options(**changes: object) -> L2AProcessOptions:
    return L2AProcessOptions.model_validate({"input_dir": Path("/x.SAFE"), **changes})


def test_home_is_the_environments_or_the_customary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home_folder({}) == tmp_path / "sen2cor" / "2.11"
    assert home_folder({"SEN2COR_HOME": " "}) == tmp_path / "sen2cor" / "2.11"
    assert home_folder({"SEN2COR_HOME": "~/mine"}) == tmp_path / "mine"
    monkeypatch.chdir(tmp_path)
    assert home_folder({"SEN2COR_HOME": "here"}) == tmp_path / "here"


def test_unknown_home_directory_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(_path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    with pytest.raises(InvalidConfiguration, match="set SEN2COR_HOME to a folder"):
        home_folder({})


def test_first_use_copies_the_defaults_and_says_so(tmp_path: Path) -> None:
    home, said = prepare(tmp_path / "new" / "home")
    assert sorted(p.name for p in home.folder.iterdir()) == ["cfg", "dem", "log"]
    assert sorted(p.name for p in home.cfg.iterdir()) == sorted(GIPP_FILES.values())
    for default in default_gipp_files().values():
        copy = home.cfg / default.name
        assert copy.read_bytes() == default.read_bytes()
        assert f"{default} -> {copy}" in said
        assert copy in home.created
    assert home.notes == ()


def test_second_use_changes_nothing_and_says_nothing(tmp_path: Path) -> None:
    prepare(tmp_path)
    mine = tmp_path / "cfg" / "L2A_GIPP.xml"
    mine.write_text("mine", encoding="utf-8")
    (tmp_path / "cfg" / "L2A_PB_GIPP.xml").unlink()
    (tmp_path / "cfg" / "L2A_CAL_SC_GIPP.xml").unlink()
    (tmp_path / "cfg" / "L2A_CAL_SC_GIPP.xml").symlink_to(tmp_path / "not-there")
    home, said = prepare(tmp_path)
    assert mine.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "cfg" / "L2A_CAL_SC_GIPP.xml").is_symlink()
    assert [p.name for p in home.created] == ["L2A_PB_GIPP.xml"]
    assert len(said) == 1
    assert prepare(tmp_path)[1] == []


def test_file_that_appears_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module.os.path, "lexists", lambda _path: False)
    (tmp_path / "cfg").mkdir()
    mine = tmp_path / "cfg" / "L2A_GIPP.xml"
    mine.write_text("mine", encoding="utf-8")
    home, _ = prepare(tmp_path)
    assert mine.read_text(encoding="utf-8") == "mine"
    assert mine not in home.created


def test_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: object, _target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(home_module.os, "link", refuse)
    home, _ = prepare(tmp_path)
    assert len(home.created) == 4
    assert sorted(p.name for p in home.cfg.iterdir()) == sorted(GIPP_FILES.values())


def test_first_uses_at_once(tmp_path: Path) -> None:
    code = "from flows.cli.home import prepare_home; print(len(prepare_home().created), len(prepare_home().notes))"
    environment = {**os.environ, "SEN2COR_HOME": str(tmp_path / "home"), "PYTHONPATH": str(REPOSITORY)}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    outputs = [run.communicate(timeout=60)[0].split() for run in runs]
    assert all(run.returncode == 0 for run in runs)
    assert sum(int(created) for created, _ in outputs) == 4
    assert {notes for _, notes in outputs} == {"0"}
    assert sorted(p.name for p in (tmp_path / "home" / "cfg").iterdir()) == sorted(GIPP_FILES.values())


def test_home_that_cannot_be_written_falls_back_to_the_installed_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError(30, "Read-only file system")

    (tmp_path / "cfg").mkdir()
    own = tmp_path / "cfg" / "L2A_GIPP.xml"
    own.write_bytes(default_gipp_files()["l2a"].read_bytes().replace(b">40.0<", b">60.0<"))
    monkeypatch.setattr(Path, "mkdir", refuse)
    home, said = prepare(tmp_path)
    assert len(said) == 1
    assert said[0].startswith(f"home {tmp_path} cannot be written (Read-only file system)")
    gipp = resolve_gipp(options(), home)
    assert gipp.values["visibility"] == 60.0
    assert gipp.files == {**default_gipp_files(), "l2a": own}
    assert gipp.notes == home.notes


def test_home_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("x", encoding="utf-8")
    with pytest.raises(InvalidConfiguration, match="is not a folder: set SEN2COR_HOME"):
        prepare(target)


def test_interrupted_copy_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_source: object, _target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(home_module.shutil, "copyfile", fail)
    home, said = prepare(tmp_path)
    assert list(home.cfg.iterdir()) == []
    assert "No space left on device" in said[0]


def test_chosen_gipp_is_looked_for_here_then_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, _ = prepare(tmp_path / "home")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (home.cfg / "both.xml").write_text("home", encoding="utf-8")
    assert find_gipp("l2a", Path("both.xml"), home) == home.cfg / "both.xml"
    (work / "both.xml").write_text("here", encoding="utf-8")
    assert find_gipp("l2a", Path("both.xml"), home) == work / "both.xml"
    assert find_gipp("l2a", work / "both.xml", home) == work / "both.xml"
    with pytest.raises(InvalidConfiguration) as caught:
        find_gipp("ac", Path("absent.xml"), home)
    assert str(caught.value) == f"--GIP_L2A_AC absent.xml: no such file, neither here nor in {home.cfg}"
    with pytest.raises(InvalidConfiguration, match=r"--GIP_L2A /absent\.xml: no such file$"):
        find_gipp("l2a", Path("/absent.xml"), home)
    with pytest.raises(InvalidConfiguration, match="no such file"):
        find_gipp("l2a", work, home)


def test_home_files_are_read_and_options_win(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    home, _ = prepare(tmp_path)
    scene = home.cfg / "L2A_CAL_SC_GIPP.xml"
    scene.write_text(scene.read_text(encoding="utf-8").replace("<T1_B02>0.18<", "<T1_B02>0.19<"), encoding="utf-8")
    main = tmp_path / "mine.xml"
    text = (home.cfg / "L2A_GIPP.xml").read_text(encoding="utf-8")
    main.write_text(text.replace("<Adj_Km>", "<Fog>1</Fog><Adj_Km>"), encoding="utf-8")
    gipp = resolve_gipp(options(gip_l2a=main, processing_baseline="05.11"), home)
    assert gipp.values["t1_b02"] == 0.19
    assert gipp.files["l2a"] == main
    assert gipp.processing_baseline == "05.11"
    assert len(gipp.notes) == 1
    assert "unknown element <Fog> ignored" in gipp.notes[0]
    assert gipp.notes[0] in caplog.text


def test_elevation_folder_is_below_the_home_or_absolute(tmp_path: Path) -> None:
    home, _ = prepare(tmp_path)
    gipp = resolve_gipp(options(), home)
    assert home.dem_directory(gipp) is None
    for name, expected in (("dem/CopernicusDEM90", tmp_path / "dem" / "CopernicusDEM90"), ("/dem", Path("/dem"))):
        named = gipp.model_copy(update={"values": {**gipp.values, "dem_directory": name}})
        assert home.dem_directory(named) == expected
