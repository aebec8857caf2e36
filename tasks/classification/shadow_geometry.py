"""Where a cloud's shadow can fall: the cloud map thrown along the sun's direction over a ladder of cloud heights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tasks.classification.indices import FloatArray

BoolArray = NDArray[np.bool_]

LADDER_STEP_M: Final = 30.0
RISING_SAMPLES, RISING_SCALE = 51, 30.0
FALLING_SAMPLES, FALLING_SCALE = 150, 90.0
LADDER_POWER: Final = 10
CLOUD_INDICATOR: Final = 0.33
SMOOTHING_SIGMA: Final = 3.0
SMOOTHING_SIZE: Final = 25
LOWEST_SUN_ELEVATION_DEG: Final = 3.0
TRANSFORM_NOISE: Final = 1e-4
"""Rounding of the Fourier transform stays below it, the least weight of the ladder is 0.006."""


@dataclass(frozen=True)
class SunDirection:
    """Where the sun stands: elevation and azimuth clockwise from north [deg]."""

    elevation_deg: float
    azimuth_deg: float

    def rounded(self) -> SunDirection:
        """Return both angles as whole degrees. Source: Sen2Cor 2.8 sources, cloud shadow."""
        return SunDirection(float(round(self.elevation_deg)), float(round(self.azimuth_deg)))


def height_weights() -> FloatArray:
    """Return the weight of each rung of the height ladder, 30 m apart from the ground up, 0..1.

    51 rising samples 1/(1 + (i/30)^10), i = 50..0, then 150 falling ones 1/(1 + (i/90)^10), i = 0..149: about 0 to
    6 km with a plateau between 0.6 and 4.2 km.

    Source: Sen2Cor 2.8 sources, cloud shadow (geometric part).
    """
    rising = 1.0 / (1.0 + (np.arange(RISING_SAMPLES - 1, -1, -1) / RISING_SCALE) ** LADDER_POWER)
    falling = 1.0 / (1.0 + (np.arange(FALLING_SAMPLES) / FALLING_SCALE) ** LADDER_POWER)
    return np.concatenate([rising, falling]).astype(np.float32)


def distance_weights(ladder: FloatArray, sun: SunDirection, pixel_m: float) -> FloatArray:
    """Return the ladder by the shadow's distance from the cloud, one sample a pixel.

    Args:
        ladder: weights by height, 30 m apart.
        sun: below 3 degrees of elevation the shadow is as long as at 3 degrees.
        pixel_m: size of a pixel [m].
    """
    elevation = np.radians(max(sun.elevation_deg, LOWEST_SUN_ELEVATION_DEG))
    count = max(round(float(ladder.size * LADDER_STEP_M / pixel_m / np.tan(elevation))), 1)
    rungs = np.linspace(0.0, ladder.size - 1.0, count)
    return np.interp(rungs, np.arange(ladder.size), ladder).astype(np.float32)


def thrown(cloud: BoolArray, weights: FloatArray, azimuth_deg: float) -> FloatArray:
    """Return the sum of the weights of all clouds whose shadow can fall on a pixel, cut at 1, ``[y, x]`` float32.

    A cloud throws ``weights[d]`` upon the pixel d steps away from the sun: d * -sin(azimuth) columns and
    d * cos(azimuth) rows. The convolution is done by Fourier transform on a map widened by the length of the shadow, so
    that nothing comes round the edge.

    Source: Sen2Cor 2.8 sources, cloud shadow (geometric part).
    """
    if not cloud.any():
        return np.zeros(cloud.shape, np.float32)
    weights = weights[: max(cloud.shape) * 2]
    azimuth = np.radians(azimuth_deg)
    steps = np.arange(weights.size)
    rows = np.rint(steps * np.cos(azimuth)).astype(np.intp)
    cols = np.rint(-steps * np.sin(azimuth)).astype(np.intp)
    inside = (abs(rows) < cloud.shape[0]) & (abs(cols) < cloud.shape[1])
    rows, cols, weights = rows[inside], cols[inside], weights[inside]
    reach = (int(abs(rows).max()), int(abs(cols).max()))
    size = [fft.next_fast_len(n + r, real=True) for n, r in zip(cloud.shape, reach, strict=True)]
    kernel = np.zeros(size, np.float32)
    np.maximum.at(kernel, (rows % size[0], cols % size[1]), weights)
    spectrum = fft.rfft2(kernel)
    del kernel
    spectrum *= fft.rfft2(cloud.astype(np.float32), size)
    total = fft.irfft2(spectrum, size, overwrite_x=True)[: cloud.shape[0], : cloud.shape[1]]
    total[total < TRANSFORM_NOISE] = 0.0
    return np.asarray(np.minimum(total, np.float32(1.0)), np.float32)


def cloud_indicator(confidence: FloatArray) -> BoolArray:
    """Return where the cloud confidence, after a 3 x 3 median, is above 0.33, grown by the 3 x 3 cross.

    Source: Sen2Cor 2.8 sources, cloud shadow (geometric part).
    """
    likely = cv2.medianBlur(np.ascontiguousarray(confidence), 3) > CLOUD_INDICATOR
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return cv2.dilate(likely.view(np.uint8), cross).astype(np.bool_)


def shadow_probability(cloud: BoolArray, no_data: BoolArray, sun: SunDirection, pixel_m: float) -> FloatArray:
    """Return the geometric probability of cloud shadow, ``[y, x]`` float32 0..1.

    The classic ladder thrown from the cloud indicator, less the indicator itself, smoothed (Gaussian of 3 pixels), 0
    where there is no data. Sun angles are whole degrees.

    Source: Sen2Cor 2.8 sources, cloud shadow (geometric part).
    """
    whole = sun.rounded()
    probability = thrown(cloud, distance_weights(height_weights(), whole, pixel_m), whole.azimuth_deg)
    np.subtract(probability, cloud, out=probability)
    np.maximum(probability, 0.0, out=probability)
    smooth = cv2.GaussianBlur(probability, (SMOOTHING_SIZE, SMOOTHING_SIZE), SMOOTHING_SIGMA)
    smooth[no_data] = 0.0
    return np.asarray(smooth, np.float32)
