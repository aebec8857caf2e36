"""Level-1C counts of a made-up landscape, from the radiative-transfer equation at every pixel's interpolated terms."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter

from tasks.surface_reflectance.inversion import Calibration
from tasks.surface_reflectance.scene import Scene

CALIBRATION = Calibration(-1000.0, 10000.0)
BANDS = ("B02", "B03", "B04", "B05", "B8A", "B09", "B11", "B12")

FOREST = {"B02": 0.010, "B03": 0.034, "B04": 0.020, "B05": 0.05, "B8A": 0.27, "B09": 0.27, "B11": 0.11, "B12": 0.040}
GRASS = {"B02": 0.035, "B03": 0.075, "B04": 0.050, "B05": 0.11, "B8A": 0.40, "B09": 0.40, "B11": 0.22, "B12": 0.13}
SOIL = {"B02": 0.070, "B03": 0.11, "B04": 0.16, "B05": 0.19, "B8A": 0.29, "B09": 0.29, "B11": 0.36, "B12": 0.31}
LAKE = {"B02": 0.030, "B03": 0.030, "B04": 0.015, "B05": 0.012, "B8A": 0.005, "B09": 0.005, "B11": 0.003, "B12": 0.002}
COVERS = (FOREST, GRASS, SOIL, LAKE)
CLASSES = (4, 4, 5, 6)


@dataclass
class Landscape:
    """Truth and counts at 20 m; B09 also at 60 m (``dn60``)."""

    scl: np.ndarray
    rho: dict[str, np.ndarray]
    dn: dict[str, np.ndarray] = field(default_factory=dict)
    dn60: np.ndarray | None = None


def blocks(values: np.ndarray, factor: int) -> np.ndarray:
    """Return block means."""
    return values.reshape(values.shape[0] // factor, factor, values.shape[1] // factor, factor).mean(axis=(1, 3))


def landscape(shape: tuple[int, int], seed: int = 5, texture: float = 0.1, lake: bool = True) -> Landscape:
    """Return patches of four covers some 400 m wide, with a texture common to all bands."""
    rng = np.random.default_rng(seed)
    blocky = tuple(n // 3 for n in shape)
    fields = [gaussian_filter(rng.standard_normal(blocky), 7.0, mode="wrap") for _ in COVERS[: 4 if lake else 3]]
    cover = np.repeat(np.repeat(np.argmax(fields, axis=0), 3, axis=0), 3, axis=1)
    factor = 1 + texture * np.clip(gaussian_filter(rng.standard_normal(shape), 1.0) * 2.5, -2, 2)
    rho = {b: np.choose(cover, [c[b] for c in COVERS]) * factor for b in BANDS}
    return Landscape(np.choose(cover, CLASSES).astype(np.uint8), rho)


def illuminate(scene: Scene, land: Landscape, aot: float, water_vapour_cm: float, noise: float = 0.0, seed: int = 1):
    """Fill the landscape's counts for a uniform atmosphere."""
    rng = np.random.default_rng(seed)
    rows, cols = land.scl.shape
    for band, rho in land.rho.items():
        terms = scene.atmosphere(band).terms(aot, water_vapour_cm)
        total = terms.gas_transmittance * terms.transmittance_down * terms.transmittance_up
        path, gain, albedo = (
            scene.grid.upsample(np.ascontiguousarray(f, np.float32), 20, slice(0, rows), cols)
            for f in (terms.path_reflectance, total, terms.spherical_albedo)
        )
        toa = path + gain * rho / (1 - albedo * rho)
        toa = toa + noise * rng.standard_normal(toa.shape)
        land.dn[band] = np.floor(toa * 10000 + 1000 + 0.5).clip(1, 65534).astype(np.uint16)
        if band == "B09":
            land.dn60 = np.floor(blocks(toa, 3) * 10000 + 1000 + 0.5).astype(np.uint16)
    return land
