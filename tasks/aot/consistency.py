"""Does the scene's aerosol leave plausible reflectances? If not, the visibility is raised step by step.

Source: Sen2Cor 3 sources, AtmCorr. Two checks: at most 1 % of the land may fall below the cut-offs in B04 and B8A, and
dark dense vegetation must keep its green peak.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.aot.visibility import CLEAREST_STEP_KM, aot_from_visibility, next_visibility_km
from tasks.surface_reflectance.coarse import Float32, strips
from tasks.surface_reflectance.coefficients import linear_coefficients
from tasks.surface_reflectance.inversion import ground_reflectance
from tasks.surface_reflectance.neighbourhood import GRID_M
from tasks.surface_reflectance.scene import Scene

LARGEST_SHARE = 0.01
GREEN_PEAK = 1.08
_NEGATIVE_STEPS = 12
_GREEN_STEPS = 6


@dataclass(frozen=True, eq=False)
class Samples:
    """Pixels on which a check is made, one of each 60 m block at most.

    Attributes:
        toa: ``[rows, cols]`` top-of-atmosphere reflectance at 60 m, per band.
        toa_mean: its mean over the surroundings, per band; None leaves the neighbourhood out.
        land: ``[rows, cols]`` pixels of the negative check.
        vegetation: ``[rows, cols]`` dark dense vegetation.
    """

    toa: dict[str, Float32]
    toa_mean: dict[str, Float32] | None
    land: NDArray[np.bool_]
    vegetation: NDArray[np.bool_]


class ConsistencyChecker:
    """Evaluates the checks for trial visibilities over one scene."""

    def __init__(self, scene: Scene, samples: Samples, water_vapour_cm: Float32) -> None:
        self._scene = scene
        self._samples = samples
        self._water_vapour_cm = water_vapour_cm

    @property
    def land(self) -> NDArray[np.bool_]:
        """Samples on land that is not dark dense vegetation."""
        return self._samples.land

    def reflectance(self, band: str, visibility_km: float, where: NDArray[np.bool_]) -> Float32:
        """Return the surface reflectance ``[n]`` of the samples ``where`` at a visibility [km]."""
        grid = self._scene.grid
        aot550 = aot_from_visibility(visibility_km, self._scene.height_km).astype(np.float32)
        c = linear_coefficients(self._scene.atmosphere(band).terms(aot550, self._water_vapour_cm))
        samples, parts = self._samples, []
        for rows in strips(where.shape[0]):
            here = where[rows]
            path, gain, albedo, adjacency = (
                grid.upsample(field, GRID_M, rows, where.shape[1])[here]
                for field in (c.path, c.inverse_transmittance, c.spherical_albedo, c.adjacency)
            )
            y = (samples.toa[band][rows][here] - path) * gain
            y_mean = None if samples.toa_mean is None else (samples.toa_mean[band][rows][here] - path) * gain
            parts.append(ground_reflectance(y, albedo, adjacency, y_mean))
        return np.concatenate(parts)

    def few_negative(self, visibility_km: float, red_cut_off: float, nir_cut_off: float) -> bool:
        """Return whether at most 1 % of the land lies below the cut-off in B04 and in B8A."""
        land = self._samples.land
        if not land.any():
            return True
        return all(
            float(np.mean(self.reflectance(band, visibility_km, land) < cut_off)) <= LARGEST_SHARE
            for band, cut_off in (("B04", red_cut_off), ("B8A", nir_cut_off))
        )

    def green_peak(self, visibility_km: float) -> bool:
        """Return whether the vegetation's mean green reflectance exceeds its mean red by 8 %."""
        where = self._samples.vegetation
        if not where.any():
            return True
        green = float(np.mean(self.reflectance("B03", visibility_km, where)))
        return green >= GREEN_PEAK * float(np.mean(self.reflectance("B04", visibility_km, where)))


def raise_until(plausible: Callable[[float], bool], visibility_km: float, steps: int) -> float:
    """Return the first visibility of the ladder that is plausible, the last one tried otherwise."""
    for _ in range(steps):
        if visibility_km >= CLEAREST_STEP_KM or plausible(visibility_km):
            break
        visibility_km = next_visibility_km(visibility_km)
    return visibility_km


def check_visibility(
    checker: ConsistencyChecker, visibility_km: float, red_cut_off: float, nir_cut_off: float
) -> float:
    """Return the visibility [km] after both checks: the given one, or a clearer one.

    Args:
        checker: of the scene.
        visibility_km: of the scene.
        red_cut_off: ``AC_Cut_Off_Aot_Iter_Vegetation``, for B04.
        nir_cut_off: ``AC_Cut_Off_Aot_Iter_Water``, for B8A.
    """
    raised = raise_until(
        lambda trial: checker.few_negative(trial, red_cut_off, nir_cut_off), visibility_km, _NEGATIVE_STEPS
    )
    return raise_until(checker.green_peak, raised, _GREEN_STEPS)
