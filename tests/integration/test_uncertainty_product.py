"""``--uncertainty``: layers beside the quality masks, and a product that others still read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from client_scripts import accepted

from flows.process_product import process_product_locally
from flows.request import ProductRequest
from tasks.common.xml import parse_xml
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.simulate import simulate_product

LAYERS = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20, "B08": 10, "B8A": 20, "B09": 60,
    "B11": 20, "B12": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uncertainty")
    level_1c = simulate_product(folder, SimulationParameters(rows=240, cols=240)).product
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEN2COR_HOME", str(folder / "home"))
        outcome = process_product_locally(
            ProductRequest(input_path=level_1c, output_dir=folder / "out", uncertainty=True)
        )
    assert outcome.product is not None
    return outcome.product


def test_one_layer_a_band(product: Path) -> None:
    files = {path.name: path for path in product.glob("GRANULE/*/QI_DATA/UNC_*")}
    assert set(files) == {f"UNC_{band}_{resolution}m.jp2" for band, resolution in LAYERS.items()}
    for band, resolution in LAYERS.items():
        image = next(product.glob(f"GRANULE/*/IMG_DATA/R{resolution}m/*_{band}_{resolution}m.jp2"))
        with rasterio.open(files[f"UNC_{band}_{resolution}m.jp2"]) as layer, rasterio.open(image) as reflectance:
            assert layer.shape == reflectance.shape
            assert layer.transform == reflectance.transform
            counts, valid = layer.read(1), reflectance.read(1) != 0
        np.testing.assert_array_equal(counts > 0, valid)
        assert 0.0005 < np.median(counts[valid]) / 100000 < 0.03


def test_manifest_and_metadata_stay_as_they_must_be(product: Path, shared_data: Path) -> None:
    manifest = (product / "manifest.safe").read_text(encoding="utf-8")
    assert manifest.count("/QI_DATA/UNC_") == len(LAYERS)
    assert "UNC_" not in (product / "MTD_MSIL2A.xml").read_text(encoding="utf-8")
    assert parse_xml(product / "MTD_MSIL2A.xml").element is not None
    accepted(product, shared_data, "manifest_check", "xsd_validate", "gdal_sentinel2")
