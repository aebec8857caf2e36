"""Which pixels make up the surroundings of the adjacency correction, and their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import Float32, RowSource, repeated, shrink, strips
from tasks.surface_reflectance.environment import Environment, environment_of

Kernel = Literal["ENVIRONMENT", "BOX"]

CLOUD_CLASSES = (8, 9, 10)
CLEAR_CLASSES = (4, 5, 6)
GRID_M = 60
"""Pixel size of the raster on which the surroundings are averaged: it divides every Sentinel-2 tile and crop."""

_CLOUD_SHARE_REPLACED = 0.01
_CLOUD_SHARE_SKIPPED = 0.95


def class_mask(scl: NDArray[np.uint8], classes: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where the scene classification is one of ``classes``."""
    table = np.zeros(256, np.uint8)
    table[list(classes)] = 1
    return np.asarray(cv2.LUT(np.ascontiguousarray(scl), table)).view(np.bool_)


def class_counts(scl: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the number of pixels ``[256]`` of each class."""
    total = np.zeros(256, np.int64)
    for rows in strips(scl.shape[0]):
        total += np.bincount(np.asarray(scl[rows]).ravel(), minlength=256)
    return total


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Weights of the 60 m blocks, from the scene classification at 20 or 60 m.

    Attributes:
        used: ``[rows, cols]`` pixels of the classification whose reflectance is averaged.
        used_share, replaced_share, clear_share: ``[rows60, cols60]`` share of each block's pixels that is averaged,
            that is replaced by the clear mean (clouds), and that is clear and of the classes 4, 5, 6.
        half_width: half-width of the box in 60 m blocks.
        environment: weights of the surroundings after 6S; None for the box.
    """

    used: NDArray[np.bool_]
    used_share: Float32
    replaced_share: Float32
    clear_share: Float32
    half_width: int
    environment: Environment | None = None


def describe_surroundings(
    scl: NDArray[np.uint8], adj_km: float, map_resolution: int = 20, kernel: Kernel = "BOX"
) -> Surroundings | None:
    """Return the surroundings of a tile, or None when neighbourhood effects are not to be corrected.

    Clouds (classes 8, 9, 10) are replaced by the mean of clear pixels when they exceed 1 % of the valid pixels, and the
    correction is left out when clouds are more than 95 % of clouds and clear pixels (Sen2Cor 3 sources, AtmCorr).

    Args:
        scl: ``[rows, cols]`` scene classification; at 20 m its size is divisible by 3.
        adj_km: half-width of the box, or factor on the lengths of the environment functions [km]; 0 switches the
            correction off.
        map_resolution: pixel size of the classification [m].
        kernel: how the surroundings are weighed.
    """
    if adj_km <= 0:
        return None
    counts = class_counts(scl)
    cloud, clear = int(counts[list(CLOUD_CLASSES)].sum()), int(counts[list(CLEAR_CLASSES)].sum())
    valid = int(counts[1:].sum())
    if clear == 0 or cloud > _CLOUD_SHARE_SKIPPED * (cloud + clear):
        return None
    clouds = class_mask(scl, CLOUD_CLASSES) if cloud > _CLOUD_SHARE_REPLACED * valid else np.zeros(scl.shape, np.bool_)
    used = (np.asarray(scl) != 0) & ~clouds
    factor = GRID_M // map_resolution
    used_share, replaced_share = shrink(used, factor), shrink(clouds, factor)
    return Surroundings(
        used=used,
        used_share=used_share,
        replaced_share=replaced_share,
        clear_share=shrink(class_mask(scl, CLEAR_CLASSES), factor),
        half_width=max(1, round(adj_km * 1000.0 / GRID_M)),
        environment=environment_of(used_share + replaced_share, adj_km) if kernel == "ENVIRONMENT" else None,
    )


def block_means(dn: NDArray[np.uint16] | RowSource, used: NDArray[np.bool_], resolution: int) -> Float32:
    """Return the mean DN of the used pixels of each 60 m block (0 where there are none).

    Args:
        dn: ``[rows, cols]`` Level-1C counts at 10, 20 or 60 m; 0 = no-data, left out.
        used: pixels that count, of the same or twice the size.
        resolution: 10, 20 or 60 [m].
    """
    factor, repeat = GRID_M // resolution, dn.shape[0] // used.shape[0]
    result = np.empty((dn.shape[0] // factor, dn.shape[1] // factor), np.float32)
    for rows in strips(dn.shape[0]):
        blocks = slice(rows.start // factor, rows.stop // factor)
        mask = used[rows.start // repeat : rows.stop // repeat]
        if not mask.any():
            result[blocks] = 0
            continue
        values = np.asarray(dn[rows])
        if mask.all() and values.min() > 0:
            result[blocks] = shrink(values, factor)
            continue
        mask = repeated(mask, repeat) & (values != 0)
        result[blocks] = shrink(values * mask, factor) / np.maximum(shrink(mask, factor), 1e-6)
    return result


def surroundings_mean(y: Float32, surroundings: Surroundings, molecular_share: Float32) -> Float32:
    """Return the mean of ``y`` over the surroundings of each 60 m block: the first of :func:`near_and_wide_mean`."""
    return near_and_wide_mean(y, surroundings, molecular_share)[0]


def near_and_wide_mean(y: Float32, surroundings: Surroundings, molecular_share: Float32) -> tuple[Float32, Float32]:
    """Return the mean of ``y`` over the surroundings of each 60 m block, and over what sends light back to it.

    No-data has no weight (the mean is normalised by the weights in reach); clouds count with the clear mean; a block
    without any valid pixel in reach takes the clear mean. The box makes no difference between the two means.

    Args:
        y: ``[rows60, cols60]`` float32 mean of the used pixels of each block.
        surroundings: the weights.
        molecular_share: ``[rows60, cols60]`` share of the scattered light that is due to molecules.
    """
    clear = surroundings.clear_share * (surroundings.used_share > 0)
    clear_mean = float(np.sum(y * clear, dtype=np.float64) / max(float(clear.sum(dtype=np.float64)), 1e-9))
    weighted = y * surroundings.used_share + np.float32(clear_mean) * surroundings.replaced_share
    if surroundings.environment is not None:
        return surroundings.environment.mean(weighted, molecular_share, clear_mean)
    mean = _box_mean(weighted, surroundings, clear_mean)
    return mean, mean


def _box_mean(weighted: Float32, surroundings: Surroundings, clear_mean: float) -> Float32:
    """Return the mean over the box round each block (Sen2Cor)."""
    size = 2 * surroundings.half_width + 1

    def box(field: Float32) -> NDArray[Any]:
        return np.asarray(
            cv2.boxFilter(field, cv2.CV_64F, (size, size), normalize=False, borderType=cv2.BORDER_CONSTANT)
        )

    weights = box(surroundings.used_share + surroundings.replaced_share)
    sums = box(weighted)
    tiny = 1e-4
    return np.where(weights > tiny, sums / np.maximum(weights, tiny), clear_mean).astype(np.float32)
