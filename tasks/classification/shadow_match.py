"""Which small cloud throws which shadow: a cloud-shaped dark patch on lighter ground, or none.

Any column of the zone of ``shadow_geometry`` is as likely as any other, so that one white roof makes kilometres of dark
marsh a candidate. The shadow of a cloud has the cloud's own shape and lies, over a dark pixel, in lighter surroundings:
small clouds are matched one by one. Large ones keep their whole zone: they have no single height.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification.morphology import Blobs, BoolArray, dilated_labels, grow_diamond
from tasks.classification.shadow_geometry import SunDirection, distance_weights, height_weights

SMALL_CLOUD_KM2: Final = 1.0
LEAST_WEIGHT: Final = 0.05
LEAST_CONTRAST: Final = 0.35
LEAST_SEEN: Final = 0.5
RING_PIXELS: Final = 2
MARGIN_PIXELS: Final = 2


@dataclass(frozen=True, eq=False)
class _Pixels:
    """Rows, columns and labels of the pixels of all blobs, or of their rings."""

    rows: NDArray[np.int32]
    cols: NDArray[np.int32]
    labels: NDArray[np.int32]

    @classmethod
    def of(cls, labels: NDArray[np.int32]) -> _Pixels:
        rows, cols = np.nonzero(labels)
        return cls(rows.astype(np.int32), cols.astype(np.int32), labels[rows, cols])

    def counted(
        self, step: tuple[int, int], seen: BoolArray, dark: BoolArray, number: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each label how many of its pixels, moved by ``step``, are seen there and how many dark."""
        rows, cols = self.rows + step[0], self.cols + step[1]
        inside = (rows >= 0) & (rows < seen.shape[0]) & (cols >= 0) & (cols < seen.shape[1])
        rows, cols, labels = rows[inside], cols[inside], self.labels[inside]
        visible = np.bincount(labels[seen[rows, cols]], minlength=number)
        return visible, np.bincount(labels[dark[rows, cols]], minlength=number)


def split_by_size(cloud: BoolArray, core: BoolArray, pixel_m: float) -> tuple[BoolArray, Blobs]:
    """Return the clouds (8-connected) that are large, and the labels of all others by their ``core``.

    Args:
        cloud: where any part of a pixel is cloud.
        core: where at least half of it is: the shape that a shadow has too.
        pixel_m: size of a pixel [m].
    """
    blobs = Blobs.of(cloud, 8)
    large = blobs.sizes * (pixel_m**2 / 1e6) > SMALL_CLOUD_KM2
    large[0] = False
    big = np.asarray(large[blobs.labels])
    return big, Blobs.of(core & ~big, 8)


def matched_zone(clouds: Blobs, hidden: BoolArray, dark: BoolArray, sun: SunDirection, pixel_m: float) -> BoolArray:
    """Return where the shadows of small clouds lie, ``[y, x]``.

    Each cloud is moved along its shadow's way, over the height ladder of ``shadow_geometry``, to the place where the
    share of dark pixels under it exceeds that of a ring of two pixels round it most. It casts a shadow there when the
    difference is at least 0.35 and half of it or more falls on ground that is seen. Two pixels of margin are
    added.

    Args:
        clouds: the small clouds.
        hidden: where no shadow can be seen: clouds, no-data and water.
        dark: pixels as dark as a shadow.
        sun: mean direction.
        pixel_m: size of a pixel [m].

    Source: the object matching of Fmask (Zhu and Woodcock 2012, doi 10.1016/j.rse.2011.10.028, section 3.2.2), which
    takes a likeness of 0.3 or more; the ring is a decision of ours: without it every cloud finds its shape in a
    large dark area.
    """
    zone: BoolArray = np.zeros(hidden.shape, np.bool_)
    if clouds.number <= 1 or not dark.any():
        return zone
    ways = _way(sun, pixel_m)
    inner, ring = _Pixels.of(clouds.labels), _Pixels.of(_ring(clouds.labels))
    seen, dark = ~hidden, dark & ~hidden
    best = np.full(clouds.number, LEAST_CONTRAST, np.float64)
    chosen = np.full(clouds.number, -1, np.intp)
    for index, step in enumerate(ways):
        visible, black = inner.counted(step, seen, dark, clouds.number)
        around, black_around = ring.counted(step, seen, dark, clouds.number)
        contrast = black / np.maximum(visible, 1) - black_around / np.maximum(around, 1)
        better = (contrast > best) & (visible >= LEAST_SEEN * clouds.sizes)
        best[better], chosen[better] = contrast[better], index
    found = chosen[inner.labels]
    moves = np.array(ways)[found]
    rows, cols = inner.rows + moves[:, 0], inner.cols + moves[:, 1]
    inside = (found >= 0) & (rows >= 0) & (rows < zone.shape[0]) & (cols >= 0) & (cols < zone.shape[1])
    zone[rows[inside], cols[inside]] = True
    return grow_diamond(zone, MARGIN_PIXELS)


def _way(sun: SunDirection, pixel_m: float) -> list[tuple[int, int]]:
    """Return the different steps (rows, columns) from a cloud to where its shadow can lie, nearest first."""
    weights = distance_weights(height_weights(), sun, pixel_m)
    azimuth = np.radians(sun.azimuth_deg)
    distances = np.flatnonzero(weights > LEAST_WEIGHT)
    rows = np.rint(distances * np.cos(azimuth)).astype(int)
    cols = np.rint(-distances * np.sin(azimuth)).astype(int)
    return list(dict.fromkeys(zip(rows.tolist(), cols.tolist(), strict=True)))


def _ring(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the labels of the rings round the blobs."""
    wide = labels
    for _ in range(RING_PIXELS):
        wide = dilated_labels(wide)
    return np.where(labels == 0, wide, 0).astype(np.int32)
