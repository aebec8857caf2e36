"""Where a grid lies on the Earth: geographic coordinates, tile name, sun and view angles on metadata nodes."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from tasks.common.bands import BANDS
from tasks.common.grid import Grid
from tasks.l1c.model import AngleGrid
from tasks.simulation.atmosphere_nodes import node_coordinates
from tasks.simulation.push_broom import Track, descending_heading, detector_angles
from tasks.simulation.solar import solar_position

METADATA_STEP_M: Final = 5000.0
_COLUMN_SETS: Final = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROW_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUV"
_LATITUDE_BANDS: Final = "CDEFGHJKLMNPQRSTUVWXX"


def geographic(epsg: int, easting: ArrayLike, northing: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return latitude and longitude [deg] of map coordinates."""
    longitude, latitude = Transformer.from_crs(epsg, 4326, always_xy=True).transform(easting, northing)
    return np.asarray(latitude), np.asarray(longitude)


def mgrs_tile(grid: Grid) -> str:
    """Return the name of the 100 km square in which the grid's centre lies, such as ``18SVG``.

    Source: Military Grid Reference System, NGA.STND.0037, section 3.
    """
    easting = grid.ulx + grid.cols * grid.resolution / 2
    northing = grid.uly - grid.rows * grid.resolution / 2
    zone = grid.epsg % 100
    latitude, _ = geographic(grid.epsg, easting, northing)
    band = _LATITUDE_BANDS[int((float(latitude) + 80.0) // 8.0)]
    column = _COLUMN_SETS[(zone - 1) % 3][int(easting // 1e5) - 1]
    row = _ROW_LETTERS[(int(northing // 1e5) + (5 if zone % 2 == 0 else 0)) % 20]
    return f"{zone:02d}{band}{column}{row}"


def footprint(grid: Grid) -> tuple[tuple[float, float], ...]:
    """Return the closed ring of the grid's corners as (latitude, longitude), from the upper left one."""
    right, bottom = grid.ulx + grid.cols * grid.resolution, grid.uly - grid.rows * grid.resolution
    eastings = [grid.ulx, right, right, grid.ulx, grid.ulx]
    northings = [grid.uly, grid.uly, bottom, bottom, grid.uly]
    latitude, longitude = geographic(grid.epsg, eastings, northings)
    return tuple((float(y), float(x)) for y, x in zip(latitude, longitude, strict=True))


def sun_angles(
    grid: Grid, time: datetime, easting: NDArray[np.float64], northing: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sun zenith and azimuth [deg] at places of the grid's map plane."""
    return solar_position(time, *geographic(grid.epsg, easting, northing))


def centre_track(grid: Grid, across_km: float) -> Track:
    """Return the descending track that passes the grid's centre at a distance."""
    easting = grid.ulx + grid.cols * grid.resolution / 2
    northing = grid.uly - grid.rows * grid.resolution / 2
    latitude, _ = geographic(grid.epsg, easting, northing)
    return Track(descending_heading(float(latitude)), easting, northing, across_km)


def metadata_sun(grid: Grid, time: datetime) -> AngleGrid:
    """Return the sun grid of the metadata."""
    zenith, azimuth = sun_angles(grid, time, *node_coordinates(grid, METADATA_STEP_M))
    return AngleGrid(zenith.astype(np.float32), azimuth.astype(np.float32), METADATA_STEP_M)


def metadata_view(grid: Grid, track: Track) -> dict[str, dict[int, AngleGrid]]:
    """Return the view grids of the metadata per band and detector."""
    easting, northing = node_coordinates(grid, METADATA_STEP_M)
    return {
        band: {
            detector: AngleGrid(zenith, azimuth, METADATA_STEP_M)
            for detector, (zenith, azimuth) in detector_angles(easting, northing, track, band).items()
        }
        for band in BANDS
    }
