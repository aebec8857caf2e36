"""``L2A_Process`` as a user runs it: what it prints, what it leaves, and what a mistake costs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from l1c_damage import DAMAGES
from l1c_factory import write_safe
from whole_runs import digests, product_of, run_program

from flows.cli.l2a_process import main
from tasks.common.bands import EXPORTED_BANDS

PROGRESS = re.compile(r"Progress\[%\]: \d+\.\d\d : PID-\d+, \S+, elapsed time\[s\]: \d+\.\d{3}, total: \d+:\d\d:\d\d")


def test_first_run(small_product: Path, tmp_path: Path) -> None:
    before = digests(small_product)
    home, out = tmp_path / "home", tmp_path / "out"
    done = run_program(small_product, "--output_dir", out, home=home)
    product = product_of(done)
    assert done.returncode == 0
    assert product.parent == out
    assert re.fullmatch(r"S2A_MSIL2A_20250615T102031_N9999_R108_T32TMQ_\d{8}T\d{6}\.SAFE", product.name)
    lines = [line for line in done.stdout.splitlines() if line.startswith("Progress")]
    assert all(PROGRESS.fullmatch(line) for line in lines[:-1])
    assert sorted(path.name for path in (home / "cfg").iterdir()) == [
        "L2A_CAL_AC_GIPP.xml",
        "L2A_CAL_SC_GIPP.xml",
        "L2A_GIPP.xml",
        "L2A_PB_GIPP.xml",
    ]
    assert f"-> {home / 'cfg' / 'L2A_GIPP.xml'}" in done.stderr
    assert digests(small_product) == before
    assert not list((home / "work").glob("T*")), "without --work_dir nothing is kept"
    assert not list(out.rglob("*.aux.xml"))


def test_archive_and_single_granule_give_the_same_images(small_product: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(
        str(tmp_path / small_product.stem), "zip", root_dir=small_product.parent, base_dir=small_product.name
    )
    granule = next((small_product / "GRANULE").iterdir())
    images = []
    for number, given in enumerate((archive, granule)):
        done = run_program(
            given, "--resolution", "20", "--output_dir", tmp_path / f"out{number}", home=tmp_path / "home"
        )
        found = digests(product_of(done))
        images.append({name: digest for name, digest in found.items() if name.endswith(".jp2")})
    assert images[0] == images[1]
    assert not any("R10m" in name for name in images[0])


def test_sixty_metres_alone(small_product: Path, tmp_path: Path) -> None:
    done = run_program(small_product, "--resolution", "60", "--output_dir", tmp_path / "out", home=tmp_path / "home")
    product = product_of(done)
    folders = [folder.name for folder in product.glob("GRANULE/*/IMG_DATA/*")]
    names = {path.name.split("_", 2)[2] for path in product.glob("GRANULE/*/IMG_DATA/R60m/*.jp2")}
    assert folders == ["R60m"]
    kinds = ("AOT", "WVP", "SCL", "TCI", *EXPORTED_BANDS[60])
    assert names == {f"{kind}_60m.jp2" for kind in kinds}
    listed = (product / "MTD_MSIL2A.xml").read_text()
    assert {f"{kind}_60m" for kind in kinds} == set(re.findall(r"R60m/T32TMQ_\w+?_(\w+_60m)<", listed))
    assert "_20m" not in listed


def test_options_reach_names_and_metadata(small_product: Path, tmp_path: Path) -> None:
    done = run_program(
        small_product, "--resolution=20", "--output_dir", tmp_path / "out", "--processing_baseline", "05.11",
        "--processing_centre", "2APS", "--archiving_centre", "VGS4", home=tmp_path / "home",
    )  # fmt: skip
    product = product_of(done)
    assert "_N0511_" in product.name
    tile = next(product.glob("GRANULE/*/MTD_TL.xml")).read_text()
    assert re.search(r"S2A_OPER_MSI_L2A_TL_2APS_\d{8}T\d{6}_A052157_T32TMQ_N05\.11<", tile)
    assert "<ARCHIVING_CENTRE>VGS4</ARCHIVING_CENTRE>" in tile


def test_a_switch_that_has_no_effect_is_said(small_product: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_program("--help", home=home)
    gipp = tmp_path / "my_GIPP.xml"
    text = (Path(__file__).resolve().parents[2] / "config" / "gipp" / "L2A_GIPP.xml").read_text()
    text = text.replace("<Cirrus_Correction>FALSE<", "<Cirrus_Correction>TRUE<")
    gipp.write_text(text.replace("<Database_Compression_Level>0<", "<Database_Compression_Level>5<"))
    done = run_program(
        small_product, "--resolution", "20", "--output_dir", tmp_path / "out", "--GIP_L2A", gipp, home=home
    )
    product_of(done)
    assert "L2A-GIPP-UNUSED" in done.stderr
    assert "database_compression_level" in done.stderr
    assert "cirrus_correction =" not in done.stderr
    assert "cirrus:" in done.stderr  # the stage has run


@pytest.fixture(scope="module")
def sound_safe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_safe(tmp_path_factory.mktemp("sound"))


@pytest.mark.parametrize("name", [name for name in DAMAGES if name != "product_without_data"])
def test_damaged_product(
    name: str, sound_safe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, out = tmp_path / "inputs", tmp_path / "out"
    inputs.mkdir()
    monkeypatch.setenv("SEN2COR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    given = DAMAGES[name](shutil.copytree(sound_safe, inputs / sound_safe.name))
    before = digests(inputs)
    with pytest.raises(SystemExit) as ended:
        main([str(given), "--output_dir", str(out)])
    shown = capsys.readouterr()
    assert ended.value.code == 1
    complaints = [line for line in shown.err.splitlines() if line.startswith("L2A_Process: ")]
    assert len(complaints) == 1
    assert shown.err.splitlines()[-1] == complaints[0]
    assert "Traceback" not in shown.err
    assert "internal error" not in shown.err
    assert shown.out.splitlines()[-1].endswith("Application terminated with at least one error.")
    assert not out.exists() or not list(out.iterdir())
    assert digests(inputs) == before


def test_product_without_data_is_skipped(
    sound_safe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sound, and nothing can come of it: no failure, no product."""
    monkeypatch.setenv("SEN2COR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    given = DAMAGES["product_without_data"](shutil.copytree(sound_safe, tmp_path / sound_safe.name))
    with pytest.raises(SystemExit) as ended:
        main([str(given), "--output_dir", str(tmp_path / "out")])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("Skipped: T") for line in lines)
    assert not any(line.startswith("Product: ") for line in lines)
    assert not (tmp_path / "out").exists()
