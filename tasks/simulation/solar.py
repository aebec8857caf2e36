"""Where the sun is and how far: low-precision equations of the solar position."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

_J2000: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)


def _centuries_since_j2000(time: datetime) -> float:
    """Return Julian centuries; a time without zone is UTC."""
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return (aware - _J2000).total_seconds() / 86400.0 / 36525.0


def _orbit(centuries: float) -> tuple[float, float, float]:
    """Return mean longitude, mean anomaly [deg] and eccentricity (Meeus, Astronomical Algorithms, 25.2 to 25.4)."""
    mean_longitude = 280.46646 + centuries * (36000.76983 + centuries * 0.0003032)
    mean_anomaly = 357.52911 + centuries * (35999.05029 - 0.0001537 * centuries)
    eccentricity = 0.016708634 - centuries * (0.000042037 + 0.0000001267 * centuries)
    return mean_longitude, mean_anomaly, eccentricity


def _equation_of_centre(centuries: float, mean_anomaly_deg: float) -> float:
    m = np.radians(mean_anomaly_deg)
    return float(
        np.sin(m) * (1.914602 - centuries * (0.004817 + 0.000014 * centuries))
        + np.sin(2 * m) * (0.019993 - 0.000101 * centuries)
        + np.sin(3 * m) * 0.000289
    )


def earth_sun_distance(time: datetime) -> float:
    """Return the distance of Earth and sun [AU].

    Args:
        time: UTC.

    Source: Meeus, Astronomical Algorithms, 2nd ed., eq. 25.5; better than 1e-4 from 1950 to 2050.
    """
    centuries = _centuries_since_j2000(time)
    _, mean_anomaly, eccentricity = _orbit(centuries)
    true_anomaly = np.radians(mean_anomaly + _equation_of_centre(centuries, mean_anomaly))
    return float(1.000001018 * (1.0 - eccentricity**2) / (1.0 + eccentricity * np.cos(true_anomaly)))


def earth_sun_correction(time: datetime) -> float:
    """Return ``U`` = 1/d2, the distance correction of Level-1C metadata."""
    return float(earth_sun_distance(time) ** -2)


def solar_position(
    time: datetime, latitude_deg: ArrayLike, longitude_deg: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return zenith and azimuth of the sun [deg], without refraction.

    Args:
        time: UTC.
        latitude_deg, longitude_deg: any shape, north and east positive.

    Returns:
        Zenith 0..180 and azimuth 0..360 clockwise from north, in the common shape. Better than 0.02 deg.

    Source: Meeus, Astronomical Algorithms, 2nd ed., chapters 12, 13 and 25 (low precision), as in NOAA's calculator.
    """
    centuries = _centuries_since_j2000(time)
    mean_longitude, mean_anomaly, _ = _orbit(centuries)
    node = np.radians(125.04 - 1934.136 * centuries)
    longitude = np.radians(
        mean_longitude + _equation_of_centre(centuries, mean_anomaly) - 0.00569 - 0.00478 * np.sin(node)
    )
    obliquity = np.radians(23.4392911 - 0.0130042 * centuries + 0.00256 * np.cos(node))
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    right_ascension = np.degrees(np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude)))
    sidereal = 280.46061837 + 360.98564736629 * centuries * 36525.0 + 0.000387933 * centuries**2
    hour = np.radians(sidereal + np.asarray(longitude_deg, dtype=np.float64) - right_ascension)
    latitude = np.radians(np.asarray(latitude_deg, dtype=np.float64))
    cosine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour)
    zenith = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    azimuth = np.degrees(
        np.arctan2(
            -np.cos(declination) * np.sin(hour),
            np.sin(declination) * np.cos(latitude) - np.cos(declination) * np.sin(latitude) * np.cos(hour),
        )
    )
    return zenith, np.mod(azimuth, 360.0)
