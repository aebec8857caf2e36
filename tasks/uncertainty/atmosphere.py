"""From the uncertainty of calibration, AOT, water vapour and surroundings to the fields of a band's budget."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.coefficients import BandCoefficients, CoarseCoefficients, at_pixels, band_coefficients
from tasks.surface_reflectance.neighbourhood import GRID_M, Surroundings, surroundings_mean
from tasks.surface_reflectance.scene import Scene
from tasks.uncertainty.budget import BandBudget, Correlations, Instrument, correlated, independent
from tasks.uncertainty.covariance import RetrievalErrors, covariance_of
from tasks.uncertainty.sensitivity import adjacency_error, central, echo, gain, response, top_of_atmosphere

_CALIBRATION, _AOT, _WATER = range(3)


@dataclass(frozen=True, eq=False)
class AtmosphereErrors:
    """AOT and water vapour of the tile, what is known about their errors, and the surroundings.

    Attributes:
        aot550: ``[rows60, cols60]``.
        aot550_nodes: ``[ny, nx]`` on the coarse nodes.
        water_cm: ``[ny, nx]`` column.
        retrievals: their errors, and that of the calibration.
        surroundings: of the range ``Adj_Km``, of half and of twice of it; None without adjacency correction.
    """

    aot550: Float32
    aot550_nodes: Float32
    water_cm: Float32
    retrievals: RetrievalErrors
    surroundings: tuple[Surroundings, Surroundings, Surroundings] | None = None


def budget_of_band(
    scene: Scene, band: str, errors: AtmosphereErrors, rho60: Float32, instrument: Instrument
) -> BandBudget:
    """Return the fields of one band.

    The surroundings' mean reflectance stands for their mean light: over the range of the adjacency effect slopes turned
    to the sun and away from it cancel. Without adjacency correction each block is its own surroundings.

    Args:
        scene: atmosphere.
        band: band name.
        errors: of the atmosphere.
        rho60: ``[rows60, cols60]`` surface reflectance of the blocks.
        instrument: of the band.
    """
    shared = covariance_of(errors.retrievals, band)
    coarse = band_coefficients(scene, band, errors.aot550_nodes, errors.water_cm)
    moister = band_coefficients(scene, band, errors.aot550_nodes, errors.water_cm + shared.water_cm)
    step = np.float32(shared.aot550)

    def at(coefficients: CoarseCoefficients, aot550: Float32) -> BandCoefficients:
        found, _ = at_pixels(coefficients, scene.grid, GRID_M, aot550)
        if errors.surroundings is None:
            found = replace(found, adjacency=np.zeros_like(found.adjacency))
        return found

    def up(field: Float32) -> Float32:
        return scene.grid.upsample(field, GRID_M, slice(0, rho60.shape[0]), rho60.shape[1])

    c = at(coarse, errors.aot550)
    if errors.surroundings is None:
        y_mean = echo(rho60, c.spherical_albedo)
        reach = np.zeros_like(y_mean)
    else:
        share = up(coarse.molecular_share)
        y_mean, narrow, wide = (
            echo(surroundings_mean(rho60, around, share), c.spherical_albedo) for around in errors.surroundings
        )
        reach = adjacency_error(c, y_mean, narrow, wide)
    responses = (
        response(c, c, y_mean, errors.retrievals.calibration),
        central(c, at(coarse, errors.aot550 - step), at(coarse, errors.aot550 + step), y_mean),
        response(c, at(moister, errors.aot550), y_mean),
    )
    correlations: Correlations = {
        (_CALIBRATION, _AOT): shared.calibration_aot550,
        (_CALIBRATION, _WATER): up(shared.calibration_water),
        (_AOT, _WATER): up(shared.aot550_water),
    }
    own = independent(top_of_atmosphere(c, np.zeros_like(y_mean), y_mean), gain(c, y_mean), reach, instrument)
    return BandBudget(correlated(responses, correlations) + own, c.spherical_albedo)
