"""The instrument's radiometric noise, in reflectance."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS

REFERENCE_RADIANCE: Final[dict[str, float]] = dict(
    zip(BANDS, (129.0, 128.0, 128.0, 108.0, 74.5, 68.0, 67.0, 103.0, 52.5, 9.0, 6.0, 4.0, 1.5), strict=True)
)
"""Reference radiance of the noise requirement [W m-2 sr-1 um-1] (Sentinel-2 User Handbook, MSI SNR specification)."""

SIGNAL_TO_NOISE: Final[dict[str, float]] = dict(
    zip(BANDS, (129.0, 154.0, 168.0, 142.0, 117.0, 89.0, 105.0, 174.0, 72.0, 114.0, 50.0, 100.0, 100.0), strict=True)
)
"""Signal-to-noise ratio at the reference radiance (Sentinel-2 User Handbook, MSI SNR specification)."""

_READ_NOISE_SHARE: Final = 0.4


def noise_deviation(
    band: str, reflectance: NDArray[Any], solar_irradiance: float, sun_zenith_deg: float
) -> NDArray[np.float32]:
    """Return the radiometric noise's standard deviation in reflectance.

    The variance is part constant, part proportional to the signal, and meets the specified signal-to-noise ratio at the
    reference radiance. The instruments in orbit are better than that by up to two times.

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


def noise_variance(band: str, solar_irradiance: float, sun_zenith_deg: float) -> tuple[float, float]:
    """Return the variance of the same noise as a straight line: at no signal, and per unit of reflectance.

    Args:
        band: band name.
        solar_irradiance: of the band [W m-2 um-1].
        sun_zenith_deg: scene mean.
    """
    reference = REFERENCE_RADIANCE[band] * np.pi / (solar_irradiance * np.cos(np.radians(sun_zenith_deg)))
    at_reference = (reference / SIGNAL_TO_NOISE[band]) ** 2
    return float(_READ_NOISE_SHARE * at_reference), float((1.0 - _READ_NOISE_SHARE) * at_reference / reference)
