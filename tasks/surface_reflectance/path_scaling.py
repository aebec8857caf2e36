"""Scaling of the path reflectance by what dark vegetation shows in the blue (``Scaling_Disabler`` false).

Source: Sen2Cor 3 sources, AtmCorr: the factor found in the blue acts on the bands up to 0.8 um after a power law of the
wavelength. The power is ours: the deviation from 1 falls with the square of the wavelength, between molecules (4) and
aerosol (about 1.3).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tasks.surface_reflectance.coefficients import BandCoefficients, CoarseCoefficients

BLUE_BAND = "B02"
LONGEST_UM = 0.8
_POWER = 2.0


def scaling_of(blue_factor: float, wavelength_um: float, blue_um: float) -> float:
    """Return the factor of a band's path reflectance from that of the blue band; 1 beyond 0.8 um."""
    if wavelength_um > LONGEST_UM:
        return 1.0
    return float(1.0 + (blue_factor - 1.0) * (blue_um / wavelength_um) ** _POWER)


def scale_path(coefficients: CoarseCoefficients, factor: float) -> CoarseCoefficients:
    """Return the coefficients with the path reflectance times ``factor``."""
    if factor == 1.0:
        return coefficients

    def scaled(sample: BandCoefficients) -> BandCoefficients:
        return replace(sample, path=sample.path * np.float32(factor))

    below, centre, above = coefficients.samples
    water = coefficients.water
    if water is not None:
        water = replace(water, path_slope=water.path_slope * np.float32(factor))
    return replace(coefficients, samples=(scaled(below), scaled(centre), scaled(above)), water=water)
