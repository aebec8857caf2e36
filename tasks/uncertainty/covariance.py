"""What the errors of calibration, AOT and water vapour have in common.

AOT and water vapour are read from the bands whose reflectance they then correct: B04 too bright gives too much AOT,
which takes away from B04 what its calibration has added; B09 comes back as bright as B8A whatever its own calibration
is. With ``e_k`` the independent calibration errors of the bands (standard uncertainty ``c``), ``s`` and ``t`` what else
is uncertain in the AOT ``A`` and in the column ``U``, and the answers of the retrievals ``a_k = dA/de_k``,
``w_k = dU/de_k``, ``w_A = dU/dA``::

    dA = s + sum a_k e_k            dU = t + w_A s + sum (w_k + w_A a_k) e_k

Variances and covariances of ``(e_b, A, U)`` follow for each band ``b`` (JCGM 100:2008, F.1.2.3: sums over the sources
that are common).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tasks.surface_reflectance.absorption_band import ABSORPTION_BAND
from tasks.surface_reflectance.coarse import Float32


@dataclass(frozen=True, eq=False)
class RetrievalErrors:
    """What is known about the errors of AOT and water vapour.

    Attributes:
        calibration: relative standard uncertainty of the signal of each band.
        aot550: standard uncertainty of the AOT but for the calibration.
        aot550_of: change of the AOT with a relative change of a band's signal.
        water_cm: ``[ny, nx]`` standard uncertainty of the column but for calibration and AOT [cm].
        water_cm_of: ``[ny, nx]`` change of the column with a relative change of a band's signal [cm].
        water_cm_of_aot: ``[ny, nx]`` change of the column with the AOT [cm].
        mean_water_cm: as ``water_cm``, of the kilometre's mean column, with which B09 is corrected; None: the same.
    """

    calibration: float
    aot550: float
    water_cm: Float32
    aot550_of: dict[str, float] = field(default_factory=dict)
    water_cm_of: dict[str, Float32] = field(default_factory=dict)
    water_cm_of_aot: Float32 | None = None
    mean_water_cm: Float32 | None = None


@dataclass(frozen=True, eq=False)
class Covariance:
    """Standard uncertainties of AOT and column, and their correlations with each other and with a band's calibration.

    Attributes:
        aot550: standard uncertainty.
        water_cm: ``[ny, nx]`` standard uncertainty.
        calibration_aot550: correlation of the band's calibration with the AOT.
        calibration_water: ``[ny, nx]`` correlation of the band's calibration with the column.
        aot550_water: ``[ny, nx]`` correlation of AOT and column.
    """

    aot550: float
    water_cm: Float32
    calibration_aot550: float
    calibration_water: Float32
    aot550_water: Float32


def covariance_of(errors: RetrievalErrors, band: str) -> Covariance:
    """Return the covariance of a band's calibration, the AOT and the column."""
    c, none = errors.calibration, np.zeros_like(errors.water_cm)
    by_aot = none if errors.water_cm_of_aot is None else errors.water_cm_of_aot
    aot_variance = errors.aot550**2
    mean = errors.mean_water_cm if band == ABSORPTION_BAND else None
    water_variance = np.square(errors.water_cm if mean is None else mean) + np.square(
        by_aot * np.float32(errors.aot550)
    )
    together = by_aot * np.float32(errors.aot550**2)
    for source in {*errors.aot550_of, *errors.water_cm_of}:
        a = c * errors.aot550_of.get(source, 0.0)
        u = np.float32(c) * errors.water_cm_of.get(source, none) + by_aot * np.float32(a)
        aot_variance += a**2
        water_variance = water_variance + np.square(u)
        together = together + u * np.float32(a)
    aot, water = float(np.sqrt(aot_variance)), np.sqrt(water_variance)
    own_aot = c * errors.aot550_of.get(band, 0.0)
    own_water = np.float32(c) * errors.water_cm_of.get(band, none) + by_aot * np.float32(own_aot)
    tiny = 1e-9
    return Covariance(
        aot550=aot,
        water_cm=np.asarray(water, np.float32),
        calibration_aot550=own_aot / max(aot, tiny),
        calibration_water=np.asarray(own_water / np.maximum(water, tiny), np.float32),
        aot550_water=np.asarray(together / np.maximum(water * aot, tiny), np.float32),
    )
