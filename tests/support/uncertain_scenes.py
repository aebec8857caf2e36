"""Noisy simulated scenes, everything retrieved, and what each error of nature and instrument does to their reflectance.

``python tests/support/uncertain_scenes.py`` prints, for each band, the share of the true values within one standard
deviation, its sampling spread, and the size of every error. About seven minutes of CPU; ``make uncertainty-test``
asserts it.

The errors that are common to a scene (calibration of each band, ratio of the dark vegetation) decide most of the
budget: a scene with one draw of each says little more than whether one number lies within one standard deviation, and
24 such scenes tell a share of 68 % only within 9 %. So each scene is run again with one of these errors at one standard
deviation, through all stages; the differences are the error's effect on every pixel, and thousands of draws of all of
them follow by adding up. What is not linear is tested by a run with all errors drawn at once. Noise, landscape, AOT,
water vapour and the range of the adjacency effect differ from scene to scene.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import rasterio
from scipy.stats import norm, qmc

from tasks.aot.parameters import AotParameters
from tasks.aot.task import retrieve_aot
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.task import classify_scene
from tasks.common.artefacts import open_array
from tasks.common.bands import BANDS
from tasks.dem.parameters import DemParameters
from tasks.dem.task import prepare_dem
from tasks.l1c.load import tile_reference
from tasks.l1c.parameters import L1CParameters
from tasks.l1c.task import import_l1c
from tasks.meteo.parameters import MeteoParameters
from tasks.meteo.task import read_meteo
from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.simulate import simulate_product
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.surface_reflectance.task import correct_10m, correct_20m, derive_60m
from tasks.uncertainty.parameters import UncertaintyParameters
from tasks.uncertainty.task import estimate_uncertainty
from tasks.water_vapour.parameters import WaterVapourParameters
from tasks.water_vapour.task import retrieve_water_vapour

SCENES, DRAWS, PIXELS = 24, 1000, 400
LAND = (4, 5)
CALIBRATION_PERCENT, RATIO = 1.7, 0.05
READ_BY_RETRIEVALS = ("B04", "B12", "B8A", "B09", "B11")
"""Bands from which AOT and water vapour come: an error of one of them is felt in all."""
COMMON = (*READ_BY_RETRIEVALS, "ratio")
OWN = "own"
"""The calibration of the band itself, where nothing is read from it."""

Errors = dict[str, float]


@dataclass(frozen=True)
class Nature:
    """What differs from scene to scene."""

    seed: int
    aot550: float
    water_vapour_cm: float
    adjacency_km: float

    def scene(self, errors: Errors) -> SimulationParameters:
        """Return the scene with errors in standard deviations, by band or ``ratio``."""
        return SimulationParameters(
            rows=240,
            cols=300,
            seed=self.seed,
            aot550=self.aot550,
            water_vapour_cm=self.water_vapour_cm,
            adjacency_km=self.adjacency_km,
            red_swir_ratio=0.5 + RATIO * errors.get("ratio", 0.0),
            calibration_error_percent={b: CALIBRATION_PERCENT * z for b, z in errors.items() if b in BANDS},
        )


@dataclass(frozen=True, eq=False)
class Found:
    """Errors of the surface reflectance and stated standard deviations, by band: ``[pixel]`` of land."""

    error: dict[str, np.ndarray]
    sigma: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Linearised:
    """A scene without common errors, the change that each of them brings, and a run with all of them drawn.

    Attributes:
        found: without common errors.
        effect: by error, then by band: ``[pixel]`` for one standard deviation.
        drawn: the errors of the last run [standard deviations].
        direct: what the last run found.
    """

    found: Found
    effect: dict[str, dict[str, np.ndarray]]
    drawn: Errors
    direct: Found

    def sources(self, band: str) -> dict[str, np.ndarray]:
        """Return the effects that are felt in a band."""
        effects = {name: by_band[band] for name, by_band in self.effect.items() if name != OWN}
        return effects if band in READ_BY_RETRIEVALS else effects | {band: self.effect[OWN][band]}

    def predicted(self, band: str) -> np.ndarray:
        """Return the errors of the last run as they follow by adding up."""
        effects = (self.drawn[name] * effect for name, effect in self.sources(band).items())
        return self.found.error[band] + sum(effects, np.zeros(()))

    def coverage(self, band: str, random: np.random.Generator) -> float:
        """Return the share of pixels and draws within one standard deviation."""
        effects = np.stack(list(self.sources(band).values()))
        errors = self.found.error[band] + random.standard_normal((DRAWS, len(effects))) @ effects
        return float(np.mean(np.abs(errors) < self.found.sigma[band]))


def natures(scenes: int) -> list[Nature]:
    """Return the scenes, evenly spread (Latin hypercube); twice or half the range is one standard deviation."""
    draws = (np.argsort(np.argsort(qmc.LatinHypercube(3, rng=7).random(scenes), axis=0), axis=0) + 0.5) / scenes
    reach = np.clip(2.0 ** norm.ppf(draws[:, 2]), 0.2, 5.0)
    return [
        Nature(number + 1, 0.05 + 0.45 * float(a), 0.5 + 3.5 * float(w), float(r))
        for number, (a, w, r) in enumerate(zip(draws[:, 0], draws[:, 1], reach, strict=True))
    ]


def run(folder: Path, scene: SimulationParameters) -> Found:
    """Simulate a product, run all stages and compare with the truth on some pixels of land."""
    simulated = simulate_product(folder, scene, threads=1)
    tile = tile_reference(simulated.product, next((simulated.product / "GRANULE").iterdir()), folder / "work")
    l1c = import_l1c.fn(tile, L1CParameters(content_fingerprint="uncertainty"))
    inputs = {"l1c": l1c, "dem": prepare_dem.fn(tile, DemParameters(altitude=0.0), l1c=l1c)}
    inputs["meteo"] = read_meteo.fn(tile, MeteoParameters(), l1c=l1c)
    inputs["classification"] = classify_scene.fn(tile, ClassificationParameters(), l1c=l1c)
    inputs["aot"] = retrieve_aot.fn(tile, AotParameters(), **inputs)
    inputs["water_vapour"] = retrieve_water_vapour.fn(tile, WaterVapourParameters(), **inputs)
    surface = SurfaceReflectanceParameters()
    stages = {20: correct_20m.fn(tile, surface, **inputs), 10: correct_10m.fn(tile, surface, **inputs)}
    stages[60] = derive_60m.fn(tile, surface, **inputs, surface_reflectance_20m=stages[20])
    images = {f"surface_reflectance_{resolution}m": stage for resolution, stage in stages.items()}
    found = estimate_uncertainty.fn(tile, UncertaintyParameters(), **inputs, **images)

    def true(name: str) -> np.ndarray:
        with rasterio.open(simulated.truth / f"{name}.tif") as source:
            return source.read(1)

    land = np.isin(true("SCL_20m"), LAND)
    where = {10: np.kron(land, np.ones((2, 2), bool)), 20: land}
    where[60] = land.reshape(land.shape[0] // 3, 3, -1, 3).all(axis=(1, 3))
    places = {r: np.random.default_rng(r).permutation(np.flatnonzero(mask))[:PIXELS] for r, mask in where.items()}
    error, sigma = {}, {}
    for band, resolution in found.statistics["layers"].items():
        at = places[resolution]
        rho = (open_array(stages[resolution], f"{band}_{resolution}m").ravel()[at] - 1000.0) / 10000.0
        sigma[band] = open_array(found, f"{band}_uncertainty_{resolution}m").ravel()[at] / 100000.0
        error[band] = rho - true(f"{band}_{resolution}m").ravel()[at]
    return Found(error, sigma)


def linearise(nature: Nature) -> Linearised:
    """Run a scene without common errors, with each of them alone, and with all drawn at random."""
    drawn = dict(
        zip((*BANDS, "ratio"), map(float, np.random.default_rng(nature.seed).standard_normal(14)), strict=True)
    )
    alone: dict[str, Errors] = {name: {name: 1.0} for name in COMMON}
    alone[OWN] = {band: 1.0 for band in BANDS if band not in READ_BY_RETRIEVALS}
    with tempfile.TemporaryDirectory() as folder:
        found, direct = (
            run(Path(folder) / name, nature.scene(errors)) for name, errors in (("none", {}), ("all", drawn))
        )
        effect = {}
        for name, errors in alone.items():
            changed = run(Path(folder) / name, nature.scene(errors))
            effect[name] = {band: changed.error[band] - found.error[band] for band in found.error}
    return Linearised(found, effect, drawn, direct)


def linearised_scenes(scenes: int = SCENES, processes: int = 2) -> list[Linearised]:
    """Return all scenes."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(linearise, natures(scenes)))


