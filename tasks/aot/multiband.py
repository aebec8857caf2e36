"""AOT from several bands at once: over all dark land, and over water, with the relations that hold there.

Each 60 m block says how far a trial AOT leaves its surface reflectances from a relation between them, in standard
deviations of that relation:

- land: red follows from 2.2 um and blue from red (Kaufman et al. 1997, doi:10.1109/36.628795; Karnieli et al. 2001,
  doi:10.1016/S0034-4257(01)00190-0). The ratios run from those of dense vegetation (0.5, 0.5) to those of bare soil
  (0.6, 0.55) with the normalised difference of B8A and B12, and are the less certain the barer the ground;
- water: what B8A and B11 show beyond B12, whose glint is theirs too, is aerosol (Gordon and Wang 1994,
  doi:10.1364/AO.33.000443). Turbid water shines in B8A, so only the darker half of the water takes part.

The relations' errors are a share of the reflectance: dark ground decides, bright ground has little to say. The sum over
the scene gives its AOT; blocks that are dark enough by themselves give the map. Fractions and standard deviations are
ours, set from spectral libraries and not fitted to any scene.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.aot.inversion import AOT_NODES, LARGEST_AOT, SMALLEST_AOT, TargetAot, Targets, target_reflectance
from tasks.surface_reflectance.coarse import Float32, strips
from tasks.surface_reflectance.coefficients import BandCoefficients, linear_coefficients
from tasks.surface_reflectance.scene import Scene

LAND_BANDS: Final = ("B02", "B04", "B8A", "B12")
WATER_BANDS: Final = ("B8A", "B11", "B12")

_DENSE: Final = 0.6
"""Normalised difference of B8A and B12 of dense vegetation."""
_RED: Final = (0.60, 0.50, 0.10, 0.05)
_BLUE: Final = (0.55, 0.50, 0.08, 0.05)
"""Ratio over bare soil and dense vegetation, and its standard deviation there."""
_LAND_FLOOR: Final = 0.004
_WATER_FLOOR: Final = (0.004, 0.002)
"""Smallest standard deviation of a relation, in reflectance: noise and texture, turbidity."""
_LARGEST_DEVIATION: Final = 4.0
"""Deviations count up to here, so that what is no such ground has a bounded say."""
_REFERENCE_NODE: Final = AOT_NODES.index(0.2)
_FEWEST_BLOCKS: Final = 20
_DETERMINED: Final = 0.15
"""Standard deviation of a block's own AOT up to which it enters the map."""
_SCENE_SPREAD: Final = 0.1
"""Standard deviation of the AOT within a scene: the prior of the blocks."""

_Residuals = list[tuple[Float32, Float32]]


@dataclass(frozen=True, eq=False)
class _Strip:
    """What the blocks of a strip say: ``[trial, block]`` costs, and per relation the sums behind the uncertainty."""

    rows: slice
    here: NDArray[np.bool_]
    cost: Float32
    slopes: NDArray[np.float64]
    """``[relation, interval]`` sum of the blocks' slopes of the deviation, outliers damped."""
    squares: NDArray[np.float64]
    """``[interval]`` sum of their squares over blocks and relations."""


def land_residuals(rho: dict[str, Float32]) -> _Residuals:
    """Return what red and blue show beyond their relations, each with its standard deviation."""
    total = np.maximum(rho["B8A"] + rho["B12"], np.float32(0.02))
    dense = np.clip((rho["B8A"] - rho["B12"]) / (total * np.float32(_DENSE)), 0.0, 1.0)
    pairs = []
    for law, upper, lower in ((_RED, rho["B04"], rho["B12"]), (_BLUE, rho["B02"], rho["B04"])):
        ratio, spread = (law[i] + (law[i + 1] - law[i]) * dense for i in (0, 2))
        deviation = np.hypot(spread * np.maximum(lower, 0.0), _LAND_FLOOR)
        pairs.append((np.asarray(upper - ratio * lower, np.float32), np.asarray(deviation, np.float32)))
    return pairs


def water_residuals(rho: dict[str, Float32]) -> _Residuals:
    """Return what near infrared and 1.6 um show beyond 2.2 um, each with its standard deviation."""
    return [
        (np.asarray(rho[band] - rho["B12"], np.float32), np.full_like(rho[band], floor))
        for band, floor in zip(("B8A", "B11"), _WATER_FLOOR, strict=True)
    ]


