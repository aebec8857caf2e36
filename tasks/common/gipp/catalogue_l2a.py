"""The elements of ``L2A_GIPP.xml``, the main configuration file.

Names, places, ranges and defaults: Sen2Cor 2.8 schema ``L2A_GIPP.xsd``; elements and defaults since 2.9: configuration
slides of Sen2Cor 2.11 (V1.2.2) and the files of toolbox products made with 2.10.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from tasks.common.gipp.schema import OWN, Element, Kind

ROOT: Final = "Level-2A_Ground_Image_Processing_Parameter"

_common = partial(Element, section="Common_Section")
_region = partial(
    Element, section="Common_Section/Region_Of_Interest", kind=Kind.INTEGER, maximum=10980, multiple_of=6,
    unit="pixels of 10 m", since="2.9",
)  # fmt: skip
_flag = partial(Element, section="Common_Section", kind=Kind.BOOLEAN)
_scheme = partial(Element, section="Common_Section", kind=Kind.TEXT, pattern="L2.+")
_FILTERS: Final = "Scene_Classification/Filters"
_distance = partial(Element, section=_FILTERS, kind=Kind.NUMBER, minimum=0, maximum=5000, unit="m", since=OWN)
_tables = partial(Element, section="Atmospheric_Correction/Look_Up_Tables")
_flags = partial(Element, section="Atmospheric_Correction/Flags")
_calibration = partial(Element, section="Atmospheric_Correction/Calibration", kind=Kind.NUMBER)

_MASK_LAYERS: Final = "ANC_LOST|ANC_DEG|MSI_LOST|MSI_DEG|DEFECTIVE|NODATA|CROSSTALK|SATURATED_L1A"
_layers = partial(
    Element, section="Common_Section", kind=Kind.TEXT, since=OWN,
    pattern=f"NONE|({_MASK_LAYERS})( ({_MASK_LAYERS}))*",
)  # fmt: skip

LOG_LEVELS: Final = ("NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
OZONE_COLUMNS: Final = (0, 250, 290, 330, 331, 370, 377, 410, 420, 450, 460)

ELEMENTS: Final[tuple[Element, ...]] = (
    _common("Log_Level", kind=Kind.TEXT, default="INFO", choices=LOG_LEVELS, meaning="how much is logged"),
    _region("row0", default="OFF", minimum=0, words=("OFF", "AUTO"),
            meaning="row of the window's midpoint; OFF: the whole tile; AUTO: found by the program"),
    _region("col0", default="OFF", minimum=0, words=("OFF", "AUTO"),
            meaning="column of the window's midpoint; OFF and AUTO as for row0"),
    _region("nrow_win", default=1200, minimum=6, meaning="height of the window"),
    _region("ncol_win", default=1200, minimum=6, meaning="width of the window"),
    _common("Product_DOI", kind=Kind.TEXT, default="https://doi.org/10.5270/S2_-znk9xsj", since="2.10",
            meaning="digital object identifier written to the product's metadata"),
    _common("Nr_Threads", kind=Kind.INTEGER, default="AUTO", words=("AUTO",), minimum=1, maximum=8,
            meaning="threads that decode and encode JPEG 2000 images; AUTO: as many as the machine has"),
    _common("Product_Generator", kind=Kind.OPTIONAL_TEXT, default=None, since="2.10",
            meaning="folder of an external product generator; NONE: the product is written by this program"),
    _common("DEM_Directory", kind=Kind.OPTIONAL_TEXT, default=None,
            meaning="folder of the elevation model, relative to the Sen2Cor home or absolute; NONE: flat terrain"),
    _common("DEM_Reference", kind=Kind.OPTIONAL_TEXT, default=None,
            meaning="address from which missing elevation tiles are fetched, or a label for the metadata; "
            "NONE: nothing is fetched"),
    _flag("Generate_DEM_Output", default=False, meaning="write the elevation model as an image of the product"),
    _flag("Force_Exit_On_DEM_Error", default=False, since="2.9",
          meaning="stop when the elevation model cannot be had; FALSE: go on with flat terrain"),
    _flag("Generate_TCI_Output", default=True, meaning="write the true-colour image"),
    _flag("Generate_DDV_Output", default=False, meaning="write the mask of dark dense vegetation to QI_DATA"),
    _flag("Generate_Valid_Pixel_Output", default=True, since=OWN,
          meaning="write the mask of clear pixels (Valid_Pixel_Buffer) to QI_DATA"),
    _flag("Handle_L1C_QLT_Mask", default=True, since="2.10",
          meaning="use the quality masks of the Level-1C product to find lost and defective pixels"),
    _layers("L1C_QLT_Lost_Layers", default="ANC_LOST MSI_LOST",
            meaning="layers of the Level-1C quality masks whose pixels become no-data, or NONE"),
    _layers("L1C_QLT_Defective_Layers", default="MSI_DEG DEFECTIVE SATURATED_L1A",
            meaning="layers of the Level-1C quality masks whose pixels are classified as defective, or NONE"),
    _common("Sky_View", kind=Kind.TEXT, default="HORIZON", choices=("HORIZON", "SIMPLE"), since=OWN,
            meaning="share of the sky that lights a slope; HORIZON: from the horizon in 16 directions; "
            "SIMPLE: from the slope alone, as Sen2Cor"),
    _common("CAMS_Directory", kind=Kind.OPTIONAL_TEXT, default=None, since=OWN,
            meaning="folder of CAMS netCDF files for products without aerosol fields, relative to the Sen2Cor home "
            "or absolute; NONE: none are used"),
    _flag("Uncertainty_Output", default=False, since=OWN,
          meaning="write one standard deviation of the surface reflectance of each band to QI_DATA"),
    _common("Uncertainty_Calibration", kind=Kind.NUMBER, default=1.7, minimum=0, maximum=20, unit="%", since=OWN,
            meaning="one standard deviation of the instrument's absolute calibration"),
    _flag("Downsample_20_to_60", default=True, meaning="make the 60 m images by averaging those of 20 m"),
    _common("PSD_Version", kind=Kind.TEXT, default="DEFAULT", since="2.10",
            meaning="forces a version of the product format; DEFAULT: as the Level-1C product says"),
    _scheme("GIPP_Scheme", default="L2A_GIPP", meaning="schema of this file"),
    _scheme("SC_Scheme", default="L2A_CAL_SC_GIPP", meaning="schema of the scene classification's file"),
    _scheme("AC_Scheme", default="L2A_CAL_AC_GIPP", meaning="schema of the atmospheric correction's file"),
    _scheme("PB_Scheme", default="L2A_PB_GIPP", meaning="schema of the processing baseline's file"),
    _scheme("QI_Scheme", default="L2A_QUALITY", since="2.10", meaning="schema of the quality report"),
    Element("Median_Filter", _FILTERS, Kind.INTEGER, 0, minimum=0, maximum=10,
            unit="pixels of 20 m", meaning="window of the median filter on the scene classification; 0: no filter"),
    _distance("Cloud_Dilation", default=60.0,
              meaning="how far opaque cloud is grown in the default mode; 0: not at all"),
    _distance("Cloud_Shadow_Dilation", default=60.0,
              meaning="how far cloud shadow is grown in the default mode; 0: not at all"),
    _distance("Snow_Dilation", default=0.0,
              meaning="how far snow is grown over bare ground in the default mode; 0: not at all"),
    _distance("Valid_Pixel_Buffer", default=160.0,
              meaning="how far a clear pixel must lie from cloud, cirrus and cloud shadow to count as valid"),
    Element("Second_Cloud_Mask", _FILTERS, Kind.TEXT, "NONE", choices=("NONE", "S2CLOUDLESS"), since=OWN,
            meaning="a cloud mask of another program, written to QI_DATA beside the scene classification; "
            "S2CLOUDLESS needs the extra s2cloudless"),
    _tables("Aerosol_Type", kind=Kind.TEXT, default="RURAL", choices=("RURAL", "MARITIME", "AUTO"),
            meaning="aerosol model; AUTO: chosen from the image"),
    _tables("Mid_Latitude", kind=Kind.TEXT, default="SUMMER", choices=("SUMMER", "WINTER", "AUTO"),
            meaning="model atmosphere of the middle latitudes; AUTO: from latitude and date"),
    _tables("Ozone_Content", kind=Kind.INTEGER, default=0, choices=OZONE_COLUMNS, unit="DU",
            meaning="ozone column; 0: from the product's meteorological data. "
            "Summer: 250, 290, 331 (standard), 370, 410, 450; winter: 250, 290, 330, 377 (standard), 420, 460"),
    _flags("WV_Correction", kind=Kind.INTEGER, default=1, minimum=0, maximum=4,
           meaning="water vapour: 0: no retrieval; 1: retrieved from B8A and B09 (940 nm); "
           "2 to 4: other sensors' absorption regions, not for Sentinel-2"),
    _flags("VIS_Update_Mode", kind=Kind.INTEGER, default=1, choices=(0, 1),
           meaning="visibility: 0: constant; 1: varies over the scene"),
    _flags("AOT_Inversion", kind=Kind.TEXT, default="DDV", choices=("DDV", "MULTIBAND"), since=OWN,
           meaning="aerosol from dark dense vegetation (DDV, as Sen2Cor), or from several bands over all dark land and "
           "water (MULTIBAND)"),
    _flags("WV_Watermask", kind=Kind.INTEGER, default=1, choices=(0, 1, 2),
           meaning="water vapour over water: 0: as retrieved; 1: average of the land; 2: average of the line"),
    _flags("Cirrus_Correction", kind=Kind.BOOLEAN, default=False, meaning="remove thin cirrus with B10"),
    _flags("DEM_Terrain_Correction", kind=Kind.BOOLEAN, default=True,
           meaning="correct slopes with the elevation model; FALSE: it serves water vapour and aerosol only"),
    _flags("BRDF_Correction", kind=Kind.INTEGER, default=0, choices=(0, 1, 2, 11, 12, 21, 22),
           meaning="correction of weakly lit slopes; 0: none; else the empirical function to use"),
    _flags("BRDF_Lower_Bound", kind=Kind.NUMBER, default=0.22, minimum=0.1, maximum=0.25,
           meaning="lower limit of that correction's factor; 0.1 for strong overcorrection"),
    _calibration("Adj_Km", default=1.0, minimum=0, maximum=10, unit="km", meaning="range of the adjacency effect"),
    _calibration("Adjacency_Kernel", kind=Kind.TEXT, default="ENVIRONMENT", choices=("ENVIRONMENT", "BOX"), since=OWN,
                 meaning="weights of a pixel's surroundings; ENVIRONMENT: the environment functions of 6S, at their "
                 "own scale where Adj_Km is 1; BOX: all alike within Adj_Km, as Sen2Cor"),
    _calibration("Visibility", default=40.0, minimum=5, maximum=120, unit="km",
                 meaning="start value of the horizontal visibility, used where no aerosol can be retrieved"),
    _calibration("Altitude", default=0.1, minimum=0, maximum=2.5, unit="km",
                 meaning="height of the ground where there is no elevation model"),
    _calibration("Smooth_WV_Map", default=100.0, minimum=0, maximum=300, unit="m",
                 meaning="side of the box that smooths the water vapour map; 0: none"),
    _calibration("WV_Threshold_Cirrus", default=0.25, minimum=0.1, maximum=1.0, unit="cm",
                 meaning="water vapour column below which cirrus is not corrected"),
    _calibration("Database_Compression_Level", kind=Kind.INTEGER, default=0, minimum=0, maximum=9,
                 meaning="zlib level of Sen2Cor's work files; accepted, without effect here"),
)  # fmt: skip

PSD_SCHEME_SECTION: Final = "Common_Section"
PSD_SCHEME_ATTRIBUTES: Final = {"PSD_Version": r"[0-9]{2}\.[0-9]{1,2}", "PSD_Reference": "S2.+"}
PSD_SCHEME_CHILDREN: Final = (
    "UP_Scheme_1C", "UP_Scheme_2A", "Tile_Scheme_1C", "Tile_Scheme_2A", "DS_Scheme_1C", "DS_Scheme_2A",
)  # fmt: skip
PSD_SCHEME_PATTERN: Final = "S2.+"
PSD_VERSIONS: Final = ("14.2", "14.6", "14.7", "14.8", "14.9")
"""Product formats that the default file lists."""

_SCHEME_NAMES: Final = {
    "up_scheme_1c": "S2_User_Product_Level-1C_Metadata",
    "up_scheme_2a": "S2_User_Product_Level-2A_Metadata",
    "tile_scheme_1c": "S2_PDI_Level-1C_Tile_Metadata",
    "tile_scheme_2a": "S2_PDI_Level-2A_Tile_Metadata",
    "ds_scheme_1c": "S2_PDI_Level-1C_Datastrip_Metadata",
    "ds_scheme_2a": "S2_PDI_Level-2A_Datastrip_Metadata",
}
PSD_SCHEME_DEFAULT: Final[dict[str, dict[str, str]]] = {
    version: {"psd_reference": f"S2-PDGS-TAS-DI-PSD-V{version}_Schema", **_SCHEME_NAMES} for version in PSD_VERSIONS
}
"""Value of ``psd_scheme`` by format version."""

RETIRED: Final = frozenset({
    "Common_Section/Nr_Processes", "Common_Section/Target_Directory",
    "Common_Section/UP_Scheme_1C", "Common_Section/UP_Scheme_2A",
    "Common_Section/Tile_Scheme_1C", "Common_Section/Tile_Scheme_2A",
    "Common_Section/DS_Scheme_1C", "Common_Section/DS_Scheme_2A",
    "Atmospheric_Correction/Calibration/DEM_Unit",
})  # fmt: skip
"""Elements of files before 2.8 that nothing reads any more."""

OZONE_LETTERS: Final[dict[str, str]] = {
    "f": "250", "g": "290", "h": "331", "i": "370", "j": "410", "k": "450",
    "t": "250", "u": "290", "v": "330", "w": "377", "x": "420", "y": "460",
}  # fmt: skip
"""``Ozone_Content`` of files before 2.8: the letter of a table's name instead of Dobson units."""
