"""All real metadata parse, and give what an independent reading (regular expressions on the text) gives."""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tasks.common.bands import BANDS
from tasks.common.errors import InvalidInput
from tasks.common.xml import Node, parse_xml_bytes
from tasks.l1c.archive import open_input
from tasks.l1c.datastrip_metadata import parse_datastrip_metadata
from tasks.l1c.load import tile_references
from tasks.l1c.product_metadata import image_references, parse_product_metadata
from tasks.l1c.tile_metadata import parse_tile_metadata

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def documents() -> Iterator[tuple[str, Path, str]]:
    """Yield kind, name and archive member of every Level-1C metadata file."""
    if not DATA.is_dir():
        return
    for folder in ("xml-l1c", "l1c-lowres-eodatasets"):
        for path in sorted((DATA / folder).rglob("*.xml*")):
            kind = kind_of(path.name)
            if kind:
                yield kind, path, ""
    for archive in sorted((DATA / "l1c-wagl-172").glob("*.zip")):
        with zipfile.ZipFile(archive) as opened:
            for member in opened.namelist():
                kind = kind_of(member.rpartition("/")[2])
                if kind:
                    yield kind, archive, member


def kind_of(name: str) -> str:
    if re.fullmatch(r".*MTD_MSIL1C\.xml(\.gz)?", name):
        return "product"
    if re.fullmatch(r"MTD_TL\.xml(\.gz)?", name):
        return "tile"
    return "datastrip" if re.fullmatch(r"(MTD_DS|.*_MTD_L1C_DS_\w+)\.xml(\.gz)?", name) else ""


def read(path: Path, member: str) -> bytes:
    if member:
        with zipfile.ZipFile(path) as archive:
            return archive.read(member)
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


ALL = list(documents())
KINDS = {kind: [pytest.param(p, m, id=f"{p.parent.name[:50]}/{m[-40:] or p.name}") for k, p, m in ALL if k == kind]
         for kind in ("product", "tile", "datastrip")}  # fmt: skip

pytestmark = pytest.mark.skipif(not ALL, reason="the real products are not here")


def load(path: Path, member: str) -> tuple[Node, str]:
    data = read(path, member)
    return parse_xml_bytes(data, path / member), data.decode("utf-8")


