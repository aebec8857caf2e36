"""The true-colour image (TCI): 8-bit red, green and blue of the reflectances of B04, B03 and B02."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SATURATION_DN: Final = 2500
"""Reflectance x 10000 from which a channel is 255."""

_STRIP_ROWS: Final = 512


def grey_levels(offset: int) -> NDArray[np.uint8]:
    """Return the 8-bit level of every 16-bit number: ``[65536]``.

    ``0`` for no-data (DN 0) and for reflectances of 0 and less, else ``min(255, 1 + floor(x * 254 / 2500))`` with
    ``x = DN + offset``. Source: recomputed without a difference on all pixels of a Level-2A product of baseline 04.00.

    Args:
        offset: what is added to a DN to get reflectance x 10000 (``BOA_ADD_OFFSET`` or ``RADIO_ADD_OFFSET``).
    """
    numbers = np.arange(65536, dtype=np.int64)
    above = numbers + offset
    levels = np.minimum(255, 1 + above * 254 // SATURATION_DN)
    levels[(numbers == 0) | (above <= 0)] = 0
    return levels.astype(np.uint8)


def true_colour(red: NDArray[Any], green: NDArray[Any], blue: NDArray[Any], offset: int = -1000) -> NDArray[np.uint8]:
    """Return ``[3, y, x]`` red, green and blue from three ``[y, x]`` uint16 bands of DN (0 = no-data)."""
    levels = grey_levels(offset)
    image = np.empty((3, *red.shape), np.uint8)
    for channel, band in enumerate((red, green, blue)):
        for top in range(0, band.shape[0], _STRIP_ROWS):
            image[channel, top : top + _STRIP_ROWS] = levels[band[top : top + _STRIP_ROWS]]
    return image


def preview(bands: tuple[NDArray[Any], NDArray[Any], NDArray[Any]], offset: int, block: int) -> NDArray[np.uint8]:
    """Return the quicklook: the true-colour image of means over ``block`` x ``block`` pixels.

    Args:
        bands: red, green, blue ``[y, x]`` uint16 DN, 0 = no-data (left out of the means).
        offset: as in :func:`grey_levels`.
        block: pixels per quicklook pixel; what remains at the right and lower edge is left out (109800 m are 343
            pixels of 320 m).

    Returns:
        ``[3, y // block, x // block]`` uint8, at least one pixel each way.
    """
    means = [block_mean(band, block) for band in bands]
    return true_colour(means[0], means[1], means[2], offset)


def block_mean(band: NDArray[Any], block: int) -> NDArray[np.uint16]:
    """Return the rounded mean of the pixels above 0 in each ``block`` x ``block`` block; 0 where there is none."""
    rows, cols = (max(1, size // block) for size in band.shape)
    height, width = (min(block, size) for size in band.shape)
    mean = np.zeros((rows, cols), np.uint16)
    for row in range(rows):
        strip = np.asarray(band[row * height : (row + 1) * height, : cols * width], np.uint32)
        blocks = strip.reshape(height, cols, width)
        total, count = blocks.sum(axis=(0, 2)), (blocks > 0).sum(axis=(0, 2))
        mean[row] = (total + count // 2) // np.maximum(count, 1)
    return mean
