"""External CAMS files (netCDF written by SciPy) and the aerosol above the real ground."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.io import netcdf_file

from tasks.common.artefacts import fingerprint
from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.meteo import task as stage
from tasks.meteo.cams_files import external_aerosol, files_for, with_cams_inventory
from tasks.meteo.cams_names import Layer, layer_of_name, layers_around, time_of_axes
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


def named(hour: int, step: int, field: str = "aod550") -> Layer:
    found = layer_of_name(name(hour, step, field), "aod550")
    assert found is not None
    return found


def test_times_in_names() -> None:
    assert named(0, 3).valid == datetime(2025, 6, 15, 3, tzinfo=UTC)
    assert named(12, 18).valid == datetime(2025, 6, 16, 6, tzinfo=UTC)
    assert layer_of_name(name(0, 3, "z"), "aod550") is None
    assert layer_of_name("notes.nc", "aod550") is None
    assert layer_of_name(name(31, 3), "aod550") is None


def test_two_layers_around_a_time() -> None:
    layers = [named(0, 9), named(0, 10), named(0, 11)]
    found = layers_around(layers, datetime(2025, 6, 15, 10, 15, tzinfo=UTC))
    assert found == ((named(0, 10), 0.75), (named(0, 11), 0.25))
    assert layers_around(layers, datetime(2025, 6, 15, 11, tzinfo=UTC)) == ((named(0, 11), 1.0),)
    assert layers_around(layers, datetime(2025, 6, 15, 13, tzinfo=UTC)) == ((named(0, 11), 1.0),)
    assert layers_around(layers, datetime(2025, 6, 16, 13, tzinfo=UTC)) == ()
    # The forecast that began last, whatever the order.
    later = [named(6, 4), *layers]
    assert layers_around(later, datetime(2025, 6, 15, 10, tzinfo=UTC)) == ((named(6, 4), 1.0),)


@pytest.mark.parametrize(
    ("axes", "valid"),
    [
        # 45821 days and 10 hours after 1 January 1900.
        ({"time": (1099714, "hours since 1900-01-01 00:00:00.0")}, (2025, 6, 15, 10)),
        ({"valid_time": (1749981600, "seconds since 1970-01-01")}, (2025, 6, 15, 10)),
        (
            {"forecast_period": (10, "hours"), "forecast_reference_time": (1749945600, "seconds since 1970-01-01")},
            (2025, 6, 15, 10),
        ),
        ({"time": (0.5, "days since 2025-06-15T00:00:00Z"), "step": (60, "minutes")}, (2025, 6, 15, 13)),
    ],
)
def test_times_of_axes(axes: dict[str, tuple[float, str]], valid: tuple[int, int, int, int]) -> None:
    assert time_of_axes(axes)[0] == datetime(*valid, tzinfo=UTC)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, "no axis is a date"),
        ({"level": (850.0, "hPa")}, "is no time"),
        ({"time": (3, "hours")}, "no axis is a date"),
        ({"time": (3, "furlongs since 1900-01-01")}, "is no time"),
        ({"a": (3, "hours since 1900-01-01"), "b": (3, "hours since 1900-01-01")}, "second date"),
    ],
)
def test_axes_that_are_no_time(axes: dict[str, tuple[float, str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        time_of_axes(axes)


LATITUDES = 90 - np.arange(451) * 0.4


def data_store_classic(path: Path, west: float = 0.0, columns: int = 900) -> None:
    """A download of the former data store: classic netCDF, packed, hours since 1900, three hours of 15 June 2025."""
    with netcdf_file(path, "w", version=2) as file:
        for dimension, size in (("longitude", columns), ("latitude", 451), ("time", 3)):
            file.createDimension(dimension, size)
        longitudes = west + np.arange(columns) * 0.4
        for axis, values, units in (
            ("longitude", longitudes, "degrees_east"),
            ("latitude", LATITUDES, "degrees_north"),
            ("time", 1099714 + np.arange(3), "hours since 1900-01-01 00:00:00.0"),
        ):
            variable = file.createVariable(axis, "i4" if axis == "time" else "f4", (axis,))
            variable[:], variable.units = values, units
        for field, base, scale in (("aod550", 0.1, 1e-5), ("z", 5000.0, 1.0)):
            variable = file.createVariable(field, "i2", ("time", "latitude", "longitude"))
            variable.scale_factor, variable.add_offset = scale, base
            steps = np.arange(3)[:, None, None] * np.ones((3, 451, columns))
            variable[:] = np.rint(steps * 0.1 / scale if field == "aod550" else steps * 100).astype(np.int16)


def data_store_4(path: Path) -> None:
    """A download of the present data store: netCDF-4, two forecasts of three hours each."""
    netcdf4 = pytest.importorskip("netCDF4")
    with netcdf4.Dataset(path, "w") as file:
        shape = {"forecast_period": 3, "forecast_reference_time": 2, "latitude": 451, "longitude": 900}
        for dimension, size in shape.items():
            file.createDimension(dimension, size)
        for axis, values, units in (
            ("forecast_period", [9.0, 10.0, 11.0], "hours"),
            # 15 June 2025, 0 and 1 o'clock.
            ("forecast_reference_time", [1749945600, 1749949200], "seconds since 1970-01-01"),
            ("latitude", LATITUDES, "degrees_north"),
            ("longitude", np.arange(900) * 0.4, "degrees_east"),
        ):
            variable = file.createVariable(axis, "f8", (axis,))
            variable[:], variable.units = values, units
        valid = file.createVariable("valid_time", "i8", ("forecast_reference_time", "forecast_period"))
        valid[:], valid.units = 0, "seconds since 1970-01-01"
        aerosol = file.createVariable("aod550", "f4", tuple(shape), zlib=True, fill_value=np.nan)
        aerosol.units, aerosol.coordinates = "~", "latitude longitude valid_time"
        aerosol[:] = 0.1 * np.arange(6).reshape(3, 2, 1, 1) + np.zeros((3, 2, 451, 900))


def test_a_file_of_the_former_data_store(tmp_path: Path) -> None:
    """Hours 10, 11 and 12 hold 0.1, 0.2 and 0.3."""
    data_store_classic(tmp_path / "my download (1).nc")
    (tmp_path / "other.nc").write_bytes(b"CDF\x01 damaged")
    (tmp_path / "notes.txt").write_text("no file of ours")
    found = external_aerosol(parameters(tmp_path), "2025-06-15T11:15:00Z", 11.0, 47.0)
    assert found.aot550 == pytest.approx(0.75 * 0.2 + 0.25 * 0.3, abs=2e-5)
    assert found.height_km == pytest.approx(0.75 * 5100 / 9806.65 + 0.25 * 5200 / 9806.65, abs=1e-4)
    assert [path.name for path in found.files] == ["my download (1).nc"]
    assert found.layers[0] == {"file": "my download (1).nc", "valid": "2025-06-15T11:00:00+00:00", "weight": 0.75}
    assert len(found.layers) == 4


def test_a_file_of_the_present_data_store(tmp_path: Path) -> None:
    """Valid at 10 o'clock: period 10 of the forecast of 0 o'clock (0.2), period 9 of that of 1 o'clock (0.1)."""
    data_store_4(tmp_path / "data_sfc.nc")
    found = external_aerosol(parameters(tmp_path), "2025-06-15T10:00:00Z", 11.0, 47.0)
    assert found.aot550 == pytest.approx(0.1, abs=1e-6)
    assert found.height_km is None
    between = external_aerosol(parameters(tmp_path), "2025-06-15T10:30:00Z", 359.9, 47.0)
    assert between.aot550 == pytest.approx(0.5 * 0.1 + 0.5 * 0.3, abs=1e-6)
    assert [path.name for path in files_for(parameters(tmp_path), "2025-06-15T10:30:00Z")] == ["data_sfc.nc"]


