"""Parameters of the scene classification. Names and defaults are those of L2A_CAL_SC_GIPP.xml and L2A_GIPP.xml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.common.records import Record

Distance = Annotated[float, Field(ge=0.0, le=5000.0, allow_inf_nan=False)]
"""A distance on the ground [m]."""

Threshold = Annotated[float, Field(ge=-10.0, le=10.0, allow_inf_nan=False)]
"""A reflectance, ratio or confidence in the range the GIPP's schema allows."""

_RAMPS = (
    "b02", "b04", "b8a", "b10", "ndsi_cld", "ndsi_snw", "ndvi", "r_b02_b04", "r_b8a_b03", "r_b8a_b11",
)  # fmt: skip


class ClassificationParameters(Record):
    """Thresholds and filter size; each field is the GIPP element of the same name in lower case.

    A pair ``t1_x``, ``t2_x`` is the foot and the top of a linear ramp from 0 to 1, so ``t1_x`` must be the smaller.
    The GIPP also holds thresholds that none of the rules reads (``t1_b12``, ``t2_b12``, ``rv_*``, ``t_sdw``).

    Source: L2A_CAL_SC_GIPP.xml, block Thresholds (values unchanged from Sen2Cor 2.2 to 2.11); ``median_filter`` from
    L2A_GIPP.xml, Scene_Classification/Filters.
    """

    t1_b02: Threshold = 0.18
    t2_b02: Threshold = 0.22
    t1_b04: Threshold = 0.06
    t2_b04: Threshold = 0.25
    t1_b8a: Threshold = 0.15
    t2_b8a: Threshold = 0.35
    t1_b10: Threshold = 0.012
    t2_b10: Threshold = 0.035
    t1_b12: Threshold = 0.25
    t2_b12: Threshold = 0.12
    t_b02_b12: Threshold = 0.018
    t_cloud_lp: Threshold = 0.0
    t_cloud_mp: Threshold = 0.20
    t_cloud_hp: Threshold = 0.80
    t1_ndsi_cld: Threshold = -0.24
    t2_ndsi_cld: Threshold = -0.16
    t1_ndsi_snw: Threshold = 0.35
    t2_ndsi_snw: Threshold = 0.50
    t1_ndvi: Threshold = 0.36
    t2_ndvi: Threshold = 0.42
    t1_snow: Threshold = 0.12
    t2_snow: Threshold = 0.25
    t1_r_b02_b04: Threshold = 0.85
    t2_r_b02_b04: Threshold = 0.95
    t1_r_b8a_b03: Threshold = 1.5
    t2_r_b8a_b03: Threshold = 2.5
    t1_r_b8a_b11: Threshold = 0.90
    t2_r_b8a_b11: Threshold = 1.10
    t11_b02: Threshold = -0.40
    """Slope of the blue limit of step 5.1 over B02/B11."""
    t12_b02: Threshold = 0.46
    """Intercept of the blue limit of step 5.1."""
    t11_r_b02_b11: Threshold = 0.70
    t12_r_b02_b11: Threshold = 1.0
    t21_r_b02_b11: Threshold = 2.0
    t22_r_b02_b11: Threshold = 4.0
    t21_b12: Threshold = 0.1
    """Slope of the B12 limit of step 5.2 over B02/B11."""
    t22_b12: Threshold = -0.09
    """Intercept of the B12 limit of step 5.2."""
    rv_b2: Threshold = 6.96
    rv_b3: Threshold = 5.26667
    rv_b4: Threshold = 5.37708
    rv_b8: Threshold = 7.52
    rv_b11: Threshold = 5.45
    rv_b12: Threshold = 2.55
    t_sdw: Threshold = 0.75
    median_filter: int = Field(default=0, ge=0, le=10)
    """Side of the median window over the finished class map [pixels]; 0 switches it off."""

    sc_classic: bool = False
    """Classify as Sen2Cor 2.9 did instead of the default mode of 2.10."""
    resolution: Literal[20, 60] = 20
    """Grid of the classification [m]."""
    cloud_dilation: Distance = 60.0
    cloud_shadow_dilation: Distance = 60.0
    snow_dilation: Distance = 0.0
    """How far the default mode grows the masks of cloud, cloud shadow and snow [m]."""
    valid_pixel_buffer: Distance = 160.0
    """How far a valid pixel has to be from cloud and cloud shadow."""

    @model_validator(mode="after")
    def _ramps_rise(self) -> Self:
        pairs = [(f"t1_{name}", f"t2_{name}") for name in _RAMPS]
        pairs += [("t11_r_b02_b11", "t12_r_b02_b11"), ("t21_r_b02_b11", "t22_r_b02_b11")]
        for lower, upper in pairs:
            if not getattr(self, lower) < getattr(self, upper):
                raise ValueError(f"{lower.upper()} must be less than {upper.upper()}")
        if not self.t_cloud_lp <= self.t_cloud_mp <= self.t_cloud_hp:
            raise ValueError("T_CLOUD_LP, T_CLOUD_MP and T_CLOUD_HP must not fall")
        return self
