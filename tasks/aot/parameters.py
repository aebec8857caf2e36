"""Parameters of the AOT retrieval. Fields that exist in a GIPP carry its element's name in lower case."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tasks.surface_reflectance.parameters import AtmosphereParameters


class AotParameters(AtmosphereParameters):
    """Parameters of the stage ``aot``; defaults of Sen2Cor's GIPPs."""

    extras: ClassVar[frozenset[str]] = frozenset({"generate_ddv_output"})

    generate_ddv_output: bool = False
    """``Generate_DDV_Output``: keep the mask of dark dense vegetation beside the map."""
    aot_inversion: Literal["DDV", "MULTIBAND"] = "DDV"
    """``AOT_Inversion`` (ours): DDV as Sen2Cor; MULTIBAND: several surface relations over land and dark water."""
    visibility: float = Field(40.0, ge=5.0, le=120.0)
    """``Visibility`` [km]: start value, and the fall-back."""
    vis_update_mode: Literal[0, 1] = 1
    """``VIS_Update_Mode``: 0 one value for the scene, 1 a map."""
    ac_min_ddv_area: float = Field(2.0, ge=0.0, le=100.0)
    """``AC_Min_Ddv_Area`` [%]: smallest share of dark dense vegetation."""
    ac_swir_refl_lower_th: float = Field(0.01, ge=0.0, le=1.0)
    """``AC_Swir_Refl_Lower_Th``: lower limit of the B12 reflectance."""
    ac_ddv_swir_refl_th1: float = Field(0.05, ge=0.0, le=1.0)
    """``AC_Ddv_Swir_Refl_Th1``: upper limit of the B12 reflectance, first try."""
    ac_ddv_swir_refl_th2: float = Field(0.10, ge=0.0, le=1.0)
    """``AC_Ddv_Swir_Refl_Th2``: second try."""
    ac_ddv_swir_refl_th3: float = Field(0.12, ge=0.0, le=1.0)
    """``AC_Ddv_Swir_Refl_Th3``: third try."""
    ac_ddv_16um_refl_th1: float = Field(0.10, ge=0.0, le=1.0)
    """``AC_Ddv_16um_Refl_Th1``: upper limit of the red top-of-atmosphere reflectance (the name is historical)."""
    ac_swir_refl_ndvi_th: float = Field(0.10, ge=0.0, le=1.0)
    """``AC_Swir_Refl_Ndvi_Th``: lower limit of the vegetation index."""
    ac_swir_22um_red_refl_ratio: float = Field(0.5, ge=0.4, le=0.6)
    """``AC_Swir_22um_Red_Refl_Ratio``: red over 2.2 um reflectance of dark dense vegetation."""
    ac_ddv_smooting_window: float = Field(1.0, ge=0.0, le=10.0)
    """``AC_Ddv_Smooting_Window`` [km]: size of the Gaussian filter of the map."""
    ac_cut_off_aot_iter_vegetation: float = Field(0.01, ge=-1.0, le=1.0)
    """``AC_Cut_Off_Aot_Iter_Vegetation``: lower limit of the red reflectance on land."""
    ac_cut_off_aot_iter_water: float = Field(-0.005, ge=-1.0, le=1.0)
    """``AC_Cut_Off_Aot_Iter_Water``: lower limit of the B8A reflectance on land."""
    adj_km: float = Field(1.0, ge=0.0, le=10.0)
    """``Adj_Km``: half-width of the adjacency box, or factor on the lengths of the environment functions [km]; 0
    switches the neighbourhood effects off."""
    adjacency_kernel: Literal["ENVIRONMENT", "BOX"] = "ENVIRONMENT"
    """``Adjacency_Kernel``: weights of the surroundings, after 6S or all alike as in Sen2Cor."""
    mid_latitude: Literal["SUMMER", "WINTER", "AUTO"] = "SUMMER"
    """``Mid_Latitude``: chooses the start column of water vapour; AUTO from place and date."""
    ac_wv_iter_start_summer: float = Field(1.0, gt=0.0, le=5.0)
    """``AC_Wv_Iter_Start_Summer`` [cm]."""
    ac_wv_iter_start_winter: float = Field(0.4, gt=0.0, le=5.0)
    """``AC_Wv_Iter_Start_Winter`` [cm]."""
    ac_red_blue_refl_ratio: float = Field(0.5, ge=-1.0, le=1.0)
    """``AC_Red_Blue_Refl_Ratio``: blue over red reflectance of dark dense vegetation."""
    ac_aerosol_type_ratio_th: float = Field(0.05, ge=-1.0, le=1.0)
    """``AC_Aerosol_Type_Ratio_Th``: difference of blue/red path ratios that decides on the type or on scaling."""
    ac_dbv_nir_refl_th: float = Field(0.35, ge=0.0, le=1.0)
    """``AC_Dbv_Nir_Refl_Th``: bright dense vegetation, lower limit of B8A."""
    ac_dbv_ndvi_th: float = Field(0.66, ge=0.0, le=1.0)
    """``AC_Dbv_Ndvi_Th``: its lower limit of the vegetation index."""
    ac_red_ref_refl_th: float = Field(0.02, ge=0.0, le=1.0)
    """``AC_Red_Ref_Refl_Th``: its red reflectance."""
    ac_dbv_red_veget_tst_ndvi_th: float = Field(0.40, ge=0.0, le=1.0)
    """``AC_Dbv_Red_Veget_Tst_Ndvi_Th``: red test, vegetation index."""
    ac_dbv_red_veget_refl_th: float = Field(0.15, ge=0.0, le=1.0)
    """``AC_Dbv_Red_Veget_Refl_Th``: red test, red reflectance."""
    scaling_disabler: bool = True
    """``Scaling_Disabler``: True leaves the path reflectance as the table has it."""
    scaling_limiter: bool = True
    """``Scaling_Limiter``: keep the blue factor within its limits."""
    min_sc_blu: float = Field(0.9, gt=0.0, lt=1.0)
    """``min_sc_blu``: smallest blue factor."""
    max_sc_blu: float = Field(1.1, gt=1.0, lt=2.0)
    """``max_sc_blu``: largest blue factor."""
    ac_limit_area_path_rad_scale: float = Field(0.0, ge=0.0, le=90.0)
    """``AC_Limit_Area_Path_Rad_Scale`` [%]: least share of dark vegetation for the scaling; 0 is no limit."""
    ac_spr_refl_percentage: float = Field(0.25, ge=0.0, le=1.0)
    """``AC_Spr_Refl_Percentage`` [%]: share of dark vegetation that allows the scaling."""
    ac_spr_refl_promille: float = Field(0.3, ge=0.0, le=1.0)
    """``AC_Spr_Refl_Promille`` [per mille]: share of bright reference vegetation that allows it."""

    @property
    def reflectance_limits(self) -> tuple[float, float, float]:
        """The three upper limits of the B12 reflectance."""
        return self.ac_ddv_swir_refl_th1, self.ac_ddv_swir_refl_th2, self.ac_ddv_swir_refl_th3
