"""A small analytic atmosphere with the interface of the band tables, and scenes over it.

Its numbers are only roughly those of the real atmosphere; what counts is that every term depends smoothly on everything
it should depend on, and that tests can evaluate it pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.radiative_transfer.atmosphere import Terms
from tasks.surface_reflectance.coarse import CoarseGrid
from tasks.surface_reflectance.scene import Scene, build_scene

CENTRE_UM = {
    "B01": 0.443, "B02": 0.492, "B03": 0.560, "B04": 0.665, "B05": 0.704, "B06": 0.740, "B07": 0.783, "B08": 0.833,
    "B8A": 0.865, "B09": 0.945, "B10": 1.373, "B11": 1.610, "B12": 2.200,
}  # fmt: skip
WATER = {"B05": 0.012, "B06": 0.012, "B07": 0.002, "B08": 0.02, "B8A": 0.0006, "B09": 0.42, "B11": 0.002, "B12": 0.015}


@dataclass(frozen=True, eq=False)
class FakeGeometry:
    """One band at fixed angles."""

    band: str
    sun: np.ndarray
    view: np.ndarray
    azimuth: np.ndarray

    def terms(self, aot550, height_km, water_vapour_cm, ozone_du) -> Terms:
        """Return smooth stand-ins for the six terms."""
        wavelength = CENTRE_UM[self.band]
        pressure = np.exp(-np.asarray(height_km, np.float64) / 8.0)
        rayleigh = 0.0086 * wavelength**-4.05 * pressure
        aerosol = np.asarray(aot550, np.float64) * (wavelength / 0.55) ** -1.3
        mu_s, mu_v = np.cos(np.deg2rad(self.sun)), np.cos(np.deg2rad(self.view))
        airmass = 1 / mu_s + 1 / mu_v
        cos_scatter = -mu_s * mu_v - np.sqrt((1 - mu_s**2) * (1 - mu_v**2)) * np.cos(np.deg2rad(self.azimuth))
        phase_r, phase_a = 0.75 * (1 + cos_scatter**2), 0.4 + 0.25 * (1 + cos_scatter) ** 2
        path_r = phase_r * rayleigh / (4 * mu_s * mu_v) * np.exp(-0.3 * rayleigh * airmass)
        path_a = phase_a * aerosol / (4 * mu_s * mu_v) * np.exp(-0.3 * (aerosol + rayleigh) * airmass)
        ozone = np.exp(-{"B03": 0.1, "B04": 0.05}.get(self.band, 0.0) * np.asarray(ozone_du) / 1000 * airmass)
        strength = WATER.get(self.band, 0.0)
        column = np.asarray(water_vapour_cm, np.float64)

        def gas(part):
            return ozone * np.exp(-strength * (part * column * airmass * pressure**0.5) ** (0.6 - 0.02 * strength))

        half = 0.5 * rayleigh + 0.13 * aerosol
        terms = (
            gas(0.0) * path_r + gas(0.5) * path_a,
            np.exp(-half / mu_s),
            np.exp(-half / mu_v),
            np.exp(-(rayleigh + aerosol) / mu_v),
            0.9 * rayleigh * np.exp(-rayleigh) + 0.15 * aerosol / (1 + aerosol),
            gas(1.0),
        )
        shape = np.broadcast_shapes(*(np.shape(term) for term in terms))
        return Terms(*(np.broadcast_to(term, shape).astype(np.float32) for term in terms))

    def at_height(self, height_km) -> FakeLevel:
        """Return the band over ground of that height."""
        return FakeLevel(self, height_km)


@dataclass(frozen=True, eq=False)
class FakeLevel:
    """One band at fixed angles and heights."""

    geometry: FakeGeometry
    height_km: np.ndarray

    def terms(self, aot550, water_vapour_cm, ozone_du) -> Terms:
        """Return the terms."""
        return self.geometry.terms(aot550, self.height_km, water_vapour_cm, ozone_du)


class FakeTables:
    """All bands."""

    def collapse(self, band, sun_zenith_deg, view_zenith_deg, relative_azimuth_deg) -> FakeGeometry:
        """Return one band at the given angles."""
        return FakeGeometry(
            band,
            np.asarray(sun_zenith_deg, np.float64),
            np.asarray(view_zenith_deg, np.float64),
            np.asarray(relative_azimuth_deg, np.float64),
        )


def angle_nodes(extent_m: float, step_m: float = 5000.0) -> dict[str, np.ndarray]:
    """Return sun and view angle nodes that vary as over a real tile."""
    n = int(np.ceil(extent_m / step_m)) + 1
    y, x = np.mgrid[0:n, 0:n] * step_m / 1000.0
    view = np.stack([4.0 + 0.03 * x + 0.05 * b + 0.002 * y for b in range(13)])
    return {
        "sun_zenith": (42.0 + 0.010 * y - 0.004 * x).astype(np.float32),
        "sun_azimuth": (150.0 + 0.01 * x).astype(np.float32),
        "view_zenith": view.astype(np.float32),
        "view_azimuth": np.broadcast_to(284.0 + 0.05 * x, view.shape).astype(np.float32),
    }


def fake_scene(
    height_m: float, width_m: float, height_km: float | np.ndarray = 0.3, step_m: float = 600.0, tables=None
) -> Scene:
    """Return a scene over a tile of the given extent."""
    grid = CoarseGrid(height_m, width_m, step_m)
    return build_scene(
        FakeTables() if tables is None else tables,
        grid,
        angle_step_m=5000.0,
        height_km=np.broadcast_to(np.asarray(height_km, np.float32), grid.shape).copy(),
        ozone_du=320.0,
        **angle_nodes(max(height_m, width_m)),
    )
