"""``Nr_Threads``: seen at the libraries while an image is coded, and at the pixels, which do not change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.common.grid import Grid
from tasks.common.jpeg2000 import write_jp2
from tasks.common.threads import decoder_threads, encoder_threads, use_threads
from tasks.l1c.decode import decode_image

GRID = Grid(epsg=32632, ulx=399960.0, uly=5000040.0, resolution=10, rows=1024, cols=1024)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    use_threads("AUTO")


def most_threads(work) -> int:
    """Return the largest number of threads of this process, beyond those before, while ``work`` runs."""
    tasks = Path("/proc/self/task")
    running, most = True, 0
    before = sum(1 for _ in tasks.iterdir())

    def watch() -> None:
        nonlocal most
        while running:
            most = max(most, sum(1 for _ in tasks.iterdir()))
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        running = False
        watcher.join()
    return most - before - 1


def test_coder_starts_as_many_threads_as_asked(tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 32768, GRID.shape).astype(np.uint16)
    started, written, read = {}, {}, {}
    for number in (1, 4):
        use_threads(number)
        path = tmp_path / f"{number}.jp2"
        coding = most_threads(lambda path=path: write_jp2(path, array, GRID, tile_size=256))
        decoding = most_threads(lambda path=path, n=number: read.__setitem__(n, decode_image(path, GRID)))
        started[number], written[number] = (coding, decoding), path.read_bytes()
    assert written[1] == written[4]
    assert np.array_equal(read[1], array)
    assert np.array_equal(read[4], array)
    for few, many in zip(started[1], started[4], strict=True):
        assert few < many  # the libraries keep threads of their own besides


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
