"""Joins pieces of elevation models with different sample spacing into one grid without seams. Pure.

Copernicus and DTED cells widen their longitude spacing towards the poles (1 to 10 arc seconds), so a tile may lie on
two spacings. Pieces of one spacing are pasted sample by sample; pieces of several are joined by bilinear weights that
run across the border: a point between the last row of one piece and the first row of the next gets both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_SMALLEST_WEIGHT: Final = 1.0e-3
_STRIP_ROWS: Final = 512


@dataclass(frozen=True)
class Lattice:
    """A north-up grid of samples in longitude and latitude [degree]; ``west`` and ``north`` are sample centres."""

    west: float
    north: float
    dx: float
    dy: float
    rows: int
    cols: int

    @classmethod
    def covering(
        cls, west: float, south: float, east: float, north: float, phase: Lattice, dx: float | None = None
    ) -> Lattice:
        """Return the smallest lattice in step with ``phase`` whose samples enclose a box.

        Args:
            west, south, east, north: the box [degree].
            phase: gives the spacing and the position of the samples.
            dx: another longitude spacing than that of ``phase``.
        """
        step = phase.dx if dx is None else dx
        first_col = np.floor((west - phase.west) / step)
        last_col = np.ceil((east - phase.west) / step)
        first_row = np.floor((phase.north - north) / phase.dy)
        last_row = np.ceil((phase.north - south) / phase.dy)
        return cls(
            west=float(phase.west + first_col * step),
            north=float(phase.north - first_row * phase.dy),
            dx=step,
            dy=phase.dy,
            rows=int(last_row - first_row) + 1,
            cols=int(last_col - first_col) + 1,
        )

    def offset_of(self, other: Lattice) -> tuple[float, float]:
        """Return the row and column of this lattice at which the first sample of another lies."""
        return (self.north - other.north) / self.dy, (other.west - self.west) / self.dx

    def in_step_with(self, other: Lattice) -> bool:
        """Tell whether the samples of both fall on each other (to a hundredth of the spacing)."""
        extent = max(self.rows, self.cols, other.rows, other.cols)
        if abs(self.dx / other.dx - 1.0) * extent > 0.01 or abs(self.dy / other.dy - 1.0) * extent > 0.01:
            return False
        return all(abs(shift - round(shift)) < 0.01 for shift in self.offset_of(other))


@dataclass(frozen=True, eq=False)
class Piece:
    """Heights ``[rows, cols]`` float32 [m] on a lattice; NaN where there is none."""

    lattice: Lattice
    heights: NDArray[np.float32]


def join(pieces: Sequence[Piece], target: Lattice) -> NDArray[np.float32]:
    """Return all pieces on one lattice.

    Args:
        pieces: in falling priority where they overlap and are in step with each other.
        target: the lattice wanted.

    Returns:
        ``[rows, cols]`` float32 heights [m], NaN where no piece has a sample within one spacing.
    """
    groups: list[tuple[Lattice, list[Piece]]] = []
    for piece in pieces:
        for lattice, members in groups:
            if lattice.in_step_with(piece.lattice):
                members.append(piece)
                break
        else:
            groups.append((piece.lattice, [piece]))
    if len(groups) == 1 and groups[0][0].in_step_with(target):
        return _paste(groups[0][1], target)
    groups.sort(key=lambda group: (group[0].dx * group[0].dy, group[0].dx))
    heights = np.empty((target.rows, target.cols), np.float32)
    for top in range(0, target.rows, _STRIP_ROWS):
        rows = min(_STRIP_ROWS, target.rows - top)
        heights[top : top + rows] = _blended(groups, replace(target, north=target.north - top * target.dy, rows=rows))
    return heights


def _blended(groups: Sequence[tuple[Lattice, list[Piece]]], target: Lattice) -> NDArray[np.float32]:
    """Return groups of pieces, the finest first, joined on one lattice."""
    heights = np.zeros((target.rows, target.cols), np.float32)
    weights = np.zeros((target.rows, target.cols), np.float32)
    for lattice, members in groups:
        native = Lattice.covering(
            target.west,
            target.north - (target.rows - 1) * target.dy,
            target.west + (target.cols - 1) * target.dx,
            target.north,
            lattice,
        )
        _add_bilinear(_paste(members, native), native, target, heights, weights)
    found = weights > _SMALLEST_WEIGHT
    heights[found] /= weights[found]
    heights[~found] = np.nan
    return heights


def _paste(pieces: Sequence[Piece], target: Lattice) -> NDArray[np.float32]:
    """Copy pieces in step with the target sample by sample; the first piece that has a sample wins."""
    result = np.full((target.rows, target.cols), np.nan, np.float32)
    for piece in pieces:
        row, col = (round(shift) for shift in target.offset_of(piece.lattice))
        rows = slice(max(row, 0), min(row + piece.lattice.rows, target.rows))
        cols = slice(max(col, 0), min(col + piece.lattice.cols, target.cols))
        if rows.start >= rows.stop or cols.start >= cols.stop:
            continue
        into = result[rows, cols]
        source = piece.heights[rows.start - row : rows.stop - row, cols.start - col : cols.stop - col]
        np.copyto(into, source, where=np.isnan(into))
    return result


def _add_bilinear(
    native: NDArray[np.float32],
    lattice: Lattice,
    target: Lattice,
    heights: NDArray[np.float32],
    weights: NDArray[np.float32],
) -> None:
    """Add the bilinear sums of weight x height and of weight to the target's arrays, up to a weight of 1."""
    row0, col0 = lattice.offset_of(target)
    valid = np.isfinite(native)
    parts = []
    for source in (valid.astype(np.float32), np.where(valid, native, np.float32(0))):
        lines = _interpolate(source, row0 + np.arange(target.rows) * (target.dy / lattice.dy))
        parts.append(_interpolate(lines.T, col0 + np.arange(target.cols) * (target.dx / lattice.dx)).T)
    weight, height = parts
    # What finer pieces cover fully is theirs: a wide coarse sample must not reach into them.
    share = np.clip(1.0 - weights, 0.0, weight) / np.maximum(weight, _SMALLEST_WEIGHT)
    weights += weight * share
    heights += height * share


def _interpolate(values: NDArray[np.float32], positions: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Interpolate linearly along the first axis; positions outside count as the edge."""
    last = values.shape[0] - 1
    positions = np.clip(positions, 0, last)
    low = np.minimum(positions.astype(np.int64), max(last - 1, 0))
    share = (positions - low).astype(np.float32)[:, None]
    high = np.minimum(low + 1, last)
    result: NDArray[np.float32] = values[low] * (1 - share) + values[high] * share
    return result
