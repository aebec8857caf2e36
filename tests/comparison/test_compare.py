"""Comparison of two results: figures by hand, real products, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from typer.testing import CliRunner

from flows.cli.sen2flow import app
from tasks.common.errors import InvalidInput
from tasks.comparison.compare import compare
from tasks.comparison.side import open_side
from tasks.comparison.statistics import Gathered, confusion


def write(folder: Path, name: str, values: np.ndarray, resolution: int, ulx: float = 399960.0) -> None:
    folder.mkdir(exist_ok=True)
    with rasterio.open(
        folder / f"{name}_{resolution}m.tif", "w", driver="GTiff", count=1, dtype=values.dtype, crs="EPSG:32632",
        height=values.shape[0], width=values.shape[1], transform=from_origin(ulx, 5000040, resolution, resolution),
    ) as target:  # fmt: skip
        target.write(values, 1)


def test_figures_by_hand() -> None:
    gathered = Gathered()
    a = np.array([0.1, 0.2, 0.4, np.nan], np.float32)
    b = np.array([0.1, 0.1, 0.1, 0.0], np.float32)
    gathered.add(a, b, np.ones(4, bool))
    figures = gathered.agreement()
    assert figures is not None
    assert figures.count == 3
    assert figures.accuracy == pytest.approx(0.4 / 3, abs=1e-7)
    assert figures.uncertainty == pytest.approx((0.1 / 3) ** 0.5, abs=1e-7)
    assert figures.precision == pytest.approx(np.std([0.0, 0.1, 0.3], ddof=1), abs=1e-7)
    assert Gathered().agreement() is None


def test_confusion_by_hand() -> None:
    matrix = confusion(np.array([4, 4, 6, 0, 200]), np.array([4, 5, 6, 4, 4]))
    assert (matrix[4, 4], matrix[4, 5], matrix[6, 6], matrix[0, 4]) == (1, 1, 1, 1)
    assert matrix.sum() == 4


def test_only_pixels_of_the_wanted_classes_count(tmp_path: Path) -> None:
    scl = np.full((6, 6), 4, np.uint8)
    scl[:3] = 6
    for side, shift in (("a", 0.01), ("b", 0.0)):
        folder = tmp_path / side
        write(folder, "SCL", scl, 20)
        for resolution in (10, 20, 60):
            size = 120 // resolution
            values = np.full((size, size), 0.2 + shift, np.float32)
            values[: size // 2] += 10 * shift
            write(folder, "B02", values, resolution)
    vegetation = compare(open_side(tmp_path / "a"), open_side(tmp_path / "b"), (4,))
    for resolution, count in ((10, 72), (20, 18), (60, 2)):
        figures = vegetation.images[f"B02_{resolution}m"]
        assert figures.count == count
        assert figures.accuracy == pytest.approx(0.01, abs=1e-6)
        assert figures.precision == pytest.approx(0.0, abs=1e-6)
    assert compare(open_side(tmp_path / "a"), open_side(tmp_path / "b"), (6,)).images["B02_20m"].accuracy > 0.1
    assert vegetation.class_agreement == 100.0


def test_other_grids_and_other_folders_are_refused(tmp_path: Path) -> None:
    values = np.full((6, 6), 0.2, np.float32)
    write(tmp_path / "a", "B02", values, 20)
    write(tmp_path / "b", "B02", values, 20, ulx=400000.0)
    write(tmp_path / "c", "B03", values, 20)
    with pytest.raises(InvalidInput, match="only equal grids"):
        compare(open_side(tmp_path / "a"), open_side(tmp_path / "b"), (4,))
    with pytest.raises(InvalidInput, match="no image in common"):
        compare(open_side(tmp_path / "a"), open_side(tmp_path / "c"), (4,))
    with pytest.raises(InvalidInput, match="neither"):
        open_side(tmp_path)


def test_real_product_is_read_in_physical_units(shared_data: Path) -> None:
    product = next((shared_data / "l2a-T29UNU-PB0400").glob("*.SAFE"))
    side = open_side(product)
    aot = side.window("AOT", 60, slice(0, 1830), 1830)
    assert float(np.nanmean(aot)) == pytest.approx(0.089132, abs=2e-4), "GRANULE_MEAN_AOT of the product"
    itself = compare(side, side, (4, 5, 6))
    assert itself.images["WVP_60m"].uncertainty == 0.0
    assert itself.class_agreement == 100.0


def test_command_prints_tables_and_json(tmp_path: Path) -> None:
    for side, value in (("a", 0.21), ("b", 0.2)):
        write(tmp_path / side, "B02", np.full((6, 6), value, np.float32), 20)
    run = CliRunner()
    shown = run.invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert shown.exit_code == 0
    assert "B02_20m" in shown.output
    document = json.loads(run.invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]).output)
    assert document["images"]["B02_20m"]["accuracy"] == pytest.approx(0.01, abs=1e-6)
    for wrong in (["--classes", "4;5"], ["--classes", "12"]):
        refused = run.invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b"), *wrong])
        assert refused.exit_code == 1
    assert run.invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path)]).exit_code == 1
