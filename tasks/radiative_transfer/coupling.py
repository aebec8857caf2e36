"""Water vapour and scattering solved together: what changes against the product of both.

In strong water vapour bands light that is scattered low in the air has crossed most of the vapour, and light scattered
by molecules high above has not. A solution for many absorption optical depths is averaged over the absorption spectrum
of the band (its k-distribution) for each column. The results are kept as ratios to the product form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from tasks.radiative_transfer.gas import scaled_column
from tasks.radiative_transfer.interpolation import CosineAxis, SplineAxis, contract
from tasks.radiative_transfer.table import CoupledTable

Array = NDArray[np.float32]
Float = NDArray[np.float64]

ROOT_COLUMN: Final[Float] = np.array([0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.35, 1.7, 2.05, 2.4])
"""Square roots of the scaled columns [g cm-2] at which the spectral means are kept."""

_DEPTH_SCALE: Final = 0.1
"""The path reflectance is interpolated in ln(1 + depth / 0.1), in which it bends least."""

_LARGEST_GROUND_DEPTH: Final = 12.0
_SMALLEST_TRANSMITTANCE: Final = 1e-6
_SMALLEST_RATIO: Final = 1e-9
_USUAL_AIRMASS: Final = 2.7


@dataclass(frozen=True, eq=False)
class GeometryCoupling:
    """Ratios to the product form at fixed angles: ``[*G, a, p, u]``, the albedo's ``[a, p, u]``."""

    path: Array
    ground: Array
    albedo: Array
    aot: SplineAxis
    pressure: SplineAxis
    root_column: SplineAxis

    def at_pressure(self, pressure: Float) -> LevelCoupling:
        """Return the ratios over ground of a pressure [1013.25 hPa], which broadcasts against G."""
        weights = self.pressure.weights(pressure)

        def at(values: Array) -> Array:
            return np.asarray(np.einsum("...apu,...p->...au", values, weights), np.float32)

        return LevelCoupling(at(self.path), at(self.ground), at(self.albedo), pressure, self)


@dataclass(frozen=True, eq=False)
class LevelCoupling:
    """Ratios to the product form at fixed angles and pressures: ``[*G, a, u]``."""

    path: Array
    ground: Array
    albedo: Array
    pressure: Float
    source: GeometryCoupling

    def ratios(self, aot550: ArrayLike, water_cm: ArrayLike) -> tuple[Array, Array, Array]:
        """Return the factors of path reflectance without gas, of gas transmittance and of spherical albedo."""
        roots = self.source.root_column.weights(np.sqrt(scaled_column(water_cm, self.pressure)))
        aots = self.source.aot.weights(aot550)

        def at(values: Array) -> Array:
            by_aot = contract(values, roots if roots.ndim == 1 else roots[..., np.newaxis, :])
            return np.asarray(contract(by_aot, aots), np.float32)

        return np.clip(at(self.path), 0.0, 1.0), np.maximum(at(self.ground), 0.0), np.maximum(at(self.albedo), 0.0)


@dataclass(frozen=True, eq=False)
class BandCoupling:
    """Ratios of one band: ``path [s, v, f, a, p, u]``, ``ground [s, v, a, p, u]``, ``albedo [a, p, u]``.

    The ground's ratio rises so steeply with a low sun that it is interpolated in the secant of the sun zenith.
    """

    path: Array
    ground: Array
    albedo: Array
    sun_axis: SplineAxis
    secant_axis: SplineAxis
    view_axis: SplineAxis
    azimuth_axis: CosineAxis
    aot: SplineAxis
    pressure: SplineAxis
    root_column: SplineAxis

    def collapse(self, sun_zenith_deg: Float, view_zenith_deg: Float, relative_azimuth_deg: Float) -> GeometryCoupling:
        """Interpolate the angles, arrays of one shape G [degrees]."""
        shape = sun_zenith_deg.shape
        sun = self.sun_axis.weights(sun_zenith_deg.ravel())
        view = self.view_axis.weights(view_zenith_deg.ravel())
        azimuth = self.azimuth_axis.weights(relative_azimuth_deg.ravel())
        secant = self.secant_axis.weights(1.0 / np.cos(np.radians(sun_zenith_deg.ravel())))
        both = np.einsum("gs,gv->gsv", secant, view)
        all_angles = np.einsum("gs,gv,gf->gsvf", sun, view, azimuth)
        rest = self.albedo.shape
        path = all_angles.reshape(sun.shape[0], -1) @ self.path.reshape(-1, int(np.prod(rest)))
        ground = both.reshape(sun.shape[0], -1) @ self.ground.reshape(-1, int(np.prod(rest)))
        return GeometryCoupling(
            path.reshape(*shape, *rest),
            ground.reshape(*shape, *rest),
            self.albedo,
            self.aot,
            self.pressure,
            self.root_column,
        )


