"""The stage as a whole, on real and damaged files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tasks.common.records import StageResult, TileRef
from tasks.meteo import task as stage
from tasks.meteo.parameters import MeteoParameters

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def real(product: str, name: str) -> Path:
    found = sorted((DATA / product).glob(f"**/AUX_DATA/AUX_{name}")) if (DATA / product).is_dir() else []
    if not found:
        pytest.skip(f"no {name} of {product}")
    return found[0]


def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, Path], parameters: MeteoParameters | None = None
) -> StageResult:
    monkeypatch.setattr(stage, "load_source", lambda _tile: SimpleNamespace(aux_files=files))
    tile = TileRef(key="t", work_dir=folder / "work", granule_dir=folder)
    l1c = StageResult(stage="l1c", version="1", fingerprint=str(sorted(files)), folder=folder)
    return stage.read_meteo.fn(tile, parameters or MeteoParameters(), l1c=l1c)


def codes(result: StageResult) -> list[str]:
    return [fallback.code for fallback in result.fallbacks]


def test_product_with_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T01UBT: 372.60 DU in its metadata; CAMS mean 0.0571 at a model height of 5 m; 1.00 cm of water vapour."""
    files = {kind: real("l2a-T01UBT-PB0400-lowres", kind) for kind in ("ECMWFT", "CAMSFO")}
    result = run(tmp_path, monkeypatch, files)
    figures = result.statistics
    assert result.fallbacks == ()
    assert figures["ozone_du"] == figures["ozone_value"] == pytest.approx(372.60, abs=0.01)
    assert figures["ozone_source"] == "AUX_ECMWFT"
    assert figures["total_column_water_vapour_cm"] == pytest.approx(0.9976, abs=1e-4)
    assert figures["cams_aot550"] == pytest.approx(0.0571, abs=5e-5)
    assert figures["cams_height_km"] == pytest.approx(0.00532, abs=1e-5)


def test_older_product_has_no_aerosol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, monkeypatch, {"ECMWFT": real("l1c-lowres-eodatasets", "ECMWFT")})
    assert codes(result) == ["L2A-METEO-CAMSFO"]
    assert "the product has no AUX_CAMSFO file" in result.fallbacks[0].message
    assert result.statistics["ozone_source"] == "AUX_ECMWFT"
    assert result.statistics["ozone_du"] == pytest.approx(0.0060141666 * 46670.82, abs=0.01)
    assert result.statistics["cams_aot550"] is None


def test_nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, monkeypatch, {})
    assert codes(result) == ["L2A-METEO-ECMWFT", "L2A-METEO-CAMSFO"]
    assert result.statistics == {
        "ozone_du": 331.0,
        "ozone_source": "OTHER",
        "ozone_value": 331.0,
        "total_column_water_vapour_cm": None,
        "cams_aot550": None,
        "cams_height_km": None,
        "cams_aot550_ground": None,
        "cams_source": "NONE",
        "cams_layers": [],
        "files": [],
    }


def test_fixed_ozone_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, monkeypatch, {}, MeteoParameters(ozone_content=290))
    assert codes(result) == ["L2A-METEO-CAMSFO"]
    assert result.statistics["ozone_du"] == 290.0
    assert result.statistics["ozone_source"] == "CONFIG"


def test_damaged_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"ECMWFT": tmp_path / "AUX_ECMWFT", "CAMSFO": tmp_path / "AUX_CAMSFO"}
    files["ECMWFT"].write_bytes(b"GRIB" + bytes(200))
    files["CAMSFO"].write_bytes(real("l2a-T29UNU-PB0400", "CAMSFO").read_bytes()[:150])
    result = run(tmp_path, monkeypatch, files)
    assert codes(result) == ["L2A-METEO-ECMWFT", "L2A-METEO-CAMSFO"]
    assert all(str(tmp_path) in fallback.message for fallback in result.fallbacks)
    assert result.statistics["ozone_du"] == 331.0


def test_exchanged_files_have_not_the_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The aerosol file in the place of the other one: no ozone in it."""
    cams = real("l2a-T29UNU-PB0400", "CAMSFO")
    result = run(tmp_path, monkeypatch, {"ECMWFT": cams, "CAMSFO": cams})
    assert codes(result) == ["L2A-METEO-ECMWFT"]
    assert "no field TCO3" in result.fallbacks[0].message
    assert result.statistics["cams_aot550"] == pytest.approx(0.12167, abs=1e-5)
