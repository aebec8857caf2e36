"""A mountain scene of uniform reflectance, by ray tracing under the sky of direct DISORT runs (``direct_sky``).

Nothing of the stages takes part: slopes from the heights, shadows and horizons by marching along rays, light from the
sky by integrating its radiance over the part that each slope sees, light between slopes from the places that the rays
hit, adjacency with the environment functions of 6S over a landscape that repeats itself.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from direct_sky import AZIMUTHS_DEG, COSINES, HEIGHTS_KM, USUAL, VIEW_ZENITH_DEG, State
from scipy.ndimage import gaussian_filter, map_coordinates

DATA = Path(__file__).parents[1] / "surface_reflectance" / "data"
SUN_AZIMUTH_DEG = 150.0
PIXEL_M = 20.0
_WEIGHTS = np.tile(np.polynomial.legendre.leggauss(COSINES.size)[1] / 2, 2)
_DIRECTIONS = np.concatenate([COSINES, -COSINES])
"""Cosines of the zenith angles of all rays; below the horizontal there is only ground."""
_LOOK_AZIMUTHS_DEG = np.arange(7.5, 360.0, 15.0)
_REACH_M = 2500.0
MOLECULES, AEROSOL = ((0.930, 0.08), (0.070, 1.10)), ((0.448, 0.27), (0.552, 2.83))
"""Weights and inverse lengths [1/km] of the environment functions of 6S (user guide, part 2)."""


@dataclass
class Mountains:
    """Heights [m], slope and aspect [deg], cos(illumination), shadow, sky view; ``[rows, cols]`` at 20 m."""

    height: np.ndarray
    slope: np.ndarray
    aspect: np.ndarray
    cos_beta: np.ndarray
    shadow: np.ndarray
    sky_view: np.ndarray
    horizon: np.ndarray
    """``[azimuth, rows, cols]`` elevation of the horizon [rad]."""
    hit: np.ndarray
    """``[azimuth, zenith, rows, cols]`` flat index of the ground that a ray meets, -1 for the sky."""
    state: State
    """Sun and aerosol."""

    @property
    def cos_sun(self) -> float:
        return float(np.cos(np.radians(self.state.sun_zenith_deg)))


def heights(shape: tuple[int, int], amplitude_m: float = 80.0, seed: int = 2) -> np.ndarray:
    """Return ridges some 700 m apart round 1100 m."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.standard_normal(shape), 9.0, mode="wrap")
    fine = gaussian_filter(rng.standard_normal(shape), 3.0, mode="wrap")
    return 1100.0 + amplitude_m * field / field.std() + 5.0 * fine / fine.std()


def _march(height: np.ndarray, azimuth_deg: float, distance: np.ndarray):
    """Yield, per distance, the height and flat index of the ground in a direction (north up, clockwise)."""
    rows, cols = np.indices(height.shape, dtype=float)
    dy, dx = -np.cos(np.radians(azimuth_deg)) / PIXEL_M, np.sin(np.radians(azimuth_deg)) / PIXEL_M
    for metres in distance:
        y, x = rows + dy * metres, cols + dx * metres
        yield (
            metres,
            map_coordinates(height, [y, x], order=1, mode="grid-wrap"),
            (np.round(y).astype(int) % height.shape[0] * height.shape[1] + np.round(x).astype(int) % height.shape[1]),
        )


def raise_mountains(shape: tuple[int, int], state: State = USUAL, **keywords) -> Mountains:
    """Return the terrain with its geometry."""
    height = heights(shape, **keywords)
    padded = np.pad(height, 1, mode="wrap")
    east = (padded[1:-1, 2:] - padded[1:-1, :-2]) / (2 * PIXEL_M)
    north = (padded[:-2, 1:-1] - padded[2:, 1:-1]) / (2 * PIXEL_M)
    slope = np.arctan(np.hypot(east, north))
    aspect = np.arctan2(-east, -north) % (2 * np.pi)
    distance = np.arange(10.0, _REACH_M, 20.0)
    elevations = np.pi / 2 - np.arccos(_DIRECTIONS)
    horizon = np.zeros((_LOOK_AZIMUTHS_DEG.size, *shape))
    hit = np.full((_LOOK_AZIMUTHS_DEG.size, _DIRECTIONS.size, *shape), -1)
    sky_view = np.zeros(shape)
    for number, look in enumerate(_LOOK_AZIMUTHS_DEG):
        for metres, ground, index in _march(height, look, distance):
            angle = np.arctan2(ground - height, metres)
            for level, elevation in enumerate(elevations):
                meets = (angle >= elevation) & (hit[number, level] < 0)
                hit[number, level][meets] = index[meets]
            np.maximum(horizon[number], angle, out=horizon[number])
        for level in range(COSINES.size):
            seen = np.where(hit[number, level] < 0, _cosine(slope, aspect, level, look), 0)
            sky_view += seen * _WEIGHTS[level] * np.radians(15.0) / np.pi
    cos_beta, shadow = sunlight(height, slope, aspect, state)
    return Mountains(height, slope, aspect, cos_beta, shadow, sky_view, horizon, hit, state)


def sunlight(height: np.ndarray, slope: np.ndarray, aspect: np.ndarray, state: State) -> tuple[np.ndarray, np.ndarray]:
    """Return cos(illumination) and shadow."""
    sun, azimuth = np.radians(state.sun_zenith_deg), np.radians(SUN_AZIMUTH_DEG)
    cos_beta = np.cos(sun) * np.cos(slope) + np.sin(sun) * np.sin(slope) * np.cos(azimuth - aspect)
    shadow = cos_beta <= 0
    for metres, ground, _ in _march(height, SUN_AZIMUTH_DEG, np.arange(10.0, _REACH_M, 20.0)):
        shadow |= ground > height + metres / np.tan(sun)
    return cos_beta, shadow


