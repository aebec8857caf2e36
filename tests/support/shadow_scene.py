"""A made-up scene of clouds of known height over flat or rugged ground, and where their shadows truly are.

A shadowed pixel gets the sky's light only: the total transmittance of the forward model without its direct part, and
4 % from the sides of the clouds. B08 sees clouds up to two pixels away from where B07 and B8A see them.

Usage: python tests/support/shadow_scene.py    prints recall and precision of shadows, and recall over each surface.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from labelled_spectra import surfaces
from numpy.typing import NDArray
from scipy import ndimage

from tasks.classification.classify import Classification, Surroundings, classify_tile
from tasks.classification.ground import Ground
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.sweep import DigitalNumberScale
from tasks.common.bands import BANDS
from tasks.radiative_transfer.atmosphere import toa_reflectance
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.simulation.spectra import SPECTRA, Cover

PIXEL_M: Final = 20.0
CLOUD: Final = (.76, .76, .75, .75, .76, .77, .77, .77, .78, .45, .004, .58, .45)  # fmt: skip
WATER: Final = "water clear"
COVERS: Final = {
    cover.name.lower().replace("_", " "): SPECTRA[cover].reflectance
    for cover in (
        Cover.CROP_DENSE, Cover.DECIDUOUS, Cover.CONIFER, Cover.SOIL_BRIGHT, Cover.DRY_GRASS, Cover.WATER_CLEAR,
    )
}  # fmt: skip
"""Spectra of the ground by name; one of them is water."""

SUNS: Final = ((60.0, 140.0), (35.0, 165.0), (22.0, 200.0))
SIDE_LIGHT: Final = 0.04


@dataclass(frozen=True)
class MadeScene:
    """Level-1C counts by band (offset -1000), sun, maps of the relief, and where what truly is."""

    numbers: dict[str, NDArray[np.uint16]]
    sun: SunDirection
    ground: Ground
    cloud: NDArray[np.bool_]
    cloud_shadow: NDArray[np.bool_]
    terrain_shadow: NDArray[np.bool_]
    water: NDArray[np.bool_]
    cover: NDArray[np.intp]
    covers: tuple[str, ...]


@dataclass(frozen=True)
class ShadowScene:
    """What was found, and the truth: ``cloud``, ``cloud_shadow`` (land, not hidden), ``terrain_shadow``, ``water``.

    ``cover`` says which of ``covers`` lies where.
    """

    found: Classification
    cloud: NDArray[np.bool_]
    cloud_shadow: NDArray[np.bool_]
    terrain_shadow: NDArray[np.bool_]
    water: NDArray[np.bool_]
    cover: NDArray[np.intp]
    covers: tuple[str, ...]

    def shadow_recall_of_covers(self, least: int = 100) -> dict[str, float]:
        """Return recall of class 3 [%] for each cover with ``least`` pixels in cloud shadow.

        What is found as cloud is left out: the grown mask covers shadow that touches its cloud.
        """
        here = self.cloud_shadow & ~self.cloud & ~np.isin(self.found.classes, (8, 9))
        masks = {name: here & (self.cover == index) for index, name in enumerate(self.covers)}
        return {n: 100 * float((self.found.classes == 3)[m].mean()) for n, m in masks.items() if m.sum() >= least}

    def water_as_shadow(self) -> float:
        """Return the share of water that is found as class 3 [%]."""
        return 100 * float((self.found.classes == 3)[self.water & ~self.cloud].mean())

    def figures(self) -> dict[str, float]:
        """Return recall and precision of class 3, and recall of terrain shadow and of cloud [%]."""
        seen = ~self.cloud
        three = (self.found.classes == 3) & seen
        return {
            "shadow_recall": 100 * float((three & self.cloud_shadow).sum() / self.cloud_shadow.sum()),
            "shadow_precision": 100
            * float((three & ndimage.binary_dilation(self.cloud_shadow, iterations=4)).sum())
            / max(int(three.sum()), 1),
            "terrain_recall": 100 * float((self.found.classes == 2)[self.terrain_shadow].mean())
            if self.terrain_shadow.any()
            else float("nan"),
            "cloud_recall": 100 * float(np.isin(self.found.classes, (8, 9))[self.cloud].mean()),
        }


def shadow_scene(
    sun: SunDirection, seed: int, *, rugged: bool = False, classic: bool = False, size: int = 900, **clouds: Any
) -> ShadowScene:
    """Make a scene, classify it, return both; see ``made_scene``."""
    made = made_scene(sun, seed, rugged=rugged, size=size, **clouds)
    around = Surroundings(sun=sun, ground=made.ground, snow_possible=False)
    scale = DigitalNumberScale(dict.fromkeys(BANDS, -1000), 10000.0)
    parameters = ClassificationParameters(sc_classic=classic)
    found = classify_tile(made.numbers, scale, parameters, surroundings=around)
    return ShadowScene(
        found, made.cloud, made.cloud_shadow, made.terrain_shadow, made.water, made.cover, made.covers
    )  # fmt: skip


def made_scene(
    sun: SunDirection,
    seed: int,
    *,
    rugged: bool = False,
    size: int = 900,
    clouds: int = 14,
    radii: tuple[float, float] = (12, 60),
    tops: tuple[float, float] = (900, 3800),
    covers: Mapping[str, tuple[float, ...]] = COVERS,
) -> MadeScene:
    """Make a scene of flat or rugged ground under round clouds.

    Args:
        size: side of the scene [pixels of 20 m].
        clouds: how many.
        radii: smallest and largest radius [pixels].
        tops: lowest and highest [m].
        covers: spectra of the ground by name.
    """
    rng = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(rng.standard_normal((size // 3, size // 3)), 8, mode="wrap") for _ in covers]
    cover = np.repeat(np.repeat(np.argmax(fields, axis=0), 3, axis=0), 3, axis=1)
    rows, cols = np.mgrid[0:size, 0:size].astype(np.float32)
    height = (250 + 250 * np.sin(rows / 22) * np.cos(cols / 90)).astype(np.float32) if rugged else np.zeros_like(rows)
    lit, terrain_shadow, ground = _relief(height, sun) if rugged else (np.ones_like(rows), rows < 0, Ground())

    cloud, shadowed = np.zeros((2, size, size), np.bool_)
    elevation, azimuth = np.radians(sun.elevation_deg), np.radians(sun.azimuth_deg)
    for _ in range(clouds):
        radius, top = rng.uniform(*radii), rng.uniform(*tops)
        place = rng.uniform(0, size, 2)
        wobble = 1 + 0.25 * np.sin(3 * np.arctan2(rows - place[0], cols - place[1]) + rng.uniform(0, 6))
        here = (rows - place[0]) ** 2 + (cols - place[1]) ** 2 < (radius * wobble) ** 2
        cloud |= here
        distance = (top - height) / np.tan(elevation) / PIXEL_M
        towards_sun = (rows - distance * np.cos(azimuth), cols + distance * np.sin(azimuth))
        shadowed |= ndimage.map_coordinates(here.astype(np.uint8), towards_sun, order=0).astype(bool)

    tables = integrate_bands(load_spectral_table(), default_responses("S2A"))
    numbers = {}
    opacity = ndimage.gaussian_filter(cloud.astype(np.float32), 1.0)
    for index, band in enumerate(BANDS):
        rho = np.array([spectrum[index] for spectrum in covers.values()], np.float32)[cover]
        geometry = tables.collapse(band, 90.0 - sun.elevation_deg, 5.0, 100.0)
        terms = geometry.terms(0.12, 0.2, 1.5, 320.0)
        direct = float(terms.direct_transmittance_up) ** (np.cos(np.radians(5.0)) / np.sin(elevation))
        diffuse = 1 - direct / float(terms.transmittance_down)
        light = np.where(
            shadowed, diffuse + SIDE_LIGHT, np.where(terrain_shadow, diffuse, diffuse + (1 - diffuse) * lit)
        )
        toa = toa_reflectance(terms, rho * light)
        seen = ndimage.shift(opacity, (2.0, 0.5), order=1) if band == "B08" else opacity
        toa = toa * (1 - seen) + seen * CLOUD[index] * (1 + 0.05 * np.sin(rows / 9 + cols / 7))
        toa = toa * (1 + 0.01 * rng.standard_normal(toa.shape))
        numbers[band] = np.clip(np.round(toa * 10000 + 1000), 1, 65534).astype(np.uint16)
    water = cover == list(covers).index(WATER)
    thick = opacity > 0.5
    land = ~thick & ~water
    dark = shadowed & land & ~terrain_shadow
    return MadeScene(numbers, sun, ground, thick, dark, terrain_shadow & land, water, cover, tuple(covers))


def _relief(height: NDArray[np.float32], sun: SunDirection) -> tuple[NDArray[np.float32], NDArray[np.bool_], Ground]:
    """Return the light of the sun on the slopes relative to the plain, self and cast shadow, and the maps."""
    down, right = np.gradient(height, PIXEL_M)
    elevation, azimuth = np.radians(sun.elevation_deg), np.radians(sun.azimuth_deg)
    normal = np.sqrt(1 + down**2 + right**2)
    to_sun = (np.cos(elevation) * np.sin(azimuth), np.cos(elevation) * np.cos(azimuth), np.sin(elevation))
    cosine = (-right * to_sun[0] + down * to_sun[1] + to_sun[2]) / normal
    shadow = cosine <= 0
    rows, cols = np.mgrid[0 : height.shape[0], 0 : height.shape[1]].astype(np.float32)
    for step in range(1, 60):
        there = (rows - step * np.cos(azimuth), cols + step * np.sin(azimuth))
        crest = ndimage.map_coordinates(height, there, order=1, mode="nearest")
        shadow |= crest > height + step * PIXEL_M * np.tan(elevation)
    ground = Ground(
        height=height,
        slope=np.round(100 * np.degrees(np.arctan(np.hypot(down, right)))).astype(np.uint16),
        illumination=np.round(10000 * cosine).astype(np.int16),
        shadow=shadow.astype(np.uint8),
    )
    return np.clip(cosine / np.sin(elevation), 0, None).astype(np.float32), shadow, ground


def main() -> None:
    """Print the figures of both modes, and the recall over each surface of the labelled spectra."""
    for classic, rugged, (elevation, azimuth) in itertools.product((False, True), (False, True), SUNS):
        scene = shadow_scene(SunDirection(elevation, azimuth), 3, rugged=rugged, classic=classic)
        words = ", ".join(f"{k} {v:.1f}" for k, v in scene.figures().items())
        print("classic" if classic else "default", "rugged" if rugged else "flat", elevation, words)
    for classic, (elevation, azimuth) in itertools.product((False, True), SUNS):
        scene = every_surface(SunDirection(elevation, azimuth), classic=classic)
        words = ", ".join(f"{k} {v:.1f}" for k, v in scene.figures().items())
        print("classic" if classic else "default", "every surface", elevation, words)
        print({name: round(share) for name, share in scene.shadow_recall_of_covers().items()})
        print(f"water called shadow {scene.water_as_shadow():.2f} %")


def every_surface(sun: SunDirection, *, classic: bool = False, size: int = 1200) -> ShadowScene:
    """Return a scene of all the surfaces of the labelled spectra that are land, and of clear water."""
    covers = {name: spectrum for name, (code, spectrum) in surfaces().items() if code in (4, 5) or name == WATER}
    return shadow_scene(sun, 3, classic=classic, size=size, clouds=size // 40, covers=covers)


if __name__ == "__main__":
    main()
