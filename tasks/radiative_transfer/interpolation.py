"""Interpolation as weights per axis, so that a tensor-product interpolation is a chain of contractions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator, make_interp_spline

Float = NDArray[np.float64]
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SplineAxis:
    """Cubic not-a-knot spline on fixed nodes, written as weights of the node values.

    Attributes:
        nodes: ``[n]`` ascending, at least four.
    """

    nodes: Float

    @cached_property
    def _coefficients(self) -> Float:
        """``[4, intervals, n]`` polynomial coefficients of the spline through each unit vector."""
        coefficients: Float = CubicSpline(self.nodes, np.eye(self.nodes.size), bc_type="not-a-knot").c
        return coefficients

    def clamp(self, values: ArrayLike) -> Float:
        """Return the values limited to the axis."""
        return np.clip(np.asarray(values, dtype=np.float64), self.nodes[0], self.nodes[-1])

    def weights(self, values: ArrayLike) -> Array:
        """Return ``[..., n]`` weights; values outside the axis are clamped to it. NaN gives NaN weights."""
        inside = self.clamp(values)
        interval = np.clip(np.searchsorted(self.nodes, inside, side="right") - 1, 0, self.nodes.size - 2)
        step = (inside - self.nodes[interval])[..., np.newaxis]
        coefficients = self._coefficients
        result = coefficients[0][interval]
        for order in (1, 2, 3):
            result = result * step + coefficients[order][interval]
        return np.asarray(result, np.float32)


@dataclass(frozen=True, eq=False)
class CosineAxis:
    """Cosine series in the relative azimuth through all nodes, written as weights of the node values.

    The path reflectance is an even function of the azimuth: n evenly spaced nodes from 0 to 180 degrees fix n terms.
    """

    nodes: Float

    @cached_property
    def _inverse(self) -> Float:
        order = np.arange(self.nodes.size)
        return np.linalg.inv(np.cos(np.radians(self.nodes)[:, np.newaxis] * order))

    def weights(self, values: ArrayLike) -> Array:
        """Return ``[..., n]`` weights for azimuths of any sign and turn [degrees]."""
        angle = np.radians(np.asarray(values, dtype=np.float64))[..., np.newaxis]
        result: Array = (np.cos(angle * np.arange(self.nodes.size)) @ self._inverse).astype(np.float32)
        return result


def log_log_pchip(nodes: Float, values: NDArray[np.floating], targets: Float) -> Float:
    """Interpolate positive values along the first axis, monotone cubics of ln(value) in ln(node).

    Args:
        nodes: ``[n]`` ascending, positive.
        values: ``[n, ...]``; values below 1e-9 are raised to it.
        targets: ``[m]`` inside the nodes.

    Returns:
        ``[m, ...]``
    """
    first = max(int(np.searchsorted(nodes, targets.min(), side="right")) - 2, 0)
    last = min(int(np.searchsorted(nodes, targets.max())) + 2, nodes.size)
    near = slice(first, last)  # the cubic of an interval knows the nodes next to it, and no others
    logs = np.log(np.maximum(values[near], 1e-9, dtype=np.float64))
    result: Float = np.exp(PchipInterpolator(np.log(nodes[near]), logs, axis=0)(np.log(targets)))
    return result


def log_log_lines(nodes: Float, values: NDArray[np.floating], targets: Float) -> Float:
    """Interpolate positive values along the first axis, powers of the node between two nodes: see log_log_pchip."""
    logs = np.log(np.maximum(values, 1e-9, dtype=np.float64))
    result: Float = np.exp(make_interp_spline(np.log(nodes), logs, k=1)(np.log(targets)))
    return result


def contract(table: Array, weights: Array) -> Array:
    """Sum ``table [..., n]`` times ``weights [..., n]`` over the last axis, broadcasting the leading axes."""
    if table.ndim == 1:
        return weights @ table
    if weights.ndim == 1:
        return table @ weights
    result: Array = np.einsum("...n,...n->...", table, weights)
    return result
