"""Where snow can lie at all, by place, height and season: used when the global snow map is missing.

One number a month: the latitude from which snow can lie at sea level. Towards the equator the lowest height of
possible snow rises by 100 m a degree, up to 4500 m. The lines are drawn by hand, outward: snow is called possible more
often than it is seen. They follow Estilow, Young and Robinson 2015, weekly snow extent of the northern hemisphere (doi
10.5194/essd-7-137-2015), Hammond, Saavedra and Kampf 2018, global snow zones from MODIS (doi 10.1002/joc.5674), and
Saavedra et al. 2018 for the Andes (doi 10.5194/tc-12-1027-2018). The Atlantic side of Europe is milder than the rest
of its latitude by 5 to 14 degrees and has a line of its own.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pyproj import Transformer

from tasks.common.grid import Grid

NORTH: Final = (28.0, 28.0, 33.0, 41.0, 54.0, 66.0, 72.0, 70.0, 60.0, 46.0, 37.0, 31.0)
ATLANTIC_EUROPE: Final = (38.0, 38.0, 42.0, 50.0, 62.0, 71.0, 76.0, 76.0, 68.0, 60.0, 46.0, 40.0)
SOUTH: Final = (60.0, 60.0, 57.0, 52.0, 46.0, 41.0, 38.0, 39.0, 43.0, 47.0, 52.0, 57.0)
"""Latitude [deg] from which snow can lie at sea level, in the middle of January to December."""

ATLANTIC_BOX: Final = (-25.0, 15.0, 35.0, 72.0)
"""West, east, south and north of Atlantic Europe [deg]."""

CLIMB_M_PER_DEG: Final = 100.0
HIGHEST_LOWEST_SNOW_M: Final = 4500.0
DAYS_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def lowest_snow_height_m(latitude_deg: float, longitude_deg: float, month: int, day: int = 15) -> float:
    """Return the height above sea level from which snow can lie [m]; below 0 where it can lie everywhere.

    Between the middles of the months the line moves linearly.
    """
    line = _line_of(latitude_deg, longitude_deg)
    middles = np.array(DAYS_BEFORE) + 15.0
    limit = float(np.interp(DAYS_BEFORE[month - 1] + day, middles, line, period=365.0))
    return min((limit - abs(latitude_deg)) * CLIMB_M_PER_DEG, HIGHEST_LOWEST_SNOW_M)


def _line_of(latitude: float, longitude: float) -> tuple[float, ...]:
    if latitude < 0:
        return SOUTH
    west, east, south, north = ATLANTIC_BOX
    return ATLANTIC_EUROPE if west <= longitude <= east and south <= latitude <= north else NORTH


def tile_snow_height_m(grid: Grid, sensing_time: str) -> float:
    """Return ``lowest_snow_height_m`` at the centre of a tile on the day of an ISO time (``2022-10-05T11:54:11Z``)."""
    step = grid.resolution / 2
    easting, northing = grid.ulx + step * grid.cols, grid.uly - step * grid.rows
    to_degrees = Transformer.from_crs(grid.epsg, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(easting, northing)
    return lowest_snow_height_m(latitude, longitude, int(sensing_time[5:7]), int(sensing_time[8:10]))
