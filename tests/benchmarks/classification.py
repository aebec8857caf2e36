"""CPU seconds and peak memory of the classification stage alone, full tile, with elevation model and CCI maps.

Usage: python tests/benchmarks/classification.py FOLDER        (3 GB in FOLDER; the real scene is fetched once)

The bands are those of the full tile of ``full_tile.py``, a fifth of them under made-up clouds of every size; hills and
maps are made up too. The inputs are prepared in a process of its own: what is printed is the stage alone.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
from pathlib import Path

import cv2
import numpy as np
from full_tile import make_tile

from tasks.classification.parameters import ClassificationParameters
from tasks.classification.task import classify_scene
from tasks.common.artefacts import StageWriter, open_array, run_stage
from tasks.common.bands import BANDS, BANDS_20M
from tasks.common.records import StageResult, TileRef
from tasks.l1c.load import tile_reference
from tasks.l1c.parameters import L1CParameters
from tasks.l1c.task import import_l1c

SIDE = 5490
CLOUD = dict(zip(BANDS, (0.76, 0.76, 0.75, 0.75, 0.76, 0.77, 0.77, 0.77, 0.78, 0.45, 0.01, 0.58, 0.45), strict=True))


def opacity() -> np.ndarray:
    """Return made-up clouds of several sizes, 0..1, at 20 m."""
    random = np.random.default_rng(0)
    fields = [random.standard_normal((side, side)).astype(np.float32) for side in (60, 300)]
    wide, narrow = (cv2.resize(field, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for field in fields)
    return np.clip((wide + 0.5 * narrow - 0.9) * 2, 0, 1)


def clouded(out: StageWriter, l1c: StageResult) -> None:
    """Write the bands under the clouds."""
    cover = opacity()
    for band in (*BANDS_20M, "B08"):
        name = f"{band}_10m" if band == "B08" else f"{band}_20m"
        counts = open_array(l1c, name)
        share = cv2.resize(cover, counts.shape[::-1])
        out.save(name, (counts * (1 - share) + share * np.float32(CLOUD[band] * 10000)).astype(np.uint16))
    out.statistics.update(l1c.statistics)


def hills(out: StageWriter) -> None:
    """Write heights and what the classification reads of the terrain."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    heights = 400 + 350 * np.sin(y / 60) * np.cos(x / 80)
    south, east = np.gradient(heights, 20)
    cosine = (np.sin(np.radians(28)) + 0.88 * south) / np.sqrt(1 + east**2 + south**2)
    out.save("height_20m", heights)
    out.save("slope_20m", np.round(100 * np.degrees(np.arctan(np.hypot(east, south)))).astype(np.uint16))
    out.save("illumination_20m", np.round(10000 * cosine).astype(np.int16))
    out.save("shadow_20m", (cosine <= 0).astype(np.uint8))
    out.statistics.update(mean_height_m=400.0)


def maps(out: StageWriter) -> None:
    """Write the three CCI maps, in patches of 200 m."""
    random = np.random.default_rng(1)
    codes = {"water_bodies": [1, 1, 1, 1, 2], "land_cover": [10, 30, 50, 190, 200, 210], "snow_condition": [0, 5, 254]}
    for name, values in codes.items():
        coarse = random.choice(values, (SIDE // 10, SIDE // 10)).astype(np.uint8)
        out.save(f"{name}_20m", np.kron(coarse, np.ones((10, 10), np.uint8)))
    out.statistics.update(snow_possible=True)


def prepared(folder: Path) -> tuple[TileRef, dict[str, StageResult]]:
    """Return the tile and the stored inputs of the stage; they are made where they do not exist yet."""
    product = make_tile(folder)
    tile = tile_reference(product, next((product / "GRANULE").iterdir()), folder / "work")
    l1c = import_l1c.fn(tile, L1CParameters(content_fingerprint="benchmark"))

    def stage(name: str, produce: object) -> StageResult:
        return run_stage(tile.store, name, "benchmark", None, {}, produce)

    inputs = {"l1c": stage("clouded", lambda out: clouded(out, l1c))}
    return tile, inputs | {"dem": stage("hills", hills), "esa_cci": stage("maps", maps)}


def main() -> None:
    """Run the benchmark."""
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    maker = multiprocessing.get_context("spawn").Process(target=prepared, args=(folder,))
    maker.start()
    maker.join()
    tile, inputs = prepared(folder)
    before = resource.getrusage(resource.RUSAGE_SELF)
    classify_scene.fn(tile, ClassificationParameters(), **inputs)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"classification: {cpu:.1f} CPU s, peak memory {after.ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
