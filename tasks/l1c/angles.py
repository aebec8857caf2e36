"""Sun and view angle grids: one gap-free grid of nodes per band, and its interpolation.

Zenith and azimuth of a direction are handled together as the horizontal vector ``tan(zenith) * (sin, cos)(azimuth)``.
Across a tile this vector is a nearly linear function of position, also through nadir where azimuth itself jumps, so
that a plane through it continues the geometry past the swath's edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from tasks.common.errors import InvalidInput
from tasks.common.xml import shown
from tasks.l1c.model import AngleGrid, TileMetadata

Floats = NDArray[np.float32]

_SMALLEST_PLANE_NODES: Final = 6
_BEYOND_OBSERVED_DEG: Final = 1.0
"""How far an extrapolated zenith may leave the range of the observed ones."""


def clean_sun_grid(grid: AngleGrid, mean_zenith_deg: float, mean_azimuth_deg: float) -> tuple[Floats, Floats]:
    """Return the sun's zenith and azimuth [deg] on the nodes without gaps.

    NaN, and zeros as some old products have them on missing nodes, are replaced by the plane through the others.

    Args:
        grid: sun grid ``[ny, nx]`` of the metadata.
        mean_zenith_deg: mean sun zenith, used where the whole grid is missing.
        mean_azimuth_deg: mean sun azimuth, likewise.

    Returns:
        Zenith 0..180 and azimuth 0..360, ``[ny, nx]``.
    """
    known = np.isfinite(grid.zenith_deg) & np.isfinite(grid.azimuth_deg)
    known &= ~((grid.zenith_deg == 0) & (grid.azimuth_deg == 0))
    if np.any(known & (grid.zenith_deg > 0)):
        known &= grid.zenith_deg > 0
    return _fill(grid.zenith_deg, grid.azimuth_deg, known, mean_zenith_deg, mean_azimuth_deg)


def merge_view_grids(
    detectors: Iterable[AngleGrid], shape: tuple[int, int], mean_zenith_deg: float, mean_azimuth_deg: float
) -> tuple[Floats, Floats]:
    """Return one gap-free view geometry of a band from the grids of its detectors.

    A node that several detectors see gets the mean of their zeniths and of their azimuths; a node outside the
    swath gets the plane through the others.

    Args:
        detectors: grids ``[ny, nx]``, NaN where the detector does not see the node.
        shape: ``(ny, nx)``.
        mean_zenith_deg: mean view zenith of the band, used where no detector sees any node.
        mean_azimuth_deg: mean view azimuth, likewise.

    Returns:
        Zenith 0..90 and azimuth 0..360 [deg], ``[ny, nx]``.
    """
    count = np.zeros(shape)
    zenith, east, north = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for grid in detectors:
        seen = np.isfinite(grid.zenith_deg) & np.isfinite(grid.azimuth_deg)
        azimuth = np.deg2rad(np.where(seen, grid.azimuth_deg, 0).astype(np.float64))
        count += seen
        zenith += np.where(seen, grid.zenith_deg, 0)
        east += np.where(seen, np.sin(azimuth), 0)
        north += np.where(seen, np.cos(azimuth), 0)
    known = count > 0
    zenith /= np.maximum(count, 1)
    azimuth_deg = np.rad2deg(np.arctan2(east, north))
    return _fill(zenith, azimuth_deg, known, mean_zenith_deg, mean_azimuth_deg)


def mean_view(tile: TileMetadata, band: str) -> tuple[float, float]:
    """Return the mean view zenith and azimuth [deg] of a band, or of all bands where the metadata lack the band's.

    Raises:
        InvalidInput: the metadata hold no view angle at all.
    """
    if band in tile.mean_view_zenith_deg:
        return tile.mean_view_zenith_deg[band], tile.mean_view_azimuth_deg[band]
    zenith = np.array(list(tile.mean_view_zenith_deg.values()))
    azimuth = np.array(list(tile.mean_view_azimuth_deg.values()))
    if not zenith.size:
        grids = [grid for detectors in tile.view.values() for grid in detectors.values()]
        zenith = np.concatenate([grid.zenith_deg.ravel() for grid in grids] or [np.empty(0, np.float32)])
        azimuth = np.concatenate([grid.azimuth_deg.ravel() for grid in grids] or [np.empty(0, np.float32)])
        seen = np.isfinite(zenith) & np.isfinite(azimuth)
        zenith, azimuth = zenith[seen], azimuth[seen]
    if not zenith.size:
        raise InvalidInput(f"{shown(tile.path)}: element Tile_Angles: has no view angles")
    radians = np.deg2rad(azimuth.astype(np.float64))
    mean_azimuth = np.rad2deg(np.arctan2(np.sin(radians).mean(), np.cos(radians).mean()))
    return float(zenith.mean()), float(mean_azimuth % 360)


def _fill(
    zenith_deg: NDArray[np.floating],
    azimuth_deg: NDArray[np.floating],
    known: NDArray[np.bool_],
    mean_zenith_deg: float,
    mean_azimuth_deg: float,
) -> tuple[Floats, Floats]:
    shape = zenith_deg.shape
    if not known.any():
        return np.full(shape, mean_zenith_deg, np.float32), np.full(shape, mean_azimuth_deg % 360, np.float32)
    zenith = np.where(known, zenith_deg, 0).astype(np.float64)
    azimuth = np.where(known, azimuth_deg, 0).astype(np.float64)
    if not known.all():
        horizon = min(89.0, float(zenith[known].max()))
        length = np.tan(np.deg2rad(np.minimum(zenith, horizon)))
        east = _continued(length * np.sin(np.deg2rad(azimuth)), known)
        north = _continued(length * np.cos(np.deg2rad(azimuth)), known)
        low = max(0.0, float(zenith[known].min()) - _BEYOND_OBSERVED_DEG)
        high = float(zenith[known].max()) + _BEYOND_OBSERVED_DEG
        filled = np.clip(np.rad2deg(np.arctan(np.hypot(east, north))), low, high)
        zenith = np.where(known, zenith, filled)
        azimuth = np.where(known, azimuth, np.rad2deg(np.arctan2(east, north)))
    return zenith.astype(np.float32), _wrapped(azimuth)


def _wrapped(azimuth_deg: NDArray[np.float64]) -> Floats:
    """Return azimuths in 0 <= a < 360, also after rounding to float32."""
    wrapped = np.mod(azimuth_deg, 360).astype(np.float32)
    wrapped[wrapped >= 360] = 0
    return wrapped


def _continued(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the values with unknown nodes continued from the nearest known one, along the least-squares plane.

    Where the known nodes are too few for a plane, the nearest value itself is taken.
    """
    plane = np.zeros_like(values)
    ys, xs = np.nonzero(known)
    if len(ys) >= _SMALLEST_PLANE_NODES and np.ptp(ys) >= 2 and np.ptp(xs) >= 2:
        matrix = np.stack([np.ones(len(ys)), ys, xs], axis=1)
        coefficients, _, rank, _ = np.linalg.lstsq(matrix, values[known], rcond=None)
        if rank == 3:
            all_y, all_x = np.indices(values.shape)
            plane = coefficients[0] + coefficients[1] * all_y + coefficients[2] * all_x
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(plane + (values - plane)[tuple(nearest)])