def under(mountains: Mountains, state: State) -> Mountains:
    """Return the same mountains under another sun."""
    cos_beta, shadow = sunlight(mountains.height, mountains.slope, mountains.aspect, state)
    return replace(mountains, cos_beta=cos_beta, shadow=shadow, state=state)


def _cosine(slope: np.ndarray, aspect: np.ndarray, level: int, azimuth_deg: float) -> np.ndarray:
    """Return the cosine between the slope's normal and a direction, 0 behind the slope."""
    cosine = _DIRECTIONS[level]
    sine = np.sqrt(1 - cosine**2)
    return np.maximum(cosine * np.cos(slope) + sine * np.sin(slope) * np.cos(np.radians(azimuth_deg) - aspect), 0.0)


def _rows(name: str, band: str, state: State) -> list[dict[str, str]]:
    with (DATA / name).open() as stream:
        found = [row for row in csv.DictReader(stream) if row["band"] == band]
    return [row for row in found if State(float(row["sun_zenith_deg"]), float(row["aot"])) == state]


class Sky:
    """The atmosphere of the direct runs in one band, at any height by parabolas through three heights."""

    def __init__(self, band: str, state: State = USUAL) -> None:
        rows = _rows("sky_terms.csv", band, state)
        self.wavelength_nm = float(rows[0]["wavelength_nm"])
        names = ("optical_depth", "path_reflectance", "transmittance_down", "transmittance_up", "spherical_albedo",
                 "molecular_depth", "molecular_transmittance_up")  # fmt: skip
        self._fits = {n: np.polyfit(HEIGHTS_KM, [float(row[n]) for row in rows], 2) for n in names}
        values = [float(row["radiance"]) for row in _rows("sky_radiance.csv", band, state)]
        radiance = np.array(values).reshape(len(HEIGHTS_KM), COSINES.size * AZIMUTHS_DEG.size)
        self._radiance = np.polyfit(HEIGHTS_KM, radiance, 2).reshape(3, COSINES.size, AZIMUTHS_DEG.size)

    def at(self, name: str, height_m: np.ndarray) -> np.ndarray:
        return np.polyval(self._fits[name], height_m / 1000.0)

    def radiance(self, level: int, azimuth_deg: float, height_m: np.ndarray) -> np.ndarray:
        """Return the radiance of a direction, in units of (sun's level irradiance) / pi."""
        difference = abs((azimuth_deg - SUN_AZIMUTH_DEG + 180.0) % 360.0 - 180.0)
        column = int(np.argmin(np.abs(AZIMUTHS_DEG - difference)))
        return np.polyval(self._radiance[:, level, column], height_m / 1000.0)


def ground_light(mountains: Mountains, sky: Sky, rho: float) -> np.ndarray:
    """Return the irradiance of each slope over that of the sun above level ground without atmosphere."""
    height, cos_sun = mountains.height, mountains.cos_sun
    beam = np.exp(-sky.at("optical_depth", height) / cos_sun)
    direct = np.where(mountains.shadow, 0.0, np.maximum(mountains.cos_beta, 0) / cos_sun * beam)
    light = direct
    for _ in range(4):
        leaving = (rho * light).ravel()
        bounced = sky.at("spherical_albedo", height) * leaving.mean()  # light that the sky sends back
        total = direct.copy()
        for number, look in enumerate(_LOOK_AZIMUTHS_DEG):
            for level in range(_DIRECTIONS.size):
                hit = mountains.hit[number, level]
                above = level < COSINES.size
                from_sky = sky.radiance(level, look, height) + bounced if above else 0.0
                radiance = np.where(hit < 0, from_sky, leaving[hit])
                cosine = _cosine(mountains.slope, mountains.aspect, level, look)
                total += radiance * cosine * _WEIGHTS[level] * np.radians(15.0) / np.pi
        light = total
    return light


def seen_through_air(leaving: np.ndarray, exponentials: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Return the mean of a field that repeats itself, weighted with an environment function.

    The density ``b exp(-b r) / (2 pi r)`` of an exponential has the transform ``(1 + k^2 / b^2)^(-1/2)``.
    """
    wave = 2 * np.pi / (PIXEL_M / 1000)
    k = wave * np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in leaving.shape), indexing="ij"))
    transfer = sum(weight / np.sqrt(1 + (k / rate) ** 2) for weight, rate in exponentials)
    return np.fft.ifft2(np.fft.fft2(leaving) * transfer).real


def toa_signal(mountains: Mountains, sky: Sky, rho: float) -> np.ndarray:
    """Return top-of-atmosphere reflectance (no gas absorption) of the mountains with ground of reflectance ``rho``.

    Molecules and aerosol weigh the surroundings with their own diffuse transmittances (Vermote et al. 1997,
    doi:10.1109/36.581987).
    """
    leaving = rho * ground_light(mountains, sky, rho)
    cos_view = np.cos(np.radians(VIEW_ZENITH_DEG))
    up, of_molecules = (sky.at(name, mountains.height) for name in ("transmittance_up", "molecular_transmittance_up"))
    depth, molecular = (sky.at(name, mountains.height) for name in ("optical_depth", "molecular_depth"))
    direct_up = np.exp(-depth / cos_view)
    by_molecules = of_molecules - np.exp(-molecular / cos_view)
    by_aerosol = up / of_molecules - np.exp(-(depth - molecular) / cos_view)
    share = by_molecules / (by_molecules + by_aerosol)
    around = share * seen_through_air(leaving, MOLECULES) + (1 - share) * seen_through_air(leaving, AEROSOL)
    return sky.at("path_reflectance", mountains.height) + direct_up * leaving + (up - direct_up) * around
