"""Ozone, water vapour and aerosol from the meteorological fields, against hand figures and real products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tasks.common.errors import AuxiliaryUnavailable
from tasks.meteo.fields import AOT550, DU_PER_KG_M2, MODEL_HEIGHT_KM, OZONE_DU, WATER_VAPOUR_CM, Field, tile_mean
from tasks.meteo.grib import read_grib

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def ozone_field(values: object, unit: str = "[kg/m^2]", element: str = "TCO3") -> tuple[Field, ...]:
    return (Field(element, unit, np.asarray(values, dtype=np.float64)),)


def real(product: str, name: str) -> Path:
    found = sorted((DATA / product).glob(f"**/AUX_DATA/{name}")) if (DATA / product).is_dir() else []
    if not found:
        pytest.skip(f"no {name} of {product}")
    return found[0]


def test_hand_figures() -> None:
    assert tile_mean(ozone_field([[0.007103]]), OZONE_DU) == pytest.approx(331.50, abs=0.01)
    assert tile_mean(ozone_field([[20.0]], element="PWC"), WATER_VAPOUR_CM) == pytest.approx(2.0)
    assert tile_mean(ozone_field([[9806.65]], "[m^2/s^2]", "Z"), MODEL_HEIGHT_KM) == pytest.approx(1.0)


def test_nodes_without_a_value_do_not_count() -> None:
    fields = ozone_field([[0.006, 0.0], [np.nan, 0.008]])
    assert tile_mean(fields, OZONE_DU) == pytest.approx(0.007 * DU_PER_KG_M2)


def test_zero_is_an_aerosol_value_but_no_ozone_value() -> None:
    aerosol = ozone_field([[0.0, 0.2]], "[-]", "var207 of table 210 of center ECMWF")
    assert tile_mean(aerosol, AOT550) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="no valid node"):
        tile_mean(ozone_field([[0.0]]), OZONE_DU)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((), "no field TCO3 among nothing"),
        (ozone_field([[1.0]], element="MSL"), "no field TCO3 among MSL"),
        (ozone_field([[0.007]], unit="[Dobson]"), "unit"),
        (ozone_field([[np.nan]]), "no valid node"),
        (ozone_field([[331.0]]), "expected 100 to 700"),
        (ozone_field([[1e-6]]), "expected 100 to 700"),
    ],
)
def test_refuses(fields: tuple[Field, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tile_mean(fields, OZONE_DU)


@pytest.mark.parametrize(("product", "written"), [("l2a-T29UNU-PB0400", 321.75), ("l2a-T01UBT-PB0400-lowres", 372.60)])
def test_ozone_equals_the_value_in_real_products(product: str, written: float) -> None:
    ozone = tile_mean(read_grib(real(product, "AUX_ECMWFT")), OZONE_DU)
    assert ozone == pytest.approx(written, abs=0.01)


def test_real_fields_against_gdal() -> None:
    path = real("l2a-T01UBT-PB0400-lowres", "AUX_CAMSFO")
    with rasterio.open(path) as dataset:
        geopotential, aot = dataset.read(1), dataset.read(3)
    fields = read_grib(path)
    assert len(fields) == 11
    assert fields[2].values.shape == (9, 9)
    np.testing.assert_array_equal(fields[2].values, aot)
    assert tile_mean(fields, AOT550) == pytest.approx(0.0571, abs=5e-5)
    assert tile_mean(fields, MODEL_HEIGHT_KM) == pytest.approx(geopotential.mean() / 9806.65, rel=1e-6)


@pytest.mark.parametrize("product", ["l1c-lowres-eodatasets", "xml-l1c"])
def test_old_products_with_three_fields(product: str) -> None:
    fields = read_grib(real(product, "AUX_ECMWFT"))
    assert [f.element for f in fields] == ["PWC", "MSL", "TCO3"]
    assert 0.5 < tile_mean(fields, WATER_VAPOUR_CM) < 5.0
    assert 250.0 < tile_mean(fields, OZONE_DU) < 330.0


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no GRIB"), (b"<xml/>", "no GRIB"), (b"GRIB", "damaged"), (b"GRIB" + bytes(range(256)) * 8, "damaged")],
)
def test_damaged_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "AUX_ECMWFT"
    path.write_bytes(content)
    with pytest.raises(AuxiliaryUnavailable, match=message):
        read_grib(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AuxiliaryUnavailable, match="AUX_ECMWFT"):
        read_grib(tmp_path / "AUX_ECMWFT")


def test_altered_bytes_give_an_error_or_fields_never_a_crash(tmp_path: Path) -> None:
    original = real("l2a-T29UNU-PB0400", "AUX_ECMWFT").read_bytes()
    path = tmp_path / "AUX_ECMWFT"
    random = np.random.default_rng(4)
    for _ in range(120):
        data = bytearray(original[: int(random.integers(4, len(original) + 1))])
        for position in random.integers(4, max(5, len(data)), size=4):
            if position < len(data):
                data[position] = int(random.integers(256))
        path.write_bytes(bytes(data))
        try:
            fields = read_grib(path)
        except AuxiliaryUnavailable:
            continue
        try:
            assert 100.0 <= tile_mean(fields, OZONE_DU) <= 700.0
        except ValueError:
            continue
