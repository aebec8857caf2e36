"""Stage ``images``: every file, every pixel, and the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from tasks.common.artefacts import open_array, run_stage
from tasks.common.bands import EXPORTED_BANDS
from tasks.common.records import StageResult, TileRef
from tasks.packaging.parameters import PackagingParameters

PREFIX = "T48LWP_20210713T032051"


def expected_images(resolutions: tuple[int, ...]) -> set[str]:
    names = set()
    for resolution in resolutions:
        kinds = [*EXPORTED_BANDS[resolution], "AOT", "WVP", "TCI"] + (["SCL"] if resolution > 10 else [])
        names |= {f"IMG_DATA/R{resolution}m/{PREFIX}_{kind}_{resolution}m.jp2" for kind in kinds}
        if resolution > 10:
            names |= {f"QI_DATA/MSK_{kind}_{resolution}m.jp2" for kind in ("CLDPRB", "SNWPRB", "VALPXL")}
    return names | {f"QI_DATA/{PREFIX}_PVI.jp2"}


def read(result: StageResult, name: str) -> Any:
    with rasterio.open(result.folder / name) as dataset:
        return dataset.read() if dataset.count == 3 else dataset.read(1)


def test_all_files_and_nothing_else(case: Any) -> None:
    assert set(case.stages["images"].files) == expected_images((10, 20, 60))
    assert case.stages["images"].statistics["resolutions"] == [10, 20, 60]


def test_pixels_are_those_of_the_stages(case: Any) -> None:
    images, stages = case.stages["images"], case.stages
    for resolution in (10, 20, 60):
        for band in EXPORTED_BANDS[resolution]:
            array = open_array(stages[f"surface_reflectance_{resolution}m"], f"{band}_{resolution}m")
            assert np.array_equal(read(images, f"IMG_DATA/R{resolution}m/{PREFIX}_{band}_{resolution}m.jp2"), array)
    for kind, stage in (("scl", "classification"), ("aot", "aot"), ("wvp", "water_vapour")):
        array = open_array(stages[stage], f"{kind}_20m")
        assert np.array_equal(read(images, f"IMG_DATA/R20m/{PREFIX}_{kind.upper()}_20m.jp2"), array)
        array = open_array(stages["surface_reflectance_60m"], f"{kind}_60m")
        assert np.array_equal(read(images, f"IMG_DATA/R60m/{PREFIX}_{kind.upper()}_60m.jp2"), array)
    for mask, kind in (("CLDPRB", "cloud"), ("SNWPRB", "snow")):
        array = open_array(stages["classification"], f"{kind}_confidence_20m")
        assert np.array_equal(read(images, f"QI_DATA/MSK_{mask}_20m.jp2"), array)
    assert np.array_equal(read(images, "QI_DATA/MSK_VALPXL_20m.jp2"), open_array(stages["classification"], "valid_20m"))
    coarse = open_array(stages["surface_reflectance_60m"], "valid_60m")
    assert np.array_equal(read(images, "QI_DATA/MSK_VALPXL_60m.jp2"), coarse)
    for kind in ("aot", "wvp"):
        array = open_array(stages["surface_reflectance_10m"], f"{kind}_10m")
        assert np.array_equal(read(images, f"IMG_DATA/R10m/{PREFIX}_{kind.upper()}_10m.jp2"), array)


def test_true_colour_of_each_resolution(case: Any) -> None:
    for resolution in (10, 20, 60):
        stage = case.stages[f"surface_reflectance_{resolution}m"]
        image = read(case.stages["images"], f"IMG_DATA/R{resolution}m/{PREFIX}_TCI_{resolution}m.jp2")
        for channel, band in zip(image, ("B04", "B03", "B02"), strict=True):
            x = open_array(stage, f"{band}_{resolution}m").astype(np.int64) - 1000
            level = np.where(x <= 0, 0, np.minimum(255, 1 + np.floor(np.maximum(x, 0) * 254 / 2500)))
            assert np.array_equal(channel, level)


def test_georeference(case: Any) -> None:
    for name in case.stages["images"].files:
        resolution = 320 if "PVI" in name else int(name.rpartition("_")[2][:2])
        with rasterio.open(case.stages["images"].folder / name) as dataset:
            assert dataset.crs.to_epsg() == 32748
            assert dataset.transform.to_gdal() == (499980, resolution, 0, 8900020, 0, -resolution)


def test_preview_is_made_from_the_level_1c(case: Any) -> None:
    image = read(case.stages["images"], f"QI_DATA/{PREFIX}_PVI.jp2")
    assert image.shape == (3, 7, 7)
    red = open_array(case.stages["l1c"], "B04_20m").astype(np.int64)
    for row, col in ((0, 0), (3, 5), (6, 6)):
        block = red[16 * row : 16 * row + 16, 16 * col : 16 * col + 16]
        mean = int(block[block > 0].mean() + 0.5)
        assert image[0, row, col] == min(255, 1 + mean * 254 // 2500)


def test_negative_reflectances(case: Any) -> None:
    shares = case.stages["images"].statistics["negative_reflectance_percentage"]
    assert set(shares) == set(EXPORTED_BANDS[20]) | {"B08", "B09"}
    values = open_array(case.stages["surface_reflectance_10m"], "B02_10m")
    valid = values[values > 0]
    assert shares["B02"] == pytest.approx(100 * np.mean(valid < 1000))


def encode(case: Any, work: Path, *dropped: str, **parameters: Any) -> StageResult:
    from tasks.packaging.task import encode_images

    tile: TileRef = case.tile.model_copy(update={"work_dir": work})
    names = {"l1c", "classification", "aot", "water_vapour"} | {n for n in case.stages if n.startswith("surface_")}
    inputs = {name: case.stages[name] for name in names - set(dropped)}
    return encode_images.fn(tile, PackagingParameters(**parameters), **inputs)


def test_same_input_same_bytes(case: Any, tmp_path: Path) -> None:
    assert encode(case, tmp_path).files == case.stages["images"].files


def test_only_20_m(case: Any, tmp_path: Path) -> None:
    result = encode(case, tmp_path, "surface_reflectance_10m", "surface_reflectance_60m")
    assert set(result.files) == expected_images((20,))


def test_without_true_colour(case: Any, tmp_path: Path) -> None:
    result = encode(case, tmp_path, generate_tci_output=False)
    assert set(result.files) == {name for name in expected_images((10, 20, 60)) if "_TCI_" not in name}
    assert result.fingerprint != case.stages["images"].fingerprint


def test_without_valid_pixels(case: Any, tmp_path: Path) -> None:
    result = encode(case, tmp_path, generate_valid_pixel_output=False)
    assert set(result.files) == {name for name in expected_images((10, 20, 60)) if "_VALPXL_" not in name}


def test_dark_vegetation_when_asked_for(case: Any, tmp_path: Path) -> None:
    result = encode(case, tmp_path, generate_ddv_output=True)
    added = {f"QI_DATA/MSK_DDVPXL_{resolution}m.jp2" for resolution in (20, 60)}
    assert set(result.files) == expected_images((10, 20, 60)) | added
    codes = open_array(case.stages["aot"], "dark_vegetation_20m")
    assert np.array_equal(read(result, "QI_DATA/MSK_DDVPXL_20m.jp2"), codes)
    coarse = read(result, "QI_DATA/MSK_DDVPXL_60m.jp2")
    for row, col in ((0, 0), (5, 7), (41, 39)):
        numbers = np.bincount(codes[3 * row : 3 * row + 3, 3 * col : 3 * col + 3].ravel())
        assert numbers[coarse[row, col]] == numbers.max()


def elevation(case: Any, source: str, arrays: dict[str, Any], **statistics: Any) -> StageResult:
    def produce(out: Any) -> None:
        for name, values in arrays.items():
            out.save(name, values)
        out.statistics.update(source=source, **statistics)

    return run_stage(case.tile.store, "dem", source, None, {}, produce)


def encode_heights(case: Any, work: Path, dem: StageResult) -> StageResult:
    from tasks.packaging.task import encode_images

    names = {"l1c", "classification", "aot", "water_vapour"} | {n for n in case.stages if n.startswith("surface_")}
    tile = case.tile.model_copy(update={"work_dir": work})
    parameters = PackagingParameters(generate_dem_output=True)
    return encode_images.fn(tile, parameters, **{name: case.stages[name] for name in names}, dem=dem)


def test_heights_of_a_plane_at_each_resolution(case: Any, tmp_path: Path) -> None:
    y, x = np.mgrid[0:126, 0:120]
    plane = (-400.25 + 2.0 * y + 4.0 * x).astype(np.float32)
    result = encode_heights(case, tmp_path, elevation(case, "SRTM_90", {"height_20m": plane}, mean_height_m=1.0))
    names = {n for n in result.files if n.startswith("AUX_DATA/")}
    assert names == {f"AUX_DATA/{PREFIX}_DEM_{resolution}m.jp2" for resolution in (10, 20, 60)}
    assert set(result.files) - names == expected_images((10, 20, 60))
    for resolution in (10, 20, 60):
        counts = read(result, f"AUX_DATA/{PREFIX}_DEM_{resolution}m.jp2").astype(np.int64)
        rows, cols = (np.arange(size) for size in counts.shape)
        south, east = ((n[1:-1] + 0.5) * resolution / 20 - 0.5 for n in (rows, cols))  # in pixels of 20 m
        height = -400.25 + 2.0 * south[:, np.newaxis] + 4.0 * east
        assert np.array_equal(counts[1:-1, 1:-1], np.rint(height).astype(np.int64) + 10000)
    assert not result.fallbacks


def test_heights_of_the_sea_and_of_no_model(case: Any, tmp_path: Path) -> None:
    sea = encode_heights(case, tmp_path, elevation(case, "COPERNICUS_30", {}, mean_height_m=0.0))
    assert np.all(read(sea, f"AUX_DATA/{PREFIX}_DEM_60m.jp2") == 10000)
    none = encode_heights(case, tmp_path, elevation(case, "NONE", {}, mean_height_m=100.0))
    assert not any("_DEM_" in name for name in none.files)
    assert [fallback.code for fallback in none.fallbacks] == ["L2A-PKG-DEM"]


def test_existing_preview_is_copied(case: Any, tmp_path: Path) -> None:
    preview = case.tile.granule_dir / "QI_DATA" / f"{PREFIX}_PVI.jp2"
    source = case.stages["images"].folder / "IMG_DATA" / "R60m" / f"{PREFIX}_TCI_60m.jp2"
    preview.write_bytes(source.read_bytes())
    try:
        result = encode(case, tmp_path)
    finally:
        preview.unlink()
    assert (result.folder / "QI_DATA" / preview.name).read_bytes() == source.read_bytes()
