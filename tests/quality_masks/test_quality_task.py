"""The stage as a whole, on small granules with masks written here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from tasks.common.artefacts import open_array
from tasks.common.bands import NATIVE_RESOLUTION
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.l1c.model import MaskFile
from tasks.quality_masks import task as stage
from tasks.quality_masks.parameters import QualityMaskParameters

GRID = Grid(epsg=32632, ulx=499980, uly=4700040, resolution=10, rows=12, cols=18)
REPORT = (
    "<Earth_Explorer_File><check><inspection id='Data_Loss' status='{status}'/><message>{message}</message></check>"
    "</Earth_Explorer_File>"
)
L1C = StageResult(stage="l1c", version="1", fingerprint="a", folder=Path(), statistics={"grid": GRID.model_dump()})


class Granule:
    """A granule folder with a report and masks, and the source record a reader would give of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.qi = folder / "granule" / "QI_DATA"
        self.qi.mkdir(parents=True)
        self.masks: list[MaskFile] = []
        self.tile = TileRef(key="t", work_dir=folder / "work", granule_dir=folder / "granule")
        monkeypatch.setattr(stage, "load_source", self.source)

    def source(self, _tile: TileRef) -> object:
        return SimpleNamespace(tile=SimpleNamespace(masks=tuple(self.masks), grid=GRID, path=self.qi / "MTD_TL.xml"))

    def report(self, status: str, message: str = "") -> None:
        (self.qi / "GENERAL_QUALITY.xml").write_text(REPORT.format(status=status, message=message))

    def raster(self, band: str, layers: dict[int, tuple[int, int]]) -> None:
        """Write MSK_QUALIT with one pixel set in each of some layers (counted from 1)."""
        grid = GRID.at(NATIVE_RESOLUTION[band])
        values = np.zeros((8, *grid.shape), np.uint8)
        for layer, (row, col) in layers.items():
            values[layer - 1, row, col] = 1
        path = self.qi / f"MSK_QUALIT_{band}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", count=8, dtype="uint8", width=grid.cols, height=grid.rows, crs="EPSG:32632",
            transform=from_origin(grid.ulx, grid.uly, grid.resolution, grid.resolution),
        ) as dataset:  # fmt: skip
            dataset.write(values)
        self.masks.append(MaskFile("MSK_QUALIT", band, path))

    def run(self, **parameters: object) -> StageResult:
        return stage.read_quality_masks.fn(self.tile, QualityMaskParameters(**parameters), l1c=L1C)  # type: ignore[arg-type]


@pytest.fixture
def granule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Granule:
    return Granule(tmp_path, monkeypatch)


def test_no_loss_reads_no_mask(granule: Granule) -> None:
    granule.report("PASSED")
    granule.masks.append(MaskFile("MSK_QUALIT", "B02", granule.qi / "absent.jp2"))
    result = granule.run()
    assert not open_array(result, "invalid_20m").any()
    assert result.statistics["data_loss"] is False
    assert result.statistics["source"] == "NONE"
    assert [file["file"] for file in result.statistics["files"]] == ["GENERAL_QUALITY.xml"]
    assert result.fallbacks == ()


def test_loss_in_named_bands(granule: Granule) -> None:
    granule.report("FAILED", "loss in B02, B05 and B01")
    granule.raster("B02", {1: (0, 1), 5: (11, 16)})
    granule.raster("B05", {3: (2, 2), 6: (3, 3), 7: (3, 4), 8: (3, 5)})
    granule.raster("B01", {4: (1, 1)})
    granule.raster("B12", {3: (4, 0)})
    result = granule.run()
    expected = np.zeros((6, 9), np.uint8)
    expected[3:6, 3:6] = 1
    expected[0, 0] = 2
    expected[5, 8] = 1
    expected[2, 2] = 2
    np.testing.assert_array_equal(open_array(result, "invalid_20m"), expected)
    assert result.statistics["bands"] == ["B01", "B02", "B05"]
    assert result.statistics["source"] == "MSK_QUALIT"
    names = ["GENERAL_QUALITY.xml", *(f"MSK_QUALIT_{band}.tif" for band in ("B01", "B02", "B05"))]
    assert [file["file"] for file in result.statistics["files"]] == names
    content = (granule.qi / names[2]).read_bytes()
    assert result.statistics["files"][2]["sha256"] == hashlib.sha256(content).hexdigest()
    assert result.statistics["lost_percentage"] == pytest.approx(100 * 2 / 54)
    assert result.statistics["defective_percentage"] == pytest.approx(100 * 10 / 54)
    assert result.fallbacks == ()


def test_configured_layers(granule: Granule) -> None:
    granule.report("FAILED", "B05")
    granule.raster("B05", {3: (0, 0), 8: (1, 1)})
    result = granule.run(l1c_qlt_lost_layers="NONE", l1c_qlt_defective_layers="SATURATED_L1A")
    expected = np.zeros((6, 9), np.uint8)
    expected[1, 1] = 1
    np.testing.assert_array_equal(open_array(result, "invalid_20m"), expected)


def test_switched_off(granule: Granule) -> None:
    granule.report("FAILED", "B05")
    granule.raster("B05", {3: (0, 0)})
    result = granule.run(handle_l1c_qlt_mask=False)
    assert not open_array(result, "invalid_20m").any()
    assert result.statistics["used"] is False
    assert result.fallbacks == ()


def test_older_masks_are_polygons(granule: Granule) -> None:
    granule.report("FAILED", "B05")
    head = (
        '<eop:Mask xmlns:eop="http://www.opengis.net/eop/2.0" xmlns:gml="http://www.opengis.net/gml/3.2">'
        "<eop:maskMembers><eop:MaskFeature><eop:maskType>MSI_LOST</eop:maskType><gml:Polygon>"
    )
    ring = "499980 4700040 0 500020 4700040 0 500020 4700020 0 499980 4700020 0 499980 4700040 0"
    path = granule.qi / "MSK_TECQUA_B05.gml"
    path.write_text(
        f'{head}<gml:posList srsDimension="3">{ring}</gml:posList>'
        "</gml:Polygon></eop:MaskFeature></eop:maskMembers></eop:Mask>"
    )
    granule.masks.append(MaskFile("MSK_TECQUA", "B05", path))
    result = granule.run()
    expected = np.zeros((6, 9), np.uint8)
    expected[0, :2] = 2
    np.testing.assert_array_equal(open_array(result, "invalid_20m"), expected)
    assert result.statistics["source"] == "GML"
    assert result.statistics["files"][-1]["file"] == "MSK_TECQUA_B05.gml"


def test_nothing_there_is_one_fall_back(granule: Granule) -> None:
    result = granule.run()
    (fallback,) = result.fallbacks
    assert fallback.code == "L2A-QLT-MASKS"
    assert "GENERAL_QUALITY.xml" in fallback.message
    assert "B8A" in fallback.message
    assert result.statistics["bands"] == []
    assert not open_array(result, "invalid_20m").any()


def test_damaged_report_and_mask(granule: Granule) -> None:
    (granule.qi / "GENERAL_QUALITY.xml").write_text("<Earth_Explorer_File>")
    for band in NATIVE_RESOLUTION:
        granule.raster(band, {})
    (granule.qi / "MSK_QUALIT_B03.tif").write_bytes(b"II*\0")
    result = granule.run()
    (fallback,) = result.fallbacks
    assert "no quality mask of B03" in fallback.message
    assert len(result.statistics["bands"]) == 12
