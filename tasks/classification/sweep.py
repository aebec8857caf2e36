"""Runs steps over a tile in strips of rows: the only loop over the pixels of a tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.classification.classes import NO_DATA, NOT_CLASSIFIED
from tasks.classification.ground import Ground
from tasks.classification.indices import FloatArray
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Background, Scene, TileFacts
from tasks.classification.shadow_geometry import cloud_indicator

Step = Callable[[Scene, ClassificationParameters], None]


class Counts(Protocol):
    """A band's Level-1C numbers ``[y, x]`` uint16: an array, or a reader of rows that is indexed like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""

    def __getitem__(self, key: Any, /) -> NDArray[Any]:
        """Return a part of it."""


STRIP_ROWS: Final = 128
DN_NO_DATA: Final = 0
DN_SATURATED: Final = 65535
REFLECTANCE_FLOOR: Final = 1e-6
INVALID_DEFECTIVE: Final = 1
INVALID_LOST: Final = 2
ZONE_FACTOR_LIMIT: Final = 3


@dataclass(frozen=True)
class DigitalNumberScale:
    """How Level-1C digital numbers become reflectance: ``(DN + offset[band]) / quantification``."""

    offset: Mapping[str, int]
    quantification: float

    def reflectance(self, band: str, dn: NDArray[np.uint16] | FloatArray) -> FloatArray:
        """Return top-of-atmosphere reflectance, float32, not below 1e-6 (noise below the offset would be negative).

        Source: PSD 14.8, ``QUANTIFICATION_VALUE`` and ``RADIO_ADD_OFFSET`` of the Level-1C product.
        """
        shifted = dn.astype(np.float32) + np.float32(self.offset[band])
        shifted /= np.float32(self.quantification)
        floored: FloatArray = np.maximum(shifted, np.float32(REFLECTANCE_FLOOR), out=shifted)
        return floored


class StripReflectance(Mapping[str, FloatArray]):
    """Reflectance of a strip by band, read when a step first asks for it; B08 may lie on a grid twice as fine."""

    def __init__(self, numbers: Mapping[str, Counts], scale: DigitalNumberScale, rows: slice) -> None:
        self._numbers, self._scale, self._rows = numbers, scale, rows
        self._read: dict[str, FloatArray] = {}

    def __getitem__(self, band: str) -> FloatArray:
        """Return the band's reflectance; raises ``KeyError`` for a band that is not there."""
        if band not in self._read:
            numbers = self._numbers[band]
            shape = next(iter(self._numbers.values())).shape
            factor = numbers.shape[0] // shape[0]
            rows = slice(self._rows.start * factor, self._rows.stop * factor)
            reflectance = self._scale.reflectance(band, numbers[rows])
            if factor > 1:
                reflectance = _block_means(reflectance, factor)
            self._read[band] = reflectance
        return self._read[band]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the bands."""
        return iter(self._numbers)

    def __len__(self) -> int:
        """Return the number of bands."""
        return len(self._numbers)


def _block_means(values: FloatArray, factor: int) -> FloatArray:
    """Return the means of ``factor`` x ``factor`` blocks. (A mean over two axes takes numpy five times as long.)"""
    total = values[::factor, ::factor].copy()
    for index in range(1, factor**2):
        total += values[index // factor :: factor, index % factor :: factor]
    total /= np.float32(factor**2)
    return total


@dataclass(eq=False)
class TileState:
    """Everything of a tile that the sweeps read and write.

    Attributes:
        numbers: Level-1C numbers ``[y, x]`` uint16 by band; 0 no data, 65535 saturated.
        scale: how they become reflectance.
        parameters: thresholds.
        ground, tile: maps and facts.
        classes: class map with working codes; cloud, snow: confidences in per cent.
        cloud_map: the cloud indicator of the classic shadow; None where it is not needed.
        zone: geometric probability of shadow, on a grid ``zone_factor`` times coarser.
    """

    numbers: Mapping[str, Counts]
    scale: DigitalNumberScale
    parameters: ClassificationParameters
    ground: Ground
    tile: TileFacts
    classes: NDArray[np.uint8]
    cloud: NDArray[np.uint8]
    snow: NDArray[np.uint8]
    strip_rows: int = STRIP_ROWS
    cloud_map: NDArray[np.bool_] | None = None
    background: Background = field(default_factory=Background)
    zone: FloatArray | None = None
    zone_factor: int = 1

    def scene(self, rows: slice) -> Scene:
        """Return the state of some rows; its classes are a copy."""
        empty = np.zeros((0, 0), np.float32)
        return Scene(
            StripReflectance(self.numbers, self.scale, rows), self.classes[rows].copy(), empty, empty,
            self.ground.rows(rows), self.tile, self.background, self._zone_rows(rows),
        )  # fmt: skip

    def sampled(self, rows: NDArray[np.intp], cols: NDArray[np.intp], bands: tuple[str, ...]) -> Scene:
        """Return the state at some rows and columns, with some bands only and without the zone of shadow."""
        cells, empty = np.ix_(rows, cols), np.zeros((0, 0), np.float32)
        numbers = {band: self.numbers[band][cells] for band in bands}
        return Scene(
            StripReflectance(numbers, self.scale, slice(0, rows.size)), self.classes[cells], empty, empty,
            self.ground.sampled(rows, cols), self.tile, self.background,
        )  # fmt: skip

    def in_zone(self, rows: NDArray[np.intp], cols: NDArray[np.intp], above: float) -> NDArray[np.bool_]:
        """Return where the probability of shadow is above a limit at some rows and columns; nowhere without a zone."""
        if self.zone is None:
            return np.zeros((rows.size, cols.size), np.bool_)
        return np.asarray(self.zone[np.ix_(rows // self.zone_factor, cols // self.zone_factor)] > above)

    def _zone_rows(self, rows: slice) -> FloatArray | None:
        if self.zone is None:
            return None
        factor = self.zone_factor
        if factor == 1:
            return self.zone[rows]
        coarse = self.zone[np.arange(rows.start, rows.stop) // factor]
        return np.repeat(coarse, factor, axis=1)[:, : self.classes.shape[1]]


def strips(state: TileState, halo: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield for each strip its rows, its rows with halo, and where it lies within the latter."""
    total = state.classes.shape[0]
    for first in range(0, total, state.strip_rows):
        last = min(first + state.strip_rows, total)
        start, stop = max(first - halo, 0), min(last + halo, total)
        yield slice(first, last), slice(start, stop), slice(first - start, last - start)


