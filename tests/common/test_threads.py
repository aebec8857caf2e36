"""``Nr_Threads``: seen at the libraries while an image is coded, and at the pixels, which do not change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tasks.common.threads import decoder_threads, encoder_threads, use_threads

CODE_AN_IMAGE = """
import json, sys, threading, time
from pathlib import Path
import numpy as np
from tasks.common.grid import Grid
from tasks.common.jpeg2000 import write_jp2
from tasks.common.threads import use_threads
from tasks.l1c.decode import decode_image

grid = Grid(epsg=32632, ulx=399960.0, uly=5000040.0, resolution=10, rows=1024, cols=1024)
array = np.random.default_rng(1).integers(0, 32768, grid.shape).astype(np.uint16)
path, use = Path(sys.argv[1]), use_threads(int(sys.argv[2]))

def most_threads(work):
    worker = threading.Thread(target=work)
    worker.start()
    most = 0
    while worker.is_alive():
        most = max(most, sum(1 for _ in Path("/proc/self/task").iterdir()))
        time.sleep(0.001)
    return most

images = []
coding = most_threads(lambda: write_jp2(path, array, grid, tile_size=256))
decoding = most_threads(lambda: images.append(decode_image(path, grid)))
print(json.dumps([coding, decoding, bool(np.array_equal(images[0], array))]))
"""
"""In a process of its own: the libraries keep the threads that they have once started."""


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    use_threads("AUTO")


def code_an_image(path: Path, number: int) -> list[int]:
    """Return the largest number of threads while coding and decoding, and whether the pixels came back."""
    command = [sys.executable, "-c", CODE_AN_IMAGE, str(path), str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    found: list[int] = json.loads(done.stdout)
    return found


def test_coder_starts_as_many_threads_as_asked(tmp_path: Path) -> None:
    few, many = (code_an_image(tmp_path / f"{number}.jp2", number) for number in (1, 5))
    assert (tmp_path / "1.jp2").read_bytes() == (tmp_path / "5.jp2").read_bytes()
    assert few[2]
    assert many[2]
    assert many[0] - few[0] >= 3, "while coding"
    assert many[1] - few[1] >= 3, "while decoding"


def test_number_and_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GDAL_NUM_THREADS", raising=False)
    automatic = cv2.getNumThreads()
    use_threads(1)
    assert (cv2.getNumThreads(), decoder_threads(), encoder_threads()) == (1, "1", "1")
    monkeypatch.setenv("GDAL_NUM_THREADS", "4")
    assert decoder_threads() == "1"
    use_threads("AUTO")
    assert (cv2.getNumThreads(), decoder_threads(), encoder_threads()) == (automatic, "4", "2")
    monkeypatch.delenv("GDAL_NUM_THREADS")
    assert decoder_threads() == "ALL_CPUS"
