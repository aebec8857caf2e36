"""GeoTIFF and ENVI images against the JPEG 2000 images of the same granule, and against what the formats say."""

from __future__ import annotations

import hashlib
import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import rasterio
from client_scripts import accepted
from lxml import etree
from rasterio.enums import ColorInterp

from tasks.common.artefacts import fingerprint
from tasks.common.errors import InternalInconsistency, TransientIO
from tasks.common.grid import Grid
from tasks.common.records import StageResult
from tasks.packaging.description import GranuleProduct, ProductDescription
from tasks.packaging.envi import write_envi
from tasks.packaging.geotiff import overview_factors, write_cog, write_geotiff
from tasks.packaging.image_content import CLASS_COLOURS, CLASSES, CODES, PICTURE, QUANTITY, ImageContent
from tasks.packaging.parameters import PackagingParameters, TreeParameters
from tasks.packaging.product import assemble_product
from tasks.packaging.task import encode_images, list_images

SUFFIXES = {"GTiff": ".tif", "ENVI": ".rawl"}
GRID = Grid(epsg=32632, ulx=600000.0, uly=5000040.0, resolution=20, rows=1300, cols=1100)
NORTH, SOUTH = 32632, 32748


def encode(case: Any, work: Path, **parameters: Any) -> StageResult:
    names = {"l1c", "classification", "aot", "water_vapour"} | {n for n in case.stages if n.startswith("surface_")}
    tile = case.tile.model_copy(update={"work_dir": work})
    inputs = {name: case.stages[name] for name in names}
    return encode_images.fn(tile, PackagingParameters(generate_ddv_output=True, **parameters), **inputs)


@pytest.fixture(scope="module")
def jpeg_2000(case: Any, tmp_path_factory: pytest.TempPathFactory) -> StageResult:
    return encode(case, tmp_path_factory.mktemp("jp2"))


