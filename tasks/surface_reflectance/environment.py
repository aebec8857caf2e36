"""The mean of a scene weighted with the environment functions of 6S, on coarse cells.

Each function is split in two: what lies within 3 km, on cells of 120 m, and the rest, which is smooth, on cells of
600 m; a taper between 1.5 and 3 km joins them. Both are convolutions by Fourier transform over a frame wide enough that
nothing wraps round; what the cells of 120 m blur is given back. Where ground is unknown (no-data, beyond the tile) it
has no weight.

Light that the air sends back to the ground has gone up and down, and comes from farther away. With molecules thinning
out by e over 8 km and Rayleigh's phase function, 9 % of it was reflected within 1.5 km, 16 % within 3, 27 % within 6,
41 % within 12 km (two paths between level ground and the layer that scatters, drawn at random); 6S's function of
molecules gives that with its lengths doubled (8.8, 16, 27, 42 %). It is taken on the cells of 600 m alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from tasks.radiative_transfer.environment import AEROSOL, MOLECULES, Exponentials, density, share_within
from tasks.surface_reflectance.coarse import Float32, enlarge, shrink

_BLOCK_KM: Final = 0.06
_NEAR_BLOCKS: Final = 2
_FAR_CELLS: Final = 5
_TAPER_KM: Final = (1.5, 3.0)
_FARTHEST_KM: Final = 50.0
"""1.7 % of the light that molecules scatter comes from farther away."""
_BACK_AND_FORTH: Final = 2.0
"""Factor on the lengths of 6S's function of molecules for light that the air sends back to the ground."""
_POINTS: Final = 8
"""Each cell's share is the mean over this number of points squared."""
_SHARPEST: Final = 1.75
"""Largest factor on a wave, reached at 3.7 cells (440 m): more of it would ring at shores."""
_LEAST_WEIGHT: Final = 1e-4


@dataclass(frozen=True, eq=False)
class _Level:
    """The convolutions on cells of one size.

    Attributes:
        frame: rows and columns of the frame, which holds the scene and the reach of the kernels.
        kernels: their transforms.
    """

    frame: tuple[int, int]
    kernels: tuple[NDArray[np.complex64], ...]

    def sums(self, cells: Float32) -> tuple[Float32, ...]:
        """Return the cells weighted with the kernels."""
        rows, cols = cells.shape
        transform = scipy.fft.rfft2(cells, self.frame, workers=1)
        return tuple(
            np.ascontiguousarray(scipy.fft.irfft2(transform * kernel, self.frame, workers=1)[:rows, :cols])
            for kernel in self.kernels
        )


@dataclass(frozen=True, eq=False)
class Environment:
    """The environment functions over one scene.

    Attributes:
        shape: of the raster of 60 m blocks.
        near, far: the convolutions on cells of 120 m and of 600 m, the latter with that of the light sent back.
        weights: sums of the weights of the scene under the functions of molecules and aerosol, on the cells of 120 m,
            and of the light sent back, on those of 600 m.
    """

    shape: tuple[int, int]
    near: _Level
    far: _Level
    weights: tuple[Float32, ...]

    def mean(self, weighted: Float32, molecular_share: Float32, otherwise: float) -> tuple[Float32, Float32]:
        """Return the mean over the surroundings of each block, and that over what sends light back to it.

        Args:
            weighted: ``[rows60, cols60]`` values times their weights.
            molecular_share: ``[rows60, cols60]`` share of the light that molecules scatter.
            otherwise: the value where no weight is in reach.
        """
        molecules, aerosol, back = (
            np.where(weight > _LEAST_WEIGHT, total / np.maximum(weight, _LEAST_WEIGHT), np.float32(otherwise))
            for total, weight in zip(_sums(self.near, self.far, weighted), self.weights, strict=True)
        )
        share = shrink(_whole_cells(molecular_share, _NEAR_BLOCKS, "edge"), _NEAR_BLOCKS)
        share *= molecules - aerosol
        share += aerosol
        rows, cols = slice(0, self.shape[0]), self.shape[1]
        return enlarge(share, _NEAR_BLOCKS, rows, cols), enlarge(back, _NEAR_BLOCKS * _FAR_CELLS, rows, cols)


