"""The shares of one pixel's uncertainty and their sum, in row strips.

One standard deviation of the surface reflectance ``rho = L / e``; the shares are independent, their variances add::

    u^2 = (g^2 (n^2 + d^2) + (c0 + c1 L)^2 + (a0 + a1 L)^2 + (w0 + w1 L)^2 + k^2) / e^2 + (rho v)^2

with ``g`` the gain of the inversion for one pixel, ``n`` the instrument's noise, ``d`` the rounding of the counts,
``c``, ``a`` and ``w`` the answers to an error of the calibration, of AOT and of water vapour, ``k`` that of the
adjacency range, and ``v`` the relative uncertainty of the light on slopes (law of propagation: JCGM 100:2008, equation
10; the terms of Level-1C: Gorrono et al. 2017, doi:10.3390/rs9020178). The noise's variance is linear in the signal and
the signal in ``L``, so all but the last term is a parabola in ``L`` whose coefficients change as slowly as the
atmosphere: they are computed at 60 m.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import NATIVE_RESOLUTION
from tasks.common.noise import noise_deviation
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
        averaged: pixels of the instrument in one pixel of the image (1, 4 or 9).
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

    def variance(self, toa: Float32) -> Float32:
        """Return the variance of one pixel's top-of-atmosphere reflectance: noise and rounding."""
        noise = noise_deviation(self.band, toa, self.solar_irradiance, self.sun_zenith_deg)
        return np.asarray(np.square(noise) / np.float32(self.averaged) + np.float32(ROUNDING**2), np.float32)


@dataclass(frozen=True, eq=False)
class BandBudget:
    """Fields of a band on the 60 m raster.

    Attributes:
        path: top-of-atmosphere reflectance of dark ground, the surroundings included.
        gain: light per unit of top-of-atmosphere reflectance.
        calibration: answer to one standard deviation of the calibration.
        aot550: answer to one standard deviation of the AOT.
        water_vapour: the same for water vapour.
        adjacency: error of the light from the range of the adjacency effect.
        albedo: spherical albedo of the atmosphere.
    """

    path: Float32
    gain: Float32
    calibration: Response
    aot550: Response
    water_vapour: Response
    adjacency: Float32
    albedo: Float32


@dataclass(frozen=True, eq=False)
class LightVariance:
    """The variance of the light on the 60 m raster: ``constant + linear L + square L^2``."""

    constant: Float32
    linear: Float32
    square: Float32


def light_variance(budget: BandBudget, instrument: Instrument) -> LightVariance:
    """Return the variance of a band's light ``L``, all but that of the light on slopes.

    Args:
        budget: of the band.
        instrument: of the band.
    """
    dark, bright = (instrument.variance(np.full((1, 1), signal, np.float32)) for signal in (0.0, 1.0))
    per_signal = bright - dark
    square_gain = np.square(budget.gain)
    constant = square_gain * (dark + per_signal * budget.path) + np.square(budget.adjacency)
    linear = budget.gain * per_signal
    square = np.zeros_like(linear)
    for answer in (budget.calibration, budget.aot550, budget.water_vapour):
        constant += np.square(answer.dark)
        linear += np.float32(2.0) * answer.dark * answer.slope
        square += np.square(answer.slope)
    return LightVariance(constant, linear, square)


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
        variance: of the band.
        rows: the strip's rows in the image.
        resolution: pixel size: 10, 20 or 60 [m].
        received: ``e`` of the strip; None over level ground.
        slope_error: relative uncertainty of ``e``; None over level ground.
    """
    factor, cols = GRID_M // resolution, rho.shape[1]
    light = rho if received is None else rho * received
    total = enlarge(variance.square, factor, rows, cols)
    total *= light
    total += enlarge(variance.linear, factor, rows, cols)
    total *= light
    total += enlarge(variance.constant, factor, rows, cols)
    if received is not None:
        total /= np.square(received)
    if slope_error is not None:
        total += np.square(rho * slope_error)
    np.maximum(total, np.float32(0.0), out=total)
    return np.sqrt(total, out=total)


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
