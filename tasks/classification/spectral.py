"""The steps that both modes share and that look at the spectrum of one pixel, without those of snow and cirrus."""

from __future__ import annotations

from typing import Final

from tasks.classification import clouds, surfaces

FIRST_STEPS: Final = (clouds.step_1a_brightness, clouds.step_1b_snow_index)
"""Step 1, before the snow block."""

GROUND_AND_CLOUD_STEPS: Final = (
    surfaces.step_3_vegetation,
    surfaces.step_5_1_soil,
    surfaces.step_5_2_water,
    surfaces.step_6_rock_and_sand,
    clouds.step_6bis_red_to_swir,
    clouds.step_7_clouds,
)
"""Steps 3 to 7, after the snow block."""
