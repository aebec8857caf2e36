"""The metadata files: PSD 14.8 schemas for the Level-1C of every baseline, and what the elements say."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from tasks.common.errors import InvalidInput
from tasks.common.records import Fallback
from tasks.packaging.datastrip_metadata import datastrip_metadata
from tasks.packaging.description import GippFile, ProductDescription
from tasks.packaging.elements import document, find
from tasks.packaging.inspire import inspire_from_level_1c, minimal_inspire
from tasks.packaging.product_metadata import GranuleEntry, image_order, product_metadata
from tasks.packaging.quality import GranuleQuality, add_image_content, merged, quality_report
from tasks.packaging.rep_info import schema_tops
from tasks.packaging.tile_metadata import MaskEntry, TileIdentity, tile_metadata

Validate = Callable[[Path | bytes, str], list[str]]

GRANULE = "L2A_T29UNU_A038058_20221005T115407"
TILE_ID = "S2A_OPER_MSI_L2A_TL_ATOS_20260101T120000_A038058_T29UNU_N99.99"
DATASTRIP_ID = "S2A_OPER_MSI_L2A_DS_ATOS_20260101T120000_S20221005T115407_N99.99"
NAME = "S2A_MSIL2A_20221005T115411_N9999_R023_T29UNU_20260101T120000.SAFE"
ABOUT = ProductDescription(
    generation_time=datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC),
    processor_version="0.1.0",
    look_up_tables=("rural_v1", "maritime_v1"),
    gipps=(
        GippFile(path=Path("L2A_GIPP.xml")),
        GippFile(path=Path("L2A_CAL_SC_GIPP.xml"), type="GIP_L2ACSC", version="0021001"),
        GippFile(path=Path("L2A_PB_GIPP.xml"), type="GIP_PROBA2", version="9999"),
    ),
)
SHARES = {
    "CLOUDY_PIXEL_PERCENTAGE": 59.769726, "CLOUDY_PIXEL_OVER_LAND_PERCENTAGE": 60.604066,
    "DEGRADED_MSI_DATA_PERCENTAGE": 0.0264, "NODATA_PIXEL_PERCENTAGE": 40.4193971,
    "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE": 0.0, "DARK_FEATURES_PERCENTAGE": 0.0, "CLOUD_SHADOW_PERCENTAGE": 10.305484,
    "VEGETATION_PERCENTAGE": 26.068041, "NOT_VEGETATED_PERCENTAGE": 0.999223, "WATER_PERCENTAGE": 2.039587,
    "UNCLASSIFIED_PERCENTAGE": 0.817301, "MEDIUM_PROBA_CLOUDS_PERCENTAGE": 37.895766,
    "HIGH_PROBA_CLOUDS_PERCENTAGE": 10.598791, "THIN_CIRRUS_PERCENTAGE": 11.275166, "SNOW_ICE_PERCENTAGE": 0.000646,
}  # fmt: skip
QUALITY = GranuleQuality(
    percentages=SHARES,
    aot_retrieval_method="SEN2COR_DDV",
    mean_aot=0.0891322,
    mean_water_vapour_cm=1.143608,
    ozone_source="AUX_ECMWFT",
    ozone_du=321.750572,
    negative_percentages={"B02": 0.130023, "B01": 0.173542},
    start_visibility_km=40.0,
    visibility_km=102.97,
    ddv_percentage=2.285885,
    ddv_reflectance_limit=0.05,
    mean_sun_zenith_deg=57.820576,
    fallbacks=(Fallback(code="L2A-DEM-FLAT", stage="dem", message="no elevation model"),),
)


def level_1c(path: Path) -> etree._Element:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return etree.fromstring(data, etree.XMLParser(remove_comments=True))


def sources(shared_data: Path, pattern: str) -> list[Path]:
    found = sorted((shared_data / "xml-l1c").glob(pattern))
    assert found
    return found


def make_product(source: etree._Element) -> etree._Element:
    image = f"GRANULE/{GRANULE}/IMG_DATA/R20m/T29UNU_20221005T115411_B02_20m"
    entry = GranuleEntry(tile_id=TILE_ID, datastrip_id=DATASTRIP_ID, images=(image,))
    return product_metadata(source, NAME, ABOUT, "NONE", [entry], QUALITY)


def make_tile(source: etree._Element) -> etree._Element:
    identity = TileIdentity(
        granule=GRANULE,
        level_1c_tile_id="S2A_OPER_MSI_L1C_TL_ATOS_20221005T153022_A038058_T29UNU_N04.00",
        tile_id=TILE_ID,
        datastrip_id=DATASTRIP_ID,
        archiving_centre="SGS_",
        archiving_time="2026-01-01T12:00:00.123456Z",
    )
    masks = [
        MaskEntry(type="MSK_CLOUDS", band_id=None, file="MSK_CLOUDS_B00.gml"),
        MaskEntry(type="MSK_QUALIT", band_id=8, file="MSK_QUALIT_B8A.jp2"),
    ]
    return tile_metadata(source, identity, QUALITY, masks, "T29UNU_20221005T115411_PVI.jp2")


def test_product_metadata_of_every_baseline(shared_data: Path, validate: Validate) -> None:
    for path in sources(shared_data, "**/*MTD_MSIL1C.xml"):
        root = make_product(level_1c(path))
        assert validate(document(root), "S2_User_Product_Level-2A_Metadata.xsd") == [], path


def test_tile_metadata_of_every_baseline(shared_data: Path, validate: Validate) -> None:
    for path in sources(shared_data, "**/MTD_TL.xml.gz"):
        assert validate(document(make_tile(level_1c(path))), "S2_PDI_Level-2A_Tile_Metadata.xsd") == [], path


def test_datastrip_metadata_of_every_baseline(shared_data: Path, validate: Validate) -> None:
    paths = sources(shared_data, "**/MTD_DS.xml.gz") + sources(shared_data, "S2B_OPER*/*.xml.gz")
    for path in paths:
        root = datastrip_metadata(level_1c(path), ABOUT, ("ESRI", "SGS_"), "NONE", [TILE_ID])
        assert validate(document(root), "S2_PDI_Level-2A_Datastrip_Metadata.xsd") == [], path
        assert [tile.get("tileId") for tile in root.iter("Tile")] == [TILE_ID]
        assert find(root, "General_Info/Processing_Info/PROCESSING_BASELINE").text == "99.99"
        assert len(list(root.iter("BOA_ADD_OFFSET"))) == 13
        assert not list(root.iter("QUANTIFICATION_VALUE", "RADIO_ADD_OFFSET"))


def test_product_metadata_says_what_the_product_is(shared_data: Path) -> None:
    source = level_1c(next(iter(sources(shared_data, "*N0204*/MTD_MSIL1C.xml"))))
    root = make_product(source)
    info = find(root, "General_Info/Product_Info")
    assert {child.tag: (child.text or "").strip() for child in info if not len(child)} == {
        "PRODUCT_START_TIME": "2017-02-26T10:20:21.026Z",
        "PRODUCT_STOP_TIME": "2017-02-26T10:20:21.026Z",
        "PRODUCT_URI": NAME,
        "PROCESSING_LEVEL": "Level-2A",
        "PRODUCT_TYPE": "S2MSI2A",
        "PROCESSING_BASELINE": "99.99",
        "PRODUCT_DOI": "https://doi.org/10.5270/S2_-znk9xsj",
        "GENERATION_TIME": "2026-01-01T12:00:00.123456Z",
        "PREVIEW_IMAGE_URL": "Not applicable",
        "PREVIEW_GEO_INFO": "Not applicable",
    }
    assert info.find("Datatake").get("datatakeIdentifier") == "GS2A_20170226T102021_008785_N99.99"
    offsets = list(root.iter("BOA_ADD_OFFSET"))
    assert [(o.get("band_id"), o.text) for o in offsets] == [(str(i), "-1000") for i in range(13)]
    gipps = [(g.get("type"), g.text) for g in root.iter("GIPP_FILENAME")]
    assert gipps[-2:] == [("GIP_L2ACSC", "L2A_CAL_SC_GIPP"), ("GIP_PROBA2", "L2A_PB_GIPP")]
    assert len(gipps) == len(list(source.iter("GIPP_FILENAME"))) + 2
    assert [g.text for g in root.find(".//GRI_List")] == ["S2A_OPER_AUX_GRI065_PDMC_20130621T120000_S20130101T000000"]
    assert [t.text for t in root.iter("LUT_FILENAME")] == ["rural_v1", "maritime_v1"]
    assert {c.get("checkType"): c.text for c in root.iter("quality_check")} == dict.fromkeys(
        ("FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "RADIOMETRIC_QUALITY", "SENSOR_QUALITY"),
        "PASSED",
    )
    assert root.find(".//Cloud_Coverage_Assessment").text == "59.769726"
    content = {child.tag: child.text for child in root.find(".//Image_Content_QI")}
    assert "CLOUDY_PIXEL_PERCENTAGE" not in content
    assert content["NODATA_PIXEL_PERCENTAGE"] == "40.419397"
    assert content["GRANULE_MEAN_AOT"] == "0.089132"


def test_level_1c_is_not_changed(shared_data: Path) -> None:
    for pattern, make in (("*N0301*T46*/MTD_MSIL1C.xml", make_product), ("*N0204*/**/MTD_TL.xml.gz", make_tile)):
        source = level_1c(next(iter(sources(shared_data, pattern))))
        before = etree.tostring(source)
        make(source)
        assert etree.tostring(source) == before


def test_tile_geometry_is_the_level_1c_geometry(shared_data: Path) -> None:
    source = level_1c(next(iter(sources(shared_data, "*T46RER*/**/MTD_TL.xml.gz"))))
    root = make_tile(source)
    for tag in ("VALUES", "ULX", "NROWS", "ZENITH_ANGLE"):
        old, new = ([(e.text, dict(e.attrib)) for e in tree.iter(tag)] for tree in (source, root))
        assert old == new
        assert old
    namespaces = {etree.QName(child).namespace for child in root}
    assert namespaces == {"https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd"}
    masks = [(m.get("type"), m.get("bandId"), m.text) for m in root.iter("MASK_FILENAME")]
    assert masks == [
        ("MSK_CLOUDS", None, f"GRANULE/{GRANULE}/QI_DATA/MSK_CLOUDS_B00.gml"),
        ("MSK_QUALIT", "8", f"GRANULE/{GRANULE}/QI_DATA/MSK_QUALIT_B8A.jp2"),
    ]


def test_figures_equal_those_of_the_real_product(shared_data: Path) -> None:
    """The rules of format and order, on the numbers of a real product: its own element texts come out."""
    real = level_1c(next((shared_data / "l2a-T29UNU-PB0400").glob("*.SAFE/GRANULE/*/MTD_TL.xml")))
    expected = [(e.tag, e.text) for e in real.find(".//Image_Content_QI")]
    made = make_tile(level_1c(next(iter(sources(shared_data, "*T46RER*/**/MTD_TL.xml.gz")))))
    assert [
        (e.tag, float(e.text)) if e.text[0].isdigit() else (e.tag, e.text) for e in made.find(".//Image_Content_QI")
    ] == [(tag, float(text)) if text[0].isdigit() else (tag, text) for tag, text in expected]


def test_quality_report(validate: Validate, shared_data: Path) -> None:
    root = quality_report(QUALITY, GRANULE, "S2A", ("sen2flow", "0.1.0"), ABOUT.generation_time, ("rural_v1",))
    assert validate(document(root), "L2A_QUALITY.xsd") == []
    values = {e.get("name"): e.text for e in root.iter("{*}value")}
    real = level_1c(next((shared_data / "l2a-T29UNU-PB0400").glob("*.SAFE/GRANULE/*/QI_DATA/L2A_QUALITY.xml")))
    expected = {e.get("name"): e.text for e in real.iter("{*}value")}
    same = set(values) & set(expected) - {"LUT_DATA_FILES", "AUX_DATA_FILES", "DEM_TYPE"} - set(
        expected.keys() - values
    )
    differing = {n for n in same if values[n] != expected[n]}
    assert differing <= {"DEM_MEAN_ALTITUDE_KM", "DEM_MEAN_SLOPE"}
    assert values["L2A-DEM-FLAT"] == "no elevation model"


def test_mean_of_two_granules() -> None:
    other = QUALITY.model_copy(
        update={"mean_aot": 0.2891322, "percentages": {name: value / 2 for name, value in SHARES.items()}}
    )
    both = merged([QUALITY, other])
    assert both.mean_aot == pytest.approx(0.1891322)
    assert both.percentages["WATER_PERCENTAGE"] == pytest.approx(2.039587 * 0.75)
    assert both.ozone_source == "AUX_ECMWFT"


def test_images_are_listed_in_toolbox_order(shared_data: Path) -> None:
    real = level_1c(next((shared_data / "l2a-T01UBT-PB0400-lowres").glob("*.SAFE/MTD_MSIL2A.xml")))
    listed = [element.text for element in real.iter("IMAGE_FILE")]
    assert len(listed) == 36
    assert sorted(reversed(listed), key=image_order) == listed


def test_inspire_carries_our_name(shared_data: Path) -> None:
    source = level_1c(next(iter(sources(shared_data, "*N0510*/INSPIRE.xml"))))
    texts = [e.text for e in inspire_from_level_1c(source, NAME).iter() if e.text]
    assert texts.count(NAME) == 1
    assert not any("MSIL1C" in text for text in texts)


def test_minimal_inspire_has_the_bounding_box() -> None:
    root = minimal_inspire(NAME, "10.5 20.0 11.5 -21.0 10.0 20.5", "2017-02-26T10:20:21Z", "2026-01-01T12:00:00Z")
    values = {etree.QName(e.getparent()).localname: e.text for e in root.iter("{*}Decimal")}
    assert values == {
        "westBoundLongitude": "-21.000000",
        "eastBoundLongitude": "20.500000",
        "southBoundLatitude": "10.000000",
        "northBoundLatitude": "11.500000",
    }


def test_schema_tops_accept_the_files_they_belong_to(shared_data: Path) -> None:
    tops = {name: etree.XMLSchema(etree.fromstring(document(root))) for name, root in schema_tops().items()}
    product = etree.fromstring(document(make_product(level_1c(sources(shared_data, "*N0510*/MTD_MSIL1C.xml")[0]))))
    tile = etree.fromstring(document(make_tile(level_1c(sources(shared_data, "*T46RER*/**/MTD_TL.xml.gz")[0]))))
    assert tops["S2_User_Product_Level-2A_Metadata.xsd"].validate(product)
    assert tops["S2_PDI_Level-2A_Tile_Metadata.xsd"].validate(tile)
    assert not tops["S2_PDI_Level-2A_Datastrip_Metadata.xsd"].validate(tile)


def test_missing_elements_are_named() -> None:
    empty = etree.fromstring("<a><General_Info/></a>")
    with pytest.raises(InvalidInput, match="General_Info/Product_Info is missing"):
        make_product(empty)
    with pytest.raises(InvalidInput, match="Geometric_Info"):
        make_tile(empty)


def test_incomplete_datastrip_metadata_are_copied_as_far_as_they_go() -> None:
    source = etree.fromstring(
        '<a><General_Info><Datatake_Info datatakeIdentifier="GS2A_20170226T102021_008785_N02.04"/></General_Info></a>'
    )
    root = datastrip_metadata(source, ABOUT, ("ESRI", "SGS_"), "NONE", [TILE_ID])
    assert root.find(".//Datatake_Info").get("datatakeIdentifier") == "GS2A_20170226T102021_008785_N99.99"
    assert root.find(".//Tile").get("tileId") == TILE_ID
    assert root.find(".//Downlink_Info") is None


def test_a_method_that_the_format_does_not_know_is_called_default() -> None:
    """PSD 14.8 allows SEN2COR_DDV, CAMS and DEFAULT; the quality report says the method in full."""
    quality = QUALITY.model_copy(update={"aot_retrieval_method": "SEN2FLOW_MULTIBAND"})
    root = etree.Element("root")
    add_image_content(root, quality, of_tile=True)
    assert root.findtext("Image_Content_QI/AOT_RETRIEVAL_METHOD") == "DEFAULT"
