"""Which slopes a slope has in view, and the mean light that leaves them.

The light from a surface element at the horizontal direction ``u`` and distance ``r`` is weighted with the cosines at
both ends over ``r`` squared, the form factor of two diffuse surfaces (Proy et al. 1989,
doi:10.1016/0034-4257(89)90058-9). Elements are sampled on cells of 120 m in eight directions, on rings whose radius and
width grow by the same factor, so that the area of an element cancels ``r`` squared. Ground that is turned away does not
count; ground that is hidden behind nearer ground is not told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import Float32, enlarge, shrink

_BLOCKS: Final = 2
_CELL_KM: Final = 0.12
_RING_FACTOR: Final = 1.7
_REACH: Final = 3.0
"""Largest distance over ``AC_Rng_Nbhd_Terrain_Corr``, which is half of a box's side in Sen2Cor."""
_DIRECTIONS: Final = 8
_STEPS_PER_UNIT: Final = 1000.0
"""The weight of two slopes of 27 degrees that face each other is 0.25."""


@dataclass(frozen=True, eq=False)
class Facing:
    """The weights of what each cell of 120 m has in view.

    Attributes:
        shape: of the raster of 60 m blocks.
        offsets: rows and columns to the ground in view.
        weights: ``[n, rows, cols]`` uint8, per offset.
        inverse_sum: ``[rows, cols]`` 1 over their sum; 0 where nothing is in view.
        half_width: of the box whose mean stands in where nothing is in view, or what is in view is unknown [cells].
    """

    shape: tuple[int, int]
    offsets: tuple[tuple[int, int], ...]
    weights: NDArray[np.uint8]
    inverse_sum: Float32
    half_width: int

    def mean(self, values: Float32, weight: Float32) -> Float32:
        """Return the mean over the ground in view of each block ``[rows60, cols60]``.

        Args:
            values: ``[rows60, cols60]``.
            weight: ``[rows60, cols60]`` share of each block that is known.
        """
        known = shrink(_even(weight), _BLOCKS)
        sums = shrink(_even(values * weight), _BLOCKS)
        inside = self._box(known)
        overall = float(sums.sum(dtype=np.float64)) / max(float(known.sum(dtype=np.float64)), 1e-9)
        around = np.where(inside > 0.5, self._box(sums) / np.maximum(inside, np.float32(0.5)), np.float32(overall))
        filled = sums + (np.float32(1.0) - known) * around
        total = np.zeros_like(filled)
        for (down, right), share in zip(self.offsets, self.weights, strict=True):
            here, there = _overlap(filled.shape, down, right)
            total[here] += np.multiply(share[here], filled[there], dtype=np.float32)
        total *= self.inverse_sum
        total[self.inverse_sum == 0] = around[self.inverse_sum == 0]
        return enlarge(total, _BLOCKS, slice(0, self.shape[0]), self.shape[1])

    def _box(self, field: Float32) -> Float32:
        size = (2 * self.half_width + 1, 2 * self.half_width + 1)
        total = cv2.boxFilter(field, cv2.CV_32F, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(total, np.float32)


def facing_of(height_km: Float32, range_km: float) -> Facing:
    """Return what the cells of a terrain have in view.

    Args:
        height_km: ``[rows60, cols60]``.
        range_km: a third of the largest distance.
    """
    height = shrink(_even(height_km, "edge"), _BLOCKS)
    rim = np.pad(height, 1, mode="edge")
    north, east = (rim[:-2, 1:-1] - rim[2:, 1:-1]), (rim[1:-1, 2:] - rim[1:-1, :-2])
    for part in (north, east):
        part *= np.float32(0.5 / _CELL_KM)
    offsets = _offsets(_REACH * range_km / _CELL_KM, height.shape)
    weights = np.zeros((len(offsets), *height.shape), np.uint8)
    total = np.zeros(height.shape, np.float32)
    for number, (down, right) in enumerate(offsets):
        here, there = _overlap(height.shape, down, right)
        distance = float(np.hypot(down, right))
        to_north, to_east = -down / distance, right / distance
        climb = (height[there] - height[here]) / np.float32(distance * _CELL_KM)
        received = climb - (to_north * north[here] + to_east * east[here])
        sent = to_north * north[there] + to_east * east[there] - climb
        share = np.maximum(received, 0.0) * np.maximum(sent, 0.0) / (1.0 + climb * climb) ** 2
        weights[number][here] = np.rint(np.minimum(share * np.float32(_STEPS_PER_UNIT), 255.0))
        total += weights[number]
    inverse = np.where(total > 0, 1.0 / np.maximum(total, 1.0), 0.0).astype(np.float32)
    half_width = max(1, round(range_km / _CELL_KM))
    return Facing((height_km.shape[0], height_km.shape[1]), offsets, weights, inverse, half_width)


def _offsets(farthest: float, shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return the offsets of the samples [cells]: rings 1, 1.7, 2.9 ... away, every other turned by half a step.

    Offsets as large as the scene are left out.
    """
    found: list[tuple[int, int]] = []
    radius, turn = 1.0, 0.0
    while radius <= max(farthest, 1.0):
        for angle in (np.arange(_DIRECTIONS) + turn) * (2.0 * np.pi / _DIRECTIONS):
            offset = (round(-radius * float(np.cos(angle))), round(radius * float(np.sin(angle))))
            if offset not in found and abs(offset[0]) < shape[0] and abs(offset[1]) < shape[1]:
                found.append(offset)
        radius, turn = radius * _RING_FACTOR, 0.5 - turn
    return tuple(found)


def _overlap(shape: tuple[int, ...], down: int, right: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the places whose neighbour at an offset lies in the raster, and the neighbours."""
    here = tuple(slice(max(0, -step), size - max(0, step)) for step, size in zip((down, right), shape, strict=True))
    there = tuple(slice(max(0, step), size - max(0, -step)) for step, size in zip((down, right), shape, strict=True))
    return (here[0], here[1]), (there[0], there[1])


def _even(field: Float32, mode: Any = "constant") -> Float32:
    """Return the field with a row and a column added where their number is odd."""
    rows, cols = (-length % _BLOCKS for length in field.shape)
    return field if rows == cols == 0 else np.pad(field, ((0, rows), (0, cols)), mode=mode)
