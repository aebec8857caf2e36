"""Parameters of the atmospheric correction. Fields that exist in a GIPP carry its element's name in lower case."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.common.bands import BANDS
from tasks.common.records import Record

AerosolName = Literal["RURAL", "MARITIME", "URBAN", "DESERT", "AUTO"]

CENTRES_UM: dict[str, float] = dict(
    zip(
        BANDS,
        (0.443, 0.490, 0.560, 0.665, 0.705, 0.740, 0.783, 0.842, 0.865, 0.945, 1.375, 1.610, 2.190),
        strict=True,
    )
)
"""Central wavelengths as the GIPP gives them [um]; they order bands, radiative transfer uses the responses."""


class AtmosphereParameters(Record):
    """What chooses the radiative-transfer table; shared by AOT, water vapour and surface reflectance."""

    aerosol_type: AerosolName = "RURAL"
    """``Aerosol_Type``. Sen2Cor knows RURAL, MARITIME and AUTO, which the stage ``aot`` decides; the others are
    ours."""
    gas: Literal["lut", "6s"] = "lut"
    """Source of the gas transmittances; ``6s`` is for comparisons with 6SV."""
    polarisation: bool = True
    """Add what polarisation changes in the path reflectance."""
    sun_zenith_limit_deg: float = Field(80.0, ge=60.0, le=80.0)
    """A lower sun is taken to stand here; 70 as in Sen2Cor. 80: the table's own limit."""
    map_resolution: Literal[20, 60] = 20
    """Pixel size of the scene classification and of the AOT and water vapour maps [m]: 20, and 60 for ``--resolution
    60``."""
    look_up_table: str = ""
    """SHA-256 of the radiative-transfer table: another table gives another result."""


class SurfaceReflectanceParameters(AtmosphereParameters):
    """Parameters of the surface reflectance at 20 m and 10 m."""

    adj_km: float = Field(1.0, ge=0.0, le=10.0)
    """``Adj_Km``: half-width of the adjacency box, or factor on the lengths of the environment functions [km]; 0
    switches the adjacency correction off."""
    adjacency_kernel: Literal["ENVIRONMENT", "BOX"] = "ENVIRONMENT"
    """``Adjacency_Kernel``: weights of the surroundings, after 6S or all alike as in Sen2Cor."""
    rho_retrieval_step2: bool = True
    """``Rho_Retrieval_Step2``: adjacency, light between slopes, and the scene's own spherical albedo."""
    dem_terrain_correction: bool = True
    """``DEM_Terrain_Correction``: correct slopes when there is an elevation model."""
    brdf_correction: Literal[0, 1, 2, 11, 12, 21, 22] = 0
    """``BRDF_Correction``: 0 none; else the law of soil (first digit) and vegetation (second digit)."""
    brdf_lower_bound: float = Field(0.22, ge=0.1, le=0.25)
    """``BRDF_Lower_Bound``: smallest factor of that correction."""
    ac_dem_p2p_val: float = Field(50.0, ge=0.0, le=300.0)
    """``AC_Dem_P2p_Val`` [m]: relief below which a tile may count as level."""
    ac_slope_th: float = Field(6.0, ge=0.0, le=90.0)
    """``AC_Slope_Th`` [degrees]: slope from which a pixel is steep."""
    ac_topo_corr_th: float = Field(0.01, ge=0.0, le=1.0)
    """``AC_Topo_Corr_Th``: share of steep pixels below which a tile may count as level."""
    ac_topo_corr_cutoff: float = Field(1.5, ge=0.0, le=10.0)
    """``AC_Topo_Corr_Cutoff``: largest reflectance of slopes."""
    ac_rng_nbhd_terrain_corr: float = Field(0.5, ge=0.0, le=1.0)
    """``AC_Rng_Nbhd_Terrain_Corr`` [km]: how far the ground that lights a slope is looked for: three times that."""
    ac_max_nr_topo_iter: int = Field(3, ge=0, le=9)
    """``AC_Max_Nr_Topo_Iter``: 0 keeps the start reflectance; any other number takes the light between slopes from the
    scene, which needs no iteration here."""
    ac_terrain_refl_start: float = Field(0.1, ge=0.0, le=1.0)
    """``AC_Terrain_Refl_Start``: reflectance of the slopes around at the start."""
    ac_vegetation_index_th: float = Field(3.0, ge=1.0, le=10.0)
    """``AC_Vegetation_Index_Th``: near infrared over red from which a slope is vegetation."""
    wavelength: dict[str, float] = CENTRES_UM
    """``wavelength`` of each band [um]: decides which law a band follows in the BRDF correction and path scaling."""
