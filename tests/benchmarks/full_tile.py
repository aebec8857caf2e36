"""Makes a full tile of real pixels and processes it: where do the seconds and the memory go?

Usage: python tests/benchmarks/full_tile.py FOLDER        (2 GB in FOLDER; the real scene is fetched once)

The 19 km demonstration scene is mirrored until it fills 110 km, so that compression works on real texture. Prints the
wall seconds of each stage, and CPU seconds and peak memory of the whole process.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from flows.cli.demo import extract_images, fetch_archive
from flows.process_product import process_product_locally
from flows.request import ProductRequest
from flows.runners import watch
from tasks.simulation import real_scene


def mirrored(pixels: np.ndarray, at: real_scene.Grid, tile: real_scene.Grid) -> np.ndarray:
    """Fill the tile by reflecting the scene at its edges."""
    rows, cols = tile.at(at.resolution).shape
    once = np.concatenate([pixels, pixels[::-1]])
    twice = np.concatenate([once, once[:, ::-1]], axis=1)
    repeats = (-(-rows // twice.shape[0]), -(-cols // twice.shape[1]))
    return np.ascontiguousarray(np.tile(twice, repeats)[:rows, :cols])


def make_tile(folder: Path) -> Path:
    """Write the Level-1C product and return its SAFE folder."""
    existing = sorted(folder.glob("S2A_MSIL1C_*.SAFE"))
    if existing:
        return existing[0]
    real_scene._placed = mirrored
    archive = fetch_archive(folder / "download")
    with tempfile.TemporaryDirectory(dir=folder) as images:
        extract_images(archive, Path(images))
        return real_scene.wrap_real_scene(Path(images), folder)


def main() -> None:
    """Run the benchmark."""
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    product = make_tile(folder)
    if len(sys.argv) > 2 and sys.argv[2] == "--make-only":
        return
    last = time.perf_counter()

    def show(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        print(f"{stage:<28} {now - last:7.1f} s", flush=True)
        last = now

    before = resource.getrusage(resource.RUSAGE_SELF)
    with tempfile.TemporaryDirectory(dir=folder) as work, watch(show):
        process_product_locally(
            ProductRequest(input_path=product, output_dir=Path(work) / "out", work_dir=Path(work) / "work")
        )
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(f"CPU {seconds:.0f} s, peak memory {used.ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
