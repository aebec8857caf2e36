"""How well the light on slopes is met under the skies of direct DISORT runs (needs the builder's packages).

``python tests/support/slope_light.py`` makes skies at six wavelengths, four suns, four AOTs and two heights (every
other combination), and prints the error that ``tasks/surface_reflectance/sky.py`` makes in the light of slopes of 8 to
40 degrees in every direction, with the horizon raised all round by 0, 5, 10 and 15 degrees: the root mean square, and
the trend over the illumination from 0.2 to 1. Nothing is fitted to them; their aerosol has the same optical properties.
"""

from __future__ import annotations

import direct_sky
import numpy as np

from tasks.surface_reflectance.sky import sky_shape, terms_of_sky
from tasks.surface_reflectance.sky_radiance import Layer

COSINES = (np.polynomial.legendre.leggauss(48)[0] + 1) / 2
WEIGHTS = np.polynomial.legendre.leggauss(48)[1][:, None] / 2 * np.radians(5.0) / np.pi
AZIMUTHS_DEG = np.arange(2.5, 180.0, 5.0)


def sky_of(wavelength_nm: float, sun_deg: float, aot: float, height_km: float) -> tuple[np.ndarray, float, float]:
    """Return radiance ``[cosine, azimuth from the sun]``, and the optical depth of all and of molecules."""
    direct_sky.COSINES = COSINES
    half, depth, molecules = direct_sky.sky_radiance(wavelength_nm, sun_deg, aot, height_km, AZIMUTHS_DEG)
    return np.concatenate([half, half[:, ::-1]], axis=1), depth, molecules


def errors(wavelength_nm: float, sun_deg: float, aot: float, height_km: float, rim_deg: float) -> np.ndarray:
    """Return ``[n, 2]`` the cosine of the illumination angle of sunlit slopes and the relative error of their light."""
    sky, depth, molecules = sky_of(wavelength_nm, sun_deg, aot, height_km)
    sun, azimuth = np.radians(sun_deg), np.radians(np.concatenate([AZIMUTHS_DEG, 180.0 + AZIMUTHS_DEG]))
    level = float((sky * COSINES[:, None] * WEIGHTS).sum())
    direct = np.exp(-depth / np.cos(sun)) / (np.exp(-depth / np.cos(sun)) + level)
    shape = sky_shape(Layer(depth - molecules, molecules, float(np.cos(sun)), wavelength_nm / 1000))
    found = []
    for slope in np.radians((8.0, 16.0, 24.0, 32.0, 40.0)):
        for aspect in np.radians(np.arange(0.0, 181.0, 22.5)):
            lit = np.cos(sun) * np.cos(slope) + np.sin(sun) * np.sin(slope) * np.cos(aspect)
            if lit <= 0.2:
                continue
            across = np.sqrt(1 - COSINES[:, None] ** 2) * np.sin(slope) * np.cos(azimuth - aspect)
            seen = np.maximum(COSINES[:, None] * np.cos(slope) + across, 0.0)
            seen = seen * (COSINES[:, None] > np.sin(np.radians(rim_deg))) * WEIGHTS
            arguments = (np.array([value], np.float32) for value in (lit, np.cos(slope), seen.sum()))
            light, true = float(shape.light(terms_of_sky(*arguments))[0]), float((sky * seen).sum()) / level
            total = direct * lit / np.cos(sun) + (1 - direct) * true
            found.append((lit, (1 - direct) * (light - true) / total))
    return np.array(found)


def main() -> None:
    draw = np.random.default_rng(5)
    states = [
        (wavelength, sun, aot, height)
        for wavelength in (443.0, 492.5, 560.0, 665.0, 740.0, 865.0)
        for sun in (25.0, 45.0, 60.0, 70.0)
        for aot in (0.05, 0.15, 0.35, 0.7)
        for height in (0.2, 2.0)
        if draw.random() < 0.5
    ]
    for aot in (0.05, 0.15, 0.35, 0.7):
        for rim_deg in (0.0, 5.0, 10.0, 15.0):
            found = [errors(*state, rim_deg) for state in states if state[2] == aot]
            trends = [np.polyfit(*values.T, 1)[0] * 0.8 for values in found]
            error = np.concatenate(found)[:, 1]
            print(
                f"AOT {aot:4.2f}, horizon {rim_deg:4.1f} deg: RMS {np.sqrt(np.mean(error**2)):.4f}, "
                f"trend {np.mean(trends):+.4f} +- {np.std(trends):.4f}"
            )


if __name__ == "__main__":
    main()
