"""Band transmittances of gases as functions of column, air mass and pressure.

Water vapour of the production model: T = mean of exp(-tau U m F) over the band, F = 0.78 P^0.55, a pressure scaling
of the column (Curtis-Godson) fitted to correlated-k tables of HITRAN 2000. Ozone: Beer's law inside the band. The other
gases and the comparison model: tables of 6SV (doi:10.1364/AO.45.006762).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.radiative_transfer.interpolation import SplineAxis, contract

Array = NDArray[np.float32]
Float = NDArray[np.float64]

WATER_SCALE: Final = 0.78
WATER_PRESSURE_EXPONENT: Final = 0.55
_CURVE_NODES: Final = 1537


class WaterTransmittance(Protocol):
    """Two-way band transmittance of water vapour."""

    def __call__(self, water_cm: ArrayLike, airmass: ArrayLike, pressure: ArrayLike) -> Array:
        """Return T for a column above the surface [g cm-2], air mass and pressure / 1013.25 hPa (broadcast)."""


@dataclass(frozen=True, eq=False)
class GrowthCurve:
    """Band transmittance as a function of the absorber along the path, tabulated evenly in its square root.

    Attributes:
        largest_path: the last node; longer paths are clamped to it.
        transmittance: ``[n]``.
    """

    largest_path: float
    transmittance: Float

    @classmethod
    def from_spectrum(cls, absorption: Float, weight: Float, largest_path: float) -> GrowthCurve:
        """Return the curve of a band.

        Args:
            absorption: ``[n]`` optical depth per unit of absorber.
            weight: ``[n]`` weight of each wavelength (response times solar irradiance times step).
        """
        path = np.linspace(0.0, np.sqrt(largest_path), _CURVE_NODES) ** 2
        used = weight > 0
        share = weight[used] / weight[used].sum()
        curve = np.empty(path.size)
        for start in range(0, path.size, 128):
            part = slice(start, start + 128)
            curve[part] = np.exp(-path[part, np.newaxis] * absorption[used]) @ share
        return cls(largest_path, curve)

    def __call__(self, path: ArrayLike) -> Array:
        """Return T for amounts of absorber along the path."""
        position = np.sqrt(np.maximum(np.asarray(path, dtype=np.float32), 0.0))
        nodes = np.linspace(0.0, np.sqrt(self.largest_path), self.transmittance.size)
        return np.interp(position, nodes, self.transmittance).astype(np.float32)


def scaled_column(water_cm: ArrayLike, pressure: ArrayLike) -> Array:
    """Return the column scaled by pressure [g cm-2]: what acts in the absorption spectrum of 1000 hPa."""
    factor = WATER_SCALE * np.asarray(pressure, dtype=np.float32) ** WATER_PRESSURE_EXPONENT
    return np.asarray(np.asarray(water_cm, np.float32) * factor, np.float32)


@dataclass(frozen=True, eq=False)
class ScaledWater:
    """Water vapour of the production model: the growth curve at the pressure-scaled column."""

    curve: GrowthCurve

    def __call__(self, water_cm: ArrayLike, airmass: ArrayLike, pressure: ArrayLike) -> Array:
        """Return T; see :class:`WaterTransmittance`."""
        return self.curve(scaled_column(water_cm, pressure) * np.asarray(airmass, np.float32))


@dataclass(frozen=True, eq=False)
class TabulatedGas:
    """Band transmittance tabulated over pressure and the square root of the air mass.

    Attributes:
        pressure: ``[q]`` ascending.
        airmass: ``[k]`` ascending.
        transmittance: ``[q, k]``.
    """

    pressure: Float
    airmass: Float
    transmittance: Array

    @cached_property
    def _pressure_axis(self) -> SplineAxis:
        return SplineAxis(self.pressure)

    @cached_property
    def _airmass_axis(self) -> SplineAxis:
        return SplineAxis(np.sqrt(self.airmass))

    def __call__(self, airmass: ArrayLike, pressure: ArrayLike) -> Array:
        """Return T, broadcast; clamped to the nodes."""
        by_airmass = self._airmass_axis.weights(np.sqrt(airmass)) @ self.transmittance.T
        return np.clip(contract(by_airmass, self._pressure_axis.weights(pressure)), 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class TabulatedWater:
    """Water vapour of 6SV: splines in pressure and in the square roots of column and air mass.

    Attributes:
        pressure: ``[q]``, water_cm: ``[u]``, airmass: ``[k]``, all ascending.
        transmittance: ``[q, u, k]``.
    """

    pressure: Float
    water_cm: Float
    airmass: Float
    transmittance: Array

    @cached_property
    def _axes(self) -> tuple[SplineAxis, SplineAxis, SplineAxis]:
        return SplineAxis(self.pressure), SplineAxis(np.sqrt(self.water_cm)), SplineAxis(np.sqrt(self.airmass))

    def __call__(self, water_cm: ArrayLike, airmass: ArrayLike, pressure: ArrayLike) -> Array:
        """Return T; see :class:`WaterTransmittance`."""
        pressure_axis, water_axis, airmass_axis = self._axes
        by_airmass = np.tensordot(airmass_axis.weights(np.sqrt(airmass)), self.transmittance, axes=(-1, 2))
        by_water = contract(by_airmass, water_axis.weights(np.sqrt(np.maximum(water_cm, 0.0)))[..., np.newaxis, :])
        return np.clip(contract(by_water, pressure_axis.weights(pressure)), 0.0, 1.0)
