"""The whole product: files, schemas, checksums, independent readers, determinism."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from client_scripts import run_client
from lxml import etree

from tasks.common.errors import InternalInconsistency, InvalidConfiguration
from tasks.packaging.description import GranuleProduct, ProductDescription
from tasks.packaging.product import assemble_product
from tasks.packaging.task import package_product

NAME = "S2A_MSIL2A_20210713T032051_N9999_R032_T48LWP_20260102T030405.SAFE"
GRANULE = "L2A_T48LWP_A031632_20210713T032054"
STRIP = "DS_VGS4_20260102T030405_S20210713T032054"


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def product(case: Any, description: ProductDescription, tmp_path: Path) -> Path:
    return assemble_product(tmp_path / "out", description, [case.granule])


def test_tree(product: Path, case: Any) -> None:
    assert product.name == NAME
    names = set(contents(product))
    granule, strip = f"GRANULE/{GRANULE}", f"DATASTRIP/{STRIP}"
    expected = {f"{granule}/{name}" for name in case.stages["images"].files}
    reports = ("FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "SENSOR_QUALITY")
    expected |= {f"{granule}/QI_DATA/{name}.xml" for name in (*reports, "L2A_QUALITY")}
    expected |= {f"{strip}/QI_DATA/{name}.xml" for name in (*reports, "RADIOMETRIC_QUALITY")}
    expected |= {f"{granule}/QI_DATA/MSK_{name}.gml" for name in ("CLOUDS_B00", "DETFOO_B01", "SATURA_B01")}
    expected |= {f"{granule}/MTD_TL.xml", f"{granule}/AUX_DATA/AUX_ECMWFT", f"{strip}/MTD_DS.xml"}
    expected |= {"MTD_MSIL2A.xml", "INSPIRE.xml", "manifest.safe", f"rep_info/{NAME[:-5]}_report.xml"}
    schemas = ("User_Product", "PDI", "PDI")
    for kind, what in zip(schemas, ("", "_Tile", "_Datastrip"), strict=True):
        middle = "Level-2A" if kind == "User_Product" else f"Level-2A{what}"
        expected.add(f"rep_info/S2_{kind}_{middle}_Metadata.xsd")
    expected |= {f"rep_info/{name}.xml" for name in ("L2A_GIPP", "L2A_CAL_SC_GIPP", "L2A_CAL_AC_GIPP", "L2A_PB_GIPP")}
    assert names == expected
    assert (product / "AUX_DATA").is_dir()
    assert [p.name for p in product.parent.iterdir()] == [NAME]


def test_everything_validates(product: Path, validate: Callable[[Path, str], list[str]]) -> None:
    granule = product / "GRANULE" / GRANULE
    assert validate(product / "MTD_MSIL2A.xml", "S2_User_Product_Level-2A_Metadata.xsd") == []
    assert validate(granule / "MTD_TL.xml", "S2_PDI_Level-2A_Tile_Metadata.xsd") == []
    strip = product / "DATASTRIP" / STRIP / "MTD_DS.xml"
    assert validate(strip, "S2_PDI_Level-2A_Datastrip_Metadata.xsd") == []
    assert validate(granule / "QI_DATA" / "L2A_QUALITY.xml", "L2A_QUALITY.xsd") == []
    for report in product.rglob("QI_DATA/*_QUALITY.xml"):
        if report.name != "L2A_QUALITY.xml":
            assert validate(report, "OLQC_Report.xsd") == []


def test_metadata_agree_with_the_files(product: Path) -> None:
    root = etree.parse(str(product / "MTD_MSIL2A.xml"))
    listed = {element.text for element in root.iter("IMAGE_FILE")}
    present = {p.relative_to(product).with_suffix("").as_posix() for p in product.glob("GRANULE/*/IMG_DATA/*/*.jp2")}
    assert listed == present
    tile = etree.parse(str(product / "GRANULE" / GRANULE / "MTD_TL.xml"))
    for element in tile.iter("MASK_FILENAME", "PVI_FILENAME"):
        assert (product / element.text).is_file()
    assert [m.text.rpartition("/")[2] for m in tile.iter("MASK_FILENAME")][-4:] == [
        "MSK_CLDPRB_20m.jp2", "MSK_SNWPRB_20m.jp2", "MSK_CLDPRB_60m.jp2", "MSK_SNWPRB_60m.jp2",
    ]  # fmt: skip
    # The format's list of mask types has no name for valid pixels: the manifest lists them, the metadata do not.
    manifest = etree.parse(str(product / "manifest.safe"))
    words = {o.get("ID"): o.find(".//fileLocation").get("href") for o in manifest.iter("dataObject")}
    masks = {words[f"ValidPixelMask{number}_Tile1_Data"].rpartition("/")[2] for number in ("", "_1")}
    assert masks == {"MSK_VALPXL_20m.jp2", "MSK_VALPXL_60m.jp2"}
    assert tile.findtext(".//L1C_TILE_ID") == "S2A_OPER_MSI_L1C_TL_VGS4_20210713T054224_A031632_T48LWP_N03.01"
    assert tile.findtext(".//TILE_ID") == "S2A_OPER_MSI_L2A_TL_VGS4_20260102T030405_A031632_T48LWP_N99.99"
    assert tile.findtext(".//NODATA_PIXEL_PERCENTAGE") == "0.333333"
    assert tile.findtext(".//GRANULE_MEAN_AOT") == "0.123457"
    assert tile.findtext(".//GRANULE_MEAN_WV") == "2.000000"
    assert tile.findtext(".//ARCHIVING_CENTRE") == "VGS4"
    assert root.findtext(".//PRODUCTION_DEM_TYPE") == "none"


def test_manifest_against_the_disk(product: Path) -> None:
    root = etree.parse(str(product / "manifest.safe"))
    listed = set()
    for stream in root.iter("byteStream"):
        path = product / stream.find("fileLocation").get("href")
        listed.add(path.resolve())
        assert int(stream.get("size")) == path.stat().st_size
        checksum = stream.find("checksum")
        assert checksum.get("checksumName") == "SHA3-256"
        assert checksum.text == hashlib.sha3_256(path.read_bytes()).hexdigest()
    assert listed == {p.resolve() for p in product.rglob("*") if p.is_file()} - {(product / "manifest.safe").resolve()}


def test_checksums_follow_the_level_1c(case: Any, description: ProductDescription, tmp_path: Path) -> None:
    manifest = case.tile.product_dir / "manifest.safe"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('checksumName="SHA3-256"', 'checksumName="MD5"'), encoding="utf-8")
    try:
        product = assemble_product(tmp_path, description, [case.granule])
    finally:
        manifest.write_text(text, encoding="utf-8")
    root = etree.parse(str(product / "manifest.safe"))
    stream = next(s for s in root.iter("byteStream") if s.find("fileLocation").get("href") == "./MTD_MSIL2A.xml")
    expected = hashlib.md5((product / "MTD_MSIL2A.xml").read_bytes(), usedforsecurity=False).hexdigest()
    assert (stream.find("checksum").get("checksumName"), stream.find("checksum").text) == ("MD5", expected)


def test_same_input_same_bytes(product: Path, case: Any, description: ProductDescription, tmp_path: Path) -> None:
    again = assemble_product(tmp_path / "again", description, [case.granule])
    assert contents(again) == contents(product)


def test_another_time_changes_only_names_and_time_stamps(
    product: Path, case: Any, description: ProductDescription, tmp_path: Path
) -> None:
    later = description.model_copy(update={"generation_time": description.generation_time + timedelta(days=1)})
    other = assemble_product(tmp_path / "out", later, [case.granule])
    assert other.name == NAME.replace("20260102T030405", "20260103T030405")
    for path in other.rglob("*.xml"):
        old = product / path.relative_to(other).as_posix().replace("20260103T030405", "20260102T030405")
        text = path.read_text(encoding="utf-8")
        for new_stamp, stamp in (("20260103T030405", "20260102T030405"), ("2026-01-03T", "2026-01-02T")):
            text = text.replace(new_stamp, stamp)
        assert text == old.read_text(encoding="utf-8")


def test_input_is_not_touched(case: Any, description: ProductDescription, tmp_path: Path) -> None:
    before = contents(case.tile.product_dir), contents(case.stages["images"].folder)
    product = assemble_product(tmp_path, description, [case.granule])
    assert (contents(case.tile.product_dir), contents(case.stages["images"].folder)) == before
    linked = {p.stat().st_ino for p in product.rglob("*")} & {p.stat().st_ino for p in case.tile.product_dir.rglob("*")}
    assert not linked, "a file of the Level-1C product must not be shared with the output"


def test_options_reach_names_and_metadata(case: Any, description: ProductDescription, tmp_path: Path) -> None:
    about = description.model_copy(
        update={"processing_baseline": "05.11", "processing_centre": "ESRI", "archiving_centre": "2BPS"}
    )
    product = assemble_product(tmp_path, about, [case.granule])
    assert "_N0511_" in product.name
    assert (product / "DATASTRIP" / "DS_ESRI_20260102T030405_S20210713T032054").is_dir()
    tile = etree.parse(str(product / "GRANULE" / GRANULE / "MTD_TL.xml"))
    assert tile.findtext(".//TILE_ID") == "S2A_OPER_MSI_L2A_TL_ESRI_20260102T030405_A031632_T48LWP_N05.11"
    assert tile.findtext(".//ARCHIVING_CENTRE") == "2BPS"
    for field, value in (("processing_baseline", "5.11"), ("processing_centre", "X"), ("archiving_centre", "x-y_")):
        with pytest.raises(InvalidConfiguration, match="expected"):
            assemble_product(tmp_path / "bad", description.model_copy(update={field: value}), [case.granule])
    assert not (tmp_path / "bad").exists()


def test_existing_product_is_refused(product: Path, case: Any, description: ProductDescription) -> None:
    before = contents(product)
    with pytest.raises(InvalidConfiguration, match=f"{NAME}: exists already"):
        assemble_product(product.parent, description, [case.granule])
    assert contents(product) == before


def test_two_granules(
    case: Any, description: ProductDescription, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A product with two granules; the second is the same tile under another name."""
    from dataclasses import replace

    from tasks.l1c.load import load_source
    from tasks.l1c.model import GranuleSource
    from tasks.packaging import product as module

    second = case.tile.model_copy(update={"key": "second"})

    def load(tile: Any) -> GranuleSource:
        source = load_source(case.tile)
        return replace(source, mgrs_tile="48LWQ") if tile.key == "second" else source

    monkeypatch.setattr(module, "load_source", load)
    stages = case.granule.stages
    product = assemble_product(tmp_path, description, [case.granule, GranuleProduct(tile=second, stages=stages)])
    assert "_TMULTI_" in product.name
    assert len(list((product / "GRANULE").iterdir())) == 2
    assert len(list((product / "DATASTRIP").iterdir())) == 1
    root = etree.parse(str(product / "MTD_MSIL2A.xml"))
    assert len(list(root.iter("Granule"))) == 2
    strip = etree.parse(str(product / "DATASTRIP" / STRIP / "MTD_DS.xml"))
    assert [t.get("tileId")[-13:] for t in strip.iter("Tile")] == ["_T48LWP_N99.99"[1:], "_T48LWQ_N99.99"[1:]]
    objects = list(etree.parse(str(product / "manifest.safe")).iter("dataObject"))
    assert len(objects) == len(contents(product)) - 1
    assert {"S2_Level-2A_Tile1_Metadata", "S2_Level-2A_Tile2_Metadata"} <= {o.get("ID") for o in objects}


