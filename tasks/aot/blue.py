"""What dark vegetation shows in the blue: the check of the inversion, the aerosol type, the path scaling.

Source: Sen2Cor 3 sources, AtmCorr. The blue reflectance of vegetation follows from its red
(``AC_Red_Blue_Refl_Ratio``, plus 0.005); what is left of the signal is the path reflectance of the scene. Its ratio to
the model's, in the blue over that in the red, tells how well the spectral slope of the aerosol type fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.aot.inversion import Targets
from tasks.aot.parameters import AotParameters
from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.coefficients import linear_coefficients
from tasks.surface_reflectance.inversion import ground_reflectance
from tasks.surface_reflectance.neighbourhood import GRID_M
from tasks.surface_reflectance.scene import Scene

BLUE: Final = "B02"
RED: Final = "B04"
SWIR: Final = "B12"
_BLUE_OFFSET = 0.005


@dataclass(frozen=True)
class BluePath:
    """Scene over model path reflectance over the targets, in the blue and in the red."""

    blue: float
    red: float

    @property
    def double_ratio(self) -> float:
        """Blue over red; 1 for an aerosol type of the right spectral slope."""
        return self.blue / self.red


def path_ratios(
    scene: Scene, targets: Targets, aot550: float, water_vapour_cm: Float32, parameters: AotParameters
) -> BluePath | None:
    """Return the ratios for the targets at an AOT; None without targets.

    Args:
        scene: geometry, height and ozone.
        targets: reflectances at 60 m, with the blue band.
        aot550: of the scene.
        water_vapour_cm: ``[ny, nx]`` on the nodes.
        parameters: the two ratios of vegetation.
    """
    here = targets.share > 0
    if not here.any():
        return None
    whole, cols = slice(0, here.shape[0]), here.shape[1]
    ratios: dict[str, float] = {}
    ground: Float32 | None = None
    for band in (SWIR, RED, BLUE):
        c = linear_coefficients(scene.atmosphere(band).terms(aot550, water_vapour_cm))
        path, gain, albedo, adjacency = (
            scene.grid.upsample(field, GRID_M, whole, cols)[here]
            for field in (c.path, c.inverse_transmittance, c.spherical_albedo, c.adjacency)
        )
        toa = targets.toa[band][here]
        y_mean = None if targets.toa_mean is None else (targets.toa_mean[band][here] - path) * gain
        if ground is None:
            swir = ground_reflectance((toa - path) * gain, albedo, adjacency, y_mean)
            ground = np.asarray(swir * parameters.ac_swir_22um_red_refl_ratio, np.float32)
            continue
        if band == BLUE:
            ground = ground * np.float32(parameters.ac_red_blue_refl_ratio) + np.float32(_BLUE_OFFSET)
        y = _signal_of(ground, albedo, adjacency, y_mean)
        weight = targets.share[here].astype(np.float64)
        ratios[band] = float(np.sum((toa - y / gain) * weight) / np.sum(path * weight))
    return BluePath(ratios[BLUE], ratios[RED])


def _signal_of(ground: Float32, albedo: Float32, adjacency: Float32, y_mean: Float32 | None) -> Float32:
    """Return ``y`` of a ground reflectance: the inverse of ``ground_reflectance``."""
    if y_mean is None:
        return np.asarray(ground / (1.0 - albedo * ground), np.float32)
    return np.asarray((ground * (1.0 + albedo * y_mean) + adjacency * y_mean) / (1.0 + adjacency), np.float32)


def better_type(ratios: dict[str, BluePath | None], threshold: float) -> str:
    """Return the aerosol type whose double ratio is nearest to 1; the first unless another is better by more.

    Args:
        ratios: per type, in order of preference; None where there was nothing to decide upon.
        threshold: ``AC_Aerosol_Type_Ratio_Th``, the difference below which the first stays.
    """
    first, *others = ratios
    best, distance = first, ratios[first]
    if distance is None:
        return first
    smallest = abs(distance.double_ratio - 1.0)
    for name in others:
        other = ratios[name]
        if other is None:
            continue
        if abs(other.double_ratio - distance.double_ratio) > threshold and abs(other.double_ratio - 1.0) < smallest:
            best, smallest = name, abs(other.double_ratio - 1.0)
    return best


def blue_scaling(ratio: float, share_percent: float, share_permille: float, parameters: AotParameters) -> float:
    """Return the factor of the blue path reflectance, 1 where nothing is to be scaled.

    Args:
        ratio: scene over model path reflectance in the blue.
        share_percent: dark vegetation [%].
        share_permille: reference pixels [per mille].
        parameters: switches and limits.
    """
    enough = share_percent >= max(parameters.ac_spr_refl_percentage, parameters.ac_limit_area_path_rad_scale)
    enough |= share_permille >= parameters.ac_spr_refl_promille > 0 and parameters.ac_limit_area_path_rad_scale == 0
    if parameters.scaling_disabler or not enough or abs(ratio - 1.0) < parameters.ac_aerosol_type_ratio_th:
        return 1.0
    if parameters.scaling_limiter:
        return min(max(ratio, parameters.min_sc_blu), parameters.max_sc_blu)
    return ratio
