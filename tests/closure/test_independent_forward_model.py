"""Retrievals on signals that the shipped table has not made: direct DISORT runs (``direct_bands``), and 6SV runs."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from direct_bands import WAVELENGTHS_NM

from tasks.aot.inversion import Targets, invert_targets
from tasks.common.spectral import SpectralResponse
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.build.compare import as_6s_places_it
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.surface_reflectance.coarse import CoarseGrid
from tasks.surface_reflectance.coefficients import linear_coefficients
from tasks.surface_reflectance.scene import Scene, build_scene
from tasks.water_vapour.apda import retrieve_columns

BLOCKS = (10, 10)
BINS = ((0.0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.45), (0.45, 0.6))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def scene_at(tables: BandTables, row: dict[str, str], height_km: float, ozone_du: float) -> Scene:
    """Return a scene of 600 m with the angles of a run."""
    nodes = np.ones((2, 2), np.float32)
    views = np.ones((13, 2, 2), np.float32)
    grid = CoarseGrid(600.0, 600.0)
    return build_scene(
        tables, grid, angle_step_m=5000.0, sun_zenith=nodes * np.float32(row["sza_deg"]), sun_azimuth=nodes * 0,
        view_zenith=views * np.float32(row["vza_deg"]), view_azimuth=views * np.float32(row["raa_deg"]),
        height_km=np.full(grid.shape, height_km, np.float32), ozone_du=ozone_du,
    )  # fmt: skip


def signal(row: dict[str, str], rho: np.ndarray, gas: float) -> np.ndarray:
    """Return top-of-atmosphere reflectance in whole counts."""
    path, down, up, albedo = (
        float(row[n]) for n in ("path_reflectance", "transmittance_down", "transmittance_up", "spherical_albedo")
    )
    return np.round(gas * (path + down * up * rho / (1 - albedo * rho)), 4).astype(np.float32)


@pytest.fixture(scope="module")
def retrieved() -> dict[str, np.ndarray]:
    """Return true and retrieved AOT of every case, and the reflectance errors ``[case, band, sample]``."""
    responses = {
        band: SpectralResponse(np.array([w - 2.5, w, w + 2.5]), np.array([0.0, 1.0, 0.0]))
        for band, w in WAVELENGTHS_NM.items()
    }
    tables = integrate_bands(load_spectral_table(), responses, aerosol="rural", polarisation=False)
    rows = read(Path(__file__).parent / "data" / "direct_bands.csv")
    random = np.random.default_rng(5)
    dry = np.zeros((2, 2), np.float32)
    true, found, rho_all, errors = [], [], [], []
    for case in range(len(rows) // len(WAVELENGTHS_NM)):
        runs = {row["band"]: row for row in rows if int(row["case"]) == case}
        one = runs["B04"]
        scene = scene_at(tables, one, float(one["height_km"]), 0.0)
        atmospheres = {band: scene.atmosphere(band) for band in runs}
        gas = {band: float(a.terms(0.2, dry).gas_transmittance.mean()) for band, a in atmospheres.items()}
        swir = random.uniform(0.015, 0.05, BLOCKS)
        toa = {"B12": signal(runs["B12"], swir, gas["B12"]), "B04": signal(runs["B04"], 0.5 * swir, gas["B04"])}
        aot = invert_targets(scene, Targets(np.ones(BLOCKS, np.float32), toa, None), 0.5, dry).mean
        assert aot is not None
        true.append(float(one["aot550"]))
        found.append(aot)
        rho = random.uniform(0.0, 0.6, 60)
        rho_all.append(rho)
        errors.append([])
        for band, atmosphere in atmospheres.items():
            c = linear_coefficients(atmosphere.terms(max(aot, 0.01), dry))
            y = (signal(runs[band], rho, gas[band]) - c.path.mean()) * c.inverse_transmittance.mean()
            errors[-1].append(y / (1 + c.spherical_albedo.mean() * y) - rho)
    return {"true": np.array(true), "found": np.array(found), "rho": np.array(rho_all), "error": np.array(errors)}


def test_aot(retrieved: dict[str, np.ndarray]) -> None:
    error = retrieved["found"] - retrieved["true"]
    assert abs(error.mean()) <= 0.01
    assert np.sqrt(np.mean(error**2)) <= 0.02


@pytest.mark.parametrize("number", range(len(WAVELENGTHS_NM)), ids=list(WAVELENGTHS_NM))
def test_surface_reflectance_with_the_retrieved_aot(retrieved: dict[str, np.ndarray], number: int) -> None:
    """The uncertainty U of each reflectance bin is at most half of the specification 0.05 rho + 0.005."""
    error, rho = retrieved["error"][:, number], retrieved["rho"]
    for low, high in BINS:
        inside = (rho >= low) & (rho < high)
        uncertainty = float(np.sqrt(np.mean(error[inside] ** 2)))
        assert uncertainty <= 0.5 * (0.05 * float(rho[inside].mean()) + 0.005)


SIXS_RUNS = ("sixs_s2a", "sixs_s2a_150", "sixs_s2b", "sixs_s2b_60")


@pytest.fixture(scope="module")
def columns_from_6sv() -> dict[str, tuple[list[float], list[float]]]:
    """By file of direct 6SV runs: errors of the columns [cm], and ground reflectances of the refused images.

    Continental aerosol up to AOT 1, any ground, 0.3 to 5 cm, sun up to 70 degrees; the true AOT is given.
    """
    return {name: _columns_of(name) for name in SIXS_RUNS}


def _columns_of(name: str) -> tuple[list[float], list[float]]:
    rows = read(Path(__file__).parents[1] / "radiative_transfer" / "data" / f"{name}.csv")
    responses = {band: as_6s_places_it(default_responses(rows[0]["platform"])[band]) for band in ("B8A", "B09")}
    tables = integrate_bands(load_spectral_table(), responses, "continental", "6s")
    errors: list[float] = []
    refused: list[float] = []
    for window, absorption in zip(
        [r for r in rows if r["band"] == "B8A"], [r for r in rows if r["band"] == "B09"], strict=True
    ):
        if float(window["sza_deg"]) > 70:
            continue
        scene = scene_at(tables, window, float(window["elevation_km"]), float(window["ozone_du"]))
        images = [np.full(BLOCKS, float(r["toa_reflectance"]), np.float32) for r in (window, absorption)]
        aot = np.full(scene.grid.shape, float(window["aot550"]), np.float32)
        column, valid = retrieve_columns(scene, *images, np.ones(BLOCKS, np.bool_), aot, 1.0)
        if valid.all():
            errors.append(float(column.mean()) - float(window["water_vapour_cm"]))
        else:
            refused.append(float(window["rho_surface"]))
    return errors, refused


@pytest.mark.parametrize("name", SIXS_RUNS)
def test_water_vapour_from_6sv(name: str, columns_from_6sv: dict[str, tuple[list[float], list[float]]]) -> None:
    errors, _ = columns_from_6sv[name]
    assert abs(np.mean(errors)) <= 0.04
    assert np.sqrt(np.mean(np.square(errors))) <= 0.08
    assert np.abs(errors).max() <= 0.2


def test_water_vapour_is_refused_seldom(columns_from_6sv: dict[str, tuple[list[float], list[float]]]) -> None:
    """Each image is of one ground: nothing helps where it is too dark under thick aerosol to tell the column.

    ``test_sixs_scenes`` has images in which all pixels count.
    """
    refused = [rho for _, of_file in columns_from_6sv.values() for rho in of_file]
    answered = sum(len(errors) for errors, _ in columns_from_6sv.values())
    assert len(refused) <= (answered + len(refused)) / 10
    assert max(refused) < 0.2
