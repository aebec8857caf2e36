"""The season of ``Mid_Latitude`` AUTO and the water vapour column that a retrieval starts from."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pyproj import Transformer

from tasks.common.grid import Grid

Season = Literal["SUMMER", "WINTER"]
_TROPICS_DEG = 30.0
_SUMMER_MONTHS = range(4, 10)


def season_of(latitude_deg: float, day: date) -> Season:
    """Return the season of a place and day (Sen2Cor 3 sources).

    Below 30 degrees it is always summer; in the north from 1 April to 30 September, in the south the other months.
    """
    if abs(latitude_deg) < _TROPICS_DEG:
        return "SUMMER"
    return "SUMMER" if (day.month in _SUMMER_MONTHS) == (latitude_deg > 0) else "WINTER"


def season_of_tile(mid_latitude: str, statistics: dict[str, Any]) -> Season:
    """Return the season in force: the given one, or for ``AUTO`` that of the tile's centre and sensing time.

    Args:
        mid_latitude: ``Mid_Latitude``.
        statistics: of the stage ``l1c``: ``grid`` and ``sensing_time``.
    """
    if mid_latitude != "AUTO":
        return "WINTER" if mid_latitude == "WINTER" else "SUMMER"
    grid = Grid.model_validate(statistics["grid"])
    centre = (
        grid.ulx + 0.5 * grid.cols * grid.resolution,
        grid.uly - 0.5 * grid.rows * grid.resolution,
    )
    latitude = Transformer.from_crs(grid.epsg, 4326, always_xy=True).transform(*centre)[1]
    return season_of(float(latitude), date.fromisoformat(str(statistics["sensing_time"])[:10]))


def start_column_cm(
    mid_latitude: str, summer_cm: float, winter_cm: float, l1c: dict[str, Any], meteo: dict[str, Any]
) -> float:
    """Return the column from which a retrieval starts [cm]: that of the weather model, else of the season."""
    modelled = meteo.get("total_column_water_vapour_cm")
    if modelled:
        return float(modelled)
    return summer_cm if season_of_tile(mid_latitude, l1c) == "SUMMER" else winter_cm
