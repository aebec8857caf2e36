"""CPU seconds and memory of AOT, water vapour, surface reflectance and uncertainty of a full tile on relief.

``python tests/benchmarks/atmosphere_on_relief.py FOLDER [ROWS]``: the stages run on arrays made up at full size (ROWS
is 10980 at 10 m) with slopes everywhere, cast shadow and sky view; the arrays cost the same as real ones.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from fake_atmosphere import angle_nodes

from tasks.aot.parameters import AotParameters
from tasks.aot.task import retrieve_aot
from tasks.common.artefacts import StageWriter, run_stage
from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.records import StageResult, TileRef
from tasks.surface_reflectance import inputs
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.surface_reflectance.task import correct_10m, correct_20m, derive_60m
from tasks.uncertainty import task as uncertainty
from tasks.uncertainty.parameters import UncertaintyParameters
from tasks.water_vapour.parameters import WaterVapourParameters
from tasks.water_vapour.task import retrieve_water_vapour

MEAN = dict(zip(BANDS, (1150, 800, 780, 620, 900, 2000, 2400, 2500, 2600, 900, 20, 1500, 800), strict=True))
"""Counts of green land without the offset; a third of the scene is dark vegetation."""


def _strips(rows: int) -> list[slice]:
    return [slice(start, min(start + 600, rows)) for start in range(0, rows, 600)]


def _fields(rows: slice, cols: int, metres: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the slope [rad] and the illumination of ridges 800 m apart."""
    y, x = np.ogrid[rows.start : rows.stop, 0:cols]
    slope = np.radians(25) * np.abs(np.sin(x * metres / 130.0) * np.cos(y * metres / 170.0)) + 0.0 * y
    side = np.sign(np.sin(x * metres / 260.0))
    return slope, np.cos(np.radians(42)) * np.cos(slope) - np.sin(np.radians(42)) * np.sin(slope) * side


def _level_1c(out: StageWriter, rows: int) -> None:
    rng = np.random.default_rng(1)
    for band in BANDS:
        for metres in sorted({NATIVE_RESOLUTION[band], 20}):
            size = rows * 10 // metres
            image = out.create(f"{band}_{metres}m", (size, size), np.uint16)
            for part in _strips(size):
                shape = (part.stop - part.start, size)
                forest = (np.arange(size) * metres % 3000 < 1000)[None, :]
                visible = band in ("B01", "B02", "B03", "B04", "B05")
                dark = np.where(forest, 0.85 if visible else 0.5 if band in ("B11", "B12") else 1.0, 1.0)
                image[part] = 1000 + MEAN[band] * dark * (0.9 + 0.2 * rng.random(shape, np.float32))
            image.flush()
    for name, nodes in angle_nodes(rows * 10.0).items():
        out.save(name, nodes)
    out.statistics.update(
        grid={"epsg": 32632, "ulx": 399960.0, "uly": 5000040.0, "resolution": 10, "rows": rows, "cols": rows},
        angle_step_m=5000.0, quantification_value=10000.0, radio_add_offset=dict.fromkeys(BANDS, -1000),
        sensing_time="2024-07-10T10:20:31Z",
    )  # fmt: skip


def _dem(out: StageWriter, rows: int) -> None:
    for metres in (10, 20):
        size = rows * 10 // metres
        names = {"illumination": np.int16, "shadow": np.uint8, "sky_view": np.uint8}
        names |= {"slope": np.uint16, "height": np.float32} if metres == 20 else {}
        arrays = {name: out.create(f"{name}_{metres}m", (size, size), kind) for name, kind in names.items()}
        for part in _strips(size):
            slope, cosine = _fields(part, size, metres)
            arrays["illumination"][part] = np.round(10000 * cosine)
            arrays["shadow"][part] = cosine < 0.25
            arrays["sky_view"][part] = np.round(250 * (1 + np.cos(slope)) / 2 - 5)
            if metres == 20:
                arrays["slope"][part] = np.round(100 * np.degrees(slope))
                arrays["height"][part] = 800 + 600 * np.sin(np.arange(size) / 300.0)[None, :]
    out.statistics.update(flat=False, mean_height_m=800.0, min_height_m=200.0, max_height_m=1400.0)


def _classes(out: StageWriter, rows: int) -> None:
    scl = np.full((rows // 2, rows // 2), 4, np.uint8)
    out.save("scl_20m", scl)
    for name in ("cloud_confidence_20m", "snow_confidence_20m", "valid_20m"):
        out.save(name, np.zeros_like(scl))


def _measured(name: str, stage: Any, *arguments: Any, **stages: StageResult) -> StageResult:
    started = time.process_time()
    result: StageResult = stage.fn(*arguments, **stages)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name}: {time.process_time() - started:.1f} CPU s, peak so far {peak:.2f} GB", flush=True)
    return result


def main(folder: Path, rows: int) -> None:
    product = SimpleNamespace(
        path=Path("MTD_MSIL1C.xml"), spacecraft="Sentinel-2A", spectral_responses={},
        solar_irradiance=dict.fromkeys(BANDS, 1000.0),
    )  # fmt: skip
    for module in (inputs, uncertainty):
        module.load_source = lambda _tile: SimpleNamespace(product=product)
    tile = TileRef(key="T", work_dir=folder, granule_dir=folder)

    def made(name: str, fill: Any) -> StageResult:
        return run_stage(tile.store, name, str(rows), None, {}, lambda out: fill(out, rows))

    stages = {"l1c": made("l1c", _level_1c), "dem": made("dem", _dem), "classification": made("scl", _classes)}
    stages["meteo"] = run_stage(
        tile.store, "meteo", "1", None, {},
        lambda out: out.statistics.update(ozone_du=320.0, total_column_water_vapour_cm=None),
    )  # fmt: skip
    surface = SurfaceReflectanceParameters()
    stages["aot"] = _measured("AOT", retrieve_aot, tile, AotParameters(), **stages)
    stages["water_vapour"] = _measured("water vapour", retrieve_water_vapour, tile, WaterVapourParameters(), **stages)
    images = {
        "surface_reflectance_20m": _measured("reflectance 20 m", correct_20m, tile, surface, **stages),
        "surface_reflectance_10m": _measured("reflectance 10 m", correct_10m, tile, surface, **stages),
    }
    twenty = {"surface_reflectance_20m": images["surface_reflectance_20m"]}
    images["surface_reflectance_60m"] = _measured("60 m", derive_60m, tile, surface, **stages, **twenty)
    _measured("uncertainty", uncertainty.estimate_uncertainty, tile, UncertaintyParameters(), **stages, **images)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10980)
