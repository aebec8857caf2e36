"""The second cloud mask: strips, no-data, agreement counted by hand, and the real model where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from flows.process_product import process_product_locally
from flows.report import tile_report
from flows.request import ProductRequest
from tasks.common.artefacts import open_array, run_stage
from tasks.common.bands import NATIVE_RESOLUTION
from tasks.common.errors import InvalidConfiguration
from tasks.common.gipp import default_gipp_files
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.second_cloud_mask import detector
from tasks.second_cloud_mask.comparison import compare
from tasks.second_cloud_mask.detector import BANDS, block_means, detect, load_detector
from tasks.second_cloud_mask.parameters import SecondCloudMaskParameters
from tasks.second_cloud_mask.task import ask_second_cloud_mask
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.simulate import simulate_product

needs_model = pytest.mark.skipif(
    importlib.util.find_spec("s2cloudless") is None, reason="the extra s2cloudless is not installed"
)
#             B01   B02   B04   B05   B08   B8A   B09   B10   B11   B12
FOREST = (0.14, 0.11, 0.05, 0.10, 0.32, 0.34, 0.14, 0.001, 0.16, 0.07)
CLOUD = (0.62, 0.62, 0.62, 0.63, 0.66, 0.67, 0.38, 0.010, 0.48, 0.36)


class BlueDetector:
    """Probability is the reflectance of the second band; the mask is where it exceeds one half."""

    def get_cloud_probability_maps(self, data: np.ndarray) -> np.ndarray:
        assert data.dtype == np.float32
        return data[..., 1]

    def get_mask_from_prob(self, cloud_probs: np.ndarray) -> np.ndarray:
        return (cloud_probs > 0.5).astype(np.uint8)


@pytest.mark.parametrize("strip", [1, 7, 60, 1000])
def test_strips_no_data_and_rounding(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "STRIP_ROWS", strip)
    rng = np.random.default_rng(4)
    scene = rng.random((130, 9)).astype(np.float32)
    data = rng.random((130, 9)) > 0.1
    found = detect(scene.shape, lambda band, rows: (scene[rows] * (band == "B02"), data[rows]), BlueDetector())
    np.testing.assert_array_equal(found.probability, np.where(data, np.floor(scene * 100 + 0.5), 0))
    np.testing.assert_array_equal(found.mask, (scene > 0.5) & data)
    np.testing.assert_array_equal(found.valid, data)


def test_block_means() -> None:
    counts = np.array([[1000, 1002, 0, 5], [1004, 1006, 7, 8]], np.uint16)
    mean, data = block_means(counts, 2)
    assert mean.tolist() == [[1003.0, 5.0]]
    assert data.tolist() == [[True, False]]


def test_agreement_counted_by_hand() -> None:
    """Ten pixels of which one has no data for the classification and one none for the second mask."""
    classes = np.array([[0, 4, 4, 4, 5], [8, 9, 10, 6, 11]], np.uint8)
    mask = np.array([[0, 0, 0, 1, 0], [1, 1, 0, 0, 1]], np.uint8)
    valid = np.ones((2, 5), bool)
    valid[1, 3] = False
    found = compare(classes, mask, valid)
    assert found["cloud_percentage"] == 50.0
    assert found["agreement_percentage"] == 62.5
    assert found["only_second_percentage"] == 25.0
    assert found["only_scl_percentage"] == 12.5
    assert found["cloud_by_class"]["4"] == {"share": 37.5, "cloud": 33.3333}
    assert found["cloud_by_class"]["10"] == {"share": 12.5, "cloud": 0.0}
    assert sorted(found["cloud_by_class"]) == ["10", "11", "4", "5", "8", "9"]


def test_nothing_in_common_is_no_agreement() -> None:
    found = compare(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), np.ones((2, 2), bool))
    assert found["agreement_percentage"] == 0.0
    assert found["cloud_by_class"] == {}


def configured(folder: Path, value: str) -> Path:
    path = folder / "L2A_GIPP.xml"
    text = default_gipp_files()["l2a"].read_text(encoding="utf-8")
    path.write_text(text.replace(">NONE</Second_Cloud_Mask>", f">{value}</Second_Cloud_Mask>"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def level_1c(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parameters = SimulationParameters(rows=240, cols=240, clouds=0.3)
    return simulate_product(tmp_path_factory.mktemp("l1c"), parameters).product


def test_missing_package_is_said_at_once(level_1c: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEN2COR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(detector, "find_spec", lambda name: None)
    request = ProductRequest(
        input_path=level_1c, output_dir=tmp_path / "out", gip_l2a=str(configured(tmp_path, "S2CLOUDLESS"))
    )
    with pytest.raises(InvalidConfiguration, match=r"not installed: pip install '\.\[s2cloudless\]'"):
        process_product_locally(request)
    assert not list((tmp_path / "out").glob("*.SAFE"))
    with pytest.raises(InvalidConfiguration, match="s2cloudless"):
        load_detector()


def stage_l1c(tile: TileRef) -> StageResult:
    """Two halves of 60 x 60 pixels of 60 m, forest and cloud, with an offset and a corner without data."""
    grid = Grid(epsg=32633, ulx=500000.0, uly=6000000.0, resolution=10, rows=360, cols=720)

    def produce(out) -> None:
        for index, band in enumerate(BANDS):
            native = NATIVE_RESOLUTION[band]
            rows, cols = grid.at(native).shape
            counts = np.full((rows, cols), round(FOREST[index] * 10000) + 1000, np.uint16)
            counts[:, cols // 2 :] = round(CLOUD[index] * 10000) + 1000
            counts[: rows // 60, : cols // 120] = 0
            out.save(f"{band}_{native}m", counts)
        out.statistics["grid"] = grid.model_dump()
        out.statistics["radio_add_offset"] = dict.fromkeys(BANDS, -1000)
        out.statistics["quantification_value"] = 10000.0

    return run_stage(tile.store, "l1c", "1", None, {}, produce)


@needs_model
def test_stage_with_the_real_model(tmp_path: Path) -> None:
    from s2cloudless import S2PixelCloudDetector

    tile = TileRef(key="T00AAA", work_dir=tmp_path, granule_dir=tmp_path / "L1C_T00AAA")

    def classes(out) -> None:
        scl = np.full((180, 360), 4, np.uint8)
        scl[:, 180:] = 9
        out.save("scl_20m", scl)

    classification = run_stage(tile.store, "classification", "1", None, {}, classes)
    wish = SecondCloudMaskParameters(second_cloud_mask="S2CLOUDLESS")
    result = ask_second_cloud_mask.fn(tile, wish, l1c=stage_l1c(tile), classification=classification)
    probability, mask = open_array(result, "probability_60m"), open_array(result, "mask_60m")
    assert probability.shape == mask.shape == (60, 120)
    reference = S2PixelCloudDetector().get_cloud_probability_maps(np.array([[[FOREST, CLOUD]]]))[0, 0]
    assert reference[0] < 0.1 < 0.9 < reference[1]
    assert abs(int(probability[30, 30]) - 100 * reference[0]) <= 1
    assert abs(int(probability[30, 100]) - 100 * reference[1]) <= 1
    assert mask[:, 66:].all()
    assert not mask[:, :54].any()
    assert probability[0, 0] == mask[0, 0] == 0
    assert result.statistics["program"].startswith("s2cloudless 1.")
    assert result.statistics["agreement_percentage"] > 95.0
    report = tile_report(tile, [with_content(tile), result], [])
    assert "## Second cloud mask" in report
    assert "| 9 cloud, high probability |" in report


def with_content(tile: TileRef) -> StageResult:
    return run_stage(
        tile.store,
        "classification",
        "1",
        None,
        {"of": "report"},
        lambda out: out.statistics.update(image_content_qi={}),
    )


@needs_model
def test_product_holds_the_second_mask_beside_the_classification(
    level_1c: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEN2COR_HOME", str(tmp_path / "home"))
    kept = {}
    for value in ("NONE", "S2CLOUDLESS"):
        request = ProductRequest(
            input_path=level_1c, output_dir=tmp_path / value, sc_only=True, gip_l2a=str(configured(tmp_path, value))
        )
        product = process_product_locally(request).product
        assert product is not None
        files = {p.name for p in product.glob("GRANULE/*/QI_DATA/MSK_S2C*")}
        assert files == (set() if value == "NONE" else {"MSK_S2CPRB_60m.jp2", "MSK_S2CCLD_60m.jp2"})
        kept[value] = next(product.glob("GRANULE/*/IMG_DATA/R20m/*_SCL_20m.jp2")).read_bytes()
        report = next(product.glob("GRANULE/*/QI_DATA/L2A_QUALITY.xml")).read_text(encoding="utf-8")
        assert ("AGREEMENT_PERCENTAGE" in report) == (value != "NONE")
        assert "VALID_PIXEL_PERCENTAGE" in report
    assert kept["NONE"] == kept["S2CLOUDLESS"]
