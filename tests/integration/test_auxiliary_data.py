"""A run with every auxiliary file there and a run with none: both succeed, and say exactly what they did without."""

from __future__ import annotations

import logging
import re
import shutil
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import cv2
import numpy as np
import pytest
import rasterio
from client_scripts import accepted
from lxml import etree
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from pyproj import Transformer
from rasterio.transform import from_origin
from scipy.io import netcdf_file
from whole_runs import digests, product_of, run_program

from flows.cli.home import prepare_home
from flows.log_level import follow_log_level
from flows.process_product import process_product, process_product_locally
from flows.request import ProductRequest
from tasks.common.threads import use_threads
from tasks.dem.cells import Box, cells_covering
from tasks.dem.footprint import geographic_box
from tasks.dem.surroundings import WIDEST, with_margin
from tasks.l1c.archive import open_input
from tasks.l1c.load import load_source, tile_references

CODE = re.compile(r"L2A-[A-Z0-9-]+")
SNOW = "ESACCI-LC-L4-Snow-Cond-500m-MONTHLY-2000-2012-v2.4"
NOTHING = {
    "L2A-DEM-FLAT",
    "L2A-CCI-NO-DEM",
    "L2A-CCI-SNOW-CLIMATOLOGY",
    "L2A-SC-SNOW-CLIMATOLOGY",
    "L2A-METEO-ECMWFT",
    "L2A-METEO-CAMSFO",
}


def box_of(product: Path, work: Path) -> Box:
    """The tile with the ground that may shade it."""
    (tile,) = tile_references(open_input(product, work), work)
    return geographic_box(with_margin(load_source(tile).tile.grid.at(20), WIDEST))


def write_raster(path: Path, west: float, north: float, step: float, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, dtype=values.dtype, width=values.shape[1], height=values.shape[0],
        crs="EPSG:4326", transform=from_origin(west, north, step, step), compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)


def write_cells(folder: Path, box: Box) -> None:
    """Hills of 40 m around 100 m, in cells of a tenth of the real number of samples."""
    y, x = np.mgrid[0:360, 0:360].astype(np.float32)
    hills = 100.0 + 20.0 * np.sin(x / 3.0) + 20.0 * np.cos(y / 4.0)
    for name in cells_covering(box, "COPERNICUS_30"):
        south, west = int(name[1:3]), int(name[8:11]) * (1 if name[7] == "E" else -1)
        write_raster(folder / f"Copernicus_DSM_10_{name}_DEM.tif", west, south + 1, 1 / 360, hills.astype(np.float32))


def write_maps(folder: Path, box: Box) -> None:
    west, north = box.west - 0.5, box.north + 0.5
    for name, code in (
        ("ESACCI-LC-L4-WB-Map-150m-P13Y-2000-v4.0.tif", 1),
        ("ESACCI-LC-L4-LCCS-Map-300m-P1Y-2015-v2.0.7.tif", 130),
        (f"{SNOW}/ESACCI-LC-L4-Snow-Cond-AggOcc-500m-MONTHLY-2000-2012-200006-2.4.tif", 0),
    ):
        write_raster(folder / name, west, north, 1 / 240, np.full((300, 300), code, np.uint8))
    write_raster(folder / "GlobalSnowMap.tiff", -180.0, 90.0, 0.05, np.zeros((3600, 7200), np.uint8))


def write_cams(folder: Path) -> None:
    folder.mkdir()
    for hour in (10, 11):
        for field, value, scale in (("aod550", 0.2, 1e-4), ("z", 1500.0, 1.0)):
            path = folder / f"z_cams_c_ecmf_20250615000000_prod_fc_sfc_{hour:03d}_{field}.nc"
            with netcdf_file(path, "w") as file:
                for axis, values in (("latitude", 90 - np.arange(451) * 0.4), ("longitude", np.arange(900) * 0.4)):
                    file.createDimension(axis, values.size)
                    variable = file.createVariable(axis, "f4", (axis,))
                    variable[:] = values
                    variable.units = "degrees_east" if axis == "longitude" else "degrees_north"
                variable = file.createVariable(field, "i2", ("latitude", "longitude"))
                variable.scale_factor, variable.add_offset = scale, 0.0
                variable[:] = np.full((451, 900), round(value / scale), np.int16)


