"""From the spectral table to band tables, with the spectral responses of the product at hand.

Scattering functions are interpolated from the table's wavelengths to 2.5 nm (monotone cubics in ln-ln; powers of the
wavelength in the types that emulate 6SV) and averaged with the weight response times solar irradiance; gas
transmittances at the step of the absorption spectra.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.common.errors import InternalInconsistency, InvalidInput
from tasks.common.spectral import SpectralResponse
from tasks.radiative_transfer.atmosphere import GeometryTable, VerticalAxes
from tasks.radiative_transfer.coupling import BandCoupling, couple_band
from tasks.radiative_transfer.gas import GrowthCurve, ScaledWater, TabulatedGas, TabulatedWater, WaterTransmittance
from tasks.radiative_transfer.interpolation import CosineAxis, SplineAxis, log_log_lines, log_log_pchip
from tasks.radiative_transfer.limits import LIMITS
from tasks.radiative_transfer.table import AerosolType, GasModel, GasTable, ScatteringTable, SpectralTable

Array = NDArray[np.float32]
Float = NDArray[np.float64]

_OUTSIDE_SHARE: Final = 1e-3
"""Largest share of a response that may lie outside the table's wavelengths."""

_WATER_PATH: Final = 60.0
"""Longest scaled water path of the growth curve [g cm-2]: 7 g cm-2 at the largest air mass and pressure, and more."""

_COUPLED_REACH_NM: Final = 25.0
"""A band whose centre is nearer than this to a node of the coupled solution takes it."""

_USUAL_AIRMASS: Final = 2.7
_SMALLEST_TRANSMITTANCE: Final = 1e-6

_OZONE_PATH: Final = 8.0
"""Longest ozone path of the growth curve [cm-atm]."""


@dataclass(frozen=True, eq=False)
class BandTable:
    """One band of the table.

    Attributes:
        path: ``[s, v, f, a, p]`` path reflectance without gas times the cosine of the sun zenith.
        transmittance: ``[s, a, p]`` scattering transmittance, direct + diffuse.
        spherical_albedo: ``[a, p]``.
        rayleigh_optical_depth: at pressure 1.
        aerosol_extinction: optical thickness per unit of AOT550.
        water: transmittance of H2O.
        ozone: transmittance of O3 against cm-atm along the path.
        others: transmittance of the other gases.
        coupling: water vapour and scattering solved together; None where their product is good enough.
    """

    path: Array
    transmittance: Array
    spherical_albedo: Array
    rayleigh_optical_depth: float
    aerosol_extinction: float
    water: WaterTransmittance
    ozone: GrowthCurve
    others: TabulatedGas
    coupling: BandCoupling | None


