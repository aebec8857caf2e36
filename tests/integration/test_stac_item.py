"""``--stac``: an item beside the product that says what the files say, for single products and for archives."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from many_products import smallest_product
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from whole_runs import ROOT, digests

from flows.archive.guarded import process_item
from flows.archive.identity import configuration_digest
from flows.archive.ledger import Ledger, Status
from flows.archive.request import ArchiveRequest, Candidate, Ending, Item
from flows.process_archive import run_archive
from flows.process_product import process_product_locally
from flows.request import ProcessingOptions, ProductOutcome, ProductRequest
from flows.runners import LocalRunner
from tasks.common.errors import InvalidInput, TransientIO
from tasks.stac_item.task import describe_product, item_path

FIELDS = {
    "eo": {"cloud_cover", "snow_cover", "common_name", "center_wavelength", "full_width_half_max"},
    "raster": {"scale", "offset"},
    "proj": {"code", "shape", "transform"},
    "view": {"incidence_angle", "azimuth", "sun_azimuth", "sun_elevation"},
    "sat": {"orbit_state", "relative_orbit", "absolute_orbit", "platform_international_designator"},
    "grid": {"code"},
    "processing": {"level", "datetime", "lineage", "software", "version", "facility"},
    "file": {"size", "checksum"},
    "classification": {"classes"},
    "sci": {"doi"},
}
"""The names that the extensions publish, as far as an item uses them."""

GIPP = "my_GIPP.xml"
READERS = ROOT / ".venv-clients" / "bin" / "python"

MULTIHASHES = {"d50110": "md5", "1620": "sha3_256", "1220": "sha256"}
"""Code and length of a multihash (multicodec table) and the name of its algorithm here."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs the smallest product in one work folder: only the first run computes anything."""
    folder = tmp_path_factory.mktemp("stac")
    level_1c = smallest_product(folder / "l1c")
    options = {"input_path": level_1c, "work_dir": folder / "work", "gip_l2a": folder / GIPP, "resolution": 20}
    text = (ROOT / "config" / "gipp" / "L2A_GIPP.xml").read_text(encoding="utf-8")
    text = text.replace("<Generate_TCI_Output>TRUE", "<Generate_TCI_Output>FALSE")
    text = text.replace("<Database_Compression_Level>0<", "<Database_Compression_Level>5<")
    (folder / GIPP).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEN2COR_HOME", str(folder / "home"))
        yield lambda out, **changes: process_product_locally(
            ProductRequest(**(options | {"output_dir": folder / out} | changes))
        )


@pytest.fixture(scope="module")
def product(run: Any) -> Path:
    outcome: ProductOutcome = run("described", stac=True)
    assert outcome.product is not None
    return outcome.product


@pytest.fixture
def item(product: Path) -> pystac.Item:
    return pystac.Item.from_file(str(item_path(product)))


def bands_of(asset: pystac.Asset) -> list[dict[str, Any]]:
    bands: list[dict[str, Any]] = asset.extra_fields.get("bands", [])
    return bands


def test_it_lies_beside_the_product_and_nothing_else_does(product: Path) -> None:
    assert {path.name for path in product.parent.iterdir()} == {f"{product.stem}.json", product.name}
    manifest = (product / "manifest.safe").read_text(encoding="utf-8")
    assert not any(path.suffix == ".json" for path in product.rglob("*"))
    assert ".json" not in manifest


def test_it_is_a_valid_item_with_published_names(product: Path, item: pystac.Item) -> None:
    found = json.loads(item_path(product).read_text(encoding="utf-8"))
    JsonSchemaSTACValidator().validate_core(found, item.STAC_OBJECT_TYPE, "1.1.0")
    assert found["id"] == product.stem
    assert "collection" not in found
    assert not any(link["rel"] == "self" for link in found["links"])
    declared = {uri.split("/")[3] for uri in found["stac_extensions"]}
    prefixes = set()
    places = [found["properties"], *found["assets"].values()]
    places += [band for asset in found["assets"].values() for band in asset.get("bands", [])]
    for name in {key for place in places for key in place if ":" in key}:
        prefix, _, field = name.partition(":")
        prefixes.add(prefix)
        assert prefix in ("s2", "sen2flow") or field in FIELDS[prefix], name
    words = {"proj": "projection", "sci": "scientific", "s2": "sentinel-2"}
    assert declared == {words.get(prefix, prefix) for prefix in prefixes - {"sen2flow"}}
    properties = found["properties"]
    assert properties["grid:code"] == "MGRS-32TMQ"
    assert (
        properties["s2:processing_baseline"] == product.name.split("_")[3][1:3] + "." + product.name.split("_")[3][3:]
    )
    assert properties["datetime"].startswith("2025-06-15T10:20:31")
    assert properties["created"] == properties["s2:generation_time"]
    shares = [v for k, v in properties.items() if k.startswith("s2:") and k.endswith("_percentage")]
    assert len(shares) == 13
    assert all(0 <= share <= 100 for share in shares)


