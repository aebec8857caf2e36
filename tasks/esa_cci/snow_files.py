"""Which of the snow-condition maps belongs to a day. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

_MONTH: Final = re.compile(r"-2000(\d{2})-v?\d[\d.]*\.tiff?$", re.IGNORECASE)
_WEEK: Final = re.compile(r"-2000(\d{2})(\d{2})-v?\d[\d.]*\.tiff?$", re.IGNORECASE)
_YEAR: Final = 2000
"""The year in the file names; a leap year, so that 29 February has a place."""


def snow_condition_name(names: Iterable[str], month: int, day: int) -> str | None:
    """Return the name of the snow-condition map for a day of any year, None when there is none for it.

    The monthly set (version 2.4, ``...-MONTHLY-2000-2012-200007-2.4.tif``) has one file a month; the weekly set
    (version 2.0, ``...-P13Y7D-2000-2012-20000402-v2.0.tif``) one every 7 days, of which the nearest is taken, at most
    half a week away or over the turn of the year.

    Source: file names of the ESA CCI package for Sen2Cor; Sen2Cor 2.8 sources (weekly), 3.x sources (monthly).
    """
    ordered = sorted(names)
    for name in ordered:
        match = _MONTH.search(name)
        if match and int(match.group(1)) == month:
            return name
    wanted = date(_YEAR, month, day)
    best: tuple[int, str] | None = None
    for name in ordered:
        match = _WEEK.search(name)
        if not match:
            continue
        try:
            centre = date(_YEAR, int(match.group(1)), int(match.group(2)))
        except ValueError:
            continue
        apart = abs((wanted - centre).days)
        apart = min(apart, 366 - apart)
        if apart <= 4 and (best is None or apart < best[0]):
            best = (apart, name)
    return best[1] if best else None
