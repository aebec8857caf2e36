"""Thin cirrus removed with B10, the band in which the ground is dark.

Principle: ``rho_corrected = rho - rho_B10 / gamma``, with ``gamma`` the ratio of the cirrus signal in B10 to that in
the visible bands, found in the scene (Gao et al. 1998, doi:10.1029/98JD02006; Richter et al. 2011,
doi:10.1080/01431161.2010.490561; Sen2Cor 3 sources, AtmCorr). Bands beyond 1.5 um have half of the signal; in B09 water
vapour above the cloud absorbs a little of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import Float32, enlarge, strips
from tasks.surface_reflectance.inversion import Calibration

GAMMAS: Final = tuple(round(0.6 + 0.05 * step, 2) for step in range(9))
VISIBLE: Final = ("B01", "B02", "B03")
"""Bands below 590 nm, in which gamma is found."""
CORRECTED: Final = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")

_SOFT_START: Final = (0.001, 0.002)
"""B10 reflectance from which cirrus counts, and from which it counts fully."""
_CIRRUS_LIMITS: Final = (0.02, 0.014)
_CLEAR_FROM: Final = 0.001
_CLEAR_LIMITS: Final = (0.008, 0.010, 0.011)
_FEWEST_CIRRUS: Final = 10000 // 9
_FEWEST_CLEAR: Final = 2000 // 9
"""Sen2Cor counts 20 m pixels, here they are of 60 m."""
_LONG_WAVE_UM: Final = 1.5
_LONG_WAVE_SHARE: Final = 0.5
_B09_SHARE: Final = 0.97
"""Two-way transmittance of B09 above a cloud top at 10 km."""
_USED_CLASSES: Final = (4, 5, 6, 7, 10)


def cirrus_reflectance(b10: Float32, valid: NDArray[np.bool_]) -> Float32:
    """Return the cirrus signal in B10 at 60 m: a 3 x 3 median, with a soft start, 0 without data.

    Args:
        b10: ``[rows, cols]`` top-of-atmosphere reflectance.
        valid: ``[rows, cols]`` pixels with data.
    """
    smooth = cv2.medianBlur(np.ascontiguousarray(np.where(valid, b10, 0), np.float32), 3)
    low, high = _SOFT_START
    share = np.clip((smooth - low) / (high - low), 0.0, 1.0)
    return np.asarray(smooth * share * valid, np.float32)


def find_gamma(visible: Mapping[str, Float32], cirrus: Float32, scl_60m: NDArray[np.uint8]) -> float | None:
    """Return the gamma that makes cirrus pixels as bright as clear ones; 1 without clear pixels, None without cirrus.

    Args:
        visible: ``[rows, cols]`` top-of-atmosphere reflectance of the bands below 590 nm at 60 m.
        cirrus: :func:`cirrus_reflectance`.
        scl_60m: classes; opaque clouds, shadow and snow are left out.
    """
    table = np.zeros(256, np.bool_)
    table[list(_USED_CLASSES)] = True
    used = table[scl_60m]
    if not (used & (cirrus > _CLEAR_FROM)).any():
        return None
    thick = used & (cirrus > _CIRRUS_LIMITS[0])
    if int(thick.sum()) < _FEWEST_CIRRUS:
        thick = used & (cirrus > _CIRRUS_LIMITS[1])
    clear = np.zeros_like(used)
    for limit in _CLEAR_LIMITS:
        clear = used & (cirrus < limit) & ~thick
        if int(clear.sum()) >= _FEWEST_CLEAR:
            break
    if not thick.any() or not clear.any():
        return 1.0
    in_b10 = float(cirrus[thick].mean(dtype=np.float64))
    rest = float(cirrus[clear].mean(dtype=np.float64))
    differences = [
        abs(
            sum(
                float(image[thick].mean(dtype=np.float64) - image[clear].mean(dtype=np.float64))
                - (in_b10 - rest) / gamma
                for image in visible.values()
            )
        )
        for gamma in GAMMAS
    ]
    return GAMMAS[int(np.argmin(differences))]


def amplitude(band: str, wavelength_um: float, gamma: float) -> float:
    """Return the cirrus signal of a band per signal in B10."""
    if band == "B09":
        return _B09_SHARE / gamma
    return (_LONG_WAVE_SHARE if wavelength_um > _LONG_WAVE_UM else 1.0) / gamma


def remove_cirrus(
    dn: NDArray[np.uint16], resolution: int, cirrus: Float32, factor: float, calibration: Calibration, out: NDArray[Any]
) -> None:
    """Fill ``out`` with the counts of a band without cirrus; 0 stays no-data and 65535 saturated.

    Args:
        dn: ``[rows, cols]`` Level-1C counts.
        resolution: 10, 20 or 60 [m].
        cirrus: signal in B10 at 60 m.
        factor: :func:`amplitude` of the band.
        calibration: of the counts.
        out: ``[rows, cols]`` uint16.
    """
    scale = np.float32(factor * calibration.quantification)
    for rows in strips(dn.shape[0]):
        counts = np.asarray(dn[rows])
        corrected = counts - scale * enlarge(cirrus, 60 // resolution, rows, dn.shape[1])
        corrected += np.float32(0.5)
        np.clip(corrected, 1, 65534, out=corrected)
        out[rows] = np.where((counts == 0) | (counts == 65535), counts, corrected.astype(np.uint16))
