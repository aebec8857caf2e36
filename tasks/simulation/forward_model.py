"""From surface to Level-1C numbers: resampling, atmosphere's result, noise, offset and rounding."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS

LARGEST_DN: Final = 32767
"""Largest DN of a 15-bit image."""

REFERENCE_RADIANCE: Final[dict[str, float]] = dict(
    zip(BANDS, (129.0, 128.0, 128.0, 108.0, 74.5, 68.0, 67.0, 103.0, 52.5, 9.0, 6.0, 4.0, 1.5), strict=True)
)
"""Reference radiance of the noise requirement [W m-2 sr-1 um-1] (Sentinel-2 User Handbook, MSI SNR specification)."""

SIGNAL_TO_NOISE: Final[dict[str, float]] = dict(
    zip(BANDS, (129.0, 154.0, 168.0, 142.0, 117.0, 89.0, 105.0, 174.0, 72.0, 114.0, 50.0, 100.0, 100.0), strict=True)
)
"""Signal-to-noise ratio at the reference radiance (Sentinel-2 User Handbook, MSI SNR specification)."""

_READ_NOISE_SHARE: Final = 0.4
_MIDDLE_CLOUD: Final[dict[str, float]] = dict(
    zip(BANDS, (0.66, 0.64, 0.62, 0.62, 0.61, 0.60, 0.60, 0.60, 0.60, 0.36, 0.012, 0.45, 0.32), strict=True)
)
SHADOW_LIGHT: Final = 0.35
"""Part of the ground's signal that is left in the middle of a cloud's shadow."""


def block_mean(fine: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the mean of ``factor`` x ``factor`` blocks; the shape must be divisible by ``factor``."""
    if factor == 1:
        return fine
    rows, cols = fine.shape
    mean: NDArray[np.float32] = cv2.resize(fine, (cols // factor, rows // factor), interpolation=cv2.INTER_AREA).astype(
        np.float32, copy=False
    )
    return mean


def on_pixels(
    nodes: NDArray[np.float32], step_m: float, rows: range, cols: int, resolution: int
) -> NDArray[np.float32]:
    """Return node values bilinearly on the centres of some rows of pixels.

    Args:
        nodes: ``[ny, nx]`` from the tile's upper left corner, spaced ``step_m``; they reach beyond the last pixel.
        step_m: node spacing [m].
        rows: the rows wanted.
        cols: number of columns.
        resolution: pixel size [m].
    """
    scale = resolution / step_m
    values = np.asarray(nodes, np.float32)
    for axis, positions in ((0, np.arange(rows.start, rows.stop)), (1, np.arange(cols))):
        at = (positions + 0.5) * scale
        lower = np.clip(at.astype(np.int64), 0, values.shape[axis] - 2)
        weight = (at - lower).astype(np.float32)
        weight = weight[:, np.newaxis] if axis == 0 else weight
        first = np.take(values, lower, axis=axis)
        values = first + weight * (np.take(values, lower + 1, axis=axis) - first)
    return values


def noise_deviation(
    band: str, reflectance: NDArray[np.float32], solar_irradiance: float, sun_zenith_deg: float
) -> NDArray[np.float32]:
    """Return the radiometric noise's standard deviation in reflectance.

    The variance is part constant, part proportional to the signal, and meets the specified signal-to-noise ratio at the
    reference radiance.

    Args:
        band: band name.
        reflectance: at the top of the atmosphere.
        solar_irradiance: of the band [W m-2 um-1].
        sun_zenith_deg: scene mean.
    """
    to_reflectance = np.pi / (solar_irradiance * np.cos(np.radians(sun_zenith_deg)))
    reference = REFERENCE_RADIANCE[band] * to_reflectance
    share = _READ_NOISE_SHARE + (1.0 - _READ_NOISE_SHARE) * np.maximum(reflectance, 0.0) / reference
    deviation: NDArray[np.float32] = (reference / SIGNAL_TO_NOISE[band] * np.sqrt(share)).astype(np.float32)
    return deviation


def with_clouds(band: str, reflectance: NDArray[np.float32], opacity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the reflectance at the top of the atmosphere seen through clouds of an opacity 0..1 (a linear mixture)."""
    mixed: NDArray[np.float32] = reflectance + opacity * (np.float32(_MIDDLE_CLOUD[band]) - reflectance)
    return mixed


def to_dn(reflectance: NDArray[np.float32], offset_dn: int, quantification: float = 10000.0) -> NDArray[np.uint16]:
    """Return Level-1C numbers: floor(rho Q + 0.5) - offset, limited to 1..32767 (0 is no-data).

    Args:
        reflectance: at the top of the atmosphere.
        offset_dn: RADIO_ADD_OFFSET, 0 or -1000.
        quantification: DN per unit of reflectance.
    """
    dn = np.floor(reflectance.astype(np.float64) * quantification + 0.5) - offset_dn
    limited: NDArray[np.uint16] = np.clip(dn, 1, LARGEST_DN).astype(np.uint16)
    return limited
