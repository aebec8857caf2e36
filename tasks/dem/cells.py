"""Names of the elevation-model cells that cover a box of longitudes and latitudes. Pure.

Copernicus and DTED cells measure 1 degree and are named after their lower left corner; SRTM cells (CGIAR version 4.1)
measure 5 degrees and are numbered from 180 W and 60 N.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from tasks.dem.parameters import DemKind

SPACING_DEG: Final[dict[DemKind, float]] = {
    "COPERNICUS_30": 1 / 3600,
    "COPERNICUS_90": 3 / 3600,
    "DTED_30": 1 / 3600,
    "DTED_90": 3 / 3600,
    "SRTM_90": 3 / 3600,
}
"""Sample spacing in latitude [degree]."""

KERNEL_SAMPLES: Final = 2
"""Samples that cubic-spline resampling needs beyond the tile's edge."""

_COPERNICUS_CELL: Final = re.compile(r"[NS]\d{2}_00_[EW]\d{3}_00")

SRTM_LATITUDES: Final = (-60.0, 60.0)
"""SRTM has no cells beyond."""


@dataclass(frozen=True)
class Box:
    """Longitudes and latitudes [degree]; ``east`` exceeds 180 for a box across the date line."""

    west: float
    south: float
    east: float
    north: float

    def beside(self, other: Box) -> Box:
        """Return the box with its longitudes counted in the turn of the globe in which another's are."""
        turns = 360.0 * round((other.west + other.east - self.west - self.east) / 720.0)
        return Box(self.west + turns, self.south, self.east + turns, self.north)

    def grown(self, margin_deg: float) -> Box:
        """Return the box with a margin in latitude, and the same distance on the ground in longitude."""
        widest = max(abs(self.south), abs(self.north))
        sideways = margin_deg / max(math.cos(math.radians(min(widest, 89.0))), 0.01)
        return Box(
            self.west - sideways,
            max(self.south - margin_deg, -90.0),
            self.east + sideways,
            min(self.north + margin_deg, 90.0),
        )


def cells_covering(box: Box, kind: DemKind) -> tuple[str, ...]:
    """Return the names of all cells of one elevation model that touch a box.

    The box is grown by the samples the resampling needs, so a tile that ends at a cell's border asks for the
    neighbour too. Names: ``N47_00_E011_00`` (Copernicus), ``e011_n47`` (DTED), ``srtm_39_03`` (SRTM); from south to
    north, then from west to east. Empty where the model has no cells at all.

    Source: Copernicus DEM Product Handbook (names); CGIAR-CSI SRTM version 4.1.
    """
    grown = box.grown(KERNEL_SAMPLES * SPACING_DEG[kind])
    size = 5 if kind == "SRTM_90" else 1
    south, north = grown.south, grown.north
    if kind == "SRTM_90":
        south, north = max(south, SRTM_LATITUDES[0]), min(north, SRTM_LATITUDES[1])
    rows = range(math.floor(south / size), math.ceil(north / size))
    cols = range(math.floor(grown.west / size), math.ceil(grown.east / size))
    return tuple(_name(kind, _wrapped(col * size), row * size) for row in rows for col in cols)


def file_names(kind: DemKind, cell: str) -> tuple[str, ...]:
    """Return where a cell may lie below the DEM folder, in the order in which the places are tried.

    Layouts: Copernicus DGED archives and their unpacked folders, the cloud-optimised GeoTIFFs of the AWS open data,
    DTED files flat (``w009_s73.dt1``) or in folders by longitude (``e000/n00.dt1``), SRTM GeoTIFFs and archives.
    """
    if kind == "SRTM_90":
        return f"{cell}.tif", f"{cell}/{cell}.tif", f"{cell}.zip"
    if kind in ("DTED_30", "DTED_90"):
        extension = "dt2" if kind == "DTED_30" else "dt1"
        longitude, latitude = cell.split("_")
        return f"{cell}.{extension}", f"{longitude}/{latitude}.{extension}"
    seconds = "10" if kind == "COPERNICUS_30" else "30"
    dged, cog = f"Copernicus_DSM_{seconds}_{cell}", f"Copernicus_DSM_COG_{seconds}_{cell}_DEM"
    return (
        f"{dged}_DEM.tif",
        f"{cog}.tif",
        f"{cog}/{cog}.tif",
        f"{dged}/DEM/{dged}_DEM.tif",
        f"{dged}_DEM.dt2" if kind == "COPERNICUS_30" else f"{dged}_DEM.dt1",
        f"{dged}.tar",
        f"{dged}.zip",
    )


def cell_of_file(name: str) -> str:
    """Return the cell that a file's name names (``N47_00_E011_00``, ``srtm_39_03``); the name's stem for others."""
    stem = name.rsplit(".", 1)[0]
    found = _COPERNICUS_CELL.search(stem)
    return found[0] if found else stem


def _wrapped(longitude: int) -> int:
    """Return a cell's western edge in -180 .. 179."""
    return (longitude + 180) % 360 - 180


def _name(kind: DemKind, west: int, south: int) -> str:
    if kind == "SRTM_90":
        return f"srtm_{(west + 180) // 5 + 1:02d}_{(60 - south) // 5:02d}"
    if kind in ("DTED_30", "DTED_90"):
        return f"{'w' if west < 0 else 'e'}{abs(west):03d}_{'s' if south < 0 else 'n'}{abs(south):02d}"
    return f"{'S' if south < 0 else 'N'}{abs(south):02d}_00_{'W' if west < 0 else 'E'}{abs(west):03d}_00"