def environment_of(weight: Float32, scale: float) -> Environment:
    """Return the environment functions over a scene.

    Args:
        weight: ``[rows60, cols60]`` how much each block counts, 0 to 1.
        scale: factor on all lengths of the functions; 1 is 6S.
    """
    rows, cols = (-(-size // _NEAR_BLOCKS) for size in weight.shape)
    near = _level((rows, cols), _BLOCK_KM * _NEAR_BLOCKS, _TAPER_KM[1], scale, near=True)
    far_cells = (-(-rows // _FAR_CELLS), -(-cols // _FAR_CELLS))
    far = _level(far_cells, _BLOCK_KM * _NEAR_BLOCKS * _FAR_CELLS, _FARTHEST_KM, scale, near=False)
    return Environment((weight.shape[0], weight.shape[1]), near, far, _sums(near, far, weight))


def _sums(near: _Level, far: _Level, weighted: Float32) -> tuple[Float32, Float32, Float32]:
    """Return the sums under the functions, in units of a whole cell: as :attr:`Environment.weights`."""
    cells = shrink(_whole_cells(weighted, _NEAR_BLOCKS, "constant"), _NEAR_BLOCKS)
    coarse = shrink(_whole_cells(cells, _FAR_CELLS, "constant"), _FAR_CELLS)
    rows, cols = cells.shape
    *distant, back = far.sums(coarse)
    molecules, aerosol = (
        close + enlarge(beyond, _FAR_CELLS, slice(0, rows), cols)
        for close, beyond in zip(near.sums(cells), distant, strict=True)
    )
    return molecules, aerosol, back


def _whole_cells(field: Float32, size: int, mode: Any) -> Float32:
    """Return the field with rows and columns added below and to the right until it holds whole cells."""
    rows, cols = (-length % size for length in field.shape)
    return field if rows == cols == 0 else np.pad(field, ((0, rows), (0, cols)), mode=mode)


def _level(cells: tuple[int, int], cell_km: float, farthest_km: float, scale: float, *, near: bool) -> _Level:
    """Return the convolutions of one size of cells."""
    reach = tuple(min(int(np.ceil(farthest_km / cell_km)), size - 1) for size in cells)
    frame = tuple(scipy.fft.next_fast_len(size + far, real=True) for size, far in zip(cells, reach, strict=True))
    part = _taper if near else _beyond_taper
    kernels = [_kernel(exponentials, reach, cell_km, scale, part) for exponentials in (MOLECULES, AEROSOL)]
    if not near:
        kernels.append(_kernel(MOLECULES, reach, cell_km, _BACK_AND_FORTH * scale, None))
    sharper = _sharper((frame[0], frame[1])) if near else np.float32(1.0)
    return _Level((frame[0], frame[1]), tuple(_transform(kernel, frame) * sharper for kernel in kernels))


def _sharper(frame: tuple[int, int]) -> Float32:
    """Return what the near kernels' transforms are multiplied with, since cells blur.

    The scene enters as means over cells, and so does the kernel: a factor ``sinc`` each. The linear interpolation from
    cells to blocks, and from blocks to pixels, is a factor ``sinc^2`` each. Without this the ground between two ridges
    700 m apart would lie a fifth too near to the mean of both.
    """
    blur = np.float32(1.0)
    for axis, size in enumerate(frame):
        wave = scipy.fft.rfftfreq(size) if axis else scipy.fft.fftfreq(size)  # per cell
        part = np.sinc(wave) ** 4 * np.sinc(wave / _NEAR_BLOCKS) ** 2
        blur = blur * (part if axis else part[:, None])
    return np.asarray(1.0 / np.maximum(blur, 1.0 / _SHARPEST), np.float32)


def _taper(distance_km: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which part of a function counts as near: 1 up to 1.5 km, 0 from 3 km on."""
    start, stop = _TAPER_KM
    place = np.clip((distance_km - start) / (stop - start), 0.0, 1.0)
    return np.asarray(np.cos(0.5 * np.pi * place) ** 2)


def _beyond_taper(distance_km: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rest of the near part."""
    return np.asarray(1.0 - _taper(distance_km))


def _kernel(
    exponentials: Exponentials,
    reach: tuple[int, ...],
    cell_km: float,
    scale: float,
    part: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None,
) -> NDArray[np.float64]:
    """Return the share of each cell round the one in the middle ``[2 reach + 1, 2 reach + 1]``.

    Args:
        exponentials, scale: the function, and the factor on its lengths.
        reach: in cells.
        cell_km: their size.
        part: which share of the function counts at a distance; None for all.
    """
    steps = ((np.arange(_POINTS) + 0.5) / _POINTS - 0.5) * cell_km
    total = np.zeros((2 * reach[0] + 1, 2 * reach[1] + 1))
    y, x = (np.arange(-far, far + 1) * cell_km for far in reach)
    for down in steps:
        for right in steps:
            distance = np.hypot(y[:, None] + down, x[None, :] + right)
            share = density(distance / scale, exponentials)
            total += share if part is None else share * part(distance)
    total *= (cell_km / _POINTS / scale) ** 2
    if part is not _beyond_taper:
        total[reach[0], reach[1]] = _share_of_middle(exponentials, cell_km, scale)
    return total


def _share_of_middle(exponentials: Exponentials, cell_km: float, scale: float) -> float:
    """Return the share of the cell in the middle, over whose centre the density grows without bound.

    In polar coordinates the singularity cancels: the share within the distance of the cell's rim, over all directions.
    """
    angle = (np.arange(256) + 0.5) / 256 * np.pi / 4
    rim = 0.5 * cell_km / np.cos(angle) / scale
    return float(np.mean(share_within(rim, exponentials)))


def _transform(kernel: NDArray[np.float64], frame: tuple[int, ...]) -> NDArray[np.complex64]:
    """Return the transform of a kernel whose middle stands on the first cell of the frame."""
    placed = np.zeros(frame, np.float32)
    rows, cols = kernel.shape
    placed[:rows, :cols] = kernel
    placed = np.roll(placed, (-(rows // 2), -(cols // 2)), axis=(0, 1))
    return np.asarray(scipy.fft.rfft2(placed, workers=1))
