"""Empirical damping of over-corrected reflectance on faintly lit slopes (``BRDF_Correction``).

Source: Sen2Cor 3 sources, AtmCorr, after Richter et al. 2009, doi:10.1109/LGRS.2008.2007427: ``rho g`` with
``g = (cos(beta) / cos(beta_T)) ** e`` beyond an illumination angle ``beta_T`` that depends on the sun's zenith angle,
within ``BRDF_Lower_Bound`` and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.neighbourhood import class_counts

SHORT_WAVE_UM: Final = 0.72
"""Vegetation darkens with another power below this wavelength than above."""

_STEPS: Final = ((35.0, 25.0), (45.0, 20.0), (50.0, 15.0), (60.0, 10.0))
_SOIL: Final = {1: 1.0, 2: 0.5}
_VEGETATION_BELOW: Final = 0.75
_VEGETATION_ABOVE: Final = {1: 1.0 / 3.0, 2: 1.0}
_SNOW_SHARE: Final = 0.5
_SNOW: Final = 11
_DARKEST_VEGETATION: Final = 0.1


@dataclass(frozen=True)
class Damping:
    """The correction of one band.

    Attributes:
        cos_threshold: cosine of the illumination angle beyond which it acts.
        soil, vegetation: exponents.
        lower_bound: smallest factor.
    """

    cos_threshold: float
    soil: float
    vegetation: float
    lower_bound: float

    def factor(self, cos_illumination: Float32, vegetation: NDArray[np.bool_] | None) -> Float32:
        """Return the factors for cosines above 0; without a vegetation map all ground counts as soil."""
        ratio = np.minimum(cos_illumination * np.float32(1.0 / self.cos_threshold), np.float32(1.0))
        factor = ratio ** np.float32(self.soil)
        if vegetation is not None and self.vegetation != self.soil:
            factor[vegetation] = ratio[vegetation] ** np.float32(self.vegetation)
        return np.asarray(np.maximum(factor, np.float32(self.lower_bound)), np.float32)


def threshold_angle_deg(sun_zenith_deg: float) -> float:
    """Return the illumination angle from which slopes count as faintly lit [deg]."""
    for limit, distance in _STEPS:
        if sun_zenith_deg < limit:
            return sun_zenith_deg + distance
    return max(70.0, sun_zenith_deg + 5.0)


def damping_of(mode: int, wavelength_um: float, sun_zenith_deg: float, lower_bound: float) -> Damping:
    """Return the correction of a band.

    Args:
        mode: ``BRDF_Correction``, 1, 2, 11, 12, 21 or 22: the first digit is the law of soil, the second that of
            vegetation, which is the soil's in the modes 1 and 2.
        wavelength_um: of the band's centre.
        sun_zenith_deg: mean of the scene.
        lower_bound: ``BRDF_Lower_Bound``.
    """
    threshold = float(np.cos(np.deg2rad(min(threshold_angle_deg(sun_zenith_deg), 89.0))))
    if mode < 10:
        return Damping(threshold, _SOIL[mode], _SOIL[mode], lower_bound)
    first, second = divmod(mode, 10)
    vegetation = _VEGETATION_BELOW if wavelength_um < SHORT_WAVE_UM else _VEGETATION_ABOVE[second]
    return Damping(threshold, _SOIL[first], vegetation, lower_bound)


def needs_vegetation(mode: int) -> bool:
    """Return whether a mode treats vegetation in its own way."""
    return mode > 10


def mostly_snow(scl: NDArray[np.uint8]) -> bool:
    """Return whether snow covers more than half of the valid pixels: the correction is left out then."""
    counts = class_counts(scl)
    return int(counts[_SNOW]) > _SNOW_SHARE * max(int(counts[1:].sum()), 1)


def vegetation_of(red: NDArray[np.uint16], nir: NDArray[np.uint16], index: float) -> NDArray[np.bool_]:
    """Return the vegetation in two corrected bands: near infrared above 0.1 and above ``index`` times the red.

    Args:
        red, nir: surface reflectance counts of one strip (offset 1000, quantification 10000).
        index: ``AC_Vegetation_Index_Th``.
    """
    near = nir.astype(np.float32) - np.float32(1000.0)
    visible = red.astype(np.float32) - np.float32(1000.0)
    return np.asarray((near > _DARKEST_VEGETATION * 10000.0) & (near > index * visible))
