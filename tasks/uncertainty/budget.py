"""The shares of one pixel's uncertainty and their sum, in row strips.

One standard deviation of the surface reflectance ``rho = L / e``; the shares are independent, their variances add::

    u^2 = (g^2 (n^2 + d^2) + (c0 + c1 L)^2 + (a0 + a1 L)^2 + (w0 + w1 L)^2 + k^2) / e^2 + (rho v)^2

with ``g`` the gain of the inversion for one pixel, ``n`` the instrument's noise, ``d`` the rounding of the counts,
``c``, ``a`` and ``w`` the answers to an error of the calibration, of AOT and of water vapour, ``k`` that of the
adjacency range, and ``v`` the relative uncertainty of the light on slopes (law of propagation: JCGM 100:2008, equation
10; the terms of Level-1C: Gorrono et al. 2017, doi:10.3390/rs9020178).
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


def uncertainty_of_strip(
    rho: Float32,
    budget: BandBudget,
    instrument: Instrument,
    rows: slice,
    resolution: int,
    received: Float32 | None = None,
    slope_error: Float32 | None = None,
) -> Float32:
    """Return one standard deviation of the surface reflectance of a row strip.

    Args:
        rho: ``[rows, cols]`` surface reflectance of the strip.
        budget: of the band.
        instrument: of the band.
        rows: the strip's rows in the image.
        resolution: pixel size: 10, 20 or 60 [m].
        received: ``e`` of the strip; None over level ground.
        slope_error: relative uncertainty of ``e``; None over level ground.
    """
    factor, cols = GRID_M // resolution, rho.shape[1]

    def up(field: Float32) -> Float32:
        return enlarge(field, factor, rows, cols)

    light = rho if received is None else rho * received
    gain = up(budget.gain)
    variance = instrument.variance(up(budget.path) + light / gain)
    variance *= np.square(gain)
    for answer in (budget.calibration, budget.aot550, budget.water_vapour):
        variance += np.square(up(answer.dark) + up(answer.slope) * light)
    variance += np.square(up(budget.adjacency))
    if received is not None:
        variance /= np.square(received)
    if slope_error is not None:
        variance += np.square(rho * slope_error)
    return np.asarray(np.sqrt(variance), np.float32)


def to_counts(uncertainty: Float32, nodata: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the stored layer: ``floor(100000 u + 0.5)`` within 1..32767, 0 = no-data."""
    counts = np.clip(np.floor(uncertainty * np.float32(SCALE) + np.float32(0.5)), 1, LARGEST_COUNT)
    counts[nodata] = 0
    return np.asarray(counts, np.uint16)


def reflectance_of_counts(counts: NDArray[Any]) -> Float32:
    """Return surface reflectance of stored counts or their means; 0 where there are none."""
    rho = (np.asarray(counts, np.float32) - np.float32(OFFSET)) * np.float32(1.0 / QUANTIFICATION)
    return np.asarray(np.where(np.asarray(counts) == 0, np.float32(0.0), rho), np.float32)
