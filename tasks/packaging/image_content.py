"""What the numbers of an image stand for: its no-data value, its overviews and its colours. Never the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class ImageContent:
    """What a format needs to know of an image besides its pixels and its grid."""

    no_data: int | None
    """The number that stands for no-data; None where every number is a value."""
    overviews: Literal["average", "nearest"]
    """How pixels are put together for overviews: numbers of codes have no mean."""
    colours: Mapping[int, tuple[int, int, int]] | None = None
    """Red, green and blue of each code."""


CLASS_COLOURS: Final[dict[int, tuple[int, int, int]]] = {
    0: (0, 0, 0), 1: (255, 0, 0), 2: (47, 47, 47), 3: (100, 50, 0), 4: (0, 160, 0), 5: (255, 230, 90),
    6: (0, 0, 255), 7: (128, 128, 128), 8: (192, 192, 192), 9: (255, 255, 255), 10: (100, 200, 255),
    11: (255, 150, 255),
}  # fmt: skip
"""Colours of the classes, as the legend of Sen2Cor shows them."""

QUANTITY: Final = ImageContent(no_data=0, overviews="average")
"""Reflectance, AOT, water vapour, uncertainty: 0 is no-data."""

CLASSES: Final = ImageContent(no_data=0, overviews="nearest", colours=CLASS_COLOURS)
"""The scene classification: class 0 is no-data."""

PICTURE: Final = ImageContent(no_data=None, overviews="average")
"""True colour: 0 is black, of dark pixels too."""

PROBABILITY: Final = ImageContent(no_data=None, overviews="average")
"""Per cent: 0 is a value."""

CODES: Final = ImageContent(no_data=None, overviews="nearest")
"""Masks: 0 is the code of a pixel that is not in the mask."""

DARK_VEGETATION: Final = ImageContent(no_data=0, overviews="nearest")
"""Codes of the dark dense vegetation: 0 is no-data."""

HEIGHTS: Final = ImageContent(no_data=None, overviews="average")
"""Metres above -10000 m."""
