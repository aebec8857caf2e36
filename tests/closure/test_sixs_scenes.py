"""Scenes whose signals 6SV 2.1 has computed, run by run (``sixs_scenes``): what comes back with all retrieved.

Nothing is given but the aerosol type (6S continental) and the gases of 6S: AOT from the dark vegetation, water vapour
from an image of all materials of the scene, with the stage's own gap filling, and surface reflectance with both.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tasks.aot.inversion import Targets, invert_targets
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.build.compare import as_6s_places_it
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.surface_reflectance.coarse import CoarseGrid
from tasks.surface_reflectance.coefficients import linear_coefficients
from tasks.surface_reflectance.inversion import ground_reflectance
from tasks.surface_reflectance.scene import Scene, build_scene
from tasks.water_vapour.apda import WindowBeyond, retrieve_columns
from tasks.water_vapour.mapping import LAND_CLASSES, fill_from_neighbourhood, smooth_columns, write_map
from tasks.water_vapour.parameters import WaterVapourParameters

PATCH, PATCHES = 3, 7
BLOCKS = (PATCH * PATCHES, PATCH * PATCHES)
START_AOT, START_CM = 0.2, 1.0
BINS = ((0.0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.45), (0.45, 0.6))
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")


@dataclass(frozen=True, eq=False)
class Found:
    """What came back of one scene, and the truth."""

    aot: tuple[float, float]
    water: tuple[float, np.ndarray]
    refused: float
    reflectance: dict[str, list[tuple[float, float]]]


@dataclass(frozen=True, eq=False)
class Runs:
    """The 6SV runs of one scene: state, and ``(ground, band)`` to the pairs of surface and top-of-atmosphere."""

    platform: str
    state: dict[str, float]
    signals: dict[tuple[str, str], list[tuple[float, float]]]

    def materials(self) -> list[str]:
        names = {ground for ground, _ in self.signals} - {"vegetation", "grey"}
        return sorted(names)

    def field(self, ground: str, band: str) -> np.ndarray:
        return np.full(BLOCKS, self.signals[ground, band][0][1], np.float32)


def read(path: Path) -> list[Runs]:
    by_scene: dict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            by_scene[row["scene"]].append(row)
    found = []
    for rows in by_scene.values():
        signals: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        for row in rows:
            in_counts = round(float(row["toa_reflectance"]), 4)
            signals[row["ground"], row["band"]].append((float(row["rho_surface"]), in_counts))
        state = {
            name: float(value) for name, value in rows[0].items() if name.endswith(("deg", "550", "cm", "du", "km"))
        }
        found.append(Runs(rows[0]["platform"], state, signals))
    return found


def scene_of(tables: BandTables, state: dict[str, float]) -> Scene:
    grid = CoarseGrid(BLOCKS[0] * 60.0, BLOCKS[1] * 60.0)
    nodes, views = np.ones((2, 2), np.float32), np.ones((13, 2, 2), np.float32)
    return build_scene(
        tables, grid, angle_step_m=5000.0, sun_zenith=nodes * np.float32(state["sza_deg"]), sun_azimuth=nodes * 0,
        view_zenith=views * np.float32(state["vza_deg"]), view_azimuth=views * np.float32(state["raa_deg"]),
        height_km=np.full(grid.shape, state["elevation_km"], np.float32), ozone_du=state["ozone_du"],
    )  # fmt: skip


def columns_of(scene: Scene, runs: Runs, aot: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of an image of all materials ``[rows60, cols60]`` and where they were retrieved."""
    patches = np.random.default_rng(seed).integers(0, len(runs.materials()), (PATCHES, PATCHES))
    place = np.kron(patches, np.ones((PATCH, PATCH), int))
    window, absorption, beyond = (
        np.choose(place, [runs.field(name, band) for name in runs.materials()]) for band in ("B8A", "B09", "B11")
    )
    return retrieve_columns(
        scene, window, absorption, np.ones(BLOCKS, np.bool_), np.full(scene.grid.shape, aot, np.float32), START_CM,
        WindowBeyond(beyond, WaterVapourParameters().share_of_b09),
    )  # fmt: skip


