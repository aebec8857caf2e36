"""One standard deviation of the surface reflectance, pixel by pixel in row strips.

The pixel's light ``L = rho e`` answers to errors of the calibration, of the AOT and of the water vapour by amounts that
are linear in ``L`` (:mod:`tasks.uncertainty.sensitivity`): ``r_i = d_i + s_i L`` for one standard deviation of each.
These errors are correlated, with coefficients ``c_ij`` (:mod:`tasks.uncertainty.covariance`). The law of propagation
for correlated inputs (JCGM 100:2008, equation 16) and what is independent of them give::

    u(L)^2 = sum_i r_i^2 + 2 sum_{i<j} c_ij r_i r_j + g^2 (n^2 + d^2) + k^2
    u(rho)^2 = u(L)^2 / e^2 + (rho v)^2

with ``g`` the gain of the inversion for one pixel, ``n`` the instrument's noise (its variance is linear in the signal),
``d`` the rounding of the counts, ``k`` the error of the adjacency range, and ``v`` the relative uncertainty of the
light on slopes (the terms of Level-1C: Gorrono et al. 2017, doi:10.3390/rs9020178). ``u(L)^2`` is a parabola in ``L``:
three fields a band.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import NATIVE_RESOLUTION
from tasks.common.noise import noise_variance
from tasks.surface_reflectance.coarse import Float32, enlarge
from tasks.surface_reflectance.inversion import OFFSET, QUANTIFICATION
from tasks.surface_reflectance.neighbourhood import GRID_M
from tasks.uncertainty.sensitivity import Response

SCALE: Final = 100000.0
"""Counts of the stored layers per unit of reflectance."""
LARGEST_COUNT: Final = 32767
ROUNDING: Final = 1e-4 / np.sqrt(12.0)
"""Standard deviation of the rounding of Level-1C counts, in reflectance."""


@dataclass(frozen=True)
class Instrument:
    """What the noise of a band depends on.

    Attributes:
        band: band name.
        solar_irradiance: [W m-2 um-1].
        sun_zenith_deg: mean of the scene.
        averaged: pixels of the instrument in one pixel of the image (1, 4, 9 or 36).
    """

    band: str
    solar_irradiance: float
    sun_zenith_deg: float
    averaged: int

    @classmethod
    def of_image(cls, band: str, solar_irradiance: float, sun_zenith_deg: float, resolution: int) -> Instrument:
        """Return the instrument of a band's image with pixels of ``resolution`` [m]."""
        averaged = max(1, (resolution // NATIVE_RESOLUTION[band]) ** 2)
        return cls(band, solar_irradiance, sun_zenith_deg, averaged)

    def variance(self) -> tuple[float, float]:
        """Return the variance of one pixel's top-of-atmosphere reflectance, noise and rounding: at no signal, and per
        unit of reflectance."""
        constant, slope = noise_variance(self.band, self.solar_irradiance, self.sun_zenith_deg)
        return constant / self.averaged + float(ROUNDING**2), slope / self.averaged


@dataclass(frozen=True, eq=False)
class LightVariance:
    """``u(L)^2 = constant + linear L + square L^2``; fields of one shape, float32."""

    constant: Float32
    linear: Float32
    square: Float32

    def __add__(self, other: LightVariance) -> LightVariance:
        """Return the variance of the sum of two independent errors."""
        return LightVariance(self.constant + other.constant, self.linear + other.linear, self.square + other.square)


Correlations = Mapping[tuple[int, int], Float32 | float]


def correlated(responses: tuple[Response, ...], correlations: Correlations) -> LightVariance:
    """Return the variance of errors that are linear in the light.

    Args:
        responses: the answer to one standard deviation of each.
        correlations: coefficients of pairs ``(i, j)`` of them, ``i < j``; pairs that are left out are independent.
    """
    constant, linear, square = (np.zeros_like(responses[0].dark) for _ in range(3))
    pairs = {(i, i): np.float32(0.5) for i in range(len(responses))} | dict(correlations)
    for (i, j), coefficient in pairs.items():
        first, second = responses[i], responses[j]
        twice = np.asarray(2.0 * coefficient, np.float32)
        constant += twice * first.dark * second.dark
        linear += twice * (first.dark * second.slope + second.dark * first.slope)
        square += twice * first.slope * second.slope
    return LightVariance(constant, linear, square)


def independent(path: Float32, gain: Float32, adjacency: Float32, instrument: Instrument) -> LightVariance:
    """Return the variance by noise and rounding of the pixel, and by the range of the adjacency effect.

    Args:
        path: top-of-atmosphere reflectance of dark ground, the surroundings included.
        gain: light per unit of top-of-atmosphere reflectance.
        adjacency: error of the light.
        instrument: of the band.
    """
    constant, slope = (np.float32(number) for number in instrument.variance())
    return LightVariance(
        np.square(gain) * (constant + slope * path) + np.square(adjacency), gain * slope, np.zeros_like(gain)
    )


@dataclass(frozen=True, eq=False)
class BandBudget:
    """Fields of a band on the 60 m raster: the variance of the light, and the spherical albedo of the atmosphere."""

    light: LightVariance
    albedo: Float32


def uncertainty_of_strip(
    rho: Float32,
    variance: LightVariance,
    rows: slice,
    resolution: int,
    received: Float32 | None = None,
    slope_error: Float32 | None = None,
) -> Float32:
    """Return one standard deviation of the surface reflectance of a row strip.

    Args:
        rho: ``[rows, cols]`` surface reflectance of the strip.
        variance: of the light, on the 60 m raster.
        rows: the strip's rows in the image.
        resolution: pixel size: 10, 20 or 60 [m].
        received: ``e`` of the strip; None over level ground.
        slope_error: relative uncertainty of ``e``; None over level ground.
    """
    factor, cols = GRID_M // resolution, rho.shape[1]
    light = rho if received is None else rho * received
    total = enlarge(variance.square, factor, rows, cols) * light
    total += enlarge(variance.linear, factor, rows, cols)
    total *= light
    total += enlarge(variance.constant, factor, rows, cols)
    np.maximum(total, np.float32(ROUNDING**2), out=total)  # a negative signal would have less noise than none
    if received is not None:
        total /= np.square(received)
    if slope_error is not None:
        total += np.square(rho * slope_error)
    return np.asarray(np.sqrt(total, out=total), np.float32)


def to_counts(uncertainty: Float32, nodata: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the stored layer: ``floor(100000 u + 0.5)`` within 1..32767, 0 = no-data."""
    scaled = uncertainty * np.float32(SCALE)
    scaled += np.float32(0.5)
    counts = np.clip(scaled, 1, LARGEST_COUNT, out=scaled).astype(np.uint16)
    counts *= ~nodata
    return counts


def reflectance_of_counts(counts: NDArray[Any]) -> Float32:
    """Return surface reflectance of stored counts or their means; 0 where there are none."""
    rho = np.array(counts, np.float32)
    rho -= np.float32(OFFSET)
    rho *= np.float32(1.0 / QUANTIFICATION)
    rho *= np.asarray(counts) != 0
    return rho
