"""External CAMS files (netCDF written by SciPy) and the aerosol above the real ground."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.io import netcdf_file

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.meteo import task as stage
from tasks.meteo.cams_files import external_aerosol, with_cams_inventory
from tasks.meteo.cams_names import files_around, valid_time
from tasks.meteo.fields import at_ground
from tasks.meteo.parameters import MeteoParameters

GRID = Grid(epsg=32632, ulx=600000, uly=5300040, resolution=10, rows=10980, cols=10980)


def name(hour: int, step: int, field: str = "aod550") -> str:
    return f"z_cams_c_ecmf_20250615{hour:02d}0000_prod_fc_sfc_{step:03d}_{field}.nc"


def write(path: Path, field: str, at_greenwich: float, per_degree_north: float, scale: float) -> None:
    """A field that grows with the latitude only, packed in 16 bits as the real files are."""
    path.parent.mkdir(exist_ok=True)
    with netcdf_file(path, "w") as file:
        for dimension, size in (("time", 1), ("latitude", 451), ("longitude", 900)):
            file.createDimension(dimension, size)
        for axis, values in (("longitude", np.arange(900) * 0.4), ("latitude", 90 - np.arange(451) * 0.4)):
            variable = file.createVariable(axis, "f4", (axis,))
            variable[:] = values
            variable.units = "degrees_east" if axis == "longitude" else "degrees_north"
        variable = file.createVariable(field, "i2", ("time", "latitude", "longitude"))
        variable.scale_factor, variable.add_offset = scale, 0.0
        latitude = 90 - np.arange(451) * 0.4
        line = np.rint((at_greenwich + per_degree_north * latitude) / scale).astype(np.int16)
        variable[:] = np.repeat(line[None, :, None], 900, axis=2)


def parameters(folder: Path) -> MeteoParameters:
    return MeteoParameters(cams_directory=str(folder))


def test_times_in_names() -> None:
    assert valid_time(name(0, 3), "aod550") == datetime(2025, 6, 15, 3, tzinfo=UTC)
    assert valid_time(name(12, 18), "aod550") == datetime(2025, 6, 16, 6, tzinfo=UTC)
    assert valid_time(name(0, 3, "z"), "aod550") is None
    assert valid_time("notes.nc", "aod550") is None
    assert valid_time(name(31, 3), "aod550") is None


def test_two_files_around_a_time() -> None:
    names = [name(0, 9), name(0, 10), name(0, 11), "other.nc"]
    found = files_around(names, "aod550", datetime(2025, 6, 15, 10, 15, tzinfo=UTC))
    assert found == ((name(0, 10), 0.75), (name(0, 11), 0.25))
    assert files_around(names, "aod550", datetime(2025, 6, 15, 11, tzinfo=UTC)) == ((name(0, 11), 1.0),)
    assert files_around(names, "aod550", datetime(2025, 6, 15, 13, tzinfo=UTC)) == ((name(0, 11), 1.0),)
    assert files_around(names, "aod550", datetime(2025, 6, 16, 13, tzinfo=UTC)) == ()


@pytest.mark.parametrize("longitude", [11.3, 0.1, 359.95, -179.9, 180.3])
def test_value_between_nodes_and_hours(tmp_path: Path, longitude: float) -> None:
    write(tmp_path / "c" / name(0, 10), "aod550", 0.1, 0.001, 1e-5)
    write(tmp_path / "c" / name(0, 11), "aod550", 0.2, 0.001, 1e-5)
    write(tmp_path / "c" / name(0, 9, "z"), "z", 5000.0, 10.0, 1.0)
    aot, height, used = external_aerosol(parameters(tmp_path / "c"), "2025-06-15T10:15:00.024Z", longitude, 47.33)
    assert aot == pytest.approx(0.75 * 0.1 + 0.25 * 0.2 + 0.04733, abs=3e-5)
    assert height == pytest.approx((5000 + 473.3) / 9806.65, abs=1e-3)
    assert [path.name for path in used] == [name(0, 10), name(0, 11), name(0, 9, "z")]


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / name(0, 10)).write_bytes(b"CDF\x01 damaged")
    with pytest.raises(AuxiliaryUnavailable, match="cannot be read"):
        external_aerosol(parameters(tmp_path), "2025-06-15T10:00:00Z", 11, 47)
    with pytest.raises(AuxiliaryUnavailable, match="within 6 hours"):
        external_aerosol(parameters(tmp_path / "absent"), "2025-06-15T10:00:00Z", 11, 47)


def test_files_that_arrive_later_are_other_parameters(tmp_path: Path) -> None:
    before = with_cams_inventory(parameters(tmp_path / "c"))
    write(tmp_path / "c" / name(0, 10), "aod550", 0.1, 0.0, 1e-5)
    assert with_cams_inventory(parameters(tmp_path / "c")) != before


def test_aerosol_above_the_ground() -> None:
    """Sen2Cor's law by hand: ln AOT = a + b ln VIS at 0 km (1.54641, -0.854022) and 0.7 km (1.405931, -0.844382)."""
    visibility = math.exp((math.log(0.2) - 1.54641) / -0.854022)
    at_700_m = math.exp(
        (1.54641 - 0.182321 * 0.7 - 0.026235 * 0.49)
        + (-0.854022 + 0.011604 * 0.7 + 0.003096 * 0.49) * math.log(visibility)
    )
    assert at_ground(0.2, 0.0, 0.7) == pytest.approx(at_700_m, rel=1e-9)
    assert at_ground(at_ground(0.3, 0.4, 2.0), 2.0, 0.4) == pytest.approx(0.3, rel=1e-9)
    assert at_ground(0.3, 1.0, 1.0) == pytest.approx(0.3)
    assert at_ground(0.3, 0.2, 2.0) < 0.3 < at_ground(0.3, 2.0, 0.2)
    assert at_ground(0.0, 0.2, 2.0) == 0.0
    assert at_ground(0.3, -0.4, -0.4) == pytest.approx(0.3)


def test_stage_uses_the_folder_and_the_height(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "load_source", lambda _tile: SimpleNamespace(aux_files={}))
    write(tmp_path / "c" / name(0, 10), "aod550", 0.15, 0.0, 1e-5)
    write(tmp_path / "c" / name(0, 10, "z"), "z", 2000.0, 0.0, 1.0)
    tile = TileRef(key="t", work_dir=tmp_path / "work", granule_dir=tmp_path)
    figures = {"grid": GRID.model_dump(), "sensing_time": "2025-06-15T10:00:00.000Z"}
    l1c = StageResult(stage="l1c", version="1", fingerprint="a", folder=tmp_path, statistics=figures)
    dem = StageResult(stage="dem", version="1", fingerprint="b", folder=tmp_path, statistics={"mean_height_m": 1500.0})
    result = stage.read_meteo.fn(tile, with_cams_inventory(parameters(tmp_path / "c")), l1c=l1c, dem=dem)
    assert [fallback.code for fallback in result.fallbacks] == ["L2A-METEO-ECMWFT"]
    assert result.statistics["cams_source"] == "CAMS_DIRECTORY"
    assert result.statistics["cams_aot550"] == pytest.approx(0.15, abs=1e-5)
    assert result.statistics["cams_aot550_ground"] < 0.13
    assert [entry["file"] for entry in result.statistics["files"]] == [name(0, 10), name(0, 10, "z")]
    assert all(len(entry["sha256"]) == 64 for entry in result.statistics["files"])
