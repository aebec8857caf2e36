"""Runs over both sides strip by strip and gathers the figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS
from tasks.common.errors import InvalidInput
from tasks.common.records import Record
from tasks.common.xml import shown
from tasks.comparison.side import Side
from tasks.comparison.statistics import CLASSES, Agreement, Gathered, confusion

_STRIP_ROWS_60M = 40
_NAMES = (*BANDS, "AOT", "WVP")


class Comparison(Record):
    """The outcome of a comparison."""

    classes: tuple[int, ...]
    """Classes whose pixels were compared, in the classification of both sides."""
    images: dict[str, Agreement]
    """By ``<name>_<resolution>m``; reflectance, AOT (no unit) and water vapour [cm]."""
    confusion: tuple[tuple[int, ...], ...]
    """Pixels by class in A (row) and class in B (column), at 20 m; empty without two classifications."""

    @property
    def class_agreement(self) -> float | None:
        """Share of the pixels, valid in both, whose class is the same [%]."""
        if not self.confusion:
            return None
        matrix = np.array(self.confusion)[1:, 1:]
        return 100.0 * float(np.trace(matrix)) / max(1, int(matrix.sum()))


def compare(a: Side, b: Side, classes: tuple[int, ...]) -> Comparison:
    """Compare all images that both sides have.

    Args:
        a, b: the sides; differences are A - B.
        classes: only pixels of these classes, in both sides as far as they have a classification, are compared.

    Raises:
        InvalidInput: the sides have no image in common, or their grids differ.
    """
    common = [
        (name, res) for res in (10, 20, 60) for name in _NAMES if (name, res) in a.images and (name, res) in b.images
    ]
    if not common:
        raise InvalidInput(f"{shown(a.path)} and {shown(b.path)} have no image in common")
    images = {}
    for name, resolution in common:
        figures = _gather(a, b, name, resolution, classes).agreement()
        if figures is not None:
            images[f"{name}_{resolution}m"] = figures
    return Comparison(classes=classes, images=images, confusion=_confusion(a, b))


def _same_grid(a: Side, b: Side, name: str, resolution: int) -> tuple[int, int]:
    grid_a, grid_b = a.grid(name, resolution), b.grid(name, resolution)
    if grid_a[:2] != grid_b[:2] or not np.allclose(grid_a[2], grid_b[2]):
        raise InvalidInput(
            f"{name} at {resolution} m: {shown(a.path)} has {grid_a[0]} x {grid_a[1]} pixels from {grid_a[2][2::3]}, "
            f"{shown(b.path)} {grid_b[0]} x {grid_b[1]} from {grid_b[2][2::3]}: only equal grids can be compared"
        )
    return grid_a[0], grid_a[1]


def _strips(rows: int, resolution: int) -> list[slice]:
    height = _STRIP_ROWS_60M * 60 // resolution
    return [slice(start, min(start + height, rows)) for start in range(0, rows, height)]


def _gather(a: Side, b: Side, name: str, resolution: int, classes: tuple[int, ...]) -> Gathered:
    rows, cols = _same_grid(a, b, name, resolution)
    gathered = Gathered()
    for strip in _strips(rows, resolution):
        use = np.ones((strip.stop - strip.start, cols), np.bool_)
        for side in (a, b):
            if ("SCL", 20) in side.images:
                use &= _wanted(side, strip, cols, resolution, classes)
        gathered.add(side_values(a, name, resolution, strip, cols), side_values(b, name, resolution, strip, cols), use)
    return gathered


def side_values(side: Side, name: str, resolution: int, strip: slice, cols: int) -> NDArray[np.float32]:
    """Return a strip of a side as float32."""
    return np.asarray(side.window(name, resolution, strip, cols), np.float32)


def _wanted(side: Side, strip: slice, cols: int, resolution: int, classes: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where the classification at 20 m is wanted, on the pixels of a strip of another resolution.

    A pixel of 60 m is wanted when all nine pixels of 20 m are.
    """
    at_20m = slice(strip.start * resolution // 20, strip.stop * resolution // 20)
    chosen = np.isin(side.window("SCL", 20, at_20m, cols * resolution // 20), classes)
    if resolution == 10:
        return np.repeat(np.repeat(chosen, 2, axis=0), 2, axis=1)
    if resolution == 60:
        return np.asarray(chosen.reshape(chosen.shape[0] // 3, 3, -1, 3).all(axis=(1, 3)))
    return np.asarray(chosen)


def _confusion(a: Side, b: Side) -> tuple[tuple[int, ...], ...]:
    if ("SCL", 20) not in a.images or ("SCL", 20) not in b.images:
        return ()
    rows, cols = _same_grid(a, b, "SCL", 20)
    total = np.zeros((CLASSES, CLASSES), np.int64)
    for strip in _strips(rows, 20):
        total += confusion(a.window("SCL", 20, strip, cols), b.window("SCL", 20, strip, cols))
    return tuple(tuple(int(count) for count in row) for row in total)
