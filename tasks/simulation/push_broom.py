"""A plausible push-broom geometry: which detector sees a place, and under which angles.

Twelve detectors lie across the swath in two staggered rows; odd ones look ahead and even ones astern, each band at its
own angle. The Earth is a sphere, the track a straight line and the rotation of the Earth is neglected: the angles are
like those of real metadata, they are not a model of one orbit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.common.bands import BANDS

DETECTORS: Final = 12
SWATH_KM: Final = 290.0
ORBIT_HEIGHT_KM: Final = 786.0
EARTH_RADIUS_KM: Final = 6371.0
INCLINATION_DEG: Final = 98.62
_GROUND_SPEED_KM_S: Final = 6.7
_HALF_STAGGER_KM: Final = 7.0
_DETECTOR_KM: Final = SWATH_KM / DETECTORS

BAND_DELAY_S: Final[dict[str, float]] = dict(
    zip(BANDS, (2.314, 0.0, 0.527, 1.005, 1.269, 1.525, 1.790, 0.264, 2.055, 2.586, 0.851, 1.468, 2.085), strict=True)
)
"""Delay of each band behind B02 on one detector [s] (Sentinel-2 MSI technical guide, inter-band registration)."""


@dataclass(frozen=True)
class Track:
    """The sub-satellite track as a straight line in the tile's map plane.

    Attributes:
        heading_deg: direction of flight, clockwise from grid north.
        easting, northing: a point of the map plane [m].
        across_km: where that point lies across the track, positive to the right of the flight.
    """

    heading_deg: float
    easting: float
    northing: float
    across_km: float

    def across(self, easting: ArrayLike, northing: ArrayLike) -> NDArray[np.float64]:
        """Return the distance across the track [km], positive to the right of the flight."""
        heading = np.radians(self.heading_deg)
        east = (np.asarray(easting, dtype=np.float64) - self.easting) / 1000.0
        north = (np.asarray(northing, dtype=np.float64) - self.northing) / 1000.0
        return np.asarray(self.across_km + east * np.cos(heading) - north * np.sin(heading))


def descending_heading(latitude_deg: float) -> float:
    """Return the heading of the descending track [deg]: 180 + arcsin(-cos i / cos latitude)."""
    ratio = -np.cos(np.radians(INCLINATION_DEG)) / np.cos(np.radians(latitude_deg))
    return 180.0 + float(np.degrees(np.arcsin(min(1.0, ratio))))


def detector_of(across_km: ArrayLike) -> NDArray[np.uint8]:
    """Return the detector that sees a place: 1 on the right of the flight to 12 on the left, 0 outside the swath."""
    index = np.floor((SWATH_KM / 2.0 - np.asarray(across_km, dtype=np.float64)) / _DETECTOR_KM).astype(np.int64)
    return np.where((index >= 0) & (index < DETECTORS), index + 1, 0).astype(np.uint8)


def view_angles(
    across_km: ArrayLike, detector: ArrayLike, band: str, heading_deg: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return zenith and azimuth of the satellite seen from the ground [deg].

    Args:
        across_km: distance from the track, positive to the right.
        detector: detector number; odd ones look ahead of the satellite, even ones astern.
        band: band name.
        heading_deg: direction of flight.

    Returns:
        Zenith 0..12 and azimuth 0..360 clockwise from grid north, in the common shape.
    """
    along_km = _HALF_STAGGER_KM + _GROUND_SPEED_KM_S * BAND_DELAY_S[band]
    along = np.where(np.asarray(detector) % 2 == 1, along_km, -along_km)
    across = np.asarray(across_km, dtype=np.float64)
    arc = np.hypot(across, along) / EARTH_RADIUS_KM
    nadir = np.arctan2(np.sin(arc), (EARTH_RADIUS_KM + ORBIT_HEIGHT_KM) / EARTH_RADIUS_KM - np.cos(arc))
    heading = np.radians(heading_deg)
    east = -across * np.cos(heading) - along * np.sin(heading)
    north = across * np.sin(heading) - along * np.cos(heading)
    return np.degrees(arc + nadir), np.mod(np.degrees(np.arctan2(east, north)), 360.0)


def detector_angles(
    easting: NDArray[np.float64], northing: NDArray[np.float64], track: Track, band: str
) -> dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return zenith and azimuth per detector on nodes ``[y, x]``; NaN outside the detector's footprint.

    Only detectors that see at least one node appear.
    """
    across = track.across(easting, northing)
    detector = detector_of(across)
    grids: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
    for seen in sorted(int(d) for d in np.unique(detector) if d > 0):
        zenith, azimuth = view_angles(across, seen, band, track.heading_deg)
        outside = detector != seen
        zenith[outside] = np.nan
        azimuth[outside] = np.nan
        grids[seen] = zenith.astype(np.float32), azimuth.astype(np.float32)
    return grids
