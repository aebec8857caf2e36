"""Resampling of Level-1C digital numbers and of Level-2A maps between 10, 20 and 60 m (Sen2Cor 2.8 sources, ATBD).

Coarser: mean of the block, +0.5, truncated. Finer: nearest (10 m from 20 m maps), linear (B09, B10) or cubic spline
(B01) in pixel-centre geometry: fine pixel ``i`` lies at coarse coordinate ``(i + 0.5) / factor - 0.5``.

No-data and saturation are exact: they are never averaged or interpolated with, and stay where they are.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, spline_filter

NODATA: Final = 0
SATURATED: Final = 65535
_STRIP_ROWS: Final = 256
_LINEAR_BANDS: Final = frozenset({"B09", "B10"})

DigitalNumbers = NDArray[np.uint16]
Taps = list[list[tuple[int, float]]]
"""Per phase within a coarse pixel: offsets of the coefficients used and their weights."""


def block_mean(
    image: NDArray[Any], factor: int, *, nodata: int | None = NODATA, saturated: int | None = SATURATED
) -> NDArray[Any]:
    """Return the mean of each ``factor x factor`` block, rounded half up, in the image's own unsigned type.

    A block with any no-data pixel is no-data; otherwise one with any saturated pixel is saturated.

    Args:
        image: ``[h * factor, w * factor]`` uint8 or uint16.
        factor: block size [pixels].
        nodata: value that means no-data, None where every value counts (confidences).
        saturated: value that means saturated, None where there is none (maps).

    Returns:
        ``[h, w]``.
    """
    rows, cols = image.shape[0] // factor, image.shape[1] // factor
    result = np.empty((rows, cols), dtype=image.dtype)
    strip = max(1, _STRIP_ROWS // factor)
    for first in range(0, rows, strip):
        last = min(first + strip, rows)
        block = np.asarray(image[first * factor : last * factor, : cols * factor])
        result[first:last] = _strip_mean(block, factor, nodata, saturated)
    return result


def _strip_mean(block: NDArray[Any], factor: int, nodata: int | None, saturated: int | None) -> NDArray[Any]:
    cells = [block[y::factor, x::factor] for y in range(factor) for x in range(factor)]
    total = cells[0].astype(np.uint32)
    for cell in cells[1:]:
        total += cell
    count = factor * factor
    mean = ((2 * total + count) // (2 * count)).astype(block.dtype)
    for value in (saturated, nodata):
        if value is not None and (block == value).any():
            hit = cells[0] == value
            for cell in cells[1:]:
                hit |= cell == value
            mean[hit] = value
    return mean


def block_median(image: NDArray[Any], factor: int = 3) -> NDArray[Any]:
    """Return the median of each ``factor x factor`` block (odd factor): class maps from 20 m to 60 m.

    It is the median filter evaluated at the blocks' centres, that is 3x3 median and nearest-neighbour decimation.
    """
    rows, cols = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[: rows * factor, : cols * factor].reshape(rows, factor, cols, factor)
    ordered = np.sort(blocks.transpose(0, 2, 1, 3).reshape(rows, cols, factor * factor), axis=-1)
    return np.ascontiguousarray(ordered[..., factor * factor // 2])


def repeat_nearest(image: NDArray[Any], factor: int = 2) -> NDArray[Any]:
    """Return the image with every pixel repeated ``factor x factor`` times: 20 m maps at 10 m."""
    return np.repeat(np.repeat(image, factor, axis=0), factor, axis=1)


def to_resolution(image: DigitalNumbers, band: str, native: int, resolution: int) -> DigitalNumbers:
    """Return a band at another resolution by the rule for it; the image itself when nothing is to do.

    Args:
        image: ``[h, w]`` uint16 at the native resolution, 0 no-data, 65535 saturated.
        band: name of the band; only B09 and B10 are refined linearly.
        native: pixel size of the image [m].
        resolution: pixel size wanted [m]; one of the two divides the other.
    """
    if resolution == native:
        return image
    if resolution > native:
        coarse: DigitalNumbers = block_mean(image, resolution // native)
        return coarse
    refine = upsample_linear if band in _LINEAR_BANDS else upsample_cubic_spline
    return refine(image, native // resolution)


def upsample_linear(image: DigitalNumbers, factor: int = 3) -> DigitalNumbers:
    """Return the image at a ``factor`` times finer grid by linear interpolation (B09 and B10, 60 m to 20 m).

    Past the outermost pixel centres the edge value is kept. Result clipped to 1..65534 and rounded half up.

    Args:
        image: ``[h, w]`` uint16, 0 no-data, 65535 saturated.
        factor: odd or even refinement.

    Returns:
        ``[h * factor, w * factor]``; all pixels of a no-data (saturated) pixel are no-data (saturated).
    """
    values = _without_flags(image)
    return _upsampled(np.pad(values, 2, mode="edge"), _linear_taps(factor), image, factor)


def upsample_cubic_spline(image: DigitalNumbers, factor: int = 3) -> DigitalNumbers:
    """Return the image at a ``factor`` times finer grid by interpolating cubic splines (B01, 60 m to 20 m).

    The spline continues the image by reflection about its border. Arguments and result as :func:`upsample_linear`.
    Source: M. Unser, Splines: a perfect fit for signal and image processing, doi:10.1109/79.799930.
    """
    if min(image.shape) < 2:
        return upsample_linear(image, factor)
    coefficients = spline_filter(_without_flags(image), order=3, output=np.float32, mode="reflect")
    padded = np.pad(coefficients, 2, mode="symmetric")
    return _upsampled(padded, _cubic_taps(factor), image, factor)


def _without_flags(image: DigitalNumbers) -> NDArray[np.float32]:
    """Return the image as float32 with no-data and saturated pixels replaced by the nearest sound one."""
    flagged = (image == NODATA) | (image == SATURATED)
    values = image.astype(np.float32)
    if flagged.any() and not flagged.all():
        nearest = distance_transform_edt(flagged, return_distances=False, return_indices=True)
        values = values[tuple(nearest)]
    return values


def _upsampled(padded: NDArray[np.float32], taps: Taps, image: DigitalNumbers, factor: int) -> DigitalNumbers:
    """Evaluate the taps strip by strip, round to uint16 and put no-data and saturated pixels back.

    ``padded`` holds the image's coefficients with a border of two pixels on every side.
    """
    result = np.empty((image.shape[0] * factor, image.shape[1] * factor), dtype=np.uint16)
    for first in range(0, image.shape[0], _STRIP_ROWS):
        coarse = image[first : first + _STRIP_ROWS]
        fine = result[first * factor : (first + coarse.shape[0]) * factor]
        values = _separable(padded[first : first + coarse.shape[0] + 4], taps, factor)
        fine[...] = np.clip(values + np.float32(0.5), 1, SATURATED - 1)
        if ((coarse == NODATA) | (coarse == SATURATED)).any():
            repeated = repeat_nearest(coarse, factor)
            keep = (repeated == NODATA) | (repeated == SATURATED)
            fine[keep] = repeated[keep]
    return result


def _phases(factor: int) -> list[tuple[int, float]]:
    """Return for each of the ``factor`` fine pixels of a coarse one the tap to its left and the fraction after it."""
    phases: list[tuple[int, float]] = []
    for index in range(factor):
        position = (index + 0.5) / factor - 0.5
        left = int(np.floor(position))
        phases.append((left, position - left))
    return phases


def _linear_taps(factor: int) -> Taps:
    return [[(left, 1 - f), (left + 1, f)] for left, f in _phases(factor)]


def _cubic_taps(factor: int) -> Taps:
    """Return the cubic B-spline's weights of the four coefficients around each phase."""
    taps: Taps = []
    for left, f in _phases(factor):
        g = 1 - f
        weights = (g**3 / 6, 2 / 3 - f * f * (2 - f) / 2, 2 / 3 - g * g * (2 - g) / 2, f**3 / 6)
        taps.append([(left - 1 + k, weight) for k, weight in enumerate(weights)])
    return taps


def _separable(padded: NDArray[np.float32], taps: Taps, factor: int) -> NDArray[np.float32]:
    """Evaluate the taps along columns, then along rows."""
    rows, cols = padded.shape[0] - 4, padded.shape[1] - 4
    tall = np.empty((rows * factor, cols + 4), dtype=np.float32)
    result = np.empty((rows * factor, cols * factor), dtype=np.float32)
    for phase, phase_taps in enumerate(taps):
        tall[phase::factor] = sum(padded[2 + k : 2 + k + rows] * np.float32(w) for k, w in phase_taps if w)
    for phase, phase_taps in enumerate(taps):
        result[:, phase::factor] = sum(tall[:, 2 + k : 2 + k + cols] * np.float32(w) for k, w in phase_taps if w)
    return result
