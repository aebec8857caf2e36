"""The stages as tasks: fall-backs, statistics, names, on stored inputs made here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_atmosphere import angle_nodes, fake_scene
from simple_scenes import illuminate, landscape

from tasks.aot.parameters import AotParameters
from tasks.aot.task import retrieve_aot
from tasks.common.artefacts import StageWriter, open_array, run_stage
from tasks.common.bands import BANDS, EXPORTED_BANDS
from tasks.common.records import StageResult, TileRef
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.surface_reflectance import inputs
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.surface_reflectance.task import correct_20m
from tasks.water_vapour.parameters import WaterVapourParameters
from tasks.water_vapour.task import retrieve_water_vapour

SHAPE = (120, 150)
EXTENT = (2400.0, 3000.0)
USED = ("B02", "B03", "B04", "B05", "B8A", "B09", "B11", "B12")


@pytest.fixture(scope="module")
def table():
    responses = default_responses("S2A")
    return integrate_bands(load_spectral_table(), {band: responses[band] for band in USED})


@pytest.fixture
def tile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TileRef:
    product = SimpleNamespace(path=Path("MTD_MSIL1C.xml"), spacecraft="Sentinel-2A", spectral_responses={})
    monkeypatch.setattr(inputs, "load_source", lambda _tile: SimpleNamespace(product=product))
    return TileRef(key="T", work_dir=tmp_path, granule_dir=tmp_path)


def store(tile: TileRef, stage: str, arrays: dict[str, np.ndarray], **statistics) -> StageResult:
    def produce(out: StageWriter) -> None:
        for name, array in arrays.items():
            out.save(name, array)
        out.statistics.update(statistics)

    return run_stage(tile.store, stage, "1", None, {}, produce)


def stored_inputs(tile: TileRef, table, height_m: float | np.ndarray = 300.0, scl_value: int | None = None):
    """Return the stored stages before AOT for a landscape at AOT 0.2, 2 cm, 320 DU."""
    mean = float(np.mean(height_m))
    scene = fake_scene(*EXTENT, height_km=mean / 1000.0, tables=table)
    land = landscape(SHAPE)
    land.rho = {band: land.rho[band] for band in USED}
    illuminate(scene, land, 0.2, 2.0)
    scl = land.scl if scl_value is None else np.full(SHAPE, scl_value, np.uint8)
    arrays = {f"{band}_20m": dn for band, dn in land.dn.items()} | {"B09_60m": land.dn60}
    arrays |= {f"{band}_20m": land.dn["B04"] for band in EXPORTED_BANDS[20] if band not in USED}
    grid = {"epsg": 32632, "ulx": 399960.0, "uly": 5000040.0, "resolution": 10, "rows": 240, "cols": 300}
    l1c = store(
        tile, "l1c", arrays | angle_nodes(max(EXTENT)), grid=grid, angle_step_m=5000.0, quantification_value=10000.0,
        radio_add_offset=dict.fromkeys(BANDS, -1000), sensing_time="2024-07-10T10:20:31Z",
    )  # fmt: skip
    heights = {"height_20m": height_m.astype(np.float32)} if isinstance(height_m, np.ndarray) else {}
    return land, {
        "l1c": l1c,
        "classification": store(tile, "classification", {"scl_20m": scl}),
        "dem": store(tile, "dem", heights, mean_height_m=mean),
        "meteo": store(tile, "meteo", {}, ozone_du=320.0, total_column_water_vapour_cm=None),
    }


@pytest.mark.parametrize("height", [300.0, np.full(SHAPE, 300.0)], ids=["level", "map"])
def test_stages_in_their_order(tile: TileRef, table, height) -> None:
    land, stages = stored_inputs(tile, table, height)
    aot = retrieve_aot.fn(tile, AotParameters(adj_km=0.0), **stages)
    assert aot.statistics["retrieval_method"] == "SEN2COR_DDV"
    assert aot.statistics["mean_aot"] == pytest.approx(0.2, abs=0.005)
    assert {f.code for f in aot.fallbacks} == {"L2A-RT-DEFAULT-RESPONSES"}
    water = retrieve_water_vapour.fn(tile, WaterVapourParameters(), **stages, aot=aot)
    assert water.statistics["mean_water_vapour_cm"] == pytest.approx(2.0, abs=0.02)
    corrected = correct_20m.fn(tile, SurfaceReflectanceParameters(adj_km=0.0), **stages, aot=aot, water_vapour=water)
    assert set(corrected.arrays) == {f"{band}_20m" for band in EXPORTED_BANDS[20]}
    assert corrected.statistics["adjacency"] is False
    for band in ("B03", "B04", "B05", "B8A", "B11", "B12"):
        error = (open_array(corrected, f"{band}_20m") - 1000.0) / 10000.0 - land.rho[band]
        assert np.sqrt(np.mean(error[land.scl != 6] ** 2)) < 0.001
    figures = corrected.statistics["B04"]
    ground = np.isin(land.scl, (4, 5))
    assert figures["land_mean"] == pytest.approx(land.rho["B04"][ground].mean(), abs=5e-4)
    assert figures["land_median"] == pytest.approx(np.median(land.rho["B04"][ground]), abs=5e-4)
    assert figures["land_negative_percentage"] == 0.0


def test_fall_backs_over_water(tile: TileRef, table) -> None:
    _, stages = stored_inputs(tile, table, scl_value=6)
    aot = retrieve_aot.fn(tile, AotParameters(), **stages)
    assert aot.statistics["retrieval_method"] == "DEFAULT"
    assert "L2A-AOT-DEFAULT" in {f.code for f in aot.fallbacks}
    water = retrieve_water_vapour.fn(tile, WaterVapourParameters(mid_latitude="WINTER"), **stages, aot=aot)
    assert "L2A-WV-DEFAULT" in {f.code for f in water.fallbacks}
    assert water.statistics["mean_water_vapour_cm"] == pytest.approx(0.4)


def test_water_vapour_switched_off_is_no_fall_back(tile: TileRef, table) -> None:
    _, stages = stored_inputs(tile, table)
    aot = retrieve_aot.fn(tile, AotParameters(), **stages)
    water = retrieve_water_vapour.fn(tile, WaterVapourParameters(wv_correction=0), **stages, aot=aot)
    assert not water.fallbacks
    assert np.all(open_array(water, "wvp_20m") == 1000)


def test_aerosol_type_reaches_the_result(tile: TileRef, table) -> None:
    _, stages = stored_inputs(tile, table)
    rural = retrieve_aot.fn(tile, AotParameters(), **stages).statistics["mean_aot"]
    urban = retrieve_aot.fn(tile, AotParameters(aerosol_type="URBAN"), **stages).statistics["mean_aot"]
    assert abs(urban - rural) > 0.01
