"""The 8-bit natural-colour image of Level-1C products."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BRIGHTEST_DN: Final = 2500
_STRIP_ROWS: Final = 512


def natural_colour(
    red: NDArray[np.uint16], green: NDArray[np.uint16], blue: NDArray[np.uint16], *, offset_dn: int
) -> NDArray[np.uint8]:
    """Return red, green and blue as ``[3, y, x]`` uint8.

    With x = DN + offset the value is 1 + floor(x 254 / 2500), at most 255; 0 where DN is 0 or x is not positive.
    Reflectance 0.25 is white.

    Args:
        red, green, blue: DN ``[y, x]``, 0 = no-data.
        offset_dn: RADIO_ADD_OFFSET of the product.

    Source: PSD 14.8, True Colour Image; verified on products of baseline 04.00.
    """
    made = np.zeros((3, *red.shape), np.uint8)
    for component, band in zip(made, (red, green, blue), strict=True):
        for top in range(0, len(band), _STRIP_ROWS):
            dn = band[top : top + _STRIP_ROWS].astype(np.int32)
            shifted = dn + offset_dn
            value = np.minimum(1 + shifted * 254 // _BRIGHTEST_DN, 255)
            component[top : top + _STRIP_ROWS] = np.where((dn == 0) | (shifted <= 0), 0, value)
    return made