def test_level_1c_without_datastrip_and_inspire(
    case: Any, description: ProductDescription, tmp_path: Path, validate: Callable[[Path, str], list[str]]
) -> None:
    inspire = case.tile.product_dir / "INSPIRE.xml"
    content = inspire.read_bytes()
    inspire.unlink()
    tile = case.tile.model_copy(update={"datastrip_dir": None})
    try:
        product = assemble_product(tmp_path, description, [GranuleProduct(tile=tile, stages=case.granule.stages)])
    finally:
        inspire.write_bytes(content)
    assert not (product / "DATASTRIP").exists()
    assert NAME in (product / "INSPIRE.xml").read_text(encoding="utf-8")
    assert validate(product / "MTD_MSIL2A.xml", "S2_User_Product_Level-2A_Metadata.xsd") == []


def test_missing_stage_and_missing_granule(case: Any, description: ProductDescription, tmp_path: Path) -> None:
    with pytest.raises(InternalInconsistency, match="without a granule"):
        assemble_product(tmp_path, description, [])
    stages = tuple(stage for stage in case.granule.stages if stage.stage != "meteo")
    with pytest.raises(InternalInconsistency, match="without stage meteo"):
        assemble_product(tmp_path, description, [GranuleProduct(tile=case.tile, stages=stages)])
    assert not list(tmp_path.glob("*.SAFE"))


def test_report_names_stages_and_substitutes(product: Path) -> None:
    root = etree.parse(str(next((product / "rep_info").glob("*_report.xml"))))
    levels = {check.find("message").text: check.find("inspection").get("level") for check in root.iter("check")}
    assert levels["L2A-DEM-FLAT: no elevation model: flat terrain"] == "WARNING"
    assert any("stage aot" in message and "mean_aot=0.123457" in message for message in levels)


def test_task_runs_without_prefect(case: Any, description: ProductDescription, tmp_path: Path) -> None:
    assert package_product.fn(tmp_path, description, [case.granule]) == tmp_path / NAME


@pytest.mark.parametrize("client", ["gdal_sentinel2", "manifest_check", "xsd_validate", "rasterio_jp2"])
def test_independent_readers(product: Path, shared_data: Path, client: str) -> None:
    done = run_client(client, product, shared_data)
    if client == "rasterio_jp2":
        assert "1 problems" in done.stdout, "only the preview, which it expects to have 343 pixels"
        assert "PVI shape" in done.stdout
    else:
        assert done.returncode == 0, done.stdout + done.stderr
    assert not list(product.rglob("*.aux.xml"))