def couple_band(
    table: CoupledTable,
    aerosol: int,
    node: int,
    view_zenith_deg: Float,
    relative_azimuth_deg: Float,
    absorption: Float,
    weight: Float,
) -> BandCoupling:
    """Return the ratios of a band.

    Args:
        table: the coupled solution.
        aerosol, node: indices of aerosol type and wavelength.
        view_zenith_deg, relative_azimuth_deg: nodes of the main table.
        absorption: ``[n]`` optical depth per scaled g cm-2 across the band.
        weight: ``[n]`` weight of each wavelength.
    """
    used = weight > 0
    share = weight[used] / weight[used].sum()
    depth = absorption[used][:, np.newaxis] * ROOT_COLUMN**2  # [n, u]
    gas_axis = SplineAxis(np.log1p(table.depth / _DEPTH_SCALE))
    mean = np.einsum("n,nug->gu", share, gas_axis.weights(np.log1p(depth / _DEPTH_SCALE)))
    path = np.moveaxis(table.path_ratio[aerosol, node] @ mean, (0, 1), (3, 4))
    ground, albedo = _ground(table, aerosol, node, view_zenith_deg, depth, share)
    return BandCoupling(
        path=np.ascontiguousarray(path, np.float32),
        ground=ground.astype(np.float32),
        albedo=albedo.astype(np.float32),
        sun_axis=SplineAxis(table.sun_zenith_deg),
        secant_axis=SplineAxis(1.0 / np.cos(np.radians(table.sun_zenith_deg))),
        view_axis=SplineAxis(view_zenith_deg),
        azimuth_axis=CosineAxis(relative_azimuth_deg),
        aot=SplineAxis(table.aot550),
        pressure=SplineAxis(table.pressure),
        root_column=SplineAxis(ROOT_COLUMN),
    )


def _ground(
    table: CoupledTable, aerosol: int, node: int, view_zenith_deg: Float, depth: Float, share: Float
) -> tuple[Float, Float]:
    """Return ``[s, v, a, p, u]`` the ratio of the light from the ground, ``[a, p, u]`` that of the spherical albedo."""
    reached = table.depth <= _LARGEST_GROUND_DEPTH
    inside = np.minimum(depth, _LARGEST_GROUND_DEPTH)

    def spectrum(values: Array) -> Float:
        logs = np.log(np.maximum(values[..., reached], _SMALLEST_RATIO, dtype=np.float64))
        result: Float = np.exp(PchipInterpolator(table.depth[reached], logs, axis=-1)(inside))
        return result

    down = table.transmittance[aerosol, node]
    up = table.transmittance_up[aerosol, node]
    sky = table.albedo[aerosol, node]
    both = np.einsum("apsnu,apvnu,n->svapu", spectrum(down / down[..., :1]), spectrum(up / up[..., :1]), share)
    airmass = 1.0 / np.cos(np.radians(table.sun_zenith_deg))[:, None] + 1.0 / np.cos(np.radians(view_zenith_deg))
    direct = np.einsum("svnu,n->svu", np.exp(-airmass[..., None, None] * depth), share)[:, :, None, None]
    usual = share[:, np.newaxis] * np.exp(-_USUAL_AIRMASS * depth)
    albedo = np.einsum("apnu,nu->apu", spectrum(sky / sky[..., :1]), usual)
    floor = _SMALLEST_TRANSMITTANCE
    return (both + floor) / (direct + floor), (albedo + floor) / (usual.sum(axis=0) + floor)