@pytest.fixture(scope="module", params=["GTiff", "ENVI"])
def other(case: Any, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StageResult:
    return encode(case, tmp_path_factory.mktemp("other"), image_format=request.param)


def stems(result: StageResult, suffix: str) -> set[str]:
    return {name.removesuffix(suffix) for name in result.files if name.endswith(suffix)}


def test_every_image_has_the_pixels_and_the_georeference_of_the_jpeg_2000(
    jpeg_2000: StageResult, other: StageResult
) -> None:
    driver = other.statistics["image_format"]
    suffix = SUFFIXES[driver]
    images = {name for name in stems(jpeg_2000, ".jp2") if not name.endswith("_PVI")}
    assert stems(other, suffix) == images
    assert [name for name in other.files if name.endswith(".jp2")] == ["QI_DATA/T48LWP_20210713T032051_PVI.jp2"]
    beside = {f"{name}{end}" for name in images for end in (".hdr", ".gml") if driver == "ENVI"}
    assert {n for n in other.files if PurePosixPath(n).suffix not in (suffix, ".jp2")} == beside
    for name in images:
        with rasterio.open(jpeg_2000.folder / f"{name}.jp2") as a, rasterio.open(other.folder / f"{name}{suffix}") as b:
            assert b.driver == driver
            assert b.dtypes == a.dtypes
            assert np.array_equal(a.read(), b.read()), name
            assert b.crs.to_epsg() == a.crs.to_epsg() == SOUTH
            assert b.transform == a.transform
            holds_no_data = (name.startswith("IMG_DATA/") and "_TCI_" not in name) or "DDVPXL" in name
            assert b.nodata == (0 if holds_no_data else None), name


def test_geotiffs_are_tiled_deflated_and_coloured(case: Any, tmp_path: Path) -> None:
    result = encode(case, tmp_path, image_format="GTiff")
    for name in stems(result, ".tif"):
        with rasterio.open(result.folder / f"{name}.tif") as image:
            assert set(image.block_shapes) == {(512, 512)}
            assert image.profile["tiled"]
            assert image.compression.name == "deflate"
            assert image.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
            interpretation = image.colorinterp
            if "_TCI_" in name:
                assert interpretation == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
            elif "_SCL_" in name:
                assert interpretation == (ColorInterp.palette,)
                colours = image.colormap(1)
                assert {code: colours[code][:3] for code in CLASS_COLOURS} == CLASS_COLOURS
            else:
                assert interpretation == (ColorInterp.gray,)


def test_classes_as_cog_beside_geotiffs(case: Any, tmp_path: Path) -> None:
    result = encode(case, tmp_path, image_format="GTiff", sc_cog=True)
    for name in stems(result, ".tif"):
        with rasterio.open(result.folder / f"{name}.tif") as image:
            assert (image.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG") == ("_SCL_" in name)


def blocks(image: np.ndarray, factor: int) -> np.ndarray:
    """``[y, x, pixels]`` of each whole block."""
    rows, cols = (size // factor for size in image.shape)
    cut = image[: rows * factor, : cols * factor].reshape(rows, factor, cols, factor)
    return cut.swapaxes(1, 2).reshape(rows, cols, factor * factor)


@pytest.mark.parametrize("content", [QUANTITY, CODES], ids=["mean", "nearest"])
def test_overviews(tmp_path: Path, content: ImageContent) -> None:
    values = np.random.default_rng(1).integers(0, 4, GRID.shape).astype("uint16") * 1000
    values[:7] = 0
    path = tmp_path / "image.tif"
    write_geotiff(path, values, GRID, content)
    with rasterio.open(path) as image:
        assert image.overviews(1) == overview_factors(GRID) == [2, 4]
    with rasterio.open(path, overview_level=0) as image:
        half = image.read(1)
        assert half.shape == (650, 550)
        assert image.block_shapes == [(512, 512)]
        assert image.compression.name == "deflate"
    parts = blocks(values, 2).astype(np.float64)
    if content is QUANTITY:
        count = (parts > 0).sum(axis=2)
        mean = parts.sum(axis=2) / np.maximum(count, 1)
        assert np.abs(half - mean).max() <= 0.5
        assert np.array_equal(half == 0, count == 0), "no-data is left out of the means"
    else:
        assert (half[..., np.newaxis] == parts).any(axis=2).all()


def test_overviews_go_on_until_one_fits_into_a_tile() -> None:
    sizes = {10980: [2, 4, 8, 16, 32], 5490: [2, 4, 8, 16], 1830: [2, 4], 513: [2], 512: [], 120: []}
    for size, factors in sizes.items():
        assert overview_factors(GRID.model_copy(update={"rows": size, "cols": min(size, 600)})) == factors


def test_same_input_same_bytes(tmp_path: Path) -> None:
    values = np.random.default_rng(2).integers(0, 9000, GRID.shape).astype("uint16")
    for name in ("a", "b"):
        write_geotiff(tmp_path / f"{name}.tif", values, GRID, QUANTITY)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif", "b.tif"]


@pytest.mark.parametrize(
    ("epsg", "zone", "utm"),
    [(NORTH, "32, North", "Zone_32N"), (SOUTH, "48, South", "Zone_48S")],
    ids=["north", "south"],
)
def test_envi_file_and_its_header(tmp_path: Path, epsg: int, zone: str, utm: str) -> None:
    grid = GRID.model_copy(update={"epsg": epsg, "rows": 7, "cols": 5})
    values = (np.arange(35, dtype=np.uint16) * 997).reshape(7, 5)
    write_envi(tmp_path / "T32TQM_B02_20m.rawl", values, grid, QUANTITY)
    assert (tmp_path / "T32TQM_B02_20m.rawl").read_bytes() == values.astype("<u2").tobytes()
    header = (tmp_path / "T32TQM_B02_20m.hdr").read_text(encoding="ascii").splitlines()
    assert header[:10] == [
        "ENVI", "description = {T32TQM_B02_20m}", "samples = 5", "lines = 7", "bands = 1", "header offset = 0",
        "file type = ENVI Standard", "data type = 12", "interleave = bsq", "byte order = 0",
    ]  # fmt: skip
    assert header[10] == f"map info = {{UTM, 1, 1, 600000, 5000040, 20, 20, {zone}, WGS-84, units=Meters}}"
    assert f"UTM_{utm}" in header[11]
    assert header[12:] == ["data ignore value = 0"]
    with rasterio.open(tmp_path / "T32TQM_B02_20m.rawl", driver="ENVI") as image:
        assert np.array_equal(image.read(1), values)
        assert image.crs.to_epsg() == epsg
        assert image.transform.to_gdal() == grid.geotransform
    assert not list(tmp_path.glob("*.aux.xml"))


def test_envi_picture_is_band_sequential(tmp_path: Path) -> None:
    grid = GRID.model_copy(update={"rows": 3, "cols": 4})
    values = np.arange(36, dtype=np.uint8).reshape(3, 3, 4)
    write_envi(tmp_path / "TCI.rawl", values, grid, PICTURE)
    assert (tmp_path / "TCI.rawl").read_bytes() == bytes(range(36))
    header = (tmp_path / "TCI.hdr").read_text(encoding="ascii")
    assert "bands = 3\n" in header
    assert "data type = 1\n" in header
    assert "ignore" not in header
    with pytest.raises(InternalInconsistency, match="float32 cannot be written"):
        write_envi(tmp_path / "x.rawl", values.astype(np.float32), grid, PICTURE)


def test_georeference_box_is_that_of_the_jpeg_2000(case: Any, jpeg_2000: StageResult, tmp_path: Path) -> None:
    result = encode(case, tmp_path, image_format="ENVI")
    for name in stems(result, ".rawl"):
        box = (result.folder / f"{name}.gml").read_bytes()
        assert box in (jpeg_2000.folder / f"{name}.jp2").read_bytes()
        (corner,) = etree.fromstring(box).iterfind(".//{*}pos")
        size = int(name[-3:-1])
        assert [float(n) for n in corner.text.split()] == [499980 + size / 2, 8900020 - size / 2]


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """Limit the size of files of this process, as a full disk does; Python has no signal of it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("write", "name", "shape"),
    [
        (write_geotiff, "a.tif", (1300, 1100)),
        (write_geotiff, "a.tif", (300, 200)),
        (write_cog, "a.tif", (1300, 1100)),
        (write_envi, "a.rawl", (300, 200)),
    ],
)
def test_nothing_is_left_of_an_image_that_does_not_fit(
    tmp_path: Path, small_disk: Callable[[int], None], write: Any, name: str, shape: tuple[int, int]
) -> None:
    grid = GRID.model_copy(update={"rows": shape[0], "cols": shape[1]})
    values = np.random.default_rng(3).integers(0, 9000, shape).astype("uint16")
    write(tmp_path / name, values, grid, QUANTITY)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    for share in (0.02, 0.5, 0.999):
        small_disk(int(share * len(whole)))
        with pytest.raises(TransientIO, match=f"{name}: the .* could not be written"):
            write(tmp_path / name, values, grid, QUANTITY)
        assert not (tmp_path / name).exists()
        assert not [p.name for p in tmp_path.iterdir() if p.suffix in (".part", ".tif", ".rawl")]
    small_disk(len(whole))
    write(tmp_path / name, values, grid, QUANTITY)
    assert (tmp_path / name).read_bytes() == whole


def test_default_keeps_the_key_of_earlier_results() -> None:
    words = {
        "inputs": {}, "parameters": {
            "generate_tci_output": True, "generate_valid_pixel_output": True, "sc_cog": False,
        }, "stage": "images", "version": "3",
    }  # fmt: skip
    text = json.dumps(words, sort_keys=True, separators=(",", ":"))
    expected = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    keys = {
        name: fingerprint("images", "3", PackagingParameters(image_format=name), {})
        for name in ("JP2", "GTiff", "ENVI")
    }
    assert keys["JP2"] == expected
    assert len(set(keys.values())) == 3


@pytest.fixture
def product(case: Any, other: StageResult, description: ProductDescription, tmp_path: Path) -> Path:
    stages = tuple(case.stages.values())[:-1]
    return assemble_product(tmp_path / "out", description, [GranuleProduct(tile=case.tile, stages=(*stages, other))])


def check_clients(product: Path, shared_data: Path) -> None:
    said = accepted(product, shared_data, "manifest_check", "xsd_validate")
    assert "0 on disk but unlisted" in said["manifest_check"]


def test_metadata_name_the_files_that_are_there(product: Path, other: StageResult, shared_data: Path) -> None:
    suffix = SUFFIXES[other.statistics["image_format"]]
    root = etree.parse(str(product / "MTD_MSIL2A.xml"))
    assert root.find(".//Granule").get("imageFormat") == "BINARY"
    listed = {element.text for element in root.iter("IMAGE_FILE")}
    assert listed == {
        str(p.relative_to(product).with_suffix("")) for p in product.glob(f"GRANULE/*/IMG_DATA/*/*{suffix}")
    }
    tile = etree.parse(str(next(product.glob("GRANULE/*/MTD_TL.xml"))))
    names = [element.text for element in tile.iter("MASK_FILENAME", "PVI_FILENAME")]
    assert all((product / name).is_file() for name in names)
    assert [PurePosixPath(name).name for name in names[-5:]] == [
        f"MSK_CLDPRB_20m{suffix}", f"MSK_SNWPRB_20m{suffix}", f"MSK_CLDPRB_60m{suffix}", f"MSK_SNWPRB_60m{suffix}",
        "T48LWP_20210713T032051_PVI.jp2",
    ]  # fmt: skip
    check_clients(product, shared_data)


def test_manifest_names_kind_and_mime_type(product: Path, other: StageResult) -> None:
    suffix = SUFFIXES[other.statistics["image_format"]]
    found = {}
    for entry in etree.parse(str(product / "manifest.safe")).iter("dataObject"):
        name = PurePosixPath(entry.find(".//fileLocation").get("href")).name
        found[name] = (entry.get("ID"), entry.find("byteStream").get("mimeType"))
    mime = {".tif": "image/tiff", ".rawl": "application/octet-stream"}[suffix]
    assert found[f"T48LWP_20210713T032051_B02_10m{suffix}"] == ("IMG_DATA_Band_B02_10m_Tile1_Data", mime)
    assert found[f"MSK_CLDPRB_20m{suffix}"] == ("CloudPrbMask_Tile1_Data", mime)
    assert found[f"MSK_VALPXL_60m{suffix}"] == ("ValidPixelMask_1_Tile1_Data", mime)
    if suffix == ".rawl":
        assert found["MSK_CLDPRB_20m.hdr"] == ("MSK_CLDPRB_20m_hdr_Tile1_Data", "text/plain")
        assert found["MSK_CLDPRB_20m.gml"] == ("MSK_CLDPRB_20m_gml_Tile1_Data", "application/xml")


def tree(case: Any, work: Path, resolutions: tuple[int, ...], *, sc_only: bool = False, **images: Any) -> StageResult:
    tile = case.tile.model_copy(update={"work_dir": work})
    packaging = PackagingParameters(**images)
    parameters = TreeParameters(content_fingerprint="x", images=packaging, resolutions=resolutions, sc_only=sc_only)
    return list_images.fn(tile, parameters)


def test_tree_names_the_images_that_a_run_makes(case: Any, jpeg_2000: StageResult, tmp_path: Path) -> None:
    made = {
        n for n in stems(jpeg_2000, ".jp2") if n.startswith("IMG_DATA/") or n.split("_")[-2] in ("CLDPRB", "SNWPRB")
    }
    named = tree(case, tmp_path, (20, 10, 60)).statistics
    assert set(named["images_not_made"]) == made
    assert len(named["images_not_made"]) == len(made)
    bare = tree(case, tmp_path, (20,), generate_tci_output=False).statistics["images_not_made"]
    assert set(bare) == {name for name in made if name.endswith("_20m") and "_TCI_" not in name}
    classes = tree(case, tmp_path, (60,), sc_only=True).statistics["images_not_made"]
    assert {PurePosixPath(name).name for name in classes} == {
        "T48LWP_20210713T032051_SCL_60m", "MSK_CLDPRB_60m", "MSK_SNWPRB_60m",
    }  # fmt: skip


@pytest.mark.parametrize("image_format", ["JP2", "GTiff"])
def test_tree_alone(
    case: Any,
    jpeg_2000: StageResult,
    description: ProductDescription,
    shared_data: Path,
    tmp_path: Path,
    image_format: str,
) -> None:
    named = tree(case, tmp_path / "work", (20, 10, 60), image_format=image_format)
    product = assemble_product(tmp_path, description, [GranuleProduct(tile=case.tile, stages=(named,))])
    (granule,) = product.glob("GRANULE/*")
    assert sorted(p.name for p in (granule / "IMG_DATA").iterdir()) == ["R10m", "R20m", "R60m"]
    assert not [p for p in (granule / "IMG_DATA").rglob("*") if p.is_file()]
    assert not [p for p in granule.rglob("*") if p.suffix in (".jp2", ".tif")]
    assert (granule / "QI_DATA" / "MSK_CLOUDS_B00.gml").is_file(), "the Level-1C's files are copied as ever"
    assert not (granule / "QI_DATA" / "L2A_QUALITY.xml").exists()
    assert len(list(product.glob("DATASTRIP/*/MTD_DS.xml"))) == 1
    root = etree.parse(str(product / "MTD_MSIL2A.xml"))
    listed = [element.text.partition("/IMG_DATA/")[2] for element in root.iter("IMAGE_FILE")]
    made = {n.removeprefix("IMG_DATA/") for n in stems(jpeg_2000, ".jp2") if n.startswith("IMG_DATA/")}
    assert len(listed) == len(made)
    assert set(listed) == made
    assert root.findtext(".//Cloud_Coverage_Assessment") == "0.000000"
    assert root.find(".//Granule").get("imageFormat") == ("JPEG2000" if image_format == "JP2" else "BINARY")
    masks = [e.text.rpartition("/")[2] for e in etree.parse(str(granule / "MTD_TL.xml")).iter("MASK_FILENAME")]
    assert masks[-1] == ("MSK_SNWPRB_60m.jp2" if image_format == "JP2" else "MSK_SNWPRB_60m.tif")
    report = next(product.glob("rep_info/*_report.xml")).read_text(encoding="utf-8")
    assert "images_not_made=" in report
    check_clients(product, shared_data)


def test_tree_has_the_preview_of_the_level_1c(case: Any, description: ProductDescription, tmp_path: Path) -> None:
    preview = case.tile.granule_dir / "QI_DATA" / "T48LWP_20210713T032051_PVI.jp2"
    preview.write_bytes(b"a preview")
    try:
        named = tree(case, tmp_path / "work", (20,))
        product = assemble_product(tmp_path, description, [GranuleProduct(tile=case.tile, stages=(named,))])
    finally:
        preview.unlink()
    assert next(product.glob("GRANULE/*/QI_DATA/*_PVI.jp2")).read_bytes() == b"a preview"


def test_class_colours_are_those_of_twelve_classes() -> None:
    assert sorted(CLASS_COLOURS) == list(range(12))
    assert CLASSES.no_data == 0
