"""The stage: what it reads, stores, records and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.classification.parameters import ClassificationParameters
from tasks.classification.task import classify_scene
from tasks.common.artefacts import open_array, run_stage
from tasks.common.bands import BANDS, BANDS_20M
from tasks.common.errors import NotProcessable
from tasks.common.records import StageResult, TileRef

SHAPE = (18, 24)
MEADOW = {"B02": 0.09, "B03": 0.09, "B04": 0.06, "B05": 0.11, "B8A": 0.4, "B10": 0.001, "B11": 0.2, "B12": 0.1}

FACTS = {
    "grid": {"epsg": 32633, "ulx": 500000, "uly": 6700020, "resolution": 10, "rows": 36, "cols": 48},
    "sensing_time": "2025-01-20T10:00:00Z",
    "mean_sun_zenith_deg": 70.0,
    "mean_sun_azimuth_deg": 170.0,
}
"""Sweden, in winter."""


@pytest.fixture
def tile(tmp_path: Path) -> TileRef:
    return TileRef(key="T00AAA", work_dir=tmp_path, granule_dir=tmp_path / "L1C_T00AAA")


def level_1c(tile: TileRef, offset: int = -1000, no_data: slice | None = None) -> StageResult:
    def produce(out) -> None:
        for band in BANDS_20M:
            numbers = np.full(SHAPE, round(MEADOW.get(band, 0.1) * 10000) - offset, np.uint16)
            if no_data is not None:
                numbers[no_data] = 0
            out.save(f"{band}_20m", numbers)
        out.statistics["radio_add_offset"] = dict.fromkeys(BANDS_20M, offset)
        out.statistics["quantification_value"] = 10000.0
        out.statistics |= FACTS

    return run_stage(tile.store, "l1c", "1", None, {"offset": str(offset), "no_data": str(no_data)}, produce)


def quality(tile: TileRef) -> StageResult:
    def produce(out) -> None:
        invalid = np.zeros(SHAPE, np.uint8)
        invalid[3, 4], invalid[5, 6] = 1, 2
        out.save("invalid_20m", invalid)

    return run_stage(tile.store, "quality_masks", "1", None, {}, produce)


@pytest.mark.parametrize("offset", [0, -1000])
def test_stage_stores_maps_and_percentages(tile: TileRef, offset: int) -> None:
    result = classify_scene.fn(tile, ClassificationParameters(), l1c=level_1c(tile, offset, no_data=slice(0, 3)))
    scl = open_array(result, "scl_20m")
    assert (scl[:3] == 0).all()
    assert (scl[3:] == 4).all()
    for name in ("scl_20m", "cloud_confidence_20m", "snow_confidence_20m"):
        assert open_array(result, name).shape == SHAPE
        assert open_array(result, name).dtype == np.uint8
    shares = result.statistics["image_content_qi"]
    assert shares["VEGETATION_PERCENTAGE"] == 100.0
    assert shares["NODATA_PIXEL_PERCENTAGE"] == pytest.approx(100 / 6)
    assert [fallback.code for fallback in result.fallbacks] == ["L2A-SC-SNOW-CLIMATOLOGY"]


@pytest.mark.parametrize(("possible", "expected"), [(None, 11), (True, 11), (False, 8)])
def test_snow_block_runs_unless_the_climatology_excludes_snow(
    tile: TileRef, possible: bool | None, expected: int
) -> None:
    """A bright spectrum with NDSI 0.63: snow; where snow cannot be, cloud of confidence 1 - (0.7 / 0.16 - 3) / 3."""
    bright = {band: 0.7 for band in ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09")}
    numbers = {**bright, "B10": 0.002, "B11": 0.16, "B12": 0.12}

    def produce(out) -> None:
        for band, reflectance in numbers.items():
            out.save(f"{band}_20m", np.full(SHAPE, round(reflectance * 10000), np.uint16))
        out.statistics.update(radio_add_offset=dict.fromkeys(BANDS, 0), quantification_value=10000.0, **FACTS)

    l1c = run_stage(tile.store, "l1c", "1", None, {"scene": "snow"}, produce)

    def climatology(out) -> None:
        out.statistics["snow_possible"] = possible

    cci = run_stage(tile.store, "esa_cci", "1", None, {"possible": str(possible)}, climatology)
    result = classify_scene.fn(tile, ClassificationParameters(), l1c=l1c, esa_cci=cci)
    assert (open_array(result, "scl_20m") == expected).all()


def test_stage_applies_the_quality_masks(tile: TileRef) -> None:
    result = classify_scene.fn(tile, ClassificationParameters(), l1c=level_1c(tile), quality_masks=quality(tile))
    scl = open_array(result, "scl_20m")
    assert (scl[3, 4], scl[5, 6]) == (1, 0)
    assert (scl == 4).sum() == scl.size - 2


def test_quality_stage_without_a_mask_changes_nothing(tile: TileRef) -> None:
    empty = run_stage(tile.store, "quality_masks", "1", None, {"masks": "none"}, lambda out: None)
    result = classify_scene.fn(tile, ClassificationParameters(), l1c=level_1c(tile), quality_masks=empty)
    assert (open_array(result, "scl_20m") == 4).all()


def test_a_tile_without_data_is_not_processable(tile: TileRef) -> None:
    with pytest.raises(NotProcessable, match="L1C_T00AAA"):
        classify_scene.fn(tile, ClassificationParameters(), l1c=level_1c(tile, no_data=slice(None)))


def test_thresholds_are_part_of_the_result(tile: TileRef) -> None:
    level = level_1c(tile)
    first = classify_scene.fn(tile, ClassificationParameters(), l1c=level)
    again = classify_scene.fn(tile, ClassificationParameters(), l1c=level)
    other = classify_scene.fn(tile, ClassificationParameters(t2_ndvi=0.8), l1c=level)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert other.statistics["image_content_qi"]["VEGETATION_PERCENTAGE"] < 100.0


def terrain(tile: TileRef, height: float) -> StageResult:
    def produce(out) -> None:
        out.save("height_20m", np.full(SHAPE, height, np.float32))
        out.save("slope_20m", np.full(SHAPE, 500, np.uint16))
        out.save("illumination_20m", np.full(SHAPE, 3000, np.int16))
        out.save("shadow_20m", np.zeros(SHAPE, np.uint8))
        out.statistics.update(source="TEST", mean_height_m=height, flat=False)

    return run_stage(tile.store, "dem", "1", None, {"height": str(height)}, produce)


@pytest.mark.parametrize(("month", "height", "snow"), [("01", 100.0, True), ("07", 100.0, False), ("07", 3000.0, True)])
def test_embedded_climatology_decides_without_the_snow_map(
    tile: TileRef, month: str, height: float, snow: bool
) -> None:
    """Central Sweden: snow can lie in January, in July only on the highest mountains."""

    def produce(out) -> None:
        spectrum = dict.fromkeys(BANDS, 0.7) | {"B10": 0.002, "B11": 0.16, "B12": 0.12}
        for band in BANDS_20M:
            out.save(f"{band}_20m", np.full(SHAPE, round(spectrum[band] * 10000), np.uint16))
        out.statistics.update(radio_add_offset=dict.fromkeys(BANDS, 0), quantification_value=10000.0, **FACTS)
        out.statistics["sensing_time"] = f"2025-{month}-15T10:00:00Z"

    l1c = run_stage(tile.store, "l1c", "1", None, {"month": month}, produce)
    result = classify_scene.fn(tile, ClassificationParameters(), l1c=l1c, dem=terrain(tile, height))
    assert (open_array(result, "scl_20m") == 11).all() == snow
    (fallback,) = result.fallbacks
    assert fallback.code == "L2A-SC-SNOW-CLIMATOLOGY"
    assert f"{height:.0f} m" in fallback.message


def test_both_modes_and_the_valid_pixels_are_stored(tile: TileRef) -> None:
    for classic, mode in ((False, "default"), (True, "classic")):
        result = classify_scene.fn(tile, ClassificationParameters(sc_classic=classic), l1c=level_1c(tile))
        assert result.statistics["mode"] == mode
        assert open_array(result, "valid_20m").all()
        assert result.statistics["valid_percentage"] == 100.0


def test_60_m(tile: TileRef) -> None:
    def produce(out) -> None:
        for band in BANDS_20M:
            out.save(f"{band}_60m", np.full((6, 8), round(MEADOW.get(band, 0.1) * 10000), np.uint16))
        out.statistics.update(radio_add_offset=dict.fromkeys(BANDS, 0), quantification_value=10000.0, **FACTS)

    l1c = run_stage(tile.store, "l1c", "1", None, {"grid": "60"}, produce)
    parameters = ClassificationParameters(resolution=60)
    masks = quality(tile)
    result = classify_scene.fn(tile, parameters, l1c=l1c, quality_masks=masks, dem=terrain(tile, 10.0))
    expected = np.full((6, 8), 4)
    expected[1, 1], expected[1, 2] = 1, 0  # the worst of a block of 3 x 3 decides
    np.testing.assert_array_equal(open_array(result, "scl_60m"), expected)


def test_cloud_over_land_is_counted_on_the_land_of_the_map(tile: TileRef) -> None:
    cci = run_stage(tile.store, "esa_cci", "1", None, {}, _half_water)
    result = classify_scene.fn(tile, ClassificationParameters(), l1c=level_1c(tile), esa_cci=cci)
    assert result.fallbacks == ()
    assert result.statistics["image_content_qi"]["CLOUDY_PIXEL_OVER_LAND_PERCENTAGE"] == 0.0


def _half_water(out) -> None:
    water = np.ones(SHAPE, np.uint8)
    water[:9] = 2
    out.save("water_bodies_20m", water)
    out.statistics["snow_possible"] = True
