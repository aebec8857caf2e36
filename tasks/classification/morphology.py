"""Neighbourhoods on class maps: growing masks, blobs and their rings."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.classification.indices import FloatArray

BoolArray = NDArray[np.bool_]

RING_CLOUD_SHARE: Final = 0.35


def grow_diamond(mask: BoolArray, radius: int) -> BoolArray:
    """Return ``mask`` dilated by the 4-connected cross ``radius`` times; nothing comes in from outside the array."""
    if radius <= 0:
        return mask
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return cv2.dilate(mask.view(np.uint8), cross, iterations=radius).astype(np.bool_)


def grow(mask: BoolArray, radius: float) -> BoolArray:
    """Return everything within ``radius`` pixels of ``mask``, centre to centre (Euclidean distance, exact)."""
    if radius < 1 or not mask.any():
        return mask
    outside = np.logical_not(mask).view(np.uint8)
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= np.float32(radius))


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


def blobs_clear_of(candidates: BoolArray, surroundings: BoolArray, share: float = RING_CLOUD_SHARE) -> BoolArray:
    """Return those 4-connected blobs of ``candidates`` whose ring holds no more than ``share`` of ``surroundings``.

    The ring of a blob is what the 3 x 3 grey dilation of the labels adds to it: where two blobs meet, the pixel belongs
    to the one with the higher label.

    Source: Sen2Cor 2.8 sources, recovery of urban and bare pixels.
    """
    if not candidates.any():
        return candidates
    number, found = cv2.connectedComponents(candidates.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    labels: NDArray[np.int32] = np.asarray(found, np.int32)
    ring = ring_of_labels(labels)
    around = np.bincount(ring.ravel(), minlength=number)
    covered = np.bincount(ring[surroundings], minlength=number)
    clear = covered <= share * around
    clear[0] = False
    return np.asarray(clear[labels])


def ring_of_labels(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the label of the blob next to each pixel outside the blobs (the greatest in its 3 x 3 window), else 0."""
    widened = labels.copy()
    for axis in (0, 1):
        before = widened.copy()
        low, high = [slice(None)] * 2, [slice(None)] * 2
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        np.maximum(widened[tuple(high)], before[tuple(low)], out=widened[tuple(high)])
        np.maximum(widened[tuple(low)], before[tuple(high)], out=widened[tuple(low)])
    widened[labels > 0] = 0
    return widened
