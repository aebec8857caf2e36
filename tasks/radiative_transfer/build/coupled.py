"""Absorption by water vapour and scattering solved together, for the bands where the product of both is not enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.radiative_transfer.build import grid
from tasks.radiative_transfer.build.solver import AerosolOptics, scatter, transmittances

Float = NDArray[np.float64]

_LARGEST_FLUX_DEPTH = 12.0
"""Beyond this optical depth no light reaches the ground: the transmittance is kept at its floor."""

_FLOOR = 1e-9


def solve(rayleigh: float, aerosol: AerosolOptics) -> dict[str, Float]:
    """Return the solution for every vertical optical depth of water vapour (last axis ``g``).

    Returns:
        ``path_ratio [a, p, s, v, f, g]``: path reflectance over that without gas; ``transmittance [a, p, s, g]`` sun to
        ground; ``transmittance_up [a, p, v, g]``; ``albedo [a, p, g]`` spherical albedo.
    """
    aot, pressure, sun = grid.COUPLED_AOT550, grid.COUPLED_PRESSURE, grid.COUPLED_SUN_ZENITH_DEG
    paths, down, up, albedo = [], [], [], []
    for depth in grid.GAS_DEPTH:
        result = scatter(rayleigh, aerosol, aot, pressure, sun, water=float(depth))
        paths.append(result.path)
        if depth <= _LARGEST_FLUX_DEPTH:
            down.append(np.maximum(result.transmittance, _FLOOR))
            views, _ = transmittances(rayleigh, aerosol, aot, pressure, grid.VIEW_ZENITH_DEG, float(depth))
            up.append(np.maximum(views, _FLOOR))
            albedo.append(result.albedo)
        else:
            down.append(np.full_like(down[0], _FLOOR))
            up.append(np.full_like(up[0], _FLOOR))
            albedo.append(albedo[-1])
    path = np.stack(paths, axis=-1)
    return {
        "path_ratio": path / path[..., :1],
        "transmittance": np.stack(down, axis=-1),
        "transmittance_up": np.stack(up, axis=-1),
        "albedo": np.stack(albedo, axis=-1),
    }
