"""The thirteen bands of the MultiSpectral Instrument and the sets used at each resolution."""

from __future__ import annotations

from typing import Final

BANDS: Final[tuple[str, ...]] = (
    "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12",
)  # fmt: skip
"""Band names in the order of the metadata's ``bandId`` / ``band_id`` 0..12."""

NATIVE_RESOLUTION: Final[dict[str, int]] = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20, "B08": 10, "B8A": 20,
    "B09": 60, "B10": 60, "B11": 20, "B12": 20,
}  # fmt: skip
"""Ground sampling distance of each band in the Level-1C product [m]."""

BANDS_10M: Final[tuple[str, ...]] = ("B02", "B03", "B04", "B08")
"""Bands read and corrected at 10 m."""

BANDS_20M: Final[tuple[str, ...]] = tuple(b for b in BANDS if b != "B08")
"""The twelve bands read at 20 m and 60 m; B10 is used by the classification and never corrected."""

EXPORTED_BANDS: Final[dict[int, tuple[str, ...]]] = {
    10: BANDS_10M,
    20: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12"),
    60: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B11", "B12"),
}
"""Surface-reflectance images of the Level-2A product per resolution (PSD 14.8)."""


def band_id(band: str) -> int:
    """Return the metadata index (0..12) of a band name such as ``B8A``."""
    return BANDS.index(band)
