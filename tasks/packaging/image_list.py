"""Which images the metadata of a product name, for a product that has not got them yet (``--cr_only``). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tasks.common.bands import EXPORTED_BANDS

LISTED_MASKS: Final = ("MSK_CLDPRB", "MSK_SNWPRB")
"""Masks of the Level-2A that the tile's metadata list; the format has no types for the others."""

CLASSIFIED: Final = (20, 60)
"""Resolutions with a scene classification [m]."""


def image_names(prefix: str, resolutions: Iterable[int], *, with_tci: bool, sc_only: bool) -> list[str]:
    """Return the paths inside the granule of the images that the metadata name, without ending.

    Args:
        prefix: what image names begin with (``T<tile>_<datatake start>``).
        resolutions: those of the product [m].
        with_tci: true-colour images are among them.
        sc_only: of the images there is the scene classification only.
    """
    names = []
    for resolution in resolutions:
        classes = ("SCL",) if resolution in CLASSIFIED else ()
        kinds = classes if sc_only else (*EXPORTED_BANDS[resolution], "AOT", "WVP", *classes)
        kinds += ("TCI",) if with_tci and not sc_only else ()
        names += [f"IMG_DATA/R{resolution}m/{prefix}_{kind}_{resolution}m" for kind in kinds]
        if resolution in CLASSIFIED:
            names += [f"QI_DATA/{mask}_{resolution}m" for mask in LISTED_MASKS]
    return names