def invert_several(scene: Scene, land: Targets, water: Targets | None, water_vapour_cm: Float32) -> TargetAot:
    """Return the AOT of a scene from land and water.

    Args:
        scene: geometry, height and ozone.
        land: clear land, with the bands ``LAND_BANDS``.
        water: clear water, with ``WATER_BANDS``; None leaves it out.
        water_vapour_cm: ``[ny, nx]`` column on the coarse nodes [cm].
    """
    parts: list[tuple[Targets, tuple[str, ...], Callable[[dict[str, Float32]], _Residuals]]] = [
        (land, LAND_BANDS, land_residuals)
    ]
    if water is not None:
        parts.append((water, WATER_BANDS, water_residuals))
    bands = sorted({band for _, names, _ in parts for band in names})
    atmospheres = {band: scene.atmosphere(band) for band in bands}
    trials = [
        {band: linear_coefficients(a.terms(aot, water_vapour_cm)) for band, a in atmospheres.items()}
        for aot in AOT_NODES
    ]
    shape = land.share.shape
    nothing = TargetAot(np.zeros(shape, np.float32), np.zeros(shape, np.bool_), None)
    voices = [
        _listen(scene, trials, targets, names, residuals, rows)
        for targets, names, residuals in parts
        for rows in strips(shape[0])
        if (targets.share[rows] > 0).any()
    ]
    if sum(voice.cost.shape[1] for voice in voices) < _FEWEST_BLOCKS:
        return nothing
    mean = float(_minimum(sum(voice.cost.sum(axis=1, dtype=np.float64) for voice in voices)[:, None])[0][0])
    aot550 = np.full(shape, mean, np.float32)
    solved = np.zeros(shape, np.bool_)
    prior = np.square((np.asarray(AOT_NODES) - mean) / _SCENE_SPREAD)[:, None]
    for voice in voices:
        own, curvature = _minimum(voice.cost + prior)
        determined = curvature > 1.0 / _DETERMINED**2 + 1.0 / _SCENE_SPREAD**2
        aot550[voice.rows][voice.here] = own
        solved[voice.rows][voice.here] = determined
    return TargetAot(np.where(solved, aot550, np.float32(mean)).astype(np.float32), solved, mean, _error(voices, mean))


def _listen(
    scene: Scene,
    trials: list[dict[str, BandCoefficients]],
    targets: Targets,
    names: tuple[str, ...],
    residuals: Callable[[dict[str, Float32]], _Residuals],
    rows: slice,
) -> _Strip:
    """Return what the blocks of a strip say; the standard deviations are those at a usual AOT."""
    here = targets.share[rows] > 0
    found = [
        residuals({band: target_reflectance(trial[band], scene.grid, rows, here, targets, band) for band in names})
        for trial in trials
    ]
    limit = np.float32(_LARGEST_DEVIATION**2)
    steps = np.diff(np.asarray(AOT_NODES, np.float32))[:, None]
    cost = np.zeros((len(trials), int(here.sum())), np.float32)
    slopes, squares = [], np.zeros(len(trials) - 1)
    for relation, (_, sigma) in enumerate(found[_REFERENCE_NODE]):
        deviation = np.stack([pairs[relation][0] for pairs in found]) / sigma
        squared = np.square(deviation)
        trust = limit / (squared + limit)
        cost += squared * trust
        slope = np.diff(deviation, axis=0) / steps * trust[1:]
        slopes.append(slope.sum(axis=1, dtype=np.float64))
        squares += np.square(slope).sum(axis=1, dtype=np.float64)
    return _Strip(rows, here, cost, np.array(slopes), squares)


def _error(voices: list[_Strip], mean: float) -> float:
    """Return one standard deviation of the scene's AOT: each relation is wrong by one of its own, everywhere alike."""
    interval = int(np.clip(np.searchsorted(AOT_NODES, mean) - 1, 0, len(AOT_NODES) - 2))
    squares = sum(voice.squares[interval] for voice in voices)
    shifts: dict[tuple[int, int], float] = {}
    for voice in voices:
        for relation, slopes in enumerate(voice.slopes):
            key = (len(voice.slopes), relation)
            shifts[key] = shifts.get(key, 0.0) + slopes[interval]
    return float(np.sqrt(sum(shift**2 for shift in shifts.values())) / max(squares, 1e-9))


def _minimum(cost: NDArray[Any]) -> tuple[Float32, Float32]:
    """Return place and half the second derivative of the smallest cost ``[trial, n]``, by a parabola through three."""
    nodes = np.asarray(AOT_NODES)
    middle = np.clip(cost.argmin(axis=0), 1, nodes.size - 2)
    places = np.stack([middle - 1, middle, middle + 1])
    (x0, x1, x2), (f0, f1, f2) = nodes[places], np.take_along_axis(cost, places, axis=0)
    left, right = (f1 - f0) / (x1 - x0), (f2 - f1) / (x2 - x1)
    curvature = np.maximum((right - left) / (x2 - x0), 1e-9)
    place = 0.5 * (x0 + x1) - 0.5 * left / curvature
    return np.clip(place, SMALLEST_AOT, LARGEST_AOT).astype(np.float32), curvature.astype(np.float32)
