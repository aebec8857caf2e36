"""Combines the quality masks of the bands into one map on the 20 m grid. Pure.

The map says of each 20 m pixel: 0 usable, 1 defective or degraded, 2 lost. A pixel of the coarser grid carries a
finding as soon as any pixel below it does, in any band.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS

USABLE: Final = 0
DEFECTIVE: Final = 1
LOST: Final = 2

_STRIP_ROWS: Final = 512

RASTER_LAYERS: Final[tuple[str, ...]] = (
    "ANC_LOST", "ANC_DEG", "MSI_LOST", "MSI_DEG", "DEFECTIVE", "NODATA", "CROSSTALK", "SATURATED_L1A",
)  # fmt: skip
"""Layers of MSK_QUALIT in the order of the file (PSD 14.8): lost and degraded ancillary packets, lost and degraded
image packets, defective pixels, no-data pixels, partially corrected crosstalk, pixels saturated before Level-1B."""

VECTOR_TYPES: Final[dict[str, str]] = {
    "ANC_LOST": "ANC_LOST",
    "ANC_DEG": "ANC_DEG",
    "MSI_LOST": "MSI_LOST",
    "MSI_DEG": "MSI_DEG",
    "QT_DEFECTIVE_PIXELS": "DEFECTIVE",
    "QT_NODATA_PIXELS": "NODATA",
    "QT_PARTIALLY_CORRECTED_PIXELS": "CROSSTALK",
    "QT_SATURATED_PIXELS_L1A": "SATURATED_L1A",
    "QT_SATURATED_PIXELS_L1B": "SATURATED_L1A",
}
"""``maskType`` of the GML masks of baselines before 04.00 -> layer of the same meaning."""

_BAND_TOKEN: Final = re.compile(r"(?<![A-Z0-9])B(0[1-9]|1[0-2]|8A)(?![0-9A-Z])", re.IGNORECASE)


def bands_named(message: str, values: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the bands a failed data-loss check speaks of, in the order of the bands.

    A band is named by a token such as ``B04`` or ``B8A`` in the message or in a value, or by its index 0..12 in a
    value whose name holds ``BAND``. All thirteen when none is named: how the check lists bands is not published.

    Args:
        message: text of the check.
        values: names and texts of its ``extraValues``.
    """
    found: set[str] = set()
    for name, text in (("", message), *values):
        found.update(f"B{match.upper()}" for match in _BAND_TOKEN.findall(text))
        if "BAND" in name.upper():
            found.update(BANDS[int(token)] for token in re.findall(r"\b\d{1,2}\b", text) if int(token) < len(BANDS))
    return tuple(band for band in BANDS if band in found) or BANDS


def coarsen_any(mask: NDArray[np.bool_], resolution: int) -> NDArray[np.bool_]:
    """Return a mask at 20 m that is set where any pixel of the band's own grid is.

    Args:
        mask: ``[rows, cols]`` at ``resolution`` 10, 20 or 60 m.
        resolution: pixel size of ``mask`` [m].
    """
    if resolution == 10:
        return mask[0::2, 0::2] | mask[0::2, 1::2] | mask[1::2, 0::2] | mask[1::2, 1::2]
    if resolution == 60:
        return np.repeat(np.repeat(mask, 3, axis=0), 3, axis=1)
    return mask


def mark(invalid: NDArray[np.uint8], layers: Sequence[tuple[str, NDArray[np.bool_]]], lost: Iterable[str]) -> None:
    """Enter layers of one band into rows of the map, in place. Lost outranks defective.

    Args:
        invalid: ``[rows, cols]`` uint8, the map's rows.
        layers: names and ``[rows, cols]`` masks at 20 m.
        lost: names of the layers that mean lost; every other layer means defective.
    """
    names = frozenset(lost)
    for name, mask in layers:
        np.maximum(invalid, np.where(mask, np.uint8(LOST if name in names else DEFECTIVE), np.uint8(0)), out=invalid)


def percentages(invalid: NDArray[np.uint8]) -> dict[str, float]:
    """Return the shares of the two findings of a whole map [% of the tile]."""
    counts = np.zeros(3, np.int64)
    for start in range(0, invalid.shape[0], _STRIP_ROWS):
        counts += np.bincount(invalid[start : start + _STRIP_ROWS].ravel(), minlength=3)[:3]
    shares = 100.0 * counts / max(int(counts.sum()), 1)
    return {"defective_percentage": float(shares[DEFECTIVE]), "lost_percentage": float(shares[LOST])}
