"""Parameters of the atmospheric correction. Fields that exist in a GIPP carry its element's name in lower case."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.common.records import Record


class AtmosphereParameters(Record):
    """What chooses the radiative-transfer table; shared by AOT, water vapour and surface reflectance."""

    aerosol_type: Literal["RURAL", "MARITIME", "URBAN", "DESERT", "CONTINENTAL"] = "RURAL"
    """``Aerosol_Type``. Sen2Cor knows RURAL and MARITIME; the others are ours."""
    gas: Literal["lut", "6s"] = "lut"
    """Source of the gas transmittances; ``6s`` is for comparisons with 6SV."""
    polarisation: bool = True
    """Add what polarisation changes in the path reflectance."""
    sun_zenith_limit_deg: float = Field(80.0, ge=60.0, le=80.0)
    """A lower sun is taken to stand here; 70 as in Sen2Cor. 80: the table's own limit."""
    look_up_table: str = ""
    """SHA-256 of the radiative-transfer table: another table gives another result."""


class SurfaceReflectanceParameters(AtmosphereParameters):
    """Parameters of the surface reflectance at 20 m and 10 m."""

    adj_km: float = Field(1.0, ge=0.0, le=10.0)
    """``Adj_Km``: half-width of the adjacency box [km]; 0 switches the neighbourhood effects off."""