def test_grids_and_values_are_those_of_the_files(product: Path, item: pystac.Item) -> None:
    images = {key: asset for key, asset in item.assets.items() if "proj:shape" in asset.extra_fields}
    names = {f"B{band}_20m" for band in ("01", "02", "03", "04", "05", "06", "07", "8A", "11", "12")}
    assert names | {"SCL_20m", "AOT_20m", "WVP_20m", "CLDPRB_20m", "SNWPRB_20m", "VALPXL_20m", "B09_60m"} <= set(images)
    for key, asset in images.items():
        fields = asset.extra_fields
        with rasterio.open(asset.get_absolute_href()) as image:
            assert list(image.shape) == fields["proj:shape"], key
            assert list(image.transform)[:6] == fields["proj:transform"], key
            assert image.crs.to_string() == item.properties["proj:code"]
            assert image.dtypes[0] == fields["data_type"]
            assert image.res == (fields["gsd"], fields["gsd"])
            numbers = image.read(1)
        if key == "B04_20m":
            red = numbers * fields["raster:scale"] + fields["raster:offset"]
            np.testing.assert_allclose(red, (numbers.astype(float) - 1000.0) / 10000.0, atol=1e-9)
            assert -0.05 < red[numbers != fields["nodata"]].min() < red.max() < 1.0
        elif key in ("AOT_20m", "WVP_20m"):
            values = numbers[numbers != 0] * fields["raster:scale"] + fields["raster:offset"]
            name = {"AOT_20m": "mean_aot", "WVP_20m": "mean_water_vapour_cm"}[key]
            assert values.mean() == pytest.approx(item.properties[f"sen2flow:{name}"], abs=0.02)
        elif key == "SCL_20m":
            coded = {entry["value"]: entry["name"] for entry in fields["classification:classes"]}
            share = 100.0 * np.mean(numbers == 4)
            assert coded[4] == "vegetation"
            assert share == pytest.approx(item.properties["s2:vegetation_percentage"], abs=0.01)
    west, south, east, north = item.bbox or []
    with rasterio.open(images["B02_20m"].get_absolute_href()) as image:
        lon, lat = image.lnglat()
    assert west < lon < east
    assert south < lat < north


def test_bands_are_named_and_have_their_wavelengths(item: pystac.Item) -> None:
    """Central wavelengths and widths against the mission's table (Sentinel-2A) [um]."""
    table = {"B02": ("blue", 0.4924, 0.066), "B8A": ("nir08", 0.8647, 0.021), "B11": ("swir16", 1.6137, 0.091)}
    for name, (common, centre, width) in table.items():
        (band,) = bands_of(item.assets[f"{name}_20m"])
        assert (band["name"], band["eo:common_name"]) == (name, common)
        assert band["eo:center_wavelength"] == pytest.approx(centre, abs=0.001)
        assert band["eo:full_width_half_max"] == pytest.approx(width, abs=0.004)


def test_every_file_has_its_size_and_checksum(product: Path, item: pystac.Item) -> None:
    metadata = {"product_metadata", "granule_metadata", "quality_report", "processing_report", "safe_manifest"}
    assert metadata | {"preview", "inspire_metadata", "datastrip_metadata"} <= set(item.assets)
    for key, asset in item.assets.items():
        assert asset.href.startswith(f"./{product.name}/"), key
        content = Path(asset.get_absolute_href() or "").read_bytes()
        checksum = asset.extra_fields["file:checksum"]
        (code,) = (code for code in MULTIHASHES if checksum.startswith(code))
        assert checksum == code + hashlib.new(MULTIHASHES[code], content).hexdigest(), key
        assert asset.extra_fields["file:size"] == len(content)


@pytest.mark.clients
def test_stactools_says_the_same_of_the_product(product: Path, item: pystac.Item) -> None:
    """Every property that both have; their mean view is that of the angles, ours that of the directions."""
    if not READERS.is_file():
        pytest.skip("no environment of the independent readers: make clients")
    program = "import json, sys; from stactools.sentinel2.stac import create_item; "
    program += "print(json.dumps(create_item(sys.argv[1]).to_dict()))"
    command = [str(READERS), "-W", "ignore", "-c", program, str(product)]
    theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    both = set(theirs["properties"]) & set(item.properties) - {"created", "providers"}
    assert len(both) >= 30
    within = {"view:azimuth": 0.2, "view:incidence_angle": 0.05}
    for name in sorted(both):
        value = theirs["properties"][name]
        expected = pytest.approx(value, abs=within.get(name, 1e-5)) if isinstance(value, float) else value
        assert item.properties[name] == expected, name
    assert item.bbox == pytest.approx(theirs["bbox"], abs=1e-6)


def test_every_fall_back_is_told(run: Any, item: pystac.Item) -> None:
    """The product has no elevation model, maps and meteorology, and a setting of its configuration has no effect."""
    outcome: ProductOutcome = run("again", stac=True)
    taken = [fallback.model_dump() for tile in outcome.tiles for fallback in tile.fallbacks]
    assert {"L2A-DEM-FLAT", "L2A-METEO-ECMWFT", "L2A-GIPP-UNUSED"} <= {entry["code"] for entry in taken}
    assert item.properties["sen2flow:degraded"] is True
    assert sorted(item.properties["sen2flow:fallbacks"], key=str) == sorted(taken, key=str)


