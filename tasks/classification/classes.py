"""The codes of the scene classification map.

Source: Level-2A class list of the PSD 14.8 (``Scene_Classification_List``); working codes after the Sen2Cor 2.8
sources.
"""

from __future__ import annotations

from typing import Final

NO_DATA: Final = 0
SATURATED_DEFECTIVE: Final = 1
DARK_FEATURES: Final = 2
CLOUD_SHADOWS: Final = 3
VEGETATION: Final = 4
NOT_VEGETATED: Final = 5
WATER: Final = 6
UNCLASSIFIED: Final = 7
MEDIUM_PROBA_CLOUDS: Final = 8
HIGH_PROBA_CLOUDS: Final = 9
THIN_CIRRUS: Final = 10
SNOW_ICE: Final = 11

NOT_SNOW: Final = 50
"""Working code inside the snow block: cannot be snow, not classified otherwise. Never in the result."""

NOT_CLASSIFIED: Final = 100
"""Working code: no rule has claimed the pixel yet. Becomes ``UNCLASSIFIED`` at the end."""