def sweep(state: TileState, steps: tuple[Step, ...], halo: int) -> None:
    """Run steps on the classes of the whole tile; ``halo`` is how many rows beyond a strip can change it."""
    changed = np.empty_like(state.classes)
    for rows, wide, inner in strips(state, halo):
        if not state.classes[rows].any():
            changed[rows] = NO_DATA
            continue
        scene = state.scene(wide)
        for step in steps:
            step(scene, state.parameters)
        changed[rows] = scene.classes[inner]
    state.classes = changed


def first_sweep(state: TileState, steps: tuple[Step, ...], halo: int) -> None:
    """Run the steps that build the confidences, and keep these in per cent; classes are not read but made.

    The cloud indicator of the classic shadow is made where ``cloud_map`` is an array; it looks two rows far.
    """
    no_data = state.classes == NO_DATA
    for rows, wide, inner in strips(state, halo):
        lost = no_data[wide]
        if lost.all():
            continue
        reflectance = StripReflectance(state.numbers, state.scale, wide)
        scene = Scene.unclassified(reflectance, lost)
        scene.ground, scene.tile = state.ground.rows(wide), state.tile
        for step in steps:
            step(scene, state.parameters)
        state.classes[rows] = scene.classes[inner]
        state.cloud[rows] = _percent(scene.cloud, scene.valid)[inner]
        state.snow[rows] = _percent(scene.snow, scene.valid)[inner]
        if state.cloud_map is not None:
            state.cloud_map[rows] = cloud_indicator(scene.cloud)[inner]


def usable(
    numbers: Mapping[str, Counts], invalid: NDArray[np.uint8] | None, strip_rows: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the start classes (no-data and not classified) and where a pixel is saturated or defective.

    A pixel without data in any band, or lost by the quality masks, is no-data.
    """
    shape = next(iter(numbers.values())).shape
    classes = np.full(shape, NOT_CLASSIFIED, np.uint8)
    spoilt = np.zeros(shape, np.bool_)
    for first in range(0, shape[0], strip_rows):
        rows = slice(first, first + strip_rows)
        lost = np.zeros(classes[rows].shape, np.bool_)
        for band in numbers.values():
            if band.shape == shape:
                strip = np.asarray(band[rows])
                lost |= strip == DN_NO_DATA
                spoilt[rows] |= strip == DN_SATURATED
        if invalid is not None:
            lost |= invalid[rows] == INVALID_LOST
            spoilt[rows] |= invalid[rows] == INVALID_DEFECTIVE
        classes[rows][lost] = NO_DATA
    return classes, spoilt


def _percent(confidence: FloatArray, valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a confidence 0..1 as whole per cent, 0 on no-data. Source: Sen2Cor 2.8 sources, post-processing."""
    return (confidence * np.float32(100) + np.float32(0.5)).astype(np.uint8) * valid
