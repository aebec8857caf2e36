"""From the name of a Sentinel-2 tile to its place. Pure.

Source: Military Grid Reference System, NGA.STND.0037, section 3; a Sentinel-2 tile covers its 100 km square and
9.8 km more towards the east and the south (PSD 14.8, tiling grid).
"""

from __future__ import annotations

import re
from typing import Final

from tasks.common.errors import InvalidConfiguration
from tasks.common.grid import Grid

_NAME: Final = re.compile(r"T?(\d{1,2})([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])", re.IGNORECASE)
_COLUMN_SETS: Final = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROW_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUV"
_LATITUDE_BANDS: Final = "CDEFGHJKLMNPQRSTUVWX"
_METRES_PER_DEGREE: Final = 110_900.0
"""Mean length of a degree of the meridian times the scale factor 0.9996; good to 20 km everywhere."""

_SQUARE_M: Final = 100_000
_CYCLE_M: Final = 2_000_000
_FALSE_NORTHING_M: Final = 10_000_000
_MARGIN_M: Final = 60
"""A tile's corner lies up to 60 m outside its square, so that it falls on whole pixels of 60 m."""

_PIXELS: Final = 10_992


def tile_grid(name: str) -> Grid:
    """Return a 10 m grid that holds the whole of a tile, at most 60 m larger on each side.

    Args:
        name: such as ``32TPS`` or ``T32TPS``.

    Raises:
        InvalidConfiguration: no tile has that name.
    """
    found = _NAME.fullmatch(name.strip())
    zone = int(found[1]) if found else 0
    if found is None or not 1 <= zone <= 60 or found[3].upper() not in _COLUMN_SETS[(zone - 1) % 3]:
        raise InvalidConfiguration(f"{name}: no name of a Sentinel-2 tile, expected one like 32TPS")
    band, column, row = (letter.upper() for letter in found.groups()[1:])
    south = -80.0 + 8.0 * _LATITUDE_BANDS.index(band)
    height = 12.0 if band == "X" else 8.0
    northern = south >= 0.0
    expected = (south + height / 2) * _METRES_PER_DEGREE + (0 if northern else _FALSE_NORTHING_M)
    first = (_ROW_LETTERS.index(row) - (5 if zone % 2 == 0 else 0)) % 20 * _SQUARE_M
    turns = round((expected - first - _SQUARE_M / 2) / _CYCLE_M)
    northing = first + turns * _CYCLE_M
    if abs(northing + _SQUARE_M / 2 - expected) > (height / 2 + 1.5) * _METRES_PER_DEGREE:
        raise InvalidConfiguration(f"{name}: there is no such square in latitude band {band}")
    easting = (_COLUMN_SETS[(zone - 1) % 3].index(column) + 1) * _SQUARE_M
    return Grid(
        epsg=(32600 if northern else 32700) + zone,
        ulx=easting - _MARGIN_M,
        uly=northing + _SQUARE_M + _MARGIN_M,
        resolution=10,
        rows=_PIXELS,
        cols=_PIXELS,
    )
