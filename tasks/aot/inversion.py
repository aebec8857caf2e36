"""AOT of dark dense vegetation: the aerosol for which red and 2.2 um reflectance keep their known ratio."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import CoarseGrid, Float32, strips
from tasks.surface_reflectance.coefficients import BandCoefficients, linear_coefficients
from tasks.surface_reflectance.inversion import ground_reflectance
from tasks.surface_reflectance.neighbourhood import GRID_M
from tasks.surface_reflectance.scene import Scene

SMALLEST_AOT = 0.01
LARGEST_AOT = 1.5
AOT_NODES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.27, 0.35, 0.45, 0.55, 0.7, 0.85, 1.05, 1.25, 1.5)
RATIO_UNCERTAINTY = 0.05
"""One standard deviation of a scene's red over 2.2 um ratio: the range 0.4 to 0.6 that Sen2Cor allows
``AC_Swir_22um_Red_Refl_Ratio`` is taken for two of them either side."""
_GAIN_STEP = 0.01
_MOST_NEGATIVE = -0.05
"""Solutions down to here, by extrapolation, count in the mean, so that noise about clean air does not bias it."""


@dataclass(frozen=True, eq=False)
class Targets:
    """The targets of each 60 m block.

    Attributes:
        share: ``[rows, cols]`` share of targets in the block; 0 where there are none.
        toa: per band (B04, B12) ``[rows, cols]`` mean top-of-atmosphere reflectance of the targets.
        toa_mean: per band ``[rows, cols]`` mean over their surroundings; None leaves the neighbourhood out.
    """

    share: Float32
    toa: dict[str, Float32]
    toa_mean: dict[str, Float32] | None


@dataclass(frozen=True, eq=False)
class TargetAot:
    """AOT of the 60 m blocks with targets.

    Attributes:
        aot550: ``[rows, cols]`` float32; the mean where not solved.
        solved: ``[rows, cols]`` where the ratio has a solution.
        mean: mean of the solved blocks, weighted by their target share; None when none is solved.
        uncertainty: one standard deviation of the mean, from the surface relation it stands on.
        per_gain: change of the mean with a relative change of the signal, by band; nothing where it is not known.
    """

    aot550: Float32
    solved: NDArray[np.bool_]
    mean: float | None
    uncertainty: float = 0.0
    per_gain: dict[str, float] = field(default_factory=dict)


def invert_targets(scene: Scene, targets: Targets, ratio: float, water_vapour_cm: Float32) -> TargetAot:
    """Return the AOT at which ``rho_B04 = ratio * rho_B12`` (Kaufman et al. 1997, doi:10.1109/36.628795).

    Both reflectances are inverted at the same trial AOT, so the weak dependence of B12 on the aerosol is included.
    Sen2Cor does the same for every 20 m pixel, with its eight visibilities, linear interpolation in optical depth, and
    half the adjacency term against the mean of a large cell. Here the targets of a 60 m block are averaged first, the
    trial values are closer, the interpolation is quadratic, and the adjacency is that of the surface reflectance. The
    120 km limit of Sen2Cor's tables is not applied.

    Args:
        scene: geometry, height and ozone.
        targets: reflectances at 60 m.
        ratio: ``AC_Swir_22um_Red_Refl_Ratio``.
        water_vapour_cm: ``[ny, nx]`` column on the coarse nodes [cm].
    """
    atmospheres = {band: scene.atmosphere(band) for band in ("B04", "B12")}
    trials = [
        {band: linear_coefficients(a.terms(aot, water_vapour_cm)) for band, a in atmospheres.items()}
        for aot in AOT_NODES
    ]
    share = targets.share
    aot550 = np.zeros(share.shape, np.float32)
    solved = np.zeros(share.shape, np.bool_)
    answers: dict[str, Float32] = {name: np.zeros(share.shape, np.float32) for name in ("ratio", *atmospheres)}
    for rows in strips(share.shape[0]):
        here = share[rows] > 0
        if not here.any():
            continue
        excess = np.empty((len(AOT_NODES), int(here.sum())), np.float32)
        swir = np.empty_like(excess)
        for number, trial in enumerate(trials):
            rho = {band: target_reflectance(trial[band], scene.grid, rows, here, targets, band) for band in trial}
            excess[number], swir[number] = rho["B04"] - ratio * rho["B12"], rho["B12"]
        solution, found = solve_crossing(excess)
        place, fall = _steepness(excess, solution)
        answers["ratio"][rows][here] = np.take_along_axis(swir, place, axis=0)[0] / fall
        middle = trials[int(np.median(place))]
        for band, share_of_excess in (("B04", 1.0), ("B12", -ratio)):
            change = share_of_excess * _answer_to_gain(middle[band], scene.grid, rows, here, targets, band)
            answers[band][rows][here] = change / fall
        aot550[rows][here] = solution
        solved[rows][here] = found
    weight = np.where(solved, share, 0).astype(np.float64)
    if weight.sum() == 0:
        return TargetAot(aot550, solved, None)
    means = {name: float((values * weight).sum() / weight.sum()) for name, values in answers.items()}
    mean = float((aot550 * weight).sum() / weight.sum())
    own = np.where(solved, aot550, np.float32(mean)).astype(np.float32)
    return TargetAot(own, solved, mean, RATIO_UNCERTAINTY * means.pop("ratio"), means)


def _steepness(excess: Float32, solution: Float32) -> tuple[NDArray[np.intp], Float32]:
    """Return the trial ``[1, n]`` next above the solution, and by how much the excess falls per unit of AOT there."""
    nodes = np.asarray(AOT_NODES, np.float32)
    above = np.clip(np.searchsorted(nodes, solution), 1, nodes.size - 1)[None]
    low, high = (np.take_along_axis(excess, place, axis=0)[0] for place in (above - 1, above))
    fall = (low - high) / (nodes[above] - nodes[above - 1])[0]
    return above, np.asarray(np.maximum(fall, np.float32(0.01)), np.float32)


def _answer_to_gain(
    c: BandCoefficients, grid: CoarseGrid, rows: slice, here: NDArray[np.bool_], targets: Targets, band: str
) -> Float32:
    """Return the change of the surface reflectance ``[n]`` with a relative change of the band's signal."""
    as_it_is = target_reflectance(c, grid, rows, here, targets, band)
    brighter = target_reflectance(c, grid, rows, here, targets, band, 1.0 + _GAIN_STEP)
    return np.asarray((brighter - as_it_is) / np.float32(_GAIN_STEP), np.float32)


