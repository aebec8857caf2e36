"""Points as rows of text: what ``sen2flow rt`` reads and writes."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.common.bands import BANDS
from tasks.common.errors import InvalidInput
from tasks.radiative_transfer.points import OUTPUT_COLUMNS, Array, Points

_RANGES: Final[dict[str, tuple[float, float]]] = {
    "sza_deg": (0.0, 90.0),
    "vza_deg": (0.0, 90.0),
    "raa_deg": (-360.0, 360.0),
    "aot550": (0.0, 10.0),
    "water_vapour_cm": (0.0, 50.0),
    "ozone_du": (0.0, 2000.0),
    "elevation_km": (-1.0, 10.0),
}
"""What makes sense at all; the table's own, narrower limits clamp and are reported."""

_REFLECTANCE: Final[dict[str, tuple[float, float]]] = {"rho_surface": (0.0, 2.0), "rho_toa": (-0.1, 10.0)}


@dataclass(frozen=True, eq=False)
class PointFile:
    """Rows as they were read, and the points in them."""

    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, str]]
    points: Points


def parse_points(lines: Iterable[str], name: str, platform: str) -> PointFile:
    """Return the points of a CSV text with a header line.

    Columns: ``band, sza_deg, vza_deg, raa_deg, aot550, water_vapour_cm, ozone_du, elevation_km``, at will ``platform``,
    ``rho_surface`` and ``rho_toa``; any other column is passed on.

    Args:
        lines: of the text.
        name: of the file, for messages.
        platform: of rows that name none.

    Raises:
        InvalidInput: a column is missing or a value is no number or out of range; names the row, 1 = below the header.
    """
    reader = csv.DictReader(lines, skipinitialspace=True)
    try:
        rows = [{key: value or "" for key, value in row.items() if key is not None} for row in reader]
    except csv.Error as error:
        raise InvalidInput(f"{name}, line {reader.line_num}: {error}") from error
    columns = tuple(reader.fieldnames or ())
    missing = [column for column in ("band", *_RANGES) if column not in columns]
    if missing:
        raise InvalidInput(f"{name}: the header lacks {', '.join(missing)}")
    if not rows:
        raise InvalidInput(f"{name} has no rows below its header")
    numbers = {
        column: np.array([_number(row, column, limits, f"{name}, row {i}") for i, row in enumerate(rows, start=1)])
        for column, limits in (_RANGES | _REFLECTANCE).items()
    }
    bands = [_band(row["band"], f"{name}, row {i}") for i, row in enumerate(rows, start=1)]
    platforms = [_platform(row.get("platform", ""), platform) for row in rows]
    return PointFile(columns, rows, Points(platforms, bands, *numbers.values()))


def table_of_results(file: PointFile, results: Mapping[str, Array]) -> list[dict[str, str]]:
    """Return one row per point: the columns that were read, then the results; what was not computed is empty."""
    kept = [column for column in file.columns if column not in OUTPUT_COLUMNS]
    table = []
    for index, row in enumerate(file.rows):
        values = {column: float(results[column][index]) for column in OUTPUT_COLUMNS}
        texts = {column: f"{value:.7f}" if math.isfinite(value) else "" for column, value in values.items()}
        table.append({column: row[column] for column in kept} | texts)
    return table


def _number(row: Mapping[str, str], column: str, limits: tuple[float, float], where: str) -> float:
    """Return a number inside its limits, NaN for an empty reflectance."""
    text = row.get(column, "").strip()
    if not text and column in _REFLECTANCE:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not limits[0] <= value <= limits[1]:
        raise InvalidInput(f"{where}: {column} is {text!r}, expected a number from {limits[0]:g} to {limits[1]:g}")
    return value


def _band(text: str, where: str) -> str:
    name = text.strip().upper()
    name = name if len(name) == 3 or not name.startswith("B") else f"B{name[1:].zfill(2)}"
    if name not in BANDS:
        raise InvalidInput(f"{where}: band is {text!r}, expected one of {', '.join(BANDS)}")
    return name


def _platform(text: str, default: str) -> str:
    return (text.strip() or default).upper().replace("SENTINEL-2", "S2")
