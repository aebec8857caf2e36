"""The table of damaged Level-1C products.

Every entry takes a sound SAFE made by ``l1c_factory.write_safe`` in a folder of its own, damages it or makes something
else beside it, and returns the path to give to the program. ``EXPECTED`` holds a word that the message must contain.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from l1c_factory import RESOLUTION, Scene, band_values, write_jp2

Damage = Callable[[Path], Path]

DAMAGES: dict[str, Damage] = {}
EXPECTED: dict[str, str] = {}


def damage(expected: str) -> Callable[[Damage], Damage]:
    """Enter a function into the table."""

    def enter(function: Damage) -> Damage:
        name = function.__name__
        DAMAGES[name], EXPECTED[name] = function, expected
        return function

    return enter


def _enter_edit(name: str, file: Callable[[Path], Path], pattern: str, replacement: str, expected: str) -> None:
    def edit(safe: Path) -> Path:
        _edit(file(safe), pattern, replacement)
        return safe

    DAMAGES[name], EXPECTED[name] = edit, expected


def _product(safe: Path) -> Path:
    return safe / "MTD_MSIL1C.xml"


def _granule(safe: Path) -> Path:
    return next((safe / "GRANULE").iterdir())


def _tile(safe: Path) -> Path:
    return _granule(safe) / "MTD_TL.xml"


def _datastrip(safe: Path) -> Path:
    return next((safe / "DATASTRIP").iterdir()) / "MTD_DS.xml"


def _image(safe: Path, band: str) -> Path:
    return next((_granule(safe) / "IMG_DATA").glob(f"*_{band}.jp2"))


def _edit(file: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, file.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
    assert count == 1, f"{pattern} not found in {file}"
    file.write_text(text, encoding="utf-8")


def _zip_of(safe: Path, name: str = "product.zip") -> Path:
    target = safe.parent / name
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(safe.rglob("*")):
            archive.write(file, f"{safe.name}/{file.relative_to(safe).as_posix()}")
    return target


def _add_to_zip(safe: Path, name: str, data: bytes = b"x", mode: int = 0) -> Path:
    target = _zip_of(safe)
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(entry, data)
    return target


# Product, granule and datastrip metadata: whole-file damage.


@damage("MTD_MSIL1C.xml")
def product_xml_truncated(safe: Path) -> Path:
    data = _product(safe).read_bytes()
    _product(safe).write_bytes(data[: len(data) // 2])
    return safe


@damage("MTD_TL.xml")
def tile_xml_truncated(safe: Path) -> Path:
    data = _tile(safe).read_bytes()
    _tile(safe).write_bytes(data[: len(data) // 2])
    return safe


@damage("MTD_DS.xml")
def datastrip_xml_truncated(safe: Path) -> Path:
    data = _datastrip(safe).read_bytes()
    _datastrip(safe).write_bytes(data[: len(data) // 2])
    return safe


@damage("MTD_MSIL1C.xml")
def product_xml_empty(safe: Path) -> Path:
    _product(safe).write_bytes(b"")
    return safe


@damage("MTD_TL.xml")
def tile_xml_is_binary(safe: Path) -> Path:
    _tile(safe).write_bytes(bytes(range(256)) * 16)
    return safe


@damage("MTD_MSIL1C.xml")
def product_xml_is_html(safe: Path) -> Path:
    _product(safe).write_text("<html><body>Service unavailable</body></html>", encoding="utf-8")
    return safe


@damage("MTD_MSIL1C.xml")
def product_xml_is_a_folder(safe: Path) -> Path:
    _product(safe).unlink()
    _product(safe).mkdir()
    return safe


@damage("MTD_TL.xml")
def tile_xml_in_utf_16(safe: Path) -> Path:
    text = _tile(safe).read_text(encoding="utf-8").replace("UTF-8", "UTF-16")
    _tile(safe).write_bytes(text.encode("utf-16"))
    return safe


@damage("document type")
def product_xml_with_entity_bomb(safe: Path) -> Path:
    entities = '<!ENTITY a "ha">' + "".join(f'<!ENTITY {chr(98 + i)} "{(f"&{chr(97 + i)};") * 10}">' for i in range(12))
    _edit(_product(safe), r"(<\?xml.*?\?>)", rf"\1<!DOCTYPE x [{entities}]>")
    _edit(_product(safe), r"S2MSI1C", "&m;")
    return safe


@damage("document type")
def tile_xml_with_external_entity(safe: Path) -> Path:
    secret = safe.parent / "secret.txt"
    secret.write_text("S2B_OPER_MSI_L1C_TL_2BPS_20240101T114500_A035628_T31TCJ_N05.10", encoding="utf-8")
    _edit(_tile(safe), r"(<\?xml.*?\?>)", rf'\1<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>')
    _edit(_tile(safe), r"(<TILE_ID[^>]*>)[^<]*", r"\1&e;")
    return safe


@damage("document type")
def datastrip_xml_with_external_dtd(safe: Path) -> Path:
    _edit(_datastrip(safe), r"(<\?xml.*?\?>)", r'\1<!-- x --><!DOCTYPE x SYSTEM "http://localhost:9/x.dtd">')
    return safe


@damage("MTD_TL.xml")
def tile_xml_nested_too_deep(safe: Path) -> Path:
    _edit(_tile(safe), r"<DOWNLINK_PRIORITY", "<a>" * 200 + "</a>" * 200 + "<DOWNLINK_PRIORITY")
    return safe


@damage("MTD_TL.xml")
def tile_xml_too_large(safe: Path) -> Path:
    with _tile(safe).open("r+b") as stream:
        stream.truncate(65 << 20)
    return safe


_enter_edit("product_root_of_level_2a", _product, r"Level-1C_User_Product(.*)Level-1C_User_Product",
            r"Level-2A_User_Product\1Level-2A_User_Product", "Level-2A")  # fmt: skip
_enter_edit("tile_root_of_level_2a", _tile, r"Level-1C_Tile_ID(.*)Level-1C_Tile_ID",
            r"Level-2A_Tile_ID\1Level-2A_Tile_ID", "Level-2A")  # fmt: skip
_enter_edit("datastrip_root_wrong", _datastrip, r"Level-1C_DataStrip_ID(.*)Level-1C_DataStrip_ID",
            r"Level-1C_Tile_ID\1Level-1C_Tile_ID", "MTD_DS.xml")  # fmt: skip
_enter_edit("processing_level_wrong", _product, ">Level-1C<", ">Level-1B<", "PROCESSING_LEVEL")


# Elements of the product metadata.

_enter_edit("quantification_zero", _product, r"(<QUANTIFICATION_VALUE[^>]*>)10000", r"\g<1>0", "QUANTIFICATION_VALUE")
_enter_edit("quantification_negative", _product, r"(<QUANTIFICATION_VALUE[^>]*>)", r"\1-", "QUANTIFICATION_VALUE")
_enter_edit("quantification_nan", _product, r"(<QUANTIFICATION_VALUE[^>]*>)10000", r"\1NaN", "QUANTIFICATION_VALUE")
_enter_edit("quantification_missing", _product, r"<QUANTIFICATION_VALUE.*?</QUANTIFICATION_VALUE>", "",
            "QUANTIFICATION_VALUE")  # fmt: skip
_enter_edit("quantification_empty", _product, r"(<QUANTIFICATION_VALUE[^>]*>)10000", r"\1 ", "QUANTIFICATION_VALUE")
_enter_edit("quantification_is_text", _product, r"(<QUANTIFICATION_VALUE[^>]*>)10000", r"\1ten thousand",
            "QUANTIFICATION_VALUE")  # fmt: skip
_enter_edit("offset_of_one_band_missing", _product, r'<RADIO_ADD_OFFSET band_id="7">[^<]*</RADIO_ADD_OFFSET>', "",
            "RADIO_ADD_OFFSET")  # fmt: skip
_enter_edit("offset_of_unknown_band", _product, r'band_id="12"', 'band_id="13"', "band_id")
_enter_edit("offset_twice", _product, r'band_id="12"', 'band_id="11"', "RADIO_ADD_OFFSET")
_enter_edit("offset_with_fraction", _product, r'(band_id="3">)-1000', r"\1-1000.5", "RADIO_ADD_OFFSET")
_enter_edit("offset_absurd", _product, r'(band_id="3">)-1000', r"\1-1000000", "RADIO_ADD_OFFSET")
_enter_edit("offset_list_missing", _product, r"<Radiometric_Offset_List>.*?</Radiometric_Offset_List>", "",
            "Radiometric_Offset_List")  # fmt: skip
_enter_edit("baseline_malformed", _product, r"<PROCESSING_BASELINE>05.10", "<PROCESSING_BASELINE>5.1",
            "PROCESSING_BASELINE")  # fmt: skip
_enter_edit("spacecraft_unknown", _product, "Sentinel-2B", "Landsat-8", "SPACECRAFT_NAME")
_enter_edit("earth_sun_correction_absurd", _product, r"<U>1.03", "<U>7.03", "Reflectance_Conversion/U")
_enter_edit("solar_irradiance_infinite", _product, r">1884.69<", ">inf<", "SOLAR_IRRADIANCE")
_enter_edit("response_values_missing", _product, r"<VALUES>0 0.1 0.5 0.9 1 0.9 0.5 0.1 0</VALUES>",
            "<VALUES>0 0.1 0.5</VALUES>", "Spectral_Response/VALUES")  # fmt: skip
_enter_edit("response_of_text", _product, r"<VALUES>0 0.1", "<VALUES>zero 0.1", "Spectral_Response/VALUES")
_enter_edit("nodata_is_not_zero", _product, r"(<SPECIAL_VALUE_INDEX>)0", r"\g<1>1", "Special_Values")
_enter_edit("relative_orbit_absurd", _product, r"(<SENSING_ORBIT_NUMBER>)51", r"\g<1>51000", "SENSING_ORBIT_NUMBER")
_enter_edit("product_name_leaves_folder", _product, r"<PRODUCT_URI>", "<PRODUCT_URI>../../", "PRODUCT_URI")
_enter_edit("granule_list_missing", _product, r"<Granule_List>.*?</Granule_List>", "", "Granule_List")
_enter_edit("granule_listed_twice", _product, r"(<Granule .*?</Granule>)", r"\1\1", "twice")
_enter_edit("granule_of_another_product", _product, r"_A035628_T31TCJ_N05", "_A035628_T31TCK_N05", "granule list")


# Elements of the granule metadata.

_enter_edit("epsg_of_another_zone", _tile, "EPSG:32631", "EPSG:32632", "HORIZONTAL_CS_CODE")
_enter_edit("epsg_is_no_utm", _tile, "EPSG:32631", "EPSG:4326", "HORIZONTAL_CS_CODE")
_enter_edit("tile_id_malformed", _tile, r"(<TILE_ID[^>]*>)", r"\1../", "TILE_ID")
_enter_edit("sensing_time_malformed", _tile, r"2024-01-01T10:54:39.457000Z", "yesterday", "SENSING_TIME")
_enter_edit("size_not_a_number", _tile, r"<NROWS>120", "<NROWS>many", "NROWS")
_enter_edit("size_huge", _tile, r"<NROWS>120", "<NROWS>999999990", "999999990")
_enter_edit("size_negative", _tile, r"<NROWS>120", "<NROWS>-120", "-120")
_enter_edit("size_of_one_resolution_missing", _tile, r'<Size resolution="20">.*?</Size>', "", "Size")
_enter_edit("sizes_disagree", _tile, r"<NROWS>60<", "<NROWS>61<", "20 m")
_enter_edit("pixel_size_wrong", _tile, r"<XDIM>10<", "<XDIM>11<", "XDIM")
_enter_edit("origins_disagree", _tile, r"(<ULX>300000</ULX>.*?)<ULX>300000", r"\1<ULX>300020", "Geoposition")
_enter_edit("sun_grid_row_short", _tile, r"(<Sun_Angles_Grid>.*?<VALUES>)\S+ ", r"\1", "Values_List")
_enter_edit("sun_grid_not_numbers", _tile, r"(<Sun_Angles_Grid>.*?<VALUES>)\S+ ", r"\1zenith ", "VALUES")
_enter_edit("sun_grid_too_small", _tile, r'(<Sun_Angles_Grid>.*)<COL_STEP unit="m">5000', r"\1<COL_STEP>5", "COL_STEP")
_enter_edit("sun_grid_missing", _tile, r"<Sun_Angles_Grid>.*?</Sun_Angles_Grid>", "", "Sun_Angles_Grid")
_enter_edit("sun_zenith_absurd", _tile, r"(<Sun_Angles_Grid>.*?<VALUES>)\S+ ", r"\g<1>4000 ", "Zenith")
_enter_edit("view_grid_row_missing", _tile, r'(detectorId="5"><Zenith>.*?)<VALUES>.*?</VALUES>', r"\1", "Azimuth")
_enter_edit("view_grid_of_unknown_band", _tile, r'Grids bandId="0"', 'Grids bandId="99"', "bandId")
_enter_edit("view_grid_of_unknown_detector", _tile, r'detectorId="5"', 'detectorId="0"', "detectorId")
_enter_edit("mean_sun_missing", _tile, r"<Mean_Sun_Angle>.*?</Mean_Sun_Angle>", "", "Mean_Sun_Angle")
_enter_edit(
    "cloud_percentage_above_100", _tile, r"(<CLOUDY_PIXEL_PERCENTAGE>)3.5", r"\g<1>350", "CLOUDY_PIXEL_PERCENTAGE"
)
_enter_edit("mask_path_escapes", _tile, r"(MSK_DETFOO\">)GRANULE", r"\1../../../etc/GRANULE", "leaves the product")
_enter_edit("mask_path_absolute", _tile, r"(MSK_DETFOO\">)GRANULE", r"\1/etc/GRANULE", "leaves the product")
_enter_edit("datastrip_of_another_platform", _datastrip, "Sentinel-2B", "Sentinel-2A", "SPACECRAFT_NAME")
_enter_edit("datastrip_without_the_tile", _datastrip, r'tileId="[^"]*T31TCJ', 'tileId="S2B_OTHER_T31TCK', "Tile_List")
_enter_edit("image_path_escapes", _product, r"<IMAGE_FILE>GRANULE", "<IMAGE_FILE>GRANULE/../../GRANULE", "IMAGE_FILE")
_enter_edit("image_path_absolute", _product, r"<IMAGE_FILE>GRANULE", "<IMAGE_FILE>/GRANULE", "IMAGE_FILE")
_enter_edit("image_path_of_a_driver", _product, r"<IMAGE_FILE>GRANULE", "<IMAGE_FILE>HDF5:GRANULE", "IMAGE_FILE")


@damage("divisible by 6")
def size_not_divisible(safe: Path) -> Path:
    _edit(_tile(safe), r"<NROWS>120<", "<NROWS>124<")
    _edit(_tile(safe), r"<NROWS>60<", "<NROWS>62<")
    return safe


@damage("does not cover")
def angle_grid_smaller_than_tile(safe: Path) -> Path:
    text = re.sub(r'(<(?:COL|ROW)_STEP unit="m">)5000', r"\g<1>10", _tile(safe).read_text(encoding="utf-8"))
    _tile(safe).write_text(text, encoding="utf-8")
    return safe


# Files and folders.


@damage("MTD_MSIL1C.xml")
def product_xml_missing(safe: Path) -> Path:
    _product(safe).unlink()
    return safe


@damage("MTD_TL.xml")
def tile_xml_missing(safe: Path) -> Path:
    _tile(safe).unlink()
    return safe


@damage("GRANULE")
def granules_missing(safe: Path) -> Path:
    shutil.rmtree(safe / "GRANULE")
    return safe


@damage("IMG_DATA")
def images_missing(safe: Path) -> Path:
    shutil.rmtree(_granule(safe) / "IMG_DATA")
    return safe


@damage("B8A")
def band_missing(safe: Path) -> Path:
    _image(safe, "B8A").unlink()
    return safe


@damage("B10")
def band_is_a_folder(safe: Path) -> Path:
    file = _image(safe, "B10")
    file.unlink()
    file.mkdir()
    return safe


@damage("B04")
def band_twice(safe: Path) -> Path:
    file = _image(safe, "B04")
    for name in ("copy_one_B04.jp2", "copy_two_B04.jp2"):
        shutil.copy(file, file.with_name(name))
    file.unlink()
    return safe


@damage("empty folder")
def folder_empty(safe: Path) -> Path:
    folder = safe.parent / "nothing.SAFE"
    folder.mkdir()
    return folder


@damage("no_such.SAFE")
def input_missing(safe: Path) -> Path:
    return safe.parent / "no_such.SAFE"


@damage("Level-2A")
def product_of_level_2a(safe: Path) -> Path:
    folder = safe.with_name(safe.name.replace("MSIL1C", "MSIL2A"))
    shutil.move(safe, folder)
    (folder / "MTD_MSIL1C.xml").rename(folder / "MTD_MSIL2A.xml")
    return folder


@damage("Level-2A")
def zip_of_level_2a(safe: Path) -> Path:
    return _zip_of(product_of_level_2a(safe))


@damage("without its product")
def granule_without_product(safe: Path) -> Path:
    folder = safe.parent / "elsewhere"
    shutil.copytree(_granule(safe), folder)
    return folder


@damage("MTD_TL.xml")
def granule_folder_without_metadata(safe: Path) -> Path:
    granule = _granule(safe)
    (granule / "MTD_TL.xml").unlink()
    return granule


@damage("same granule")
def granule_duplicated(safe: Path) -> Path:
    granule = _granule(safe)
    shutil.copytree(granule, granule.with_name(granule.name + "_copy"))
    return safe


@damage("MTD_SAFL1C")
def two_product_metadata_files(safe: Path) -> Path:
    shutil.copy(_product(safe), safe / "S2B_OPER_MTD_SAFL1C_PDMC_20240101T160000.xml")
    return safe


@damage("link")
def band_is_a_link_outside(safe: Path) -> Path:
    file = _image(safe, "B02")
    outside = safe.parent / file.name
    shutil.move(file, outside)
    file.symlink_to(outside)
    return safe


@damage("link")
def band_is_a_link_to_itself(safe: Path) -> Path:
    file = _image(safe, "B02")
    file.unlink()
    file.symlink_to(file.name)
    return safe


@damage("B02")
def band_is_a_pipe(safe: Path) -> Path:
    file = _image(safe, "B02")
    file.unlink()
    os.mkfifo(file)
    return safe


@damage("link")
def granule_is_a_link_outside(safe: Path) -> Path:
    granule = _granule(safe)
    outside = safe.parent / granule.name
    shutil.move(granule, outside)
    granule.symlink_to(outside)
    return safe


@damage("link")
def product_xml_is_a_link_outside(safe: Path) -> Path:
    outside = safe.parent / "elsewhere.xml"
    shutil.move(_product(safe), outside)
    _product(safe).symlink_to(outside)
    return safe


@damage("MTD_TL.xml")
def granule_with_unprintable_name(safe: Path) -> Path:
    granule = _granule(safe).rename(safe / "GRANULE" / "L1C_\n\x1b[31mred\udcff")
    _edit(granule / "MTD_TL.xml", r"<NROWS>120", "<NROWS>\u202eone\x85two")
    return safe


@damage("Level-1C SAFE")
def folder_of_something_else(safe: Path) -> Path:
    folder = safe.parent / "holiday"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


@damage("neither a SAFE folder nor a zip")
def input_is_an_xml_file(safe: Path) -> Path:
    return _product(safe)


# Images.


def _replace(safe: Path, band: str, values: np.ndarray, scene: Scene = Scene()) -> Path:  # noqa: B008
    file = _image(safe, band)
    file.unlink()
    write_jp2(file, values, scene, RESOLUTION[band])
    return safe


@damage("_B03.jp2")
def image_too_small(safe: Path) -> Path:
    return _replace(safe, "B03", band_values(Scene(), "B03")[:-2])


@damage("_B03.jp2")
def image_of_8_bit(safe: Path) -> Path:
    return _replace(safe, "B03", np.full((120, 120), 7, np.uint8))


@damage("_B03.jp2")
def image_of_signed_numbers(safe: Path) -> Path:
    return _replace(safe, "B03", np.full((120, 120), 7, np.int16))


@damage("_B03.jp2")
def image_of_three_bands(safe: Path) -> Path:
    return _replace(safe, "B03", np.full((3, 120, 120), 7, np.uint16))


@damage("_B05.jp2")
def image_in_another_zone(safe: Path) -> Path:
    return _replace(safe, "B05", band_values(Scene(), "B05"), Scene(epsg=32630))


@damage("_B05.jp2")
def image_shifted(safe: Path) -> Path:
    return _replace(safe, "B05", band_values(Scene(), "B05"), Scene(ulx=300020))


@damage("_B06.jp2")
def image_cut_off(safe: Path) -> Path:
    file = _image(safe, "B06")
    file.write_bytes(file.read_bytes()[:-200])
    return safe


@damage("_B06.jp2")
def image_cut_off_in_header(safe: Path) -> Path:
    file = _image(safe, "B06")
    file.write_bytes(file.read_bytes()[:60])
    return safe


@damage("_B06.jp2")
def image_of_zero_bytes(safe: Path) -> Path:
    _image(safe, "B06").write_bytes(b"")
    return safe


@damage("_B06.jp2")
def image_is_text(safe: Path) -> Path:
    _image(safe, "B06").write_text("404 Not Found", encoding="utf-8")
    return safe


@damage("_B06.jp2")
def image_is_png(safe: Path) -> Path:
    file = _image(safe, "B06")
    with rasterio.open(file, "w", driver="PNG", width=60, height=60, count=1, dtype="uint16") as target:
        target.write(band_values(Scene(), "B06"), 1)
    return safe


@damage("_B06.jp2")
def image_is_a_virtual_raster(safe: Path) -> Path:
    _image(safe, "B06").write_text(
        '<VRTDataset rasterXSize="60" rasterYSize="60"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        "<SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>",
        encoding="utf-8",
    )
    return safe


def _codestream(data: bytes) -> int:
    return data.index(b"\xff\x4f\xff\x51")


@damage("_B07.jp2")
def image_with_huge_declared_size(safe: Path) -> Path:
    file = _image(safe, "B07")
    data = bytearray(file.read_bytes())
    start = _codestream(data) + 8
    data[start : start + 8] = struct.pack(">II", 2_000_000_000, 2_000_000_000)
    file.write_bytes(data)
    return safe


@damage("_B07.jp2")
def image_with_garbled_header(safe: Path) -> Path:
    file = _image(safe, "B07")
    data = bytearray(file.read_bytes())
    start = _codestream(data)
    data[start + 4 : start + 70] = b"\xaa" * 66
    file.write_bytes(data)
    return safe


@damage("_B07.jp2")
def image_with_garbled_tile(safe: Path) -> Path:
    file = _image(safe, "B07")
    data = bytearray(file.read_bytes())
    start = data.index(b"\xff\x90")
    data[start : start + 40] = bytes(40)
    file.write_bytes(data)
    return safe


@damage("_B07.jp2")
def image_with_lost_packets(safe: Path) -> Path:
    file = _image(safe, "B07")
    data = bytearray(file.read_bytes())
    box = data.index(b"jp2c") - 4
    whole = data[: (box + len(data)) // 2] + b"\xff\xd9"
    whole[box : box + 4] = struct.pack(">I", len(whole) - box)
    file.write_bytes(whole)
    return safe


@damage("no pixel has data")
def product_without_data(safe: Path) -> Path:
    for band in RESOLUTION:
        _replace(safe, band, np.zeros_like(band_values(Scene(), band)))
    return safe


# Archives.


@damage("product.zip")
def zip_with_parent_path(safe: Path) -> Path:
    return _add_to_zip(safe, f"{safe.name}/../../escaped.txt")


@damage("product.zip")
def zip_with_absolute_path(safe: Path) -> Path:
    return _add_to_zip(safe, "/tmp/escaped.txt")


@damage("product.zip")
def zip_with_windows_path(safe: Path) -> Path:
    return _add_to_zip(safe, "..\\..\\escaped.txt")


@damage("product.zip")
def zip_with_link(safe: Path) -> Path:
    return _add_to_zip(safe, f"{safe.name}/link", b"/etc/passwd", stat.S_IFLNK | 0o777)


@damage("product.zip")
def zip_with_control_characters(safe: Path) -> Path:
    return _add_to_zip(safe, f"{safe.name}/bad\nname\x1b[31m")


@damage("below a file")
def zip_with_file_below_a_file(safe: Path) -> Path:
    return _add_to_zip(safe, f"{safe.name}/MTD_MSIL1C.xml/below/file")


@damage("too long")
def zip_with_long_name(safe: Path) -> Path:
    return _add_to_zip(safe, f"{safe.name}/{'x' * 300}")


@damage("product.zip")
def zip_bomb(safe: Path) -> Path:
    target = _zip_of(safe)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(f"{safe.name}/zeros", "w") as sink:
        for _ in range(128):
            sink.write(bytes(1 << 20))
    return target


@damage("cut off")
def zip_truncated(safe: Path) -> Path:
    target = _zip_of(safe)
    target.write_bytes(target.read_bytes()[:-500])
    return target


@damage("product.zip")
def zip_with_flipped_bytes(safe: Path) -> Path:
    target = _zip_of(safe)
    data = bytearray(target.read_bytes())
    with zipfile.ZipFile(target) as archive:
        entry = next(e for e in archive.infolist() if e.filename.endswith("MTD_TL.xml"))
    start = entry.header_offset + 30 + len(entry.filename) + 50
    data[start : start + 20] = bytes(b ^ 0xFF for b in data[start : start + 20])
    target.write_bytes(data)
    return target


@damage("encrypted")
def zip_encrypted(safe: Path) -> Path:
    target = _zip_of(safe)
    data = bytearray(target.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = data.find(signature)
        while position >= 0:
            data[position + offset] |= 1
            position = data.find(signature, position + 4)
    target.write_bytes(data)
    return target


@damage("2 products")
def zip_with_two_products(safe: Path) -> Path:
    target = _zip_of(safe)
    with zipfile.ZipFile(target, "a") as archive:
        archive.write(_product(safe), "S2B_other.SAFE/MTD_MSIL1C.xml")
    return target


@damage("twice")
def zip_with_entry_twice(safe: Path) -> Path:
    target = _zip_of(safe)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(zipfile.ZipInfo(f"{safe.name}/MTD_MSIL1C.xm_"), b"x")
    target.write_bytes(target.read_bytes().replace(b"MTD_MSIL1C.xm_", b"MTD_MSIL1C.xml"))
    return target


@damage("Level-1C SAFE")
def zip_of_something_else(safe: Path) -> Path:
    target = safe.parent / "photos.zip"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("holiday/photo.jpg", b"\xff\xd8\xff")
    return target


@damage("photos.zip")
def zip_empty(safe: Path) -> Path:
    target = safe.parent / "photos.zip"
    with zipfile.ZipFile(target, "w"):
        pass
    return target


@damage("neither a SAFE folder nor a zip")
def zip_is_text(safe: Path) -> Path:
    target = safe.parent / "product.zip"
    target.write_text("<html>Login</html>", encoding="utf-8")
    return target


@damage("product.zip")
def zip_with_wrong_checksum(safe: Path) -> Path:
    target = safe.parent / "product.zip"
    with zipfile.ZipFile(target, "w") as archive:
        archive.write(_product(safe), f"{safe.name}/MTD_MSIL1C.xml")
    checksum = struct.pack("<I", zlib.crc32(_product(safe).read_bytes()))
    target.write_bytes(target.read_bytes().replace(checksum, b"\0\0\0\0"))
    return target
