"""How well the light on slopes is met under the skies of direct DISORT runs (needs the builder's packages).

``python tests/support/slope_light.py`` makes skies at five wavelengths, three suns, three AOTs and two heights, and
prints the error of the irradiance of slopes of 10 to 40 degrees in eight directions, with the horizon raised all round
by 0, 5, 10 and 15 degrees: the constants of ``tasks/surface_reflectance/terrain.py`` were chosen on such skies.
"""

from __future__ import annotations

import numpy as np
from direct_sky import COSINES, sky_radiance

from tasks.surface_reflectance import lighting, terrain

AZIMUTHS_DEG = np.arange(3.75, 360.0, 7.5)
WEIGHTS = np.polynomial.legendre.leggauss(COSINES.size)[1][:, None] / 2 * np.radians(7.5) / np.pi


def sky_of(
    wavelength_nm: float, sun_deg: float, aot: float, height_km: float
) -> tuple[np.ndarray, float, float, float]:
    """Return radiance ``[cosine, azimuth from the sun]``, and the depth of all, of molecules and of aerosol."""
    radiance, depth, scattered = sky_radiance(wavelength_nm, sun_deg, aot, height_km, AZIMUTHS_DEG)
    return radiance, depth, scattered, depth - scattered


def errors(
    sun_deg: float, sky: np.ndarray, depth: float, molecules: float, aerosol: float, rim_deg: float
) -> list[float]:
    """Return the relative errors of the irradiance of sunlit slopes."""
    sun = np.radians(sun_deg)
    beam = np.exp(-depth / np.cos(sun))
    level = float((sky * COSINES[:, None] * WEIGHTS).sum())
    direct = beam / (beam + level)
    forward = np.array(terrain._FORWARD) * (aerosol, molecules)
    aureole = terrain._AUREOLE_SHARE * forward[0] / forward.sum()
    result = []
    for slope in np.radians((10.0, 20.0, 30.0, 40.0)):
        for aspect in np.radians(np.arange(0.0, 360.0, 45.0)):
            lit = np.cos(sun) * np.cos(slope) + np.sin(sun) * np.sin(slope) * np.cos(aspect)
            if lit <= 0.2:
                continue
            seen = COSINES[:, None] * np.cos(slope) + np.sqrt(1 - COSINES[:, None] ** 2) * np.sin(slope) * np.cos(
                np.radians(AZIMUTHS_DEG) - aspect
            )
            seen = np.maximum(seen, 0.0) * (COSINES[:, None] > np.sin(np.radians(rim_deg))) * WEIGHTS
            view = np.array([seen.sum()], np.float32)
            glow = [float(lighting.glow(np.array([x], np.float32))[0]) for x in (lit, np.cos(sun))]
            model = aureole * glow[0] / glow[1] + (1 - aureole) * float(lighting.open_sky(view)[0])
            true = float((sky * seen).sum()) / level
            total = direct * lit / np.cos(sun) + (1 - direct) * true
            result.append((1 - direct) * (model - true) / total)
    return result


def main() -> None:
    for rim_deg in (0.0, 5.0, 10.0, 15.0):
        found: list[float] = []
        for wavelength in (443.0, 492.5, 560.0, 665.0, 865.0):
            for sun_deg in (20.0, 50.0, 62.0):
                for aot in (0.03, 0.1, 0.25):
                    for height in (0.2, 2.0):
                        found += errors(sun_deg, *sky_of(wavelength, sun_deg, aot, height), rim_deg)
        values = np.array(found)
        print(f"horizon {rim_deg:4.1f} deg: bias {values.mean():+.4f}, RMS {np.sqrt(np.mean(values**2)):.4f}")


if __name__ == "__main__":
    main()
