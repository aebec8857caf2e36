"""AOT without dark vegetation: bright dense vegetation whose red reflectance is known (DBV).

Source: Sen2Cor 3 sources, AtmCorr. Used where there is neither dark vegetation nor a CAMS value.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.aot.consistency import ConsistencyChecker
from tasks.aot.parameters import AotParameters

LARGEST_VISIBILITY_KM: Final = 80.0
_FEWEST = 5
_REFERENCES = 10
_DARKEST_RED = 0.01
_BISECTIONS = 24
_STEEPEST_DEG = 15.0


def nearly_level(cos_illumination: NDArray[np.int16], cos_sun: float) -> NDArray[np.bool_]:
    """Return where the illumination angle is within 15 degrees of the sun's zenith angle.

    Args:
        cos_illumination: 10000 cos(beta), any shape.
        cos_sun: of the scene's mean zenith.
    """
    angle = np.degrees(np.arccos(np.clip(np.asarray(cos_illumination, np.float32) / 10000.0, -1.0, 1.0)))
    return np.asarray(np.abs(angle - np.degrees(np.arccos(cos_sun))) < _STEEPEST_DEG)


def reference_pixels(
    checker: ConsistencyChecker, parameters: AotParameters, level: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    """Return the bright vegetation at the start visibility, none when there are fewer than five pixels.

    The scene must first pass the red test: at least five pixels with a vegetation index above
    ``AC_Dbv_Red_Veget_Tst_Ndvi_Th`` and red reflectance below ``AC_Dbv_Red_Veget_Refl_Th``.

    Args:
        checker: of the scene; its samples are 60 m apart.
        parameters: limits.
        level: ``[rows, cols]`` samples on nearly level ground; None where there is no terrain.
    """
    where = checker.land if level is None else checker.land & level
    none = np.zeros(where.shape, np.bool_)
    if not where.any():
        return none
    red, nir = (checker.reflectance(band, parameters.visibility, where) for band in ("B04", "B8A"))
    index = (nir - red) / np.maximum(nir + red, 1e-3)
    test = (index > parameters.ac_dbv_red_veget_tst_ndvi_th) & (red < parameters.ac_dbv_red_veget_refl_th)
    bright = (nir > parameters.ac_dbv_nir_refl_th) & (index > parameters.ac_dbv_ndvi_th) & (red > _DARKEST_RED)
    if int(test.sum()) < _FEWEST or int((bright & test).sum()) < _FEWEST:
        return none
    found = none.copy()
    found[where] = bright & test
    darkest = np.argsort(red[bright & test], kind="stable")[:_REFERENCES]
    rows, cols = np.nonzero(found)
    chosen = none.copy()
    chosen[rows[darkest], cols[darkest]] = True
    return chosen


def visibility_of_references(
    checker: ConsistencyChecker, references: NDArray[np.bool_], parameters: AotParameters
) -> float | None:
    """Return the visibility [km] at which the references have ``AC_Red_Ref_Refl_Th`` in the red.

    None when it would not be clearer than the start, or clearer than 80 km.
    """
    if not references.any():
        return None

    def excess(visibility_km: float) -> float:
        red = checker.reflectance("B04", visibility_km, references)
        return float(np.mean(red)) - parameters.ac_red_ref_refl_th

    low, high = parameters.visibility, LARGEST_VISIBILITY_KM
    if low >= high or excess(low) >= 0 or excess(high) < 0:
        return None
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return 0.5 * (low + high)