def provide_everything(home: Path, box: Box) -> None:
    write_cells(home / "dem" / "cop30", box)
    write_maps(home / "aux_data", box)
    write_cams(home / "cams")
    gipp = home / "cfg" / "L2A_GIPP.xml"
    text = gipp.read_text(encoding="utf-8")
    for element, value in (("DEM_Directory", "dem/cop30"), ("CAMS_Directory", "cams"), ("Ozone_Content", "331")):
        text = re.sub(rf"<{element}>[^<]*<", f"<{element}>{value}<", text)
    gipp.write_text(text, encoding="utf-8")


def codes_in_report(product: Path) -> set[str]:
    (report,) = product.rglob("L2A_QUALITY.xml")
    return {code for text in etree.parse(str(report)).getroot().itertext() for code in CODE.findall(text)} | {
        code
        for node in etree.parse(str(report)).getroot().iter()
        for value in node.attrib.values()
        for code in CODE.findall(value)
    }


def files_in_report(product: Path) -> dict[str, str]:
    """File names with the hashes that the report gives."""
    (report,) = product.rglob("L2A_QUALITY.xml")
    texts = [value.text or "" for value in etree.parse(str(report)).getroot().iter("{*}value")]
    return dict(text.split(" sha256:") for text in texts if " sha256:" in text)


def stored(work: Path) -> set[str]:
    """Names of all stage results, which are their fingerprints."""
    return {f"{path.parent.parent.name} {path.parent.name}" for path in work.glob("*/*/*/result.json")}


def tags_under_prefect(product: Path, folder: Path, work: Path) -> set[str]:
    """Run under Prefect with the stored stages and return the tile run's tags."""
    request = ProductRequest(input_path=product, output_dir=folder, work_dir=work)
    state = process_product(request, return_state=True)
    parent = UUID(str(state.state_details.flow_run_id))
    with get_client(sync_client=True) as client:
        wanted = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[parent]))
        (run,) = client.read_flow_runs(flow_run_filter=wanted)
    return set(run.tags)


