"""Parameters of the water vapour retrieval. Fields that exist in a GIPP carry its element's name in lower case."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.surface_reflectance.parameters import CENTRES_UM, AtmosphereParameters


def share_of_b09(wavelength: dict[str, float]) -> float:
    """Return where B09 lies between B8A (0) and B11 (1); 0 where the wavelengths are not in this order."""
    window, absorption, beyond = (wavelength[band] for band in ("B8A", "B09", "B11"))
    return (absorption - window) / (beyond - window) if window < absorption < beyond else 0.0


class WaterVapourParameters(AtmosphereParameters):
    """Parameters of the stage ``water_vapour``."""

    wv_correction: Literal[0, 1] = 1
    """``WV_Correction``: 0 keeps the start column everywhere, 1 retrieves it from the 940 nm region."""
    wv_watermask: Literal[0, 1, 2] = 1
    """``WV_Watermask``: 0 retrieves wherever possible; 1 gives the average of the land to all that is not
    land, 2 that of the line."""
    smooth_wv_map: float = Field(100.0, ge=0.0, le=300.0)
    """``Smooth_WV_Map`` [m]: above 0 a median over a window of about that width, at least 3 x 3 pixels of 60 m."""
    mid_latitude: Literal["SUMMER", "WINTER", "AUTO"] = "SUMMER"
    """``Mid_Latitude``: chooses the start column; AUTO from place and date."""
    ac_wv_iter_start_summer: float = Field(1.0, gt=0.0, le=5.0)
    """``AC_Wv_Iter_Start_Summer`` [cm]."""
    ac_wv_iter_start_winter: float = Field(0.4, gt=0.0, le=5.0)
    """``AC_Wv_Iter_Start_Winter`` [cm]."""
    wavelength: dict[str, float] = CENTRES_UM
    """``wavelength`` of each band [um]: where B09 lies between the windows B8A and B11."""

    @property
    def share_of_b09(self) -> float:
        """Return where B09 lies between B8A (0) and B11 (1)."""
        return share_of_b09(self.wavelength)
