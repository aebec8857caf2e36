"""The elements of ``L2A_CAL_SC_GIPP.xml``, the thresholds of the scene classification.

Names, places and ranges: Sen2Cor 2.8 schema ``L2A_CAL_SC_GIPP.xsd``; values: Sen2Cor 2.8 to 2.11, which agree, except
for the monthly snow condition maps that came with 2.10.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from tasks.common.gipp.schema import Element, Kind

ROOT: Final = "Level-2A_CAL_SC_Ground_Image_Processing_Parameter"

_map = partial(Element, section="Scene_Classification/References", kind=Kind.TEXT)
_threshold = partial(
    Element, section="Scene_Classification/Thresholds", kind=Kind.NUMBER, minimum=-10, maximum=10
)  # fmt: skip

CLASSES: Final[tuple[str, ...]] = (
    "NO_DATA", "SATURATED_DEFECTIVE", "DARK_FEATURES", "CLOUD_SHADOWS", "VEGETATION", "NOT_VEGETATED", "WATER",
    "UNCLASSIFIED", "MEDIUM_PROBA_CLOUDS", "HIGH_PROBA_CLOUDS", "THIN_CIRRUS", "SNOW_ICE",
)  # fmt: skip
"""Class names in the order of their codes 0..11."""

_REFERENCES: Final = (
    _map("Snow_Map", default="GlobalSnowMap.tiff", meaning="where snow is possible at all"),
    _map("ESACCI_WaterBodies_Map", default="ESACCI-LC-L4-WB-Map-150m-P13Y-2000-v4.0.tif",
         meaning="ESA CCI water bodies, 150 m"),
    _map("ESACCI_LandCover_Map", default="ESACCI-LC-L4-LCCS-Map-300m-P1Y-2015-v2.0.7.tif",
         meaning="ESA CCI land cover of 2015, 300 m"),
    _map("ESACCI_SnowCondition_Map_Dir", default="ESACCI-LC-L4-Snow-Cond-500m-MONTHLY-2000-2012-v2.4",
         meaning="folder of the ESA CCI snow condition maps, 500 m: monthly (since 2.10) or weekly (before)"),
)  # fmt: skip

_CLASSIFICATORS: Final = tuple(
    Element(name, "Scene_Classification/Classificators", Kind.INTEGER, code, choices=(code,), minimum=0, maximum=11,
            meaning=f"code of class {name.lower().replace('_', ' ')}; fixed by the product format")
    for code, name in enumerate(CLASSES)
)  # fmt: skip

_THRESHOLDS: Final = (
    _threshold("T1_B02", default=0.18, meaning="snow filter 3: reflectance B02 where snow starts"),
    _threshold("T2_B02", default=0.22, meaning="snow filter 3: reflectance B02 of certain snow"),
    _threshold("T1_B04", default=0.06, meaning="step 1a: reflectance B04 where cloud starts"),
    _threshold("T2_B04", default=0.25, meaning="step 1a: reflectance B04 of certain cloud"),
    _threshold("T1_B8A", default=0.15, meaning="snow filter 2: reflectance B8A where snow starts"),
    _threshold("T2_B8A", default=0.35, meaning="snow filter 2: reflectance B8A of certain snow"),
    _threshold("T1_B10", default=0.012, meaning="cirrus: reflectance B10 where thin cirrus starts"),
    _threshold("T2_B10", default=0.035, meaning="cirrus: reflectance B10 where it counts as cloud"),
    _threshold("T1_B12", default=0.25, meaning="reflectance B12; not used"),
    _threshold("T2_B12", default=0.12, meaning="reflectance B12; not used"),
    _threshold("T_B02_B12", default=0.018, meaning="cloud shadow: spectral distance B02 to B12"),
    _threshold("T_CLOUD_LP", default=0.0, meaning="step 7: cloud confidence of low probability"),
    _threshold("T_CLOUD_MP", default=0.20, meaning="step 7: cloud confidence from which class 8 is given"),
    _threshold("T_CLOUD_HP", default=0.80, meaning="step 7: cloud confidence from which class 9 is given"),
    _threshold("T1_NDSI_CLD", default=-0.24, meaning="step 1b: snow index below which there is no cloud"),
    _threshold("T2_NDSI_CLD", default=-0.16, meaning="step 1b: snow index from which cloud is kept in full"),
    _threshold("T1_NDSI_SNW", default=0.35, meaning="snow filter 1: snow index where snow starts"),
    _threshold("T2_NDSI_SNW", default=0.50, meaning="snow filter 1: snow index of certain snow"),
    _threshold("T1_NDVI", default=0.36, meaning="step 3: vegetation index where vegetation starts"),
    _threshold("T2_NDVI", default=0.42, meaning="step 3: vegetation index of certain vegetation"),
    _threshold("T1_SNOW", default=0.12, meaning="snow confidence from which a pixel is snow"),
    _threshold("T2_SNOW", default=0.25, meaning="snow confidence for the ring round snow"),
    _threshold("T1_R_B02_B04", default=0.85, meaning="snow filter 4: ratio B02/B04 where snow starts"),
    _threshold("T2_R_B02_B04", default=0.95, meaning="snow filter 4: ratio B02/B04 of certain snow"),
    _threshold("T1_R_B8A_B03", default=1.50, meaning="step 4: ratio B8A/B03 where senescent vegetation starts"),
    _threshold("T2_R_B8A_B03", default=2.50, meaning="step 4: ratio B8A/B03 of certain vegetation"),
    _threshold("T1_R_B8A_B11", default=0.90, meaning="step 6: ratio B8A/B11 below which it is rock or sand"),
    _threshold("T2_R_B8A_B11", default=1.10, meaning="step 6: ratio B8A/B11 from which cloud is kept in full"),
    _threshold("T11_B02", default=-0.40, meaning="step 5.1: slope of the line in B02 for bare soil"),
    _threshold("T12_B02", default=0.46, meaning="step 5.1: offset of the line in B02 for bare soil"),
    _threshold("T11_R_B02_B11", default=0.70, meaning="step 5.1: ratio B02/B11 of certain soil"),
    _threshold("T12_R_B02_B11", default=1.0, meaning="step 5.1: ratio B02/B11 from which it is not soil"),
    _threshold("T21_R_B02_B11", default=2.0, meaning="step 5.2: ratio B02/B11 where water starts"),
    _threshold("T22_R_B02_B11", default=4.0, meaning="step 5.2: ratio B02/B11 of certain water"),
    _threshold("T21_B12", default=0.1, meaning="step 5.2: slope of the line in B12 for water"),
    _threshold("T22_B12", default=-0.09, meaning="step 5.2: offset of the line in B12 for water"),
    _threshold("RV_B2", default=6.96, unit="%", meaning="reference spectrum of shadow, B02"),
    _threshold("RV_B3", default=5.26667, unit="%", meaning="reference spectrum of shadow, B03"),
    _threshold("RV_B4", default=5.37708, unit="%", meaning="reference spectrum of shadow, B04"),
    _threshold("RV_B8", default=7.52, unit="%", meaning="reference spectrum of shadow, B08"),
    _threshold("RV_B11", default=5.45, unit="%", meaning="reference spectrum of shadow, B11"),
    _threshold("RV_B12", default=2.55, unit="%", meaning="reference spectrum of shadow, B12"),
    _threshold("T_SDW", default=0.75, meaning="shadow threshold; not used since 2016"),
)

ELEMENTS: Final[tuple[Element, ...]] = (*_REFERENCES, *_CLASSIFICATORS, *_THRESHOLDS)
