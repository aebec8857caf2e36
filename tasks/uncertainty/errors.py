"""What is known about the errors of a tile's atmosphere, from the maps and from what their stages say about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.inputs import TileMaps, nodes_of_map
from tasks.surface_reflectance.neighbourhood import GRID_M, Surroundings, block_means, describe_surroundings
from tasks.surface_reflectance.scene import Scene
from tasks.uncertainty.atmosphere import AtmosphereErrors
from tasks.uncertainty.column import BEYOND, WINDOW, column_answers
from tasks.uncertainty.covariance import RetrievalErrors
from tasks.uncertainty.parameters import UncertaintyParameters
from tasks.water_vapour.parameters import share_of_b09

_REACHES = (1.0, 0.5, 2.0)
"""The range of the adjacency effect, and one standard deviation to either side, in ``Adj_Km``."""


def atmosphere_errors(
    scene: Scene,
    parameters: UncertaintyParameters,
    maps: TileMaps,
    aot: dict[str, Any],
    water_vapour: dict[str, Any],
    ground: dict[str, Float32],
) -> AtmosphereErrors:
    """Return AOT, water vapour and surroundings with what is known about their errors.

    Args:
        scene: with the bands that the water vapour is read from.
        parameters: what is known beforehand.
        maps: of the tile.
        aot, water_vapour: statistics of the two stages.
        ground: ``[rows60, cols60]`` surface reflectance of the two windows beside the absorption of water vapour.
    """
    aot_nodes = nodes_of_map(scene.grid, maps.aot550, maps.scl, maps.resolution)
    column = nodes_of_map(scene.grid, maps.water_vapour, maps.scl, maps.resolution)
    retrievals = RetrievalErrors(
        calibration=parameters.uncertainty_calibration / 100.0,
        aot550=float(aot["aot_uncertainty"]),
        water_cm=np.full_like(column, parameters.unknown_water_vapour_cm),
        aot550_of=dict(aot["aot_per_gain"]),
    )
    if water_vapour["retrieved_percentage"] > 0:
        window, beyond = (scene.grid.area_mean(ground[band], ground[band] > 0, GRID_M) for band in (WINDOW, BEYOND))
        answers = column_answers(scene, aot_nodes, column, window, beyond, share_of_b09(parameters.wavelength))
        retrievals = replace(
            retrievals,
            water_cm=np.abs(answers.ratio) * np.float32(parameters.band_ratio_uncertainty),
            water_cm_of=answers.signal,
            water_cm_of_aot=answers.aot550,
            mean_water_cm=np.abs(answers.ratio) * np.float32(parameters.mean_ratio_uncertainty),
        )
    return AtmosphereErrors(
        aot550=block_means(maps.aot550, maps.scl != 0, maps.resolution) * np.float32(0.001),
        aot550_nodes=aot_nodes,
        water_cm=column,
        retrievals=retrievals,
        surroundings=_surroundings(maps, parameters),
    )


def _surroundings(
    maps: TileMaps, parameters: UncertaintyParameters
) -> tuple[Surroundings, Surroundings, Surroundings] | None:
    """Return the surroundings of the adjacency correction, of its range, of half and of twice of it."""
    if not parameters.rho_retrieval_step2:
        return None
    mean, narrow, wide = (
        describe_surroundings(maps.scl, parameters.adj_km * factor, maps.resolution, parameters.adjacency_kernel)
        for factor in _REACHES
    )
    return None if mean is None or narrow is None or wide is None else (mean, narrow, wide)