def one(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    assert found, pattern
    return found.group(1).strip()


def numbers_by_id(text: str, element: str) -> dict[str, float]:
    found = re.findall(rf'<{element}\b[^>]*?\b[bB]and_?[iI]d="(\d+)"[^>]*>([^<]+)<', text)
    return {BANDS[int(i)]: float(v) for i, v in found}


def test_there_is_something_of_every_kind() -> None:
    assert len(KINDS["product"]) >= 10
    assert len(KINDS["tile"]) >= 8
    assert len(KINDS["datastrip"]) >= 4


@pytest.mark.parametrize(("path", "member"), KINDS["product"])
def test_product_metadata(path: Path, member: str) -> None:
    root, text = load(path, member)
    product = parse_product_metadata(root)
    assert product.product_uri == one("<PRODUCT_URI>([^<]+)<", text)
    assert product.processing_baseline == one("<PROCESSING_BASELINE>([^<]+)<", text)
    assert product.psd_host == "psd-14"
    assert product.spacecraft == one("<SPACECRAFT_NAME>([^<]+)<", text)
    assert product.datatake_id == one('datatakeIdentifier="([^"]+)"', text)
    assert product.relative_orbit == int(one("<SENSING_ORBIT_NUMBER>([^<]+)<", text))
    assert product.quantification_value == 10000
    assert product.earth_sun_correction == float(one("<U>([^<]+)<", text))
    assert product.solar_irradiance == numbers_by_id(text, "SOLAR_IRRADIANCE")
    assert product.physical_gains == numbers_by_id(text, "PHYSICAL_GAINS")
    offsets = numbers_by_id(text, "RADIO_ADD_OFFSET")
    assert product.radio_add_offset == (offsets or dict.fromkeys(BANDS, 0))
    assert set(product.radio_add_offset.values()) == ({-1000} if product.processing_baseline >= "04.00" else {0})
    references = image_references(root)
    assert list(references) == list(product.granule_ids) == re.findall('granuleIdentifier="([^"]+)"', text)
    assert list(references[product.granule_ids[0]]) == re.findall("<IMAGE_FILE>([^<]+)</IMAGE_FILE>", text)


@pytest.mark.parametrize(("path", "member"), KINDS["product"])
def test_spectral_responses_are_centred_where_the_product_says(path: Path, member: str) -> None:
    root, text = load(path, member)
    responses = parse_product_metadata(root).spectral_responses
    blocks = re.findall(r'<Spectral_Information bandId="(\d+)".*?</Spectral_Information>', text, re.DOTALL)
    assert list(responses) == list(BANDS)
    assert len(blocks) == 13
    for block in re.finditer(r'<Spectral_Information bandId="(\d+)".*?</Spectral_Information>', text, re.DOTALL):
        response = responses[BANDS[int(block.group(1))]]
        assert response.centre_nm == pytest.approx(float(one("<CENTRAL[^>]*>([^<]+)<", block.group(0))), abs=0.15)
        listed = one("<VALUES>([^<]+)<", block.group(0)).split()
        assert [f"{v:.8g}" for v in response.values] == [f"{float(v):.8g}" for v in listed]
        assert response.wavelength_nm[-1] <= float(one("<MAX[^>]*>([^<]+)<", block.group(0)))


@pytest.mark.parametrize(("path", "member"), KINDS["tile"])
def test_tile_metadata(path: Path, member: str) -> None:
    root, text = load(path, member)
    tile = parse_tile_metadata(root)
    assert tile.tile_id == one("<TILE_ID[^>]*>([^<]+)<", text)
    assert tile.sensing_time == one("<SENSING_TIME[^>]*>([^<]+)<", text)
    assert tile.archiving_centre == one("<ARCHIVING_CENTRE>([^<]+)<", text)
    assert tile.grid.shape == (10980, 10980)
    assert f"EPSG:{tile.grid.epsg}" == one("<HORIZONTAL_CS_CODE>([^<]+)<", text)
    assert (tile.grid.ulx, tile.grid.uly) == (float(one("<ULX>([^<]+)<", text)), float(one("<ULY>([^<]+)<", text)))
    assert tile.mean_sun_zenith_deg == float(one("<Mean_Sun_Angle>.*?<ZENITH_ANGLE[^>]*>([^<]+)<", text))
    assert tile.cloud_percentage == float(one("<CLOUDY_PIXEL_PERCENTAGE>([^<]+)<", text))
    assert len(tile.masks) == text.count("<MASK_FILENAME")
    assert {mask.type for mask in tile.masks} == set(re.findall(r'MASK_FILENAME[^>]*type="(\w+)"', text))
    sun = one("<Sun_Angles_Grid>(.*?)</Sun_Angles_Grid>", text)
    rows = re.findall("<VALUES>([^<]+)<", sun)
    assert tile.sun.zenith_deg.shape == tile.sun.azimuth_deg.shape == (23, 23)
    np.testing.assert_array_equal(tile.sun.zenith_deg[22], np.array(rows[22].split(), np.float32))
    np.testing.assert_array_equal(tile.sun.azimuth_deg[0], np.array(rows[23].split(), np.float32))
    grids = re.findall(r'Grids bandId="(\d+)" detectorId="(\d+)"', text)
    assert {(BANDS[int(b)], int(d)) for b, d in grids} == {(b, d) for b, ds in tile.view.items() for d in ds}
    assert list(tile.mean_view_zenith_deg) == [BANDS[i] for i in (0, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12)]


@pytest.mark.parametrize(("path", "member"), KINDS["tile"])
def test_one_view_grid_to_the_last_number(path: Path, member: str) -> None:
    root, text = load(path, member)
    tile = parse_tile_metadata(root)
    band, detector = "B8A", max(tile.view["B8A"])
    block = one(rf'bandId="8" detectorId="{detector}">(.*?)</Viewing_Incidence_Angles_Grids>', text)
    listed = np.array([row.split() for row in re.findall("<VALUES>([^<]+)<", block)], dtype=np.float32)
    np.testing.assert_array_equal(tile.view[band][detector].zenith_deg, listed[:23])
    np.testing.assert_array_equal(tile.view[band][detector].azimuth_deg, listed[23:])


@pytest.mark.parametrize(("path", "member"), KINDS["datastrip"])
def test_datastrip_metadata(path: Path, member: str) -> None:
    root, text = load(path, member)
    datastrip = parse_datastrip_metadata(root)
    assert datastrip.processing_baseline == one("<PROCESSING_BASELINE>([^<]+)<", text)
    assert datastrip.processing_centre == one("<PROCESSING_CENTER>([^<]+)<", text)
    assert datastrip.sensing_start == one("<DATASTRIP_SENSING_START>([^<]+)<", text)
    assert list(datastrip.tile_ids) == re.findall('tileId="([^"]+)"', text)[: len(datastrip.tile_ids)]
    assert datastrip.tile_ids
    assert len(datastrip.spectral_responses) == 13
    assert datastrip.solar_irradiance == numbers_by_id(text, "SOLAR_IRRADIANCE")


@pytest.mark.parametrize("archive", sorted((DATA / "l1c-wagl-172").glob("*.zip")), ids=lambda p: p.name[:30])
def test_thinned_images_are_refused(archive: Path, tmp_path: Path) -> None:
    """The first has JP2 stand-ins, the second GeoTIFFs called ``.jp2``."""
    wrong = r"image of \d+ x \d+ pixels, the granule's metadata say \d+ x \d+ at \d+ m$|no JPEG 2000 file"
    with pytest.raises(InvalidInput, match=rf"_B\d\d\.jp2: ({wrong})"):
        tile_references(open_input(archive, tmp_path), tmp_path)


def test_low_resolution_product_is_refused_with_both_sizes(tmp_path: Path) -> None:
    safe = next((DATA / "l1c-lowres-eodatasets").glob("*.SAFE"))
    with pytest.raises(InvalidInput, match=r"_B01\.jp2: image of 73 x 73 pixels, .* 1830 x 1830 at 60 m$"):
        tile_references(open_input(safe, tmp_path), tmp_path)


@pytest.mark.parametrize("path", sorted(DATA.rglob("MTD_MSIL2A.xml")), ids=lambda p: p.parent.name[:44])
def test_level_2a_metadata_are_named_as_such(path: Path) -> None:
    with pytest.raises(InvalidInput, match="Level-2A"):
        parse_product_metadata(parse_xml_bytes(path.read_bytes(), path))
