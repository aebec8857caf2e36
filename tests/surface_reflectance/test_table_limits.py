"""What the stages record when their inputs leave the radiative-transfer table."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_atmosphere import angle_nodes

from tasks.common.artefacts import StageWriter
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import run_stage
from tasks.radiative_transfer.load import default_responses
from tasks.surface_reflectance import inputs
from tasks.surface_reflectance.parameters import AtmosphereParameters

GRID = {"epsg": 32632, "ulx": 399960.0, "uly": 5000040.0, "resolution": 10, "rows": 240, "cols": 240}


@pytest.fixture
def tile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TileRef:
    product = SimpleNamespace(path=Path("x"), spacecraft="S2A", spectral_responses=default_responses("S2A"))
    monkeypatch.setattr(inputs, "load_source", lambda _tile: SimpleNamespace(product=product))
    return TileRef(key="T", work_dir=tmp_path, granule_dir=tmp_path)


def store(tile: TileRef, stage: str, arrays: dict[str, np.ndarray], **statistics) -> StageResult:
    def produce(out: StageWriter) -> None:
        for name, array in arrays.items():
            out.save(name, array)
        out.statistics.update(statistics)

    return run_stage(tile.store, stage, "1", None, {}, produce)


def recorded(tile: TileRef, sun: float = 42.0, height_m: float = 300.0, ozone: float = 320.0, **parameters):
    angles = angle_nodes(2400.0)
    angles["sun_zenith"] = np.full_like(angles["sun_zenith"], sun)
    l1c = store(tile, f"l1c_{sun:g}", angles, grid=GRID, angle_step_m=5000.0)
    heights = np.full((120, 120), 300.0, np.float32)
    heights[60, 60] = height_m
    dem = store(tile, "dem", {"height_20m": heights}, mean_height_m=300.0)
    meteo = store(tile, "meteo", {}, ozone_du=ozone)
    scenes = []

    def produce(out: StageWriter) -> None:
        wanted = AtmosphereParameters(**parameters)
        scenes.append(inputs.open_scene(out, tile, wanted, ("B04",), l1c=l1c, dem=dem, meteo=meteo))

    result = run_stage(tile.store, f"probe_{sun:g}", "1", None, {}, produce)
    return scenes[0], {fall_back.code: fall_back.message for fall_back in result.fallbacks}


def test_nothing_inside_the_table(tile: TileRef) -> None:
    scene, codes = recorded(tile)
    assert not codes
    assert scene.pixel_height_km.shape == (40, 40)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"sun": 83.5}, "sun_zenith_deg 83.5 to 83.5 clamped to 0 to 80"),
        ({"height_m": 80000.0}, "height_km 0.3 to 9.156 clamped to -0.4 to 6.08"),  # mean of nine pixels
        ({"ozone": 1200.0}, "ozone_du 1200 to 1200 clamped to 0 to 1000"),
    ],
)
def test_clamped_inputs_are_recorded(tile: TileRef, state: dict[str, float], message: str) -> None:
    _, codes = recorded(tile, **state)
    assert codes == {"L2A-RT-CLAMPED": message}


def test_sun_limit_of_sen2cor_is_recorded_and_acts(tile: TileRef) -> None:
    scene, codes = recorded(tile, sun=74.0, sun_zenith_limit_deg=70.0)
    assert list(codes) == ["L2A-RT-SUN-LIMIT"]
    limited = scene.atmosphere("B04").terms(0.2, 2.0).path_reflectance
    at_limit = recorded(tile, sun=70.0)[0].atmosphere("B04").terms(0.2, 2.0).path_reflectance
    np.testing.assert_array_equal(limited, at_limit)