@pytest.mark.usefixtures("prefect_server")
def test_everything_or_nothing(small_product: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    monkeypatch.setenv("SEN2COR_HOME", str(home))
    for there in (False, True):
        if there:
            provide_everything(home, box_of(small_product, work))
        out = tmp_path / f"out-{there}"
        done = run_program(small_product, "--output_dir", out, "--work_dir", work, home=home)
        product = product_of(done)
        expected = set() if there else NOTHING
        assert set(CODE.findall(done.stderr)) == expected
        assert codes_in_report(product) == expected
        tags = tags_under_prefect(small_product, tmp_path / f"prefect-{there}", work)
        assert {tag for tag in tags if CODE.fullmatch(tag)} == expected
        assert ("degraded" in tags) == (not there)
    assert "source=COPERNICUS_30" in done.stderr
    assert "cams_source=CAMS_DIRECTORY" in done.stderr

    # What was used stands in the report with its true hashes.
    listed = files_in_report(product)
    there = {path.name: path for folder in ("dem", "aux_data", "cams") for path in (home / folder).rglob("*.*")}
    used = {name for name in listed if name in there}
    assert {name: listed[name] for name in used} == {n: sha256(there[n].read_bytes()).hexdigest() for n in used}
    assert {"GlobalSnowMap.tiff", "GENERAL_QUALITY.xml"} <= set(listed)
    assert sum(name.startswith("Copernicus_DSM_10") for name in used) >= 1
    assert sum(name.startswith("ESACCI-LC-L4") for name in used) == 3
    assert sum(name.endswith("aod550.nc") for name in used) >= 1

    # The same data elsewhere, with other times: every stage is found again.
    before = stored(work)
    moved = tmp_path / "another machine" / "home"
    shutil.copytree(home, moved, copy_function=shutil.copyfile)
    product_of(run_program(small_product, "--output_dir", tmp_path / "again", "--work_dir", work, home=moved))
    assert stored(work) == before


def image_of(product: Path, ending: str) -> np.ndarray:
    (path,) = product.glob(f"GRANULE/*/*/{ending}")
    with rasterio.open(path) as image:
        return image.read(1)


def check_dark_vegetation(product: Path) -> None:
    (scl,) = product.glob("GRANULE/*/IMG_DATA/R20m/*_SCL_20m.jp2")
    with rasterio.open(scl) as image:
        classes = image.read(1)
    codes = image_of(product, "MSK_DDVPXL_20m.jp2")
    assert np.array_equal(codes == 0, classes == 0)
    assert np.array_equal(codes == 6, classes == 6)
    assert set(classes[codes == 1]) == {4}
    assert set(np.unique(codes)) <= {0, 1, 5, 6}
    (report,) = product.rglob("L2A_QUALITY.xml")
    (said,) = etree.parse(str(report)).xpath("//*[@name='DDV_PIXEL_PERCENTAGE']/text()")
    land = np.count_nonzero((classes != 0) & (classes != 6))
    assert 100 * np.count_nonzero(codes == 1) / land == pytest.approx(float(said), abs=1e-4)


def check_heights(product: Path) -> None:
    """Against the formula of the cells: half a metre of rounding, and the cubic spline's smoothing of such waves.

    A B-spline that is not interpolating takes w^2 / 6 of a wave of w radian a sample: 0.57 m at most here.
    """
    (path,) = product.glob("GRANULE/*/AUX_DATA/*_DEM_20m.jp2")
    with rasterio.open(path) as image:
        counts = image.read(1)
        rows, cols = np.mgrid[4 : image.height : 9, 5 : image.width : 11]
        left, top = image.transform.c, image.transform.f
        east, north = left + 20 * (cols + 0.5), top - 20 * (rows + 0.5)
        degrees = Transformer.from_crs(image.crs, "EPSG:4326", always_xy=True)
    lon, lat = degrees.transform(east, north)
    x, y = 360 * (lon % 1) - 0.5, 360 * (1 - lat % 1) - 0.5
    truth = 100.0 + 20.0 * np.sin(x / 3.0) + 20.0 * np.cos(y / 4.0)
    assert np.ptp(truth) > 20
    assert np.abs(counts[rows, cols] - 10000 - truth).max() < 1.08


def test_optional_outputs_of_the_gipp(
    small_product: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path
) -> None:
    """Mask and heights are files more; nothing else of the product differs."""
    home, work = tmp_path / "home", tmp_path / "work"
    monkeypatch.setenv("SEN2COR_HOME", str(home))
    gipp = prepare_home().cfg / "L2A_GIPP.xml"
    write_cells(home / "dem" / "cop30", box_of(small_product, work))
    shipped = gipp.read_text(encoding="utf-8").replace("<DEM_Directory>NONE<", "<DEM_Directory>dem/cop30<")
    asked = {"Generate_DDV_Output": "TRUE", "Generate_DEM_Output": "TRUE", "Nr_Threads": "1", "Log_Level": "ERROR"}
    changed = shipped
    for element, value in asked.items():
        changed = re.sub(rf"<{element}>[^<]*<", f"<{element}>{value}<", changed)
    products = []
    try:
        for number, text in enumerate((shipped, changed)):
            gipp.write_text(text, encoding="utf-8")
            request = ProductRequest(
                input_path=small_product, output_dir=tmp_path / f"{number}", work_dir=work, resolution=20
            )
            outcome = process_product_locally(request)
            assert outcome.product is not None
            assert not any(fallback.code.startswith(("L2A-GIPP", "L2A-PKG")) for fallback in outcome.tiles[0].fallbacks)
            products.append(outcome.product)
        assert cv2.getNumThreads() == 1
        assert logging.getLogger("sen2flow").level == logging.ERROR
    finally:
        use_threads("AUTO")
        follow_log_level("INFO")
    results = [name.split()[0] for name in stored(work)]
    again = {name for name in results if results.count(name) > 1}
    assert (
        {"images", "aot"} <= again <= {"images", "aot", "water_vapour"} | {n for n in again if n.startswith("surface")}
    )
    before, after = (
        {name: digest for name, digest in digests(product).items() if name.endswith(".jp2")} for product in products
    )
    assert before.items() <= after.items()
    added = sorted(name.rpartition("/")[2] for name in set(after) - set(before))
    assert [name[-12:] for name in added] == ["VPXL_20m.jp2", "VPXL_60m.jp2", "_DEM_20m.jp2", "_DEM_60m.jp2"]
    check_dark_vegetation(products[1])
    check_heights(products[1])
    accepted(products[1], shared_data, "manifest_check", "xsd_validate", "gdal_sentinel2")
