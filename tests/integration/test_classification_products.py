"""``L2A_Process`` with the options of the classification: what the product holds then, and that others can read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from flows.process_product import process_product_locally
from flows.request import ProductRequest
from tasks.common.xml import parse_xml
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.simulate import simulate_product


@pytest.fixture(scope="module")
def level_1c(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_product(tmp_path_factory.mktemp("l1c"), SimulationParameters(rows=240, cols=240)).product


@pytest.mark.parametrize(
    ("wish", "resolution", "suffix"),
    [
        ({"sc_only": True}, 20, "jp2"),
        ({"sc_only": True, "resolution": 60}, 60, "jp2"),
        ({"sc_only": True, "sc_cog": True, "sc_classic": True}, 20, "tif"),
    ],
)
def test_classification_only(
    level_1c: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wish: dict[str, bool | int],
    resolution: int,
    suffix: str,
) -> None:
    monkeypatch.setenv("SEN2COR_HOME", str(tmp_path / "home"))
    request = ProductRequest(input_path=level_1c, output_dir=tmp_path / "out", **wish)
    outcome = process_product_locally(request)
    assert outcome.product is not None
    (tile,) = outcome.tiles
    assert tile.mean_aot is None
    (image,) = outcome.product.glob("GRANULE/*/IMG_DATA/*/*")
    assert image.name.endswith(f"_SCL_{resolution}m.{suffix}")
    with rasterio.open(image) as source:
        assert source.shape == (2400 // resolution, 2400 // resolution)
        assert set(np.unique(source.read(1))) <= set(range(12))
        assert (source.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG") == (suffix == "tif")
    masks = {path.name: path for path in outcome.product.glob("GRANULE/*/QI_DATA/MSK_*_?0m.jp2")}
    assert set(masks) == {f"MSK_{kind}_{resolution}m.jp2" for kind in ("CLDPRB", "SNWPRB", "VALPXL")}
    with rasterio.open(image) as classes, rasterio.open(masks[f"MSK_VALPXL_{resolution}m.jp2"]) as valid:
        assert np.isin(classes.read(1)[valid.read(1) == 1], (4, 5, 6)).all()
        assert set(np.unique(valid.read(1))) <= {0, 1}
    metadata = parse_xml(outcome.product / "MTD_MSIL2A.xml").element
    listed = [element.text for element in metadata.iter("IMAGE_FILE")]
    assert listed == [image.relative_to(outcome.product).as_posix().removesuffix(f".{suffix}")]
    report = next(outcome.product.glob("GRANULE/*/QI_DATA/L2A_QUALITY.xml")).read_text(encoding="utf-8")
    assert "ATMOSPHERIC_CORRECTION_QUALITY" not in report
