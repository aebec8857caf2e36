"""Neighbourhoods on class maps: growing masks, blobs and their rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.classification.indices import FloatArray

BoolArray = NDArray[np.bool_]

RING_CLOUD_SHARE: Final = 0.35
RING_ROWS: Final = 256
GROW_ROWS: Final = 512


def grow_diamond(mask: BoolArray, radius: int) -> BoolArray:
    """Return ``mask`` dilated by the 4-connected cross ``radius`` times; nothing comes in from outside the array."""
    if radius <= 0:
        return mask
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return cv2.dilate(mask.view(np.uint8), cross, iterations=radius).astype(np.bool_)


def grow(mask: BoolArray, radius: float) -> BoolArray:
    """Return everything within ``radius`` pixels of ``mask``, centre to centre (Euclidean distance, exact)."""
    if radius < 1:
        return mask
    grown, halo = mask.copy(), int(radius) + 1
    for first in range(0, mask.shape[0], GROW_ROWS):
        start = max(first - halo, 0)
        piece = mask[start : first + GROW_ROWS + halo]
        if piece.any():
            outside = np.logical_not(piece).view(np.uint8)
            distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            inner = distance[first - start : first - start + GROW_ROWS]
            grown[first : first + GROW_ROWS] = inner <= np.float32(radius)
    return grown


def local_mean(values: FloatArray, size: int) -> FloatArray:
    """Return the mean of each ``size`` x ``size`` window, mirrored at the edges."""
    # Not cv2.blur: its running sums depend on the row where a strip begins.
    weights = np.full(size, 1.0 / size, np.float32)
    return np.asarray(cv2.sepFilter2D(values, cv2.CV_32F, weights, weights, borderType=cv2.BORDER_REFLECT), np.float32)


def local_variance(values: FloatArray, size: int) -> FloatArray:
    """Return the variance within each ``size`` x ``size`` window, not below 0."""
    mean = local_mean(values, size)
    spread = local_mean(values * values, size) - mean * mean
    return np.asarray(np.maximum(spread, 0), np.float32)


@dataclass(frozen=True, eq=False)
class Blobs:
    """Connected pixels: their number + 1, the label of each pixel (0: none) and the pixels of each label."""

    number: int
    labels: NDArray[np.int32]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, mask: BoolArray, connectivity: int) -> Blobs:
        """Label a mask, 4- or 8-connected."""
        number, labels, statistics, _ = cv2.connectedComponentsWithStats(
            np.ascontiguousarray(mask).view(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S
        )
        sizes = np.asarray(statistics[:, cv2.CC_STAT_AREA], np.int64)
        return cls(number, np.asarray(labels, np.int32), sizes)

    def ring(self, surroundings: BoolArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each label the pixels of the ring round it, and how many of these lie in ``surroundings``.

        The ring of a blob is what the 3 x 3 grey dilation of the labels adds to it: where two blobs meet, the pixel
        belongs to the one with the higher label.
        """
        around, covered = np.zeros((2, self.number), np.int64)
        for first in range(0, self.labels.shape[0], RING_ROWS):
            start, stop = max(first - 1, 0), first + RING_ROWS + 1
            labels = self.labels[start:stop]
            if not labels.any():
                continue
            inner = slice(first - start, first - start + RING_ROWS)
            ring = dilated_labels(labels)[inner]
            ring[labels[inner] > 0] = 0
            touched = ring > 0
            around += np.bincount(ring[touched], minlength=self.number)
            covered += np.bincount(ring[touched & surroundings[first : first + RING_ROWS]], minlength=self.number)
        return around, covered


def dilated_labels(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the greatest label in each 3 x 3 window."""
    widened = labels.copy()
    for axis in (0, 1):
        before = widened.copy()
        low, high = [slice(None)] * 2, [slice(None)] * 2
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        np.maximum(widened[tuple(high)], before[tuple(low)], out=widened[tuple(high)])
        np.maximum(widened[tuple(low)], before[tuple(high)], out=widened[tuple(low)])
    return widened


def blobs_clear_of(candidates: BoolArray, surroundings: BoolArray, share: float = RING_CLOUD_SHARE) -> BoolArray:
    """Return those 4-connected blobs of ``candidates`` whose ring holds no more than ``share`` of ``surroundings``.

    Source: Sen2Cor 2.8 sources, recovery of urban and bare pixels.
    """
    if not candidates.any():
        return candidates
    blobs = Blobs.of(candidates, 4)
    around, covered = blobs.ring(surroundings)
    clear = covered <= share * around
    clear[0] = False
    return np.asarray(clear[blobs.labels])
