"""From Level-1C counts to surface reflectance counts, band by band and in row strips.

Lambertian ground, level here; ``terrain`` turns the solution to slopes (Vermote et al. 1997,
doi:10.1109/36.581987; Richter 1998, doi:10.1364/AO.37.004004).
With ``S`` the spherical albedo, ``q`` diffuse over direct upward transmittance, ``rho_b`` the mean reflectance of the
surroundings, and ``T = T_gas T_down T_up``::

    rho_toa = path + T / (1 + q) * (rho + q rho_b) / (1 - S rho_b)

Step 1 is ``y = (rho_toa - path) / T``. Averaged over the surroundings the equation gives
``y_b = rho_b / (1 - S rho_b)``, hence ``1 - S rho_b = 1 / (1 + S y_b)``, and the pixel's reflectance is::

    rho = (y + q (y - y_b)) / (1 + S y_b)

that is Sen2Cor's step 2: adjacency ``y + q (y - y_b)``, then spherical albedo with the mean of the surroundings. Over
uniform ground ``y = y_b`` and the result is exactly ``y / (1 + S y)``, the inverse of the uniform forward model.
Without surroundings (``Adj_Km`` = 0) each pixel is its own: ``rho = y / (1 + S y)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import CoarseGrid, Float32, enlarge, shrink, strips
from tasks.surface_reflectance.coefficients import BandCoefficients, CoarseCoefficients, WaterDependence, at_pixels
from tasks.surface_reflectance.neighbourhood import GRID_M, Surroundings, block_means, box_mean
from tasks.surface_reflectance.terrain import BandRelief

QUANTIFICATION = 10000.0
OFFSET = 1000.0
LARGEST_DN = 32767
FIRST_STEP_BACKGROUND = 0.15
"""Reflectance of the surroundings that step 1 assumes for the spherical albedo (Sen2Cor 3 sources, AtmCorr)."""


@dataclass(frozen=True)
class Calibration:
    """How Level-1C counts become reflectance: ``(DN + offset) / quantification``."""

    offset: float
    quantification: float


def to_reflectance(counts: NDArray[Any], calibration: Calibration) -> Float32:
    """Return top-of-atmosphere reflectance of counts (or of means of counts)."""
    reflectance = np.array(counts, np.float32)
    reflectance += np.float32(calibration.offset)
    reflectance *= np.float32(1.0 / calibration.quantification)
    return reflectance


def ground_reflectance(y: Float32, albedo: Float32, adjacency: Float32, y_mean: Float32 | None) -> Float32:
    """Return the surface reflectance from step 1, for arrays of one shape.

    Args:
        y: ``(rho_toa - path) / T``.
        albedo: spherical albedo ``S``.
        adjacency: ``q``.
        y_mean: ``y`` averaged over the surroundings; None leaves the neighbourhood out.
    """
    if y_mean is None:
        return np.asarray(y / (1.0 + albedo * y), np.float32)
    return np.asarray((y + adjacency * (y - y_mean)) / (1.0 + albedo * y_mean), np.float32)


@dataclass(frozen=True, eq=False)
class _Fields:
    """Fields on the 60 m raster from which the strips are enlarged; ``_invert`` says how they are used."""

    path: Float32
    gain: Float32
    last: Float32
    with_surroundings: bool
    water: WaterDependence | None


def correct_band(
    dn: NDArray[np.uint16],
    scl: NDArray[np.uint8],
    water_vapour: NDArray[np.uint16],
    aot550: Float32,
    coefficients: CoarseCoefficients,
    grid: CoarseGrid,
    calibration: Calibration,
    surroundings: Surroundings | None,
    out: NDArray[Any],
    *,
    relief: BandRelief | None = None,
    second_step: bool = True,
) -> None:
    """Fill ``out`` with the surface reflectance of one band.

    Args:
        dn: ``[rows, cols]`` Level-1C counts at 60, 20 or 10 m; 0 = no-data.
        scl: scene classification, of the pixel size of ``dn`` or of twice that; 0 = no-data.
        water_vapour: ``[rows, cols]`` as ``scl``, water vapour [0.001 cm]; used by bands with a water dependence.
        aot550: ``[rows60, cols60]`` AOT at 60 m.
        coefficients: of the band, on the coarse nodes.
        grid: the coarse nodes.
        calibration: of the counts.
        surroundings: for the adjacency correction; None leaves it out.
        out: ``[rows, cols]`` uint16, filled with ``floor(10000 rho + 1000.5)`` within 1..32767; 0 = no-data.
        relief: light on slopes; None for level ground.
        second_step: ``Rho_Retrieval_Step2``: False leaves out adjacency and the light between slopes, and takes a
            background of 0.15 for the spherical albedo.
    """
    repeat, per_block = dn.shape[0] // scl.shape[0], scl.shape[0] // aot550.shape[0]
    resolution = GRID_M // (repeat * per_block)
    at_60m, water = at_pixels(coefficients, grid, GRID_M, aot550)
    if not second_step:
        returned = np.float32(FIRST_STEP_BACKGROUND) * at_60m.spherical_albedo
        gain = at_60m.inverse_transmittance * (1.0 - returned)
        fields = _Fields(at_60m.path, gain, np.zeros_like(gain), True, water)
        if relief is not None:
            relief = relief.with_surroundings(gain, gain, returned / (1.0 - returned))
    elif surroundings is None and relief is None:
        fields = _Fields(at_60m.path, at_60m.inverse_transmittance, at_60m.spherical_albedo, False, water)
    else:
        used = np.asarray(scl) != 0 if surroundings is None else surroundings.used
        toa = to_reflectance(block_means(dn, used, resolution), calibration)
        fields, light, returned = _with_surroundings(at_60m, water, toa, water_vapour, surroundings)
        if relief is not None:
            relief = relief.with_surroundings(light, shrink(used, per_block), returned)
    for rows in strips(dn.shape[0]):
        part = slice(rows.start // repeat, rows.stop // repeat)
        nodata = np.asarray(scl[part]) == 0
        if nodata.all():
            out[rows] = 0
            continue
        counts = np.asarray(dn[rows])
        rho = _invert(counts, fields, rows, resolution, calibration, water_vapour[part])
        if relief is not None:
            rho = relief.reflectance(rho, rows)
        rho *= QUANTIFICATION
        rho += OFFSET + 0.5
        np.clip(rho, 1, LARGEST_DN, out=rho)
        if repeat > 1:
            nodata = np.repeat(np.repeat(nodata, repeat, axis=0), repeat, axis=1)
        rho[nodata | (counts == 0)] = 0
        out[rows] = rho.astype(np.uint16)  # truncates, which is floor for positive values


def _with_surroundings(
    c: BandCoefficients,
    water: WaterDependence | None,
    toa: Float32,
    water_vapour: NDArray[np.uint16],
    surroundings: Surroundings | None,
) -> tuple[_Fields, Float32, Float32]:
    """Return the fields from the mean top-of-atmosphere reflectance of the 60 m blocks, the level solution there, and
    the light that the atmosphere sends back to the ground, relative to that of the first passage.

    Without surroundings the fields leave the adjacency out.
    """
    y = toa - c.path
    if water is not None:
        per_block = water_vapour.shape[0] // toa.shape[0]
        centre = slice(per_block // 2, None, per_block)
        offset = _root_offset(np.asarray(water_vapour[centre, centre]), water.root_column)
        y -= water.path_slope * offset
        y *= np.exp(-offset * (water.slope + water.curvature * offset))
    y *= c.inverse_transmittance
    if surroundings is None:
        alone = _Fields(c.path, c.inverse_transmittance, c.spherical_albedo, False, water)
        return alone, ground_reflectance(y, c.spherical_albedo, c.adjacency, None), c.spherical_albedo * y
    y_mean = box_mean(y, surroundings)
    damping = 1.0 / (1.0 + c.spherical_albedo * y_mean)
    gain = c.inverse_transmittance * (1.0 + c.adjacency) * damping
    last = c.adjacency * y_mean * damping
    light = y * (1.0 + c.adjacency) * damping - last
    return _Fields(c.path, gain, last, True, water), light, c.spherical_albedo * y_mean


def _root_offset(water_vapour: NDArray[Any], root_column: Float32) -> Float32:
    """Return ``sqrt(U) - root_column`` for a column in 0.001 cm; 0 where there is no column."""
    root = np.sqrt(np.asarray(water_vapour, np.float32) * np.float32(0.001))
    return np.where(water_vapour > 0, root - root_column, np.float32(0.0)).astype(np.float32, copy=False)


def _invert(
    counts: NDArray[np.uint16],
    fields: _Fields,
    rows: slice,
    resolution: int,
    calibration: Calibration,
    water_vapour: NDArray[np.uint16],
) -> Float32:
    """Return the surface reflectance of one row strip.

    With surroundings ``rho = gain * w * (rho_toa - path) - last`` (``last`` holds ``q y_b / (1 + S y_b)``), without
    them ``y = gain * w * (rho_toa - path)`` and ``rho = y / (1 + last * y)`` (``last`` holds ``S``). ``w`` and a shift
    of the path carry the pixel's water vapour.
    """
    factor = GRID_M // resolution
    cols = counts.shape[1]

    def up(field: Float32) -> Float32:
        return enlarge(field, factor, rows, cols)

    y = to_reflectance(counts, calibration)
    y -= up(fields.path)
    water = fields.water
    if water is not None:
        offset = _root_offset(water_vapour, up(water.root_column))
        y -= up(water.path_slope) * offset
        exponent = up(water.curvature) * offset
        exponent += up(water.slope)
        exponent *= offset
        y *= np.exp(-exponent)
    y *= up(fields.gain)
    if fields.with_surroundings:
        y -= up(fields.last)
    else:
        y /= 1.0 + up(fields.last) * y
    return y