def test_off_by_default_and_no_reason_to_compute_anything(run: Any, product: Path) -> None:
    """The stages of the run with an item are those of the run without: there is one result of each."""
    outcome: ProductOutcome = run("plain")
    assert outcome.product is not None
    assert [path.name for path in outcome.product.parent.iterdir()] == [outcome.product.name]
    assert ProcessingOptions().stac is False
    work = product.parent.parent / "work"
    assert {len(list(stage.iterdir())) for stage in work.glob("*/*") if stage.is_dir()} == {1}


def test_written_again_it_is_the_same_and_the_product_is_not_touched(product: Path) -> None:
    item, before = item_path(product), digests(product.parent)
    item.unlink()
    assert describe_product.fn(product) == item
    assert digests(product.parent) == before
    describe_product.fn(product)
    assert digests(product.parent) == before


def test_an_item_that_cannot_be_written_is_one_line(product: Path, tmp_path: Path) -> None:
    copy = tmp_path / product.name
    copy.symlink_to(product)
    item_path(copy).mkdir()  # a folder in the item's place
    with pytest.raises(TransientIO, match=rf"{product.stem}\.json: the STAC item cannot be written") as caught:
        describe_product.fn(copy)
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {item_path(copy).name, copy.name}


def test_a_product_that_lacks_a_file_is_refused(product: Path, tmp_path: Path) -> None:
    copy = tmp_path / product.name
    for path in product.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(product)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    next(copy.glob("GRANULE/*/IMG_DATA/R20m/*_B05_20m.jp2")).unlink()
    with pytest.raises(InvalidInput, match=r"B05_20m\.jp2: is named in manifest.safe and not there"):
        describe_product.fn(copy)
    assert [path.name for path in tmp_path.iterdir()] == [product.name]


def test_a_killed_writer_leaves_nothing_that_can_be_taken_for_an_item(tmp_path: Path) -> None:
    target = tmp_path / "S2A_MSIL2A_X.json"
    target.write_text("old", encoding="utf-8")
    program = (
        "import os, pathlib, signal\n"
        "from tasks.packaging import unfinished\n"
        "unfinished.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"unfinished.write_complete(pathlib.Path({str(target)!r}), b'new')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert target.read_text(encoding="utf-8") == "old"
    left = [path.name for path in tmp_path.iterdir() if path != target]
    assert len(left) == 1
    assert left[0].startswith(".")
    from tasks.packaging.unfinished import write_complete

    write_complete(target, b"new")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.read_bytes() == b"new"


def test_an_archive_writes_items_and_never_a_second_product_for_one(run: Any, product: Path, tmp_path: Path) -> None:
    folder = product.parent.parent
    level_1c = next((folder / "l1c").glob("*MSIL1C*.SAFE"))
    words = {"work_dir": folder / "work", "output_dir": tmp_path, "gip_l2a": folder / GIPP, "resolution": 20}
    request = ProductRequest(input_path=level_1c, stac=True, **words)
    candidate = Candidate(key=level_1c.stem, location=str(level_1c))
    item = Item(candidate=candidate, request=request, output_dir=tmp_path)
    describe = functools.partial(LocalRunner(), describe_product)

    def fails(_product: Path) -> Path:
        raise TransientIO("the disk is full")

    with pytest.raises(TransientIO, match="the disk is full"):
        process_item(item, process_product_locally, fails)
    entry = Ledger(tmp_path).read(level_1c.stem)
    assert entry is not None
    assert entry.status is Status.DONE
    assert entry.product is not None
    assert not item_path(entry.product).exists()

    found = item_path(entry.product)
    found.mkdir()  # in the item's place
    archive = ArchiveRequest(source=str(level_1c), stac=True, **words, limits={"memory_mb": 0, "disk_mb": 0})
    (row,) = run_archive(archive).rows
    assert (row.ending, row.product) == (Ending.FAILED, entry.product)
    assert f"{found}: the STAC item cannot be written" in row.message
    found.rmdir()
    (row,) = run_archive(archive).rows
    assert (row.ending, row.product) == (Ending.UNCHANGED, entry.product)
    assert pystac.Item.from_file(str(found)).id == entry.product.stem
    before = found.stat().st_mtime_ns
    (row,) = run_archive(archive).rows
    assert (row.ending, found.stat().st_mtime_ns) == (Ending.UNCHANGED, before)
    row = process_item(item, process_product_locally, describe)
    assert row.ending is Ending.UNCHANGED
    assert {path.name for path in tmp_path.glob("[!.]*")} == {found.name, entry.product.name}


def test_a_switched_on_item_makes_no_other_configuration(run: Any) -> None:
    assert configuration_digest(ProcessingOptions(stac=True)) == configuration_digest(ProcessingOptions())
