"""The coarse grid on which the atmosphere is evaluated, and the way to and from the pixels.

The atmosphere changes over hundreds of metres, the ground over metres. The radiative-transfer terms are therefore
evaluated on nodes (600 m apart by default) and brought to the pixels by bilinear interpolation, a row strip at a time.
Node ``(0, 0)`` lies on the tile's upper left corner; the last node of an axis lies on or beyond the opposite edge, so
that no pixel is ever extrapolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


class RowSource(Protocol):
    """A two-dimensional array of which row strips are asked for: in memory, mapped, or read when needed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        """Return rows."""


class RowSink(Protocol):
    """What row strips are written to: an array, or a file."""

    def __setitem__(self, rows: slice, values: NDArray[Any], /) -> None:
        """Write rows."""


STEP_M = 600.0
"""Distance of the nodes: an even number of pixels at 10, 20 and 60 m."""


@dataclass(frozen=True)
class CoarseGrid:
    """Nodes over a tile.

    Attributes:
        height_m, width_m: extent of the tile [m].
        step_m: distance of the nodes [m]; an even multiple of every pixel size it is used with.
    """

    height_m: float
    width_m: float
    step_m: float = STEP_M

    @property
    def shape(self) -> tuple[int, int]:
        """Nodes along y and x."""
        return math.ceil(self.height_m / self.step_m) + 1, math.ceil(self.width_m / self.step_m) + 1

    def positions(self) -> tuple[Float32, Float32]:
        """Return the distances ``[ny]`` and ``[nx]`` of the nodes from the upper left corner [m]."""
        ny, nx = self.shape
        return (np.arange(ny) * self.step_m).astype(np.float32), (np.arange(nx) * self.step_m).astype(np.float32)

    def pixels_per_step(self, resolution: int) -> int:
        """Return how many pixels lie between two nodes.

        Raises:
            ValueError: it is not an even whole number.
        """
        pixels = int(self.step_m // resolution)
        if pixels * resolution != self.step_m or pixels % 2:
            raise ValueError(f"nodes {self.step_m} m apart do not suit pixels of {resolution} m")
        return pixels

    def upsample(self, field: Float32, resolution: int, rows: slice, cols: int) -> Float32:
        """Return a node field at the pixel centres of a row strip, by bilinear interpolation.

        Args:
            field: ``[ny, nx]`` float32 at the nodes.
            resolution: pixel size [m].
            rows: the strip's rows of the full raster (start and stop set).
            cols: columns of the full raster.

        Returns:
            ``[rows, cols]`` float32.
        """
        pixels = self.pixels_per_step(resolution)
        half = pixels // 2  # nodes lie on the corners of their pixels, not in the middle of a cell
        shifted = slice(rows.start + half, rows.stop + half)
        return _resized(field, pixels, shifted)[:, half : half + cols]

    def area_mean(self, values: NDArray[Any], valid: NDArray[np.bool_], resolution: int) -> Float32:
        """Return the mean of the valid pixels within half a step of each node.

        Args:
            values: ``[rows, cols]`` map at ``resolution``.
            valid: ``[rows, cols]`` pixels that count.
            resolution: pixel size [m].

        Returns:
            ``[ny, nx]`` float32; nodes without a valid pixel take the mean of all valid pixels (NaN if there are none).
        """
        half = self.pixels_per_step(resolution) // 2
        ny, nx = self.shape
        sums = np.zeros((2 * ny, 2 * nx), np.float64)
        counts = np.zeros((2 * ny, 2 * nx), np.float64)
        starts = np.arange(0, values.shape[1], half)
        for block, row in enumerate(range(0, values.shape[0], half)):
            inside = valid[row : row + half]
            column_sums = np.sum(values[row : row + half], axis=0, where=inside, dtype=np.float64)
            sums[block + 1, 1 : starts.size + 1] = np.add.reduceat(column_sums, starts)
            counts[block + 1, 1 : starts.size + 1] = np.add.reduceat(inside.sum(axis=0), starts)
        total, number = _sum_2x2(sums), _sum_2x2(counts)
        overall = total.sum() / number.sum() if number.sum() else np.nan
        return np.where(number > 0, total / np.maximum(number, 1), overall).astype(np.float32)


def _sum_2x2(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of the four half-step blocks round each node."""
    ny, nx = blocks.shape[0] // 2, blocks.shape[1] // 2
    return np.asarray(blocks.reshape(ny, 2, nx, 2).sum(axis=(1, 3)))


def _resized(field: Float32, factor: int, rows: slice) -> Float32:
    """Return rows of a raster at ``factor`` times finer pixels, bilinear between the centres of its cells."""
    first = max(rows.start // factor - 1, 0)
    last = min(-(-rows.stop // factor) + 1, field.shape[0])
    size = (field.shape[1] * factor, (last - first) * factor)
    fine = cv2.resize(field[first:last], size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine[rows.start - first * factor : rows.stop - first * factor], np.float32)


def enlarge(field: Float32, factor: int, rows: slice, cols: int) -> Float32:
    """Return a raster at ``factor`` times finer pixels, bilinear between pixel centres, one row strip at a time.

    Args:
        field: ``[ny, nx]`` float32; pixel ``(i, j)`` covers ``factor x factor`` fine pixels.
        factor: whole number >= 1.
        rows: the strip's rows of the fine raster.
        cols: columns of the fine raster, ``<= nx * factor``.

    Returns:
        ``[rows, cols]`` float32, to be written to; beyond the outermost centres the edge value is kept.
    """
    if factor == 1:
        return np.array(field[rows, :cols], dtype=np.float32)
    return _resized(field, factor, rows)[:, :cols]


def shrink(values: NDArray[Any], factor: int) -> Float32:
    """Return the means of ``factor x factor`` blocks as float32; the size must be divisible by ``factor``."""
    if factor == 1:
        return np.asarray(values, dtype=np.float32)
    size = (values.shape[1] // factor, values.shape[0] // factor)
    return np.asarray(cv2.resize(np.asarray(values, np.float32), size, interpolation=cv2.INTER_AREA), np.float32)


def repeated(values: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return a raster with each pixel ``factor x factor`` times."""
    if factor == 1:
        return values
    size = (values.shape[1] * factor, values.shape[0] * factor)
    kind = np.uint8 if values.dtype == np.bool_ else values.dtype
    fine = cv2.resize(np.ascontiguousarray(values).view(kind), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(fine.view(values.dtype))


STRIP_ROWS = 60
"""Rows of a strip: few, so that the arrays of one strip stay in the processor's cache."""


def strips(rows: int, height: int = STRIP_ROWS) -> list[slice]:
    """Return the row strips of a raster; the height is a multiple of 6, so strips hold whole 60 m blocks."""
    return [slice(start, min(start + height, rows)) for start in range(0, rows, height)]
