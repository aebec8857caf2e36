"""Season of a place and day."""

from __future__ import annotations

from datetime import date

import pytest

from tasks.water_vapour.season import season_of, season_of_tile, start_column_cm

GRID = {"epsg": 32632, "ulx": 399960.0, "uly": 5000040.0, "resolution": 10, "rows": 240, "cols": 300}


@pytest.mark.parametrize(
    ("latitude", "day", "season"),
    [
        (45.0, date(2024, 3, 31), "WINTER"), (45.0, date(2024, 4, 1), "SUMMER"), (45.0, date(2024, 9, 30), "SUMMER"),
        (45.0, date(2024, 10, 1), "WINTER"), (-35.0, date(2024, 7, 1), "WINTER"), (-35.0, date(2024, 1, 1), "SUMMER"),
        (20.0, date(2024, 1, 1), "SUMMER"), (-29.0, date(2024, 7, 1), "SUMMER"),
    ],
)  # fmt: skip
def test_season(latitude: float, day: date, season: str) -> None:
    assert season_of(latitude, day) == season


def test_of_a_tile() -> None:
    winter = {"grid": GRID, "sensing_time": "2024-01-10T10:20:31.024Z"}
    assert season_of_tile("AUTO", winter) == "WINTER"
    assert season_of_tile("SUMMER", winter) == "SUMMER"
    assert season_of_tile("AUTO", winter | {"sensing_time": "2024-07-10"}) == "SUMMER"


def test_start_column() -> None:
    winter = {"grid": GRID, "sensing_time": "2024-01-10T10:20:31.024Z"}
    assert start_column_cm("AUTO", 1.0, 0.4, winter, {}) == 0.4
    assert start_column_cm("AUTO", 1.0, 0.4, winter, {"total_column_water_vapour_cm": 2.5}) == 2.5
