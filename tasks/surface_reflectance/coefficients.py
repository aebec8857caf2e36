"""What the inversion of one band needs: coefficients on the coarse nodes, and their way to 60 m pixels.

Geometry changes little between nodes, the aerosol map may. The coefficients are therefore computed for three AOTs at
each node, and a parabola through them gives the value for the AOT of each 60 m pixel. On relief a second parabola gives
the change with the height of each 60 m pixel above or below the node.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from tasks.radiative_transfer.atmosphere import Terms
from tasks.radiative_transfer.environment import molecular_share
from tasks.surface_reflectance.coarse import CoarseGrid, Float32, strips
from tasks.surface_reflectance.scene import BandAtmosphere, Scene

WATER_BANDS: frozenset[str] = frozenset({"B05", "B06", "B07", "B09", "B11", "B12"})
"""Bands corrected with the water vapour of each pixel (Sen2Cor's flags); the others take that of the nodes."""

_ROOT_STEP = 0.12
"""Distance in sqrt(cm) of the two columns either side of a node's own, for the local fit."""
_MINIMUM_ROOT = 0.05
_AOT_STEP = 0.05
_HEIGHT_STEP_KM = 0.4


@dataclass(frozen=True, eq=False)
class WaterDependence:
    """How path and gas transmittance change with the column near that of the node.

    With ``d = sqrt(U) - root_column``: gas transmittance is multiplied by ``exp(slope d + curvature d^2)`` and
    ``path_slope d`` is added to the path reflectance. All fields ``[ny, nx]`` float32.
    """

    root_column: Float32
    slope: Float32
    curvature: Float32
    path_slope: Float32


@dataclass(frozen=True, eq=False)
class BandCoefficients:
    """Coefficients of ``y = (rho_toa - path) * inverse_transmittance`` and of the surroundings; float32, one shape.

    Attributes:
        path: path reflectance, with its gas transmittances.
        inverse_transmittance: ``1 / (T_gas T_down T_up)``.
        spherical_albedo: ``S``.
        adjacency: ``q``, diffuse over direct upward transmittance.
    """

    path: Float32
    inverse_transmittance: Float32
    spherical_albedo: Float32
    adjacency: Float32


@dataclass(frozen=True, eq=False)
class HeightDependence:
    """How the coefficients change with the height of the pixel, at the AOT in the middle.

    Attributes:
        node_km: ``[ny, nx]`` height of the nodes.
        pixel_km: ``[rows, cols]`` height of the 60 m pixels.
        slope, curvature: what ``step`` and ``step**2`` add, with ``step`` the height above the node in 0.4 km; the
            inverse transmittance is multiplied by the exponential instead. Fields ``[ny, nx]``.
    """

    node_km: Float32
    pixel_km: Float32
    slope: BandCoefficients
    curvature: BandCoefficients


@dataclass(frozen=True, eq=False)
class CoarseCoefficients:
    """A band's coefficients on the coarse nodes around the AOT of each node.

    Attributes:
        aot550: ``[ny, nx]`` the AOT in the middle.
        samples: coefficients ``[ny, nx]`` at ``aot550 - 0.05``, ``aot550`` and ``aot550 + 0.05``.
        water: dependence on the pixel's water vapour; None for bands without.
        molecular_share: ``[ny, nx]`` share of the light scattered into the view that is due to molecules.
        height: dependence on the pixel's height; None on level ground.
    """

    aot550: Float32
    samples: tuple[BandCoefficients, BandCoefficients, BandCoefficients]
    water: WaterDependence | None
    molecular_share: Float32
    height: HeightDependence | None = None


def linear_coefficients(terms: Terms) -> BandCoefficients:
    """Return the coefficients of a band from its radiative-transfer terms (the six fields, any common shape)."""
    total = terms.gas_transmittance * terms.transmittance_down * terms.transmittance_up
    return BandCoefficients(
        path=np.asarray(terms.path_reflectance, np.float32),
        inverse_transmittance=np.asarray(1.0 / np.maximum(total, 1e-6), np.float32),
        spherical_albedo=np.asarray(terms.spherical_albedo, np.float32),
        adjacency=np.asarray(np.maximum(terms.diffuse_ratio, 0.0), np.float32),
    )


def band_coefficients(scene: Scene, band: str, aot550: Float32, water_vapour_cm: Float32) -> CoarseCoefficients:
    """Return the coefficients of a band around the AOT and the water vapour [cm] of the nodes.

    In bands with water vapour absorption the logarithm of the gas transmittance is fitted by a parabola in ``sqrt(U)``
    through the node's column and two neighbours. Sen2Cor uses ``exp(alpha + beta sqrt(U))`` between the columns of its
    tables (Sen2Cor 3 sources, AtmCorr), which the parabola contains.

    Args:
        scene: geometry, height and ozone of the nodes.
        band: a band but B10.
        aot550: ``[ny, nx]``.
        water_vapour_cm: ``[ny, nx]``.
    """
    atmosphere = scene.atmosphere(band)
    centre = np.maximum(aot550, np.float32(_AOT_STEP))
    root = np.maximum(np.sqrt(water_vapour_cm), _MINIMUM_ROOT + _ROOT_STEP).astype(np.float32)
    column = root**2
    central = atmosphere.terms(centre, column)
    samples = (
        linear_coefficients(atmosphere.terms(centre - np.float32(_AOT_STEP), column)),
        linear_coefficients(central),
        linear_coefficients(atmosphere.terms(centre + np.float32(_AOT_STEP), column)),
    )
    water = _water_dependence(atmosphere, centre, root, central) if band in WATER_BANDS else None
    share = molecular_share(central, atmosphere.terms(0.0, column))
    height = _height_dependence(scene, atmosphere, centre, column, samples[1])
    return CoarseCoefficients(centre, samples, water, share, height)


def _height_dependence(
    scene: Scene, atmosphere: BandAtmosphere, aot550: Float32, column: Float32, centre: BandCoefficients
) -> HeightDependence | None:
    """Return the parabolas through the coefficients 0.4 km below, at and above the nodes."""
    if scene.pixel_height_km is None:
        return None
    below, above = (
        linear_coefficients(atmosphere.terms(aot550, column, step)) for step in (-_HEIGHT_STEP_KM, _HEIGHT_STEP_KM)
    )
    slope, curvature = {}, {}
    for field in fields(BandCoefficients):
        low, middle, high = (getattr(sample, field.name) for sample in (below, centre, above))
        if field.name == "inverse_transmittance":
            low, middle, high = np.log(low), np.log(middle), np.log(high)
        _, slope[field.name], curvature[field.name] = _parabola(low, middle, high)
    return HeightDependence(
        scene.height_km, scene.pixel_height_km, BandCoefficients(**slope), BandCoefficients(**curvature)
    )


def _water_dependence(atmosphere: BandAtmosphere, aot550: Float32, root: Float32, central: Terms) -> WaterDependence:
    """Return the dependence on the column around ``root**2``."""
    below = atmosphere.terms(aot550, ((root - _ROOT_STEP) ** 2).astype(np.float32))
    above = atmosphere.terms(aot550, ((root + _ROOT_STEP) ** 2).astype(np.float32))
    middle = np.log(np.maximum(central.gas_transmittance, 1e-6))
    left = np.log(np.maximum(below.gas_transmittance, 1e-6)) - middle
    right = np.log(np.maximum(above.gas_transmittance, 1e-6)) - middle
    return WaterDependence(
        root_column=root,
        slope=((right - left) / (2 * _ROOT_STEP)).astype(np.float32),
        curvature=((right + left) / (2 * _ROOT_STEP**2)).astype(np.float32),
        path_slope=((above.path_reflectance - below.path_reflectance) / (2 * _ROOT_STEP)).astype(np.float32),
    )


def at_pixels(
    coarse: CoarseCoefficients, grid: CoarseGrid, resolution: int, aot550: Float32
) -> tuple[BandCoefficients, WaterDependence | None]:
    """Return the coefficients at the pixels of a (small) raster, for instance of 60 m.

    Args:
        coarse: on the coarse nodes.
        grid: the coarse nodes.
        resolution: pixel size [m].
        aot550: ``[rows, cols]`` AOT of the pixels.
    """
    whole, cols = slice(0, aot550.shape[0]), aot550.shape[1]
    names = [field.name for field in fields(BandCoefficients)]
    parabolas = {name: _parabola(*(getattr(sample, name) for sample in coarse.samples)) for name in names}
    result = {name: np.empty(aot550.shape, np.float32) for name in names}
    for rows in strips(aot550.shape[0]):
        step = aot550[rows] - grid.upsample(coarse.aot550, resolution, rows, cols)
        step *= np.float32(1 / _AOT_STEP)
        climb = None if coarse.height is None else _climb(coarse.height, grid, resolution, rows)
        for name, (centre, slope, curvature) in parabolas.items():
            value = _along(step, grid, resolution, rows, slope, curvature)
            value += grid.upsample(centre, resolution, rows, cols)
            if coarse.height is not None and climb is not None:
                bends = (getattr(part, name) for part in (coarse.height.slope, coarse.height.curvature))
                change = _along(climb, grid, resolution, rows, *bends)
                if name == "inverse_transmittance":
                    value *= np.exp(change, out=change)
                else:
                    value += change
            result[name][rows] = value
    water = coarse.water
    if water is not None:
        water = WaterDependence(
            *(grid.upsample(getattr(water, f.name), resolution, whole, cols) for f in fields(WaterDependence))
        )
    return BandCoefficients(**result), water


def _parabola(below: Float32, centre: Float32, above: Float32) -> tuple[Float32, Float32, Float32]:
    """Return centre, slope and curvature of the parabola through values at the steps -1, 0 and 1."""
    half = np.float32(0.5)
    return centre, half * (above - below), half * (above + below) - centre


def _climb(height: HeightDependence, grid: CoarseGrid, resolution: int, rows: slice) -> Float32:
    """Return the height of the pixels above the nodes, in steps."""
    climb = height.pixel_km[rows] - grid.upsample(height.node_km, resolution, rows, height.pixel_km.shape[1])
    climb *= np.float32(1 / _HEIGHT_STEP_KM)
    return climb


def _along(
    step: Float32, grid: CoarseGrid, resolution: int, rows: slice, slope: Float32, curvature: Float32
) -> Float32:
    """Return ``slope step + curvature step^2`` of a strip."""
    change = grid.upsample(curvature, resolution, rows, step.shape[1])
    change *= step
    change += grid.upsample(slope, resolution, rows, step.shape[1])
    change *= step
    return change
