"""Whole simulated products: schemas, manifest, the real reader, truth, determinism."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from lxml import etree

from tasks.common.artefacts import open_array
from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.errors import InvalidInput, NotProcessable
from tasks.common.grid import Grid
from tasks.common.records import StageResult
from tasks.l1c.load import content_fingerprint, load_source, tile_reference
from tasks.l1c.model import GranuleSource
from tasks.l1c.parameters import L1CParameters
from tasks.l1c.task import import_l1c
from tasks.radiative_transfer.atmosphere import surface_reflectance
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import load_spectral_table
from tasks.simulation.forward_model import on_pixels
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.simulate import SimulatedProduct, simulate_product
from tasks.simulation.spectra import Cover

ROWS, COLS = 240, 366
QUIET = SimulationParameters(rows=ROWS, cols=COLS, seed=4, noise=False, aot550=0.15, water_vapour_cm=1.5)

SCHEMA_OF = {
    "MTD_MSIL1C.xml": "S2_User_Product_Level-1C_Metadata.xsd",
    "MTD_TL.xml": "S2_PDI_Level-1C_Tile_Metadata.xsd",
    "MTD_DS.xml": "S2_PDI_Level-1C_Datastrip_Metadata.xsd",
}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> SimulatedProduct:
    """A small product that is not square, without noise."""
    return simulate_product(tmp_path_factory.mktemp("quiet"), QUIET)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> SimulatedProduct:
    """The same scene in the format of baseline 02.06."""
    return simulate_product(tmp_path_factory.mktemp("old"), QUIET.model_copy(update={"baseline": "02.06"}))


@pytest.fixture(scope="module")
def imported(quiet: SimulatedProduct, tmp_path_factory: pytest.TempPathFactory) -> tuple[GranuleSource, StageResult]:
    """The product read by the Level-1C reader."""
    return read(quiet.product, tmp_path_factory.mktemp("work"))


def read(product: Path, work_dir: Path) -> tuple[GranuleSource, StageResult]:
    tile = tile_reference(product, next((product / "GRANULE").iterdir()), work_dir)
    source = load_source(tile)
    result = import_l1c.fn(tile, L1CParameters(content_fingerprint=content_fingerprint(source)))
    return source, result


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def truth(made: SimulatedProduct, name: str) -> np.ndarray:
    with rasterio.open(made.truth / f"{name}.tif") as source:
        return source.read(1)


def assert_valid(path: Path, schema: Path) -> None:
    checker = etree.XMLSchema(etree.parse(str(schema)))
    assert checker.validate(etree.parse(str(path))), f"{path.name}: {checker.error_log.last_error}"


@pytest.mark.parametrize("baseline", ["04.00", "05.10"])
def test_metadata_and_reports_are_valid_against_psd_14_8(baseline: str, shared_data: Path, tmp_path: Path) -> None:
    schemas = shared_data / "psd-xsd" / "psd-14.8"
    parameters = QUIET.model_copy(update={"baseline": baseline, "rows": 120, "cols": 126, "across_track_km": 144.5})
    product = simulate_product(tmp_path, parameters).product
    for name, schema in SCHEMA_OF.items():
        assert_valid(next(product.rglob(name)), schemas / schema)
    reports = list(product.rglob("QI_DATA/*.xml"))
    assert len(reports) == 9
    for report in reports:
        assert_valid(report, schemas / "OLQC_Report.xsd")


def test_metadata_of_an_old_baseline_are_valid_against_psd_14_5(
    old: SimulatedProduct, shared_data: Path, tmp_path: Path
) -> None:
    with tarfile.open(shared_data / "psd-xsd" / "psd-14.2-and-14.5-schema.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    for name, schema in SCHEMA_OF.items():
        found = next(path for path in tmp_path.rglob(schema) if "14.5" in str(path))
        assert_valid(next(old.product.rglob(name)), found)


def test_manifest_lists_every_file_with_size_and_checksum(quiet: SimulatedProduct, old: SimulatedProduct) -> None:
    for product, algorithm in ((quiet.product, "sha3_256"), (old.product, "md5")):
        listed = {}
        for entry in etree.parse(str(product / "manifest.safe")).iterfind(".//dataObject"):
            name = entry.find("byteStream/fileLocation").get("href").removeprefix("./")
            content = (product / name).read_bytes()
            assert int(entry.find("byteStream").get("size")) == len(content)
            assert entry.findtext("byteStream/checksum") == hashlib.new(algorithm, content).hexdigest()
            listed[name] = entry.get("ID")
        assert set(listed) == set(files_of(product)) - {"manifest.safe"}
        assert len(set(listed.values())) == len(listed)


def test_names_agree_with_the_metadata(quiet: SimulatedProduct) -> None:
    name = quiet.product.name
    assert name == "S2A_MSIL1C_20250615T102031_N0510_R108_T32TMQ_20250615T122031.SAFE"
    metadata = etree.parse(str(quiet.product / "MTD_MSIL1C.xml"))
    assert metadata.findtext(".//PRODUCT_URI") == name
    images = [element.text for element in metadata.iterfind(".//IMAGE_FILE")]
    assert len(images) == 14
    assert all((quiet.product / f"{image}.jp2").is_file() for image in images)
    tile = etree.parse(str(next(quiet.product.glob("GRANULE/*/MTD_TL.xml"))))
    masks = [element.text for element in tile.iterfind(".//MASK_FILENAME")]
    assert len(masks) == 27
    assert all((quiet.product / mask).is_file() for mask in masks)
    assert (quiet.product / tile.findtext(".//PVI_FILENAME")).is_file()


def test_masks_are_what_the_format_says(quiet: SimulatedProduct) -> None:
    quality = next(quiet.product.glob("GRANULE/*/QI_DATA"))
    for file, count, resolution in (("MSK_QUALIT_B05", 8, 20), ("MSK_DETFOO_B02", 1, 10), ("MSK_CLASSI_B00", 3, 60)):
        with rasterio.open(quality / f"{file}.jp2") as mask:
            assert mask.count == count
            assert mask.dtypes[0] == "uint8"
            assert mask.shape == (ROWS * 10 // resolution, COLS * 10 // resolution)
            assert mask.crs.to_epsg() == 32632
            assert mask.transform[:6] == (resolution, 0, 399960, 0, -resolution, 5000040)
    with rasterio.open(quality / "MSK_DETFOO_B02.jp2") as mask:
        assert 1 <= mask.read(1).min() <= mask.read(1).max() <= 12


def test_the_reader_understands_the_product(imported: tuple[GranuleSource, StageResult]) -> None:
    source, result = imported
    assert source.mgrs_tile == "32TMQ"
    assert source.tile.grid == Grid(epsg=32632, ulx=399960, uly=5000040, resolution=10, rows=ROWS, cols=COLS)
    assert set(source.product.radio_add_offset.values()) == {-1000}
    assert source.product.spectral_responses["B8A"].centre_nm == pytest.approx(864.7, abs=0.2)
    assert result.statistics["mean_sun_zenith_deg"] == pytest.approx(25.9, abs=0.2)
    assert 4.0 < source.tile.mean_view_zenith_deg["B02"] < 8.0
    assert result.fallbacks == ()
    assert open_array(result, "B02_10m").shape == (ROWS, COLS)


def test_the_reader_understands_an_old_baseline(old: SimulatedProduct, tmp_path: Path) -> None:
    source, result = read(old.product, tmp_path)
    assert set(source.product.radio_add_offset.values()) == {0}
    assert open_array(result, "B04_10m").min() >= 1


def test_offset_is_the_only_difference_between_the_baselines(quiet: SimulatedProduct, old: SimulatedProduct) -> None:
    for band in ("B02", "B11", "B09"):
        new_dn, old_dn = (
            rasterio.open(next(made.product.glob(f"GRANULE/*/IMG_DATA/*_{band}.jp2"))).read(1).astype(int)
            for made in (quiet, old)
        )
        above = old_dn > 1
        assert np.array_equal(new_dn[above], old_dn[above] + 1000)


@pytest.mark.parametrize("band", [band for band in BANDS if band not in ("B09", "B10")])
def test_inverting_the_atmosphere_returns_the_true_surface(
    band: str, quiet: SimulatedProduct, imported: tuple[GranuleSource, StageResult]
) -> None:
    source, result = imported
    resolution = NATIVE_RESOLUTION[band]
    tables = integrate_bands(load_spectral_table(), source.product.spectral_responses, aerosol="rural", gas="lut")
    index = BANDS.index(band)
    step = float(result.statistics["angle_step_m"])
    shape = open_array(result, f"{band}_{resolution}m").shape

    def mean(name: str) -> float:
        nodes = open_array(result, name)
        field = nodes[index] if nodes.ndim == 3 else nodes
        return float(on_pixels(np.asarray(field), step, range(shape[0]), shape[1], resolution).mean())

    relative = abs(mean("sun_azimuth") - mean("view_azimuth"))
    geometry = tables.collapse(band, mean("sun_zenith"), mean("view_zenith"), min(relative, 360 - relative))
    terms = geometry.terms(QUIET.aot550, QUIET.height_m / 1000, QUIET.water_vapour_cm, QUIET.ozone_du)
    toa = (open_array(result, f"{band}_{resolution}m").astype(np.float32) - 1000) / 10000
    error = surface_reflectance(terms, toa) - truth(quiet, f"{band}_{resolution}m")
    assert np.sqrt(np.mean(error**2)) < 2e-4


def test_truth_is_complete_and_consistent(quiet: SimulatedProduct) -> None:
    np.testing.assert_allclose(truth(quiet, "AOT_20m"), 0.15, rtol=1e-6)
    np.testing.assert_allclose(truth(quiet, "WVP_20m"), 1.5, rtol=1e-6)
    fine, coarse = truth(quiet, "B04_10m"), truth(quiet, "B04_60m")
    np.testing.assert_allclose(coarse, fine.reshape(ROWS // 6, 6, COLS // 6, 6).mean(axis=(1, 3)), atol=1e-6)
    cover, classes = truth(quiet, "cover_10m"), truth(quiet, "SCL_20m")
    assert cover.shape == (ROWS, COLS)
    assert set(np.unique(classes)) <= {4, 5, 6}
    pure_water = np.all(cover.reshape(ROWS // 2, 2, COLS // 2, 2) >= Cover.WATER_TURBID, axis=(1, 3))
    assert np.all(classes[pure_water] == 6)
    assert json.loads((quiet.truth / "parameters.json").read_text())["seed"] == QUIET.seed


def test_equal_parameters_give_equal_products(tmp_path: Path) -> None:
    parameters = SimulationParameters(rows=120, cols=120, clouds=0.2, seed=9)
    first, again = (simulate_product(tmp_path / name, parameters) for name in ("a", "b"))
    assert files_of(first.product) == files_of(again.product)
    assert files_of(first.truth) == files_of(again.truth)
    other = simulate_product(tmp_path / "c", parameters.model_copy(update={"seed": 10}))
    name = next(first.product.glob("GRANULE/*/IMG_DATA/*_B02.jp2")).relative_to(first.product)
    assert (other.product / name).read_bytes() != (first.product / name).read_bytes()


def test_noise_and_clouds_change_the_image_as_they_should(quiet: SimulatedProduct, tmp_path: Path) -> None:
    cloudy = simulate_product(tmp_path, QUIET.model_copy(update={"noise": True, "clouds": 0.3}))
    name = next(quiet.product.glob("GRANULE/*/IMG_DATA/*_B02.jp2")).relative_to(quiet.product)
    clear, covered = (rasterio.open(made.product / name).read(1).astype(float) for made in (quiet, cloudy))
    classes = np.kron(truth(cloudy, "SCL_20m"), np.ones((2, 2), int))
    assert 0.25 < np.mean(classes == 9) < 0.45
    assert covered[classes == 9].mean() > 4000
    assert np.median(covered[classes == 3]) < np.median(clear[classes == 3])
    untouched = np.isin(classes, (4, 5, 6))
    difference = covered[untouched] - clear[untouched]
    assert 1.0 < np.std(difference[np.abs(difference) < 60]) < 25.0


def test_the_swath_edge_leaves_no_data(tmp_path: Path) -> None:
    made = simulate_product(tmp_path, QUIET.model_copy(update={"across_track_km": 144.5}))
    granule = next(made.product.glob("GRANULE/*"))
    dn = rasterio.open(next(granule.glob("IMG_DATA/*_B05.jp2"))).read(1)
    assert 0.05 < np.mean(dn == 0) < 0.9
    quality = rasterio.open(granule / "QI_DATA" / "MSK_QUALIT_B05.jp2").read()
    assert np.array_equal(quality[5] == 1, dn == 0)
    assert not np.delete(quality, 5, axis=0).any()
    detectors = rasterio.open(granule / "QI_DATA" / "MSK_DETFOO_B05.jp2").read(1)
    assert np.array_equal(detectors == 0, dn == 0)


def test_impossible_scenes_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotProcessable, match="outside the swath"):
        simulate_product(tmp_path, QUIET.model_copy(update={"across_track_km": 200.0}))
    night = QUIET.sensing_time.replace(hour=23)
    with pytest.raises(NotProcessable, match="sun zenith"):
        simulate_product(tmp_path, QUIET.model_copy(update={"sensing_time": night}))
    assert list(tmp_path.iterdir()) == []


def test_descriptions_that_no_product_has_are_refused(quiet: SimulatedProduct) -> None:
    with pytest.raises(ValueError, match="multiple of 6"):
        SimulationParameters(rows=125, cols=120)
    with pytest.raises(ValueError, match="UTM"):
        SimulationParameters(epsg=32661)
    from tasks.simulation.model import ProductDescription

    with pytest.raises((InvalidInput, TypeError)):
        ProductDescription(baseline="5.1")  # type: ignore[call-arg]
