"""What a simulated product is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import Field, field_validator

from tasks.common.records import Record

SMALLEST_STEP_M: Final = 60
"""A product's size is a multiple of this, so that it has whole pixels at 10, 20 and 60 m."""


DEFAULT_HEIGHT_M: Final = 100.0
"""Height of flat land in the processor's default configuration (GIPP element ``Altitude``)."""

DEFAULT_ADJACENCY_KM: Final = 1.0
"""Scale of the surroundings in the processor's default configuration (GIPP element ``Adj_Km``)."""


class SimulationParameters(Record):
    """One simulated scene. Equal parameters give equal products, byte for byte."""

    platform: Literal["S2A", "S2B", "S2C"] = "S2A"
    baseline: str = Field("05.10", pattern=r"^\d\d\.\d\d$")
    rows: int = Field(1200, ge=120, le=10980, multiple_of=6)
    """Size at 10 m [pixels]."""
    cols: int = Field(1200, ge=120, le=10980, multiple_of=6)
    epsg: int = Field(32632, ge=32601, le=32760)
    ulx: float = 399960.0
    """Upper left corner [m]."""
    uly: float = 5000040.0
    sensing_time: datetime = datetime(2025, 6, 15, 10, 20, 31, 24000, tzinfo=UTC)
    across_track_km: float = Field(60.4, ge=-220.0, le=220.0)
    """Place of the scene's centre across the swath, positive to the right of the flight; beyond 145 km is no-data.

    The default is the middle of a detector, so that small scenes have no jump of the viewing geometry."""
    aot550: float = Field(0.2, ge=0.0, le=2.0)
    """Aerosol optical thickness above the surface, mean of the scene."""
    aot_change: float = Field(0.0, ge=-1.0, le=1.0)
    """Relative change of the optical thickness from the left edge to the right."""
    water_vapour_cm: float = Field(2.0, ge=0.05, le=7.0)
    water_vapour_change: float = Field(0.0, ge=-1.0, le=1.0)
    """Relative change of the water vapour from the upper edge to the lower."""
    ozone_du: float = Field(331.0, ge=50.0, le=600.0)
    height_m: float = Field(0.0, ge=-400.0, le=5000.0)
    aerosol: Literal["rural", "maritime", "urban", "desert"] = "rural"
    gas: Literal["lut", "6s"] = "lut"
    seed: int = Field(1, ge=0, le=2**31 - 1)
    noise: bool = True
    """Radiometric noise of the instrument."""
    calibration_error_percent: dict[str, float] = {}
    """Error of the instrument's absolute calibration by band; no error for bands that are left out."""
    red_swir_ratio: float = Field(0.5, ge=0.2, le=0.8)
    """Surface reflectance B04 over B12 of dark dense vegetation; its visible bands keep their shape. The retrieval of
    AOT takes the ratio to be 0.5."""
    clouds: float = Field(0.0, ge=0.0, le=0.95)
    """Part of the scene under opaque clouds."""
    snow: float = Field(0.0, ge=0.0, le=1.0)
    """Part of the land under snow."""
    adjacency_km: float = Field(0.0, ge=0.0, le=5.0)
    """How far the surroundings shine into a pixel's path: factor on the lengths of the environment functions of 6S;
    0 = every pixel in uniform surroundings."""

    @field_validator("epsg")
    @classmethod
    def _is_utm(cls, value: int) -> int:
        if not (32601 <= value <= 32660 or 32701 <= value <= 32760):
            raise ValueError("expected the EPSG code of a UTM zone, 32601..32660 or 32701..32760")
        return value
