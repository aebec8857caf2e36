"""A real scene from end to end: the surface looks as it should, and independent readers accept the product."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from client_scripts import run_client
from rasterio.shutil import copy as copy_image
from real_scene_figures import LAND_CLASSES, classes, image, medians, negative_on_land, reflectance, shares_of_land
from whole_runs import digests, product_of, run_program

from tasks.common.bands import BANDS
from tasks.simulation.real_scene import band_file, wrap_real_scene

ROOT = Path(__file__).resolve().parents[2]
READERS = ROOT / ".venv-clients" / "bin" / "python"
OFFSHORE = (449000, 4165700, 449560, 4167500)


@pytest.fixture(scope="module")
def level_1c(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real crop, placed in its tile T18SVG."""
    folder = tmp_path_factory.mktemp("real")
    for band in BANDS:
        source = next((shared_data / "l1c-18SVG-crop").glob(f"*{band}.jp2"))
        copy_image(str(source), str(band_file(folder, band)), driver="GTiff")
    return wrap_real_scene(folder, folder / "input")


@pytest.fixture(scope="module")
def product(level_1c: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processed")
    before = digests(level_1c)
    done = run_program(level_1c, "--output_dir", folder / "out", home=folder / "home")
    assert digests(level_1c) == before
    return product_of(done)


def test_surfaces_have_the_reflectance_of_their_kind(product: Path) -> None:
    """Limits from the nature of the places: conifers, a winter crop, ploughed soil, quartz sand, clear deep water."""
    places = medians(product)
    forest, crop, soil, beach = (places[p] for p in ("pine forest", "winter crop", "bare field", "beach"))
    assert forest["B04"] < 0.05
    assert forest["B8A"] > 0.15
    assert forest["B03"] > forest["B04"] > forest["B02"]
    assert crop["B8A"] > 5 * crop["B04"]
    assert soil["B02"] < soil["B03"] < soil["B04"] < soil["B8A"] < soil["B11"]
    assert 0.2 < beach["B02"] < beach["B04"] < 0.45
    assert np.nanmedian(reflectance(image(product, "B8A", 20), OFFSHORE)) < 0.025
    assert np.nanmedian(reflectance(image(product, "B11", 20), OFFSHORE)) < 0.01


def test_no_cloud_is_seen_in_a_clear_sky(product: Path) -> None:
    assert max(shares_of_land(product).values()) < 1.0
    scl = classes(product)
    assert np.isin(scl[scl != 0], (*LAND_CLASSES, 6)).mean() > 0.85


def test_reflectance_on_land_is_not_negative(product: Path) -> None:
    assert max(negative_on_land(product).values()) < 1.0


def test_true_colour_follows_the_bands(product: Path) -> None:
    """The rule measured on real products: 0 where DN - 1000 <= 0, else min(255, 1 + floor(254 x / 2500))."""
    with rasterio.open(image(product, "TCI", 10)) as source:
        colours = source.read(window=((2300, 2900), (3800, 4400)))
    for layer, band in zip(colours, ("B04", "B03", "B02"), strict=True):
        with rasterio.open(image(product, band, 10)) as source:
            x = source.read(1, window=((2300, 2900), (3800, 4400))).astype(np.int64) - 1000
        assert np.array_equal(layer, np.where(x <= 0, 0, np.minimum(255, 1 + x * 254 // 2500)))


@pytest.mark.clients
@pytest.mark.parametrize(
    "reader",
    ["gdal_sentinel2", "rasterio_jp2", "satpy_msi", "stactools_s2", "jpylyzer_jp2", "xsd_validate", "manifest_check"],
)
def test_independent_readers_accept_the_product(reader: str, product: Path, shared_data: Path) -> None:
    if not READERS.exists():
        pytest.skip("no environment of the independent readers: make clients")
    before = digests(product)
    done = run_client(reader, product, shared_data, str(READERS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS")
    assert digests(product) == before
