"""Parameters of the cirrus correction. Fields that exist in a GIPP carry its element's name in lower case."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.surface_reflectance.parameters import CENTRES_UM, AtmosphereParameters


class CirrusParameters(AtmosphereParameters):
    """Parameters of the stage ``cirrus``."""

    cirrus_correction: bool = False
    """``Cirrus_Correction``: remove thin cirrus with B10."""
    wv_threshold_cirrus: float = Field(0.25, ge=0.1, le=1.0)
    """``WV_Threshold_Cirrus`` [cm]: drier scenes are left alone, because B10 sees their ground."""
    visibility: float = Field(40.0, ge=5.0, le=120.0)
    """``Visibility`` [km] under which the scene's water vapour is estimated."""
    mid_latitude: Literal["SUMMER", "WINTER", "AUTO"] = "SUMMER"
    """``Mid_Latitude``: chooses the start column."""
    ac_wv_iter_start_summer: float = Field(1.0, gt=0.0, le=5.0)
    """``AC_Wv_Iter_Start_Summer`` [cm]."""
    ac_wv_iter_start_winter: float = Field(0.4, gt=0.0, le=5.0)
    """``AC_Wv_Iter_Start_Winter`` [cm]."""
    wavelength: dict[str, float] = CENTRES_UM
    """``wavelength`` of each band [um]: bands beyond 1.5 um take half of the correction."""