@dataclass(frozen=True, eq=False)
class BandTables:
    """All bands of a platform for one aerosol type, and the axes they share.

    A sun lower than ``sun_zenith_limit_deg`` is taken to stand there.
    """

    bands: Mapping[str, BandTable]
    sun_axis: SplineAxis
    view_axis: SplineAxis
    azimuth_axis: CosineAxis
    vertical: VerticalAxes
    sun_zenith_limit_deg: float = LIMITS["sun_zenith_deg"][1]

    def collapse(
        self, band: str, sun_zenith_deg: ArrayLike, view_zenith_deg: ArrayLike, relative_azimuth_deg: ArrayLike
    ) -> GeometryTable:
        """Interpolate the angle axes of a band.

        Args:
            band: name such as ``B8A``.
            sun_zenith_deg: scalar or array; clamped to 0-80 degrees and to ``sun_zenith_limit_deg``.
            view_zenith_deg: scalar or array that broadcasts with it; clamped to 0-15 degrees.
            relative_azimuth_deg: |sun azimuth - view azimuth|, any turn; 0 = sun behind the sensor.

        Returns:
            The table of the remaining axes (AOT, height, gases) for geometries of the common shape G.

        Raises:
            InternalInconsistency: the band has no table.
        """
        table = self.bands.get(band)
        if table is None:
            raise InternalInconsistency(f"no radiative-transfer table for band {band}: it has {', '.join(self.bands)}")
        sun, view, azimuth = np.broadcast_arrays(
            np.minimum(self.sun_axis.clamp(sun_zenith_deg), self.sun_zenith_limit_deg),
            self.view_axis.clamp(view_zenith_deg),
            np.asarray(relative_azimuth_deg),
        )
        shape = sun.shape
        sun_weights = self.sun_axis.weights(sun.ravel())
        view_weights = self.view_axis.weights(view.ravel())
        weights = np.einsum("gs,gv,gf->gsvf", sun_weights, view_weights, self.azimuth_axis.weights(azimuth.ravel()))
        vertical = table.spherical_albedo.shape
        cos_sun = np.cos(np.radians(sun)).astype(np.float32)
        cos_view = np.cos(np.radians(view)).astype(np.float32)
        by_sun = table.transmittance.reshape(sun_weights.shape[1], -1)
        path = weights.reshape(sun_weights.shape[0], -1) @ table.path.reshape(-1, vertical[0] * vertical[1])
        up_weights = self.sun_axis.weights(view.ravel())
        return GeometryTable(
            path=path.reshape(*shape, *vertical) / cos_sun[..., np.newaxis, np.newaxis],
            transmittance_down=(sun_weights @ by_sun).reshape(*shape, *vertical),
            transmittance_up=(up_weights @ by_sun).reshape(*shape, *vertical),
            spherical_albedo=table.spherical_albedo,
            rayleigh_optical_depth=table.rayleigh_optical_depth,
            aerosol_extinction=table.aerosol_extinction,
            cos_view=cos_view,
            airmass=1.0 / cos_sun + 1.0 / cos_view,
            water=table.water,
            ozone=table.ozone,
            others=table.others,
            vertical=self.vertical,
            coupling=None if table.coupling is None else table.coupling.collapse(sun, view, azimuth),
        )


def integrate_bands(
    table: SpectralTable,
    responses: Mapping[str, SpectralResponse],
    aerosol: AerosolType = "rural",
    gas: GasModel = "lut",
    polarisation: bool = True,
    sun_zenith_limit_deg: float = LIMITS["sun_zenith_deg"][1],
) -> BandTables:
    """Average the spectral table over spectral responses; bands with the same response are computed once a process.

    Args:
        table: the shipped table.
        responses: per band name; any step, 400 to 2400 nm.
        aerosol: aerosol type of the scattering functions.
        gas: ``lut`` for the production gas model, ``6s`` for the gas absorption of 6SV (comparisons).
        polarisation: add the difference between vector and scalar scattering to the path reflectance.
        sun_zenith_limit_deg: a lower sun is taken to stand here (Sen2Cor: 70); at most that of the table.

    Raises:
        InvalidInput: a response is empty, not ascending, negative or leaves the table's wavelengths; unknown aerosol
            or gas.
    """
    known = (*table.scattering.aerosols, *table.scattering_6sv.aerosols)
    if aerosol not in known:
        raise InvalidInput(f"aerosol type {aerosol} is unknown: use one of {', '.join(known)}")
    if gas not in get_args(GasModel):
        raise InvalidInput(f"gas model {gas} is unknown: use one of {', '.join(get_args(GasModel))}")
    axes = table.axes
    source = _Source(table, aerosol, gas, polarisation)
    return BandTables(
        bands={band: _band(source, _Response(band, _digest(r), r)) for band, r in responses.items()},
        sun_axis=SplineAxis(axes.sun_zenith_deg),
        view_axis=SplineAxis(axes.view_zenith_deg),
        azimuth_axis=CosineAxis(axes.relative_azimuth_deg),
        vertical=VerticalAxes(SplineAxis(axes.aot550), SplineAxis(axes.pressure), float(table.gas.water_cm[-1])),
        sun_zenith_limit_deg=sun_zenith_limit_deg,
    )


@dataclass(frozen=True)
class _Source:
    """What a band is integrated from; compared by the identity of the table."""

    table: SpectralTable
    aerosol: str
    gas: GasModel
    polarisation: bool


@dataclass(frozen=True)
class _Response:
    """A band's response, compared by its name and digest."""

    band: str
    digest: bytes
    response: SpectralResponse = field(compare=False)


def _digest(response: SpectralResponse) -> bytes:
    content = hashlib.blake2b(np.ascontiguousarray(response.wavelength_nm, np.float64).tobytes(), digest_size=16)
    content.update(np.ascontiguousarray(response.values, np.float64).tobytes())
    return content.digest()


