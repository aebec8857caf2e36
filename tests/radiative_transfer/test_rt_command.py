"""``sen2flow rt`` from the outside: files in, files out, one line for a mistake."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.sen2flow import app

HEADER = "id,band,sza_deg,vza_deg,raa_deg,aot550,water_vapour_cm,ozone_du,elevation_km,rho_surface,rho_toa"
GOOD = ["a,B04,40,5,90,0.2,2,330,0.4,0.3,", "b,B8A,40,5,90,0.2,2,330,0.4,,0.25", "c,B9,62,5,90,0.3,2,330,0.4,0.1,0.1"]


def run(folder: Path, rows: list[str], *options: str, header: str = HEADER):
    (folder / "points.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return CliRunner().invoke(app, ["rt", str(folder / "points.csv"), str(folder / "out.csv"), *options])


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "out.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_forward_and_inverse(tmp_path: Path) -> None:
    assert run(tmp_path, GOOD).exit_code == 0
    first, second, third = results(tmp_path)
    assert first["id"] == "a"
    assert float(first["rho_toa"]) > 0.2
    assert first["rho_surface_retrieved"] == ""
    assert float(second["rho_toa"]) == pytest.approx(0.25)
    assert third["band"] == "B9"
    back = GOOD[0].rsplit(",", 2)[0] + f",,{first['rho_toa']}"
    assert run(tmp_path, [back]).exit_code == 0
    assert float(results(tmp_path)[0]["rho_surface_retrieved"]) == pytest.approx(0.3, abs=1e-5)


def test_options_change_the_result(tmp_path: Path) -> None:
    seen = {}
    for options in ([], ["--aerosol", "desert"], ["--gas", "6s"], ["--platform", "S2B"], ["--scalar"]):
        assert run(tmp_path, GOOD, *options).exit_code == 0
        seen[tuple(options)] = tuple(row["path_reflectance"] for row in results(tmp_path))
    assert len(set(seen.values())) == len(seen)


def test_platform_column_wins(tmp_path: Path) -> None:
    header = HEADER.replace("id", "platform")
    assert run(tmp_path, [GOOD[0].replace("a,", "Sentinel-2B,", 1)], header=header).exit_code == 0
    from_column = results(tmp_path)[0]["path_reflectance"]
    run(tmp_path, GOOD[:1], "--platform", "S2B")
    assert results(tmp_path)[0]["path_reflectance"] == from_column


def test_low_sun_is_clamped_and_said(tmp_path: Path) -> None:
    low = GOOD[0].replace(",40,", ",84,", 1)
    done = run(tmp_path, [low])
    assert done.exit_code == 0
    assert "L2A-RT-CLAMPED: sun_zenith_deg 84 to 84 clamped to 0 to 80" in done.output
    seventy_five, seventy = GOOD[0].replace(",40,", ",75,", 1), GOOD[0].replace(",40,", ",70,", 1)
    run(tmp_path, [seventy_five, seventy], "--sun-limit")
    rows = results(tmp_path)
    assert rows[0]["path_reflectance"] == rows[1]["path_reflectance"]


def test_plot(tmp_path: Path) -> None:
    assert run(tmp_path, GOOD, "--plot", str(tmp_path / "plot.png")).exit_code == 0
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,B04,forty,5,90,0.2,2,330,0.4,0.3,", "row 2: sza_deg is 'forty', expected a number from 0 to 90"),
        ("a,B04,40,5,90,-0.2,2,330,0.4,0.3,", "row 2: aot550 is '-0.2'"),
        ("a,B04,40,5,90,nan,2,330,0.4,0.3,", "row 2: aot550 is 'nan'"),
        ("a,B13,40,5,90,0.2,2,330,0.4,0.3,", "row 2: band is 'B13', expected one of B01"),
        ("a,B04,40", "row 2: vza_deg is ''"),
    ],
)
def test_mistakes_are_one_line_with_the_row(tmp_path: Path, row: str, message: str) -> None:
    done = run(tmp_path, [GOOD[0], row])
    assert done.exit_code == 1
    assert message in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


def test_other_mistakes(tmp_path: Path) -> None:
    assert "lacks ozone_du" in run(tmp_path, GOOD, header=HEADER.replace("ozone_du", "o3")).output
    assert "no rows" in run(tmp_path, []).output
    header = HEADER.replace("id", "platform")
    assert "platform S3A" in run(tmp_path, [GOOD[0].replace("a,", "S3A,", 1)], header=header).output
    missing = CliRunner().invoke(app, ["rt", str(tmp_path / "none.csv"), str(tmp_path / "out.csv")])
    assert missing.exit_code == 1
    assert "none.csv" in missing.output
