"""Water vapour from bands B8A and B11 (windows) and B09 (absorption at 945 nm).

Atmospherically precorrected differential absorption (Schlaepfer et al. 1998, doi:10.1016/S0034-4257(98)00044-3). The
surface reflectance of B8A, inverted over Lambertian ground, is taken for that of B09, raised on the straight line to
B11 where the ground is brighter there; what B09 shows less than that ground would without gas, its path reflectance
subtracted, is the gas transmittance of B09::

    T09 = (rho_toa09 - path09(U)) / (T_down T_up rho / (1 - S(U) rho)),        U = U(T09)

``U(T09)`` is a polynomial in logarithms, fitted per coarse node to the radiative-transfer table itself. The first pass
takes ``path09`` and ``S`` at the start column, the next ones at the smoothed column of the pass before. Sen2Cor makes
two passes; four cost little on 60 m pixels, and over dark ground under much aerosol two leave errors above 0.1 cm.

Sen2Cor has no window beyond the absorption and takes B8A's reflectance as it is: bare soil, which rises to the
short-wave infrared, then shows too little water. Over vegetation, which falls, the line is left out: it would follow
the absorption of the leaves at 1.6 um, not their level at 0.945 um.

The retrieval works on 60 m pixels, the native size of B09: B8A is averaged over the same ground, so that the texture of
20 m pixels does not enter the ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import CoarseGrid, Float32, strips
from tasks.surface_reflectance.coefficients import BandCoefficients, linear_coefficients
from tasks.surface_reflectance.scene import BandAtmosphere, Scene

SMALLEST_COLUMN_CM = 0.05
LARGEST_COLUMN_CM = 7.0
RESOLUTION_M = 60

_COLUMNS_CM = (0.05, 0.12, 0.25, 0.5, 0.9, 1.5, 2.3, 3.4, 5.0, 7.0)
_DEGREE = 4
_PATH_DEGREE = 4
_PASSES = 4
_DARKEST = 0.01
"""Surface reflectance of B8A below which the ratio is noise."""
_OUTLIER_CM = 0.01
_PATH_ERROR = 0.1
_LARGEST_ERRORS_CM = (0.3, 0.5)
"""A column that moves by more than this when the path reflectance of B09 is a tenth brighter is not determined: over
dark ground under much aerosol most of the signal is path. The second limit holds where the first leaves too few."""
_FEWEST_DETERMINED = 0.01
"""Share of the pixels with a solution that must be determined by the first limit."""


@dataclass(frozen=True, eq=False)
class AbsorptionModel:
    """B09 on the coarse nodes as functions of the column.

    Attributes:
        column: ``[5, ny, nx]`` coefficients (highest power first) of ``ln U`` in ``z = (ln(-ln T) - centre) / scale``.
        centre, scale: of the logarithm of the absorption, one number each for the scene.
        path: ``[5, ny, nx]`` coefficients (highest power first) of the path reflectance in ``sqrt(U)``.
        scattering: ``[ny, nx]`` ``T_down T_up`` without gas.
        spherical_albedo: ``[5, ny, nx]`` coefficients in ``sqrt(U)``: water vapour absorbs what the ground and the air
            throw back and forth.
    """

    column: Float32
    centre: float
    scale: float
    path: Float32
    scattering: Float32
    spherical_albedo: Float32


def fit_absorption(atmosphere: BandAtmosphere, aot550: Float32) -> AbsorptionModel:
    """Return the model of B09 for the AOT ``[ny, nx]`` of the nodes, fitted between 0.05 and 7 cm."""
    terms = [atmosphere.terms(aot550, column) for column in _COLUMNS_CM]
    absorption = np.stack([-np.log(np.clip(t.gas_transmittance, 1e-6, 1 - 1e-6)) for t in terms])
    logarithm = np.log(absorption.astype(np.float64))
    centre = float((logarithm.max() + logarithm.min()) / 2)
    scale = float(max((logarithm.max() - logarithm.min()) / 2, 1e-3))
    log_column = np.broadcast_to(np.log(_COLUMNS_CM)[:, None, None], logarithm.shape)
    root = np.sqrt(_COLUMNS_CM)
    path = np.stack([t.path_reflectance for t in terms]).astype(np.float64)
    dry = terms[0]
    return AbsorptionModel(
        column=_fit((logarithm - centre) / scale, log_column, _DEGREE),
        centre=centre,
        scale=scale,
        path=_fit(root, path, _PATH_DEGREE),
        scattering=np.asarray(dry.transmittance_down * dry.transmittance_up, np.float32),
        spherical_albedo=_fit(root, np.stack([t.spherical_albedo for t in terms]).astype(np.float64), _PATH_DEGREE),
    )


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], degree: int) -> Float32:
    """Return least-squares polynomials ``[degree + 1, ny, nx]`` through ``[n, ny, nx]`` samples, node by node.

    ``x`` may be ``[n]``, the same for all nodes.
    """
    if x.ndim == 1:
        common = np.linalg.pinv(x[:, None] ** np.arange(degree, -1, -1))
        return np.asarray(np.tensordot(common, y, axes=1), np.float32)
    powers = np.moveaxis(x, 0, -1)[..., None] ** np.arange(degree, -1, -1)
    transposed = np.swapaxes(powers, -1, -2)
    right = transposed @ np.moveaxis(y, 0, -1)[..., None]
    solved = np.linalg.solve(transposed @ powers, right)[..., 0]
    result: Float32 = np.ascontiguousarray(np.moveaxis(solved, -1, 0)).astype(np.float32)
    return result


def _polynomial(coefficients: Sequence[Float32], x: Float32) -> Float32:
    """Return the polynomial (highest power first) at ``x``."""
    result: Float32 = coefficients[0] * x
    for coefficient in coefficients[1:-1]:
        result += coefficient
        result *= x
    result += coefficients[-1]
    return result


@dataclass(frozen=True, eq=False)
class WindowBeyond:
    """The window band on the other side of the absorption.

    Attributes:
        toa: ``[rows, cols]`` top-of-atmosphere reflectance of B11 at 60 m.
        share: where B09 lies between B8A (0) and B11 (1).
    """

    toa: Float32
    share: float


def retrieve_columns(
    scene: Scene,
    toa_window: Float32,
    toa_absorption: Float32,
    usable: NDArray[np.bool_],
    aot550: Float32,
    start_column_cm: float,
    beyond: WindowBeyond | None = None,
) -> tuple[Float32, NDArray[np.bool_]]:
    """Return the water vapour column above the ground on 60 m pixels.

    Args:
        scene: geometry, height and ozone.
        toa_window, toa_absorption: ``[rows, cols]`` top-of-atmosphere reflectance of B8A and B09 at 60 m.
        usable: ``[rows, cols]`` pixels to be retrieved.
        aot550: ``[ny, nx]`` on the coarse nodes.
        start_column_cm: column of the first pass [cm].
        beyond: B11, from which the ground's slope is taken; None takes the ground of B09 to be that of B8A.

    Returns:
        ``[rows, cols]`` columns [cm], limited to 0.05..7 (start column where not retrieved), and where they were
        retrieved: usable pixels but the outliers (transmittance not in 0..1, dark ground, column below 0.01 cm) and
        those whose signal is mostly path.
    """
    grid, everywhere = scene.grid, np.ones(toa_window.shape, np.bool_)
    model = fit_absorption(scene.atmosphere("B09"), aot550)
    windows = [scene.atmosphere(band) for band in (("B8A",) if beyond is None else ("B8A", "B11"))]

    column = np.full(toa_window.shape, start_column_cm, np.float32)
    valid = np.asarray(usable, np.bool_)
    moved = np.zeros(toa_window.shape, np.float32)
    for number in range(_PASSES):
        before, smooth = column, _smooth(column, valid)
        # the column matters little in the windows: its mean round the nodes is enough
        nodes = grid.area_mean(smooth, everywhere, RESOLUTION_M)
        seen = [linear_coefficients(window.terms(aot550, nodes)) for window in windows]
        column, valid = np.empty_like(column), np.empty_like(valid)
        for rows in strips(toa_window.shape[0]):
            ground = _ground(seen[0], grid, rows, toa_window[rows])
            if beyond is not None:
                rise = _ground(seen[1], grid, rows, beyond.toa[rows]) - ground
                ground += np.float32(beyond.share) * np.maximum(rise, 0)
            estimate, found = _estimate(model, grid, rows, smooth[rows], ground, toa_absorption[rows])
            found &= usable[rows]
            valid[rows] = found
            column[rows] = np.where(found, estimate, np.float32(start_column_cm))
            if number == _PASSES - 1:
                brighter = 1.0 + _PATH_ERROR
                other, _ = _estimate(model, grid, rows, smooth[rows], ground, toa_absorption[rows], brighter)
                moved[rows] = np.maximum(np.abs(other - estimate), np.abs(estimate - before[rows]))
    valid = _determined(valid, moved)
    return np.where(valid, column, np.float32(start_column_cm)), valid


def _determined(solved: NDArray[np.bool_], moved_cm: Float32) -> NDArray[np.bool_]:
    """Return the solved pixels whose column neither the last pass nor a wrong path reflectance moves by much."""
    first, second = (solved & (moved_cm <= limit) for limit in _LARGEST_ERRORS_CM)
    enough = np.count_nonzero(first) >= max(1.0, _FEWEST_DETERMINED * np.count_nonzero(solved))
    return first if enough else second


def _estimate(
    model: AbsorptionModel,
    grid: CoarseGrid,
    rows: slice,
    column: Float32,
    ground: Float32,
    toa: Float32,
    path: float = 1.0,
) -> tuple[Float32, NDArray[np.bool_]]:
    """Return a better column of a row strip, and where it is none of the outliers.

    Args:
        model: of the absorption.
        grid: coarse nodes.
        rows: of the strip.
        column: ``[rows, cols]`` the last estimate.
        ground: surface reflectance in B09.
        toa: top-of-atmosphere reflectance of B09.
        path: factor on the path reflectance.
    """
    cols = column.shape[1]

    def up(field: Float32) -> Float32:
        return grid.upsample(field, RESOLUTION_M, rows, cols)

    root = np.sqrt(column)
    signal = toa - np.float32(path) * _polynomial([up(field) for field in model.path], root)
    echo = _polynomial([up(field) for field in model.spherical_albedo], root)
    bare = up(model.scattering) * ground / (1.0 - echo * ground)
    transmittance = signal / np.maximum(bare, 1e-4)
    absorption = -np.log(np.clip(transmittance, 1e-4, 1 - 1e-4))
    z = (np.log(absorption) - np.float32(model.centre)) * np.float32(1 / model.scale)
    estimate = np.exp(_polynomial([up(field) for field in model.column], np.clip(z, -1.1, 1.1)))
    found = (ground > _DARKEST) & (transmittance > 0) & (transmittance < 1) & (estimate >= _OUTLIER_CM)
    return np.clip(estimate, SMALLEST_COLUMN_CM, LARGEST_COLUMN_CM), found


def _ground(c: BandCoefficients, grid: CoarseGrid, rows: slice, toa: Float32) -> Float32:
    """Return the surface reflectance of a window band in a row strip."""

    def up(field: Float32) -> Float32:
        return grid.upsample(field, RESOLUTION_M, rows, toa.shape[1])

    y = toa - up(c.path)
    y *= up(c.inverse_transmittance)
    return np.asarray(y / (1.0 + up(c.spherical_albedo) * y), np.float32)


def _smooth(column: Float32, valid: NDArray[np.bool_]) -> Float32:
    """Return the mean of the valid columns within 3 x 3 pixels (the ten 20 m pixels of Sen2Cor); else the column."""
    weight = valid.astype(np.float32)
    number = cv2.blur(weight, (3, 3), borderType=cv2.BORDER_REPLICATE)
    total = cv2.blur(column * weight, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return np.where(number > 0.05, total / np.maximum(number, 0.05), column).astype(np.float32)
