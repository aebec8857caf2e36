"""From the columns retrieved at 60 m to the water vapour map at 20 m (or 60 m)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.aot.mapping import fill_gaps
from tasks.surface_reflectance.absorption_band import SCALE_HEIGHT_KM
from tasks.surface_reflectance.coarse import Float32, enlarge, shrink, strips
from tasks.surface_reflectance.neighbourhood import class_mask
from tasks.water_vapour.apda import LARGEST_COLUMN_CM, SMALLEST_COLUMN_CM

LAND_CLASSES = (4, 5, 11)
"""Classes whose column is retrieved: vegetation, not vegetated, snow and ice (Sen2Cor 3 sources, AtmCorr)."""
ALL_CLASSES = tuple(range(1, 12))

_LAND_SHARE = 0.65
_LONG_M = 240.0


def retrieved_classes(wv_watermask: int) -> tuple[int, ...]:
    """Return the classes whose own column is kept for a ``WV_Watermask`` mode; the others take the mean."""
    return LAND_CLASSES if wv_watermask else ALL_CLASSES


def usable_blocks(
    scl: NDArray[np.uint8], classes: tuple[int, ...], absorption_dn: NDArray[np.uint16]
) -> NDArray[np.bool_]:
    """Return the 60 m pixels that can be retrieved: data everywhere, two thirds of their 20 m pixels of ``classes``.

    Args:
        scl: ``[rows, cols]`` scene classification at 20 or 60 m.
        classes: to be retrieved.
        absorption_dn: ``[rows60, cols60]`` Level-1C counts of B09; 0 = no-data.
    """
    factor = scl.shape[0] // absorption_dn.shape[0]
    land = shrink(class_mask(scl, classes), factor) > _LAND_SHARE
    complete = shrink(np.asarray(scl) == 0, factor) == 0
    return np.asarray(land & complete & (np.asarray(absorption_dn) > 0))


def fill_from_neighbourhood(
    column: Float32,
    retrieved: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    mean_cm: float,
    height_km: Float32 | None,
) -> Float32:
    """Return the columns with those of the wanted pixels that were not retrieved taken from the retrieved ones near by.

    The columns are brought to sea level first, ``U exp(h / 1.95 km)``, and back to the height of the pixel; the nearer
    a retrieved pixel, the more it counts (:func:`tasks.aot.mapping.fill_gaps`). Sen2Cor gives such pixels the mean.

    Args:
        column: ``[rows60, cols60]`` [cm].
        retrieved, wanted: ``[rows60, cols60]``.
        mean_cm: mean of the retrieved columns.
        height_km: ``[rows60, cols60]`` of the ground; None where it is level.
    """
    if height_km is None:
        return np.where(wanted, fill_gaps(column, retrieved, mean_cm), column)
    above = np.exp(-height_km / np.float32(SCALE_HEIGHT_KM)).astype(np.float32)
    at_sea_level = column / above
    mean = float(at_sea_level[retrieved].mean(dtype=np.float64)) if retrieved.any() else mean_cm
    return np.where(wanted, fill_gaps(at_sea_level, retrieved, mean) * above, column).astype(np.float32)


def smooth_columns(column: Float32, valid: NDArray[np.bool_], mean_cm: float, length_m: float) -> Float32:
    """Return the columns with gaps at the mean and, when ``Smooth_WV_Map`` > 0, after a median.

    The window is 3 x 3 pixels of 60 m, as in Sen2Cor 2.10 and later, and 5 x 5 for lengths of 240 m and more.
    """
    filled = np.where(valid, column, np.float32(mean_cm)).astype(np.float32)
    if length_m <= 0:
        return filled
    return np.asarray(cv2.medianBlur(filled, 5 if length_m >= _LONG_M else 3), np.float32)


def line_means(column: Float32, valid: NDArray[np.bool_], mean_cm: float) -> Float32:
    """Return the mean of the retrieved columns of each line ``[rows]``; the overall mean where it has none."""
    number = valid.sum(axis=1)
    total = np.sum(column, axis=1, where=valid, dtype=np.float64)
    return np.where(number > 0, total / np.maximum(number, 1), mean_cm).astype(np.float32)


def write_map(
    column: Float32,
    valid: NDArray[np.bool_],
    mean_cm: float,
    scl: NDArray[np.uint8],
    classes: tuple[int, ...],
    out: NDArray[Any],
    *,
    by_line: bool = False,
) -> None:
    """Fill ``out`` with the water vapour map.

    Args:
        column: ``[rows60, cols60]`` columns at 60 m [cm].
        valid: where they were retrieved.
        mean_cm: mean of the retrieved columns, for all other pixels.
        scl: ``[rows, cols]`` scene classification at 20 or 60 m.
        classes: classes that take the retrieved column.
        out: ``[rows, cols]`` uint16, filled with ``floor(1000 U + 0.5)``; 0 where ``scl`` is 0.
        by_line: whether the other pixels take the mean of their line instead.
    """
    factor = scl.shape[0] // column.shape[0]
    others = line_means(column, valid, mean_cm) if by_line else np.full(column.shape[0], mean_cm, np.float32)
    weight = valid.astype(np.float32)
    weighted = np.where(valid, column, 0).astype(np.float32)
    for rows in strips(scl.shape[0]):
        number = enlarge(weight, factor, rows, scl.shape[1])
        total = enlarge(weighted, factor, rows, scl.shape[1])
        classes_here = np.asarray(scl[rows])
        own = class_mask(classes_here, classes) & (number > 0.05)
        other = np.repeat(others[rows.start // factor : rows.stop // factor], factor)[:, None]
        strip = np.where(own, total / np.maximum(number, 0.05), other)
        np.clip(strip, SMALLEST_COLUMN_CM, LARGEST_COLUMN_CM, out=strip)
        strip[classes_here == 0] = 0
        out[rows] = (strip * 1000 + 0.5).astype(np.uint16)