def water_map(column: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return the map at 20 m [cm], made as the stage makes it."""
    scl = np.full((3 * BLOCKS[0], 3 * BLOCKS[1]), 4, np.uint8)
    mean = float(column[valid].mean())
    stored = np.zeros(scl.shape, np.uint16)
    land = np.ones(BLOCKS, np.bool_)
    filled = fill_from_neighbourhood(column, valid, land, mean, None)
    write_map(
        smooth_columns(filled, land, mean, WaterVapourParameters().smooth_wv_map), land, mean, scl, LAND_CLASSES, stored
    )
    return stored / 1000.0


def process(tables: BandTables, runs: Runs, seed: int) -> Found:
    scene = scene_of(tables, runs.state)
    first, usable = columns_of(scene, runs, START_AOT, seed)
    start = np.full(scene.grid.shape, first[usable].mean(), np.float32)
    toa = {band: runs.field("vegetation", band) for band in ("B04", "B12")}
    aot = invert_targets(scene, Targets(np.ones(BLOCKS, np.float32), toa, None), 0.5, start).mean
    assert aot is not None
    column, valid = columns_of(scene, runs, aot, seed)
    water = water_map(column, valid)
    reflectance = {}
    for band in BANDS:
        c = linear_coefficients(scene.atmosphere(band).terms(max(aot, 0.01), np.float32(water.mean())))
        pairs = []
        for rho, signal in runs.signals["grey", band]:
            y = (np.float32(signal) - c.path) * c.inverse_transmittance
            pairs.append((rho, float(ground_reflectance(y, c.spherical_albedo, c.adjacency, None).mean())))
        reflectance[band] = pairs
    truth = runs.state
    return Found((truth["aot550"], aot), (truth["water_vapour_cm"], water), 1.0 - float(valid.mean()), reflectance)


@pytest.fixture(scope="module")
def found() -> list[Found]:
    tables = {}
    for platform in ("S2A", "S2B"):
        responses = {band: as_6s_places_it(default_responses(platform)[band]) for band in BANDS}
        tables[platform] = integrate_bands(load_spectral_table(), responses, "continental", "6s")
    scenes = read(Path(__file__).parent / "data" / "sixs_scenes.csv")
    return [process(tables[runs.platform], runs, seed) for seed, runs in enumerate(scenes)]


def test_the_scenes_fill_the_range(found: list[Found]) -> None:
    aot, water = ([getattr(scene, name)[0] for scene in found] for name in ("aot", "water"))
    assert len(found) == 40
    assert min(aot) < 0.1
    assert max(aot) > 0.75
    assert min(water) < 0.5
    assert max(water) > 4.8


def test_aot(found: list[Found]) -> None:
    error = np.array([scene.aot[1] - scene.aot[0] for scene in found])
    assert abs(error.mean()) <= 0.01
    assert np.sqrt(np.mean(error**2)) <= 0.02


def test_water_vapour_of_every_pixel(found: list[Found]) -> None:
    """No pixel is left out, whether its column was retrieved or filled from its neighbours."""
    error = np.stack([scene.water[1] - scene.water[0] for scene in found])
    assert abs(error.mean()) <= 0.04
    assert np.sqrt(np.mean(error**2)) <= 0.08


@pytest.mark.parametrize("band", BANDS)
def test_surface_reflectance_with_what_was_retrieved(found: list[Found], band: str) -> None:
    """The uncertainty U of each reflectance bin is at most half of the specification 0.05 rho + 0.005."""
    truth, back = np.array([pair for scene in found for pair in scene.reflectance[band]]).T
    for low, high in BINS:
        inside = (truth >= low) & (truth < high)
        uncertainty = float(np.sqrt(np.mean((back - truth)[inside] ** 2)))
        assert inside.sum() >= 5
        assert uncertainty <= 0.5 * (0.05 * float(truth[inside].mean()) + 0.005)