@lru_cache(maxsize=128)
def _band(source: _Source, response: _Response) -> BandTable:
    return _builder(source).band(response.band, response.response)


@lru_cache(maxsize=2)
def _builder(source: _Source) -> _Builder:
    return _Builder.of(source.table, source.aerosol, source.gas, source.polarisation)


def response_weights(wavelength_nm: Float, irradiance: Float, band: str, response: SpectralResponse) -> Float:
    """Return ``[m]`` weights of an even wavelength grid: response times irradiance, each sample shared by two nodes.

    Raises:
        InvalidInput: the response is unusable; see :func:`integrate_bands`.
    """
    samples, values = response.wavelength_nm, response.values
    if samples.ndim != 1 or samples.shape != values.shape or samples.size < 2:
        raise InvalidInput(f"spectral response of {band}: expected two equal lists of at least two numbers")
    if not (np.isfinite(samples).all() and np.isfinite(values).all() and (np.diff(samples) > 0).all()):
        raise InvalidInput(f"spectral response of {band}: wavelengths must ascend and all numbers must be finite")
    if values.min() < 0 or values.max() <= 0:
        raise InvalidInput(f"spectral response of {band}: values must be >= 0 and not all zero")
    share = values * np.gradient(samples)
    share = share / share.sum()
    inside = (samples >= wavelength_nm[0]) & (samples <= wavelength_nm[-1])
    if share[~inside].sum() > _OUTSIDE_SHARE:
        raise InvalidInput(
            f"spectral response of {band} covers {samples[values > 0].min():g}-{samples[values > 0].max():g} nm: "
            f"expected {wavelength_nm[0]:g}-{wavelength_nm[-1]:g} nm"
        )
    position = (samples[inside] - wavelength_nm[0]) / (wavelength_nm[1] - wavelength_nm[0])
    left = np.minimum(position.astype(np.intp), wavelength_nm.size - 2)
    fraction = position - left
    weights = np.zeros(wavelength_nm.size)
    np.add.at(weights, left, share[inside] * (1.0 - fraction))
    np.add.at(weights, left + 1, share[inside] * fraction)
    weights *= irradiance
    result: Float = weights / weights.sum()
    return result


