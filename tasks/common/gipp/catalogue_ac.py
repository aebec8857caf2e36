"""The elements of ``L2A_CAL_AC_GIPP.xml``, the expert parameters of the atmospheric correction.

Names, places and ranges: Sen2Cor 2.8 schema ``L2A_CAL_AC_GIPP.xsd``; values: the files of Sen2Cor 2.8 and 2.10, which
agree. Where the schema's own default differs, the file's value counts, for it is the one that Sen2Cor uses.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from tasks.common.bands import BANDS
from tasks.common.gipp.schema import BandList, Element, Kind

ROOT: Final = "Level-2A_CAL_AC_Ground_Image_Processing_Parameter"

_flag = partial(Element, section="Flags", kind=Kind.BOOLEAN, default=True)
_calibration = partial(Element, section="Sensor/Calibration", kind=Kind.NUMBER, exclusive=True)
_first = partial(Element, section="ACL_Prio_1", kind=Kind.NUMBER, minimum=0, maximum=1)
_second = partial(Element, section="ACL_Prio_2", kind=Kind.NUMBER, minimum=0, maximum=1)
_third = partial(Element, section="ACL_Prio_3", kind=Kind.NUMBER, minimum=0, maximum=1)

ELEMENTS: Final[tuple[Element, ...]] = (
    _flag("Scaling_Limiter", meaning="keep the factor of the blue path radiance within its limits"),
    _flag("Scaling_Disabler", meaning="do not scale the blue path radiance at all"),
    _flag("Rho_Retrieval_Step2", meaning="second step of the surface reflectance: terrain and adjacency"),
    Element("Lib_Dir", "References", Kind.TEXT, "lib",
            meaning="folder of Sen2Cor's look-up tables; accepted, without effect here"),
    _calibration("min_sc_blu", default=0.9, minimum=0, maximum=1, meaning="lower limit of the blue scaling factor"),
    _calibration("max_sc_blu", default=1.1, minimum=1, maximum=2, meaning="upper limit of the blue scaling factor"),
    _first("AC_Min_Ddv_Area", default=2.0, maximum=100, unit="%",
           meaning="least area of dark dense vegetation for a retrieval of aerosol"),
    _first("AC_Swir_Refl_Lower_Th", default=0.01,
           meaning="reflectance B12 below which a pixel counts as water, not as vegetation"),
    _first("AC_Swir_22um_Red_Refl_Ratio", default=0.5, minimum=0.4, maximum=0.6,
           meaning="ratio of the surface reflectances B04/B12 of dark dense vegetation"),
    _first("AC_Red_Blue_Refl_Ratio", default=0.5, minimum=-1,
           meaning="ratio of the surface reflectances B02/B04 of dark dense vegetation"),
    _first("AC_Cut_Off_Aot_Iter_Vegetation", default=0.01, minimum=-1,
           meaning="surface reflectance B04 of land below which the aerosol counts as too dense"),
    _first("AC_Cut_Off_Aot_Iter_Water", default=-0.005, minimum=-1,
           meaning="surface reflectance B8A below which the aerosol counts as too dense"),
    _first("AC_Aerosol_Type_Ratio_Th", default=0.05, minimum=-1,
           meaning="difference of the blue/red ratios that decides on the aerosol type or on scaling"),
    _first("AC_Topo_Corr_Th", default=0.01, meaning="share of steep pixels below which a tile counts as flat"),
    _first("AC_Slope_Th", default=6.0, maximum=90, unit="degrees", meaning="slope from which a pixel is steep"),
    _first("AC_Dem_P2p_Val", default=50.0, maximum=300, unit="m",
           meaning="range of heights below which a tile counts as flat"),
    _second("AC_Swir_Refl_Ndvi_Th", default=0.10, meaning="vegetation index above which a pixel is vegetation"),
    _second("AC_Ddv_Swir_Refl_Th1", default=0.05, meaning="dark dense vegetation: upper limit of B12, first try"),
    _second("AC_Ddv_Swir_Refl_Th2", default=0.10, meaning="dark dense vegetation: upper limit of B12, second try"),
    _second("AC_Ddv_Swir_Refl_Th3", default=0.12, meaning="dark dense vegetation: upper limit of B12, third try"),
    _second("AC_Ddv_16um_Refl_Th1", default=0.10,
            meaning="dark dense vegetation: upper limit of the reflectance B04 (of 1.6 um in older sensors)"),
    _second("AC_Ddv_16um_Refl_Th2", default=0.15, meaning="as Th1, second try; for sensors without 2.2 um"),
    _second("AC_Ddv_16um_Refl_Th3", default=0.18, meaning="as Th1, third try; for sensors without 2.2 um"),
    _second("AC_Dbv_Nir_Refl_Th", default=0.35, meaning="bright dense vegetation: lower limit of B8A"),
    _second("AC_Dbv_Ndvi_Th", default=0.66, meaning="bright dense vegetation: lower limit of the vegetation index"),
    _second("AC_Red_Ref_Refl_Th", default=0.02, meaning="surface reflectance B04 of the reference vegetation"),
    _second("AC_Dbv_Red_Veget_Tst_Ndvi_Th", default=0.40, meaning="red test of vegetation: vegetation index"),
    _second("AC_Dbv_Red_Veget_Refl_Th", default=0.15, meaning="red test of vegetation: reflectance B04"),
    _second("AC_Wv_Iter_Start_Summer", default=1.0, maximum=5, unit="cm",
            meaning="water vapour column at the start of the retrieval, summer"),
    _second("AC_Wv_Iter_Start_Winter", default=0.4, maximum=5, unit="cm",
            meaning="water vapour column at the start of the retrieval, winter"),
    _second("AC_Rng_Nbhd_Terrain_Corr", default=0.5, unit="km",
            meaning="range of the neighbourhood that lights a slope"),
    _second("AC_Max_Nr_Topo_Iter", kind=Kind.INTEGER, default=3, maximum=9,
            meaning="light reflected between slopes; 0: as AC_Terrain_Refl_Start; more: from the scene, which needs no "
            "iteration here"),
    _second("AC_Topo_Corr_Cutoff", default=1.5, maximum=10,
            meaning="largest surface reflectance after the terrain correction"),
    _second("AC_Vegetation_Index_Th", default=3.0, minimum=1, maximum=10,
            meaning="ratio near infrared/red from which a slope is vegetation, not soil"),
    _third("AC_Limit_Area_Path_Rad_Scale", default=0.0, maximum=90, unit="%",
           meaning="least area for scaling of the path radiance and for the tests of haze and vegetation"),
    _third("AC_Ddv_Smooting_Window", default=1.0, maximum=10, unit="km",
           meaning="window that smooths the aerosol map (the name is spelt so)"),
    _third("AC_Terrain_Refl_Start", default=0.1, meaning="reflectance of the surrounding slopes at the start"),
    _third("AC_Spr_Refl_Percentage", default=0.25, unit="%",
           meaning="share of dark dense vegetation that allows scaling of the path radiance"),
    _third("AC_Spr_Refl_Promille", default=0.3, unit="per mille",
           meaning="share of reference pixels that allows scaling of the path radiance"),
)  # fmt: skip


def _by_band(*values: float) -> dict[str, float]:
    return dict(zip(BANDS, values, strict=True))


def _entry(name: str, section: str, maximum: float, unit: str, meaning: str) -> Element:
    return Element(name, section, Kind.NUMBER, None, meaning, unit=unit, minimum=0, maximum=maximum)


BAND_LISTS: Final[tuple[BandList, ...]] = (
    BandList(
        _entry("fwhm", "Sensor/Resolution/Band_List", 1, "um", "width of the band at half maximum"),
        _by_band(0.020, 0.065, 0.035, 0.030, 0.015, 0.015, 0.020, 0.115, 0.020, 0.020, 0.030, 0.090, 0.180),
    ),
    BandList(
        _entry("wavelength", "Sensor/Calibration/Band_List", 10, "um", "central wavelength of the band"),
        _by_band(0.443, 0.490, 0.560, 0.665, 0.705, 0.740, 0.783, 0.842, 0.865, 0.945, 1.375, 1.610, 2.190),
        attributes=(
            _entry("c0", "Sensor/Calibration/Band_List", 1, "", "offset of the radiance; not used"),
            _entry("c1", "Sensor/Calibration/Band_List", 1, "", "gain of the radiance; not used"),
        ),
        attribute_defaults={
            "c0": dict.fromkeys(BANDS, 0.0),
            "c1": _by_band(*[0.001] * 10, 0.0005, 0.0002, 0.00005),
        },
    ),
)
