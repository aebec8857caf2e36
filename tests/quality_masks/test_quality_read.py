"""Quality reports and masks of real products, and damaged ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tasks.common.bands import NATIVE_RESOLUTION
from tasks.common.errors import InvalidInput
from tasks.common.grid import Grid
from tasks.quality_masks.codestream import equal_blocks
from tasks.quality_masks.layers import RASTER_LAYERS
from tasks.quality_masks.read import (
    layer_shares,
    marked_blocks,
    quality_report,
    rasterised,
    read_data_loss,
    read_polygons,
)

DATA = Path(__file__).parents[2].parent / "shared" / "data"
T29UNU = Grid(epsg=32629, ulx=499980, uly=5900040, resolution=10, rows=10980, cols=10980)
T32TNM = Grid(epsg=32632, ulx=499980, uly=4700040, resolution=60, rows=1830, cols=1830)

SQUARE = """<?xml version="1.0"?>
<eop:Mask xmlns:eop="http://www.opengis.net/eop/2.0" xmlns:gml="http://www.opengis.net/gml/3.2">
 <gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs:EPSG:8.7:{epsg}"/></gml:boundedBy>
 <eop:maskMembers><eop:MaskFeature><eop:maskType>{kind}</eop:maskType><eop:extentOf><gml:Polygon>
 <gml:exterior><gml:LinearRing><gml:posList srsDimension="{dimension}">{outer}</gml:posList></gml:LinearRing>
 </gml:exterior>
 {holes}</gml:Polygon></eop:extentOf></eop:MaskFeature></eop:maskMembers>
</eop:Mask>"""


def real(pattern: str) -> Path:
    found = sorted(DATA.glob(pattern)) if DATA.is_dir() else []
    if not found:
        pytest.skip(f"no {pattern}")
    return found[0]


def gml(path: Path, outer: str, kind: str = "MSI_LOST", dimension: int = 2, epsg: int = 32632, holes: str = "") -> Path:
    path.write_text(SQUARE.format(outer=outer, kind=kind, dimension=dimension, epsg=epsg, holes=holes))
    return path


@pytest.mark.parametrize("product", ["l2a-T29UNU-PB0400", "l1c-lowres-eodatasets", "xml-l1c"])
def test_real_reports_say_no_loss(product: str) -> None:
    granule = real(f"{product}/*/GRANULE/*/QI_DATA/GENERAL_QUALITY.xml").parents[1]
    report = quality_report(granule)
    assert report is not None
    loss = read_data_loss(report)
    assert loss is not None
    assert not loss.reported


def test_failed_check_names_its_bands(tmp_path: Path) -> None:
    text = real("l2a-T29UNU-PB0400/*/GRANULE/*/QI_DATA/GENERAL_QUALITY.xml").read_text()
    start = text.index('id="Data_Loss"')
    failed = text[start:].replace('status="PASSED"', 'status="FAILED"').replace("No data loss", "Data loss in B8A, B02")
    report = tmp_path / "GENERAL_QUALITY.xml"
    report.write_text(text[:start] + failed)
    loss = read_data_loss(report)
    assert loss is not None
    assert loss.reported
    assert loss.bands == ("B02", "B8A")


def test_report_without_the_check_and_broken_reports(tmp_path: Path) -> None:
    report = tmp_path / "GENERAL_QUALITY.xml"
    report.write_text(
        "<Earth_Explorer_File><check><inspection id='checkMetadata' status='PASSED'/></check></Earth_Explorer_File>"
    )
    assert read_data_loss(report) is None
    report.write_text("<Earth_Explorer_File><check><inspection id='Data_Loss'/></check></Earth_Explorer_File>")
    with pytest.raises(InvalidInput, match="status"):
        read_data_loss(report)
    report.write_text("<Earth_Explorer_File>")
    with pytest.raises(InvalidInput, match="not well-formed"):
        read_data_loss(report)


@pytest.mark.parametrize("band", ["B10", "B11", "B05"])
def test_real_raster_masks_are_as_a_full_decoding(band: str) -> None:
    path = real(f"l2a-T29UNU-PB0400/*/GRANULE/*/QI_DATA/MSK_QUALIT_{band}.jp2")
    with rasterio.open(path) as dataset:
        truth = dataset.read()
    grid = T29UNU.at(NATIVE_RESOLUTION[band])
    found = np.zeros(truth.shape, np.bool_)
    for block, layers in marked_blocks(path, grid, RASTER_LAYERS):
        for name, mask in layers:
            layer = found[RASTER_LAYERS.index(name)]
            layer[block.row : block.row + block.rows, block.col : block.col + block.cols] = mask
    np.testing.assert_array_equal(found, truth != 0)
    assert found.any() == (band != "B05")


def test_equal_tiles_are_found_without_decoding() -> None:
    path = real("l2a-T29UNU-PB0400/*/GRANULE/*/QI_DATA/MSK_QUALIT_B02.jp2")
    groups = equal_blocks(path.read_bytes())
    assert groups is not None
    assert sorted(len(group) for group in groups) == [1, 10, 10, 100]
    covered = np.zeros((10980, 10980), np.uint8)
    for group in groups:
        for block in group:
            covered[block.row : block.row + block.rows, block.col : block.col + block.cols] += 1
    assert (covered == 1).all()


def test_shares_of_real_masks_of_60_m() -> None:
    path = real("l2a-T29UNU-PB0400/*/GRANULE/*/QI_DATA/MSK_CLASSI_B00.jp2")
    assert layer_shares(path, T29UNU.at(60), 3) == pytest.approx((28.0763, 5.6622, 1.2643), abs=1e-4)
    assert layer_shares(path.with_name("MSK_DETFOO_B10.jp2"), T29UNU.at(60), 1) == pytest.approx((59.5690,), abs=1e-4)
    with pytest.raises(InvalidInput, match="expected 1 of 1830 x 1830"):
        layer_shares(path, T29UNU.at(60), 1)


def test_broken_codestreams_are_left_to_the_decoder() -> None:
    content = real("l2a-T29UNU-PB0400/*/GRANULE/*/QI_DATA/MSK_QUALIT_B10.jp2").read_bytes()
    assert equal_blocks(b"") is None
    assert equal_blocks(content[: len(content) // 2]) is None
    for at in range(content.index(b"\xff\x4f"), content.index(b"\xff\x90"), 3):
        equal_blocks(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])


def test_raster_mask_of_another_size(tmp_path: Path) -> None:
    path = real("l2a-T29UNU-PB0400/*/GRANULE/*/QI_DATA/MSK_QUALIT_B10.jp2")
    with pytest.raises(InvalidInput, match="expected 8 of 5490 x 5490"):
        list(marked_blocks(path, T29UNU.at(20), ("MSI_LOST",)))
    path = real("l2a-T29UNU-PB0400/*/GRANULE/*/QI_DATA/MSK_CLASSI_B00.jp2")
    with pytest.raises(InvalidInput, match="3 layers"):
        list(marked_blocks(path, T29UNU.at(60), ("MSI_LOST",)))
    (tmp_path / "MSK_QUALIT_B01.jp2").write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n")
    for name in ("MSK_QUALIT_B01.jp2", "absent.jp2"):
        with pytest.raises(InvalidInput, match="cannot be read"):
            list(marked_blocks(tmp_path / name, T29UNU.at(60), ("MSI_LOST",)))


def test_real_gml_polygon_has_its_area() -> None:
    """The shoelace formula gives the area of the detector line that T32TNM's B10 calls defective."""
    path = real("xml-l1c/*T32TNM*/GRANULE/*/QI_DATA/MSK_DEFECT_B10.gml")
    polygons = read_polygons(path, 32632)
    assert [p.layer for p in polygons] == ["DEFECTIVE"]
    x, y = np.array(polygons[0].rings[0]).T
    area = 0.5 * abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))
    fine = T32TNM.model_copy(update={"resolution": 20, "rows": 5490, "cols": 5490})
    ((_, mask),) = rasterised(polygons, fine, (0, 5490))
    assert mask.sum() * 400.0 == pytest.approx(area, rel=0.005)
    ((_, strip),) = rasterised(polygons, fine, (1000, 1300))
    np.testing.assert_array_equal(strip, mask[1000:1300])


