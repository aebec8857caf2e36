"""Each GIPP element of the atmospheric correction changes its output: one by one, on a small stored scene."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_atmosphere import angle_nodes, fake_scene
from simple_scenes import illuminate, landscape

from flows.cli.home import Home
from flows.configuration import tile_configuration, unused_settings
from flows.request import ProductRequest
from tasks.aot.parameters import AotParameters
from tasks.aot.task import retrieve_aot
from tasks.cirrus.parameters import CirrusParameters
from tasks.cirrus.task import correct_cirrus
from tasks.common.artefacts import StageWriter, open_array, run_stage
from tasks.common.bands import BANDS
from tasks.common.gipp import Gipp
from tasks.common.gipp.model import ELEMENTS, default_values
from tasks.common.records import StageResult, TileRef
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.simulation.model import SOLAR_IRRADIANCE
from tasks.surface_reflectance import inputs
from tasks.surface_reflectance import task as reflectance
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.uncertainty import task as uncertainty
from tasks.uncertainty.parameters import UncertaintyParameters
from tasks.water_vapour.parameters import WaterVapourParameters
from tasks.water_vapour.task import retrieve_water_vapour

SHAPE, EXTENT = (120, 150), (2400.0, 3000.0)
USED = ("B02", "B03", "B04", "B8A", "B09", "B11", "B12")
OUTPUT = ("B02", "B04", "B8A", "B11", "B12")

NO_DDV = {"ac_min_ddv_area": 100.0}
DEFAULT = NO_DDV | {"ac_dbv_ndvi_th": 1.0}
BRIGHT = NO_DDV | {"ac_red_ref_refl_th": 0.045, "visibility": 30.0}
DRY = {"wv_correction": 0}
SENSITIVE = {"ac_aerosol_type_ratio_th": 0.0}
SCALED = SENSITIVE | {"scaling_disabler": False, "scaling_limiter": False}
STILL = {"ac_max_nr_topo_iter": 0}

SWITCHES: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("aerosol_type", "MARITIME", {}),
    ("visibility", 60.0, DEFAULT),
    ("aot_inversion", "MULTIBAND", {}),
    ("vis_update_mode", 0, {}),
    ("mid_latitude", "WINTER", DRY),
    ("wv_correction", 0, {}),
    ("wv_watermask", 0, {}),
    ("wv_watermask", 2, {}),
    ("smooth_wv_map", 0.0, {}),
    ("smooth_wv_map", 300.0, {}),
    ("cirrus_correction", True, {}),
    ("wv_threshold_cirrus", 1.0, {"cirrus_correction": True}),
    ("dem_terrain_correction", False, {}),
    ("brdf_correction", 1, {}),
    ("brdf_correction", 2, {}),
    ("brdf_correction", 11, {}),
    ("brdf_correction", 12, {}),
    ("brdf_correction", 21, {}),
    ("brdf_correction", 22, {}),
    ("brdf_correction", 2, {"brdf_correction": 1}),
    ("brdf_correction", 12, {"brdf_correction": 11}),
    ("brdf_correction", 21, {"brdf_correction": 22}),
    ("brdf_lower_bound", 0.1, {"brdf_correction": 1}),
    ("adj_km", 0.0, {}),
    ("adjacency_kernel", "BOX", {}),
    ("scaling_disabler", False, SENSITIVE),
    ("scaling_limiter", False, SENSITIVE | {"scaling_disabler": False, "min_sc_blu": 0.999, "max_sc_blu": 1.001}),
    ("max_sc_blu", 1.01, {"scaling_disabler": False, "ac_red_blue_refl_ratio": -1.0}),
    ("min_sc_blu", 0.99, {"scaling_disabler": False, "ac_red_blue_refl_ratio": 0.9}),
    ("rho_retrieval_step2", False, {}),
    ("ac_min_ddv_area", 100.0, {}),
    ("ac_swir_refl_lower_th", 0.045, {}),
    ("ac_swir_22um_red_refl_ratio", 0.45, {}),
    ("ac_red_blue_refl_ratio", 0.9, SCALED),
    ("ac_cut_off_aot_iter_vegetation", 0.2, {}),
    ("ac_cut_off_aot_iter_water", 0.35, {}),
    ("ac_aerosol_type_ratio_th", 0.9, SCALED | {"ac_red_blue_refl_ratio": 0.9}),
    ("ac_topo_corr_th", 1.0, {}),
    ("ac_slope_th", 80.0, {}),
    ("ac_dem_p2p_val", 10.0, {"ac_slope_th": 80.0}),
    ("ac_swir_refl_ndvi_th", 0.9, {}),
    ("ac_ddv_swir_refl_th1", 0.038, {}),
    ("ac_ddv_swir_refl_th2", 0.038, {"ac_ddv_swir_refl_th1": 0.02}),
    ("ac_ddv_swir_refl_th3", 0.038, {"ac_ddv_swir_refl_th1": 0.02, "ac_ddv_swir_refl_th2": 0.02}),
    ("ac_ddv_16um_refl_th1", 0.03, {}),
    ("ac_dbv_nir_refl_th", 0.9, BRIGHT),
    ("ac_dbv_ndvi_th", 0.95, BRIGHT),
    ("ac_red_ref_refl_th", 0.02, BRIGHT),
    ("ac_dbv_red_veget_tst_ndvi_th", 0.95, BRIGHT),
    ("ac_dbv_red_veget_refl_th", 0.001, BRIGHT),
    ("ac_wv_iter_start_summer", 2.0, DRY),
    ("ac_wv_iter_start_winter", 0.8, DRY | {"mid_latitude": "WINTER"}),
    ("ac_rng_nbhd_terrain_corr", 0.1, {}),
    ("ac_max_nr_topo_iter", 0, {}),
    ("ac_topo_corr_cutoff", 0.1, {}),
    ("ac_vegetation_index_th", 10.0, {"brdf_correction": 11}),
    ("ac_terrain_refl_start", 0.6, STILL),
    ("ac_ddv_smooting_window", 0.0, {}),
    ("ac_limit_area_path_rad_scale", 90.0, SCALED),
    ("wavelength", dict.fromkeys(BANDS, 0.9), {"brdf_correction": 11}),
)
"""Element, its other value, and the settings under which it has something to say."""

TESTED_ALONE = {"ac_spr_refl_percentage", "ac_spr_refl_promille", "generate_ddv_output"}
"""Need a share of vegetation between narrow limits: ``test_aot_blue``; a file more: below."""


@pytest.fixture(scope="module")
def scene_arrays() -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of a hilly scene with a lake, a veil of cirrus, AOT 0.2 and 0.6 cm, moister below."""
    responses = default_responses("S2A")
    table = integrate_bands(load_spectral_table(), {band: responses[band] for band in USED})
    land = landscape(SHAPE)
    land.rho = {band: land.rho[band] for band in USED}
    illuminate(fake_scene(*EXTENT, height_km=0.3, tables=table), land, 0.2, 0.6)
    counts = {f"{band}_20m": dn for band, dn in land.dn.items()} | {"B09_60m": land.dn60}
    counts["B01_20m"] = land.dn["B02"]
    moister = counts["B09_60m"].copy()
    moister[20:] = np.round(1000 + 0.95 * (moister[20:] - 1000.0))
    counts["B09_60m"] = moister
    veil = np.full((SHAPE[0] // 3, SHAPE[1] // 3), 1004, np.uint16)
    veil[:20] = 1300
    counts["B10_60m"] = veil
    y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    slope = 25 * np.abs(np.sin(x / 12.0))
    cosine = np.cos(np.radians(42)) * np.cos(np.radians(slope)) - np.sin(np.radians(42)) * np.sin(
        np.radians(slope)
    ) * np.sign(np.sin(x / 24.0))
    terrain = {
        "height_20m": np.full(SHAPE, 300.0, np.float32),
        "slope_20m": np.round(100 * slope).astype(np.uint16),
        "illumination_20m": np.round(10000 * cosine * (0.9 - 0.7 * (y % 40 < 12))).astype(np.int16),
        "shadow_20m": ((x % 50 < 3) & (y < 60)).astype(np.uint8),
        "sky_view_20m": np.round(250 * (1 + np.cos(np.radians(slope))) / 2 - 8).astype(np.uint8),
    }
    return {"l1c": counts | angle_nodes(max(EXTENT)), "scl": {"scl_20m": land.scl}, "dem": terrain}


class Chain:
    """Runs the stages for a configuration; equal stages are taken from the store."""

    def __init__(self, tile: TileRef, arrays: dict[str, dict[str, np.ndarray]]) -> None:
        self.tile = tile
        grid = {"epsg": 32632, "ulx": 399960.0, "uly": 5000040.0, "resolution": 10, "rows": 240, "cols": 300}
        self.stages = {
            "l1c": self._store(
                "l1c", arrays["l1c"], grid=grid, angle_step_m=5000.0, quantification_value=10000.0,
                radio_add_offset=dict.fromkeys(BANDS, -1000), sensing_time="2024-07-10T10:20:31Z",
            ),
            "classification": self._store("classification", arrays["scl"]),
            "dem": self._store(
                "dem", arrays["dem"], flat=False, mean_height_m=300.0, min_height_m=280.0, max_height_m=320.0
            ),
            "meteo": self._store("meteo", {}, ozone_du=320.0, total_column_water_vapour_cm=None),
        }  # fmt: skip

    def _store(self, stage: str, arrays: dict[str, np.ndarray], **statistics: Any) -> StageResult:
        def produce(out: StageWriter) -> None:
            for name, array in arrays.items():
                out.save(name, array)
            out.statistics.update(statistics)

        return run_stage(self.tile.store, stage, "1", None, {}, produce)

    def run(self, settings: dict[str, Any], with_uncertainty: bool = False) -> list[np.ndarray]:
        gipp = Gipp(values=default_values() | settings, processing_baseline="99.99", files={})
        stages = dict(self.stages)
        cirrus = gipp.select(CirrusParameters)
        if cirrus.cirrus_correction:
            stages["l1c"] = correct_cirrus.fn(self.tile, cirrus, **stages)
        aot = retrieve_aot.fn(self.tile, gipp.select(AotParameters), **stages)
        water = retrieve_water_vapour.fn(self.tile, gipp.select(WaterVapourParameters), **stages, aot=aot)
        corrected = reflectance.correct_20m.fn(
            self.tile, gipp.select(SurfaceReflectanceParameters), **stages, aot=aot, water_vapour=water
        )
        maps = [open_array(aot, "aot_20m"), open_array(water, "wvp_20m")]
        images = [open_array(corrected, f"{band}_20m") for band in OUTPUT]
        if not with_uncertainty:
            return [*maps, *images]
        layers = uncertainty.estimate_uncertainty.fn(
            self.tile, gipp.select(UncertaintyParameters), **stages, aot=aot, water_vapour=water,
            surface_reflectance_20m=corrected,
        )  # fmt: skip
        return [open_array(layers, f"{band}_uncertainty_20m") for band in OUTPUT]


def _remembered(integrate):
    """Return the integration over the responses with a memory: the tests differ in other things."""
    made: dict[Any, Any] = {}

    def find(table, responses, **choices):
        key = (tuple(responses), *sorted(choices.items()))
        if key not in made:
            made[key] = integrate(table, responses, **choices)
        return made[key]

    return find


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, scene_arrays):
    folder = tmp_path_factory.mktemp("switches")
    product = SimpleNamespace(
        path=Path("MTD_MSIL1C.xml"), spacecraft="Sentinel-2A", spectral_responses={},
        solar_irradiance=SOLAR_IRRADIANCE["S2A"],
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "load_source", lambda _tile: SimpleNamespace(product=product))
        patch.setattr(uncertainty, "load_source", lambda _tile: SimpleNamespace(product=product))
        for stage in (reflectance, uncertainty):
            patch.setattr(stage, "EXPORTED_BANDS", {20: OUTPUT})
        patch.setattr(inputs, "integrate_bands", _remembered(inputs.integrate_bands))
        yield Chain(TileRef(key="T", work_dir=folder, granule_dir=folder), scene_arrays)


@pytest.mark.parametrize(("name", "value", "context"), SWITCHES, ids=[f"{s[0]}={str(s[1])[:8]}" for s in SWITCHES])
def test_switch_acts(chain: Chain, name: str, value: Any, context: dict[str, Any]) -> None:
    before, after = chain.run(context), chain.run(context | {name: value})
    assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_mask_of_vegetation_is_kept_when_asked_for(chain: Chain) -> None:
    results = []
    for asked in (False, True):
        gipp = Gipp(values=default_values() | {"generate_ddv_output": asked}, processing_baseline="99.99", files={})
        results.append(retrieve_aot.fn(chain.tile, gipp.select(AotParameters), **chain.stages))
    assert [set(result.arrays) for result in results] == [{"aot_20m"}, {"aot_20m", "dark_vegetation_20m"}]
    assert results[0].statistics == results[1].statistics
    assert np.array_equal(open_array(results[0], "aot_20m"), open_array(results[1], "aot_20m"))
    codes = open_array(results[1], "dark_vegetation_20m")
    assert np.count_nonzero(codes == 1) > 0.02 * codes.size
    assert "generate_ddv_output" not in AotParameters().identity()  # off: results made before there was one are valid


def test_calibration_acts_on_every_layer_of_the_uncertainty(chain: Chain) -> None:
    small, large = (chain.run({"uncertainty_calibration": value}, with_uncertainty=True) for value in (1.0, 3.0))
    for below, above in zip(small, large, strict=True):
        assert np.all(above >= below)
        assert np.mean(above > below) > 0.5  # in cast shadow the light of the slope decides alone


@pytest.mark.parametrize(
    ("element", "field"), [("uncertainty_output", "with_uncertainty"), ("downsample_20_to_60", "with_60m")]
)
def test_switches_of_the_flow_act(tmp_path: Path, element: str, field: str) -> None:
    made = []
    for value in (True, False):
        gipp = Gipp(values=default_values() | {element: value}, processing_baseline="99.99", files={})
        request = ProductRequest(input_path=tmp_path, output_dir=tmp_path)
        made.append(getattr(tile_configuration(gipp, request, "0", Home(folder=tmp_path)), field))
    assert made == [True, False]


def test_no_element_is_forgotten() -> None:
    """Every parameter of the stages that a GIPP has is in the table above."""
    known = set(default_values())
    stages = (CirrusParameters, AotParameters, WaterVapourParameters, SurfaceReflectanceParameters)
    fields = {name for stage in stages for name in stage.model_fields} & known
    assert fields == {name for name, *_ in SWITCHES} | TESTED_ALONE


ELSEWHERE: dict[str, str] = {
    "aot/test_aot_blue.py::test_scaling_rules": "ac_spr_refl_percentage ac_spr_refl_promille",
    "surface_reflectance/test_every_switch_acts.py::test_calibration_acts_on_every_layer_of_the_uncertainty":
        "uncertainty_calibration",
    "surface_reflectance/test_every_switch_acts.py::test_switches_of_the_flow_act":
        "uncertainty_output downsample_20_to_60",
    "l1c/test_window.py::test_each_element_moves_the_window": "row0 col0 nrow_win ncol_win",
    "dem/test_dem_task.py::test_no_elevation_model_is_flat_terrain": "altitude",
    "dem/test_dem_download.py::test_download_once_then_local": "dem_directory dem_reference",
    "dem/test_dem_task.py::test_configured_but_missing": "force_exit_on_dem_error",
    "dem/test_dem_task.py::test_simple_sky_view_is_the_slope_alone": "sky_view",
    "meteo/test_meteo_task.py::test_fixed_ozone_needs_no_file": "ozone_content",
    "meteo/test_meteo_cams.py::test_stage_uses_the_folder_and_the_height": "cams_directory",
    "quality_masks/test_quality_task.py::test_switched_off": "handle_l1c_qlt_mask",
    "quality_masks/test_quality_task.py::test_configured_layers": "l1c_qlt_lost_layers l1c_qlt_defective_layers",
    "classification/test_classification_maps.py::test_masks_grow_over_clear_ground_only":
        "cloud_dilation cloud_shadow_dilation",
    "classification/test_classification_maps.py::test_snow_grows_over_bare_ground_when_asked": "snow_dilation",
    "classification/test_classification_tile.py::test_median_filter_and_buffer_act": "median_filter valid_pixel_buffer",
    "second_cloud_mask/test_second_cloud_mask.py::test_stage_with_the_real_model": "second_cloud_mask",
    "common/test_threads.py::test_coder_starts_as_many_threads_as_asked": "nr_threads",
    "flows/test_log_level.py::test_lines_below_the_level_are_not_shown": "log_level",
    "surface_reflectance/test_every_switch_acts.py::test_mask_of_vegetation_is_kept_when_asked_for":
        "generate_ddv_output",
    "packaging/test_images_stage.py::test_heights_of_a_plane_at_each_resolution": "generate_dem_output",
    "packaging/test_images_stage.py::test_without_true_colour": "generate_tci_output",
    "packaging/test_images_stage.py::test_without_valid_pixels": "generate_valid_pixel_output",
}  # fmt: skip
"""Where the other elements of the two files are seen to act: test, elements."""

WITHOUT_EFFECT = {
    "database_compression_level", "gipp_scheme", "sc_scheme", "ac_scheme", "pb_scheme", "qi_scheme",
    "ac_ddv_16um_refl_th2", "ac_ddv_16um_refl_th3",
}  # fmt: skip
"""Elements that nothing acts on; a value that differs from the default is a recorded fall-back."""
LABELS = {"product_doi", "product_generator", "psd_version", "lib_dir"}
"""Elements that only name something."""


def test_every_element_of_the_two_files_has_its_test() -> None:
    elements = {e.key for name in ("l2a", "ac") for e in ELEMENTS[name]} | {"wavelength"}
    tested = {name for name, *_ in SWITCHES} | {name for names in ELSEWHERE.values() for name in names.split()}
    assert elements == tested | WITHOUT_EFFECT | LABELS
    assert not tested & (WITHOUT_EFFECT | LABELS)


@pytest.mark.parametrize("place", ELSEWHERE)
def test_the_tests_named_are_there(place: str) -> None:
    path, name = place.split("::")
    module = ast.parse((Path(__file__).parents[1] / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", sorted(WITHOUT_EFFECT))
def test_an_element_without_effect_says_so(name: str) -> None:
    gipp = Gipp(values=default_values() | {name: "another"}, processing_baseline="99.99", files={})
    assert [f.message.split(" ")[0] for f in unused_settings(gipp)] == [name]


def test_what_is_left_without_effect() -> None:
    """Of the expert parameters only those are reported that Sentinel-2 has no use for."""
    changed = {"ac_ddv_16um_refl_th2": 0.2, "ac_ddv_16um_refl_th3": 0.2, "ac_terrain_refl_start": 0.2}
    gipp = Gipp(values=default_values() | changed, processing_baseline="99.99", files={})
    told = {f.message.split(" ")[0] for f in unused_settings(gipp)}
    assert told == {"ac_ddv_16um_refl_th2", "ac_ddv_16um_refl_th3"}