def target_reflectance(
    c: BandCoefficients,
    grid: CoarseGrid,
    rows: slice,
    here: NDArray[np.bool_],
    targets: Targets,
    band: str,
    signal: float = 1.0,
) -> Float32:
    """Return the surface reflectance ``[n]`` of the blocks ``here`` of a strip, of a signal times ``signal``."""
    cols = here.shape[1]
    path, gain, albedo, adjacency = (
        grid.upsample(field, GRID_M, rows, cols)[here]
        for field in (c.path, c.inverse_transmittance, c.spherical_albedo, c.adjacency)
    )
    factor = np.float32(signal)
    y = (targets.toa[band][rows][here] * factor - path) * gain
    y_mean = None if targets.toa_mean is None else (targets.toa_mean[band][rows][here] * factor - path) * gain
    return ground_reflectance(y, albedo, adjacency, y_mean)


def solve_crossing(excess: Float32) -> tuple[Float32, NDArray[np.bool_]]:
    """Return where the excess first falls through zero along the trial AOTs.

    Args:
        excess: ``[len(AOT_NODES), n]`` red reflectance beyond its target at the trial AOTs.

    Returns:
        AOT ``[n]`` by inverse quadratic interpolation through three neighbouring trials (linear extrapolation down to
        -0.05 when the first trial is already below zero), and ``[n]`` whether there is a solution.
    """
    nodes = np.asarray(AOT_NODES, np.float32)
    falls = (excess[:-1] >= 0) & (excess[1:] < 0)
    found = falls.any(axis=0)
    below = ~found & (excess[0] < 0) & (excess[1] < excess[0])
    first = np.where(found, falls.argmax(axis=0), 0)
    third = np.where(first + 2 < nodes.size, first + 2, first - 1)
    places = np.stack([first, first + 1, third])
    f0, f1, f2 = np.take_along_axis(excess, places, axis=0)
    a0, a1, a2 = nodes[places]
    with np.errstate(divide="ignore", invalid="ignore"):
        linear = a0 - f0 * (a1 - a0) / (f1 - f0)
        quadratic = (
            a0 * f1 * f2 / ((f0 - f1) * (f0 - f2))
            + a1 * f0 * f2 / ((f1 - f0) * (f1 - f2))
            + a2 * f0 * f1 / ((f2 - f0) * (f2 - f1))
        )
    inside = found & (quadratic >= a0) & (quadratic <= a1)
    solution = np.where(inside, quadratic, linear)
    found = found | (below & (solution >= _MOST_NEGATIVE))
    return np.where(found, solution, 0).astype(np.float32), found
