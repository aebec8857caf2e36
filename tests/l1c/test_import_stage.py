"""Opening, references, fingerprints and the import stage on small products whose pixels are known."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from l1c_factory import BANDS, RESOLUTION, Scene, angle_nodes, band_values, write_safe
from rasterio.warp import Resampling, reproject

from tasks.common.artefacts import open_array
from tasks.common.errors import InvalidInput
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.l1c.archive import open_input
from tasks.l1c.load import content_fingerprint, load_datastrip, load_source, tile_reference, tile_references
from tasks.l1c.parameters import L1CParameters
from tasks.l1c.task import import_l1c
from tasks.l1c.zip_archive import ArchiveLimits, extract_archive

REAL_CROP = Path(__file__).parents[2].parent / "shared" / "data" / "l1c-18SVG-crop"

SCENES = {
    "compact": Scene(rows=180, cols=240),
    "old": Scene(
        rows=120, cols=180, long_names=True, psd="psd-13", baseline="02.01", offset=None, responses=False,
        spacecraft="S2A",
    ),
    "south": Scene(rows=120, cols=120, tile="33KWP", epsg=32733, spacecraft="S2C", baseline="05.11", psd="psd-15"),
}  # fmt: skip


def tile_of(path: Path, work: Path) -> TileRef:
    (tile,) = tile_references(open_input(path, work), work)
    return tile


def run(tile: TileRef, resolutions: tuple[int, ...] = (10, 20)) -> StageResult:
    fingerprint = content_fingerprint(load_source(tile))
    return import_l1c.fn(tile, L1CParameters(content_fingerprint=fingerprint, resolutions=resolutions))


def zip_of(safe: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(safe.rglob("*")):
            archive.write(file, f"{safe.name}/{file.relative_to(safe).as_posix()}")
    return target


@pytest.mark.parametrize("name", SCENES)
def test_native_bands_are_what_was_written(name: str, tmp_path: Path) -> None:
    scene = SCENES[name]
    result = run(tile_of(write_safe(tmp_path, scene), tmp_path / "work"))
    for band in BANDS:
        stored = open_array(result, f"{band}_{RESOLUTION[band]}m")
        assert stored.dtype == np.uint16
        np.testing.assert_array_equal(stored, band_values(scene, band))
    at_20m = [n for n in result.arrays if n.endswith("_20m")]
    assert sorted(at_20m) == sorted(f"{b}_20m" for b in BANDS if b != "B08")
    assert {result.arrays[n].shape for n in at_20m} == {(scene.rows // 2, scene.cols // 2)}


@pytest.mark.parametrize("name", SCENES)
def test_statistics_say_what_the_metadata_say(name: str, tmp_path: Path) -> None:
    scene = SCENES[name]
    statistics = run(tile_of(write_safe(tmp_path, scene), tmp_path / "work")).statistics
    assert Grid(**statistics["grid"]) == Grid(
        epsg=scene.epsg, ulx=scene.ulx, uly=scene.uly, resolution=10, rows=scene.rows, cols=scene.cols
    )
    assert statistics["radio_add_offset"] == dict.fromkeys(BANDS, scene.offset or 0)
    assert statistics["spacecraft"] == f"Sentinel-{scene.spacecraft[1:]}"
    assert statistics["mgrs_tile"] == scene.tile
    assert statistics["angle_step_m"] == 5000
    assert statistics["mean_sun_zenith_deg"] == 60.25
    assert statistics["nodata_percentage"] == 0
    assert str(tmp_path) not in str(statistics)


def test_angles_are_gap_free_and_stacked_in_band_order(tmp_path: Path) -> None:
    scene = Scene(nodes=7)
    result = run(tile_of(write_safe(tmp_path, scene), tmp_path / "work"))
    truth = angle_nodes(scene)
    np.testing.assert_allclose(open_array(result, "sun_zenith"), truth["sun_zenith"], rtol=1e-5)
    np.testing.assert_allclose(open_array(result, "sun_azimuth"), truth["sun_azimuth"], rtol=1e-5)
    zenith, azimuth = open_array(result, "view_zenith"), open_array(result, "view_azimuth")
    assert zenith.shape == azimuth.shape == (13, 7, 7)
    assert zenith.dtype == azimuth.dtype == np.float32
    np.testing.assert_allclose(zenith[:, :, :4], np.broadcast_to(truth["view_zenith"][:, :4], (13, 7, 4)), rtol=1e-5)
    assert np.isfinite(zenith).all()
    assert np.isfinite(azimuth).all()
    assert result.fallbacks == ()


def test_missing_view_grids_fall_back_to_mean_angles_and_say_so(tmp_path: Path) -> None:
    safe = write_safe(tmp_path)
    (file,) = safe.glob("GRANULE/*/MTD_TL.xml")
    text = file.read_text(encoding="utf-8")
    start, end = (
        text.index('<Viewing_Incidence_Angles_Grids bandId="3"'),
        text.index('<Viewing_Incidence_Angles_Grids bandId="4"'),
    )
    file.write_text(text[:start] + text[end:], encoding="utf-8")
    result = run(tile_of(safe, tmp_path / "work"))
    (fallback,) = result.fallbacks
    assert (fallback.code, "B04" in fallback.message) == ("L2A-L1C-VIEW-ANGLES", True)
    np.testing.assert_allclose(open_array(result, "view_zenith")[3], 5.53, rtol=1e-6)


def test_nodata_stays_where_it_is(tmp_path: Path) -> None:
    scene = Scene(rows=120, cols=180, nodata_cols=13)
    result = run(tile_of(write_safe(tmp_path, scene), tmp_path / "work"))
    b02, b01 = open_array(result, "B02_20m"), open_array(result, "B01_20m")
    assert np.all(b02[:, :7] == 0)
    assert np.all(b02[:, 7:] > 0)
    assert np.all(b01[:, :9] == 0)
    assert b01[:, 9:].min() > 1100
    assert result.statistics["nodata_percentage"] == pytest.approx(100 * 9 / 90)


def test_sixty_metre_bands_when_asked(tmp_path: Path) -> None:
    result = run(tile_of(write_safe(tmp_path), tmp_path / "work"), (10, 20, 60))
    blocks = band_values(Scene(), "B02").reshape(20, 6, 20, 6).astype(float).mean(axis=(1, 3))
    np.testing.assert_array_equal(open_array(result, "B02_60m"), np.floor(blocks + 0.5))
    assert len([n for n in result.arrays if n.endswith("_60m")]) == 12


def test_folder_zip_and_granule_give_the_same_tile(tmp_path: Path) -> None:
    safe = write_safe(tmp_path / "in")
    work = tmp_path / "work"
    tiles = [
        tile_of(path, work)
        for path in (safe, zip_of(safe, tmp_path / "any name.zip"), next((safe / "GRANULE").iterdir()))
    ]
    assert len({tile.key for tile in tiles}) == 1
    assert len({content_fingerprint(load_source(tile)) for tile in tiles}) == 1
    assert tiles[0].key.startswith("T31TCJ_20240101T105439_")
    assert all(tile.datastrip_dir is not None for tile in tiles)


def test_relative_path_and_foreign_name_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    safe = write_safe(tmp_path)
    safe.rename(tmp_path / "renamed")
    monkeypatch.chdir(tmp_path)
    tile = tile_of(Path("renamed"), Path("work"))
    assert tile.granule_dir.is_absolute()
    assert load_source(tile).tile.grid.shape == (120, 120)


def test_two_granules_give_two_tiles(tmp_path: Path) -> None:
    safe = write_safe(tmp_path / "one")
    other = write_safe(tmp_path / "two", Scene(tile="31TCK", uly=5000040))
    shutil.copytree(other / "GRANULE", safe / "GRANULE", dirs_exist_ok=True)
    file = safe / "MTD_MSIL1C.xml"
    text = (other / "MTD_MSIL1C.xml").read_text(encoding="utf-8")
    second = text[text.index("<Granule ") : text.index("</Granule>") + len("</Granule>")]
    file.write_text(file.read_text(encoding="utf-8").replace("</Granule>", "</Granule>" + second), encoding="utf-8")
    (strip,) = safe.glob("DATASTRIP/*/MTD_DS.xml")
    tiles = strip.read_text(encoding="utf-8")
    strip.write_text(
        tiles.replace("<Tile_List>", f'<Tile_List><Tile tileId="{Scene(tile="31TCK").tile_id}"/>'), "utf-8"
    )
    keys = [tile.key[:6] for tile in tile_references(open_input(safe, tmp_path), tmp_path)]
    assert keys == ["T31TCJ", "T31TCK"]


def test_fingerprint_sees_every_file_that_is_read(tmp_path: Path) -> None:
    safe = write_safe(tmp_path)
    tile = tile_of(safe, tmp_path / "work")
    before = content_fingerprint(load_source(tile))
    for pattern in ("GRANULE/*/AUX_DATA/AUX_ECMWFT", "GRANULE/*/QI_DATA/MSK_DETFOO_B05.jp2"):
        (file,) = safe.glob(pattern)
        original = file.read_bytes()
        file.write_bytes(original[:-1] + b"!")
        assert content_fingerprint(load_source(tile)) != before
        file.write_bytes(original)
    (image,) = safe.glob("GRANULE/*/IMG_DATA/*_B05.jp2")
    os.utime(image, (1, 1))
    assert content_fingerprint(load_source(tile)) == before


def test_source_lists_what_is_there(tmp_path: Path) -> None:
    safe = write_safe(tmp_path)
    (safe / "GRANULE" / Scene().granule_name / "AUX_DATA" / "AUX_CAMSFO").write_bytes(b"GRIB")
    source = load_source(tile_of(safe, tmp_path / "work"))
    assert sorted(source.aux_files) == ["CAMSFO", "ECMWFT"]
    assert source.absolute_orbit == 35628
    assert source.tci_file is not None
    assert source.pvi_file is None
    assert all(mask.path.is_file() for mask in source.tile.masks)
    assert {mask.band for mask in source.tile.masks if mask.type == "MSK_QUALIT"} == set(BANDS)
    datastrip = load_datastrip(source)
    assert datastrip is not None
    assert datastrip.processing_centre == "2BPS"


def test_product_without_datastrip_masks_and_meteorology_is_read(tmp_path: Path) -> None:
    safe = write_safe(tmp_path)
    shutil.rmtree(safe / "DATASTRIP")
    for name in ("AUX_DATA", "QI_DATA"):
        shutil.rmtree(next((safe / "GRANULE").iterdir()) / name)
    tile = tile_of(safe, tmp_path / "work")
    source = load_source(tile)
    assert tile.datastrip_dir is None
    assert load_datastrip(source) is None
    assert source.aux_files == {}
    assert run(tile).arrays


def test_granule_of_its_own_has_no_source(tmp_path: Path) -> None:
    tile = tile_of(write_safe(tmp_path), tmp_path / "work").model_copy(update={"product_dir": None})
    with pytest.raises(InvalidInput, match="without its product"):
        load_source(tile)


def test_complete_extraction_is_reused_and_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    safe = write_safe(tmp_path / "in")
    archive = zip_of(safe, tmp_path / "product.zip")
    first = extract_archive(archive, tmp_path / "out")
    marker = first / safe.name / "MTD_MSIL1C.xml"
    inode = marker.stat().st_ino
    assert extract_archive(archive, tmp_path / "out") == first
    assert marker.stat().st_ino == inode
    content = marker.read_bytes()
    marker.write_bytes(b"?" * len(content))
    assert extract_archive(archive, tmp_path / "out") == first
    assert marker.read_bytes() == content
    assert [p.name for p in (tmp_path / "out").iterdir()] == [first.name]


@pytest.mark.parametrize(
    "limits", [ArchiveLimits(entries=10), ArchiveLimits(bytes=1000), ArchiveLimits(ratio=1, free_bytes=0)]
)
def test_archive_limits(limits: ArchiveLimits, tmp_path: Path) -> None:
    archive = zip_of(write_safe(tmp_path / "in"), tmp_path / "product.zip")
    with pytest.raises(InvalidInput, match=r"product\.zip: zip archive"):
        extract_archive(archive, tmp_path / "out", limits)
    assert not (tmp_path / "out").exists()


def test_result_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    safe = write_safe(tmp_path)
    one, two = (run(tile_of(safe, tmp_path / name)) for name in ("a", "b"))
    assert one.fingerprint == two.fingerprint
    assert one.files == two.files


def test_tile_reference_of_one_granule(tmp_path: Path) -> None:
    safe = write_safe(tmp_path)
    granule = next((safe / "GRANULE").iterdir())
    assert tile_reference(safe, granule, tmp_path / "w") == tile_of(safe, tmp_path / "w")


@pytest.mark.skipif(not REAL_CROP.is_dir(), reason="the real images are not here")
def test_real_images_pass_unchanged(tmp_path: Path) -> None:
    """The 12 km crop of a real granule; its 20 m mean is compared with GDAL's average resampling."""
    scene = Scene(rows=1200, cols=1200, tile="18SVG", epsg=32618, ulx=437580, uly=4177620, baseline="02.01",
                  offset=None, spacecraft="S2A")  # fmt: skip
    safe = write_safe(tmp_path, scene)
    for band in BANDS:
        (target,) = safe.glob(f"GRANULE/*/IMG_DATA/*_{band}.jp2")
        shutil.copy(REAL_CROP / f"T18SVG_20160112_{band}.jp2", target)
    result = run(tile_of(safe, tmp_path / "work"))
    for band in BANDS:
        with rasterio.open(REAL_CROP / f"T18SVG_20160112_{band}.jp2") as image:
            values = image.read(1)
            average = np.zeros((600, 600), np.float32)
            coarser = image.transform @ Affine.scale(image.width / 600)
            reproject(
                values.astype(np.float32), average, src_transform=image.transform, src_crs=image.crs,
                dst_transform=coarser, dst_crs=image.crs, resampling=Resampling.average,
            )  # fmt: skip
        stored = open_array(result, f"{band}_{RESOLUTION[band]}m")
        np.testing.assert_array_equal(stored, values)
        if RESOLUTION[band] == 10 and band != "B08":
            np.testing.assert_allclose(open_array(result, f"{band}_20m"), np.floor(average + 0.5))
    fine = open_array(result, "B01_20m")
    coarse = open_array(result, "B01_60m")
    assert abs(float(fine.mean()) - float(coarse.mean())) < 0.5
