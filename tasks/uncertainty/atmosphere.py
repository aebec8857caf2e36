"""From the uncertainty of AOT, water vapour and surroundings to the fields of a band's budget."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.coefficients import BandCoefficients, CoarseCoefficients, at_pixels, band_coefficients
from tasks.surface_reflectance.neighbourhood import GRID_M, Surroundings, surroundings_mean
from tasks.surface_reflectance.scene import Scene
from tasks.uncertainty.budget import BandBudget
from tasks.uncertainty.sensitivity import adjacency_error, central, echo, gain, response, top_of_atmosphere

_COLUMN_STEP = 1.02
"""Ratio of the two columns from which the slope of the absorption is taken."""


@dataclass(frozen=True, eq=False)
class AtmosphereErrors:
    """AOT and water vapour of the tile with their standard uncertainties, and the surroundings.

    Attributes:
        aot550: ``[rows60, cols60]``.
        aot550_nodes: ``[ny, nx]`` on the coarse nodes.
        aot550_error: one standard deviation, common to the scene.
        water_cm: ``[ny, nx]`` column.
        water_error_cm: ``[ny, nx]`` its standard deviation.
        calibration: relative standard uncertainty of the signal.
        wide, narrow: surroundings of the range ``Adj_Km`` and of half of it; None without adjacency correction.
    """

    aot550: Float32
    aot550_nodes: Float32
    aot550_error: float
    water_cm: Float32
    water_error_cm: Float32
    calibration: float = 0.0
    wide: Surroundings | None = None
    narrow: Surroundings | None = None


def aot_error(retrieval: float, per_gain: float, calibration: float) -> float:
    """Return one standard deviation of the AOT: of its retrieval, and of the calibration of what it was read from.

    Args:
        retrieval: standard uncertainty of the retrieval.
        per_gain: change of the AOT per relative change of the signal.
        calibration: relative standard uncertainty of the signal.
    """
    return float(np.hypot(retrieval, per_gain * calibration))


def ratio_error(ground: float, calibration: float) -> float:
    """Return the relative standard uncertainty of B09/B8A: of the ground's slope, and of the two bands' calibration."""
    return float(np.hypot(ground, np.sqrt(2.0) * calibration))


def column_error_cm(scene: Scene, aot550: Float32, water_cm: Float32, ratio_error: float) -> Float32:
    """Return the standard uncertainty of the retrieved column ``[ny, nx]`` [cm].

    The retrieval reads the transmittance of B09, two ways, from the ratio B09/B8A: ``dU = dT/T / |d ln T / d U|``.

    Args:
        scene: with the band B09.
        aot550, water_cm: ``[ny, nx]``.
        ratio_error: relative standard uncertainty of the ratio.
    """
    atmosphere = scene.atmosphere("B09")
    column = np.maximum(water_cm, np.float32(0.05))
    above = (column * np.float32(_COLUMN_STEP)).astype(np.float32)
    first, second = (atmosphere.terms(aot550, u).gas_transmittance for u in (column, above))
    slope = np.log(np.maximum(first, 1e-6) / np.maximum(second, 1e-6)) / (above - column)
    return np.asarray(ratio_error / np.maximum(slope, 1e-3), np.float32)


def budget_of_band(scene: Scene, band: str, errors: AtmosphereErrors, rho60: Float32) -> BandBudget:
    """Return the fields of one band.

    The surroundings' mean reflectance stands for their mean light: over the range of the adjacency effect slopes turned
    to the sun and away from it cancel. Without adjacency correction each block is its own surroundings.

    Args:
        scene: atmosphere.
        band: band name.
        errors: of the atmosphere.
        rho60: ``[rows60, cols60]`` surface reflectance of the blocks.
    """
    nodes, moist = errors.aot550_nodes, errors.water_cm + errors.water_error_cm
    coarse = band_coefficients(scene, band, nodes, errors.water_cm)
    moister = band_coefficients(scene, band, nodes, moist)
    step = np.float32(errors.aot550_error)

    def at(coefficients: CoarseCoefficients, aot550: Float32) -> BandCoefficients:
        found, _ = at_pixels(coefficients, scene.grid, GRID_M, aot550)
        if errors.wide is None:
            found = replace(found, adjacency=np.zeros_like(found.adjacency))
        return found

    c = at(coarse, errors.aot550)
    share = scene.grid.upsample(coarse.molecular_share, GRID_M, slice(0, rho60.shape[0]), rho60.shape[1])
    mean = rho60 if errors.wide is None else surroundings_mean(rho60, errors.wide, share)
    y_mean = echo(mean, c.spherical_albedo)
    if errors.wide is None or errors.narrow is None:
        reach = np.zeros_like(y_mean)
    else:
        near = surroundings_mean(rho60, errors.narrow, share)
        reach = adjacency_error(c, y_mean, echo(near, c.spherical_albedo))
    return BandBudget(
        path=top_of_atmosphere(c, np.zeros_like(y_mean), y_mean),
        gain=gain(c, y_mean),
        calibration=response(c, c, y_mean, errors.calibration),
        aot550=central(c, at(coarse, errors.aot550 - step), at(coarse, errors.aot550 + step), y_mean),
        water_vapour=response(c, at(moister, errors.aot550), y_mean),
        adjacency=reach,
        albedo=c.spherical_albedo,
    )
