"""From 20 m to other pixels: means and the commonest class at 60 m (``Downsample_20_to_60``), nearest at 10 m."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import RowSink, repeated, shrink, strips

_BLOCK = 3
_CLASSES = 12


def _blocks(values: NDArray[Any]) -> NDArray[Any]:
    """Return ``[rows/3, 9, cols/3]``: the nine pixels of each block, row by row."""
    rows, cols = values.shape[0] // _BLOCK, values.shape[1] // _BLOCK
    cells = np.asarray(values).reshape(rows, _BLOCK, cols, _BLOCK)
    return cells.transpose(0, 1, 3, 2).reshape(rows, _BLOCK * _BLOCK, cols)


def block_mode(scl: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the commonest class of each 3 x 3 block, from the upper left pixel on.

    Products of the ground segment follow this rule; of equally common classes the centre pixel's wins, otherwise the
    lowest code.

    Args:
        scl: ``[rows, cols]`` classes 0..11, size divisible by 3.
    """
    blocks = _blocks(scl)
    centre = blocks[:, 4, :]
    best = np.zeros(centre.shape, np.uint8)
    most = np.zeros(centre.shape, np.uint8)
    for code in range(_CLASSES):
        number = (blocks == code).sum(axis=1, dtype=np.uint8)
        rank = 2 * number + (centre == code)
        better = rank > most
        best[better], most[better] = code, rank[better]
    return best


def block_all(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 1 where all pixels of a 3 x 3 block are 1, else 0: a coarse pixel is only as good as its worst part."""
    return np.asarray(_blocks(mask).min(axis=1))


def block_mean(values: NDArray[Any], scl: NDArray[np.uint8], mode: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the rounded mean of the valid pixels of each 3 x 3 block.

    Args:
        values: ``[rows, cols]`` unsigned integers at 20 m.
        scl: scene classification at 20 m; pixels of class 0 are left out.
        mode: its commonest class per block; blocks of class 0 become 0.

    Returns:
        ``[rows/3, cols/3]`` of the type of ``values``: ``floor(mean + 0.5)``.
    """
    result = np.empty(mode.shape, values.dtype)
    for rows in strips(values.shape[0]):
        blocks = slice(rows.start // _BLOCK, rows.stop // _BLOCK)
        valid = np.asarray(scl[rows]) != 0
        number, total = _block_sum(valid), _block_sum(values[rows] * valid)
        mean = (2 * total + number) // np.maximum(2 * number, 1)
        result[blocks] = np.where(mode[blocks] > 0, mean, 0)
    return result


def _block_sum(values: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the sums of 3 x 3 blocks of numbers of up to 16 bits: the mean is exact to a fraction of a count."""
    return np.asarray(np.rint(shrink(values, _BLOCK) * (_BLOCK * _BLOCK)), np.uint32)


def double(values: NDArray[Any], out: RowSink) -> None:
    """Fill ``out`` ``[2 rows, 2 cols]`` with each pixel of ``values`` ``[rows, cols]`` four times."""
    for rows in strips(values.shape[0]):
        out[2 * rows.start : 2 * rows.stop] = repeated(values[rows], 2)
