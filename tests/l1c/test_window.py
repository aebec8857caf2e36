"""The window of a granule that is processed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from l1c_factory import BANDS, RESOLUTION, Scene, band_values, write_safe

from tasks.common.artefacts import open_array
from tasks.common.errors import InvalidConfiguration, NotProcessable
from tasks.common.records import StageResult
from tasks.l1c.archive import open_input
from tasks.l1c.load import content_fingerprint, load_source, tile_references
from tasks.l1c.parameters import L1CParameters
from tasks.l1c.task import import_l1c
from tasks.l1c.window import Window, window_at, window_with_most_data

SCENE = Scene(rows=180, cols=240)
PLACE = {"row0": 60, "col0": 120, "nrow_win": 36, "ncol_win": 60}


def run(folder: Path, scene: Scene = SCENE, **window: object) -> StageResult:
    product = write_safe(folder, scene)
    (tile,) = tile_references(open_input(product, folder / "work"), folder / "work")
    return import_l1c.fn(tile, L1CParameters(content_fingerprint=content_fingerprint(load_source(tile)), **window))


@pytest.mark.parametrize(
    ("midpoint", "size", "expected"),
    [
        ((60, 120), (36, 60), (7, 13, 15, 25)),  # 42 .. 78 and 90 .. 150 pixels
        ((60, 120), (30, 54), (7, 13, 15, 25)),  # 45 .. 75 and 93 .. 147: moved outwards to 42, 78 and 90, 150
        ((0, 234), (60, 60), (0, 5, 34, 40)),  # cut off at the upper and at the right edge
        ((90, 120), (1200, 1200), (0, 30, 0, 40)),
    ],
)
def test_edges_by_hand(midpoint: tuple[int, int], size: tuple[int, int], expected: tuple[int, ...]) -> None:
    assert window_at(midpoint, size, (30, 40)) == Window(*expected)


def test_midpoint_outside_the_tile_is_refused() -> None:
    with pytest.raises(InvalidConfiguration, match=r"<col0> is 240: .* outside the tile of 240 pixels"):
        window_at((60, 240), (36, 60), (30, 40))


def test_what_lies_outside_is_nodata_and_the_rest_untouched(tmp_path: Path) -> None:
    result = run(tmp_path, **PLACE)
    for band in BANDS:
        metres = RESOLUTION[band]
        stored, whole = open_array(result, f"{band}_{metres}m"), band_values(SCENE, band)
        inside = slice(420 // metres, 780 // metres), slice(900 // metres, 1500 // metres)
        expected = np.zeros_like(whole)
        expected[inside] = whole[inside]
        np.testing.assert_array_equal(stored, expected)
    assert result.statistics["nodata_percentage"] == 95.0  # 36 x 60 of 180 x 240 pixels
    assert result.statistics["window_60m"] == {"top": 7, "bottom": 13, "left": 15, "right": 25}


@pytest.mark.parametrize("element", PLACE)
def test_each_element_moves_the_window(tmp_path: Path, element: str) -> None:
    first = run(tmp_path / "first", **PLACE)
    other = run(tmp_path / "other", **PLACE | {element: PLACE[element] + 12})
    assert first.statistics["window_60m"] != other.statistics["window_60m"]
    assert np.any(open_array(first, "B04_10m") != open_array(other, "B04_10m"))


def test_found_window_holds_most_data() -> None:
    """Against all places of the window, one by one."""
    data = np.random.default_rng(3).random((30, 40)) < 0.3
    data[8:20, 5:30] = True
    found = window_with_most_data(data, (60, 72))
    counts = {(top, left): data[top : top + 10, left : left + 12].sum() for top in range(21) for left in range(29)}
    assert (found.bottom - found.top, found.right - found.left) == (10, 12)
    assert counts[found.top, found.left] == max(counts.values())


def test_of_several_the_one_in_the_middle_of_the_data() -> None:
    data = np.zeros((30, 40), bool)
    data[:, 20:] = True
    assert window_with_most_data(data, (60, 60)) == Window(10, 20, 25, 35)
    assert window_with_most_data(data, (6000, 6000)) == Window(0, 30, 0, 40)


def test_found_by_the_program(tmp_path: Path) -> None:
    scene = Scene(rows=120, cols=180, nodata_cols=60)
    result = run(tmp_path, scene, row0="AUTO", col0="AUTO", nrow_win=60, ncol_win=60)
    window = result.statistics["window_60m"]
    assert window["left"] >= 10, "where the tile has data"
    assert (window["bottom"] - window["top"], window["right"] - window["left"]) == (10, 10)
    assert result.statistics["nodata_percentage"] == pytest.approx(100 * (1 - 60 * 60 / (120 * 180)), abs=1e-3)


def test_window_without_data_is_not_processable(tmp_path: Path) -> None:
    scene = Scene(rows=120, cols=180, nodata_cols=60)
    with pytest.raises(NotProcessable, match="no pixel of the window"):
        run(tmp_path, scene, row0=60, col0=24, nrow_win=24, ncol_win=24)


def test_a_window_that_is_off_leaves_earlier_results_valid() -> None:
    plain = L1CParameters(content_fingerprint="0")
    assert set(plain.identity()) == {"content_fingerprint", "resolutions"}
    assert plain.model_copy(update={"nrow_win": 600}).identity() == plain.identity()
    assert set(plain.model_copy(update=PLACE).identity()) > {"row0", "col0", "nrow_win", "ncol_win"}
