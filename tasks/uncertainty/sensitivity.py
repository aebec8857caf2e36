"""How the surface reflectance answers to what it was computed from.

The pixel's light ``L = rho e`` (``e`` is 1 over level ground: :mod:`tasks.surface_reflectance.terrain`) follows from
the top-of-atmosphere reflectance by the equations of :mod:`tasks.surface_reflectance.inversion`. Here the signal of a
known ``L`` is computed and inverted again in a slightly different atmosphere: the difference is the error that such an
error of AOT or water vapour makes. Inversion and forward model are linear in ``L`` once the surroundings are known, so
the difference is too: two numbers a 60 m block, at ``L`` = 0 and per unit of ``L``, serve every pixel in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.coefficients import BandCoefficients

_ONE_SIDE: Final = 0.48
"""Half-width that holds 68 % where the other side has no errors at all: half of them lie at 0, 37 % of the others
within."""


@dataclass(frozen=True, eq=False)
class Response:
    """An error of the light that is linear in it: ``dark + slope * L``; fields of one shape."""

    dark: Float32
    slope: Float32


def echo(mean: Float32, albedo: Float32) -> Float32:
    """Return ``y_b = rho_b / (1 - S rho_b)`` of the surroundings' mean light and the spherical albedo."""
    return np.asarray(mean / (1.0 - albedo * mean), np.float32)


def top_of_atmosphere(c: BandCoefficients, light: Float32, y_mean: Float32) -> Float32:
    """Return the reflectance at the top of the atmosphere: the forward equation of the inversion.

    Args:
        c: coefficients.
        light: ``L``.
        y_mean: ``y_b`` of the surroundings.
    """
    y = (light * (1.0 + c.spherical_albedo * y_mean) + c.adjacency * y_mean) / (1.0 + c.adjacency)
    return np.asarray(c.path + y / c.inverse_transmittance, np.float32)


def gain(c: BandCoefficients, y_mean: Float32) -> Float32:
    """Return what a unit of top-of-atmosphere reflectance adds to the light, the surroundings kept."""
    total = c.inverse_transmittance * (1.0 + c.adjacency) / (1.0 + c.spherical_albedo * y_mean)
    return np.asarray(total, np.float32)


def _inverted(
    true: BandCoefficients, assumed: BandCoefficients, light: Float32, y_mean: Float32, factor: float = 1.0
) -> Float32:
    """Return the light found with the assumed coefficients where the true ones made the signal, times a factor.

    The surroundings' mean is inverted with the assumed coefficients too, as the processor would.
    """
    toa = top_of_atmosphere(true, light, y_mean) * np.float32(factor)
    toa_mean = (true.path + y_mean / true.inverse_transmittance) * np.float32(factor)
    y = (toa - assumed.path) * assumed.inverse_transmittance
    around = (toa_mean - assumed.path) * assumed.inverse_transmittance
    found = (y + assumed.adjacency * (y - around)) / (1.0 + assumed.spherical_albedo * around)
    return np.asarray(found, np.float32)


def response(true: BandCoefficients, assumed: BandCoefficients, y_mean: Float32, calibration: float = 0.0) -> Response:
    """Return the error of the light when ``assumed`` is used where ``true`` holds.

    Args:
        true, assumed: coefficients of one shape.
        y_mean: ``y_b`` of the surroundings, with ``true``.
        calibration: relative error of the signal, of the pixel and its surroundings alike.
    """
    factor = 1.0 + calibration
    none, one = np.zeros_like(y_mean), np.ones_like(y_mean)
    dark = _inverted(true, assumed, none, y_mean, factor)
    return Response(dark, np.asarray(_inverted(true, assumed, one, y_mean, factor) - 1.0 - dark, np.float32))


def central(true: BandCoefficients, below: BandCoefficients, above: BandCoefficients, y_mean: Float32) -> Response:
    """Return the error for one standard deviation, as half the difference of both sides."""
    low, high = response(true, below, y_mean), response(true, above, y_mean)
    return Response(
        np.asarray((high.dark - low.dark) * 0.5, np.float32), np.asarray((high.slope - low.slope) * 0.5, np.float32)
    )


def adjacency_error(c: BandCoefficients, mean: Float32, narrow: Float32, wide: Float32) -> Float32:
    """Return the standard uncertainty of the light from not knowing how far the adjacency effect reaches.

    The range of ``Adj_Km`` is a convention; half and twice of it are one standard deviation away. The means of the
    surroundings differ where the ground round a place changes with the distance, and there alone the range matters.

    Args:
        c: coefficients.
        mean, narrow, wide: ``y_b`` averaged over ``Adj_Km``, over half and over twice of it.
    """
    spread = two_thirds(np.abs(mean - narrow), np.abs(mean - wide))
    return np.asarray(c.adjacency * spread / (1.0 + c.spherical_albedo * mean), np.float32)


def two_thirds(below: Float32, above: Float32) -> Float32:
    """Return the half-width that holds 68 % of errors that are normal with one width below and another above.

    The effect of a range that is shorter than assumed is up to several times that of a longer one. The standard
    deviation would hold up to 76 %; the geometric mean of both widths, but at least 0.48 of the larger one, holds 67 to
    69 %.

    Args:
        below, above: the widths, not negative.
    """
    return np.asarray(np.maximum(np.sqrt(below * above), _ONE_SIDE * np.maximum(below, above)), np.float32)
