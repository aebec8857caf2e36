"""Sen2Cor's visibility, its index, and the AOT at 550 nm that belongs to it.

Source: Sen2Cor 3 sources, AtmCorr. The law ``AOT550 = exp(a(h) + b(h) ln VIS)`` is tabulated at 0, 0.7 and 2.5 km
above sea level; ``a`` and ``b`` are the parabolas through the three heights. The index runs uniformly in the optical
depth of a sea-level reference, ``tau = 0.182 + 0.006 i``, and that depth is the sea-level AOT plus 0.12833 at all eight
visibilities of the look-up tables (120 to 5 km), within 2e-5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = float | NDArray[np.floating]

LARGEST_VISIBILITY_KM = 650.0
SMALLEST_VISIBILITY_KM = 5.0
LARGEST_INDEX = 182
CLEAREST_STEP_KM = 120.0
"""Last step of the consistency checks."""

_A = (1.54641, -0.182321, -0.026235)
_B = (-0.854022, 0.011604, 0.003096)
_DEPTH_BEYOND_AEROSOL = 0.12833
_FIRST_DEPTH = 0.182
_DEPTH_STEP = 0.006


def _law(height_km: Values) -> tuple[Values, Values]:
    a = _A[0] + height_km * (_A[1] + height_km * _A[2])
    b = _B[0] + height_km * (_B[1] + height_km * _B[2])
    return a, b


def aot_from_visibility(visibility_km: Values, height_km: Values = 0.0) -> NDArray[np.float64]:
    """Return AOT at 550 nm of a visibility [km] at a height above sea level [km]."""
    a, b = _law(height_km)
    return np.asarray(np.exp(a + b * np.log(visibility_km)))


def visibility_from_aot(aot550: Values, height_km: Values = 0.0) -> NDArray[np.float64]:
    """Return the visibility [km] of an AOT at 550 nm > 0 at a height above sea level [km], at most 650 km."""
    a, b = _law(height_km)
    return np.asarray(np.minimum(np.exp((np.log(aot550) - a) / b), LARGEST_VISIBILITY_KM))


def index_from_visibility(visibility_km: Values) -> NDArray[np.float64]:
    """Return the visibility index, 0 (about 190 km) to 182 (5 km), not rounded."""
    depth = aot_from_visibility(visibility_km) + _DEPTH_BEYOND_AEROSOL
    return np.asarray(np.clip((depth - _FIRST_DEPTH) / _DEPTH_STEP, 0, LARGEST_INDEX))


def visibility_from_index(index: Values) -> NDArray[np.float64]:
    """Return the visibility [km] of an index 0..182."""
    return visibility_from_aot(_FIRST_DEPTH + _DEPTH_STEP * index - _DEPTH_BEYOND_AEROSOL)


def next_visibility_km(visibility_km: float) -> float:
    """Return the next clearer visibility [km] of the consistency checks (Sen2Cor 3 sources, AtmCorr)."""
    if visibility_km < 23.0:
        return 23.0
    for limit, step in ((26.0, 3.0), (30.0, 4.0), (40.0, 5.0), (100.0, 10.0)):
        if visibility_km < limit:
            return visibility_km + step
    return CLEAREST_STEP_KM
