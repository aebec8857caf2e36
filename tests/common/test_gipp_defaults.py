"""The shipped GIPPs against the values and ranges of Sen2Cor, typed by hand from its published tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from tasks.common.gipp import defaults
from tasks.common.gipp.defaults import GIPP_FILES, default_gipp_files, default_gipp_folder
from tasks.common.gipp.load import read_gipp
from tasks.common.gipp.model import ELEMENTS, default_values
from tasks.common.gipp.schema import Element, Kind

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
XSD_28 = SHARED / "psd-xsd" / "gipp-2.8"
XS = "{http://www.w3.org/2001/XMLSchema}"

L2A_VALUES = {
    "log_level": "INFO", "row0": "OFF", "col0": "OFF", "nrow_win": 1200, "ncol_win": 1200,
    "product_doi": "https://doi.org/10.5270/S2_-znk9xsj", "nr_threads": "AUTO", "product_generator": None,
    "dem_directory": None, "dem_reference": None, "generate_dem_output": False, "force_exit_on_dem_error": False,
    "generate_tci_output": True, "generate_ddv_output": False, "generate_valid_pixel_output": True,
    "handle_l1c_qlt_mask": True, "cloud_dilation": 60.0, "cloud_shadow_dilation": 60.0, "snow_dilation": 0.0,
    "valid_pixel_buffer": 160.0, "second_cloud_mask": "NONE",
    "l1c_qlt_lost_layers": "ANC_LOST MSI_LOST",
    "l1c_qlt_defective_layers": "MSI_DEG DEFECTIVE SATURATED_L1A", "sky_view": "HORIZON", "cams_directory": None,
    "uncertainty_output": False, "uncertainty_calibration": 1.7, "aot_inversion": "DDV",
    "adjacency_kernel": "ENVIRONMENT",
    "downsample_20_to_60": True, "psd_version": "DEFAULT", "gipp_scheme": "L2A_GIPP", "sc_scheme": "L2A_CAL_SC_GIPP",
    "ac_scheme": "L2A_CAL_AC_GIPP", "pb_scheme": "L2A_PB_GIPP", "qi_scheme": "L2A_QUALITY", "median_filter": 0,
    "aerosol_type": "RURAL", "mid_latitude": "SUMMER", "ozone_content": 0, "wv_correction": 1, "vis_update_mode": 1,
    "wv_watermask": 1, "cirrus_correction": False, "dem_terrain_correction": True, "brdf_correction": 0,
    "brdf_lower_bound": 0.22, "adj_km": 1.0, "visibility": 40.0, "altitude": 0.1, "smooth_wv_map": 100.0,
    "wv_threshold_cirrus": 0.25, "database_compression_level": 0,
}  # fmt: skip
SC_VALUES = {
    "snow_map": "GlobalSnowMap.tiff",
    "esacci_waterbodies_map": "ESACCI-LC-L4-WB-Map-150m-P13Y-2000-v4.0.tif",
    "esacci_landcover_map": "ESACCI-LC-L4-LCCS-Map-300m-P1Y-2015-v2.0.7.tif",
    "esacci_snowcondition_map_dir": "ESACCI-LC-L4-Snow-Cond-500m-MONTHLY-2000-2012-v2.4",
    "no_data": 0, "saturated_defective": 1, "dark_features": 2, "cloud_shadows": 3, "vegetation": 4,
    "not_vegetated": 5, "water": 6, "unclassified": 7, "medium_proba_clouds": 8, "high_proba_clouds": 9,
    "thin_cirrus": 10, "snow_ice": 11,
    "t1_b02": 0.18, "t2_b02": 0.22, "t1_b04": 0.06, "t2_b04": 0.25, "t1_b8a": 0.15, "t2_b8a": 0.35,
    "t1_b10": 0.012, "t2_b10": 0.035, "t1_b12": 0.25, "t2_b12": 0.12, "t_b02_b12": 0.018, "t_cloud_lp": 0.0,
    "t_cloud_mp": 0.20, "t_cloud_hp": 0.80, "t1_ndsi_cld": -0.24, "t2_ndsi_cld": -0.16, "t1_ndsi_snw": 0.35,
    "t2_ndsi_snw": 0.50, "t1_ndvi": 0.36, "t2_ndvi": 0.42, "t1_snow": 0.12, "t2_snow": 0.25, "t1_r_b02_b04": 0.85,
    "t2_r_b02_b04": 0.95, "t1_r_b8a_b03": 1.5, "t2_r_b8a_b03": 2.5, "t1_r_b8a_b11": 0.90, "t2_r_b8a_b11": 1.10,
    "t11_b02": -0.40, "t12_b02": 0.46, "t11_r_b02_b11": 0.70, "t12_r_b02_b11": 1.0, "t21_r_b02_b11": 2.0,
    "t22_r_b02_b11": 4.0, "t21_b12": 0.1, "t22_b12": -0.09, "rv_b2": 6.96, "rv_b3": 5.26667, "rv_b4": 5.37708,
    "rv_b8": 7.52, "rv_b11": 5.45, "rv_b12": 2.55, "t_sdw": 0.75,
}  # fmt: skip
AC_VALUES = {
    "scaling_limiter": True, "scaling_disabler": True, "rho_retrieval_step2": True, "lib_dir": "lib",
    "min_sc_blu": 0.9, "max_sc_blu": 1.1, "ac_min_ddv_area": 2.0, "ac_swir_refl_lower_th": 0.01,
    "ac_swir_22um_red_refl_ratio": 0.5, "ac_red_blue_refl_ratio": 0.5, "ac_cut_off_aot_iter_vegetation": 0.01,
    "ac_cut_off_aot_iter_water": -0.005, "ac_aerosol_type_ratio_th": 0.05, "ac_topo_corr_th": 0.01,
    "ac_slope_th": 6.0, "ac_dem_p2p_val": 50.0, "ac_swir_refl_ndvi_th": 0.10, "ac_ddv_swir_refl_th1": 0.05,
    "ac_ddv_swir_refl_th2": 0.10, "ac_ddv_swir_refl_th3": 0.12, "ac_ddv_16um_refl_th1": 0.10,
    "ac_ddv_16um_refl_th2": 0.15, "ac_ddv_16um_refl_th3": 0.18, "ac_dbv_nir_refl_th": 0.35, "ac_dbv_ndvi_th": 0.66,
    "ac_red_ref_refl_th": 0.02, "ac_dbv_red_veget_tst_ndvi_th": 0.40, "ac_dbv_red_veget_refl_th": 0.15,
    "ac_wv_iter_start_summer": 1.0, "ac_wv_iter_start_winter": 0.4, "ac_rng_nbhd_terrain_corr": 0.5,
    "ac_max_nr_topo_iter": 3, "ac_topo_corr_cutoff": 1.5, "ac_vegetation_index_th": 3.0,
    "ac_limit_area_path_rad_scale": 0.0, "ac_ddv_smooting_window": 1.0, "ac_terrain_refl_start": 0.1,
    "ac_spr_refl_percentage": 0.25, "ac_spr_refl_promille": 0.3,
}  # fmt: skip
PB_VALUES = {"idp_sc_name": "Sen2Cor", "idp_sc_version": "02.11.00", "baseline_version": 99.99}
BANDS = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
WAVELENGTH = [0.443, 0.490, 0.560, 0.665, 0.705, 0.740, 0.783, 0.842, 0.865, 0.945, 1.375, 1.610, 2.190]
FWHM = [0.020, 0.065, 0.035, 0.030, 0.015, 0.015, 0.020, 0.115, 0.020, 0.020, 0.030, 0.090, 0.180]
GAIN = [0.001] * 10 + [0.0005, 0.0002, 0.00005]

SINCE_29 = {"Region_Of_Interest", "Force_Exit_On_DEM_Error"}
OWN_ELEMENTS = {
    "AOT_Inversion", "Adjacency_Kernel", "Uncertainty_Output", "Uncertainty_Calibration",
    "L1C_QLT_Lost_Layers", "L1C_QLT_Defective_Layers", "Sky_View", "CAMS_Directory", "Generate_Valid_Pixel_Output",
    "Cloud_Dilation", "Cloud_Shadow_Dilation", "Snow_Dilation", "Valid_Pixel_Buffer", "Second_Cloud_Mask",
}  # fmt: skip
SINCE_210 = {"Product_DOI", "Product_Generator", "Handle_L1C_QLT_Mask", "PSD_Version", "QI_Scheme"}


def _schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(path)))


def test_defaults_are_those_of_sen2cor_211() -> None:
    gipp = read_gipp(**default_gipp_files())
    bands = {
        "fwhm": dict(zip(BANDS, FWHM, strict=True)),
        "wavelength": dict(zip(BANDS, WAVELENGTH, strict=True)),
        "wavelength_c0": dict.fromkeys(BANDS, 0.0),
        "wavelength_c1": dict(zip(BANDS, GAIN, strict=True)),
    }
    schemes = gipp.values["psd_scheme"]
    assert {**gipp.values, "psd_scheme": None} == {
        **L2A_VALUES, **SC_VALUES, **AC_VALUES, **PB_VALUES, **bands, "psd_scheme": None,
    }  # fmt: skip
    assert list(schemes) == ["14.2", "14.6", "14.7", "14.8", "14.9"]
    assert schemes["14.8"]["ds_scheme_2a"] == "S2_PDI_Level-2A_Datastrip_Metadata"
    assert gipp.processing_baseline == "99.99"
    assert gipp.notes == ()


def test_values_have_the_type_that_their_element_says() -> None:
    types = {Kind.BOOLEAN: bool, Kind.NUMBER: float, Kind.INTEGER: int, Kind.TEXT: str}
    values = read_gipp(**default_gipp_files()).values
    for element in (e for elements in ELEMENTS.values() for e in elements):
        value = values[element.key]
        if value is not None and value not in element.words:
            assert type(value) is types.get(element.kind, str), element.name


def test_built_in_defaults_are_those_of_the_files() -> None:
    assert read_gipp(**default_gipp_files()).values == default_values()
    assert read_gipp(**default_gipp_files()).differences() == {}


@pytest.mark.parametrize("name", GIPP_FILES.values())
def test_default_file_is_valid_under_its_own_schema(name: str) -> None:
    path = default_gipp_folder() / name
    _schema(path.with_suffix(".xsd")).assertValid(etree.parse(str(path)))


@pytest.mark.parametrize("name", ["L2A_CAL_SC_GIPP.xml", "L2A_CAL_AC_GIPP.xml", "L2A_PB_GIPP.xml"])
def test_default_file_is_valid_for_sen2cor_28(name: str) -> None:
    if not XSD_28.is_dir():
        pytest.skip("the schemas of Sen2Cor 2.8 are not here")
    _schema(XSD_28 / name.replace(".xml", ".xsd")).assertValid(etree.parse(str(default_gipp_folder() / name)))


def test_main_file_without_newer_elements_is_valid_for_sen2cor_28() -> None:
    if not XSD_28.is_dir():
        pytest.skip("the schemas of Sen2Cor 2.8 are not here")
    document = etree.parse(str(default_gipp_folder() / "L2A_GIPP.xml"))
    for node in list(document.getroot().iter(etree.Element)):
        if node.tag in SINCE_29 | SINCE_210 | OWN_ELEMENTS:
            node.getparent().remove(node)
    _schema(XSD_28 / "L2A_GIPP.xsd").assertValid(document)
    _schema(default_gipp_folder() / "L2A_GIPP.xsd").assertValid(document)


@pytest.mark.parametrize("name", ["L2A_GIPP.xml", "L2A_CAL_SC_GIPP.xml", "L2A_CAL_AC_GIPP.xml"])
def test_real_file_of_210_is_valid_under_our_schema(name: str) -> None:
    found = sorted((SHARED / "l2a-T01UBT-PB0400-lowres").rglob(f"rep_info/{name}"))
    if not found:
        pytest.skip("no real GIPP here")
    _schema((default_gipp_folder() / name).with_suffix(".xsd")).assertValid(etree.parse(str(found[0])))


def _limits(schema: Path) -> dict[str, tuple[dict[str, float], set[str]]]:
    """Return the limits and the enumeration of every element of a schema that has them."""
    root = etree.parse(str(schema)).getroot()
    named = {node.get("name"): node for node in root.iter(f"{XS}simpleType") if node.get("name")}
    found = {}
    for node in root.iter(f"{XS}element"):
        source = named.get(node.get("type"), node)
        facets = [f for f in source.iter() if isinstance(f.tag, str)]
        if node.find(f"{XS}complexType") is not None:
            continue
        bounds = {f.tag.removeprefix(XS): float(f.get("value")) for f in facets if "clusive" in f.tag}
        choices = {f.get("value") for f in facets if f.tag == f"{XS}enumeration"}
        if node.get("name") and (bounds or choices):
            found[node.get("name")] = (bounds, choices)
    return found


def _expected(element: Element) -> tuple[dict[str, float], set[str]]:
    kind = "Exclusive" if element.exclusive else "Inclusive"
    bounds = {"min" + kind: element.minimum, "max" + kind: element.maximum}
    choices = {str(choice) for choice in element.choices} | set(element.words)
    numeric = element.kind in (Kind.INTEGER, Kind.NUMBER) and not element.choices
    return ({k: v for k, v in bounds.items() if numeric and v is not None}, choices)


@pytest.mark.parametrize("key", ["l2a", "sc", "ac"])
@pytest.mark.parametrize("ours", [True, False], ids=["own schema", "schema of 2.8"])
def test_ranges_agree_with_schema(key: str, ours: bool) -> None:
    schema = (default_gipp_folder() if ours else XSD_28) / GIPP_FILES[key].replace(".xml", ".xsd")
    if not schema.is_file():
        pytest.skip("the schemas of Sen2Cor 2.8 are not here")
    limits = _limits(schema)
    compared = 0
    for element in ELEMENTS[key]:
        if element.name in limits and element.kind is not Kind.BOOLEAN and element.name != "Lib_Dir":
            assert limits[element.name] == _expected(element), element.name
            compared += 1
    assert compared > {"l2a": 10, "sc": 50, "ac": 30}[key]


@pytest.mark.parametrize("key", ["l2a", "sc", "ac", "pb"])
def test_schema_and_file_have_every_element_in_one_order(key: str) -> None:
    folder = default_gipp_folder()
    names = [e.name for e in ELEMENTS[key]]
    for suffix, attribute in ((".xml", None), (".xsd", "name")):
        nodes = etree.parse(str((folder / GIPP_FILES[key]).with_suffix(suffix))).getroot().iter()
        found = [n.get(attribute) if attribute else n.tag for n in nodes if isinstance(n.tag, str)]
        assert [n for n in dict.fromkeys(found) if n in names] == names


def test_every_element_explains_itself() -> None:
    for key, elements in ELEMENTS.items():
        keys = [element.key for element in elements]
        assert len(set(keys)) == len(keys), key
        assert all(element.meaning and "  " not in element.meaning for element in elements)
    everything = [e.key for elements in ELEMENTS.values() for e in elements]
    assert len(set(everything)) == len(everything)


def test_defaults_of_a_wheel_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "share" / "sen2flow" / "config" / "gipp"
    shipped.mkdir(parents=True)
    for path in default_gipp_files().values():
        (shipped / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(defaults.tasks, "__path__", [str(tmp_path / "site-packages" / "tasks")])
    monkeypatch.setattr(defaults.sys, "prefix", str(tmp_path))
    assert default_gipp_folder() == shipped


def test_installation_without_defaults_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults.tasks, "__path__", [str(tmp_path / "tasks")])
    monkeypatch.setattr(defaults.sys, "prefix", str(tmp_path))
    with pytest.raises(Exception, match="install sen2flow again"):
        default_gipp_folder()