def test_real_masks_without_polygons() -> None:
    for band in ("B01", "B04", "B8A"):
        path = real(f"l1c-lowres-eodatasets/*/GRANULE/*/QI_DATA/MSK_TECQUA_{band}.gml")
        assert read_polygons(path, 32756) == ()


def test_square_with_a_hole_by_hand(tmp_path: Path) -> None:
    hole = (
        '<gml:interior><gml:LinearRing><gml:posList srsDimension="2">'
        "500040 4699980 500100 4699980 500100 4699920 500040 4699920 500040 4699980"
        "</gml:posList></gml:LinearRing></gml:interior>"
    )
    path = gml(
        tmp_path / "a.gml", "499980 4700040 500160 4700040 500160 4699860 499980 4699860 499980 4700040", holes=hole
    )
    ((layer, mask),) = rasterised(read_polygons(path, 32632), T32TNM, (0, 4))
    assert layer == "MSI_LOST"
    expected = np.zeros((4, 1830), np.bool_)
    expected[:3, :3] = True
    expected[1, 1] = False
    np.testing.assert_array_equal(mask, expected)


def test_unknown_types_are_left_out(tmp_path: Path) -> None:
    assert read_polygons(gml(tmp_path / "a.gml", "0 0 1 0 1 1 0 0", kind="OPAQUE"), 32632) == ()


@pytest.mark.parametrize(
    ("outer", "dimension", "epsg", "message"),
    [
        ("0 0 1 0 1 1 0 0", 2, 32633, "expected EPSG 32632"),
        ("0 0 1 0 1", 2, 32632, "no closed ring"),
        ("0 0 1 0 1 1 0 0", 3, 32632, "no closed ring"),
        ("0 0 1 0 1 1 0 nan", 2, 32632, "not finite"),
        ("0 0 1 0 1 1 0 x", 2, 32632, "no list of numbers"),
    ],
)
def test_broken_gml(tmp_path: Path, outer: str, dimension: int, epsg: int, message: str) -> None:
    path = gml(tmp_path / "a.gml", outer, dimension=dimension, epsg=epsg)
    with pytest.raises(InvalidInput, match=message):
        read_polygons(path, 32632)