def coverages(scenes: Iterable[Linearised], band: str) -> np.ndarray:
    """Return the share within one standard deviation, scene by scene."""
    random = np.random.default_rng(11)
    return np.array([scene.coverage(band, random) for scene in scenes])


def main() -> None:
    """Print the shares and the sizes of the errors [1e-4 of reflectance]."""
    scenes = linearised_scenes(int(sys.argv[1]) if sys.argv[1:] else SCENES)
    names = ("stated", "noise", OWN, *COMMON)
    print("| band | within | spread | direct | not linear | " + " | ".join(names) + " |")
    for band in scenes[0].found.error:
        shares = coverages(scenes, band)
        direct = np.mean([np.mean(np.abs(s.direct.error[band]) < s.direct.sigma[band]) for s in scenes])
        beyond = [(s.predicted(band) - s.direct.error[band]) / s.found.sigma[band] for s in scenes]
        sizes = [[s.found.sigma[band] for s in scenes], [s.found.error[band] for s in scenes]]
        sizes += [[s.effect[name][band] for s in scenes] for name in names[2:]]
        figures = [f"{1e4 * np.sqrt(np.mean(np.square(size))):.1f}" for size in sizes]
        spread = shares.std(ddof=1) / np.sqrt(len(shares))
        first = (f"{100 * shares.mean():.1f}", f"{100 * spread:.1f}", f"{100 * direct:.1f}")
        print("|", band, "|", " | ".join((*first, f"{np.sqrt(np.mean(np.square(beyond))):.2f}", *figures)), "|")


if __name__ == "__main__":
    main()