@dataclass(frozen=True, eq=False)
class _Builder:
    """What all bands share: scattering of one aerosol, wavelength first, as ``[wl, n]`` arrays, and the gas tables."""

    table: SpectralTable
    gas: GasModel
    aerosol: str
    scattering: ScatteringTable
    path: Float
    optical_depth: Float
    spherical_albedo: Float
    extinction: Float
    irradiance: Float

    @classmethod
    def of(cls, table: SpectralTable, aerosol: str, gas: GasModel, polarisation: bool) -> _Builder:
        emulated = aerosol in table.scattering_6sv.aerosols
        scattering = table.scattering_6sv if emulated else table.scattering
        index = scattering.aerosols.index(aerosol)
        path = scattering.path_reflectance[index].astype(np.float64)
        if polarisation:
            depth = scattering.aerosol_extinction[index][:, np.newaxis] * table.axes.aot550
            share = SplineAxis(scattering.polarisation_aerosol).weights(depth)
            path += np.einsum("wad,wdpsvf->wapsvf", share, scattering.polarisation)
        path *= np.cos(np.radians(table.axes.sun_zenith_deg))[:, np.newaxis, np.newaxis]
        return cls(
            table=table,
            gas=gas,
            aerosol=aerosol,
            scattering=scattering,
            path=np.moveaxis(path, (1, 2), (4, 5)).reshape(path.shape[0], -1),
            optical_depth=_flat(-np.log(np.minimum(np.moveaxis(scattering.transmittance[index], 3, 1), 1.0))),
            spherical_albedo=_flat(scattering.spherical_albedo[index]),
            extinction=scattering.aerosol_extinction[index].astype(np.float64),
            irradiance=table.gas.solar_irradiance.astype(np.float64),
        )

    def band(self, name: str, response: SpectralResponse) -> BandTable:
        axes, gas, scattering = self.table.axes, self.table.gas, self.scattering
        coarse = gas.coarse_wavelength_nm
        weights = response_weights(coarse, self.irradiance, name, response)
        used = weights > 0
        share, target = weights[used], coarse[used]
        vertical = (axes.aot550.size, axes.pressure.size)
        angles = (axes.sun_zenith_deg.size, axes.view_zenith_deg.size, axes.relative_azimuth_deg.size)

        between = log_log_lines if scattering.powers else log_log_pchip

        def mean(values: NDArray[np.floating]) -> Float:
            result: Float = share @ between(scattering.wavelength_nm, values, target)
            return result

        if scattering.powers:
            transmittance = mean(np.exp(-self.optical_depth))
        else:
            transmittance = share @ np.exp(-log_log_pchip(scattering.wavelength_nm, self.optical_depth, target))
        return BandTable(
            path=mean(self.path).reshape(*angles, *vertical).astype(np.float32),
            transmittance=transmittance.reshape(angles[0], *vertical).astype(np.float32),
            spherical_albedo=mean(self.spherical_albedo).reshape(vertical).astype(np.float32),
            rayleigh_optical_depth=float(mean(scattering.rayleigh_optical_depth)),
            aerosol_extinction=float(mean(self.extinction)),
            water=self._water(weights, response),
            ozone=self._ozone(weights, response),
            others=TabulatedGas(gas.pressure, gas.airmass, (gas.other_transmittance @ weights).astype(np.float32)),
            coupling=self._coupling(response),
        )

    def _coupling(self, response: SpectralResponse) -> BandCoupling | None:
        """Return the coupled solution near the band; the comparison with 6SV keeps the product form everywhere."""
        coupled, axes = self.table.coupled, self.table.axes
        distance = np.abs(coupled.wavelength_nm - response.centre_nm)
        node = int(np.argmin(distance))
        if self.gas == "6s" or distance[node] > _COUPLED_REACH_NM:
            return None
        absorption = self.table.gas.water_absorption.astype(np.float64)
        weight = self._fine_weights(response)
        aerosol = coupled.aerosols.index(self.aerosol)
        return couple_band(coupled, aerosol, node, axes.view_zenith_deg, axes.relative_azimuth_deg, absorption, weight)

    def _seen_by_others(self) -> Float:
        """Return ``[m]`` transmittance of the other gases for a usual path at sea level.

        As a weight inside the band it makes the product of band transmittances that of the product.
        """
        gas = self.table.gas
        usual = int(np.argmin(np.abs(gas.airmass - _USUAL_AIRMASS)))
        result: Float = gas.other_transmittance[-1, usual].astype(np.float64)
        return result

    def _fine_weights(self, response: SpectralResponse) -> Float:
        gas = self.table.gas
        fine = gas.fine_wavelength_nm
        values = np.interp(fine, response.wavelength_nm, response.values, left=0.0, right=0.0)
        irradiance = np.interp(fine, gas.coarse_wavelength_nm, self.irradiance * self._seen_by_others())
        result: Float = values * irradiance * np.gradient(fine)
        return result

    def _water(self, weights: Float, response: SpectralResponse) -> WaterTransmittance:
        gas: GasTable = self.table.gas
        if self.gas == "6s":
            others = gas.other_transmittance.astype(np.float64)
            both = (gas.water_transmittance_6s * others[:, np.newaxis]) @ weights
            mean = both / np.maximum(others @ weights, _SMALLEST_TRANSMITTANCE)[:, np.newaxis]
            return TabulatedWater(gas.pressure, gas.water_cm, gas.airmass, mean.astype(np.float32))
        fine = self._fine_weights(response)
        return ScaledWater(GrowthCurve.from_spectrum(gas.water_absorption.astype(np.float64), fine, _WATER_PATH))

    def _ozone(self, weights: Float, response: SpectralResponse) -> GrowthCurve:
        gas = self.table.gas
        if self.gas == "6s":
            seen = weights * self._seen_by_others()
            return GrowthCurve.from_spectrum(gas.ozone_absorption_6s.astype(np.float64), seen, _OZONE_PATH)
        fine = self._fine_weights(response)
        return GrowthCurve.from_spectrum(gas.ozone_absorption.astype(np.float64), fine, _OZONE_PATH)


def _flat(values: NDArray[np.floating]) -> Float:
    """Return float64 ``[wl, everything else]``."""
    return values.reshape(values.shape[0], -1).astype(np.float64)
