"""A real cloud-free winter coast (Sentinel-2A, T18SVG, 12 January 2016): do the numbers look like ground and sea?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from one_band import correct_band

from tasks.aot.parameters import AotParameters
from tasks.aot.retrieval import AotCounts, retrieve
from tasks.classification.classify import DigitalNumberScale, classify_tile
from tasks.classification.parameters import ClassificationParameters
from tasks.common.bands import BANDS, BANDS_20M, NATIVE_RESOLUTION
from tasks.l1c.resample import to_resolution
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.surface_reflectance.coarse import CoarseGrid
from tasks.surface_reflectance.coefficients import band_coefficients
from tasks.surface_reflectance.inversion import Calibration, to_reflectance
from tasks.surface_reflectance.neighbourhood import block_means, describe_surroundings
from tasks.surface_reflectance.scene import Scene, build_scene
from tasks.water_vapour.apda import retrieve_columns
from tasks.water_vapour.mapping import LAND_CLASSES, usable_blocks

CROP = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "l1c-18SVG-crop"
CALIBRATION = Calibration(0.0, 10000.0)
CORRECTED = ("B02", "B03", "B04", "B8A", "B11", "B12")


def scene_of(extent: float) -> Scene:
    """Return the scene with the sun of the README and a view zenith of 5 degrees."""
    nodes = np.ones((4, 4), np.float32)
    grid = CoarseGrid(extent, extent)
    return build_scene(
        integrate_bands(load_spectral_table(), default_responses("S2A")),
        grid,
        angle_step_m=5000.0,
        sun_zenith=62.0 * nodes,
        sun_azimuth=160.0 * nodes,
        view_zenith=np.stack([5.0 * nodes] * 13),
        view_azimuth=np.stack([285.0 * nodes] * 13),
        height_km=np.zeros(grid.shape, np.float32),
        ozone_du=331.0,
    )


@pytest.fixture(scope="module")
def result() -> dict[str, np.ndarray]:
    """Return classes, AOT, water vapour and the surface reflectance of some bands."""
    if not CROP.is_dir():
        pytest.skip("the real crop is not here")
    native = {}
    for band in BANDS:
        with rasterio.open(CROP / f"T18SVG_20160112_{band}.jp2") as source:
            native[band] = source.read(1)
    dn = {band: to_resolution(native[band], band, NATIVE_RESOLUTION[band], 20) for band in BANDS_20M}
    dn["B10"] = np.maximum(dn["B10"], 1)
    scale = DigitalNumberScale(dict.fromkeys(BANDS, 0), 10000.0)
    scl = classify_tile(dn, scale, ClassificationParameters(), None).classes
    scene = scene_of(12000.0)
    bands = ("B03", "B04", "B8A", "B12")
    counts = AotCounts({b: dn[b] for b in bands}, native["B09"], dict.fromkeys((*bands, "B09"), CALIBRATION))
    aot = retrieve(scene, counts, scl, AotParameters(), 0.4)
    aot_60m = np.clip(aot.aot550, 0.01, 1.5)
    aot_nodes = scene.grid.area_mean(aot_60m, np.ones(aot_60m.shape, np.bool_), 60)
    window = to_reflectance(block_means(dn["B8A"], scl != 0, 20), CALIBRATION)
    usable = usable_blocks(scl, LAND_CLASSES, native["B09"])
    columns, valid = retrieve_columns(scene, window, to_reflectance(native["B09"], CALIBRATION), usable, aot_nodes, 0.4)
    mean = float(columns[valid].mean())
    water = np.full(scl.shape, round(1000 * mean), np.uint16)
    found = {"scl": scl, "aot": aot_60m, "water": columns[valid], "method": np.array(aot.method)}
    for band in CORRECTED:
        out = np.zeros(scl.shape, np.uint16)
        coefficients = band_coefficients(scene, band, aot_nodes, np.full(scene.grid.shape, mean, np.float32))
        surroundings = describe_surroundings(scl, 1.0, 20, "ENVIRONMENT")
        correct_band(dn[band], scl, water, aot_60m, coefficients, scene.grid, CALIBRATION, surroundings, out)
        found[band] = (out - 1000.0) / 10000.0
    return found


def test_winter_atmosphere(result: dict[str, np.ndarray]) -> None:
    assert result["method"] == "SEN2COR_DDV"
    assert 0.02 < result["aot"].mean() < 0.15
    assert 0.3 < result["water"].mean() < 1.2
    assert result["water"].std() < 0.15


def test_ocean_is_dark_in_the_near_infrared(result: dict[str, np.ndarray]) -> None:
    ocean = result["scl"][:, -150:] == 6
    assert ocean.mean() > 0.5
    near_infrared = result["B8A"][:, -150:][ocean]  # surf and turbid water off the beach are part of it
    assert np.median(near_infrared) < 0.025
    assert np.percentile(near_infrared, 25) < 0.02
    assert np.median(result["B11"][:, -150:][ocean]) < 0.01


def test_pine_forest(result: dict[str, np.ndarray]) -> None:
    forest = (result["scl"] == 4) & (result["B12"] < 0.06) & (result["B8A"] > 3 * result["B04"])
    assert forest.mean() > 0.02
    assert np.median(result["B04"][forest]) < 0.05
    assert np.median(result["B8A"][forest]) > 0.15
    assert np.median(result["B03"][forest]) > np.median(result["B04"][forest]) > np.median(result["B02"][forest])


def test_hardly_any_negative_reflectance_on_land(result: dict[str, np.ndarray]) -> None:
    land = np.isin(result["scl"], (4, 5))
    assert land.mean() > 0.2
    for band in CORRECTED:
        assert (result[band][land] < 0).mean() < 0.01
