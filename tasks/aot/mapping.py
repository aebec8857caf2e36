"""From the AOT of the targets to the AOT map: gaps, smoothing, limits, counts."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.aot.inversion import LARGEST_AOT, SMALLEST_AOT
from tasks.surface_reflectance.coarse import Float32, enlarge, shrink, strips
from tasks.surface_reflectance.neighbourhood import GRID_M

_FILL_CELL = 10
"""Blocks of 60 m along the side of a cell of the gap filling."""
_FILL_SIGMAS_M = (5000.0, 1500.0)
_PRIOR_WEIGHT = 0.002
"""Weight of the estimate of the wider scale in a gap, against the share of solved blocks near it."""


def fill_gaps(aot550: Float32, solved: NDArray[np.bool_], mean: float) -> Float32:
    """Return the map with its gaps filled by the solved blocks near them.

    Each gap takes the Gaussian mean of the solved blocks (standard deviation 1.5 km), drawn to that of a wider Gaussian
    (5 km) where these are few, and that to the scene's mean where there are none. Sen2Cor takes the scene's mean
    everywhere, which puts steps into scenes whose aerosol changes across the tile.

    Args:
        aot550: ``[rows, cols]`` at 60 m.
        solved: ``[rows, cols]`` blocks with a value of their own.
        mean: of the scene.
    """
    factor = _FILL_CELL
    rows, cols = aot550.shape
    padding = ((0, -rows % factor), (0, -cols % factor))
    weight = shrink(np.pad(solved.astype(np.float32), padding), factor)
    total = shrink(np.pad(np.where(solved, aot550, 0).astype(np.float32), padding), factor)

    def spread(field: Float32, sigma_m: float) -> Float32:
        sigma = sigma_m / (GRID_M * factor)
        return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32)

    estimate = np.full(weight.shape, mean, np.float32)
    for sigma_m in _FILL_SIGMAS_M:
        prior = np.float32(_PRIOR_WEIGHT)
        estimate = (spread(total, sigma_m) + prior * estimate) / (spread(weight, sigma_m) + prior)
    return np.where(solved, aot550, enlarge(estimate, factor, slice(0, rows), cols)).astype(np.float32)


def smooth_map(aot550: Float32, valid: NDArray[np.bool_], window_km: float) -> Float32:
    """Return the map after a Gaussian filter with weights normalised to the valid pixels.

    Args:
        aot550: ``[rows, cols]`` at 60 m, gaps already at the scene's mean.
        valid: ``[rows, cols]`` pixels with data.
        window_km: ``AC_Ddv_Smooting_Window``: size of the filter [km], at least 3 pixels; 0 switches it off.
    """
    if window_km <= 0:
        return aot550
    size = max(3, 2 * int(window_km * 1000 / GRID_M / 2) + 1)
    weight = valid.astype(np.float32)

    def blur(field: Float32) -> Float32:
        return np.asarray(cv2.GaussianBlur(field, (size, size), 0, borderType=cv2.BORDER_REFLECT_101), np.float32)

    number = blur(weight)
    return np.where(number > 1e-3, blur(aot550 * weight) / np.maximum(number, 1e-3), aot550).astype(np.float32)


def write_map(aot550: Float32, scl: NDArray[np.uint8], out: NDArray[Any]) -> None:
    """Fill ``out`` with the AOT map: ``floor(1000 AOT + 0.5)``, AOT limited to 0.01..1.5; 0 = no-data.

    Args:
        aot550: ``[rows60, cols60]`` at 60 m.
        scl: ``[rows, cols]`` scene classification at 20 or 60 m; 0 = no-data.
        out: ``[rows, cols]`` uint16.
    """
    factor = scl.shape[0] // aot550.shape[0]
    for rows in strips(scl.shape[0]):
        strip = np.clip(enlarge(aot550, factor, rows, scl.shape[1]), SMALLEST_AOT, LARGEST_AOT)
        strip[np.asarray(scl[rows]) == 0] = 0
        out[rows] = (strip * 1000 + 0.5).astype(np.uint16)