@pytest.mark.parametrize(
    ("longitude", "inside"), [(11.0, True), (-9.9, True), (-10.1, True), (29.9, False), (180, False)]
)
def test_a_regional_download_reaches_as_far_as_it_does(tmp_path: Path, longitude: float, inside: bool) -> None:
    """From 10 W to 25.6 E."""
    data_store_classic(tmp_path / "europe.nc", west=-10.0, columns=90)
    if inside:
        assert external_aerosol(parameters(tmp_path), "2025-06-15T11:00:00Z", longitude, 47.0).aot550 > 0.19
    else:
        with pytest.raises(AuxiliaryUnavailable, match="does not reach"):
            external_aerosol(parameters(tmp_path), "2025-06-15T11:00:00Z", longitude, 47.0)


@pytest.mark.parametrize("longitude", [11.3, 0.1, 359.95, -179.9, 180.3])
def test_value_between_nodes_and_hours(tmp_path: Path, longitude: float) -> None:
    write(tmp_path / "c" / name(0, 10), "aod550", 0.1, 0.001, 1e-5)
    write(tmp_path / "c" / name(0, 11), "aod550", 0.2, 0.001, 1e-5)
    write(tmp_path / "c" / name(0, 9, "z"), "z", 5000.0, 10.0, 1.0)
    found = external_aerosol(parameters(tmp_path / "c"), "2025-06-15T10:15:00.024Z", longitude, 47.33)
    assert found.aot550 == pytest.approx(0.75 * 0.1 + 0.25 * 0.2 + 0.04733, abs=3e-5)
    assert found.height_km == pytest.approx((5000 + 473.3) / 9806.65, abs=1e-3)
    assert [path.name for path in found.files] == [name(0, 10), name(0, 11), name(0, 9, "z")]


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


def test_only_the_files_around_the_time_are_the_stage_s_input(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        write(tmp_path / folder / name(0, 10), "aod550", 0.1, 0.0, 1e-5)
    figures = {"sensing_time": "2025-06-15T10:00:00.000Z"}
    l1c = StageResult(stage="l1c", version="1", fingerprint="a", folder=tmp_path, statistics=figures)

    def key(folder: str) -> str:
        return fingerprint(
            "meteo", "1", stage.meteo_of_tile(with_cams_inventory(parameters(tmp_path / folder)), l1c), {}
        )

    first = key("here")
    assert first == key("there")
    write(tmp_path / "here" / name(0, 18), "aod550", 0.1, 0.0, 1e-5)
    assert key("here") == first
    write(tmp_path / "here" / name(0, 10), "aod550", 0.2, 0.0, 1e-5)
    assert key("here") != first
    nothing = stage.meteo_of_tile(MeteoParameters(), l1c)
    assert fingerprint("meteo", "1", nothing, {}) != first


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