def _positions(
    size: int, step_m: float, at_m: NDArray[np.floating] | Sequence[float]
) -> tuple[NDArray[np.intp], Floats]:
    """Return index of the node before each position and the fraction towards the next one."""
    position = np.asarray(at_m, dtype=np.float64) / step_m
    first = np.clip(np.floor(position).astype(np.intp), 0, max(size - 2, 0))
    fraction = position - first if size > 1 else np.zeros_like(position)
    return first, fraction.astype(np.float32)


def interpolate_nodes(
    grid: Floats,
    step_m: float,
    ys_m: NDArray[np.floating] | Sequence[float],
    xs_m: NDArray[np.floating] | Sequence[float],
) -> Floats:
    """Interpolate a node grid bilinearly.

    Not for azimuths: see :func:`interpolate_azimuth_nodes`.

    Args:
        grid: ``[ny, nx]`` values on the nodes; node (0, 0) lies on the tile's upper left corner.
        step_m: node spacing [m].
        ys_m: ``[h]`` distances southwards from the upper left corner [m].
        xs_m: ``[w]`` distances eastwards [m].

    Returns:
        ``[h, w]`` values. Up to one step past the outermost nodes the last cell is continued linearly.
    """
    rows, row_fraction = _positions(grid.shape[0], step_m, ys_m)
    cols, col_fraction = _positions(grid.shape[1], step_m, xs_m)
    next_row = np.minimum(rows + 1, grid.shape[0] - 1)
    next_col = np.minimum(cols + 1, grid.shape[1] - 1)
    values = np.asarray(grid, dtype=np.float32)
    along = values[:, cols] + (values[:, next_col] - values[:, cols]) * col_fraction
    return np.asarray(along[rows] + (along[next_row] - along[rows]) * row_fraction[:, None], dtype=np.float32)


def interpolate_azimuth_nodes(
    grid_deg: Floats,
    step_m: float,
    ys_m: NDArray[np.floating] | Sequence[float],
    xs_m: NDArray[np.floating] | Sequence[float],
) -> Floats:
    """Interpolate a node grid of azimuths [deg] through sine and cosine; the result is 0 <= a < 360.

    Arguments as :func:`interpolate_nodes`.
    """
    radians = np.deg2rad(np.asarray(grid_deg, dtype=np.float64))
    east = interpolate_nodes(np.sin(radians).astype(np.float32), step_m, ys_m, xs_m)
    north = interpolate_nodes(np.cos(radians).astype(np.float32), step_m, ys_m, xs_m)
    return _wrapped(np.rad2deg(np.arctan2(east, north)).astype(np.float64))
