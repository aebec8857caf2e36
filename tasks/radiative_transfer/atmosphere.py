"""The atmosphere seen from a pixel: terms of the radiative-transfer equation, forward and inverse.

Top-of-atmosphere reflectance over uniform Lambertian ground, with the water column U above the surface::

    rho_toa = T_O3 [T_x(0) rho_R + T_x(U/2) (rho_a - rho_R)] + T_O3 T_x(U) T_down T_up rho / (1 - S rho)

T_x is the transmittance of water vapour and the other gases, rho_R the path reflectance without aerosol. Half of the
water acts on the aerosol part of the path: the coupling of 6S (Vermote et al. 1997, doi:10.1109/36.581987). Where water
vapour absorbs strongly (B09, B10) both are solved together instead: :mod:`tasks.radiative_transfer.coupling`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.radiative_transfer.coupling import GeometryCoupling, LevelCoupling
from tasks.radiative_transfer.gas import GrowthCurve, TabulatedGas, WaterTransmittance
from tasks.radiative_transfer.interpolation import SplineAxis, contract

Array = NDArray[np.float32]

DOBSON_UNIT_CM_ATM: Final = 1e-3
LARGEST_OZONE_DU: Final = 1000.0


@dataclass(frozen=True, eq=False)
class Terms:
    """Terms of the equation above, float32, all of one shape.

    Attributes:
        path_reflectance: gas absorption included.
        transmittance_down: scattering transmittance sun to ground, direct + diffuse.
        transmittance_up: ground to sensor, direct + diffuse.
        direct_transmittance_up: the direct part of it.
        spherical_albedo: S of the atmosphere seen from the ground.
        gas_transmittance: all gases, two ways.
    """

    path_reflectance: Array
    transmittance_down: Array
    transmittance_up: Array
    direct_transmittance_up: Array
    spherical_albedo: Array
    gas_transmittance: Array

    @property
    def diffuse_ratio(self) -> Array:
        """Diffuse / direct transmittance ground to sensor: the weight q of the adjacency correction."""
        return self.transmittance_up / self.direct_transmittance_up - np.float32(1.0)


@dataclass(frozen=True, eq=False)
class VerticalAxes:
    """Interpolation over AOT550 and pressure, and the largest water column [g cm-2]."""

    aot: SplineAxis
    pressure: SplineAxis
    largest_water_cm: float


@dataclass(frozen=True, eq=False)
class GeometryTable:
    """One band at fixed angles of shape G: ``[*G, a, p]`` path and transmittances, ``[a, p]`` spherical albedo.

    The path reflectance holds no gas; ``cos_view`` and ``airmass`` have shape G.
    """

    path: Array
    transmittance_down: Array
    transmittance_up: Array
    spherical_albedo: Array
    rayleigh_optical_depth: float
    aerosol_extinction: float
    cos_view: Array
    airmass: Array
    water: WaterTransmittance
    ozone: GrowthCurve
    others: TabulatedGas
    vertical: VerticalAxes
    coupling: GeometryCoupling | None = None

    def at_height(self, height_km: ArrayLike) -> LevelTable:
        """Return the table over ground of a height above sea level [km], clamped to -0.4 to 6.08 km.

        Heights broadcast against the shape G. What depends on the height alone is computed here, once for all columns
        and aerosols.
        """
        pressure = self.vertical.pressure.clamp(pressure_from_height(height_km))
        weights = self.vertical.pressure.weights(pressure)
        return LevelTable(
            path=_by_pressure(self.path, weights),
            transmittance_down=_by_pressure(self.transmittance_down, weights),
            transmittance_up=_by_pressure(self.transmittance_up, weights),
            spherical_albedo=_by_pressure(self.spherical_albedo, weights),
            other_gases=self.others(self.airmass, pressure),
            pressure=pressure,
            coupling=None if self.coupling is None else self.coupling.at_pressure(pressure),
            table=self,
        )

    def terms(self, aot550: ArrayLike, height_km: ArrayLike, water_vapour_cm: ArrayLike, ozone_du: ArrayLike) -> Terms:
        """Return the terms for aerosol, height and gases; everything broadcasts against the shape G.

        See :meth:`at_height` and :meth:`LevelTable.terms`.
        """
        return self.at_height(height_km).terms(aot550, water_vapour_cm, ozone_du)


@dataclass(frozen=True, eq=False)
class LevelTable:
    """One band at fixed angles and heights: ``[*G, a]``, the last axis the nodes of AOT.

    Attributes:
        path, transmittance_down, transmittance_up, spherical_albedo: as in :class:`GeometryTable`.
        other_gases: transmittance of what is neither water vapour nor ozone.
        pressure: at the ground, over 1013.25 hPa.
        coupling: water vapour and scattering solved together; None where their product is good enough.
        table: what does not depend on the height.
    """

    path: Array
    transmittance_down: Array
    transmittance_up: Array
    spherical_albedo: Array
    other_gases: Array
    pressure: NDArray[np.float64]
    coupling: LevelCoupling | None
    table: GeometryTable

    def terms(self, aot550: ArrayLike, water_vapour_cm: ArrayLike, ozone_du: ArrayLike) -> Terms:
        """Return the terms for aerosol and gases; everything broadcasts against the shape G.

        Args:
            aot550: aerosol optical thickness at 550 nm above the surface, clamped to 0-2.6.
            water_vapour_cm: column above the surface [cm = g cm-2], clamped to 0-7.
            ozone_du: column above the surface [Dobson units], clamped to 0-1000.

        NaN in an input gives NaN in the terms.
        """
        table, pressure = self.table, self.pressure
        aot = table.vertical.aot.clamp(aot550)
        aot_weights = table.vertical.aot.weights(aot)
        water = np.clip(np.asarray(water_vapour_cm, np.float32), 0.0, table.vertical.largest_water_cm)
        ozone = np.clip(np.asarray(ozone_du, np.float32), 0.0, LARGEST_OZONE_DU) * np.float32(DOBSON_UNIT_CM_ATM)

        rayleigh_path = self.path[..., 0]
        aerosol_path = contract(self.path, aot_weights) - rayleigh_path
        others = self.other_gases * table.ozone(ozone * table.airmass)
        optical_depth = table.rayleigh_optical_depth * pressure + table.aerosol_extinction * aot
        albedo = contract(self.spherical_albedo, aot_weights)
        gas = table.water(water, table.airmass, pressure)
        if self.coupling is None:
            half_water = table.water(water * np.float32(0.5), table.airmass, pressure)
            path = rayleigh_path + half_water * aerosol_path
        else:
            path_ratio, ground_ratio, albedo_ratio = self.coupling.ratios(aot, water)
            path = path_ratio * (rayleigh_path + aerosol_path)
            gas, albedo = np.minimum(gas * ground_ratio, np.float32(1.0)), albedo * albedo_ratio
        terms = (
            others * path,
            contract(self.transmittance_down, aot_weights),
            contract(self.transmittance_up, aot_weights),
            np.exp(-optical_depth / table.cos_view),
            albedo,
            others * gas,
        )
        shape = np.broadcast_shapes(*(np.shape(term) for term in terms))
        return Terms(*(np.broadcast_to(np.asarray(term, np.float32), shape) for term in terms))


def _by_pressure(table: Array, weights: Array) -> Array:
    """Contract the pressure axis of ``table [..., a, p]`` with ``weights [..., p]``: ``[..., a]``."""
    if weights.ndim == 1:
        return contract(table, weights)
    return contract(table, weights[..., np.newaxis, :])


def pressure_from_height(height_km: ArrayLike) -> NDArray[np.float64]:
    """Return pressure / 1013.25 hPa at a height above sea level [km] below 11 km (ICAO standard atmosphere)."""
    height = np.asarray(height_km, dtype=np.float64)
    return np.asarray((1.0 - 0.0225577 * height) ** 5.25588)


def toa_reflectance(terms: Terms, surface: ArrayLike) -> Array:
    """Return the top-of-atmosphere reflectance above uniform Lambertian ground of reflectance ``surface``."""
    rho = np.asarray(surface, np.float32)
    ground = terms.transmittance_down * terms.transmittance_up * rho / (1.0 - terms.spherical_albedo * rho)
    return np.asarray(terms.path_reflectance + terms.gas_transmittance * ground, np.float32)


def surface_reflectance(terms: Terms, toa: ArrayLike) -> Array:
    """Return the reflectance of uniform Lambertian ground seen as ``toa``; the inverse of :func:`toa_reflectance`.

    Where the gas transmittance is 0 (opaque band) the result is not finite or meaningless.
    """
    ground = terms.gas_transmittance * terms.transmittance_down * terms.transmittance_up
    y = (np.asarray(toa, np.float32) - terms.path_reflectance) / ground
    return np.asarray(y / (1.0 + terms.spherical_albedo * y), np.float32)
