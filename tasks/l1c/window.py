"""The window of a granule that is processed; what lies outside it is no-data. Pure.

Source: L2A_GIPP, ``Region_Of_Interest`` (Sen2Cor 2.9 and later): midpoint and size in pixels of 10 m. Images keep the
size of the tile. Edges are moved outwards to the 60 m grid, so that no pixel of 60 m is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.errors import InvalidConfiguration
from tasks.l1c.resample import NODATA

_BLOCK_M: Final = 60
_PIXELS: Final = 6
"""Pixels of 10 m along the side of a block."""


@dataclass(frozen=True)
class Window:
    """Rows ``top .. bottom - 1`` and columns ``left .. right - 1`` of the 60 m grid."""

    top: int
    bottom: int
    left: int
    right: int

    def clear_outside(self, image: NDArray[Any], resolution: int) -> None:
        """Set what lies outside to no-data, in place.

        Args:
            image: ``[rows, cols]`` of the whole tile.
            resolution: its pixel size, 10, 20 or 60 [m].
        """
        factor = _BLOCK_M // resolution
        image[: self.top * factor] = NODATA
        image[self.bottom * factor :] = NODATA
        image[:, : self.left * factor] = NODATA
        image[:, self.right * factor :] = NODATA


def window_at(midpoint: tuple[int, int], size: tuple[int, int], shape: tuple[int, int]) -> Window:
    """Return the window round a midpoint, cut off at the tile's edges.

    Args:
        midpoint: row and column [pixels of 10 m].
        size: rows and columns [pixels of 10 m].
        shape: of the tile [blocks of 60 m].

    Raises:
        InvalidConfiguration: the midpoint lies outside the tile.
    """
    for name, place, blocks in zip(("row0", "col0"), midpoint, shape, strict=True):
        if place >= blocks * _PIXELS:
            raise InvalidConfiguration(
                f"L2A_GIPP: <{name}> is {place}: the window's midpoint lies outside the tile of "
                f"{blocks * _PIXELS} pixels"
            )
    edges = (_edges(*pair) for pair in zip(midpoint, size, shape, strict=True))
    (top, bottom), (left, right) = edges
    return Window(top, bottom, left, right)


def _edges(midpoint: int, size: int, blocks: int) -> tuple[int, int]:
    first = midpoint - size // 2
    return max(first // _PIXELS, 0), min(-(-(first + size) // _PIXELS), blocks)


def window_with_most_data(data: NDArray[np.bool_], size: tuple[int, int]) -> Window:
    """Return the window of a size that holds most data; of several, the one nearest to the middle of all data.

    Args:
        data: ``[rows, cols]`` where the tile has data, in blocks of 60 m.
        size: rows and columns [pixels of 10 m]; a window larger than the tile is the tile.
    """
    rows, cols = (min(-(-pixels // _PIXELS), length) for pixels, length in zip(size, data.shape, strict=True))
    total = cv2.integral(data.astype(np.uint8), sdepth=cv2.CV_32S)
    held = total[rows:, cols:] - total[:-rows, cols:] - total[rows:, :-cols] + total[:-rows, :-cols]
    best = np.argwhere(held == held.max())
    middle = np.argwhere(data).mean(axis=0) + 0.5 if data.any() else np.asarray(data.shape) / 2.0
    away = np.square(best + np.asarray((rows / 2.0, cols / 2.0)) - middle).sum(axis=1)
    top, left = (int(place) for place in best[int(np.argmin(away))])
    return Window(top, top + rows, left, left + cols)
